from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio.decoding import at_speed
from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.waveforms import read_hashed, read_waveform
from tests.support.recordings import tone, write_wav

RECIPE = FeatureParameters(n_mels=64)


def loudest_hz(waveform: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum)) * RECIPE.sample_rate / len(waveform)


@pytest.mark.parametrize("speed", [0.8, 0.95, 1.05, 1.25])
def test_speed_moves_pitch_and_length_alike(speed: float) -> None:
    waveform = tone(1000.0, seconds=2.0).astype(np.float32)
    played = at_speed(waveform, speed)
    assert played.dtype == np.float32
    assert len(played) == pytest.approx(len(waveform) / speed, abs=1)
    assert loudest_hz(played) == pytest.approx(1000.0 * speed, abs=2.0)


def test_a_spectrogram_for_each_speed() -> None:
    waveform = tone(1000.0, seconds=1.0).astype(np.float32)
    basis = mel_basis(RECIPE)
    own, faster = (log_mel(at_speed(waveform, speed), RECIPE, basis) for speed in (1.0, 1.25))
    np.testing.assert_allclose(own, log_mel(waveform, RECIPE, basis), atol=0.05)
    assert faster.shape == (RECIPE.n_frames(round(len(waveform) / 1.25)), RECIPE.n_mels)
    quick = tone(1250.0, seconds=0.8).astype(np.float32)
    assert faster.mean(axis=0).argmax() == log_mel(quick, RECIPE, basis).mean(axis=0).argmax()


def test_a_clip_of_one_transform_can_be_played_faster() -> None:
    waveform = tone(1000.0, seconds=0.033).astype(np.float32)
    faster = log_mel(at_speed(waveform, 2.0), RECIPE, mel_basis(RECIPE))
    assert np.isfinite(faster).all()


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.wav"):
        read_waveform(Clip(path=tmp_path / "gone.wav", machine="fan"), RECIPE)


def test_a_part_of_a_recording_has_the_samples_and_the_hash_of_that_part(tmp_path: Path) -> None:
    waveform = tone(1000.0, seconds=2.0).astype(np.float32)
    path = write_wav(tmp_path / "long.wav", waveform)
    whole = Clip(path=path, machine="fan")
    part = Clip(path=path, machine="fan", start=0.5, duration=0.25)
    samples = read_waveform(part, RECIPE)
    np.testing.assert_array_equal(samples, read_waveform(whole, RECIPE)[8000:12000])
    read = read_hashed(part, RECIPE)
    assert read.samples is not None
    np.testing.assert_array_equal(read.samples, samples)
    again = read_hashed(part, RECIPE, read.sha256)
    assert (again.sha256, again.samples) == (read.sha256, None)
    assert read.sha256 != read_hashed(whole, RECIPE).sha256
