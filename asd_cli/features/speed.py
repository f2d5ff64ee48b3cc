"""Log-mel spectrograms of a recording as it would sound a little faster or slower."""

from collections.abc import Sequence
from pathlib import Path

from asd_cli.audio.decoding import at_speed, decode, read_file
from asd_cli.features.logmel import LogMel, log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters


def spectrograms_at_speeds(
    path: Path, recipe: FeatureParameters, speeds: Sequence[float]
) -> list[LogMel]:
    """Compute the spectrograms of a recording that is played at several speeds.

    Playing it faster moves all frequencies and times together, as a faster machine does: speed
    perturbation (Ko et al. 2015, "Audio augmentation for speech recognition", Interspeech).

    Parameters
    ----------
    path : Path
        The recording.
    recipe : FeatureParameters
        How to compute features.
    speeds : sequence of float
        Factors; above 1 is faster and shorter.

    Returns
    -------
    list of ndarray [shape=(n_frames, n_mels), dtype=float32]
        Decibels; one a speed.

    Raises
    ------
    DataError
        When the recording cannot be read or decoded.
    """
    waveform = decode(read_file(path), path, recipe.audio_format)
    basis = mel_basis(recipe)
    return [log_mel(at_speed(waveform, speed), recipe, basis) for speed in speeds]
