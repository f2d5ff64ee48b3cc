"""One network in training: mixed waveforms, exchanged branches, angular losses."""

import hashlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from asd_cli.core.seeds import derive_seed
from asd_cli.detectors.discriminative.adacos import exchange_features
from asd_cli.detectors.discriminative.heads import Heads
from asd_cli.detectors.discriminative.options import NetworkOptions
from asd_cli.detectors.discriminative.segments import Recordings, Waveforms
from asd_cli.features.windows import Indices

_EXCHANGED_SHARE = 0.5


class ClassLearning:
    """Training to classify (`asd_cli.training.loop.Trainable`).

    Random choices depend on the seed and the clips of the batch alone, so that an
    interrupted run is resumed with the same ones.

    Parameters
    ----------
    model : Heads
        Network and losses.
    recordings : Recordings
        Training clips.
    labels : sequence of int
        Class of each clip.
    n_samples : int
        Samples in a segment.
    options : NetworkOptions
        Mixup, and change of speed (Ko et al. 2015, "Audio augmentation for speech recognition").
    lr : float
        Learning rate of AdamW.
    precision : str
        ``bf16`` computes the network in mixed precision; spectra, losses, weights and AdamW stay in
        single.
    seed : int
        Of the random choices.
    device : torch.device
        Where the network is.
    """

    def __init__(
        self,
        model: Heads,
        recordings: Recordings,
        labels: Sequence[int],
        *,
        n_samples: int,
        options: NetworkOptions,
        lr: float,
        precision: str,
        seed: int,
        device: torch.device,
    ) -> None:
        self.model = model
        self._mixed = precision == "bf16"
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, fused=True)
        self._recordings, self._n_samples = recordings, n_samples
        classes = torch.as_tensor(np.asarray(labels))
        self._labels = nn.functional.one_hot(classes, model.whole.n_classes).float()
        self._mixup, self._speed = options.mixup, options.speed
        self._seed, self._device = seed, device

    def loss(self, windows: Indices) -> Tensor:
        """Sum of the losses on whole and exchanged embeddings of some clips."""
        digest = hashlib.sha256(windows.tobytes()).hexdigest()
        generator = np.random.default_rng(derive_seed(self._seed, "batch", digest))
        if len(windows) == 1:  # a batch norm needs two
            windows = np.repeat(windows, 2)
        batch = torch.from_numpy(self._waveforms(windows, generator))
        labels = self._labels[torch.from_numpy(windows)]
        if self.model.training and self._mixup:
            batch, labels = mix(batch, labels, share=self._mixup, generator=generator)
        return self._losses(batch.to(self._device), labels.to(self._device), generator)

    def _waveforms(self, windows: Indices, generator: np.random.Generator) -> Waveforms:
        """Read an excerpt of each clip; in training at a random speed, if at all."""
        places, speeds = generator.random(len(windows)), np.ones(len(windows))
        if self.model.training and self._speed:
            speeds += self._speed * generator.uniform(-1.0, 1.0, len(windows))
        drawn = zip(windows.tolist(), places.tolist(), speeds.tolist(), strict=True)
        return np.stack(
            [
                self._recordings.excerpt(index, self._n_samples, place, speed)
                for index, place, speed in drawn
            ]
        )

    def _losses(self, batch: Tensor, labels: Tensor, generator: np.random.Generator) -> Tensor:
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=self._mixed):
            first, second = (part.float() for part in self.model.network.branches(batch))
        loss: Tensor = self.model.whole(torch.cat([first, second], dim=1), labels)
        if self.model.exchanged is not None:
            partner = torch.from_numpy(generator.permutation(len(batch))).to(self._device)
            chosen = torch.from_numpy(generator.random(len(batch)) < _EXCHANGED_SHARE)
            joined = exchange_features(first, second, labels, partner, chosen.to(self._device))
            loss = loss + self.model.exchanged(*joined)
        return loss

    def before_step(self, step: int) -> None:
        """Nothing: AdamW is torch's."""


def mix(
    waveforms: Tensor, labels: Tensor, *, share: float, generator: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Mix some clips with others, in a proportion drawn uniformly.

    Mixup (Zhang et al. 2018) on waveforms.

    Parameters
    ----------
    waveforms : Tensor [shape=(n, n_samples)]
        Clips.
    labels : Tensor [shape=(n, n_classes)]
        Theirs.
    share : float
        Probability that a clip is mixed.
    generator : numpy.random.Generator
        Source of partners and proportions.

    Returns
    -------
    waveforms, labels : Tensor
        Of the same shapes.
    """
    count = len(waveforms)
    own = generator.random(count)
    own[generator.random(count) >= share] = 1.0
    weight = torch.from_numpy(own.astype(np.float32))[:, None]
    partner = torch.from_numpy(generator.permutation(count))
    return (
        weight * waveforms + (1 - weight) * waveforms[partner],
        weight * labels + (1 - weight) * labels[partner],
    )
