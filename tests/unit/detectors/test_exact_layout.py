"""Fold and flip change no training: against a plain three-channel Keras-oriented network."""

import numpy as np
import torch
from torch import nn

from asd_cli.detectors.mobilenetv2 import _SectionClassifier
from asd_cli.detectors.nn.mobilenetv2 import MobileNetV2, to_keras
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
