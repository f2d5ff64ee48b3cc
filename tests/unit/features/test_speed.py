from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio.decoding import at_speed
from asd_cli.core.errors import DataError
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.speed import spectrograms_at_speeds
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


def test_a_spectrogram_a_speed(tmp_path: Path) -> None:
    waveform = tone(1000.0, seconds=1.0).astype(np.float32)
    path = write_wav(tmp_path / "tone.wav", waveform)
    own, faster = spectrograms_at_speeds(path, RECIPE, (1.0, 1.25))
    basis = mel_basis(RECIPE)
    np.testing.assert_allclose(own, log_mel(waveform, RECIPE, basis), atol=0.05)
    assert faster.shape == (RECIPE.n_frames(round(len(waveform) / 1.25)), RECIPE.n_mels)
    quick = tone(1250.0, seconds=0.8).astype(np.float32)
    assert faster.mean(axis=0).argmax() == log_mel(quick, RECIPE, basis).mean(axis=0).argmax()


def test_a_clip_of_one_transform_can_be_played_faster(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "short.wav", tone(1000.0, seconds=0.033).astype(np.float32))
    (faster,) = spectrograms_at_speeds(path, RECIPE, (2.0,))
    assert np.isfinite(faster).all()


def test_a_recording_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.wav"):
        spectrograms_at_speeds(tmp_path / "gone.wav", RECIPE, (1.1,))
