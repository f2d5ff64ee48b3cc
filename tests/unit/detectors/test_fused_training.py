"""Layers in training that pass over memory less: the values and gradients of plain layers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from asd_cli.detectors.mobilenetv2 import fused_training
from asd_cli.detectors.mobilenetv2.depthwise import depthwise, depthwise_gradients
from asd_cli.detectors.mobilenetv2.network import MobileNetV2

DOUBLE = torch.float64
# Rows and columns such that the norm goes into the map, and that it is a pass of its own.
SHAPES = {"many rows": (4, 9, 16, 4), "few rows": (2, 2, 4, 20)}


def drawn(*shape: int, seed: int = 0, dtype: torch.dtype = DOUBLE) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def layers(c_in: int, c_out: int, dtype: torch.dtype = DOUBLE) -> nn.ModuleDict:
    conv = nn.Conv2d(c_in, c_out, 1, bias=False)
    norm = nn.BatchNorm2d(c_out, eps=1e-3, momentum=0.01)
    found = nn.ModuleDict({"conv": conv, "norm": norm}).to(dtype)
    with torch.no_grad():
        for number, weight in enumerate(found.parameters()):
            weight.copy_(drawn(*weight.shape, seed=number + 1) * 2 + 0.5)
    return found


def by_modules(hidden: Tensor, made: nn.ModuleDict) -> Tensor:
    maps = made["norm"](made["conv"](hidden.permute(0, 3, 1, 2)))
    return nn.functional.relu6(maps).permute(0, 2, 3, 1)


def by_fused(hidden: Tensor, made: nn.ModuleDict) -> Tensor:
    conv, norm = made["conv"], made["norm"]
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fused_training.pixelwise_norm_clip(hidden, conv, norm)


def everything(
    compute: Callable[[Tensor, nn.ModuleDict], Tensor], hidden: Tensor, made: nn.ModuleDict
) -> dict[str, Tensor]:
    """Output, gradients of all inputs, and running statistics after three batches."""
    for shift in (0.0, 1.0):
        compute(hidden + shift, made)
    given = hidden.clone().requires_grad_()
    output = compute(given, made)
    output.backward(drawn(*output.shape, seed=9).to(output.dtype))
    assert given.grad is not None
    found = {"output": output.detach(), "input": given.grad}
    found |= {name: p.grad for name, p in made.named_parameters() if p.grad is not None}
    return found | {name: buffer.clone() for name, buffer in made.named_buffers()}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("parts", [1024 * 1024, 1000], ids=["at once", "in parts"])
def test_map_norm_and_clip_are_those_of_modules(
    shape: tuple[int, ...], parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused_training, "_PART_BYTES", parts)
    hidden = drawn(*shape) * 3 - 20
    expected = everything(by_modules, hidden, layers(shape[-1], 24))
    found = everything(by_fused, hidden, layers(shape[-1], 24))
    assert set(found) == set(expected)
    assert (expected["output"] == 0).any()
    assert (expected["output"] == 6).any()
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES.keys())
def test_single_precision_loses_no_more_than_modules_do(shape: tuple[int, ...]) -> None:
    hidden = drawn(*shape) * 3 - 20
    exact = everything(by_modules, hidden, layers(shape[-1], 24))
    single = [
        everything(compute, hidden.float(), layers(shape[-1], 24, torch.float32))
        for compute in (by_modules, by_fused)
    ]
    for name, value in exact.items():
        scale = value.double().abs().max()
        plain, fused = ((each[name] - value).abs().max() / scale for each in single)
        assert fused <= max(10 * plain, 1e-5), name


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (2, 4), (3, 5), (8, 16)])
def test_depthwise_gradients_are_those_of_the_library(size: tuple[int, int], stride: int) -> None:
    maps = drawn(3, *size, 10).requires_grad_()
    kernel = drawn(10, 1, 3, 3, seed=1).requires_grad_()
    expected = nn.functional.conv2d(
        maps.permute(0, 3, 1, 2), kernel, None, stride, padding=1, groups=10
    )
    found = depthwise(maps.detach(), kernel.detach(), stride)
    torch.testing.assert_close(found, expected.permute(0, 2, 3, 1).detach())
    gradient = drawn(*found.shape, seed=2)
    expected.backward(gradient.permute(0, 3, 1, 2))
    back = depthwise_gradients(gradient, maps.detach(), kernel.detach(), stride)
    torch.testing.assert_close(back[0], maps.grad, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(back[1], kernel.grad, rtol=1e-12, atol=1e-12)


def step(model: MobileNetV2, inputs: Tensor, *, fused: bool) -> dict[str, Tensor]:
    embed = model.embed if fused else model.embed_by_layers
    logits = model.layers["predictions"](embed(inputs))
    nn.functional.cross_entropy(logits, torch.arange(len(inputs)) % 3).backward()
    found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return found | {name: buffer.clone() for name, buffer in model.named_buffers()}


def test_a_step_of_the_network_has_the_gradients_and_statistics_of_its_layers() -> None:
    inputs = drawn(4, 1, 64, 96) * 10 - 30
    models = [MobileNetV2(3, torch.Generator().manual_seed(2)).double().train() for _ in range(2)]
    expected, found = (step(m, inputs, fused=f) for m, f in zip(models, (False, True), strict=True))
    assert len(found) == len(expected) == 52 * 6 + 2
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)


def test_the_same_step_twice_gives_the_same_bits() -> None:
    inputs = drawn(4, 1, 64, 64, dtype=torch.float32) * 10 - 30
    first, second = (
        step(MobileNetV2(3, torch.Generator().manual_seed(2)).train(), inputs, fused=True)
        for _ in range(2)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_scoring_mixed_precision_and_recalibration_compute_layer_by_layer() -> None:
    inputs = torch.zeros(1)
    assert fused_training.takes(inputs, training=True)
    assert not fused_training.takes(inputs, training=False)
    with torch.no_grad():
        assert not fused_training.takes(inputs, training=True)
    with torch.autocast("cpu", torch.bfloat16):
        assert not fused_training.takes(inputs, training=True)


def test_cumulative_statistics_are_refused() -> None:
    made = layers(4, 8)
    norm = made["norm"]
    assert isinstance(norm, nn.BatchNorm2d)
    norm.momentum = None
    with pytest.raises(RuntimeError, match="cumulative"):
        fused_training.norm_clip(drawn(2, 4, 4, 8), norm)
