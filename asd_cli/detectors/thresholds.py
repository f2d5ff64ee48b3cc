"""The score above which a clip is called anomalous, from the scores of normal clips."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.threshold import INTERVAL, Threshold, first_value
from asd_cli.detectors.normal_scores import MIN_GROUP_CLIPS, NormalScores

_MIN_FOR_GAMMA = 3
# A threshold is suspicious when it flags this many times more or fewer training clips than asked.
_TOLERATED_RATIO = 2.0
# Of a group's clips, so many are meant to lie beyond its threshold; with fewer it is their highest.
_MIN_BEYOND = 0.5


def fit_threshold(
    scores: npt.NDArray[np.floating],
    *,
    kind: str,
    quantile: float,
    highest_score: float = float("inf"),
    groups: Sequence[Sequence[str]] = (),
    units: Sequence[object] = (),
) -> Threshold:
    """Choose a threshold from the scores of the training clips, and one for each group of them.

    ``gamma`` fits a gamma distribution by maximum likelihood (`scipy.stats.gamma.fit`) and takes
    its quantile, as the DCASE baselines do; ``quantile`` takes the quantile of the scores;
    ``interval`` takes the limit of `NormalScores`, which keeps the false-alarm rate on another day
    as well. Where a gamma distribution cannot be fitted, the quantile is used and the fallback is
    noted. A group that is too small gets no threshold of its own: for ``interval`` below 10 clips,
    else where the quantile would not lie below its highest score.

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Finite; higher is more anomalous.
    kind : str
        ``gamma``, ``quantile`` or ``interval``.
    quantile : float
        In (0, 1): 1 minus the false-alarm rate.
    highest_score : float
        No clip can score higher.
    groups : sequence of sequence of str
        Of each clip the groups it belongs to, from `threshold_groups`; none where all clips share
        one threshold.
    units : sequence
        Recording of each clip, in their order, for ``interval``; each clip by itself by default.

    Returns
    -------
    Threshold

    Raises
    ------
    DataError
        When ``interval`` is asked for and there are fewer than two clips.
    """
    scores = np.asarray(scores)
    values = np.asarray(scores, np.float64)
    known = np.asarray(units if len(units) else np.arange(len(values)))
    value, used, parameters, notes = _choose(scores, kind, quantile, known)
    own = {}
    for name in sorted({name for names in groups for name in names}):
        members = np.array([name in names for names in groups])
        if _large_enough(int(members.sum()), kind, quantile):
            own[name], *_ = _choose(scores[members], kind, quantile, known[members])
    applied = [first_value(own, names, value) for names in groups] or value
    rate = float(np.mean(values > np.asarray(applied)))
    if kind != INTERVAL:
        notes.extend(_suspicions(rate, quantile, len(values)))
    notes.extend(too_few(len(values), quantile, "training clips"))
    if min((value, *own.values())) >= highest_score:
        notes.append(
            f"the threshold {value:.4g} can never be exceeded: no clip scores higher than "
            f"{highest_score:.4g}"
        )
    bound = None
    if kind == INTERVAL:
        bound = normal_scores(values, known.tolist()).bound(1.0 - quantile)
    return Threshold(
        value=value,
        kind=used,
        quantile=quantile,
        false_alarm_rate=rate,
        parameters=parameters,
        notes=tuple(notes),
        groups=own,
        bound=bound,
    )


def too_few(count: int, quantile: float, what: str) -> list[str]:
    """Note that a threshold is of fewer clips or recordings than its quantile needs.

    Of n independent scores the highest lies below the quantile q more often than not unless
    ``1 / (n + 1) <= 1 - q`` (conformal; Vovk et al. 2005, Algorithmic Learning in a Random World).

    Examples
    --------
    >>> too_few(9, 0.9, "training clips")
    []
    >>> too_few(5, 0.9, "clips")
    ['the threshold is of 5 clips; a quantile of 0.9 needs 9: its false-alarm rate is uncertain']
    """
    needed = math.ceil(round(1.0 / (1.0 - quantile) - 1.0, 6))
    if count >= needed:
        return []
    return [
        f"the threshold is of {count} {what}; a quantile of {quantile:g} needs {needed}: its "
        "false-alarm rate is uncertain"
    ]


def normal_scores(scores: npt.NDArray[np.floating], units: Sequence[object]) -> NormalScores:
    """Give the scores of normal clips with the recordings that they are of.

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Of clips in the order of time or names.
    units : sequence
        Recording of each clip.
    """
    return NormalScores(scores, tuple(units))


def _large_enough(count: int, kind: str, quantile: float) -> bool:
    """Whether a group of so many clips gets a threshold of its own."""
    if kind == INTERVAL:
        return count >= MIN_GROUP_CLIPS
    return count * (1.0 - quantile) >= _MIN_BEYOND


def _choose(
    scores: npt.NDArray[np.floating], kind: str, quantile: float, units: npt.NDArray[Any]
) -> tuple[float, str, dict[str, float], list[str]]:
    """Give a threshold, what it was computed by, its parameters and what is odd about it."""
    values = np.asarray(scores, np.float64)
    if kind == INTERVAL:
        return normal_scores(values, units.tolist()).limit(1.0 - quantile), kind, {}, []
    empirical = float(np.quantile(values, quantile))
    if kind != "gamma":
        return empirical, kind, {}, []
    # In the precision of the scores, as the baselines do: single for the classifier.
    fitted = _fit_gamma(scores, quantile)
    if fitted is None:
        note = (
            f"a gamma distribution cannot be fitted to {len(values)} training scores from "
            f"{values.min():.4g} to {values.max():.4g}; their quantile is the threshold"
        )
        return empirical, "quantile", {}, [note]
    return fitted[0], kind, fitted[1], []


def _fit_gamma(
    values: npt.NDArray[np.floating], quantile: float
) -> tuple[float, dict[str, float]] | None:
    """Fit and take the quantile; None where scipy cannot or the result is no number."""
    import warnings

    from scipy import stats

    if len(values) < _MIN_FOR_GAMMA or np.ptp(values) <= np.spacing(np.abs(values).max()):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            shape, location, scale = stats.gamma.fit(values)
            value = float(stats.gamma.ppf(quantile, a=shape, loc=location, scale=scale))
    except (stats.FitError, ValueError):
        return None
    if not np.isfinite(value):
        return None
    return value, {"shape": float(shape), "loc": float(location), "scale": float(scale)}


def _suspicions(rate: float, quantile: float, count: int) -> list[str]:
    wanted = 1.0 - quantile
    if rate == 0.0 and wanted * count >= 1.0:
        return ["the threshold lies above every training score and may never fire"]
    if rate > wanted * _TOLERATED_RATIO or (
        rate < wanted / _TOLERATED_RATIO and wanted * count > 2
    ):
        return [
            f"the threshold flags {rate:.1%} of the training clips and was meant to flag "
            f"{wanted:.1%}"
        ]
    return []
