"""What the machine can do at most: multiplications in a second, bytes copied in a second."""

import time
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from asd_cli.detectors.mobilenetv2.network import MobileNetV2

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class Limits:
    """Fastest of several rounds: flop/s of a float32 matrix product, byte/s of a copy."""

    flops: float
    bytes_copied: float


def measure_limits(*, size: int = 2048, megabytes: int = 256, rounds: int = 5) -> Limits:
    """Multiply two square matrices of `size`, and copy more than the caches hold."""
    left, right = torch.rand(size, size), torch.rand(size, size)
    source = np.ones(megabytes << 17, np.float64)
    target = np.empty_like(source)

    def product() -> object:
        return left @ right

    def copy() -> object:
        target[:] = source
        return target

    fastest = {}
    for work in (product, copy):
        work()
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        fastest[work] = min(times)
    return Limits(2 * size**3 / fastest[product], 2 * source.nbytes / fastest[copy])


def count_flops(model: MobileNetV2, shape: tuple[int, int]) -> int:
    """Count multiplications and additions of convolutions and products for one window."""
    total = 0

    def add(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            area = layer.kernel_size[0] * layer.kernel_size[1]
            total += 2 * output.numel() * area * layer.in_channels // layer.groups
        elif isinstance(layer, nn.Linear):
            total += 2 * layer.in_features * layer.out_features

    hooks = [layer.register_forward_hook(add) for layer in model.layers.values()]
    training = model.training
    with torch.inference_mode():
        model.eval()(torch.zeros(1, 1, *shape))
    model.train(training)
    for hook in hooks:
        hook.remove()
    return total


def count_bytes(model: nn.Module, shape: tuple[int, ...], *, batch: int = 2) -> float:
    """Count the bytes that all layers read and write for one input if no cache keeps any of them.

    Activations, and the weights once a batch; forward only.
    """
    total = 0.0

    def add(_: nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        total += _FLOAT_BYTES * (given[0].numel() + output.numel())

    leaves = [layer for layer in model.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(add) for layer in leaves]
    training = model.training
    with torch.inference_mode():
        model.eval()(torch.zeros(1, *shape))
    model.train(training)
    for hook in hooks:
        hook.remove()
    weights = sum(weight.numel() for weight in model.parameters())
    return total + _FLOAT_BYTES * weights / batch
