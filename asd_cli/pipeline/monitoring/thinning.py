"""How far apart clips must be for their scores to be nearly independent.

A rule for independent clips rings falsely on sound whose scores change slowly: with a correlation
of 0.5 from clip to clip most streams do. So only each k-th clip takes part in it, and k is the
first lag at which the left-out scores of normal recordings are nearly uncorrelated.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Recordings = Sequence[object] | npt.NDArray[np.integer]
Scores = Sequence[float] | npt.NDArray[np.floating]

NEARLY = 0.2
"""Correlation that is small enough; with 0.3, 8 of 60 streams rang where 4 were allowed."""
MIN_RECORDINGS = 5
_MIN_PAIRS = 30
# Of a correlation that fades evenly, with NEARLY at the lag, the sum over all multiples is 0.25.
_NEARLY_IN_ALL = 0.3
_MULTIPLES = 10
# With fewer a correlation that lasts cannot be told from one that fades.
_MIN_MULTIPLES = 3


@dataclass(frozen=True, slots=True)
class Thinning:
    """Which clips may be taken as independent.

    Attributes
    ----------
    every : int
        Each so many-th clip; where it is not known, the longest lag that could have been shown.
    known : bool
        Whether the recordings show that this is enough.
    correlation : float
        Of scores at that lag; NaN where it is not known.
    why : str
        Where it is not known: why.
    """

    every: int
    known: bool
    correlation: float = float("nan")
    why: str = ""


def find_thinning(scores: Scores, recordings: Recordings) -> Thinning:
    """Find the first lag at which scores are nearly uncorrelated.

    The correlation is around the mean of all recordings, so that what differs from one to another
    counts as well. It must be small at the lag, and its sum over the multiples of the lag too, as
    far as recordings reach: sound that repeats is uncorrelated at some lags only, and a weak
    correlation that lasts does as much as a strong one that fades. Both by the estimate plus one
    standard error (jackknife over recordings).

    Parameters
    ----------
    scores : sequence of float
        Of normal clips without gaps, in the order of recordings and time.
    recordings : sequence
        Which recording each clip is of.

    Returns
    -------
    Thinning

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> find_thinning(rng.normal(size=600), np.arange(600) // 60).every
    1
    """
    pieces = _pieces(_normal_quantiles(np.asarray(scores, np.float64)), recordings)
    long = [piece for piece in pieces if len(piece) > 1]
    if len(long) < MIN_RECORDINGS:
        return Thinning(1, known=False, why=(
            f"{len(long)} of {len(pieces)} normal recordings hold more than one clip, and "
            f"{MIN_RECORDINGS} are needed to know how long sound resembles itself"
        ))  # fmt: skip
    last = _longest_lag(long)
    if last == 0:
        return Thinning(
            1, known=False,
            why="normal recordings hold too few clips to know how long sound resembles itself",
        )  # fmt: skip
    correlations = _Correlations.of(pieces, last)
    longest = last // _MIN_MULTIPLES
    for lag in range(1, longest + 1):
        multiples = range(lag, min(last, _MULTIPLES * lag) + 1, lag)
        if correlations.upper([lag]) < NEARLY and correlations.upper(multiples) < _NEARLY_IN_ALL:
            return Thinning(lag, known=True, correlation=correlations.at([lag]))
    estimate = correlations.at([last])
    return Thinning(max(longest, 1), known=False, correlation=estimate, why=(
        f"scores resemble each other for longer than a third of what {MIN_RECORDINGS} normal "
        f"recordings reach (correlation {estimate:.2f} at {last} clips); record longer, on more "
        "days"
    ))  # fmt: skip


def thinned(scores: Scores, recordings: Recordings, every: int) -> FloatArray:
    """Keep each `every`-th clip of each recording, from its first."""
    pieces = _pieces(np.asarray(scores, np.float64), recordings)
    return np.concatenate([piece[::every] for piece in pieces])


def _pieces(values: FloatArray, recordings: Recordings) -> list[FloatArray]:
    """Split scores where the recording changes."""
    names = list(recordings)
    starts = [n for n in range(1, len(names)) if names[n] != names[n - 1]]
    return np.split(values, starts)


def _normal_quantiles(values: FloatArray) -> FloatArray:
    """Replace values by the quantiles of their ranks: a single very high score decides nothing."""
    from scipy.special import ndtri

    ordered = np.sort(values)
    below, to = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    found: FloatArray = ndtri((below + to + 1.0) / 2.0 / (len(values) + 1.0))
    return found


def _longest_lag(pieces: Sequence[FloatArray]) -> int:
    """Give the longest lag that enough recordings and pairs of clips show."""
    lag = 0
    while True:
        pairs = [len(piece) - lag - 1 for piece in pieces if len(piece) > lag + 1]
        if len(pairs) < MIN_RECORDINGS or sum(pairs) < _MIN_PAIRS:
            return lag
        lag += 1


@dataclass(frozen=True, slots=True)
class _Correlations:
    """Sums of products of each recording at each lag, around the common mean.

    Attributes
    ----------
    products, pairs : ndarray [shape=(n_recordings, 1 + last)]
        Sums, and of how many pairs of clips; column 0 is of the clips themselves.
    uncertainty : float
        Variance of the common mean, which is missing in each product.
    """

    products: FloatArray
    pairs: FloatArray
    uncertainty: float

    @classmethod
    def of(cls, pieces: Sequence[FloatArray], last: int) -> "_Correlations":
        every = np.concatenate(pieces)
        mean = every.mean()
        lags = np.arange(last + 1)
        products = np.zeros((len(pieces), last + 1))
        for row, piece in zip(products, pieces, strict=True):
            centred = piece - mean
            padded = np.fft.rfft(centred, 2 * len(piece))
            own = np.fft.irfft(np.abs(padded) ** 2)[: min(len(piece), last + 1)]
            row[: len(own)] = own
        lengths = np.array([len(piece) for piece in pieces], np.float64)
        deviations = np.array([piece.mean() for piece in pieces]) - mean
        uncertainty = float(np.sum((lengths / len(every) * deviations) ** 2))
        return cls(products, np.maximum(lengths[:, None] - lags, 0.0), uncertainty)

    def at(self, lags: Sequence[int], without: int | None = None) -> float:
        """Sum the correlation over lags, without one of the recordings."""
        products, pairs = self.products.sum(axis=0), self.pairs.sum(axis=0)
        if without is not None:
            products, pairs = products - self.products[without], pairs - self.pairs[without]
        columns = [0, *lags]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = products[columns] / pairs[columns] + self.uncertainty
        if not np.isfinite(means).all() or means[0] <= 0:
            return float(len(columns) - 1)
        return float(np.sum(means[1:] / means[0]))

    def upper(self, lags: Sequence[int]) -> float:
        """Sum the correlation over lags, plus one standard error."""
        shown = np.flatnonzero(self.pairs[:, max(lags)] > 0)
        left_out = np.array([self.at(lags, int(n)) for n in shown])
        factor = (len(shown) - 1) / len(shown)
        error = float(np.sqrt(factor * np.sum((left_out - left_out.mean()) ** 2)))
        return self.at(lags) + error
