"""Which files below a folder are recordings."""

import os
from collections.abc import Iterator
from pathlib import Path

from asd_cli.core.errors import DataError
from asd_cli.core.recordings import AUDIO_SUFFIXES, is_recording_name
from asd_cli.core.remote import url_of
from asd_cli.datasets.trees import ListedTree, tree_of


def find_recordings(root: Path) -> list[Path]:
    """List everything below a folder that is named as a recording, sorted.

    A single file is a list of one. Links to folders are followed. Whether a file can be read shows
    later: a link that leads nowhere is in the list, so that it is named and not passed over.

    Raises
    ------
    DataError
        When there is no such folder, no recording in it, or a folder in it may not be read.
    """
    tree = tree_of(root)
    if isinstance(tree, ListedTree):
        return sorted(map(tree.source, _named(tree)))
    if root.is_file():
        return [root]
    if not root.is_dir():
        raise DataError(
            f"there is no file or folder {root}", hint="name recordings, or a folder of them"
        )
    found = sorted(_below(root))
    if not found:
        raise DataError(
            f"{root} holds no recordings ({', '.join(sorted(AUDIO_SUFFIXES))})",
            hint="name a folder of recordings",
        )
    return found


def recording_names(root: Path) -> dict[Path, str]:
    """Name the recordings below a folder by their place in it, by path; errors as above.

    One in a shard has the name that it had before it was packed.
    """
    tree = tree_of(root)
    if isinstance(tree, ListedTree):
        return {tree.source(path): path.relative_to(root).as_posix() for path in _named(tree)}
    folder = root.parent if root.is_file() else root
    return {path: path.relative_to(folder).as_posix() for path in find_recordings(root)}


def _named(tree: ListedTree) -> list[Path]:
    found = [path for path in tree.below(tree.root) if is_recording_name(path)]
    if not found:
        where = url_of(tree.root) or tree.root
        raise DataError(f"{where} holds no recordings", hint="name a folder of recordings")
    return found


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root, onerror=_refuse, followlinks=True):
        here = Path(folder)
        folders[:] = [name for name in folders if not _is_loop(here / name)]
        yield from (here / name for name in files if is_recording_name(here / name))


def _is_loop(folder: Path) -> bool:
    """Whether a link leads to a folder that it is in."""
    return folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve())


def _refuse(error: OSError) -> None:
    raise DataError(
        f"{error.filename} cannot be read: {error.strerror}",
        hint=f"look at it: ls -ld '{error.filename}'",
    ) from error
