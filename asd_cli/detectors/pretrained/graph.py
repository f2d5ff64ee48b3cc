"""An encoder as nodes of a graph."""

from pathlib import Path

import torch

from asd_cli.core.errors import UsageError
from asd_cli.features.graphs import ClipInputs
from asd_cli.graphs.values import Value
from asd_cli.training.exported_networks import add_model, to_onnx


def encoder_graph(clips: ClipInputs, path: Path) -> Value:
    """Embed clips as `ExportedEncoder` does.

    Programs take as many clips as they were exported for: a single one.

    Parameters
    ----------
    clips : ClipInputs
        Waveforms.
    path : Path
        File of `torch.export.save`.

    Returns
    -------
    Value [shape=(1, d), dtype=float32]

    Raises
    ------
    UsageError
        When torch cannot export the encoder, or it gives no embeddings.
    """
    model = to_onnx(torch.export.load(path), clips.graph.opset)
    found = add_model(clips.graph, model, clips.wave)
    axes = len(model.graph.output[0].type.tensor_type.shape.dim)
    if axes not in {2, 3}:
        raise UsageError(f"{path} cannot be exported: it gives no embeddings [1, d] or [1, n, d]")
    return found.reduce("Mean", 1) if axes == 3 else found
