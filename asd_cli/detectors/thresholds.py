"""The score above which a clip is called anomalous, from the scores of normal clips."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

_FEWEST_FOR_GAMMA = 3
# A threshold is suspicious when it flags this many times more or fewer training clips than asked.
_TOLERATED_RATIO = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A decision threshold and how it came about.

    Attributes
    ----------
    value : float
        Scores above it are anomalous.
    kind : str
        ``gamma`` or ``quantile``: what it was computed by.
    quantile : float
        Share of normal scores meant to lie below it.
    false_alarm_rate : float
        Share of training scores that lie above it.
    parameters : dict
        Shape, location and scale of the gamma distribution.
    notes : list of str
        What the user should know: a fallback, a threshold that cannot fire.
    """

    value: float
    kind: str
    quantile: float
    false_alarm_rate: float
    parameters: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def fit_threshold(
    scores: npt.NDArray[np.floating],
    *,
    kind: str,
    quantile: float,
    highest_score: float = float("inf"),
) -> Threshold:
    """Choose a threshold from the scores of the training clips.

    ``gamma`` fits a gamma distribution by maximum likelihood (`scipy.stats.gamma.fit`) and takes
    its quantile, as the DCASE baselines do; ``quantile`` takes the quantile of the scores. Where a
    gamma distribution cannot be fitted, the quantile is used and the fallback is noted.

    Parameters
    ----------
    scores : ndarray [shape=(n_clips,)]
        Finite; higher is more anomalous.
    kind : str
        ``gamma`` or ``quantile``.
    quantile : float
        In (0, 1).
    highest_score : float
        No clip can score higher.

    Returns
    -------
    Threshold
    """
    values = np.asarray(scores, np.float64)
    notes: list[str] = []
    parameters: dict[str, float] = {}
    value = float(np.quantile(values, quantile))
    if kind == "gamma":
        fitted = _fit_gamma(values, quantile)
        if fitted is None:
            kind = "quantile"
            notes.append(
                f"a gamma distribution cannot be fitted to {len(values)} training scores from "
                f"{values.min():.4g} to {values.max():.4g}; their quantile is the threshold"
            )
        else:
            value, parameters = fitted
    rate = float(np.mean(values > value))
    notes.extend(_suspicions(rate, quantile, len(values)))
    if value >= highest_score:
        notes.append(
            f"the threshold {value:.4g} can never be exceeded: no clip scores higher than "
            f"{highest_score:.4g}"
        )
    return Threshold(
        value=value,
        kind=kind,
        quantile=quantile,
        false_alarm_rate=rate,
        parameters=parameters,
        notes=notes,
    )


def _fit_gamma(
    values: npt.NDArray[np.float64], quantile: float
) -> tuple[float, dict[str, float]] | None:
    """Fit and take the quantile; None where scipy cannot or the result is no number."""
    import warnings

    from scipy import stats

    if len(values) < _FEWEST_FOR_GAMMA or np.ptp(values) <= np.spacing(np.abs(values).max()):
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
