from itertools import product

import librosa
import numpy as np
import pytest

from asd_cli.core.errors import ConfigError
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import LOG_FLOOR, FeatureParameters
from tests.support.recordings import tone

SETTINGS = [
    FeatureParameters(sample_rate=rate, n_fft=n_fft, hop_length=hop, n_mels=mels, power=power, pad_mode=pad)
    for (rate, mels), (n_fft, hop), power, pad in product(
        ((16000, 128), (16000, 40), (44100, 64)),
        ((1024, 512), (2048, 300)),
        (2.0, 1.0),
        ("reflect", "constant"),
    )
]  # fmt: skip


@pytest.mark.parametrize("recipe", SETTINGS, ids=str)
def test_equal_to_librosa(recipe: FeatureParameters) -> None:
    waveform = tone(900.0, seconds=2.0).astype(np.float32)
    expected = librosa.feature.melspectrogram(
        y=waveform,
        sr=recipe.sample_rate,
        n_fft=recipe.n_fft,
        hop_length=recipe.hop_length,
        n_mels=recipe.n_mels,
        power=recipe.power,
        center=True,
        pad_mode=recipe.pad_mode,
    )
    expected = 20.0 / recipe.power * np.log10(np.maximum(expected, LOG_FLOOR))
    ours = log_mel(waveform, recipe, mel_basis(recipe))
    assert ours.shape == (recipe.n_frames(len(waveform)), recipe.n_mels)
    assert ours.dtype == np.float32
    assert np.abs(ours - expected.T).max() <= 1e-3


def test_silence_is_the_floor_and_not_minus_infinity() -> None:
    recipe = FeatureParameters()
    silence = log_mel(np.zeros(16000, np.float32), recipe, mel_basis(recipe))
    np.testing.assert_allclose(silence, 10 * np.log10(LOG_FLOOR), rtol=1e-6)


def test_more_bands_than_the_transform_can_tell_apart() -> None:
    with pytest.raises(ConfigError, match="128 bands are too many for feature.n_fft: 128"):
        mel_basis(FeatureParameters(n_fft=128))


def test_the_fingerprint_tells_recipes_apart() -> None:
    changed = [
        FeatureParameters(n_mels=64), FeatureParameters(n_fft=512), FeatureParameters(hop_length=256),
        FeatureParameters(power=1.0), FeatureParameters(pad_mode="constant"), FeatureParameters(channel=0),
        FeatureParameters(scale="linear"), FeatureParameters(sample_rate=8000), FeatureParameters(),
    ]  # fmt: skip
    assert len({recipe.fingerprint for recipe in changed}) == len(changed)
    assert FeatureParameters(resample=True).fingerprint == FeatureParameters().fingerprint


def test_frames_have_times() -> None:
    assert FeatureParameters().seconds(313) == pytest.approx(10.016)
