"""Pretrained encoders: waveforms to embeddings, from a file that somebody else trained.

The file is a program of `torch.export` or an ONNX graph, which holds the network and its weights:
any encoder (BEATs, EAT, CED) can be exported once, where its code is installed, and used here
without it.
"""

from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from asd_cli.core.errors import DataError
from asd_cli.core.files import storage_errors
from asd_cli.core.hashing import hash_file

_EXPORT = (
    "export one from Python: torch.export.save(torch.export.export(encoder, (torch.zeros(1, "
    "160000),), dynamic_shapes=({1: torch.export.Dim.AUTO},)), 'encoder.pt2')"
)


class Encoder(Protocol):
    """What turns a waveform into an embedding."""

    def embed(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed a waveform [shape=(n_samples,)] as a vector [shape=(d,)]."""


class ExportedEncoder:
    """An encoder that was written by `torch.export.save`.

    It is called with waveforms [shape=(1, n_samples), dtype=float32], full scale 1, at the sample
    rate of the features, and gives embeddings [shape=(1, d)], or [shape=(1, n, d)] of which the
    mean is taken.

    Parameters
    ----------
    path : Path
        File that ends in ``.pt2``.
    device : torch.device
        Where to compute.

    Raises
    ------
    DataError
        When there is no such file, or it holds no exported program.
    """

    def __init__(self, path: Path, device: torch.device) -> None:
        require_encoder(path)
        self._path, self._device = path, device
        try:
            program = torch.export.load(path)
        except Exception as error:
            raise DataError(
                f"{path} holds no program of torch.export: {_first_line(error)}", hint=_EXPORT
            ) from error
        self._module = program.module().to(device)

    def embed(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed a waveform [shape=(n_samples,)] as a vector [shape=(d,)].

        Raises
        ------
        DataError
            When the program refuses it, as one that was exported for a single length does, or
            gives something else than finite vectors.
        """
        batch = torch.from_numpy(np.ascontiguousarray(waveform, np.float32))[None].to(self._device)
        try:
            with torch.inference_mode():
                found = self._module(batch)
        except (AssertionError, RuntimeError, TypeError) as error:
            raise DataError(
                f"{self._path} does not take {len(waveform)} samples: {_first_line(error)}",
                hint=_EXPORT,
            ) from error
        if not isinstance(found, torch.Tensor) or found.ndim not in (2, 3) or len(found) != 1:
            raise DataError(
                f"{self._path} gives no embeddings of shape (1, d) or (1, n, d)", hint=_EXPORT
            )
        mean = found.float().reshape(-1, found.shape[-1]).mean(dim=0)
        vector: npt.NDArray[np.float32] = mean.cpu().numpy()
        if not np.isfinite(vector).all():
            raise DataError(
                f"{self._path} gives embeddings that are not finite",
                hint="use another encoder: --set encoder.checkpoint=FILE",
            )
        return vector


def open_encoder(path: Path, device: torch.device) -> Encoder:
    """Open an encoder: an ONNX file, or a program of `torch.export`.

    Raises
    ------
    DataError
        When there is no such file, or it holds no encoder.
    ConfigError
        When it is an ONNX file and onnxruntime is missing.
    """
    from asd_cli.detectors.pretrained.onnx_encoder import SUFFIX, OnnxEncoder

    require_encoder(path)
    return OnnxEncoder(path) if path.suffix.lower() == SUFFIX else ExportedEncoder(path, device)


def require_encoder(path: Path) -> None:
    """Require the encoder's file; DataError."""
    if not path.name:
        raise DataError(
            "the detector pretrained needs an encoder",
            hint=f"give its file: --set encoder.checkpoint=FILE; {_EXPORT}",
        )
    with storage_errors(path):
        if not path.is_file():
            raise DataError(
                f"there is no encoder {path}", hint="give its file: --set encoder.checkpoint=FILE"
            )


def encoder_fingerprint(path: Path) -> str:
    """SHA-256 of an encoder's file; DataError when there is none."""
    require_encoder(path)
    with storage_errors(path):
        facts = path.stat()
        return _hash(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=8)
def _hash(path: Path, size: int, time: int) -> str:
    return hash_file(path)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
