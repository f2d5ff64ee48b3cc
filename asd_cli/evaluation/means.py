"""Arithmetic and harmonic means that leave undefined figures out.

`arithmetic` and `harmonic` take arrays and average over the first axis: a row a figure, with any
further axes (draws of a bootstrap) kept. `arithmetic_mean` and `harmonic_mean` take plain numbers.

The harmonic mean is ``n / sum(1 / max(x, 2.22e-16))``, as the official evaluators of DCASE Task 2
compute it: a figure of 0 makes it almost 0 and never divides by 0.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

# sys.float_info.epsilon: under divisors and under the values of harmonic means.
EPSILON = 2.220446049250313e-16

FloatArray = npt.NDArray[np.float64]
MeanKind = Literal["arithmetic", "harmonic"]
KINDS: tuple[MeanKind, ...] = ("arithmetic", "harmonic")


def arithmetic(figures: FloatArray) -> FloatArray:
    """Arithmetic mean over the first axis.

    Parameters
    ----------
    figures : ndarray [shape=(n, ...)]
        NaN where undefined; a figure is so in all draws or in none.

    Returns
    -------
    ndarray [shape=(...)]
        NaN where nothing is defined.
    """
    defined = _defined(figures)
    return np.asarray(np.mean(defined, axis=0)) if len(defined) else _nothing(figures)


def harmonic(figures: FloatArray) -> FloatArray:
    """Harmonic mean over the first axis; parameters and result as of `arithmetic`."""
    defined = _defined(figures)
    if not len(defined):
        return _nothing(figures)
    return np.asarray(len(defined) / np.sum(1.0 / np.maximum(defined, EPSILON), axis=0))


MEANS: dict[MeanKind, Callable[[FloatArray], FloatArray]] = {
    "arithmetic": arithmetic,
    "harmonic": harmonic,
}


def arithmetic_mean(values: Sequence[float | None]) -> float | None:
    """Arithmetic mean of the values that are defined; None when none is.

    Examples
    --------
    >>> arithmetic_mean([0.5, None, 1.0])
    0.75
    """
    return _of_plain(values, arithmetic)


def harmonic_mean(values: Sequence[float | None]) -> float | None:
    """Harmonic mean of the values that are defined; None when none is.

    Examples
    --------
    >>> harmonic_mean([0.5, None, 1.0])
    0.6666666666666666
    >>> harmonic_mean([None]) is None
    True
    """
    return _of_plain(values, harmonic)


def as_array(values: Sequence[float | None]) -> FloatArray:
    """Give figures as an array, NaN where they are undefined."""
    return np.array([np.nan if value is None else value for value in values], np.float64)


def as_float(figure: FloatArray) -> float | None:
    """Give a single figure as a number, None where it is undefined."""
    return None if np.isnan(figure) else float(figure)


def _of_plain(
    values: Sequence[float | None], mean: Callable[[FloatArray], FloatArray]
) -> float | None:
    return as_float(mean(as_array(values)))


def _defined(figures: FloatArray) -> FloatArray:
    return figures[[not np.isnan(figure).any() for figure in figures]] if len(figures) else figures


def _nothing(figures: FloatArray) -> FloatArray:
    return np.full(figures.shape[1:], np.nan)
