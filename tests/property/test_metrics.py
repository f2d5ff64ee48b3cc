"""AUC and pAUC against scikit-learn, and what must hold of them whatever the scores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from asd_cli.evaluation.means import EPSILON, harmonic_mean
from asd_cli.evaluation.metrics import (
    auc,
    confusion,
    partial_auc,
    precision_recall_f1,
    roc_curve,
)

# Few different values give many ties.
few = st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 3.0]), min_size=1, max_size=40)
many = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=40)
scores = st.one_of(few, many).map(np.array)


@settings(max_examples=300, deadline=None)
@given(normal=scores, anomaly=scores, max_fpr=st.sampled_from([0.05, 0.1, 0.3, 0.5, 1.0]))
def test_equal_to_scikit_learn(normal: np.ndarray, anomaly: np.ndarray, max_fpr: float) -> None:
    labels = [0] * len(normal) + [1] * len(anomaly)
    both = np.concatenate([normal, anomaly])
    assert auc(normal, anomaly) == pytest.approx(roc_auc_score(labels, both), abs=1e-12)
    expected = roc_auc_score(labels, both, max_fpr=max_fpr)
    assert partial_auc(normal, anomaly, max_fpr=max_fpr) == pytest.approx(expected, abs=1e-12)


@given(normal=scores, anomaly=scores)
def test_turning_the_scores_round_turns_the_auc_round(
    normal: np.ndarray, anomaly: np.ndarray
) -> None:
    first, second = auc(normal, anomaly), auc(-normal, -anomaly)
    assert first is not None
    assert second is not None
    assert first + second == pytest.approx(1.0)


@given(normal=few.map(np.array), anomaly=few.map(np.array))
def test_a_monotone_map_changes_nothing(normal: np.ndarray, anomaly: np.ndarray) -> None:
    for figure in (auc, lambda n, a: partial_auc(n, a, max_fpr=0.1)):
        assert figure(np.exp(normal), np.exp(anomaly)) == figure(normal, anomaly)


@given(normal=scores, anomaly=scores)
def test_up_to_one_the_partial_auc_is_the_auc(normal: np.ndarray, anomaly: np.ndarray) -> None:
    assert partial_auc(normal, anomaly, max_fpr=1.0) == auc(normal, anomaly)


@given(normal=scores, anomaly=scores)
def test_curves_rise_from_corner_to_corner(normal: np.ndarray, anomaly: np.ndarray) -> None:
    curve = roc_curve(normal, anomaly)
    for rates in (curve.false_positive_rate, curve.true_positive_rate):
        assert (rates[0], rates[-1]) == (0.0, 1.0)
        assert (np.diff(rates) >= 0).all()


def test_constant_scores_are_chance_and_a_missing_class_is_undefined() -> None:
    same = np.zeros(5)
    assert auc(same, same) == 0.5
    assert partial_auc(same, same, max_fpr=0.1) == pytest.approx(0.5)
    assert auc(same, np.array([])) is None
    assert partial_auc(np.array([]), same, max_fpr=0.1) is None


def test_the_worst_standardised_partial_auc() -> None:
    worst = partial_auc(np.ones(100), np.zeros(100), max_fpr=0.1)
    assert worst == pytest.approx(0.473684, abs=1e-6)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1))
def test_decisions_against_a_slow_count(pairs: list[tuple[int, int]]) -> None:
    labels, decisions = zip(*pairs, strict=True)
    hits = pairs.count((1, 1))
    precision, recall, f1 = precision_recall_f1(confusion(labels, decisions))
    assert precision == pytest.approx(hits / sum(decisions) if sum(decisions) else 0.0)
    assert recall == pytest.approx(hits / sum(labels) if sum(labels) else 0.0)
    expected = 2 * hits / (sum(decisions) + sum(labels)) if hits else 0.0
    assert f1 == pytest.approx(expected)


def test_harmonic_means() -> None:
    assert harmonic_mean([]) is None
    assert harmonic_mean([None, 0.5, 1.0]) == pytest.approx(2 / 3)
    assert harmonic_mean([0.0, 1.0]) == pytest.approx(2 * EPSILON)
