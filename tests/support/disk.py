"""Looking at folders before and after."""

import hashlib
import os
import stat
from pathlib import Path


def snapshot(folder: Path, *, without: Path | None = None) -> dict[str, str]:
    """Every path below `folder` with its kind and content; links are not followed."""
    found = {}
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place, name)
            if without is not None and (path == without or without in path.parents):
                continue
            found[str(path.relative_to(folder))] = _describe(path)
    return found


def _describe(path: Path) -> str:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return f"link to {path.readlink()}"
    if stat.S_ISDIR(mode):
        return "folder"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def recordings(folder: Path) -> dict[str, str]:
    """What a user sees of a data folder: everything but hidden entries."""
    return {
        name: content
        for name, content in snapshot(folder).items()
        if not name.startswith(".") and content != "folder"
    }
