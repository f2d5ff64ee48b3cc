"""Sharing early layers between windows changes no embedding."""

import pytest
import torch

from asd_cli.detectors.mobilenetv2.network import MobileNetV2, prepare_for_scoring
from asd_cli.detectors.mobilenetv2.shared_scoring import SharedClip, _shared_stages
from asd_cli.training.batch_norm import recalibrate

LENGTH = 100


def clip_and_network(
    n_frames: int, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, MobileNetV2]:
    generator = torch.Generator().manual_seed(n_frames)
    clip = torch.randn(LENGTH, 128, generator=generator, dtype=torch.float64).cumsum(0) * 3 - 30
    model = MobileNetV2(3, generator).double()
    # With statistics as they begin, all embeddings are nearly equal and anything would agree.
    recalibrate(model, model, [cut(clip, torch.arange(0, LENGTH - n_frames, 5), n_frames)])
    return clip.to(dtype), prepare_for_scoring(model.eval()).to(dtype)


def cut(clip: torch.Tensor, starts: torch.Tensor, n_frames: int) -> torch.Tensor:
    return torch.stack([clip[start : start + n_frames] for start in starts.tolist()])[:, None]


@pytest.mark.parametrize(
    ("n_frames", "hop", "stages"), [(64, 1, 5), (64, 8, 5), (64, 3, 5), (48, 1, 4), (50, 1, 2), (33, 1, 0)]
)  # fmt: skip
def test_embeddings_are_those_of_the_windows_alone(n_frames: int, hop: int, stages: int) -> None:
    clip, network = clip_and_network(n_frames)
    assert len(_shared_stages(network.stage_strides, n_frames)[0]) == stages
    starts = torch.arange(LENGTH - n_frames, -1, -hop)
    with torch.inference_mode():
        expected = network.embed(cut(clip, starts, n_frames))
        shared = torch.cat(list(SharedClip(network, clip, starts, n_frames).embed(16)))
    assert expected.std(dim=0).max() > 0.05
    torch.testing.assert_close(shared, expected, rtol=0, atol=1e-10)


def test_one_window_is_a_clip_too() -> None:
    clip, network = clip_and_network(64)
    with torch.inference_mode():
        (shared,) = SharedClip(network, clip[:64], torch.tensor([0]), 64).embed(32)
        torch.testing.assert_close(shared, network.embed(clip[None, None, :64]), rtol=0, atol=1e-10)


def test_scores_in_single_precision_agree_to_1e_5() -> None:
    from asd_cli.detectors.mobilenetv2.detector import window_scores

    clip, network = clip_and_network(64, torch.float32)
    starts = torch.arange(LENGTH - 64, -1, -1)

    def scores(embeddings: torch.Tensor) -> torch.Tensor:
        chances = network.layers["predictions"](embeddings).softmax(dim=1)[:, 0].numpy()
        return torch.from_numpy(window_scores(chances, "reference"))

    with torch.inference_mode():
        expected = scores(network.embed(cut(clip, starts, 64)))
        shared = scores(torch.cat(list(SharedClip(network, clip, starts, 64).embed(32))))
    assert expected.std() > 0.01
    torch.testing.assert_close(shared, expected, rtol=0, atol=1e-5)
