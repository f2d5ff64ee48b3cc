"""The baseline's network as one would port it to torch: three channels, Keras' padding, NCHW.

An oracle for the faster layout, and what benchmarks compare with.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from asd_cli.detectors.mobilenetv2.network import MobileNetV2


class _KerasPad(nn.Module):
    """Keras' ``correct_pad`` before a 3x3 convolution of stride 2."""

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        height, width = hidden.shape[-2:]
        return nn.functional.pad(hidden, (width % 2, 1, height % 2, 1))


class _Plain(MobileNetV2):
    """Computes layer by layer, in training as well."""

    embed = MobileNetV2.embed_by_layers


def straightforward_network(
    weights: Mapping[str, np.ndarray], *, dtype: torch.dtype = torch.float32
) -> MobileNetV2:
    """Build it from weights in Keras' layout (`to_keras`); batch norms as they begin."""
    n_classes = weights["predictions/bias"].shape[0]
    plain = _Plain(n_classes)
    plain.layers["Conv1"] = nn.Conv2d(3, 16, 3, stride=2, bias=False)
    plain.to(dtype=dtype, memory_format=torch.contiguous_format)
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


def keras_weights(plain: MobileNetV2) -> dict[str, np.ndarray]:
    """Write the plain network's weights in Keras' layout, for `from_keras`."""
    weights = {}
    for name, layer in plain.layers.items():
        found = layer[1] if isinstance(layer, nn.Sequential) else layer
        if isinstance(found, nn.Conv2d):
            order = (2, 3, 0, 1) if found.groups > 1 else (2, 3, 1, 0)
            weights[f"{name}/kernel"] = found.weight.detach().permute(order).numpy().copy()
        elif isinstance(found, nn.Linear):
            weights[f"{name}/kernel"] = found.weight.detach().numpy().T.copy()
            weights[f"{name}/bias"] = found.bias.detach().numpy().copy()
        elif isinstance(found, nn.BatchNorm2d):
            assert found.running_mean is not None
            assert found.running_var is not None
            tensors = (found.weight, found.bias, found.running_mean, found.running_var)
            keys = ("gamma", "beta", "moving_mean", "moving_variance")
            for key, tensor in zip(keys, tensors, strict=True):
                weights[f"{name}/{key}"] = tensor.detach().numpy().copy()
    return weights
