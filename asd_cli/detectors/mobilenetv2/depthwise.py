"""Depthwise convolution of 3 by 3 on maps with channels last, and its gradients.

The library's gradient on maps of a few pixels takes fifty times what its arithmetic would, on
processors with AVX2 as on those with AVX-512. There the nine taps are products of shifted maps.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

_PIXELS_OF_SMALL = 8


def depthwise(maps: Tensor, kernel: Tensor, stride: int) -> Tensor:
    """Filter each channel by its own kernel, with one pixel of zeros around the map.

    Parameters
    ----------
    maps : Tensor [shape=(n, rows, bands, c)]
        Contiguous.
    kernel : Tensor [shape=(c, 1, 3, 3)]
        As `torch.nn.functional.conv2d` takes it.
    stride : int
        1 or 2.

    Returns
    -------
    Tensor [shape=(n, rows / stride, bands / stride, c)]
        Rounded up; contiguous.
    """
    found = nn.functional.conv2d(
        maps.permute(0, 3, 1, 2), kernel, None, stride, padding=1, groups=len(kernel)
    )
    return found.permute(0, 2, 3, 1).contiguous()


def depthwise_gradients(
    gradient: Tensor, maps: Tensor, kernel: Tensor, stride: int
) -> tuple[Tensor, Tensor]:
    """Gradients of the maps and of the kernel that `depthwise` was given.

    Parameters
    ----------
    gradient : Tensor [shape=(n, rows / stride, bands / stride, c)]
        Of what `depthwise` gave.
    maps, kernel, stride
        As there.

    Returns
    -------
    maps : Tensor [shape=(n, rows, bands, c)]
        Contiguous.
    kernel : Tensor [shape=(c, 1, 3, 3)]
    """
    if gradient.shape[1] * gradient.shape[2] <= _PIXELS_OF_SMALL and stride == 1:
        return _by_shifts(gradient, maps, kernel)
    found: tuple[Tensor, Tensor, Tensor] = torch.ops.aten.convolution_backward(
        gradient.permute(0, 3, 1, 2), maps.permute(0, 3, 1, 2), kernel, None, [stride, stride],
        [1, 1], [1, 1], False, [0, 0], len(kernel), [True, True, False],
    )  # fmt: skip
    return found[0].permute(0, 2, 3, 1).contiguous(), found[1]


def _by_shifts(gradient: Tensor, maps: Tensor, kernel: Tensor) -> tuple[Tensor, Tensor]:
    channels = len(kernel)
    taps = kernel.view(channels, 9).T.contiguous()
    kernel_gradient = torch.empty_like(taps)
    before = torch.zeros_like(maps)
    for tap, (there, here) in enumerate(_overlaps(*maps.shape[1:3])):
        part = gradient[here]
        before[there].addcmul_(part, taps[tap])
        torch.sum(part * maps[there], dim=(0, 1, 2), out=kernel_gradient[tap])
    return before, kernel_gradient.T.reshape(kernel.shape)


def _overlaps(
    rows: int, bands: int
) -> Iterator[tuple[tuple[slice, slice, slice], tuple[slice, slice, slice]]]:
    """For each tap, the pixels that it reads and those it contributes to."""
    every = slice(None)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            there = (
                slice(max(down, 0), rows + min(down, 0)),
                slice(max(right, 0), bands + min(right, 0)),
            )
            here = (
                slice(max(-down, 0), rows + min(-down, 0)),
                slice(max(-right, 0), bands + min(-right, 0)),
            )
            yield (every, *there), (every, *here)
