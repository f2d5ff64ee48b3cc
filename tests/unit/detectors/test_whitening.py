from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from asd_cli.core.types import Domain, Label, Split
from asd_cli.detectors.backends.backend import Backend
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.backends.whitening import (
    adaptive_factor,
    shrunk_covariance,
    standardising_factor,
    whitening_factor,
)
from tests.support.clips import make_clip

rng = np.random.default_rng(5)
NORMAL = rng.normal(size=(40, 6)) * [0.1, 1, 10, 1, 1, 1] + 3
TEST = rng.normal(size=(9, 6)) * [0.2, 1, 10, 1, 1, 2] + 3
CLIPS = [
    make_clip(path=Path(f"{number}.wav"), machine="fan", section="00", domain=Domain.SOURCE,
         split=Split.TRAIN, label=Label.NORMAL)
    for number in range(40)
]  # fmt: skip


def fitted(values: np.ndarray, distance: Any = "whitened") -> Backend:
    backend = Backend(BackendOptions(distance=distance), seed=1)
    backend.fit(values, CLIPS[: len(values)])
    return backend


def test_whitened_neighbours_are_mahalanobis_neighbours() -> None:
    covariance = LedoitWolf().fit(NORMAL).covariance_
    covariance += 1e-3 * np.trace(covariance) / 6 * np.eye(6)
    expected = cdist(TEST, NORMAL, "mahalanobis", VI=np.linalg.inv(covariance)).min(axis=1)
    np.testing.assert_allclose(fitted(NORMAL).score(TEST, CLIPS[:9]), expected, rtol=1e-4)


def test_whitened_clips_vary_alike_in_every_direction() -> None:
    factor = whitening_factor(NORMAL).astype(float)
    np.testing.assert_allclose(factor.T @ shrunk_covariance(NORMAL) @ factor, np.eye(6), atol=1e-4)


def test_a_fault_where_nothing_varies_counts_more() -> None:
    steady, restless = np.full((2, 6), 3.0)
    steady[0] += 1
    restless[2] += 1
    scores = fitted(NORMAL).score(np.stack([steady, restless]), CLIPS[:2])
    assert scores[0] > scores[1]


@pytest.mark.parametrize("distance", ["whitened", "zscore", "adaptive"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_or_equal_clips_stay_finite(count: int, distance: str) -> None:
    for values in (NORMAL[:count], np.ones((count, 6))):
        assert np.isfinite(fitted(values, distance).score(TEST, CLIPS[:9])).all()


def test_z_scores_are_in_standard_deviations_of_many_clips() -> None:
    many = rng.normal(size=(20_000, 3)) * [1.0, 2.0, 4.0]
    np.testing.assert_allclose(1 / standardising_factor(many), [1, 2, 4], rtol=0.03)


def test_a_variance_of_few_clips_is_not_taken_for_zero() -> None:
    few = np.array([[0.0, 5.0], [2.0, 5.0]])
    assert standardising_factor(few)[1] < 10 * standardising_factor(few)[0]


def test_adaptive_is_between_z_scores_and_whitening() -> None:
    mixed = rng.normal(size=(4000, 1)) + 0.3 * rng.normal(size=(4000, 4))
    scales = standardising_factor(mixed).astype(float)
    few = adaptive_factor(mixed, 0)
    np.testing.assert_allclose(few, np.diag(scales) / np.sqrt(1.001), rtol=1e-5, atol=1e-6)
    many = adaptive_factor(mixed, 1_000_000).astype(float)
    np.testing.assert_allclose(many.T @ np.cov(mixed.T) @ many, np.eye(4), atol=0.02)


@pytest.mark.parametrize("distance", ["zscore", "adaptive"])
def test_the_unit_of_embeddings_does_not_matter(distance: str) -> None:
    one = fitted(NORMAL, distance).score(TEST, CLIPS[:9])
    other = fitted(NORMAL * 10, distance).score(TEST * 10, CLIPS[:9])
    np.testing.assert_allclose(one, other, rtol=1e-4)
