"""Which files below a folder are recordings."""

from pathlib import Path

from asd_cli.core.errors import DataError
from asd_cli.core.recordings import AUDIO_SUFFIXES, is_recording_name


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
    found = sorted(path for path in root.rglob("*") if is_recording_name(path) and path.is_file())
    if not found:
        raise DataError(
            f"{root} holds no recordings ({', '.join(sorted(AUDIO_SUFFIXES))})",
            hint="name a folder of recordings",
        )
    return found
