"""MobileNetV2 as Keras builds it, in a layout that trains fast and converts back exactly.

The network is ``keras.applications.MobileNetV2(alpha=0.5, input_shape=(n_frames, n_mels, 3),
weights=None)`` (Sandler et al. 2018) with the spectrogram copied to its three channels, as in the
DCASE 2021 Task 2 baseline. Two changes of layout, neither of which changes what is computed:

Fold
    The three input channels are equal, so the first convolution equals one with a single channel
    whose kernel is the sum over the three. The gradients of the three slices are equal as well,
    and so are Adam's steps; their sum moves three times as far, hence the learning rate of the
    folded kernel is three times the others' (`FOLD`).
Flip
    Keras pads an even length at stride 2 by (0, 1), torch by (1, 1) of which the last is not used.
    On a spectrogram turned round in time and frequency, with kernels turned round, torch's padding
    is Keras'. At odd lengths Keras pads (1, 1) itself, which is the same both ways round.

`to_keras` and `from_keras` convert weights between this layout and Keras' own names and shapes;
model bundles hold the latter.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from asd_cli.detectors.mobilenetv2 import fused_training

FOLD = 3
EMBEDDING_SIZE = 1280
MIN_INPUT = 32
_EPSILON = 1e-3
# torch's momentum is the share of the new value, Keras' 0.999 that of the old one.
_MOMENTUM = 1.0 - 0.999
_ALPHA = 0.5
_STEM_CHANNELS, _STEM_STRIDE = 32, 2
_MIN_ROWS_IN_BF16 = 2
# Expansion, output channels, repeats, stride of the first: Table 2 of Sandler et al. 2018.
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

KerasWeights = dict[str, np.ndarray]


class _Block(NamedTuple):
    """One inverted residual block, with Keras' name for it."""

    name: str
    channels_in: int
    channels: int
    channels_out: int
    stride: int

    @property
    def expands(self) -> bool:
        return self.channels != self.channels_in

    @property
    def is_residual(self) -> bool:
        return self.stride == 1 and self.channels_in == self.channels_out


def _width(channels: int) -> int:
    """Scale a number of channels by alpha, to a multiple of 8 that loses at most a tenth."""
    scaled = channels * _ALPHA
    width = max(8, int(scaled + 4) // 8 * 8)
    return width + 8 if width < 0.9 * scaled else width


def _blocks() -> Iterator[_Block]:
    channels_in, number = _width(_STEM_CHANNELS), 0
    for expansion, channels, repeats, stride in _STAGES:
        for repeat in range(repeats):
            name = f"block_{number}" if number else "expanded_conv"
            yield _Block(
                name,
                channels_in,
                channels_in * expansion,
                _width(channels),
                stride if repeat == 0 else 1,
            )
            channels_in, number = _width(channels), number + 1


class MobileNetV2(nn.Module):
    """The classifier of the baseline.

    Parameters
    ----------
    n_classes : int
        Sections of the machine.
    generator : torch.Generator, optional
        Source of the initial weights; without it they are left as torch makes them.
    """

    def __init__(self, n_classes: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.blocks = tuple(_blocks())
        self.layers = nn.ModuleDict(dict(self._make_layers(n_classes)))
        if generator is not None:
            self._initialise(generator)
        self.to(memory_format=torch.channels_last)

    def _make_layers(self, n_classes: int) -> Iterator[tuple[str, nn.Module]]:
        stem = _width(_STEM_CHANNELS)
        yield "Conv1", nn.Conv2d(1, stem, 3, stride=_STEM_STRIDE, padding=1, bias=False)
        yield "bn_Conv1", _batch_norm(stem)
        for block in self.blocks:
            inside, out = block.channels, block.channels_out
            if block.expands:
                yield f"{block.name}_expand", nn.Conv2d(block.channels_in, inside, 1, bias=False)
                yield f"{block.name}_expand_BN", _batch_norm(inside)
            depthwise = nn.Conv2d(
                inside, inside, 3, stride=block.stride, padding=1, groups=inside, bias=False
            )
            yield f"{block.name}_depthwise", depthwise
            yield f"{block.name}_depthwise_BN", _batch_norm(inside)
            yield f"{block.name}_project", nn.Conv2d(inside, out, 1, bias=False)
            yield f"{block.name}_project_BN", _batch_norm(out)
        yield "Conv_1", nn.Conv2d(self.blocks[-1].channels_out, EMBEDDING_SIZE, 1, bias=False)
        yield "Conv_1_bn", _batch_norm(EMBEDDING_SIZE)
        yield "predictions", nn.Linear(EMBEDDING_SIZE, n_classes)

    def _initialise(self, generator: torch.Generator) -> None:
        """Draw kernels as Keras does: Glorot uniform (Glorot & Bengio 2010), biases zero."""
        weights = to_keras(self)
        for name, value in weights.items():
            if name.endswith("/kernel"):
                area = int(np.prod(value.shape[:-2]))
                limit = (6.0 / (area * (value.shape[-2] + value.shape[-1]))) ** 0.5
                drawn = torch.rand(value.shape, generator=generator, dtype=torch.float32)
                weights[name] = ((drawn * 2 - 1) * limit).numpy()
            elif name.endswith("/bias"):
                weights[name] = np.zeros_like(value)
        from_keras(self, weights)

    def embed(self, spectrograms: Tensor, *, first_stage: int = 0) -> Tensor:
        """Map spectrograms to embeddings.

        Parameters
        ----------
        spectrograms : Tensor [shape=(n, 1, n_frames, n_mels), dtype=float32]
            Decibels, turned round in time and frequency; or what stage `first_stage` is given.
        first_stage : int
            Where to begin: 0 is the first convolution, the blocks follow.

        Returns
        -------
        Tensor [shape=(n, 1280), dtype=float32]
        """
        if first_stage == 0 and fused_training.takes(spectrograms, self.training):
            return self._embed_in_training(spectrograms)
        return self.embed_by_layers(spectrograms, first_stage=first_stage)

    def embed_by_layers(self, spectrograms: Tensor, *, first_stage: int = 0) -> Tensor:
        """Do what `embed` does, each layer by itself."""
        hidden = spectrograms
        for number in range(first_stage, len(self.stage_strides)):
            hidden = self.run_stage(number, hidden)
        hidden = self._conv_norm_act(hidden, "Conv_1", "Conv_1_bn")
        return hidden.mean(dim=(2, 3))

    def _embed_in_training(self, spectrograms: Tensor) -> Tensor:
        """Do the same with layers that keep their channels last and pass over wide maps less."""
        layers: Any = self.layers
        stem = layers["Conv1"](spectrograms).permute(0, 2, 3, 1)
        hidden = fused_training.norm_clip(stem, layers["bn_Conv1"])
        for block in self.blocks:
            name, shortcut = block.name, hidden
            if block.expands:
                hidden = fused_training.pixelwise_norm_clip(
                    hidden, layers[f"{name}_expand"], layers[f"{name}_expand_BN"]
                )
            hidden = fused_training.filter_by_channel(hidden, layers[f"{name}_depthwise"])
            hidden = fused_training.norm_clip(hidden, layers[f"{name}_depthwise_BN"])
            hidden = fused_training.pixelwise(hidden, layers[f"{name}_project"])
            normed = layers[f"{name}_project_BN"](hidden.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
            hidden = normed + shortcut if block.is_residual else normed
        hidden = fused_training.pixelwise_norm_clip(hidden, layers["Conv_1"], layers["Conv_1_bn"])
        return hidden.mean(dim=(1, 2))

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """Strides of the first convolution and of each block."""
        return (_STEM_STRIDE, *(block.stride for block in self.blocks))

    def run_stage(self, number: int, hidden: Tensor) -> Tensor:
        """Run the first convolution, number 0, or a block, from 1."""
        if number == 0:
            return self._conv_norm_act(hidden, "Conv1", "bn_Conv1")
        return self._run_block(self.blocks[number - 1], hidden)

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Map spectrograms, as in `embed`, to logits [shape=(n, n_classes)]."""
        logits: Tensor = self.layers["predictions"](self.embed(spectrograms))
        return logits

    def _run_block(self, block: _Block, hidden: Tensor) -> Tensor:
        name, shortcut = block.name, hidden
        if block.expands:
            hidden = self._conv_norm_act(hidden, f"{name}_expand", f"{name}_expand_BN")
        hidden = self._depthwise(block, hidden)
        hidden = self.layers[f"{name}_project_BN"](self.layers[f"{name}_project"](hidden))
        return hidden + shortcut if block.is_residual else hidden

    def _depthwise(self, block: _Block, hidden: Tensor) -> Tensor:
        names = (f"{block.name}_depthwise", f"{block.name}_depthwise_BN")
        slow = block.stride == 2 or hidden.shape[-2] <= _MIN_ROWS_IN_BF16
        if slow and hidden.is_cpu and torch.is_autocast_enabled("cpu"):
            # In bfloat16, oneDNN falls back to plain loops for the gradients of these.
            with torch.autocast("cpu", enabled=False):
                return self._conv_norm_act(hidden.float(), *names)
        return self._conv_norm_act(hidden, *names)

    def _conv_norm_act(self, hidden: Tensor, conv: str, norm: str) -> Tensor:
        return nn.functional.relu6(self.layers[norm](self.layers[conv](hidden)))


class Embedder(nn.Module):
    """A network without its last layer, as a module of its own.

    Parameters
    ----------
    network : MobileNetV2
        From `prepare_for_scoring`.
    """

    def __init__(self, network: MobileNetV2) -> None:
        super().__init__()
        self.network = network

    def forward(self, windows: Tensor) -> Tensor:
        """Map windows, as `MobileNetV2.embed` takes them, to embeddings [shape=(n, 1280)]."""
        return self.network.embed(windows)


def _batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_EPSILON, momentum=_MOMENTUM)


def prepare_for_scoring(model: MobileNetV2) -> MobileNetV2:
    """Give a copy whose batch norms are folded into its convolutions: the same function, faster."""
    from copy import deepcopy

    from torch.nn.utils.fusion import fuse_conv_bn_eval

    fused = deepcopy(model).eval()
    names = list(fused.layers)
    for conv, norm in zip(names[:-1:2], names[1::2], strict=True):
        fused.layers[conv] = fuse_conv_bn_eval(fused.layers[conv], fused.layers[norm])
        fused.layers[norm] = nn.Identity()
    return fused.to(memory_format=torch.channels_last)


def to_keras(model: MobileNetV2) -> KerasWeights:
    """Write weights under Keras' names, in its shapes and orientation.

    Returns
    -------
    dict of str to ndarray
        ``<layer>/<weight>`` to float32. The first kernel is in the first of its three slices;
        on three equal channels only the sum of the slices counts.
    """
    weights: KerasWeights = {}
    for name, layer in model.layers.items():
        if isinstance(layer, nn.Conv2d):
            kernel = layer.weight.detach().cpu().flip(2, 3)
            if name == "Conv1":
                # All of it in one slice: thirds would not add up to the same last bit.
                kernel = torch.cat([kernel, *[torch.zeros_like(kernel)] * (FOLD - 1)], dim=1)
            depthwise = layer.groups > 1
            order = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
            weights[f"{name}/kernel"] = kernel.permute(order).contiguous().numpy()
        elif isinstance(layer, nn.BatchNorm2d):
            for key, tensor in _norm_tensors(layer).items():
                weights[f"{name}/{key}"] = tensor.detach().cpu().clone().numpy()
        elif isinstance(layer, nn.Linear):
            weights[f"{name}/kernel"] = layer.weight.detach().cpu().T.contiguous().numpy()
            weights[f"{name}/bias"] = layer.bias.detach().cpu().clone().numpy()
    return weights


def from_keras(model: MobileNetV2, weights: Mapping[str, np.ndarray]) -> None:
    """Load weights written by `to_keras`, or taken from a Keras model, into a model.

    Raises
    ------
    KeyError
        When a weight is missing.
    RuntimeError
        When a weight has another shape.
    """
    with torch.no_grad():
        for name, layer in model.layers.items():
            if isinstance(layer, nn.Conv2d):
                depthwise = layer.groups > 1
                kernel = torch.from_numpy(np.ascontiguousarray(weights[f"{name}/kernel"]))
                kernel = kernel.permute((2, 3, 0, 1) if depthwise else (3, 2, 0, 1)).flip(2, 3)
                if name == "Conv1":
                    kernel = kernel.sum(dim=1, keepdim=True)
                layer.weight.copy_(kernel)
            elif isinstance(layer, nn.BatchNorm2d):
                for key, tensor in _norm_tensors(layer).items():
                    tensor.copy_(torch.from_numpy(weights[f"{name}/{key}"]))
            elif isinstance(layer, nn.Linear):
                layer.weight.copy_(torch.from_numpy(weights[f"{name}/kernel"]).T)
                layer.bias.copy_(torch.from_numpy(weights[f"{name}/bias"]))


def _norm_tensors(layer: nn.BatchNorm2d) -> dict[str, Tensor]:
    assert layer.running_mean is not None  # noqa: S101 - for the type checker
    assert layer.running_var is not None  # noqa: S101
    return {
        "gamma": layer.weight,
        "beta": layer.bias,
        "moving_mean": layer.running_mean,
        "moving_variance": layer.running_var,
    }
