"""Frequencies of mel bands, without loading librosa (Slaney's scale, as the features use it)."""

import math

_HZ_PER_MEL = 200.0 / 3.0
_BREAK_HZ, _BREAK_MEL = 1000.0, 15.0
_LOG_STEP = math.log(6.4) / 27.0


def hz_to_mel(hz: float) -> float:
    """Slaney's mel scale: linear to 1 kHz, logarithmic above (Auditory Toolbox, 1998)."""
    if hz < _BREAK_HZ:
        return hz / _HZ_PER_MEL
    return _BREAK_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def mel_to_hz(mel: float) -> float:
    """Inverse of `hz_to_mel`."""
    if mel < _BREAK_MEL:
        return mel * _HZ_PER_MEL
    return _BREAK_HZ * math.exp(_LOG_STEP * (mel - _BREAK_MEL))


def band_edge_hz(edge: float, *, n_mels: int, sample_rate: int) -> float:
    """Frequency of the border below a band; ``n_mels`` gives the border above the last one.

    The centre of band b is 1 + b steps of 1 / (n_mels + 1) of the scale up to half the sample rate,
    and borders lie half a step beside it.
    """
    top = hz_to_mel(sample_rate / 2)
    return mel_to_hz(top * (edge + 0.5) / (n_mels + 1))


def band_position(hz: float, *, n_mels: int, sample_rate: int) -> float:
    """Inverse of `band_edge_hz`: where a frequency lies, in bands from the lowest border."""
    return hz_to_mel(hz) / hz_to_mel(sample_rate / 2) * (n_mels + 1) - 0.5
