"""Why a clip scored as it did: where in time and frequency it differs from normal clips.

The detector is not asked; the recording is. A clip is compared with its nearest normal clips of the
same section, the difference is measured in units of what normal clips differ by among themselves,
and the rectangles of time and frequency that hold most of the excess are framed. So the frames show
what is unusual in the sound, which is what an engineer needs; it need not be what a network
used.

Steps
-----
1. The nearest normal clips are those whose spectra averaged over time differ least (mean absolute
   difference, clipped at 6 dB so that a loud fault in few bands does not choose the neighbour).
2. The residual is the mean of two differences: from the neighbours' average spectrum, which shows
   sounds that are missing or steady, and from their most similar frames, which shows sounds that do
   not occur in them and forgives events that come at other times.
3. It is smoothed, pooled to groups of bands and divided by each group's robust spread (1.4826 times
   the median absolute deviation, Rousseeuw & Croux 1993) among the normal clips.
4. The rectangle with the greatest sum of excess over 1.3 spreads is found exactly (Kadane's
   algorithm over all band ranges, Bentley 1984), for louder and for quieter, and widened as long as
   what joins it is in excess of a lower bar: two thresholds, as Canny (1986) finds edges, frame the
   whole of an event whose peak stands out. Then the next one, as long as it holds a fifth of the
   first. The sentence names the two strongest. Where the first holds no more excess than those of
   half of the normal clips, nothing is framed.
5. Before all that, a clip that is louder or quieter than its neighbours in nearly all bands, by
   more than normal clips are, is said to be that, if most of the excess is gone once its level is
   made equal; what else differs is looked for then.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from asd_cli.features.mel import band_edge_hz
from asd_cli.features.recipe import FeatureParameters
from asd_cli.reporting.explanation import Explanation, Region

LogMel = npt.NDArray[np.float32]

_NEIGHBOURS = 3
_SIMILAR_FRAMES = 16
_CANDIDATE_FRAMES = 400
_DISTANCE_CLIP_DB = 6.0
_FRAME_CLIP_DB = 8.0
_SMOOTHING = (3.0, 1.5)
_BANDS_POOLED = 4
_MIN_SPREAD_DB = 0.2
_COST, _COST_OF_JOINING, _LARGEST = 1.3, 0.5, 6.0
_REGIONS, _MIN_FRACTION = 6, 0.2
_CALIBRATION_CLIPS = 12
_LEVEL_QUANTILE = 0.9
# What is said of the level: more than what normal clips differ by, and what can be noticed.
_MIN_LEVEL_DB, _LEVEL_FACTOR = 1.5, 1.5
# And it must explain most of the excess.
_MAX_REST = 0.25


@dataclass(frozen=True, slots=True)
class NormalReference:
    """What normal clips of a section sound like.

    Attributes
    ----------
    clips : sequence of ndarray [shape=(n_frames, n_mels)]
        Log-mel in dB.
    means : ndarray [shape=(n_clips, n_mels)]
        Averages over time.
    centre, spread : ndarray [shape=(n_groups,)]
        Median and robust spread of the residual of normal clips, in dB.
    usual : float
        Excess of the strongest region of a normal clip; half of them have more.
    usual_level_db : float
        A normal clip is louder or quieter than its neighbours by no more than this.
    """

    clips: Sequence[LogMel]
    means: npt.NDArray[np.float64]
    centre: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]
    usual: float
    usual_level_db: float = 0.0


def learn_normal(clips: Sequence[LogMel]) -> NormalReference:
    """Measure how normal clips differ among themselves.

    Parameters
    ----------
    clips : sequence of ndarray [shape=(n_frames, n_mels)]
        At least two, in dB.

    Returns
    -------
    NormalReference
    """
    means = np.array([clip.mean(axis=0, dtype=np.float64) for clip in clips])
    chosen = np.unique(np.linspace(0, len(clips) - 1, _CALIBRATION_CLIPS).astype(int))
    residuals = []
    for index in chosen:
        near = nearest_clips(means[index], means, leave_out=int(index))
        residuals.append(_residual(clips[index], [clips[i] for i in near], means[near]))
    every = np.concatenate(residuals)
    centre = np.median(every, axis=0)
    spread = 1.4826 * np.median(np.abs(every - centre), axis=0) + _MIN_SPREAD_DB
    strongest = [_strongest(_excesses((part - centre) / spread))[0] for part in residuals]
    levels = [
        level_change(means[i], means[nearest_clips(means[i], means, leave_out=int(i))])
        for i in chosen
    ]
    return NormalReference(
        clips,
        means,
        centre,
        spread,
        float(np.median(strongest)),
        float(np.max(np.abs(levels))),
    )


def level_change(mean: npt.NDArray[np.float64], others: npt.NDArray[np.float64]) -> float:
    """Say by how much a clip is louder than others in nearly all bands.

    Parameters
    ----------
    mean : ndarray [shape=(n_mels,)]
        Its average over time, in dB.
    others : ndarray [shape=(n_clips, n_mels)]
        Those of others.

    Returns
    -------
    float
        Median difference in dB, negative where it is quieter; 0 where bands do not share it: a
        tenth of them differ by less than half of it, or a tenth by more than half as much again.
    """
    difference = mean - others.mean(axis=0)
    change = float(np.median(difference))
    least, most = np.quantile(np.sign(change) * difference, (0.1, 0.9))
    shared = least >= 0.5 * abs(change) and most <= 1.5 * abs(change)
    return change if shared else 0.0


def nearest_clips(
    mean: npt.NDArray[np.float64], means: npt.NDArray[np.float64], *, leave_out: int | None = None
) -> list[int]:
    """Choose the normal clips whose average spectra are nearest, the nearest first."""
    distances = np.minimum(np.abs(means - mean), _DISTANCE_CLIP_DB).mean(axis=1)
    order = np.argsort(distances, kind="stable")
    return [int(index) for index in order if index != leave_out][:_NEIGHBOURS]


def explain(clip: LogMel, reference: NormalReference, recipe: FeatureParameters) -> Explanation:
    """Find where a clip differs from normal.

    Parameters
    ----------
    clip : ndarray [shape=(n_frames, n_mels)]
        Log-mel in dB.
    reference : NormalReference
        Of the same machine and section.
    recipe : FeatureParameters
        Turns frames and bands into seconds and Hz.

    Returns
    -------
    Explanation
    """
    mean = clip.mean(axis=0, dtype=np.float64)
    near = nearest_clips(mean, reference.means)
    excesses = _excesses_of(clip, near, reference)
    level_db, change = 0.0, level_change(mean, reference.means[near])
    if abs(change) > max(_MIN_LEVEL_DB, _LEVEL_FACTOR * reference.usual_level_db):
        mass, _, sign = _strongest(excesses)
        equal = np.asarray(clip - change, np.float32)
        rest = _excesses_of(equal, near, reference)
        if sign * change > 0 and _strongest(rest)[0] <= _MAX_REST * mass:
            clip, excesses, level_db = equal, rest, change
    smooth = ndimage.gaussian_filter(clip, _SMOOTHING, mode="nearest")
    regions: list[Region] = []
    first = 0.0
    while len(regions) < _REGIONS:
        mass, (start, end, low, high), sign = _strongest(excesses)
        if mass <= max(_MIN_FRACTION * first, 0.0 if first else reference.usual):
            break
        first = first or mass
        for excess in excesses:
            excess[start:end, low:high] = -_LARGEST
        bands = (low * _BANDS_POOLED, min(high * _BANDS_POOLED, clip.shape[1]))
        difference = sign * (smooth - reference.means[near[0]])[start:end, slice(*bands)]
        loudness = sign * float(np.quantile(difference, _LEVEL_QUANTILE))
        regions.append(_region((start, end), bands, loudness, len(clip), recipe))
    seconds = recipe.seconds(len(clip) - 1)
    return Explanation(tuple(regions), near[0], seconds, bool(regions), level_db)


def _excesses_of(
    clip: LogMel, near: Sequence[int], reference: NormalReference
) -> tuple[npt.NDArray[np.float64], ...]:
    """Excess of a clip over its nearest normal clips, of louder and of quieter."""
    residual = _residual(clip, [reference.clips[i] for i in near], reference.means[list(near)])
    return _excesses((residual - reference.centre) / reference.spread)


def _region(
    frames: tuple[int, int],
    bands: tuple[int, int],
    level_db: float,
    n_frames: int,
    recipe: FeatureParameters,
) -> Region:
    low, high = (
        band_edge_hz(edge, n_mels=recipe.n_mels, sample_rate=recipe.sample_rate) for edge in bands
    )
    end = recipe.seconds(min(frames[1], n_frames - 1))
    return Region(frames, bands, recipe.seconds(frames[0]), end, low, high, level_db)


def _residual(
    clip: LogMel, neighbours: Sequence[LogMel], means: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Difference from the neighbours in dB [shape=(n_frames, n_groups)], smoothed and pooled."""
    steady = clip - means.mean(axis=0)
    frames = np.concatenate(neighbours)
    similar = clip - frames[_similar_frames(clip, neighbours)].mean(axis=1)
    smooth = ndimage.gaussian_filter(0.5 * (steady + similar), _SMOOTHING, mode="nearest")
    return _pool(smooth.astype(np.float64))


def _similar_frames(clip: LogMel, neighbours: Sequence[LogMel]) -> npt.NDArray[np.intp]:
    """Find the frames of the neighbours that are most like each frame of the clip."""
    own = _pool(ndimage.gaussian_filter(clip, 1.0)).astype(np.float32)
    pooled = [_pool(ndimage.gaussian_filter(part, 1.0)).astype(np.float32) for part in neighbours]
    candidates = np.arange(0, sum(map(len, pooled)), 1 + sum(map(len, pooled)) // _CANDIDATE_FRAMES)
    theirs = np.concatenate(pooled)[candidates]
    distances = np.zeros((len(own), len(theirs)), np.float32)
    # One group of bands at a time: the full difference would take a hundred megabytes.
    for group in range(own.shape[1]):
        difference = np.abs(own[:, group, None] - theirs[None, :, group])
        distances += np.minimum(difference, np.float32(_FRAME_CLIP_DB), out=difference)
    count = min(_SIMILAR_FRAMES, len(theirs))
    return candidates[np.argpartition(distances, count - 1, axis=1)[:, :count]]


def _pool(values: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Average groups of bands; a last group may be smaller."""
    starts = np.arange(0, values.shape[1], _BANDS_POOLED)
    sums = np.add.reduceat(values, starts, axis=1)
    counts = np.diff(np.append(starts, values.shape[1]))
    return np.asarray(sums / counts, np.float64)


def _excesses(normalised: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    """Excess over one spread, of louder and of quieter; negative where there is none."""
    return tuple(np.clip(sign * normalised, -1.0, _LARGEST) - _COST for sign in (1.0, -1.0))


Rectangle = tuple[int, int, int, int]


def _strongest(excesses: Sequence[npt.NDArray[np.float64]]) -> tuple[float, Rectangle, float]:
    """Give the greatest sum, its rectangle widened, and 1 if it is louder or -1 if quieter."""
    (louder, above), (quieter, below) = (greatest_rectangle(excess) for excess in excesses)
    lowered = _COST - _COST_OF_JOINING
    if louder >= quieter:
        return louder, widen_rectangle(above, excesses[0] + lowered), 1.0
    return quieter, widen_rectangle(below, excesses[1] + lowered), -1.0


def greatest_rectangle(values: npt.NDArray[np.float64]) -> tuple[float, Rectangle]:
    """Find the rectangle with the greatest sum.

    Parameters
    ----------
    values : ndarray [shape=(n_rows, n_columns)]
        Of both signs.

    Returns
    -------
    float
        The sum; 0 where no value is positive.
    (int, int, int, int)
        First row, one past the last, first column, one past the last.
    """
    best, where = 0.0, (0, 0, 0, 0)
    across = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
    for left in range(values.shape[1]):
        # Columns hold the sums of all column ranges that begin at `left`.
        sums = np.pad(
            np.cumsum(across[:, left + 1 :] - across[:, left, None], axis=0), ((1, 0), (0, 0))
        )
        gains = sums - np.minimum.accumulate(sums, axis=0)
        row, column = np.unravel_index(int(np.argmax(gains)), gains.shape)
        if gains[row, column] > best:
            best = float(gains[row, column])
            top = int(np.argmin(sums[: row + 1, column]))
            where = (top, int(row), left, left + 1 + int(column))
    return best, where


def widen_rectangle(rectangle: Rectangle, values: npt.NDArray[np.float64]) -> Rectangle:
    """Move one side out at a time, by what adds most, until nothing outside adds to the sum.

    Parameters
    ----------
    rectangle : (int, int, int, int)
        First row, one past the last, first column, one past the last.
    values : ndarray [shape=(n_rows, n_columns)]
        Of both signs.

    Returns
    -------
    (int, int, int, int)
        Holds the given one.
    """
    top, bottom, left, right = rectangle
    while True:
        sides = (
            values[:top, left:right].sum(axis=1)[::-1],
            values[bottom:, left:right].sum(axis=1),
            values[top:bottom, :left].sum(axis=0)[::-1],
            values[top:bottom, right:].sum(axis=0),
        )
        gains = [np.append(0.0, np.cumsum(side)) for side in sides]
        side = int(np.argmax([gain.max() for gain in gains]))
        step = int(np.argmax(gains[side]))
        if step == 0:
            return top, bottom, left, right
        moves = [0, 0, 0, 0]
        moves[side] = step
        top, bottom, left, right = (
            top - moves[0], bottom + moves[1], left - moves[2], right + moves[3]
        )  # fmt: skip
