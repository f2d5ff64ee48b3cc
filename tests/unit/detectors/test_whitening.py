from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from asd_cli.core.types import Domain, Label, Split
from asd_cli.detectors.backends.backend import Backend
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.backends.whitening import shrunk_covariance, whitening_factor
from tests.support.clips import make_clip

rng = np.random.default_rng(5)
NORMAL = rng.normal(size=(40, 6)) * [0.1, 1, 10, 1, 1, 1] + 3
TEST = rng.normal(size=(9, 6)) * [0.2, 1, 10, 1, 1, 2] + 3
CLIPS = [
    make_clip(path=Path(f"{number}.wav"), machine="fan", section="00", domain=Domain.SOURCE,
         split=Split.TRAIN, label=Label.NORMAL)
    for number in range(40)
]  # fmt: skip


def fitted(values: np.ndarray) -> Backend:
    backend = Backend(BackendOptions(distance="whitened"), seed=1)
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


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_or_equal_clips_stay_finite(count: int) -> None:
    for values in (NORMAL[:count], np.ones((count, 6))):
        assert np.isfinite(fitted(values).score(TEST, CLIPS[:9])).all()
