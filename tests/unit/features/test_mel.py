import warnings
from itertools import product

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librosa.filters import mel

from asd_cli.core.errors import ConfigError
from asd_cli.features.mel import band_edge_hz, band_position, hz_to_mel, mel_filters, mel_to_hz


def librosa_filters(sample_rate: int, n_fft: int, n_mels: int) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Empty filters", category=UserWarning)
        return mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, dtype=np.float32)


def check(sample_rate: int, n_fft: int, n_mels: int) -> None:
    """Equal to the last bit, or refused because a filter of librosa is empty."""
    expected = librosa_filters(sample_rate, n_fft, n_mels)
    if not expected.any(axis=1).all():
        with pytest.raises(ConfigError, match=f"{n_mels} bands are too many"):
            mel_filters(sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels)
        return
    ours = mel_filters(sample_rate=sample_rate, n_fft=n_fft, n_mels=n_mels)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("sample_rate", [8000, 11025, 16000, 22050, 44100, 48000, 96000])
def test_filters_have_the_bits_of_librosa(sample_rate: int) -> None:
    for n_fft, n_mels in product((256, 400, 1024, 2048, 8192), (1, 26, 40, 64, 128, 256)):
        check(sample_rate, n_fft, n_mels)


@given(st.integers(8000, 96000), st.integers(64, 8192), st.integers(1, 512))
@settings(max_examples=60, deadline=None)
def test_filters_of_any_setting_have_the_bits_of_librosa(
    sample_rate: int, n_fft: int, n_mels: int
) -> None:
    check(sample_rate, n_fft, n_mels)


def test_an_empty_first_band_is_refused_too() -> None:
    # librosa does not warn of this one: its check leaves out the filter that begins at 0 Hz.
    assert not librosa_filters(16000, 64, 26)[0].any()
    with pytest.raises(ConfigError, match="26 bands are too many for feature.n_fft: 64"):
        mel_filters(sample_rate=16000, n_fft=64, n_mels=26)


@given(st.lists(st.floats(0.0, 48000.0), min_size=1, max_size=20))
def test_the_scale_is_librosas_and_has_an_inverse(frequencies: list[float]) -> None:
    mels = hz_to_mel(frequencies)
    np.testing.assert_array_equal(mels, librosa.hz_to_mel(frequencies))
    np.testing.assert_array_equal(mel_to_hz(mels), librosa.mel_to_hz(mels))
    np.testing.assert_allclose(mel_to_hz(mels), frequencies, rtol=1e-12, atol=1e-9)
    assert hz_to_mel(frequencies[0]).shape == ()


def test_band_edges_lie_between_the_centres() -> None:
    centres = librosa.mel_frequencies(42, fmin=0.0, fmax=22050.0)[1:-1]
    edges = [band_edge_hz(edge, n_mels=40, sample_rate=44100) for edge in range(41)]
    assert all(edges[b] < centres[b] < edges[b + 1] for b in range(40))
    positions = [band_position(hz, n_mels=40, sample_rate=44100) for hz in edges]
    np.testing.assert_allclose(positions, np.arange(41), atol=1e-9)
