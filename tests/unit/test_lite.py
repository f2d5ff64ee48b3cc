"""The light runtime keeps the alarm rule and the cuts of the package."""

from typing import Any

import numpy as np
import pytest

from asd_cli.lite import Alarm, cuts
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Heard

RULES: dict[str, dict[str, Any]] = {
    "sum": {},
    "each third clip": {"every": 3, "ring_after": 2},
    "latched": {"latch": True, "clear_after": 2},
    "3 of 5": {"count": 3, "window": 5, "count_p": 0.1},
    "3 of 5, latched": {"count": 3, "window": 5, "count_p": 0.1, "latch": True},
    "too few clips for an alarm": {"p_values": (1.0, 0.7, 0.5, 0.3)},
    "with a level": {"off_below": -60.0},
}


def rule_of(**changes: Any) -> AlarmRule:
    known: dict[str, Any] = {
        "scores": (1.0, 2.0, 3.0), "p_values": (1.0, 0.5, 0.05, 0.001), "every": 1,
        "alarm_at": 40.0, "warning_at": 6.0, "clip_seconds": 10.0, "false_alarm_seconds": 400.0,
        "clear_after": 4,
    }  # fmt: skip
    return AlarmRule(**{**known, **changes})


@pytest.mark.parametrize("name", RULES)
def test_the_alarm_is_that_of_the_rule_clip_by_clip(name: str) -> None:
    """Calm, a fault, calm again, with gaps and a machine that stands still."""
    rule = rule_of(**RULES[name])
    rng = np.random.default_rng(3)
    scores: list[float | None] = [
        *rng.uniform(0, 2.1, 40),
        *rng.uniform(1, 4, 30),
        *rng.uniform(0, 1.9, 60),
    ]
    for gap in (5, 44, 50, 90):
        scores[gap] = None
    levels = np.where(rng.uniform(size=len(scores)) < 0.1, -80.0, -30.0)
    alarm, state, seen = Alarm(rule.document()), AlarmState(), set()
    for number, (score, level) in enumerate(zip(scores, levels, strict=True)):
        state = rule.step(state, Heard(time=10.0 * number, score=score, level=float(level)))
        assert alarm.step(score, float(level)) == state.condition, number
        seen.add(state.condition.value)
    expected = {"learning"} if "few" in name else {"normal", "warning", "alarm"}
    assert seen >= expected


@pytest.mark.parametrize("seconds", [3.0, 10.0, 10.09, 10.2, 20.0, 20.05, 24.0, 39.99])
def test_files_are_cut_as_the_package_cuts_them(seconds: float) -> None:
    from pathlib import Path

    from asd_cli.core.types import Clip
    from asd_cli.datasets.cutting import cut_recording

    recording = Clip(path=Path("x.wav"), machine="fan")
    clips = cut_recording(recording, seconds, 10.0, cover_end=True)
    assert list(cuts(seconds, 10.0)) == [(clip.start, clip.duration) for clip in clips]
