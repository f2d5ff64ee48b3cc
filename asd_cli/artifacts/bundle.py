"""Model bundles: weights and everything needed to score with them, in one safetensors file.

The file is data: reading it runs no code. Its header holds the facts as JSON and a SHA-256 of the
tensors and facts, which is checked on reading.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.files import storage_errors, write_bytes
from asd_cli.core.hashing import canonical_json

_FORMAT = 1
_KEY = "asd"


@dataclass(frozen=True, slots=True)
class ModelBundle:
    """A trained model of one machine.

    Attributes
    ----------
    tensors : mapping of str to ndarray
        Weights, embeddings, training scores.
    facts : mapping of str to JSON value
        Detector, machine, mode, sections, settings, threshold, versions, data fingerprint.
    """

    tensors: Mapping[str, npt.NDArray[Any]]
    facts: Mapping[str, Any]


def write_bundle(path: Path, bundle: ModelBundle) -> None:
    """Write a bundle, whole or not at all; StorageError when the disk does not take it."""
    from safetensors.numpy import save

    tensors = {name: np.ascontiguousarray(array) for name, array in bundle.tensors.items()}
    facts = dict(bundle.facts)
    header = {"format": _FORMAT, "sha256": _digest(tensors, facts), "facts": facts}
    write_bytes(path, save(tensors, metadata={_KEY: json.dumps(header, sort_keys=True)}))


def read_bundle(path: Path) -> ModelBundle:
    """Read a bundle.

    Raises
    ------
    DataError
        When there is none.
    StorageError
        When it may not be read.
    IntegrityError
        When it is damaged, or something else than a bundle (a pickle, say); nothing of it is run.
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
            f"{path} is not a model bundle, or is damaged: {type(error).__name__}",
            hint="train it anew: asd train --force",
        ) from error
    if version != _FORMAT:
        raise IntegrityError(
            f"{path} has bundle format {version} and this version reads {_FORMAT}",
            hint="train it anew: asd train --force",
        )
    if _digest(tensors, facts) != digest:
        raise IntegrityError(
            f"the content of {path} is not what was written (SHA-256 differs)",
            hint="train it anew: asd train --force",
        )
    return ModelBundle(tensors, facts)


def _digest(tensors: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(canonical_json(facts).encode())
    for name in sorted(tensors):
        array = tensors[name]
        digest.update(f"{name}\0{array.dtype.str}\0{array.shape}\0".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
