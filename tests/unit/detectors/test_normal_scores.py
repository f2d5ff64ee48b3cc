"""Limits, p-values and bounds from left-out scores of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from asd_cli.core.errors import DataError
from asd_cli.detectors.normal_scores import NormalScores, neighbour_blocks


def normal_of(scores: list[float], blocks: list[int]) -> NormalScores:
    return NormalScores(np.array(scores), np.array(blocks, np.int64))


def test_the_limit_is_the_prediction_interval_of_a_new_block() -> None:
    scores = np.array([1.0, 3.0, 2.0, 6.0])
    means, within = np.array([2.0, 4.0]), (2 * 1.0 + 2 * 4.0) / 2
    spread = np.sqrt((1 + 1 / 2) * means.var(ddof=1) + within)
    expected = 3.0 + stats.t.ppf(0.9, 1) * spread
    assert normal_of(scores.tolist(), [0, 0, 1, 1]).limit(0.1) == pytest.approx(expected)


def test_no_limit_lies_below_the_conformal_rank() -> None:
    scores = np.concatenate([np.zeros(95), np.full(5, 100.0)])
    normal = NormalScores(scores, np.arange(100) % 5)
    assert normal.limit(0.04) >= 100.0
    # of 100 scores the 96th lowest is the rank for 0.05: ceil(101 * 0.95)
    assert normal.limit(0.05) >= np.sort(scores)[95]


@given(
    st.lists(st.floats(-50, 50), min_size=2, max_size=60),
    st.floats(0.001, 0.5),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=80, deadline=None)
def test_a_clip_is_above_the_limit_just_where_its_p_value_is_not_above_the_rate(
    scores: list[float], rate: float, seed: int
) -> None:
    normal = NormalScores(np.array(scores), neighbour_blocks(list(range(len(scores)))))
    new = np.random.default_rng(seed).uniform(-200, 200, 50)
    limit = normal.limit(rate)
    apart = np.abs(new - limit) > 1e-6 * max(1.0, abs(limit))
    assert np.array_equal((normal.p_values(new) <= rate)[apart], (new > limit)[apart])


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=40))
@settings(max_examples=50, deadline=None)
def test_p_values_fall_with_the_score_and_are_probabilities(scores: list[float]) -> None:
    normal = NormalScores(np.array(scores), neighbour_blocks(list(range(len(scores)))))
    p = normal.p_values(np.linspace(-20, 20, 101))
    assert np.all(np.diff(p) <= 1e-15)
    assert np.all((p > 0) & (p <= 1))
    assert 0 < normal.bound(0.05) <= 1


def test_equal_scores_have_a_limit_at_their_value() -> None:
    normal = normal_of([2.0] * 6, [0, 0, 1, 1, 2, 2])
    assert normal.limit(0.01) == 2.0
    assert normal.p_values(np.array([2.5, 1.5]))[0] < 1e-12


def test_one_clip_is_refused() -> None:
    with pytest.raises(DataError, match="1 normal clip"):
        normal_of([1.0], [0])


def test_blocks_that_differ_widen_the_limit_and_the_bound() -> None:
    rng = np.random.default_rng(1)
    inside = rng.normal(size=100)
    alike = NormalScores(inside, np.arange(100) // 20)
    apart = NormalScores(inside + np.repeat(rng.normal(size=5), 20), np.arange(100) // 20)
    assert apart.limit(0.01) > alike.limit(0.01) + 1
    assert apart.bound(0.01) > 2 * alike.bound(0.01)


def test_recordings_stay_in_one_block() -> None:
    units = [f"recording {number // 7}" for number in range(50)]
    blocks = neighbour_blocks(units)
    assert len(set(blocks)) == 5
    assert all(
        len({b for u, b in zip(units, blocks, strict=True) if u == own}) == 1 for own in units
    )


def test_the_clips_of_a_single_recording_are_cut_into_blocks() -> None:
    assert sorted(set(neighbour_blocks(["one"] * 20))) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("clips", [20, 100])
@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_clean_streams_beyond_the_bound_are_few(clips: int, correlation: float) -> None:
    # The complete simulation: python -m tests.benchmarks false_alarms
    rng = np.random.default_rng(3)
    beyond = 0
    for _ in range(60):
        known = stream(rng, clips, correlation)
        normal = NormalScores(known, neighbour_blocks(list(range(clips))))
        fresh = stream(rng, 1000, correlation)
        beyond += float(np.mean(fresh > normal.limit(0.05))) > normal.bound(0.05)
    assert beyond <= 3


def stream(rng: np.random.Generator, count: int, correlation: float) -> np.ndarray:
    noise = rng.normal(size=count)
    values = np.empty(count)
    values[0] = noise[0]
    for index in range(1, count):
        rest = np.sqrt(1 - correlation**2) * noise[index]
        values[index] = correlation * values[index - 1] + rest
    return values
