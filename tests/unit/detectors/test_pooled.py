import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from asd_cli.detectors.base import DetectorOptions, FitContext
from asd_cli.detectors.pooled import PooledDetector, pool_over_time, weighted_rank_pool
from tests.support.features import make_store

spectrograms = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.floats(-100, 0, width=32),
)


def test_pooling_is_mean_and_maximum() -> None:
    spectrogram = np.array([[1, 5], [3, 1]], np.float32)
    assert pool_over_time(spectrogram, "mean_max", 0.5).tolist() == [2, 3, 3, 5]
    assert pool_over_time(spectrogram, "mean", 0.5).tolist() == [2, 3]
    assert pool_over_time(spectrogram, "max", 0.5).tolist() == [3, 5]


@given(spectrograms)
def test_two_pools_stand_one_after_the_other(spectrogram: np.ndarray) -> None:
    both = pool_over_time(spectrogram, "mean_gwrp", 0.9)
    parts = [pool_over_time(spectrogram, kind, 0.9) for kind in ("mean", "gwrp")]
    np.testing.assert_array_equal(both, np.concatenate(parts))


def test_weights_fall_with_rank() -> None:
    spectrogram = np.array([[1.0], [4.0], [2.0]], np.float32)
    expected = (4 + 0.5 * 2 + 0.25 * 1) / (1 + 0.5 + 0.25)
    assert pool_over_time(spectrogram, "gwrp", 0.5)[0] == pytest.approx(expected)


@given(spectrograms)
def test_rank_pooling_lies_between_maximum_and_mean(spectrogram: np.ndarray) -> None:
    np.testing.assert_allclose(
        weighted_rank_pool(spectrogram, 0.0), spectrogram.max(axis=0), atol=1e-4
    )
    np.testing.assert_allclose(
        weighted_rank_pool(spectrogram, 1.0), spectrogram.mean(axis=0, dtype=np.float64), atol=1e-3
    )
    between = weighted_rank_pool(spectrogram, 0.7)
    assert (between <= spectrogram.max(axis=0) + 1e-3).all()
    assert (between >= spectrogram.mean(axis=0) - 1e-3).all()


def test_scores_against_a_slow_search() -> None:
    options = DetectorOptions()
    train, test = make_store(seed=1), make_store(seed=2)
    detector = PooledDetector(options)
    detector.fit(train, FitContext())
    embedded = {name: detector.embed(store) for name, store in (("train", train), ("test", test))}
    for index, clip in enumerate(test.clips):
        nearest = min(
            1 - np.dot(row, own) / np.linalg.norm(row) / np.linalg.norm(own)
            for row, other in zip(embedded["train"], train.clips, strict=True)
            for own in [embedded["test"][index]]
            if other.section == clip.section
        )
        assert detector.score(test).clips[index] == pytest.approx(nearest, rel=1e-3)
