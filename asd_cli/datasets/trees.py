"""The files below a folder, whether they lie there, in an object store, or in tar shards.

Readers of data sets see one tree of folders. Below a folder of shards (tar files and no folders and
recordings next to them) it is what was packed; where a file's bytes are is what `Tree.source` says.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Protocol

from asd_cli.core.errors import DataError
from asd_cli.core.places import is_folder
from asd_cli.core.recordings import is_recording_name
from asd_cli.core.remote import list_below, url_of
from asd_cli.core.shards import TAR, read_index, signature_of


class Tree(Protocol):
    """Folders and files below a root; all paths begin with the root."""

    def is_dir(self, path: Path) -> bool:
        """Whether a path is a folder."""

    def children(self, folder: Path) -> Sequence[Path]:
        """List what is in a folder, sorted."""

    def below(self, folder: Path) -> Iterator[Path]:
        """List all files below a folder, sorted."""

    def source(self, path: Path) -> Path:
        """Give the path by which a file's bytes are read."""


class DiskTree:
    """Folders of this machine."""

    def is_dir(self, path: Path) -> bool:
        """Whether a path is a folder."""
        return path.is_dir()

    def children(self, folder: Path) -> Sequence[Path]:
        """List what is in a folder, sorted."""
        return sorted(folder.iterdir())

    def below(self, folder: Path) -> Iterator[Path]:
        """List all files below a folder, sorted."""
        yield from sorted(folder.rglob("*"))

    def source(self, path: Path) -> Path:
        """Give the path itself."""
        return path


@dataclass(frozen=True)
class ListedTree:
    """Files that are known by a list.

    Attributes
    ----------
    root : Path
        The folder, or a shard.
    files : mapping of str to Path
        Path below the root to the path that is read.
    """

    root: Path
    files: Mapping[str, Path] = field(repr=False)

    def is_dir(self, path: Path) -> bool:
        """Whether files are below a path."""
        return path in self._folders

    def children(self, folder: Path) -> Sequence[Path]:
        """List what is in a folder, sorted."""
        return sorted(self._folders.get(folder, ()))

    def below(self, folder: Path) -> Iterator[Path]:
        """List all files below a folder, sorted."""
        every = (self.root / name for name in sorted(self.files))
        return (path for path in every if folder == self.root or folder in path.parents)

    def source(self, path: Path) -> Path:
        """Give the path by which a file's bytes are read."""
        return self.files[path.relative_to(self.root).as_posix()]

    @cached_property
    def _folders(self) -> Mapping[Path, set[Path]]:
        found: dict[Path, set[Path]] = {self.root: set()} if self.files else {}
        for name in self.files:
            child = PurePosixPath(name)
            while child.name:
                folder = found.setdefault(self.root / child.parent, set())
                known = self.root / child in folder
                folder.add(self.root / child)
                if known:
                    break
                child = child.parent
        return found


def tree_of(root: Path) -> Tree:
    """Give the tree below a folder, a URL, or in a shard.

    Raises
    ------
    DataError
        When a shard is damaged.
    NetworkError, StorageError
        When a store cannot be reached.
    """
    shards = list(shards_of(root))
    if not shards and url_of(root) is None:
        return DiskTree()
    key = root, tuple(signature_of(shard) for shard in shards)
    if shards and _last is not None and _last[0] == key:
        return _last[1]
    files: dict[str, Path] = {}
    if not shards:
        files = {name: root / name for name in list_below(root) if name}
    for shard in shards:
        for name, found in read_index(shard).items():
            if name in files:
                raise DataError(
                    f"{name} is in {files[name].parent} and in {shard}",
                    hint="pack each recording once",
                )
            files[name] = shard / found.member
    return _kept(key, ListedTree(root, files))


def shards_of(root: Path) -> Iterator[Path]:
    """List the shards that a path is of: itself, or those that lie in a folder."""
    if root.suffix == TAR and not is_folder(root):
        if signature_of(root)[0] >= 0:
            yield root
    elif url_of(root) is not None:
        names = [name for name in list_below(root) if not name.startswith(".")]
        if not any("/" in name or is_recording_name(Path(name)) for name in names):
            yield from (root / name for name in names if name.endswith(TAR))
    elif root.is_dir():
        found = [path for path in root.iterdir() if not path.name.startswith(".")]
        shards = sorted(path for path in found if path.suffix == TAR)
        if shards and not any(path.is_dir() or is_recording_name(path) for path in found):
            yield from shards


_last: tuple[object, ListedTree] | None = None


def _kept(key: object, tree: ListedTree) -> ListedTree:
    """Keep the last tree: a data set asks for the same one again and again."""
    global _last  # noqa: PLW0603 - a cache of one
    _last = key, tree
    return tree
