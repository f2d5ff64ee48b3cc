from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import roc_auc_score

from asd_cli.audio.decoding import decode, read_file
from asd_cli.core.events import SILENT
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.options import PoolingOptions
from asd_cli.detectors.pooled.detector import PooledDetector, pool_over_time, weighted_rank_pool
from asd_cli.detectors.pooled.options import PooledOptions
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from tests.support.features import make_store
from tests.support.recordings import tone, write_wav

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
    options = PooledOptions()
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


def humming(
    folder: Path, *, pitches: Iterable[float], start: int, rattle: float = 0.0
) -> FeatureStore:
    """Clips of a machine that hums at some pitches."""
    generator = np.random.default_rng(start)
    recipe, clips, rows = FeatureParameters(n_mels=64), [], []
    basis = mel_basis(recipe)
    for number, pitch in enumerate(pitches, start):
        tones = [tone(pitch * k, seconds=1.0, seed=number + k) / k for k in (1, 2, 3)]
        wave = np.sum(tones, axis=0)
        wave = wave + rattle * generator.standard_normal(len(wave))
        name = f"section_00_source_train_normal_{number:04d}_speed_1.wav"
        path = write_wav(folder / name, 0.2 * wave)
        rows.append(log_mel(decode(read_file(path), path, recipe.audio_format), recipe, basis))
        clips.append(parse_clip_name(path, machine="fan"))
    lengths = np.array([len(row) for row in rows], np.int64)
    return FeatureStore(
        clips=tuple(clips), data=np.concatenate(rows), offsets=np.cumsum(lengths) - lengths,
        frames=lengths, fingerprint=f"humming {folder} {start}",
    )  # fmt: skip


def test_a_change_of_speed_is_normal_where_it_was_learnt(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    train = humming(tmp_path, pitches=400 * generator.uniform(0.995, 1.005, 12), start=0)
    faster = humming(tmp_path, pitches=400 * generator.uniform(1.03, 1.045, 8), start=100)
    broken = humming(
        tmp_path, pitches=400 * generator.uniform(0.995, 1.005, 8), start=200, rattle=0.05
    )

    def auc(speeds: tuple[float, ...]) -> float:
        options = PooledOptions(
            features=FeatureParameters(n_mels=64),
            backend=BackendOptions(distance="whitened"),
            pooling=PoolingOptions(speeds=speeds),
        )
        detector = PooledDetector(options)
        detector.fit(train, FitContext())
        scores = [detector.score(store).clips for store in (faster, broken)]
        return float(roc_auc_score([0] * 8 + [1] * 8, np.concatenate(scores)))

    assert auc(()) < 0.5  # another speed is stranger than a rattle
    assert auc((0.95, 0.975, 1.025, 1.05)) > 0.9


def test_each_version_is_the_clip_at_one_speed(tmp_path: Path) -> None:
    train = humming(tmp_path, pitches=(400.0, 420.0, 440.0), start=0)
    options = PooledOptions(
        features=FeatureParameters(n_mels=64), pooling=PoolingOptions(speeds=(1.0, 1.1))
    )
    detector = PooledDetector(options)
    own, faster = detector.embed_perturbed(train, SILENT, "train")
    np.testing.assert_allclose(own, detector.embed(train), atol=0.5)
    assert faster.shape == own.shape
    assert not np.allclose(faster, own, atol=3.0)
    assert PooledDetector(PooledOptions()).embed_perturbed(train, SILENT, "train") == ()


def test_recordings_that_changed_are_heard_again(tmp_path: Path) -> None:
    options = PooledOptions(
        features=FeatureParameters(n_mels=64), pooling=PoolingOptions(speeds=(1.1,))
    )
    detector = PooledDetector(options)
    (before,) = detector.embed_perturbed(
        humming(tmp_path, pitches=(400.0,), start=0), SILENT, "train"
    )
    changed = replace(humming(tmp_path, pitches=(700.0,), start=0), fingerprint="another")
    (after,) = detector.embed_perturbed(changed, SILENT, "train")
    assert np.abs(after - before).max() > 10.0
