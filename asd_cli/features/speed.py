"""Log-mel spectrograms of a recording as it would sound a little faster or slower."""

from collections.abc import Sequence

from asd_cli.audio.decoding import at_speed
from asd_cli.features.logmel import LogMel, log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.waveforms import Waveform


def spectrograms_at_speeds(
    waveform: Waveform, parameters: FeatureParameters, speeds: Sequence[float]
) -> list[LogMel]:
    """Compute the spectrograms of a recording that is played at several speeds.

    Playing it faster moves all frequencies and times together, as a faster machine does: speed
    perturbation (Ko et al. 2015, "Audio augmentation for speech recognition", Interspeech).

    Parameters
    ----------
    waveform : ndarray [shape=(n_samples,), dtype=float32]
        Full scale is 1.
    parameters : FeatureParameters
        How to compute features.
    speeds : sequence of float
        Factors; above 1 is faster and shorter.

    Returns
    -------
    list of ndarray [shape=(n_frames, n_mels), dtype=float32]
        Decibels; one for each speed.
    """
    basis = mel_basis(parameters)
    return [log_mel(at_speed(waveform, speed), parameters, basis) for speed in speeds]
