"""What is computed here to spare a heavy import, against the library that it is computed by there."""

import numpy as np
import pytest
from scipy.signal import welch
from sklearn.covariance import ledoit_wolf as by_sklearn

from asd_cli.detectors.backends.whitening import ledoit_wolf
from asd_cli.detectors.texture.welch import welch_density


@pytest.mark.parametrize(
    ("frames", "segment"),
    [(188, 125), (1251, 125), (300, 124), (50, 50), (126, 125), (9, 9), (5, 1), (2, 2)],
)
def test_densities_have_the_bits_of_scipy(frames: int, segment: int) -> None:
    levels = np.random.default_rng(frames).normal(size=(frames, 24)).astype(np.float32) * 10
    rates, density = welch(levels, fs=125.0, nperseg=segment, axis=0)
    found = welch_density(levels, rate=125.0, segment=segment)
    np.testing.assert_array_equal(found, density)
    assert rates[-1] == pytest.approx((segment // 2) * 125.0 / segment)


@pytest.mark.parametrize("shape", [(2, 3), (40, 7), (5, 256), (300, 240), (12, 1), (6, 1280)])
def test_covariances_have_the_bits_of_scikit_learn(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(sum(shape))
    values = generator.normal(size=shape) @ np.diag(np.linspace(0.1, 3, shape[1]))
    np.testing.assert_array_equal(ledoit_wolf(values), by_sklearn(values)[0])


def test_equal_embeddings_have_no_covariance() -> None:
    assert not ledoit_wolf(np.ones((4, 3))).any()
