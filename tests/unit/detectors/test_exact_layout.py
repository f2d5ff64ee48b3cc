"""Fold and flip change no training: against a plain three-channel Keras-oriented network."""

import numpy as np
import torch
from torch import nn

from asd_cli.detectors.mobilenetv2 import _SectionClassifier
from asd_cli.detectors.nn.mobilenetv2 import MobileNetV2, to_keras

LR = 1e-5  # the baseline's; at larger steps rounding grows as it does in any training


class _KerasPad(nn.Module):
    """Keras' ``correct_pad`` before a 3x3 convolution of stride 2."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        height, width = hidden.shape[-2:]
        return nn.functional.pad(hidden, (width % 2, 1, height % 2, 1))


def _plain(model: MobileNetV2, weights: dict[str, np.ndarray]) -> MobileNetV2:
    """The same network as one would port it: three channels, Keras' padding, nothing turned."""
    plain = MobileNetV2(model.layers["predictions"].out_features).to(next(model.parameters()).dtype)
    plain.layers["Conv1"] = nn.Conv2d(3, 16, 3, stride=2, bias=False).to(torch.float64)
    with torch.no_grad():
        for name, layer in plain.layers.items():
            if isinstance(layer, nn.Conv2d):
                order = (2, 3, 0, 1) if layer.groups > 1 else (3, 2, 0, 1)
                layer.weight.copy_(torch.from_numpy(weights[f"{name}/kernel"]).permute(order))
                if layer.kernel_size == (3, 3) and layer.stride == (2, 2):
                    layer.padding = (0, 0)
                    plain.layers[name] = nn.Sequential(_KerasPad(), layer)
            elif isinstance(layer, nn.Linear):
                layer.weight.copy_(torch.from_numpy(weights[f"{name}/kernel"]).T)
                layer.bias.zero_()
    return plain


def test_twenty_steps_of_adam_are_those_of_the_plain_network() -> None:
    generator = torch.Generator().manual_seed(3)
    model = MobileNetV2(3, generator).double()
    weights = to_keras(model)
    # Slices that differ, as Keras draws them; only their sum is ours.
    spread = np.random.default_rng(3).normal(0, 0.05, weights["Conv1/kernel"].shape)
    weights["Conv1/kernel"] = weights["Conv1/kernel"] + spread - spread.mean(axis=2, keepdims=True)
    plain = _plain(model, weights)
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
