"""The page of an inspection."""

from pathlib import Path

from asd_cli.core.files import write_text
from asd_cli.core.text import counted, printable
from asd_cli.core.types import Clip
from asd_cli.pipeline.own.findings import Inspection
from asd_cli.pipeline.own.report import outlier_cards
from asd_cli.reporting.inspection_page import InspectionPage
from asd_cli.reporting.render import render_inspection


def write_page(found: Inspection, path: Path, command: str) -> None:
    """Write the page of an inspection; StorageError when it cannot be written."""
    wanted = [
        (
            Clip(
                path=o.path,
                machine="inspected",
                start=o.start,
                duration=o.duration,
                recording=o.clip,
            ),
            o.score,
            o.p_value,
        )
        for o in found.outliers
    ]
    page = InspectionPage(
        recordings=len(found.recordings),
        seconds=found.seconds,
        containers=tuple(found.containers.items()),
        rates=tuple((f"{rate} Hz", count) for rate, count in found.rates.items()),
        channels=tuple((counted(n, "channel"), count) for n, count in found.channels.items()),
        sample_rate=found.sample_rate,
        clips=found.clips,
        units=found.units,
        unreadable=tuple(printable(text) for text in found.unreadable),
        suspicious=tuple(
            (printable(r.name), r.problem or "; ".join(sign.text for sign in r.suspicions))
            for r in found.suspicious
        ),
        copies=tuple(printable(text) for text in found.copies),
        gain=printable(found.gain),
        states=None if found.states is None else printable(found.states.sentence),
        levels=tuple(r.level_db for r in found.recordings if not r.problem),
        cards=tuple(outlier_cards(wanted, found.sample_rate)),
        supported=tuple((rate.asked, rate.bound) for rate in found.supported),
        notes=(*found.limits, *found.notes),
        command=command,
    )
    write_text(path, render_inspection(page))
