"""Models of one's own machines: versions, and a pointer to the current one.

``<root>/<machine>/v0001.safetensors`` and so on are never changed; ``current`` names the one in
use and is replaced in one step, so that whoever scores meanwhile has either the old model or the
new one.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from asd_cli.artifacts.model_file import read_model_file
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.files import remove_abandoned, storage_errors, write_text
from asd_cli.core.text import printable
from asd_cli.pipeline.model import Model

_SUFFIX = ".safetensors"
_POINTER = "current"
_MAX_NAME = 100
_VERSION = re.compile(r"v([0-9]+)\.safetensors")


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a machine's model.

    Attributes
    ----------
    number : int
        Counts from 1.
    path : Path
        The model file.
    current : bool
        Whether it is in use.
    """

    number: int
    path: Path
    current: bool


@dataclass(frozen=True, slots=True)
class Registry:
    """The models below a folder.

    Attributes
    ----------
    root : Path
        One folder a machine.
    """

    root: Path

    def machines(self) -> tuple[str, ...]:
        """Names of the machines that have a model, also where none is in use; sorted."""
        if not self.root.is_dir():
            return ()
        return tuple(
            sorted(p.name for p in self.root.iterdir() if _is_name(p.name) and _numbers(p))
        )

    def folder(self, machine: str) -> Path:
        """Folder of a machine.

        Raises
        ------
        UsageError
            When the name cannot be that of a folder.
        """
        if not _is_name(machine):
            raise UsageError(
                f"{printable(machine)!r} cannot be the name of a machine",
                hint="use letters, digits, blanks, - and _: --machine fan-3",
            )
        return self.root / machine

    def versions(self, machine: str) -> tuple[Version, ...]:
        """List the versions of a machine, the oldest first; DataError when there are none."""
        folder = self.folder(machine)
        current = self._pointer(machine)
        found = [
            Version(number, path, path.name == current)
            for number, path in sorted(_numbers(folder).items())
        ]
        if not found:
            raise DataError(f"there is no model of {machine}", hint=self._known(machine))
        return tuple(found)

    def _known(self, machine: str) -> str:
        names = self.machines()
        if names:
            return f"there are models of: {', '.join(names)} (asd models list)"
        return f"train one: asd train --data RECORDINGS --machine '{machine}'"

    def _pointer(self, machine: str) -> str | None:
        try:
            content = (self.folder(machine) / _POINTER).read_bytes()
        except OSError:
            return None
        # Damaged bytes are no version's name, and become none.
        return content.decode("utf-8", "replace").strip()

    def path(self, machine: str) -> Path:
        """Name the model file in use; DataError when there is none."""
        for version in self.versions(machine):
            if version.current:
                return version.path
        raise DataError(
            f"{self.folder(machine) / _POINTER} names no version of {machine}",
            hint=f"choose one: asd models rollback '{machine}'",
        )

    def load(self, machine: str, *, device: str = "auto") -> Model:
        """Read the model in use; errors as `path` and `Model.load`."""
        return Model.load(self.path(machine), device=device)

    def publish(self, model: Model) -> Path:
        """Write a model as the next version, and use it from now on.

        Raises
        ------
        StorageError
            When it cannot be written; the version before stays in use.
        """
        with self._locked(model.machine) as folder:
            number = max(_numbers(folder), default=0) + 1
            if model.facts.own is not None:
                facts = replace(model.facts, own=replace(model.facts.own, version=number))
                model = replace(model, facts=facts)
            path = folder / f"v{number:04}{_SUFFIX}"
            model.save(path)
            write_text(folder / _POINTER, f"{path.name}\n")
        return path

    def rollback(self, machine: str, number: int | None = None) -> Version:
        """Use an older version: the one before the current one, or the one of a number.

        Raises
        ------
        DataError
            When there is no such version.
        IntegrityError
            When it is damaged.
        """
        versions = self.versions(machine)
        if number is None:
            before = [v for v in versions if v.number < self._current_number(versions)]
            if not before:
                raise DataError(
                    f"{machine} has no version before the current one",
                    hint=f"see what there is: asd models show '{machine}'",
                )
            chosen = before[-1]
        else:
            chosen = self._numbered(versions, machine, number)
        read_model_file(chosen.path)
        with self._locked(machine) as folder:
            write_text(folder / _POINTER, f"{chosen.path.name}\n")
        return replace(chosen, current=True)

    @staticmethod
    def _current_number(versions: tuple[Version, ...]) -> int:
        return next((v.number for v in versions if v.current), versions[-1].number + 1)

    @staticmethod
    def _numbered(versions: tuple[Version, ...], machine: str, number: int) -> Version:
        for version in versions:
            if version.number == number:
                return version
        known = ", ".join(str(v.number) for v in versions)
        raise DataError(
            f"{machine} has no version {number}", hint=f"there are the versions {known}"
        )

    def remove(self, machine: str, number: int | None = None) -> tuple[Path, ...]:
        """Remove a version that is not in use, or a machine with all its versions.

        Raises
        ------
        DataError
            When there is no such version.
        UsageError
            When the version is in use.
        """
        versions = self.versions(machine)
        if number is None:
            with storage_errors(self.folder(machine)):
                shutil.rmtree(self.folder(machine))
            return tuple(version.path for version in versions)
        chosen = self._numbered(versions, machine, number)
        if chosen.current:
            raise UsageError(
                f"version {number} of {machine} is in use",
                hint=f"use another one first: asd models rollback '{machine}'",
            )
        with storage_errors(chosen.path):
            chosen.path.unlink()
        return (chosen.path,)

    @contextmanager
    def _locked(self, machine: str) -> Iterator[Path]:
        from filelock import FileLock

        folder = self.folder(machine)
        with storage_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / ".lock"):
                remove_abandoned(folder)
                yield folder


def _is_name(machine: str) -> bool:
    """Whether a machine may be called so, and a folder with it."""
    unsafe = machine != printable(machine) or any(c in machine for c in "/\\")
    hidden = not machine.strip() or machine.startswith(".")
    return not unsafe and not hidden and len(machine) <= _MAX_NAME


def _numbers(folder: Path) -> dict[int, Path]:
    """List the versions in a folder: number to file."""
    if not folder.is_dir():
        return {}
    named = ((_VERSION.fullmatch(path.name), path) for path in folder.iterdir())
    return {int(match[1]): path for match, path in named if match}
