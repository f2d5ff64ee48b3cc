"""An encoder as nodes of a graph."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from asd_cli.core.errors import UsageError
from asd_cli.detectors.pretrained.onnx_encoder import SUFFIX
from asd_cli.features.graphs import ClipInputs
from asd_cli.graphs.values import Value
from asd_cli.training.exported_networks import add_model, to_onnx

if TYPE_CHECKING:
    from onnx import ModelProto


def encoder_graph(clips: ClipInputs, path: Path) -> Value:
    """Embed clips as `ExportedEncoder` does.

    Programs take as many clips as they were exported for: a single one.

    Parameters
    ----------
    clips : ClipInputs
        Waveforms.
    path : Path
        File of `torch.export.save`, or ONNX graph.

    Returns
    -------
    Value [shape=(1, d), dtype=float32]

    Raises
    ------
    UsageError
        When torch cannot export the encoder, or it gives no embeddings.
    """
    model = _onnx_of(path, clips.graph.opset)
    found = add_model(clips.graph, model, clips.wave)
    axes = len(model.graph.output[0].type.tensor_type.shape.dim)
    if axes not in {2, 3}:
        raise UsageError(f"{path} cannot be exported: it gives no embeddings [1, d] or [1, n, d]")
    return found.reduce("Mean", 1) if axes == 3 else found


def _onnx_of(path: Path, opset: int) -> "ModelProto":
    """Read or convert an encoder, in the wanted version of operators."""
    if path.suffix.lower() != SUFFIX:
        return to_onnx(torch.export.load(path), opset)
    import onnx
    from onnx import version_converter

    model = onnx.load(path)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    if set(versions) - {"", "ai.onnx"}:
        raise UsageError(f"{path} cannot be exported: it has operators that are not ONNX's own")
    if set(versions.values()) != {opset}:
        model = version_converter.convert_version(model, opset)
    return model
