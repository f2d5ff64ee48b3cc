"""Decisions from the scores of normal clips: p-values, limits, and what rate can be promised.

A quantile of some normal scores is not a false-alarm rate: another day differs from the days that
are known by more than clips of one day differ among each other. Both kinds of variation are
estimated here from blocks of neighbouring recordings, each scored by a detector that did not know
it.

The limit for the false-alarm rate ``a`` is the higher one of

- the upper end of a prediction interval for a clip of a new block: the mean of the block means plus
  ``t(1 - a; K - 1) * sqrt((1 + 1/K) * B + W)``, where ``K`` blocks have the variance ``B`` between
  their means and ``W`` within (one-way random effects; Hahn and Meeker 1991, "Statistical
  Intervals", chapter 4);
- the conformal rank: the ``ceil((n + 1) * (1 - a))``-th lowest of ``n`` scores, while ``n`` allows
  it (Vovk et al. 2005, "Algorithmic Learning in a Random World").

It assumes that a new recording differs from the known ones as much as the blocks do among each
other. Where everything was recorded on one day, nothing shows how another day sounds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError

BLOCKS = 5
"""Blocks that the normal clips are cut into: few enough that each holds days, not minutes."""

# With two clips there is one difference to estimate a variance by.
MIN_CLIPS = 2
# A group with fewer clips has no limit below that of all clips.
MIN_GROUP_CLIPS = 10
# The bound holds for at least 95 % of clean streams; each of its two parts is estimated from few
# blocks, which takes a little more (simulation in tests/benchmarks/false_alarms.py).
_CONFIDENCE = 0.975

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class NormalScores:
    """Left-out scores of normal clips, and the recording that each belongs to.

    Attributes
    ----------
    scores : ndarray [shape=(n_clips,)]
        Higher is more anomalous; each from a detector that was fitted without the clip's recording.
        In the order of time or names.
    units : sequence
        Recording (or group of recordings) of each clip. Blocks of neighbours are made of them.

    Raises
    ------
    DataError
        When there are fewer than two clips.

    Examples
    --------
    >>> scores = np.random.default_rng(0).normal(size=100)
    >>> normal = NormalScores(scores, np.arange(100) // 4)
    >>> bool(normal.limit(0.01) > normal.limit(0.1))
    True
    >>> normal.smallest_rate
    0.009900990099009901
    """

    scores: npt.NDArray[np.floating]
    units: Sequence[object]

    def __post_init__(self) -> None:
        """Refuse what no variance can be estimated from."""
        if len(self.scores) < MIN_CLIPS:
            raise DataError(
                f"{len(self.scores)} normal clip is too little for a threshold",
                hint=f"record more: {MIN_CLIPS} clips at the very least, better 50 of 5 recordings",
            )

    @cached_property
    def _ordered(self) -> FloatArray:
        return np.sort(np.asarray(self.scores, np.float64))

    @cached_property
    def _components(self) -> "_Components":
        blocks = neighbour_blocks(list(self.units))
        return _Components.of(np.asarray(self.scores, np.float64), blocks)

    @property
    def interval(self) -> "Interval":
        """The prediction interval that limits and p-values are taken from."""
        found = self._components
        return Interval(found.mean, found.spread, found.freedom)

    @cached_property
    def part_correlation(self) -> float:
        """Correlation of the scores of two clips of one recording, in [0, 1].

        The intraclass correlation (Fisher 1925, "Statistical Methods for Research Workers"); 0
        where recordings have a single clip each, so that nothing is known of it.
        """
        names = {unit: number for number, unit in enumerate(dict.fromkeys(self.units))}
        numbers = np.array([names[unit] for unit in self.units], np.int64)
        if len(names) < MIN_CLIPS or len(names) == len(numbers):
            return 0.0
        return _intraclass(np.asarray(self.scores, np.float64), numbers)

    def of_parts(self, p_value: float, parts: int) -> float:
        """Correct the lowest p-value of the parts of a recording for their number.

        By the number of independent parts that `parts` correlated ones are worth,
        ``1 + (parts - 1) * (1 - r ** 2)`` (Nyholt 2004, "A simple correction for multiple testing
        for single-nucleotide polymorphisms in linkage disequilibrium with each other", for equal
        correlations r), which is Bonferroni's correction where they are independent.

        Examples
        --------
        >>> NormalScores(np.array([1.0, 2.0, 3.0]), "abc").of_parts(0.01, 4)
        0.04
        """
        return min(1.0, p_value * self.independent_parts(parts))

    def independent_parts(self, parts: int) -> float:
        """Count the independent parts that correlated parts are worth, as `of_parts` does."""
        return 1.0 + (parts - 1) * (1.0 - self.part_correlation**2)

    @property
    def smallest_rate(self) -> float:
        """The smallest false-alarm rate that ranks of so many clips can tell: ``1 / (n + 1)``."""
        return 1.0 / (len(self.scores) + 1.0)

    def limit(self, rate: float) -> float:
        """Give the score above which a clip is anomalous.

        Parameters
        ----------
        rate : float
            False-alarm rate that is asked for, in (0, 1).
        """
        from scipy.special import stdtrit

        found = self._components
        interval = found.mean + float(stdtrit(found.freedom, 1.0 - rate)) * found.spread
        # Rounding must not push an exact rank up: 0.9 * (99 + 1) is 90.00000000000001.
        rank = int(np.ceil(round((len(self._ordered) + 1) * (1.0 - rate), 9)))
        if rank > len(self._ordered):
            return max(interval, float(self._ordered[-1]))
        return max(interval, float(self._ordered[rank - 1]))

    def p_values(self, scores: npt.NDArray[np.floating]) -> FloatArray:
        """Give the smallest rate at which each score is anomalous.

        Up to the highest normal score it is at least the conformal p-value
        ``(1 + #{normal >= score}) / (n + 1)``.

        Parameters
        ----------
        scores : ndarray [shape=(n,)]
            Of new clips.

        Returns
        -------
        ndarray [shape=(n,), dtype=float64]
            In (0, 1].
        """
        from scipy.special import stdtr

        values, found = np.asarray(scores, np.float64), self._components
        tail = np.where(values > found.mean, 0.0, 1.0)
        if found.spread > 0:
            tail = stdtr(found.freedom, -(values - found.mean) / found.spread)
        as_high = len(self._ordered) - np.searchsorted(self._ordered, values, "left")
        ranks = np.where(as_high > 0, (1.0 + as_high) / (len(self._ordered) + 1.0), 0.0)
        return np.clip(np.maximum(tail, ranks), np.finfo(np.float64).tiny, 1.0)

    def bound(self, rate: float) -> float:
        """Give what the false-alarm rate may really be: a bound for 95 % of clean streams.

        The larger one of two: what so many clips can show, counted by how independent they are
        (Clopper and Pearson 1934, "The use of confidence or fiducial limits", with the design
        effect of clusters, Kish 1965, "Survey Sampling"); and the rate in a block that lies as high
        as a new one may.

        Parameters
        ----------
        rate : float
            False-alarm rate that is asked for.

        Returns
        -------
        float
            In (0, 1].
        """
        from scipy.special import betaincinv, stdtrit

        limit, found = self.limit(rate), self._components
        above = float(np.mean(self._ordered > limit)) * found.independent
        rest = max(found.independent - above, np.finfo(float).tiny)
        counted = float(betaincinv(above + 1.0, rest, _CONFIDENCE))
        high = found.mean + float(stdtrit(found.freedom, _CONFIDENCE)) * found.between
        in_high_block = (1.0 + np.sum(found.residuals + high > limit)) / (len(self._ordered) + 1.0)
        return min(1.0, max(counted, float(in_high_block)))


@dataclass(frozen=True, slots=True)
class Interval:
    """Distribution of the score of a clip of a new block: Student's t, moved and scaled.

    Attributes
    ----------
    mean : float
        Of the block means.
    spread : float
        0 where all scores are equal.
    freedom : int
        Degrees of freedom, at least 1.
    """

    mean: float
    spread: float
    freedom: int


@dataclass(frozen=True)
class _Components:
    """Variance of scores between blocks and within them.

    Attributes
    ----------
    mean : float
        Of the block means.
    between : float
        Standard deviation of a new block's mean around it.
    spread : float
        Standard deviation of a clip of a new block around it.
    freedom : int
        Degrees of freedom.
    residuals : ndarray [shape=(n_clips,)]
        Deviations of the scores from their block's mean.
    independent : float
        How many independent clips tell as much.
    """

    mean: float
    between: float
    spread: float
    freedom: int
    residuals: FloatArray
    independent: float

    @classmethod
    def of(cls, scores: FloatArray, blocks: npt.NDArray[np.int64]) -> "_Components":
        names, numbers = np.unique(blocks, return_inverse=True)
        if len(names) == 1:  # a single block: what varies within it is all that is known
            numbers = np.arange(len(scores)) * min(BLOCKS, len(scores)) // len(scores)
        counts = np.bincount(numbers)
        count, total = len(counts), len(scores)
        means = np.bincount(numbers, scores) / counts
        freedom_within = max(total - count, 1)
        residuals = (scores - means[numbers]) * np.sqrt(total / freedom_within)
        within = float(np.sum(residuals**2)) / total
        variance = float(means.var(ddof=1))
        between = (1.0 + 1.0 / count) * variance
        return cls(
            mean=float(means.mean()),
            between=float(np.sqrt(between)),
            spread=float(np.sqrt(between + within)),
            freedom=count - 1,
            residuals=residuals,
            independent=_independent(total, count, variance, within),
        )


def _intraclass(scores: FloatArray, numbers: npt.NDArray[np.int64]) -> float:
    """Correlation within groups, from the mean squares between and within them, in [0, 1]."""
    counts = np.bincount(numbers).astype(np.float64)
    means = np.bincount(numbers, scores) / counts
    total, groups = len(scores), len(counts)
    within = float(np.sum((scores - means[numbers]) ** 2)) / max(total - groups, 1)
    between = float(np.sum(counts * (means - scores.mean()) ** 2)) / (groups - 1)
    size = (total - float(np.sum(counts**2)) / total) / (groups - 1)
    scale = between + (size - 1.0) * within
    return min(1.0, max(0.0, (between - within) / scale)) if scale > 0 else 0.0


def _independent(total: int, count: int, variance: float, within: float) -> float:
    """Count the independent clips that tell as much, from the correlation within blocks."""
    size = total / count
    between = size * variance
    scale = between + (size - 1.0) * within
    correlation = max(0.0, (between - within) / scale) if scale > 0 else 0.0
    return total / (1.0 + (size - 1.0) * correlation)


def neighbour_blocks(units: Sequence[object], count: int = BLOCKS) -> npt.NDArray[np.int64]:
    """Cut clips into blocks of neighbours that keep units together.

    Parameters
    ----------
    units : sequence
        What each clip belongs to (its recording), in the order of time or names.
    count : int
        Blocks at most. Where there are fewer units, each is a block; of a single unit the clips
        are cut, since nothing else is there.

    Returns
    -------
    ndarray [shape=(n_clips,), dtype=int64]

    Examples
    --------
    >>> neighbour_blocks(["a", "a", "b", "c", "c"], 2).tolist()
    [0, 0, 0, 1, 1]
    """
    numbers: dict[object, int] = {}
    found = np.array([numbers.setdefault(unit, len(numbers)) for unit in units], np.int64)
    if len(numbers) == 1:
        found = np.arange(len(units), dtype=np.int64)
    known = int(found.max(initial=0)) + 1
    return found * min(count, known) // known
