"""Blocks of the network in training, with fewer passes over their wide maps.

Layer by layer, training is memory traffic: a block's widest maps, six times its input, are read and
written by a convolution, a batch norm (Ioffe & Szegedy 2015), a ReLU6 and their gradients. Here the
ReLU6 overwrites what the norm gave, from which its mask follows, and the norm behind a linear map
of a narrow input needs no pass of its own. Values and gradients are the same; sums are taken in
another order.

With `x` the input rows less their mean, `C = xᵀx / n` and `z = x W`:

- the variance of column j of `z` is `(Wᵀ C W)_jj`, so that map and norm are one map;
- of the gradient `D` behind the norm only `xᵀD` and the sums of its columns are needed: since
  `ẑ = z / σ` and `xᵀẑ = n C W / σ`, the norm's own gradient `γ/σ (D - mean(D) - ẑ mean(D ẑ))`
  goes into those of `W` and of `x` by small matrices.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from asd_cli.detectors.mobilenetv2.depthwise import depthwise, depthwise_gradients

_TOP = 6.0
# Rows for each input column from which the norm's matrices cost less than passes over the output.
_MIN_ROWS_A_COLUMN = 128
# A part of a map and its gradient lie in a common second-level cache.
_PART_BYTES = 1024 * 1024


def takes(hidden: Tensor, training: bool) -> bool:
    """Whether blocks on such an input are computed here: training on a CPU, in one precision."""
    return (
        training
        and hidden.is_cpu
        and torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
    )


def pixelwise(hidden: Tensor, conv: nn.Conv2d) -> Tensor:
    """Convolve with a kernel of 1 by 1, as a matrix product.

    Parameters
    ----------
    hidden : Tensor [shape=(n, rows, bands, c_in)]
        Channels last.
    conv : Conv2d
        Without bias.

    Returns
    -------
    Tensor [shape=(n, rows, bands, c_out)]
    """
    return nn.functional.linear(hidden, conv.weight.flatten(1))


def pixelwise_norm_clip(hidden: Tensor, conv: nn.Conv2d, norm: nn.BatchNorm2d) -> Tensor:
    """Convolve with a kernel of 1 by 1, normalise, clip to [0, 6]; as `pixelwise`."""
    n, c_in = hidden.shape[:-1].numel(), hidden.shape[-1]
    if n < _MIN_ROWS_A_COLUMN * c_in:
        return norm_clip(pixelwise(hidden, conv), norm)
    found: Tensor = _PixelwiseNormClip.apply(hidden, conv.weight, norm.weight, norm.bias, norm)
    return found


def norm_clip(hidden: Tensor, norm: nn.BatchNorm2d) -> Tensor:
    """Normalise each channel over the batch and clip to [0, 6]; statistics are updated.

    Parameters
    ----------
    hidden : Tensor [shape=(n, rows, bands, c)]
        Channels last.
    norm : BatchNorm2d
        In training, with a momentum.
    """
    found: Tensor = _NormClip.apply(hidden, norm.weight, norm.bias, norm)
    return found


def filter_by_channel(hidden: Tensor, conv: nn.Conv2d) -> Tensor:
    """Convolve each channel with its own kernel of 3 by 3; channels last."""
    found: Tensor = _Depthwise.apply(hidden, conv.weight, int(conv.stride[0]))
    return found


class _NormClip(torch.autograd.Function):
    """`norm_clip`: the clip overwrites what the norm gave."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, gamma: Tensor, beta: Tensor, norm: nn.BatchNorm2d
    ) -> Tensor:
        maps = hidden.permute(0, 3, 1, 2)
        clipped, mean, inverse = torch.native_batch_norm(
            maps, gamma, beta, norm.running_mean, norm.running_var, True, _begin(norm), norm.eps
        )
        clipped.clamp_(0, _TOP)
        ctx.save_for_backward(maps, clipped, gamma, mean, inverse)
        ctx.eps = norm.eps
        return clipped.permute(0, 2, 3, 1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        maps, clipped, gamma, mean, inverse = ctx.saved_tensors
        passed = torch.ops.aten.hardtanh_backward(gradient.permute(0, 3, 1, 2), clipped, 0.0, _TOP)
        found = torch.ops.aten.native_batch_norm_backward(
            passed, maps, gamma, None, None, mean, inverse, True, ctx.eps, [True, True, True]
        )
        return found[0].permute(0, 2, 3, 1), found[1], found[2], None


class _Depthwise(torch.autograd.Function):
    """`filter_by_channel`, with gradients that are fast on small maps."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, kernel: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(hidden, kernel)
        ctx.stride = stride
        return depthwise(hidden, kernel, stride)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        hidden, kernel = ctx.saved_tensors
        return (*depthwise_gradients(gradient, hidden, kernel, ctx.stride), None)


@dataclass(frozen=True, slots=True)
class _NormedMap:
    """A linear map with the batch norm behind it, as one map of centred rows.

    Attributes
    ----------
    rows : Tensor [shape=(n, c_in + 1)]
        Less their mean; the last column is 1, so that it carries offsets and sums.
    kernel, combined : Tensor [shape=(c_in + 1, c_out)]
        Of the map, with a last row of zeros; and with the norm in it.
    moments : Tensor [shape=(c_in + 1, c_in + 1)]
        Mean of the products of the columns of `rows`.
    scale, inverse : Tensor [shape=(c_out,)]
        Gamma over the standard deviation, and one over it.
    """

    rows: Tensor
    kernel: Tensor
    combined: Tensor
    moments: Tensor
    scale: Tensor
    inverse: Tensor

    @classmethod
    def of(cls, flat: Tensor, weight: Tensor, norm: nn.BatchNorm2d) -> "_NormedMap":
        """Combine them for rows [shape=(n, c_in)], and update the norm's running statistics."""
        n, c_in = flat.shape
        mean = flat.mean(0)
        rows = flat.new_ones(n, c_in + 1)
        torch.sub(flat, mean, out=rows[:, :c_in])
        kernel = flat.new_zeros(c_in + 1, len(weight))
        kernel[:c_in] = weight.flatten(1).T
        moments = torch.mm(rows.T, rows) / n
        variance = (torch.mm(moments, kernel) * kernel).sum(0).clamp_(min=0)
        _update(norm, mean @ kernel[:c_in], variance, n)
        inverse = (variance + norm.eps).rsqrt_()
        scale = norm.weight * inverse
        combined = kernel * scale
        combined[-1] = norm.bias
        return cls(rows, kernel, combined, moments, scale, inverse)

    def gradients(self, products: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Turn `rows.T @ D` into the gradients of weight, gamma and beta, and part of the rows'.

        That of the rows is `D @ (kernel * scale).T` plus `rows` times the last of these.
        """
        beta = products[-1]
        gamma = (self.kernel * products).sum(0) * self.inverse
        pull = self.scale * self.inverse * gamma
        weight = products * self.scale - torch.mm(self.moments, self.kernel) * pull
        kernel, n = self.kernel[:-1], len(self.rows)
        rest = -torch.cat([kernel * pull, (self.scale * beta)[None]]) @ kernel.T / n
        return weight[:-1].T, gamma, beta, rest


class _PixelwiseNormClip(torch.autograd.Function):
    """`pixelwise_norm_clip` of narrow maps with many pixels."""

    @staticmethod
    def forward(  # noqa: PLR0917 - autograd asks for every tensor
        ctx: Any, hidden: Tensor, weight: Tensor, gamma: Tensor, beta: Tensor, norm: nn.BatchNorm2d
    ) -> Tensor:
        both = _NormedMap.of(hidden.reshape(-1, hidden.shape[-1]), weight, norm)
        wide = hidden.new_empty(len(both.rows), len(weight))
        for rows, part in zip(_parts(both.rows, wide), _parts(wide, wide), strict=True):
            torch.mm(rows, both.combined, out=part).clamp_(0, _TOP)
        ctx.save_for_backward(
            both.rows, both.kernel, both.combined, both.moments, both.scale, both.inverse, wide
        )
        ctx.shape, ctx.weight_shape = hidden.shape, weight.shape
        return wide.view(*hidden.shape[:-1], -1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        *fields, wide = ctx.saved_tensors
        both = _NormedMap(*fields)
        back = (both.kernel * both.scale)[:-1].T.contiguous()
        hidden = gradient.new_empty(len(wide), both.rows.shape[1] - 1)
        products = torch.zeros_like(both.kernel)
        gradient = gradient.reshape(wide.shape)
        scratch = None
        for given, clipped, rows, part in zip(
            *(_parts(each, wide) for each in (gradient, wide, both.rows, hidden)), strict=True
        ):
            scratch = torch.empty_like(clipped) if scratch is None else scratch[: len(clipped)]
            passed = torch.ops.aten.hardtanh_backward.grad_input(
                given, clipped, 0.0, _TOP, grad_input=scratch
            )
            products.addmm_(rows.T, passed)
            torch.mm(passed, back, out=part)
        weight, gamma, beta, rest = both.gradients(products)
        hidden.addmm_(both.rows, rest)
        return hidden.view(ctx.shape), weight.reshape(ctx.weight_shape), gamma, beta, None


def _parts(rows: Tensor, wide: Tensor) -> tuple[Tensor, ...]:
    """Cut rows so that those of the wide map fit the cache."""
    return rows.split(max(1, _PART_BYTES // (wide.shape[1] * wide.element_size())))


def _update(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, n: int) -> None:
    """Move the running statistics as `torch.nn.BatchNorm2d` does."""
    share = _begin(norm)
    assert norm.running_mean is not None  # noqa: S101 - for the type checker
    assert norm.running_var is not None  # noqa: S101
    norm.running_mean.lerp_(mean, share)
    norm.running_var.lerp_(variance * (n / (n - 1)), share)


def _begin(norm: nn.BatchNorm2d) -> float:
    """Count the batch; gives the share of new statistics in the running ones."""
    if norm.momentum is None or norm.num_batches_tracked is None:
        raise RuntimeError("cumulative statistics are taken layer by layer, without gradients")
    norm.num_batches_tracked.add_(1)
    return norm.momentum
