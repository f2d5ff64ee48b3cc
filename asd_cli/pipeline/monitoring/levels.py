"""Level of a clip, to know a machine that is off."""

import numpy as np
import numpy.typing as npt


def level_db(features: npt.NDArray[np.floating]) -> float:
    """Give the mean power over bands and frames, in dB.

    Parameters
    ----------
    features : ndarray [shape=(n_frames, n_bands)]
        Log-mel spectrogram in dB.

    Examples
    --------
    >>> level_db(np.array([[-20.0, -20.0]]))
    -20.0
    """
    power = np.mean(10.0 ** (np.asarray(features, np.float64) / 10.0))
    return round(10.0 * float(np.log10(power)), 2)
