"""Long recordings become clips of one length."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.core.types import Clip, Label, Split
from asd_cli.datasets.cutting import MIN_REST, cut_recording

RECORDING = Clip(
    path=Path("day.wav"),
    machine="pump",
    split=Split.TRAIN,
    label=Label.NORMAL,
    attributes={"group": "monday"},
)


@pytest.mark.parametrize(
    ("seconds", "names"),
    [
        (4.0, ["day.wav"]),
        (10.0, ["day.wav"]),
        (10.05, ["day.wav"]),
        (14.9, ["day.wav#t=0,10"]),
        (15.0, ["day.wav#t=0,10", "day.wav#t=10,15"]),
        (20.0, ["day.wav#t=0,10", "day.wav#t=10,20"]),
        (24.9, ["day.wav#t=0,10", "day.wav#t=10,20"]),
        (27.5, ["day.wav#t=0,10", "day.wav#t=10,20", "day.wav#t=20,27.5"]),
    ],
)
def test_the_rest_is_kept_where_it_is_long_enough(seconds: float, names: list[str]) -> None:
    clips = cut_recording(RECORDING, seconds, 10.0)
    assert [clip.name for clip in clips] == names


def test_parts_keep_what_is_known_of_the_recording() -> None:
    for clip in cut_recording(RECORDING, 30.0, 10.0):
        assert (clip.path, clip.machine) == (RECORDING.path, RECORDING.machine)
        assert (clip.split, clip.label) == (RECORDING.split, RECORDING.label)
        assert clip.attributes == RECORDING.attributes


@given(st.floats(0.01, 1e3), st.floats(1.0, 100.0))
def test_parts_follow_each_other_and_stay_inside(seconds: float, clip_seconds: float) -> None:
    clips = cut_recording(RECORDING, seconds, clip_seconds)
    assert len({clip.name for clip in clips}) == len(clips) >= 1
    if len(clips) == 1 and clips[0].duration is None:
        assert seconds <= 1.01 * clip_seconds
        return
    end = 0.0
    for clip in clips:
        assert clip.duration is not None
        assert clip.start == pytest.approx(end, abs=1e-6 * seconds)
        assert MIN_REST * clip_seconds <= clip.duration <= clip_seconds
        end = clip.start + clip.duration
    assert end <= seconds * (1 + 1e-9)
    assert seconds - end < MIN_REST * clip_seconds


@pytest.mark.parametrize("clip_seconds", [0.0, -1.0])
def test_a_clip_has_a_length(clip_seconds: float) -> None:
    with pytest.raises(ValueError, match="is not longer than 0 s"):
        cut_recording(RECORDING, 30.0, clip_seconds)


def test_parts_of_a_recording_of_weeks_have_names_of_their_own() -> None:
    late = replace(RECORDING, start=1_999_000.2, duration=999.8)
    clips = cut_recording(late, 999.8, 0.7)
    assert len({clip.name for clip in clips}) == len(clips)
    assert clips[-1].name == "day.wav#t=1999999.1,1999999.8"
