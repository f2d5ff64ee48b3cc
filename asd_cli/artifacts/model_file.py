"""Model files: weights and everything needed to score with them, in one safetensors file.

The file is data: reading it runs no code. Its header holds the facts as JSON and a SHA-256 of the
tensors and facts, which is checked on reading.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.manifest import TrainingRecord
from asd_cli.artifacts.threshold import Threshold
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.files import storage_errors, write_bytes
from asd_cli.core.hashing import canonical_json
from asd_cli.core.structures import Structure, StructureError, from_plain, to_plain

FORMAT = 3
_KEY = "asd"
_RETRAIN = (
    "train it again: asd train --force; an own machine's: asd train --data RECORDINGS "
    "--machine NAME --force"
)

Tensors = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration(Structure):
    """What the threshold of a model was found from.

    Attributes
    ----------
    settings : dict
        How: ``threshold``, ``threshold_groups``, ``decision_threshold``, ``score``.
    groups : tuple of (str or None, str or None)
        Section and domain of each training score.
    threshold : Threshold
        What was found.
    units : tuple of int
        Recording (or group of recordings) of each training score.
    """

    settings: dict[str, Any]
    groups: tuple[tuple[str | None, str | None], ...]
    threshold: Threshold
    units: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMachine(Structure):
    """What a model of a machine of one's own was trained on.

    Attributes
    ----------
    sources : tuple of str
        Folders, files and tables, as absolute paths.
    recordings : int
        Files.
    seconds : float
        Length of all clips.
    clip_seconds : float
        Longer recordings are cut into clips of this length.
    min_seconds, max_seconds : float
        Length of the shortest and longest clip.
    references : tuple of str
        Names of the normal clips that the model holds, for explanations.
    parameters : dict
        What was set explicitly, by dotted key; with the detector and the seed.
    channel : int or str
        Which channel is used.
    false_alarm_rate : float or None
        That was asked for; None where nobody did.
    baseline : tuple of str
        Those sources that are of after a maintenance, where others are of before it.
    groups : str or None
        How recordings were grouped: ``folders``, a table's path; None where they were not.
    version : int
        Counts from 1.
    reason : str
        Why this version was made.
    clip_recordings : tuple of int
        Recording of each training clip; clips of one follow each other without gaps.
    clip_levels : tuple of float
        Level of each training clip, in dB (`asd_cli.pipeline.monitoring.levels`).
    """

    sources: tuple[str, ...]
    recordings: int
    seconds: float
    clip_seconds: float
    min_seconds: float
    max_seconds: float
    references: tuple[str, ...]
    parameters: dict[str, Any]
    channel: int | str
    false_alarm_rate: float | None = None
    baseline: tuple[str, ...] = ()
    groups: str | None = None
    version: int = 1
    reason: str = "trained"
    clip_recordings: tuple[int, ...] = ()
    clip_levels: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts(Structure):
    """Everything about a model that is no tensor.

    Attributes
    ----------
    machine : str
        Whose normal sound it is a model of.
    mode, edition : str or None
        The challenge set; None for a machine of one's own.
    training : TrainingRecord
        How it was trained.
    options : dict
        Of the detector (`asd_cli.detectors.plans.options_from_plain`).
    state : dict
        Of the detector (`asd_cli.detectors.base.DetectorState.facts`).
    identity : dict
        Everything that decides the model; a model is up to date while it is the same.
    sections : tuple of str
        Sections that it was trained on.
    calibration : Calibration or None
        None until the threshold was found.
    selection : dict
        What ``auto`` chose, and the candidates' ranks.
    own : OwnMachine or None
        Of a machine of one's own; None for a challenge set.
    """

    machine: str
    mode: str | None = None
    edition: str | None = None
    training: TrainingRecord
    options: dict[str, Any]
    state: dict[str, Any]
    identity: dict[str, Any]
    sections: tuple[str, ...] = ()
    calibration: Calibration | None = None
    selection: dict[str, Any] = field(default_factory=dict)
    own: OwnMachine | None = None


@dataclass(frozen=True, slots=True)
class ModelFile:
    """The content of a model file."""

    tensors: Tensors
    facts: ModelFacts


def write_model_file(path: Path, content: ModelFile) -> None:
    """Write a model file, complete or not at all; StorageError when the disk is full."""
    write_bytes(path, model_file_bytes(content))


def model_file_bytes(content: ModelFile) -> bytes:
    """Give the bytes of a model file; the same content has the same."""
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(array) for name, array in content.tensors.items()}
    facts = to_plain(content.facts)
    header = {"format": FORMAT, "sha256": _digest(tensors, facts), "facts": facts}
    return bytes(save(tensors, metadata={_KEY: json.dumps(header, sort_keys=True)}))


def read_model_file(path: Path) -> ModelFile:
    """Read a model file.

    Raises
    ------
    DataError
        When there is none.
    StorageError
        When it may not be read.
    IntegrityError
        When it is damaged, was made by another version whose facts are others, or is something
        else (a pickle, say); nothing of it is run.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise DataError(f"there is no model {path}", hint="train one: asd train")
    with storage_errors(path):
        path.open("rb").close()
    try:
        with safe_open(path, framework="np") as file:
            header = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts, digest, version = header["facts"], header["sha256"], header["format"]
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} is not a model file, or is damaged: {type(error).__name__}", hint=_RETRAIN
        ) from error
    if version != FORMAT:
        made_by = _made_by(facts)
        raise IntegrityError(
            f"{path} was made by {made_by} (format {version}); this version reads format {FORMAT}",
            hint=_RETRAIN,
        )
    if _digest(tensors, facts) != digest:
        raise IntegrityError(
            f"the content of {path} is not what was written (SHA-256 differs)", hint=_RETRAIN
        )
    try:
        return ModelFile(tensors, from_plain(ModelFacts, facts))
    except StructureError as error:
        raise IntegrityError(
            f"{path} was made by {_made_by(facts)}, whose facts this version cannot read: {error}",
            hint=_RETRAIN,
        ) from error


def _made_by(facts: object) -> str:
    """Say which version wrote a file, as far as it tells."""
    found: Any = facts if isinstance(facts, dict) else {}
    versions = found.get("versions") or (found.get("training") or {}).get("versions") or {}
    return f"asd {versions.get('asd-cli', 'of an unknown version')}"


def content_digest(content: ModelFile) -> str:
    """SHA-256 of tensors and facts, as it stands in the header of the file."""
    return _digest(content.tensors, to_plain(content.facts))


def _digest(tensors: Tensors, facts: Any) -> str:
    digest = hashlib.sha256(canonical_json(facts).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
