"""Encoders that are ONNX files: data, not programs of torch."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError
from asd_cli.core.files import storage_errors
from asd_cli.graphs.builder import require_onnx

SUFFIX = ".onnx"
_FORM = (
    "its one input is waveforms [1, n_samples] (float32, full scale 1), its one output embeddings "
    "[1, d] or [1, n, d]"
)


class OnnxEncoder:
    """An encoder in an ONNX file, computed by onnxruntime on the CPU.

    It is called as `ExportedEncoder` is.

    Parameters
    ----------
    path : Path
        File that ends in ``.onnx``.

    Raises
    ------
    ConfigError
        When onnxruntime is missing.
    DataError
        When the file holds no graph, or one of another form.
    """

    def __init__(self, path: Path) -> None:
        require_onnx()
        import onnxruntime

        self._path = path
        options = onnxruntime.SessionOptions()
        # One thread: sums have one order, and processes are not in each other's way.
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        with storage_errors(path):
            content = path.read_bytes()
        try:
            self._session = onnxruntime.InferenceSession(content, options)
        # The runtime has exceptions of its own for each way in which a file is no graph.
        except Exception as error:
            raise DataError(f"{path} holds no ONNX graph: {type(error).__name__}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or inputs[0].type != "tensor(float)":
            raise DataError(f"{path} is no encoder", hint=f"export one: {_FORM}")
        self._input = inputs[0].name

    def embed(self, waveform: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Embed a waveform [shape=(n_samples,)] as a vector [shape=(d,)].

        Raises
        ------
        DataError
            When the graph refuses it, or gives something else than finite vectors.
        """
        batch = np.ascontiguousarray(waveform, np.float32)[None]
        try:
            (found,) = self._session.run(None, {self._input: batch})
        except Exception as error:
            raise DataError(
                f"{self._path} does not take {len(waveform)} samples: {type(error).__name__}",
                hint=f"export one for any length: {_FORM}",
            ) from error
        if found.ndim not in {2, 3} or len(found) != 1 or not np.isfinite(found).all():
            raise DataError(f"{self._path} gives no embeddings", hint=f"export one: {_FORM}")
        return np.asarray(found, np.float32).reshape(-1, found.shape[-1]).mean(axis=0)
