"""Fold and flip change no training: against a plain three-channel Keras-oriented network."""

from typing import Any

import numpy as np
import torch
from torch import nn

from asd_cli.core.events import SILENT
from asd_cli.detectors.mobilenetv2.detector import _SectionClassifier
from asd_cli.detectors.mobilenetv2.network import MobileNetV2, from_keras, to_keras
from asd_cli.training.loop import FitPlan, fit
from tests.support.straightforward import straightforward_network

LR = 1e-5  # the baseline's; at larger steps rounding grows as it does in any training


def test_twenty_steps_of_adam_are_those_of_the_plain_network() -> None:
    generator = torch.Generator().manual_seed(3)
    model = MobileNetV2(3, generator).double()
    weights = to_keras(model)
    # Slices that differ, as Keras draws them; only their sum is ours.
    spread = np.random.default_rng(3).normal(0, 0.05, weights["Conv1/kernel"].shape)
    weights["Conv1/kernel"] = weights["Conv1/kernel"] + spread - spread.mean(axis=2, keepdims=True)
    plain = straightforward_network(weights, dtype=torch.float64)
    inputs = torch.randn(20, 4, 1, 32, 32, generator=generator, dtype=torch.float64) * 10 - 30
    labels = torch.randint(0, 3, (20, 4), generator=generator)
    trainable = _SectionClassifier(model, [], labels, LR)  # type: ignore[arg-type]
    optimizer = torch.optim.Adam(plain.parameters(), lr=LR)
    model.train()
    plain.train()
    for step in range(20):
        loss = nn.functional.cross_entropy(model(inputs[step].flip(2, 3)), labels[step])
        trainable.optimizer.zero_grad()
        loss.backward()
        trainable.before_step(step + 1)
        trainable.optimizer.step()
        expected = nn.functional.cross_entropy(
            plain(inputs[step].expand(-1, 3, -1, -1)), labels[step]
        )
        optimizer.zero_grad()
        expected.backward()
        for group in optimizer.param_groups:
            group["eps"] = 1e-7 / (1 - 0.999 ** (step + 1)) ** 0.5
        optimizer.step()
        torch.testing.assert_close(loss, expected, rtol=1e-8, atol=1e-9)
    stem = plain.layers["Conv1"][1].weight.sum(dim=1, keepdim=True).flip(2, 3)
    torch.testing.assert_close(model.layers["Conv1"].weight, stem, rtol=1e-6, atol=1e-8)


def epoch_of_losses(trainable: Any, plan: FitPlan) -> list[float]:
    losses: list[float] = []

    class Recorded:
        model, optimizer = trainable.model, trainable.optimizer
        before_step = staticmethod(trainable.before_step)

        def loss(self, windows: np.ndarray) -> torch.Tensor:
            loss = trainable.loss(windows)
            losses.append(loss.item())
            return loss

    fit(Recorded(), plan, checkpoint=None, events=SILENT, task="t")
    return losses


class PlainClassifier:
    """What one would write: three channels, NCHW, ordinary Adam."""

    def __init__(self, weights: dict[str, np.ndarray], inputs: torch.Tensor, labels: torch.Tensor):
        self.model = straightforward_network(weights, dtype=inputs.dtype)
        self._inputs, self._labels = inputs, labels
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=LR)

    def loss(self, windows: np.ndarray) -> torch.Tensor:
        chosen = torch.from_numpy(windows)
        copied = self._inputs[chosen].expand(-1, 3, -1, -1)
        return nn.functional.cross_entropy(self.model(copied), self._labels[chosen])

    def before_step(self, step: int) -> None:
        for group in self.optimizer.param_groups:
            group["eps"] = 1e-7 / (1 - 0.999**step) ** 0.5


class Turned:
    def __init__(self, inputs: torch.Tensor) -> None:
        self._inputs = inputs.flip(2, 3)

    def __getitem__(self, windows: np.ndarray) -> torch.Tensor:
        return self._inputs[torch.from_numpy(windows)]


def test_an_epoch_has_the_plain_networks_loss_curve() -> None:
    generator = torch.Generator().manual_seed(5)
    weights = to_keras(MobileNetV2(3, generator))
    labels = torch.randint(0, 3, (240,), generator=generator)
    inputs = (
        torch.randn(240, 1, 32, 64, generator=generator) * 5 - 30 + 4 * labels[:, None, None, None]
    )
    plan = FitPlan(
        train=np.arange(240), validation=np.empty(0, np.int64), epochs=1, batch_size=8,
        shuffle=True, seed=1,
    )  # fmt: skip

    def curve(dtype: torch.dtype, precision: str = "fp32") -> np.ndarray:
        model = MobileNetV2(3)
        from_keras(model, weights)
        turned: Any = Turned(inputs.to(dtype))
        trainable = _SectionClassifier(model.to(dtype), turned, labels, LR, precision)
        return np.array(epoch_of_losses(trainable, plan))

    def plain_curve(dtype: torch.dtype) -> np.ndarray:
        return np.array(epoch_of_losses(PlainClassifier(weights, inputs.to(dtype), labels), plan))

    expected = plain_curve(torch.float64)
    assert expected.shape == (30,)
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(curve(torch.float64), expected, rtol=1e-6)
    # In single precision Adam's first steps take the sign of gradients that are mostly rounding:
    # both networks leave the exact curve by as much.
    np.testing.assert_allclose(plain_curve(torch.float32), expected, rtol=0.03)
    np.testing.assert_allclose(curve(torch.float32), expected, rtol=0.03)
    mixed = curve(torch.float32, "bf16")
    # Another precision, other losses of eight windows each, the same course on average.
    assert np.abs(mixed - expected).max() > 0.03
    np.testing.assert_allclose(mixed.mean(), expected.mean(), rtol=0.05)
