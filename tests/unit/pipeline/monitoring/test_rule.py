"""The alarm rule: when it rings, when it stops, and what it says of the sensor."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Condition, Heard

RULE = AlarmRule(
    scores=(1.0, 2.0), p_values=(1.0, 0.3, 0.01), every=1, alarm_at=50.0, warning_at=10.0,
    clip_seconds=10.0, false_alarm_seconds=500.0, clear_after=3, off_below=-60.0,
)  # fmt: skip
NORMAL, HIGH = 0.5, 3.0


def heard(
    rule: AlarmRule, scores: list[float], state: AlarmState | None = None
) -> list[AlarmState]:
    states = [state or AlarmState()]
    start = states[0].clips
    for number, score in enumerate(scores, start=start):
        states.append(rule.step(states[-1], Heard(time=10.0 * number, score=score)))
    return states[1:]


def conditions(rule: AlarmRule, scores: list[float]) -> list[str]:
    return [str(state.condition) for state in heard(rule, scores)]


def test_a_change_warns_then_rings_and_normal_clips_end_it() -> None:
    found = conditions(RULE, [NORMAL, HIGH, HIGH, HIGH, NORMAL, NORMAL, NORMAL, NORMAL])
    assert found == ["normal", "normal", "warning", "alarm", "alarm", "alarm", "normal", "normal"]
    slow = replace(RULE, p_values=(1.0, 0.3, 0.04))
    assert conditions(slow, [HIGH] * 4) == ["normal", "normal", "warning", "alarm"]


def test_the_sum_is_that_of_shiryaev_and_roberts() -> None:
    first, second = heard(RULE, [NORMAL, HIGH])
    assert first.total == pytest.approx((0 + 1) * 0.5)
    assert second.total == pytest.approx((0.5 + 1) * 0.5 * 0.01**-0.5)
    assert second.drift == pytest.approx((0.8 + 1) * 0.8 * 0.01**-0.2)


def test_a_bet_on_uniform_p_values_gains_nothing() -> None:
    p = np.random.default_rng(0).random(200_000)
    assert np.mean(0.5 * p**-0.5) == pytest.approx(1.0, abs=0.02)


def test_a_latched_alarm_stays_until_it_is_acknowledged() -> None:
    rule = replace(RULE, latch=True)
    state = heard(rule, [HIGH, HIGH, HIGH, *[NORMAL] * 9])[-1]
    assert state.condition is Condition.ALARM
    assert heard(rule, [NORMAL], state.acknowledge())[-1].condition is Condition.NORMAL


def test_a_new_alarm_is_not_acknowledged_by_the_one_before() -> None:
    rule = replace(RULE, latch=True)
    seen = heard(rule, [HIGH, HIGH, HIGH])[-1].acknowledge()
    ended = heard(rule, [NORMAL] * 4, seen)[-1]
    again = heard(rule, [HIGH, HIGH, HIGH], ended)[-1]
    assert (again.condition, again.acknowledged, again.alarms) == (Condition.ALARM, False, 2)


def test_a_shelved_alarm_is_not_announced_and_comes_back() -> None:
    state = heard(RULE, [HIGH, HIGH, HIGH])[-1].shelve(35.0)
    assert (state.condition, state.announced) == (Condition.ALARM, Condition.NORMAL)
    first, second = heard(RULE, [HIGH, HIGH], state)
    assert first.announced is Condition.NORMAL
    assert second.announced is Condition.ALARM


def test_on_delay_counts_clips_at_the_limit() -> None:
    late = replace(RULE, ring_after=3)
    assert conditions(late, [HIGH] * 5)[-2:] == ["warning", "alarm"]
    assert conditions(RULE, [HIGH] * 3)[-1] == "alarm"


def test_only_each_third_clip_takes_part() -> None:
    state = heard(replace(RULE, every=3), [NORMAL, HIGH, HIGH, NORMAL, HIGH, HIGH, NORMAL])[-1]
    assert (state.taken, state.total < 1.0, state.clips) == (3, True, 7)


def test_a_bad_sensor_and_a_machine_that_is_off_leave_the_sum_alone() -> None:
    before = heard(RULE, [NORMAL, HIGH])[-1]
    silent = RULE.step(before, Heard(time=20.0, score=HIGH, fault="digital silence"))
    assert (silent.condition, silent.sensor_clips) == (Condition.SENSOR, 1)
    off = RULE.step(silent, Heard(time=30.0, score=HIGH, level=-61.0))
    assert (off.condition, off.off_clips, off.total) == (Condition.OFF, 1, before.total)
    on = RULE.step(off, Heard(time=40.0, score=NORMAL, level=-59.0))
    assert on.condition is Condition.NORMAL


def test_an_alarm_stays_while_the_sensor_is_bad() -> None:
    rung = heard(RULE, [HIGH, HIGH, HIGH])[-1]
    assert RULE.step(rung, Heard(time=90.0)).condition is Condition.ALARM


def test_too_few_normal_clips_are_still_learning() -> None:
    few = replace(RULE, p_values=(1.0, 0.6, 0.3))
    assert not few.can_ring
    assert conditions(few, [HIGH] * 50)[-1] == "learning"


def test_three_of_five_clips() -> None:
    rule = replace(RULE, count=3, window=5)
    assert conditions(rule, [HIGH, NORMAL, HIGH, NORMAL, HIGH])[-1] == "alarm"
    assert conditions(rule, [HIGH, NORMAL, HIGH, NORMAL, NORMAL])[-1] == "warning"
    assert conditions(rule, [HIGH] * 3 + [NORMAL] * 5)[-1] == "normal"


def test_rule_and_state_survive_json() -> None:
    rule = AlarmRule.read(json.loads(json.dumps(RULE.document())))
    assert rule == RULE
    state = heard(replace(RULE, count=3, window=5), [HIGH, NORMAL])[-1].shelve(100.0)
    assert AlarmState.from_json(state.to_json()) == state


@pytest.mark.parametrize(
    "change",
    [{"p_values": (1.0, 0.5)}, {"p_values": (1.0, 0.1, 0.3)}, {"scores": (2.0, 1.0)},
     {"every": 0}, {"count": 3}, {"p_values": (1.0, 0.5, 0.0)}],
)  # fmt: skip
def test_what_contradicts_itself_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="p-values|clips"):
        replace(RULE, **change)
    with pytest.raises(ValueError, match="no asd.alarm-rule/1"):
        AlarmRule.read({**RULE.document(), "schema": "other"})
