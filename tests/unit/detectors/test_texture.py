from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import roc_auc_score

from asd_cli.audio.decoding import decode, read_file
from asd_cli.core.errors import DataError
from asd_cli.core.events import SilentEvents
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.options import PoolingOptions
from asd_cli.detectors.pooled.detector import PooledDetector
from asd_cli.detectors.pooled.options import PooledOptions
from asd_cli.detectors.texture.detector import TextureDetector, TextureStatistics, texture_recipe
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from tests.support.recordings import write_wav

FRAME_RATE = 125.0
RECIPE = FeatureParameters(n_mels=64)
# Centres of the ranges of rate, in Hz.
CENTRES = np.geomspace(3.0, 50.0, 13)[1::2]


def beating(rate_hz: float, depth_db: float, n_bands: int = 2) -> np.ndarray:
    """Levels of bands of which the first beats, over 4 s."""
    time = np.arange(int(4 * FRAME_RATE)) / FRAME_RATE
    levels = np.random.default_rng(0).normal(-40.0, 0.01, (len(time), n_bands))
    levels[:, 0] += depth_db * np.sin(2 * np.pi * rate_hz * time)
    return levels.astype(np.float32)


def modulation(levels: np.ndarray) -> np.ndarray:
    described = TextureStatistics(FRAME_RATE)(levels)
    return described[4 * levels.shape[1] :].reshape(6, levels.shape[1])


@pytest.mark.parametrize("place", range(6))
def test_a_beat_shows_in_the_range_of_its_rate(place: int) -> None:
    density = modulation(beating(float(CENTRES[place]), depth_db=3.0))
    assert int(density[:, 0].argmax()) == place
    heard = np.flatnonzero(density[:, 0] > density[:, 1] + 10)
    assert set(heard) <= {place - 1, place, place + 1}


def test_twice_the_depth_is_six_decibels_more() -> None:
    once, twice = (modulation(beating(12.0, depth_db=depth)).max() for depth in (1.0, 2.0))
    assert twice - once == pytest.approx(20 * np.log10(2.0), abs=0.05)


def test_quantiles_stand_first() -> None:
    levels = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
    described = TextureStatistics(FRAME_RATE)(levels)
    assert described.shape == (30,)
    assert described.dtype == np.float32
    ordered = np.sort(levels, axis=0)
    np.testing.assert_allclose(described[3:6], ordered[149:151].mean(axis=0), rtol=1e-5)
    assert (np.diff(described[:12].reshape(4, 3), axis=0) > 0).all()


@given(
    arrays(
        np.float32,
        array_shapes(min_dims=2, max_dims=2, max_side=40),
        elements=st.floats(-313, 100, width=32),
    )
)
def test_everything_is_finite_however_short_or_silent(levels: np.ndarray) -> None:
    assert np.isfinite(TextureStatistics(FRAME_RATE)(levels)).all()


@given(st.floats(-50, 50), st.integers(0, 2**32 - 1))
def test_a_gain_moves_levels_and_no_modulation(gain_db: float, seed: int) -> None:
    levels = np.random.default_rng(seed).normal(-40, 5, (200, 2)).astype(np.float32)
    quiet, loud = (TextureStatistics(FRAME_RATE)(x) for x in (levels, levels + np.float32(gain_db)))
    np.testing.assert_allclose(loud[:8] - quiet[:8], gain_db, atol=1e-3)
    np.testing.assert_allclose(loud[8:], quiet[8:], atol=1e-2)


def test_windows_last_as_long_at_any_rate() -> None:
    recipe = texture_recipe(FeatureParameters(sample_rate=44100, channel=1, scale="linear"))
    assert recipe.n_fft == 1440, "not 17 times 83, whose transforms are slow"
    assert recipe.n_fft / 44100 == pytest.approx(0.032, rel=0.025)
    assert recipe.hop_length / 44100 == pytest.approx(0.008, rel=2e-3)
    assert (recipe.channel, recipe.scale, recipe.n_mels) == (1, "linear", 24)


def rumbling(folder: Path, *, rates_hz: np.ndarray, start: int) -> FeatureStore:
    """Clips of noise that swells at some rates; over time all have the same spectrum."""
    basis = mel_basis(RECIPE)
    clips, rows = [], []
    for number, rate in enumerate(rates_hz, start):
        generator = np.random.default_rng(number)
        time = np.arange(32000) / 16000
        swell = 1.0 + 0.5 * np.sin(2 * np.pi * (rate * time + generator.uniform()))
        name = f"section_00_source_train_normal_{number:04d}_speed_1.wav"
        path = write_wav(folder / name, 0.05 * swell * generator.standard_normal(len(time)))
        rows.append(log_mel(decode(read_file(path), path, RECIPE.audio_format), RECIPE, basis))
        clips.append(parse_clip_name(path, machine="fan"))
    lengths = np.array([len(row) for row in rows], np.int64)
    return FeatureStore(
        clips=tuple(clips), data=np.concatenate(rows), offsets=np.cumsum(lengths) - lengths,
        frames=lengths, fingerprint=f"rumbling {folder} {start}",
    )  # fmt: skip


def options(**pooling: Any) -> PooledOptions:
    return PooledOptions(
        features=RECIPE,
        backend=BackendOptions(distance="whitened"),
        pooling=PoolingOptions(**pooling),
    )


def test_it_hears_a_rhythm_that_pooling_cannot(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    train = rumbling(tmp_path, rates_hz=4 * generator.uniform(0.98, 1.02, 16), start=0)
    normal = rumbling(tmp_path, rates_hz=4 * generator.uniform(0.98, 1.02, 8), start=100)
    faster = rumbling(tmp_path, rates_hz=8 * generator.uniform(0.98, 1.02, 8), start=200)

    def auc(detector: EmbeddingDetector[PooledOptions]) -> float:
        detector.fit(train, FitContext())
        scores = [detector.score(store).clips for store in (normal, faster)]
        return float(roc_auc_score([0] * 8 + [1] * 8, np.concatenate(scores)))

    assert auc(TextureDetector(options())) == 1.0
    assert auc(PooledDetector(options(kind="mean"))) < 0.8


def test_training_clips_are_heard_at_other_speeds(tmp_path: Path) -> None:
    train = rumbling(tmp_path, rates_hz=np.array([8.0, 8.1, 7.9]), start=0)
    detector = TextureDetector(options(speeds=(1.0, 2.0)))
    own, twice = detector.embed_perturbed(train, SilentEvents(), "train")
    np.testing.assert_array_equal(own, detector.embed(train))
    rates = [
        described[:, 96:].reshape(3, 6, 24).mean(axis=(0, 2)).argmax() for described in (own, twice)
    ]
    assert [abs(CENTRES[rate] - hz) < 3 for rate, hz in zip(rates, (8, 16), strict=True)] == [
        True,
        True,
    ]
    assert TextureDetector(options()).embed_perturbed(train, SilentEvents(), "train") == ()


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    train = rumbling(tmp_path, rates_hz=np.array([8.0, 9.0]), start=0)
    gone = train.clips[1].path
    gone.unlink()
    with pytest.raises(DataError, match=gone.name):
        TextureDetector(options()).fit(replace(train, fingerprint="gone"), FitContext())
