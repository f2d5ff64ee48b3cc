"""`asd detectors`."""

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import Format
from asd_cli.cli.output.records import show_records
from asd_cli.cli.output.tables import Cell, Table


@exits
def detectors(*, format_: options.FormatOption = Format.TEXT) -> None:
    """List the detectors and what each reached.

    Several names joined by + are an ensemble: asd train --detector pooled-speed+texture.
    """
    from asd_cli.detectors.overview import all_choices

    records = [
        {
            "name": choice.name,
            "summary": choice.summary,
            "needs": choice.needs,
            "reads": choice.reads,
            "training": choice.cost,
            "published_dcase2021": choice.published,
            "measured_here": choice.measured,
            "source": choice.source,
        }
        for choice in all_choices()
    ]
    rows = [
        (
            Cell(str(record["name"]), details=str(record["summary"])),
            "; ".join(filter(None, (str(record["needs"]), str(record["training"])))),
            str(record["published_dcase2021"]),
            str(record["measured_here"]),
        )
        for record in records
    ]
    table = Table(
        "detectors",
        ("detector", "needs; training", "published", "measured"),
        tuple(rows),
        left=2,
        secondary=("needs; training",),
        notes=(
            "published: official score on DCASE 2021, development / evaluation set, in per cent, "
            "from the literature (Fujimura et al. 2025, arXiv:2507.10264, and the baselines' "
            "papers)",
            "none needs a graphics processor; those that train for minutes or hours use one if "
            "there is one",
            "measured: by us, in per cent, on three small synthetic sets (mean ± standard "
            "deviation) and on recordings of real fans; not on DCASE 2021",
        ),
    )
    show_records(
        records,
        table,
        schema="asd.detectors/1",
        key="detectors",
        format_=format_,
        console=make_console(),
    )
