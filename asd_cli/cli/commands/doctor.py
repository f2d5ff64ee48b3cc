"""`asd doctor`."""

import json

from asd_cli.cli import options
from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat, load


@exits
def doctor(
    *,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
) -> None:
    """Tell versions, devices, codecs, disk, data and models.

    Example: asd doctor --format json
    """
    loaded = load(config, set_)
    from asd_cli.services.doctor import diagnose

    diagnosis = diagnose(loaded.settings)
    console = make_console()
    if format_ is ShortFormat.JSON:
        console.data(json.dumps({"schema": "asd.doctor/1", **diagnosis.facts}, indent=2))
        return
    for topic, facts in diagnosis.facts.items():
        console.data(topic)
        for name, value in facts.items():
            console.data(console.safe(f"  {name:<14} {_shown(value)}"))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in ("", None) else str(value)
