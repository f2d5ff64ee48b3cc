"""Scores of several detectors on one scale, and as one number."""

import numpy as np
import numpy.typing as npt

_MIN_SCALE = 1e-9
# Of logarithms: distances of normal clips vary by more than two per cent.
_MIN_LOG_SCALE = 0.02
# Of the median distance: what is nearer is equal.
_MIN_DISTANCE = 1e-6
# At 4, a member that is one standard deviation further than four others decides alone.
_SHARPNESS = 4.0


def normalise(
    scores: npt.NDArray[np.floating], normal: npt.NDArray[np.floating], kind: str
) -> npt.NDArray[np.float64]:
    """Put scores on a scale that normal clips define; the order stays.

    Parameters
    ----------
    scores : ndarray [shape=(n,)]
        To be put on the scale.
    normal : ndarray [shape=(m,)]
        Scores of normal clips.
    kind : str
        ``z``: distance from their mean in standard deviations. ``log``: the same of logarithms, for
        scores that are distances: of many kinds of distance these have about one distribution,
        whose upper tail is short. ``rank``: fraction of them that is lower, interpolated; beyond
        the ends it continues with the mean slope between the median and that end, so that what is
        far beyond all of them keeps its order.

    Returns
    -------
    ndarray [shape=(n,), dtype=float64]
    """
    values, known = np.asarray(scores, np.float64), np.sort(np.asarray(normal, np.float64))
    if kind == "z":
        return np.asarray((values - known.mean()) / max(float(known.std()), _MIN_SCALE))
    if kind == "log":
        least = max(_MIN_DISTANCE * float(np.median(known)), _MIN_SCALE)
        values, known = np.log(np.maximum(values, least)), np.log(np.maximum(known, least))
        return np.asarray((values - known.mean()) / max(float(known.std()), _MIN_LOG_SCALE))
    # Differences below the smallest normal number have no finite slope.
    tiny = np.finfo(np.float64).tiny
    values, known = (np.where(np.abs(each) < tiny, 0.0, each) for each in (values, known))
    ranks = (np.arange(len(known)) + 0.5) / len(known)
    median = float(np.median(known))
    below, above = (
        0.5 / max(width, _MIN_SCALE) for width in (median - known[0], known[-1] - median)
    )
    inside = np.interp(values, known, ranks)
    over, under = np.maximum(values - known[-1], 0), np.maximum(known[0] - values, 0)
    shifted: npt.NDArray[np.float64] = inside + above * over - below * under
    return shifted


def combine(
    normalised: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], kind: str
) -> npt.NDArray[np.float64]:
    """Make one number of the normalised scores of several detectors.

    Parameters
    ----------
    normalised : ndarray [shape=(n_detectors, n_clips)]
        From `normalise`.
    weights : ndarray [shape=(n_detectors,)]
        Of sum 1.
    kind : str
        ``mean``: weighted. ``soft_maximum``: ``log(sum(w * exp(4 * s))) / 4``, between the mean and
        the maximum and near the latter.

    Returns
    -------
    ndarray [shape=(n_clips,), dtype=float64]

    Examples
    --------
    >>> scores = np.array([[0.0, 5.0], [0.0, 0.0]])
    >>> combine(scores, np.array([0.5, 0.5]), "soft_maximum").round(2).tolist()
    [0.0, 4.83]
    """
    combined = np.zeros(normalised.shape[1])
    if kind == "mean":
        for weight, own in zip(weights, normalised, strict=True):
            combined += weight * own
        return combined
    highest = normalised.max(axis=0)
    for weight, own in zip(weights, normalised, strict=True):
        combined += weight * np.exp(_SHARPNESS * (own - highest))
    return np.asarray(highest + np.log(np.maximum(combined, _MIN_SCALE)) / _SHARPNESS)
