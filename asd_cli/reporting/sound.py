"""Recordings as MP3 in the page: every browser plays it, and it is a tenth of a WAV's size."""

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LONGEST_S = 15.0
_PEAK = 0.9
_MAX_GAIN_DB = 40.0
_MP3_RATES = {8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000}
_FALLBACK_RATE = 48000
# libsndfile's scale from 0 (largest file) to 1; near 40 kbit/s for 16 kHz mono.
_COMPRESSION = 0.8

Waveform = npt.NDArray[np.float32]


def common_gain(waveforms: Sequence[Waveform]) -> float:
    """Choose one factor for all of a machine's clips, so that they stay comparable in loudness.

    Returns
    -------
    float
        Brings the loudest sample to 0.9 of full scale, by at most 40 dB.
    """
    peak = max((float(np.max(np.abs(y), initial=0.0)) for y in waveforms), default=0.0)
    most = 10 ** (_MAX_GAIN_DB / 20)
    return min(_PEAK / peak, most) if peak > 0 else 1.0


def encode_mp3(waveform: Waveform, sample_rate: int, *, gain: float) -> bytes:
    """Encode at most 15 s of a recording.

    Parameters
    ----------
    waveform : ndarray [shape=(n_samples,)]
        Full scale is [-1, 1].
    sample_rate : int
        In Hz.
    gain : float
        Factor on the samples.

    Returns
    -------
    bytes
        MP3, mono.
    """
    import soundfile

    y = np.clip(waveform[: int(LONGEST_S * sample_rate)] * np.float32(gain), -1.0, 1.0)
    if sample_rate not in _MP3_RATES:
        import soxr

        y, sample_rate = soxr.resample(y, sample_rate, _FALLBACK_RATE), _FALLBACK_RATE
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        y,
        sample_rate,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=_COMPRESSION,
        bitrate_mode="CONSTANT",
    )
    return buffer.getvalue()
