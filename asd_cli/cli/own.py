"""What the commands of own machines share, and which of two meanings `train` and `score` have."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asd_cli.cli.console import Console
from asd_cli.cli.options import load
from asd_cli.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from asd_cli.cli.progress import RichEvents
    from asd_cli.services.own_train import OwnTrained
    from asd_cli.settings.model import Settings

STDIN = Path("-")


def own_settings(
    config: Path | None, overrides: list[str] | None, flags: Mapping[str, Any]
) -> "Settings":
    """Load settings; where nobody chose a detector it is that of own machines."""
    loaded = load(config, overrides, flags)
    settings = loaded.settings
    if loaded.origin("detector") == "default":
        return settings.model_copy(update={"detector": "auto"})
    return settings


def one_machine(names: Sequence[str] | None) -> str:
    """Give the one machine that is named; UsageError where there is none or several."""
    if not names or len(names) > 1:
        raise UsageError(
            "own recordings are of one machine, which needs a name",
            hint="give it one: --machine fan-3",
        )
    return names[0]


def require_unused(options: Mapping[str, object], because: str) -> None:
    """Refuse options that mean nothing here.

    Parameters
    ----------
    options : mapping
        Name of each option to its value; what is None, False or empty was not given.
    because : str
        Why they mean nothing: "with own recordings".
    """
    given = [name for name, value in options.items() if value]
    if given:
        raise UsageError(f"{', '.join(given)} cannot be used {because}", hint="leave it out")


def read_paths(paths: Sequence[Path]) -> Iterator[Path]:
    """Give paths, and for ``-`` those that stdin lists, one a line.

    Raises
    ------
    DataError
        When stdin lists none.
    """
    for path in paths:
        if path != STDIN:
            yield path
            continue
        # As `find` and `ls` write them; names may hold what `splitlines` takes for ends of lines.
        content = sys.stdin.buffer.read().decode("utf-8", "surrogateescape")
        listed = [line.removesuffix("\r") for line in content.split("\n") if line.strip()]
        if not listed:
            raise DataError("stdin lists no recordings", hint="give one path in each line")
        yield from map(Path, listed)


def show_trained(trained: "OwnTrained", events: "RichEvents", console: Console) -> None:
    """Say what was learned, from how much, and what limits it."""
    model = trained.model
    for note in trained.notes:
        events.note(note)
    what = "up to date, nothing to do:" if trained.up_to_date else "trained on"
    threshold = model.threshold
    rate = 1.0 - threshold.quantile
    events.note(
        f"{model.machine}: {what} {trained.recordings} recordings, {trained.clips} clips "
        f"({length(trained.seconds)}) at {model.features.sample_rate} Hz by "
        f"{model.facts.training.detector}"
    )
    events.note(
        f"threshold {threshold.value:.4g}: {_in_hundred(rate)} of 100 normal clips may be called "
        f"anomalous; at most {_in_hundred(threshold.bound or 1.0)} will be (95 % bound)"
    )
    for warning in trained.warnings:
        events.warning(warning)
    events.note(f"model: {trained.path}; next: asd score FILES --machine '{model.machine}'")


def _in_hundred(rate: float) -> str:
    return f"{float(f'{100 * rate:.2g}'):g}"


def length(seconds: float) -> str:
    """Write a duration for people.

    Examples
    --------
    >>> length(90), length(5400)
    ('1.5 min', '1.5 h')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    return f"{seconds / 60:.3g} min" if seconds < 3600 else f"{seconds / 3600:.3g} h"
