"""Manifests: what results were made from, next to the results."""

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import DataError
from asd_cli.core.files import storage_errors, write_text
from asd_cli.core.structures import Structure, StructureError, from_plain, to_plain

SCHEMA = "asd.manifest/2"
_LIBRARIES = ("asd-cli", "numpy", "scikit-learn", "scipy", "soundfile", "soxr")
_TORCH = "torch"


def library_versions(*, torch: bool) -> dict[str, str]:
    """Versions of Python, of this package and of the libraries that decide results.

    Parameters
    ----------
    torch : bool
        Whether torch is one of them.
    """
    versions = {"python": platform.python_version()}
    for name in (*_LIBRARIES, *((_TORCH,) if torch else ())):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRecord(Structure):
    """How a model was trained, as the model itself records it.

    Attributes
    ----------
    detector : str
        What was fitted; with ``auto`` what was chosen.
    seed : int
        Of all random numbers.
    threads : int or None
        torch's; None where torch was not used.
    settings : dict
        Everything that decided the model, by dotted key; of an ensemble by member.
    features : str
        Fingerprint of the feature parameters.
    data : str
        Fingerprint of the training recordings.
    versions : dict
        Libraries.
    """

    detector: str
    seed: int
    threads: int | None
    settings: dict[str, Any]
    features: str
    data: str
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRecord(Structure):
    """How the scores of one machine were made.

    Attributes
    ----------
    inputs : dict
        Everything that decides the scores: model, recordings, settings of scoring.
    files : dict of str to str
        SHA-256 of each file that was written, by name.
    clips, flagged : int
        Test clips, and those whose score is above the threshold.
    threshold : Threshold
        What decided.
    training : TrainingRecord
        How the model was trained.
    threads : int or None
        torch's, in scoring.
    seconds : float
        How long it took.
    written : str
        When, ISO 8601.
    data_directory : str
        Where the recordings were.
    recordings : dict of str to str
        First 16 digits of the SHA-256 of each test clip, by name.
    left_out : tuple of str
        Test clips that could not be used, and why.
    """

    inputs: dict[str, Any]
    files: dict[str, str]
    clips: int
    flagged: int
    threshold: Threshold
    training: TrainingRecord
    threads: int | None
    seconds: float
    written: str
    data_directory: str
    recordings: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Structure):
    """What a folder of results holds.

    Attributes
    ----------
    edition, mode, detector : str
        What was scored with what.
    machines : dict of str to MachineRecord
        One for each machine.
    written : str
        Last change, ISO 8601.
    """

    schema: Literal["asd.manifest/2"] = "asd.manifest/2"
    edition: str
    mode: str
    detector: str
    machines: dict[str, MachineRecord] = field(default_factory=dict)
    written: str = ""

    @property
    def seconds(self) -> float | None:
        """How long all machines took; None where there are none."""
        times = [record.seconds for record in self.machines.values()]
        return sum(times) if times else None


def read_manifest(path: Path) -> Manifest | None:
    """Read a manifest.

    Returns
    -------
    Manifest or None
        None where there is no file, or one that is not a manifest of this version.

    Raises
    ------
    DataError
        When it calls itself one and is damaged.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        return None
    try:
        return from_plain(Manifest, content)
    except StructureError as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> DataError:
    return DataError(
        f"{path} is damaged: {why}",
        hint=f"remove it and score again: rm '{path}' && asd score --force",
    )


def update_manifest(path: Path, change: Callable[[Manifest | None], Manifest]) -> None:
    """Read, change and write a manifest while no other process does.

    Parameters
    ----------
    path : Path
        The manifest.
    change : callable
        Is given what is there, None where nothing is; gives what shall be there.

    Raises
    ------
    StorageError
        When it cannot be written.
    DataError
        When what is there is damaged.
    """
    from filelock import FileLock

    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_name(f".{path.stem}.lock")):
            changed = replace(change(read_manifest(path)), written=now())
            write_text(path, json.dumps(to_plain(changed), indent=2, sort_keys=True) + "\n")


def now() -> str:
    """Give the time as manifests write it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
