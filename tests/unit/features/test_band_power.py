import numpy as np
import pytest
from scipy.signal import welch

from asd_cli.features.band_power import band_power, frame_length

RATE = 16000
rng = np.random.default_rng(3)
NOISE = rng.standard_normal(4 * RATE).astype(np.float32)
BANDS = ((0.0, 500.0), (500.0, 2000.0), (2000.0, 8000.0))


def test_bands_that_lie_side_by_side_add_up_to_the_mean_square() -> None:
    powers = band_power(NOISE, BANDS, n_fft=4096, sample_rate=RATE).mean(axis=0)
    assert powers.sum() == pytest.approx(np.mean(NOISE**2), rel=0.02)


def test_power_is_that_of_welch() -> None:
    hertz, density = welch(
        NOISE, RATE, window="hann", nperseg=1024, noverlap=512, detrend=False, scaling="density"
    )
    width = hertz[1]
    inside = density[(hertz > 1000) & (hertz < 2000)].sum() * width
    edges = ((1000 + width / 2, 2000 - width / 2),)
    found = band_power(NOISE, edges, n_fft=1024, sample_rate=RATE).mean()
    assert found == pytest.approx(inside, rel=1e-3)


def test_a_sine_has_half_of_its_squared_amplitude() -> None:
    sine = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    powers = band_power(sine.astype(np.float32), BANDS, n_fft=4096, sample_rate=RATE)
    np.testing.assert_allclose(powers[:, 1], 0.125, rtol=1e-3)


def test_a_band_that_cuts_a_bin_has_its_part() -> None:
    halves = ((0.0, 1000.0), (1000.0, 8000.0), (0.0, 8000.0))
    powers = band_power(NOISE, halves, n_fft=64, sample_rate=RATE)
    np.testing.assert_allclose(powers[:, 0] + powers[:, 1], powers[:, 2], rtol=1e-5)


def test_a_recording_shorter_than_a_frame_has_the_level_of_a_longer_one() -> None:
    short = band_power(NOISE[:3000], ((0.0, 8000.0),), n_fft=4096, sample_rate=RATE)
    assert short.shape == (1, 1)
    assert 10 * np.log10(short[0, 0]) == pytest.approx(0.0, abs=2.0)


def test_an_array_that_was_written_to_is_transformed_again() -> None:
    buffer = NOISE[:8192].copy()
    first = band_power(buffer, BANDS, n_fft=4096, sample_rate=RATE)
    buffer *= 2
    again = band_power(buffer, BANDS, n_fft=4096, sample_rate=RATE)
    np.testing.assert_allclose(again, 4 * first, rtol=1e-5)
    buffer.flags.writeable = False
    kept = [band_power(buffer, BANDS, n_fft=4096, sample_rate=RATE) for _ in range(2)]
    np.testing.assert_array_equal(kept[0], again)
    np.testing.assert_array_equal(kept[1], again)


def test_frames_are_about_as_long_as_asked() -> None:
    for rate in (8000, 16000, 44100, 48000, 96000):
        assert 0.7 < frame_length(rate, 0.256) / rate / 0.256 < 1.42
