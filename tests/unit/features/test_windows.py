import numpy as np
import pytest

from asd_cli.core.errors import DataError
from asd_cli.features.windows import frame_windows


def test_windows_stay_inside_clips_of_unequal_length() -> None:
    windows = frame_windows([0, 10, 13], [10, 3, 7], n_frames=3, hop=2, names=["a", "b", "c"])
    assert windows.starts.tolist() == [0, 2, 4, 6, 10, 13, 15, 17]
    assert windows.clips.tolist() == [0, 0, 0, 0, 1, 2, 2, 2]
    assert len(windows) == 8


def test_rows_forwards_and_backwards() -> None:
    windows = frame_windows([0], [6], n_frames=3, hop=1, names=["a"])
    chosen = np.array([3, 0])
    assert windows.rows(chosen).tolist() == [[3, 4, 5], [0, 1, 2]]
    assert windows.rows(chosen, reverse=True).tolist() == [[5, 4, 3], [2, 1, 0]]


def test_the_window_counts_of_the_baseline() -> None:
    assert len(frame_windows([0], [313], n_frames=64, hop=8, names=["a"])) == 32
    assert len(frame_windows([0], [313], n_frames=64, hop=1, names=["a"])) == 250


def test_clips_shorter_than_a_window_are_named() -> None:
    with pytest.raises(DataError, match=r"b.wav has 2 frames .* needs 3; 1 more") as caught:
        frame_windows([0, 5, 7], [5, 2, 1], n_frames=3, hop=1, names=["a.wav", "b.wav", "c.wav"])
    assert "feature.n_frames=2" in str(caught.value.hint)
