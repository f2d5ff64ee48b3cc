"""A tiny random encoder, exported as a real one would be."""

from pathlib import Path

import torch


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
    shapes = ({1: torch.export.Dim.AUTO},)
    program = torch.export.export(encoder, (torch.zeros(1, 16000),), dynamic_shapes=shapes)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(program, path)
    return path
