"""Scores of several detectors on one scale, and as one number."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MIN_SCALE = 1e-9
# Of logarithms: distances of normal clips vary by more than two per cent.
_MIN_LOG_SCALE = 0.02
# Of the median distance: what is nearer is equal.
_MIN_DISTANCE = 1e-6
# At 4, a member that is one standard deviation further than four others decides alone.
SHARPNESS = 4.0


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
    values = np.asarray(scores, np.float64)
    if kind != "rank":
        scale = Scale.of(normal, kind)
        if scale.least is not None:
            values = np.log(np.maximum(values, scale.least))
        return np.asarray((values - scale.mean) / scale.spread)
    known, ranks, below, above = rank_scale(normal)
    values = np.where(np.abs(values) < np.finfo(np.float64).tiny, 0.0, values)
    inside = np.interp(values, known, ranks)
    over, under = np.maximum(values - known[-1], 0), np.maximum(known[0] - values, 0)
    shifted: npt.NDArray[np.float64] = inside + above * over - below * under
    return shifted


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and standard deviation of normal scores, or of their logarithms.

    Attributes
    ----------
    mean, spread : float
        The latter above 0.
    least : float or None
        Logarithms are taken of scores, of this one where they are lower; None where none are.
    """

    mean: float
    spread: float
    least: float | None = None

    @classmethod
    def of(cls, normal: npt.NDArray[np.floating], kind: str) -> "Scale":
        """Measure normal scores; `kind` is ``z`` or ``log``."""
        known = np.sort(np.asarray(normal, np.float64))
        if kind == "z":
            return cls(known.mean(), max(float(known.std()), MIN_SCALE))
        least = max(_MIN_DISTANCE * float(np.median(known)), MIN_SCALE)
        known = np.log(np.maximum(known, least))
        return cls(known.mean(), max(float(known.std()), _MIN_LOG_SCALE), least)


def rank_scale(
    normal: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], float, float]:
    """Give normal scores in order, their ranks, and the slopes below and above them."""
    known = np.sort(np.asarray(normal, np.float64))
    # Differences below the smallest normal number have no finite slope.
    known = np.where(np.abs(known) < np.finfo(np.float64).tiny, 0.0, known)
    ranks = (np.arange(len(known)) + 0.5) / len(known)
    median = float(np.median(known))
    below, above = (
        0.5 / max(width, MIN_SCALE) for width in (median - known[0], known[-1] - median)
    )
    return known, ranks, below, above


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
        combined += weight * np.exp(SHARPNESS * (own - highest))
    return np.asarray(highest + np.log(np.maximum(combined, MIN_SCALE)) / SHARPNESS)
