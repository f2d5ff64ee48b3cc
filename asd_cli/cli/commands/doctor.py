"""`asd doctor`."""

import json
from typing import Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import Console, make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat, load


@exits
def doctor(
    *,
    reference: Annotated[
        bool, typer.Option("--reference", help="Compare features with librosa's instead.")
    ] = False,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
) -> None:
    """Show versions, devices, codecs, disk, data and models.

    Example: asd doctor --format json
    """
    console = make_console()
    if reference:
        _show_reference(console, format_)
        return
    loaded = load(config, set_)
    from asd_cli.services.doctor import diagnose

    diagnosis = diagnose(loaded.settings)
    if format_ is ShortFormat.JSON:
        console.data(json.dumps({"schema": "asd.doctor/1", **diagnosis.facts}, indent=2))
        return
    for topic, facts in diagnosis.facts.items():
        console.data(topic)
        for name, value in facts.items():
            console.data(console.safe(f"  {name:<14} {_shown(value)}"))


def _show_reference(console: Console, format_: ShortFormat) -> None:
    from asd_cli.features.reference import compare_with_reference

    differences = compare_with_reference()
    largest = max(differences.values())
    if format_ is ShortFormat.JSON:
        content = {"largest_difference_db": largest, "differences_db": differences}
        console.data(json.dumps({"schema": "asd.doctor.reference/1", **content}, indent=2))
        return
    for name, difference in differences.items():
        console.data(f"{name:<40} {difference:.1e} dB")
    console.data(f"{'largest difference from librosa':<40} {largest:.1e} dB")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in ("", None) else str(value)
