"""What a shell offers for the values of options: names that exist, and nothing heavy is loaded."""

from collections.abc import Iterator
from pathlib import Path


def detectors(incomplete: str) -> Iterator[str]:
    """Give names of detectors; behind a + those of further members."""
    from asd_cli.detectors.overview import all_choices

    before, plus, last = incomplete.rpartition("+")
    names = (choice.name for choice in all_choices())
    return (f"{before}{plus}{name}" for name in names if name.startswith(last))


def editions(incomplete: str) -> Iterator[str]:
    """Give names of editions."""
    from asd_cli.datasets.dcase.editions import edition_names

    return (name for name in edition_names() if name.startswith(incomplete))


def machines(incomplete: str) -> Iterator[str]:
    """Give machine types in the data folders, and machines of one's own that have a model."""
    from asd_cli.settings.layers import load_settings

    settings = load_settings().settings
    places = (settings.dev_directory, settings.eval_directory, settings.model_directory / "own")
    found = {path.name for place in places for path in _folders(place)}
    return (name for name in sorted(found) if name.startswith(incomplete))


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from (path for path in place.iterdir() if path.is_dir() and path.name[0] != ".")


def settings_keys(incomplete: str) -> Iterator[str]:
    """Give dotted keys of settings, ready for a value."""
    from asd_cli.settings.keys import shared_keys
    from asd_cli.settings.model import RUN_FIELDS

    keys = sorted({*shared_keys(), *RUN_FIELDS})
    return (f"{key}=" for key in keys if key.startswith(incomplete))


def stages(incomplete: str) -> Iterator[str]:
    """Give stages of the edition that is the default."""
    from asd_cli.datasets.dcase.editions import DEFAULT_EDITION, load_edition

    names = (*load_edition(DEFAULT_EDITION).stages, "demo", "all")
    return (name for name in names if name.startswith(incomplete))
