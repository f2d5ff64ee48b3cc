"""The dual-branch network: a whole clip's spectrum and its spectrogram, to one embedding.

Wilkinghoff 2023, "Design choices for learning embeddings from auxiliary tasks for domain
generalization in anomalous sound detection" (ICASSP), in the variant of Fujimura et al. 2025
(arXiv:2507.10264). There are no biases and no affine batch norms: with them a network could give
every clip the embedding of its class without listening.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

BRANCH_SIZE = 128
_SQUEEZE = 16
_LOWEST_HZ, _HIGHEST_HZ = 200.0, 8000.0
_SPECTRUM_LAYERS = ((256, 64), (64, 32), (16, 4))  # kernel, stride
_SPECTRUM_CHANNELS = 128
_DENSE_LAYERS = 5
_STEM_CHANNELS = 16
_STAGES = ((16, 1), (32, 2), (64, 2), (128, 2))  # channels, stride


class _SqueezeExcitation(nn.Module):
    """Weights channels by what is in all of them (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inside = max(1, channels // _SQUEEZE)
        self.squeeze = nn.Linear(channels, inside, bias=False)
        self.excite = nn.Linear(inside, channels, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        mean = hidden.flatten(2).mean(dim=2)
        weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))
        return hidden * weights.reshape(*weights.shape, *[1] * (hidden.ndim - 2))


class SpectrumBranch(nn.Module):
    """Magnitude spectrum of the whole segment, by strided convolutions and dense layers.

    Parameters
    ----------
    n_samples : int
        Samples in a segment.
    """

    def __init__(self, n_samples: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for kernel, stride in _SPECTRUM_LAYERS:
            layers += [
                nn.Conv1d(
                    channels, _SPECTRUM_CHANNELS, kernel, stride, padding=kernel // 2, bias=False
                ),
                nn.BatchNorm1d(_SPECTRUM_CHANNELS, affine=False),
                nn.ReLU(),
                _SqueezeExcitation(_SPECTRUM_CHANNELS),
            ]
            channels = _SPECTRUM_CHANNELS
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        with torch.no_grad():
            self.convolutions.eval()
            width = self.convolutions(torch.zeros(1, 1, n_samples // 2 + 1)).shape[1]
        self.dense = nn.Sequential(*_dense_layers(width))

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map segments [shape=(n, n_samples)] to embeddings [shape=(n, 128)]."""
        spectrum = torch.fft.rfft(waveforms).abs()[:, None]
        embedding: Tensor = self.dense(self.convolutions(spectrum))
        return embedding


def _dense_layers(width: int) -> Iterable[nn.Module]:
    for _ in range(_DENSE_LAYERS - 1):
        yield nn.Linear(width, BRANCH_SIZE, bias=False)
        yield nn.BatchNorm1d(BRANCH_SIZE, affine=False)
        yield nn.ReLU()
        width = BRANCH_SIZE
    yield nn.Linear(width, BRANCH_SIZE, bias=False)


class _Residual(nn.Module):
    """Two convolutions with a way round them, and squeeze-excitation."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.BatchNorm2d(channels_in, affine=False),
            nn.ReLU(),
            nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(channels, affine=False),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            _SqueezeExcitation(channels),
        )
        changes = stride > 1 or channels_in != channels
        self.shortcut = (
            nn.Conv2d(channels_in, channels, 1, stride, bias=False) if changes else nn.Identity()
        )

    def forward(self, hidden: Tensor) -> Tensor:
        passed: Tensor = self.path(hidden) + self.shortcut(hidden)
        return passed


class SpectrogramBranch(nn.Module):
    """Magnitude spectrogram from 200 to 8000 Hz, by a residual network, its maximum over time.

    Parameters
    ----------
    n_fft : int
        Samples in a transform; the hop is half of it.
    sample_rate : int
        In Hz.
    """

    window: Tensor

    def __init__(self, n_fft: int, sample_rate: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        per_bin = sample_rate / n_fft
        highest = min(_HIGHEST_HZ, sample_rate / 2)
        self.bins = slice(int(min(_LOWEST_HZ, highest / 2) / per_bin), int(highest / per_bin) + 1)
        self.norm = nn.BatchNorm1d(self.bins.stop - self.bins.start, affine=False)
        layers: list[nn.Module] = [
            nn.Conv2d(1, _STEM_CHANNELS, 7, stride=2, padding=3, bias=False),
            nn.MaxPool2d(3, stride=2, padding=1),
        ]
        channels_in = _STEM_CHANNELS
        for channels, stride in _STAGES:
            layers += [_Residual(channels_in, channels, stride), _Residual(channels, channels, 1)]
            channels_in = channels
        # The same sums in another order in memory: a training step takes a quarter less.
        self.residual = nn.Sequential(*layers).to(memory_format=torch.channels_last)
        with torch.no_grad():
            self.residual.eval()
            height = self.residual(torch.zeros(1, 1, self.norm.num_features, 64)).shape[2]
        self.head = nn.Sequential(
            nn.BatchNorm1d(channels_in * height, affine=False),
            nn.Linear(channels_in * height, BRANCH_SIZE, bias=False),
        )

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map segments [shape=(n, n_samples)] to embeddings [shape=(n, 128)]."""
        spectrogram = torch.stft(
            waveforms, self.n_fft, self.n_fft // 2, window=self.window, return_complex=True
        ).abs()
        hidden = self.residual(self.norm(spectrogram[:, self.bins])[:, None])
        embedding: Tensor = self.head(hidden.amax(dim=3).flatten(1))
        return embedding


class DualBranch(nn.Module):
    """All branches.

    Parameters
    ----------
    n_samples : int
        Samples in a segment.
    sample_rate : int
        In Hz.
    resolutions : sequence of int
        Samples in the transform of each spectrogram branch.
    """

    def __init__(self, n_samples: int, sample_rate: int, resolutions: Sequence[int]) -> None:
        super().__init__()
        self.spectrum = SpectrumBranch(n_samples)
        self.spectrograms = nn.ModuleList(
            SpectrogramBranch(n_fft, sample_rate) for n_fft in resolutions
        )

    @property
    def embedding_size(self) -> int:
        """Values in an embedding."""
        return BRANCH_SIZE * (1 + len(self.spectrograms))

    def branches(self, waveforms: Tensor) -> tuple[Tensor, Tensor]:
        """Embed segments by the spectrum, and by all spectrograms together."""
        spectrograms = [branch(waveforms) for branch in self.spectrograms]
        return self.spectrum(waveforms), torch.cat(spectrograms, dim=1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """Map segments [shape=(n, n_samples), float32] to embeddings [shape=(n, size)]."""
        return torch.cat(self.branches(waveforms), dim=1)
