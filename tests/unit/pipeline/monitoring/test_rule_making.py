"""The rule of a model: rates, p-values for few clips, thinning, and when nothing is promised."""

import numpy as np
import pytest

from asd_cli.core.errors import UsageError
from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Heard
from asd_cli.pipeline.monitoring.rule_making import (
    AlarmOptions,
    count_of_window,
    make_rule,
    seconds_per_alarm,
)
from asd_cli.pipeline.monitoring.thinning import find_thinning, thinned
from tests.benchmarks import alarm_rates

UNITS = np.repeat(np.arange(12), 60)


def rule_of(
    scores: np.ndarray, units: np.ndarray = UNITS, options: AlarmOptions | None = None
) -> AlarmRule:
    return make_rule(
        NormalScores(scores, units.tolist()), units.tolist(), clip_seconds=10.0,
        options=options or AlarmOptions(),
    )  # fmt: skip


@pytest.mark.parametrize("text", ["", "1", "often", "0/day", "1/fortnight", "1/0 days", "-1/day"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no rate of false alarms"):
        seconds_per_alarm(text)


def test_rates_are_read() -> None:
    texts = ("1/month", "2/day", "1/2 weeks", "1 / 8 hours")
    assert [seconds_per_alarm(text) for text in texts] == [2592000, 43200, 1209600, 28800]


def test_rules_of_counted_clips_are_read() -> None:
    assert count_of_window("3of5") == (3, 5)
    for text in ("6of5", "0of5", "5", "3/5"):
        with pytest.raises(UsageError, match="no alarm rule"):
            count_of_window(text)


def test_p_values_are_bounded_for_few_clips() -> None:
    scores = np.random.default_rng(1).normal(size=720)
    rule = rule_of(scores)
    grid = np.linspace(-3, 6, 200)
    p = np.array([rule.p_value(float(s)) for s in grid])
    conformal = (1 + (scores[None] >= grid[:, None]).sum(1)) / 721
    inside = grid <= scores.max()
    assert (np.diff(p) <= 0).all()
    assert (p[inside] >= conformal[inside]).all()
    assert p[-1] >= 1e-3


def test_correlated_scores_are_thinned_and_slow_ones_give_no_promise() -> None:
    rng = np.random.default_rng(3)
    plain = find_thinning(rng.normal(size=720), UNITS)
    similar = find_thinning(
        np.concatenate([alarm_rates.autoregressive(0.7, rng, 60) for _ in range(12)]), UNITS
    )
    days = find_thinning(np.repeat(rng.normal(size=12), 60) + 0.3 * rng.normal(size=720), UNITS)
    assert (plain.every, plain.known) == (1, True)
    assert similar.known
    assert 3 <= similar.every <= 20
    assert not days.known
    assert "resemble each other for longer" in days.why


@pytest.mark.parametrize(("recordings", "clips"), [(20, 1), (4, 100), (5, 2)])
def test_too_few_or_short_recordings_give_no_promise(recordings: int, clips: int) -> None:
    units = np.repeat(np.arange(recordings), clips)
    rule = rule_of(np.random.default_rng(0).normal(size=len(units)), units)
    assert not rule.promised
    assert "no promise of 1/month" in rule.promise


def test_a_few_clips_are_still_learning() -> None:
    units = np.arange(5)
    rule = rule_of(np.array([1.0, 2.0, 3.0, 4.0, 9.0]), units)
    assert rule.promised is False
    assert not rule.can_ring or rule.p_values[-1] < 0.25


def test_thinned_clips_are_those_of_each_recording() -> None:
    assert thinned([1.0, 2.0, 3.0, 4.0, 5.0], [0, 0, 0, 1, 1], 2).tolist() == [1.0, 3.0, 4.0]


def test_the_limit_is_the_number_of_clips_that_take_part_in_the_period() -> None:
    scores = np.random.default_rng(1).normal(size=720)
    rule = rule_of(scores, options=AlarmOptions(false_alarms="1/day"))
    assert rule.alarm_at == pytest.approx(8640 / rule.every)
    sparse = rule_of(scores, options=AlarmOptions(false_alarms="1/day", spacing_seconds=600.0))
    assert sparse.alarm_at == pytest.approx(144.0)
    assert sparse.every == 1
    with pytest.raises(UsageError, match="apart"):
        rule_of(scores, options=AlarmOptions(spacing_seconds=-5.0))


def test_a_rule_that_counts_says_how_often_it_rings_on_normal_clips() -> None:
    rng = np.random.default_rng(3)
    plain = rule_of(rng.normal(size=720), options=AlarmOptions(rule="3of5"))
    assert (plain.count, plain.window, plain.promised) == (3, 5, False)
    assert "rings 0 times in 2 h" in plain.promise
    assert "up to 36 false alarms a day" in plain.promise
    often = rule_of(alarm_rates.gamma(rng, 720), options=AlarmOptions(rule="1of5"))
    assert "rings 0 times" not in often.promise


def test_equal_normal_scores_make_a_rule() -> None:
    rule = rule_of(np.zeros(720))
    assert rule.p_value(0.0) == 1.0


def test_the_benchmark_rings_where_the_rule_does() -> None:
    rng = np.random.default_rng(5)
    rule = rule_of(
        np.concatenate([alarm_rates.autoregressive(0.5, rng, 60) for _ in range(12)]),
        options=AlarmOptions(false_alarms="1/hour"),
    )
    stream = np.concatenate([rng.normal(size=50), rng.normal(size=200) + 3.0])
    state, rung = AlarmState(), 0
    for number, score in enumerate(stream.tolist(), start=1):
        state = rule.step(state, Heard(time=10.0 * number, score=score))
        if state.ringing:
            rung = number
            break
    # The rule takes part in clips 1, 1 + every, and so on.
    assert rung == alarm_rates.first_alarm(rule, stream) > 50


def test_independent_streams_rarely_ring() -> None:
    row = alarm_rates.simulate(alarm_rates.PROCESSES["independent"], (12, 60), "1/day", 20, 7)
    assert row.rang <= 0.1
    assert row.delay < 20
