"""A tiny random encoder, exported as a real one would be."""

from pathlib import Path

import numpy as np
import torch

from asd_cli.graphs.builder import Graph


class TinyEncoder(torch.nn.Module):
    """Logarithms of the power of a few random filters' outputs."""

    def __init__(self, size: int, *, per_frame: bool) -> None:
        super().__init__()
        self.filters = torch.nn.Conv1d(1, size, 400, 160, bias=False)
        self.per_frame = per_frame

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        power = self.filters(waveform[:, None]).square()
        if self.per_frame:
            return (power.transpose(1, 2) + 1e-6).log10()
        return (power.mean(dim=2) + 1e-6).log10()


def write_encoder(path: Path, *, seed: int = 1, per_frame: bool = False) -> Path:
    """Export an encoder of any number of samples to a file."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        encoder = TinyEncoder(24, per_frame=per_frame).eval()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".onnx":
        path.write_bytes(_onnx(encoder))
        return path
    shapes = ({1: torch.export.Dim.AUTO},)
    program = torch.export.export(encoder, (torch.zeros(1, 16000),), dynamic_shapes=shapes)
    torch.export.save(program, path)
    return path


def _onnx(encoder: TinyEncoder) -> bytes:
    """Write the same encoder node by node, for another version of ONNX's operators."""
    graph = Graph(20)
    wave = graph.input("wave", np.float32, [1, "samples"])
    weights = encoder.filters.weight.detach().numpy()
    filtered = graph.node("Conv", wave.unsqueeze(1), weights, strides=[160])
    power = filtered * filtered
    if encoder.per_frame:
        graph.output("embeddings", (power.transpose(0, 2, 1) + 1e-6).log10(), [1, "frames", 24])
    else:
        graph.output("embeddings", (power.reduce("Mean", 2) + 1e-6).log10(), [1, 24])
    return bytes(graph.model("encoder", {}).SerializeToString())
