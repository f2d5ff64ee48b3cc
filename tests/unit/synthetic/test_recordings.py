from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from asd_cli.detectors.level.bands import LevelMeasure
from asd_cli.synthetic.recordings import (
    FAULTS,
    MACHINES,
    PlannedRecording,
    RecordingPlan,
    plan_recordings,
    render_recording,
    write_recordings,
)

PLAN = RecordingPlan(seconds=3.0, normal=3, faulty=1)
LEVELS = LevelMeasure(16000, (1,))


def levels(fault: str | None, number: int, plan: RecordingPlan = PLAN) -> np.ndarray:
    return LEVELS(render_recording(plan, PlannedRecording(number=number, fault=fault)))


def test_a_plan_lists_normal_recordings_and_each_fault() -> None:
    planned = plan_recordings(PLAN)
    assert [recording.fault for recording in planned] == [None] * 3 + list(FAULTS)
    assert len({recording.path for recording in planned}) == len(planned)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("fault", [None, *FAULTS])
def test_the_same_recording_twice_has_the_same_samples(machine: str, fault: str | None) -> None:
    plan, recording = replace(PLAN, machine=machine), PlannedRecording(number=0, fault=fault)
    first = render_recording(plan, recording)
    np.testing.assert_array_equal(first, render_recording(plan, recording))
    assert first.dtype == np.float32
    assert len(first) == 48000
    assert np.abs(first).max() <= 0.9
    other = render_recording(replace(plan, seed=1), recording)
    assert not np.array_equal(first, other)


def test_noise_varies_between_recordings_as_far_as_asked() -> None:
    steady = replace(PLAN, noise_range_db=0.0)
    spread = [np.std([levels(None, n, plan)[-3] for n in range(12)]) for plan in (PLAN, steady)]
    assert spread[0] > 1.5 * spread[1]


def test_what_is_louder_is_louder() -> None:
    usual = np.mean([levels(None, number) for number in range(8)], axis=0)
    louder = np.mean([levels("louder", number) for number in range(8)], axis=0)
    low = np.mean([levels("louder_low", number) for number in range(8)], axis=0)
    assert louder[-1] > usual[-1] + 1.5
    assert low[1] > usual[1] + 1.5
    assert abs(low[-2] - usual[-2]) < 1.5


def test_recordings_are_written_where_the_plan_says(tmp_path: Path) -> None:
    plan = replace(PLAN, kinds=("beat",))
    written = write_recordings(tmp_path, plan)
    assert [p.relative_to(tmp_path).as_posix() for p in written] == [
        "normal/0000.wav", "normal/0001.wav", "normal/0002.wav", "abnormal/beat_0000.wav",
    ]  # fmt: skip
    assert all(path.stat().st_size == 44 + 2 * 48000 for path in written)
