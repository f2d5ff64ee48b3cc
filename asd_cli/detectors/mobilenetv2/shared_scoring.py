"""Early layers of overlapping windows, computed once for the whole clip.

Neighbouring windows have nearly all frames in common, and a convolution gives the same value for
the same frames in whichever window they lie, unless it reaches beyond the window into the zeros it
is padded with. Each early layer is therefore run once over the clip, for every *phase* (a stride of
2 sees windows that begin at even frames and at odd ones differently), and only the rows of a window
that its padding reaches, a strip at the top and one at the bottom, are computed for each window.
Both strips grow from layer to layer; when they fill the window nothing is left to share.

This is exact: values of the clip's rows that the clip's own ends reach are never taken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from asd_cli.detectors.mobilenetv2.network import MobileNetV2

# Strips that fill more of a layer's input than this cost as much as they save.
_TALLEST_STRIPS = 0.6


@dataclass(frozen=True, slots=True)
class _Stage:
    """One stage of the network, on windows of `height` rows.

    Attributes
    ----------
    number, stride, height : int
        Which, its stride in time, and rows of its input.
    top, bottom : int
        Rows of the input that the padding has reached.
    """

    number: int
    stride: int
    height: int
    top: int = 0
    bottom: int = 0

    @property
    def top_out(self) -> int:
        """Rows of the output that it will have reached: row i is made of 2i-1, 2i, 2i+1."""
        return self.top // 2 + 1 if self.stride == 2 else self.top + 1

    @property
    def bottom_out(self) -> int:
        return (self.bottom + 1) // 2 if self.stride == 2 else self.bottom + 1

    @property
    def top_strip(self) -> int:
        """Rows of input from which those at the top of the output come, whole strides."""
        return 2 * self.top_out if self.stride == 2 else self.top_out + 1

    @property
    def bottom_strip(self) -> int:
        return 2 * self.bottom_out + 2 if self.stride == 2 else self.bottom_out + 1

    @property
    def can_be_shared(self) -> bool:
        # At an odd height the last row would be padded on both sides.
        even = self.height % self.stride == 0
        return even and self.top_strip + self.bottom_strip <= _TALLEST_STRIPS * self.height

    def next(self, stride: int) -> "_Stage":
        return _Stage(
            self.number + 1, stride, self.height // self.stride, self.top_out, self.bottom_out
        )


def _shared_stages(strides: Sequence[int], n_frames: int) -> tuple[list[_Stage], _Stage]:
    """Give the stages to share, and the first that is not."""
    shared: list[_Stage] = []
    stage = _Stage(0, strides[0], n_frames)
    while stage.can_be_shared:
        shared.append(stage)
        stage = stage.next(strides[stage.number + 1])
    return shared, stage


class _Rows:
    """What a stage is given, of the whole clip: rows of every phase [shape=(p, rows, w, c)]."""

    def __init__(self, rows: Tensor, phases: Sequence[int], stride: int) -> None:
        self._rows, self._stride = rows, stride
        self._places = {phase: place for place, phase in enumerate(phases)}

    def take(self, starts: Tensor, begin: int, end: int) -> Tensor:
        """Rows `begin` to `end` of windows that start at some frames [shape=(n, rows, w, c)]."""
        places = torch.tensor([self._places[start % self._stride] for start in starts.tolist()])
        first = places * self._rows.shape[1] + starts // self._stride
        wanted = (first[:, None] + torch.arange(begin, end)).flatten()
        taken = self._rows.flatten(0, 1).index_select(0, wanted.to(self._rows.device))
        return taken.unflatten(0, (len(starts), end - begin))

    def after(self, network: MobileNetV2, stage: _Stage, wanted: set[int]) -> "_Rows":
        """Run a stage over the clip, for the phases that windows start at."""
        stride = self._stride * stage.stride
        phases = sorted({start % stride for start in wanted})
        cut = [
            self._rows[self._places[phase % self._stride], phase // self._stride :]
            for phase in phases
        ]
        # Of one length, so that they run as one batch; no window reaches the zeros at the end.
        rows = nn.utils.rnn.pad_sequence(cut, batch_first=True)
        return _Rows(_run(network, stage, rows), phases, stride)


def _run(network: MobileNetV2, stage: _Stage, rows: Tensor) -> Tensor:
    """Run a stage on rows [shape=(n, rows, bands, channels)], channels last as it likes them."""
    return network.run_stage(stage.number, rows.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class SharedClip:
    """One clip, prepared for the windows that are cut from it.

    Parameters
    ----------
    network : MobileNetV2
        From `prepare_for_scoring`.
    spectrogram : Tensor [shape=(n_frames_of_clip, n_mels), dtype=float32]
        Decibels, turned round in time and frequency.
    starts : Tensor [shape=(n_windows,), dtype=int64]
        Where windows begin in it.
    n_frames : int
        Frames in a window.
    """

    def __init__(
        self, network: MobileNetV2, spectrogram: Tensor, starts: Tensor, n_frames: int
    ) -> None:
        self._network, self._starts = network, starts
        self._stages, self._rest = _shared_stages(network.stage_strides, n_frames)
        wanted = set(starts.tolist())
        self._levels = [_Rows(spectrogram[None, ..., None], [0], 1)]
        for stage in self._stages:
            self._levels.append(self._levels[-1].after(network, stage, wanted))

    def embed(self, batch_size: int) -> Iterator[Tensor]:
        """Embeddings of all windows, some at a time [shape=(n, 1280), dtype=float32]."""
        for starts in self._starts.split(batch_size):
            hidden = self._early(starts).permute(0, 3, 1, 2)
            yield self._network.embed(hidden, first_stage=self._rest.number)

    def _early(self, starts: Tensor) -> Tensor:
        """Make what the first stage not shared is given [shape=(n, rows, bands, channels)]."""
        tops: list[Tensor] = []
        bottoms: list[Tensor] = []
        for stage, rows in zip(self._stages, self._levels[:-1], strict=True):
            begin = rows.take(starts, stage.top, stage.top_strip)
            end = rows.take(starts, stage.height - stage.bottom_strip, stage.height - stage.bottom)
            top = _run(self._network, stage, torch.cat([*tops, begin], dim=1))
            bottom = _run(self._network, stage, torch.cat([end, *bottoms], dim=1))
            tops = [top[:, : stage.top_out]]
            bottoms = [bottom[:, bottom.shape[1] - stage.bottom_out :]]
        rest = self._rest
        between = self._levels[-1].take(starts, rest.top, rest.height - rest.bottom)
        return torch.cat([*tops, between, *bottoms], dim=1)
