"""Which files below a folder are recordings."""

from pathlib import Path

from asd_cli.core.errors import DataError

AUDIO_SUFFIXES = frozenset(
    {
        ".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aiff", ".aif", ".aifc",
        ".caf", ".w64", ".rf64", ".au", ".snd", ".m4a", ".aac", ".wma",
    }
)  # fmt: skip
"""Endings of recordings, in lower case; upper case counts as well."""


def is_recording(path: Path) -> bool:
    """Whether a file's name is that of a recording; hidden files are none."""
    return path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")


def find_recordings(root: Path) -> list[Path]:
    """List all recordings below a folder, sorted; a single file is a list of one.

    Raises
    ------
    DataError
        When there is no such folder, or no recording in it.
    """
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise DataError(f"there is no folder {root}", hint="name a folder of recordings")
    found = sorted(path for path in root.rglob("*") if is_recording(path) and path.is_file())
    if not found:
        raise DataError(
            f"{root} holds no recordings ({', '.join(sorted(AUDIO_SUFFIXES))})",
            hint="name a folder of recordings",
        )
    return found
