from pathlib import Path

import numpy as np
import pytest

from asd_cli.core.types import Clip
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.fingerprint.detector import FingerprintDetector
from asd_cli.detectors.fingerprint.options import FingerprintOptions
from asd_cli.detectors.fingerprint.spectrum import FineSpectrum, log_bands
from asd_cli.detectors.level.bands import LevelMeasure, octave_bands
from asd_cli.detectors.level.detector import LevelDetector
from asd_cli.detectors.level.options import LevelOptions
from asd_cli.evaluation.metrics import auc
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

RATE = 16000
ADAPTIVE = BackendOptions(distance="adaptive")
# Nominal centres of IEC 61260-1.
OCTAVES = [31.5, 63, 125, 250, 500, 1000, 2000, 4000, 8000]
rng = np.random.default_rng(8)


def noise(gain: float = 1.0, seconds: float = 2.0) -> np.ndarray:
    samples = 0.05 * gain * rng.standard_normal(int(seconds * RATE))
    return samples.astype(np.float32)


def store(waveforms: list[np.ndarray]) -> FeatureStore:
    clips = [Clip(path=Path(f"{n}.wav"), machine="fan") for n in range(len(waveforms))]
    pairs = zip(clips, waveforms, strict=True)
    return features_in_memory([Recording(*pair) for pair in pairs], FeatureParameters())


def test_bands_are_those_of_the_standard() -> None:
    edges = np.array(octave_bands(RATE, 1))
    centres = np.sqrt(edges[:, 0] * edges[:, 1])
    np.testing.assert_allclose(centres, OCTAVES, rtol=0.015)
    np.testing.assert_allclose(edges[1:, 0], edges[:-1, 1], rtol=1e-9)
    thirds = np.array(octave_bands(RATE, 3))
    np.testing.assert_allclose(thirds[1::3, 0] / thirds[:-1:3, 0], 10**0.1, rtol=1e-9)
    assert len(octave_bands(48000, 3)) == 29
    assert len(octave_bands(40, 1)) == 1


def test_a_tone_is_in_its_band_and_in_the_total() -> None:
    tone = 0.1 * np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE)
    levels = LevelMeasure(RATE, (1,))(tone.astype(np.float32))
    assert int(np.argmax(levels[:-1])) == OCTAVES.index(500)
    assert levels[-1] == pytest.approx(-23.0, abs=0.1)
    assert levels[4] == pytest.approx(-23.0, abs=0.1)


def test_twice_the_amplitude_is_6_db_everywhere_and_nothing_relative() -> None:
    quiet = noise()
    absolute, relative = LevelMeasure(RATE, (1, 3)), LevelMeasure(RATE, (1, 3), relative=True)
    np.testing.assert_allclose(absolute(2 * quiet) - absolute(quiet), 6.02, atol=0.01)
    np.testing.assert_allclose(relative(2 * quiet), relative(quiet), atol=1e-3)
    assert len(relative(quiet)) == len(absolute(quiet)) - 1 == 34
    assert len(LevelMeasure(RATE, (3,), total=False)(quiet)) == 25


def test_silence_has_a_level() -> None:
    for measure in (LevelMeasure(RATE, (1, 3)), FineSpectrum(RATE, 288)):
        assert np.isfinite(measure(np.zeros(RATE, np.float32))).all()


def test_clips_of_unequal_length_have_the_same_levels() -> None:
    samples = noise(seconds=8.0)
    measure = LevelMeasure(RATE, (1,))
    np.testing.assert_allclose(measure(samples[: RATE * 2])[3:], measure(samples)[3:], atol=0.8)


def test_a_machine_that_is_3_db_louder_is_found() -> None:
    train, normal = store([noise() for _ in range(20)]), store([noise() for _ in range(10)])
    louder = store([noise(1.41) for _ in range(10)])
    detector = LevelDetector(LevelOptions(backend=ADAPTIVE))
    detector.fit(train, FitContext())
    assert auc(detector.score(normal).clips, detector.score(louder).clips) == 1.0
    relative = LevelDetector(LevelOptions(backend=ADAPTIVE, relative=True))
    relative.fit(train, FitContext())
    found = auc(relative.score(normal).clips, relative.score(louder).clips)
    assert found is not None
    assert found < 0.8


def test_fine_bands_are_equally_wide_in_octaves() -> None:
    edges = np.array(log_bands(RATE, 288))
    np.testing.assert_allclose(edges[:, 1] / edges[:, 0], 200.0 ** (1 / 288), rtol=1e-9)
    assert edges[0, 0] == pytest.approx(40.0)
    assert edges[-1, 1] == pytest.approx(RATE / 2)


def hum(hz: float) -> np.ndarray:
    tone = 0.02 * np.sin(2 * np.pi * (hz + rng.normal(0, 0.2)) * np.arange(2 * RATE) / RATE)
    return (tone + noise(0.2)).astype(np.float32)


def test_a_line_that_moves_by_half_a_semitone_is_found() -> None:
    train, normal = store([hum(1000) for _ in range(20)]), store([hum(1000) for _ in range(10)])
    moved = store([hum(1030) for _ in range(10)])
    detector = FingerprintDetector(FingerprintOptions(backend=ADAPTIVE))
    detector.fit(train, FitContext())
    usual, odd = detector.score(normal).clips, detector.score(moved).clips
    assert auc(usual, odd) == 1.0
    used = FingerprintDetector(FingerprintOptions(backend=ADAPTIVE, speeds=(1.03,)))
    used.fit(train, FitContext())
    assert np.median(used.score(moved).clips) / np.median(used.score(normal).clips) < 0.5 * (
        np.median(odd) / np.median(usual)
    )
