"""Limits, p-values and bounds from left-out scores of blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from asd_cli.core.errors import DataError
from asd_cli.detectors.normal_scores import NormalScores, neighbour_blocks


def normal_of(scores: list[float], units: list[int]) -> NormalScores:
    return NormalScores(np.array(scores), units)


def test_the_limit_is_the_prediction_interval_of_a_new_block() -> None:
    scores = np.array([1.0, 3.0, 2.0, 6.0])
    means, within = np.array([2.0, 4.0]), (2 * 1.0 + 2 * 4.0) / 2
    spread = np.sqrt((1 + 1 / 2) * means.var(ddof=1) + within)
    expected = 3.0 + stats.t.ppf(0.9, 1) * spread
    assert normal_of(scores.tolist(), [0, 0, 1, 1]).limit(0.1) == pytest.approx(expected)


def test_no_limit_lies_below_the_conformal_rank() -> None:
    scores = np.concatenate([np.zeros(95), np.full(5, 100.0)])
    normal = NormalScores(scores, range(100))
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
    normal = NormalScores(np.array(scores), range(len(scores)))
    new = np.random.default_rng(seed).uniform(-200, 200, 50)
    limit = normal.limit(rate)
    apart = np.abs(new - limit) > 1e-6 * max(1.0, abs(limit))
    assert np.array_equal((normal.p_values(new) <= rate)[apart], (new > limit)[apart])


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=40))
@settings(max_examples=50, deadline=None)
def test_p_values_fall_with_the_score_and_are_probabilities(scores: list[float]) -> None:
    normal = NormalScores(np.array(scores), range(len(scores)))
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
    alike = NormalScores(inside, range(100))
    apart = NormalScores(inside + np.repeat(rng.normal(size=5), 20), range(100))
    assert apart.limit(0.01) > alike.limit(0.01) + 1
    assert apart.bound(0.01) > 2 * alike.bound(0.01)


@pytest.mark.parametrize(("within", "expected"), [(0.0, 1.0), (1.0, 0.5), (100.0, 0.0)])
def test_the_correlation_of_parts_is_that_of_one_recording(within: float, expected: float) -> None:
    rng = np.random.default_rng(5)
    of_recordings = np.repeat(rng.normal(size=400), 4)
    scores = of_recordings + within * rng.normal(size=1600)
    found = NormalScores(scores, (np.arange(1600) // 4).tolist()).part_correlation
    assert found == pytest.approx(expected, abs=0.06)


def test_correlated_parts_count_as_fewer() -> None:
    # Of 4 parts with a correlation of 0.85 the highest is beyond the 98 % quantile of one in 3.6 %
    # of all recordings (Gaussian; 2e6 draws).
    rng = np.random.default_rng(6)
    recordings = np.sqrt(0.85) * np.repeat(rng.normal(size=20000), 4)
    scores = recordings + np.sqrt(0.15) * rng.normal(size=80000)
    normal = NormalScores(scores, (np.arange(80000) // 4).tolist())
    beyond = float(np.mean(scores.reshape(-1, 4).max(axis=1) > np.quantile(scores, 0.98)))
    assert normal.of_parts(0.02, 4) == pytest.approx(beyond, rel=0.15)


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
        normal = NormalScores(known, range(clips))
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
