"""The alarm rule of a model: from left-out scores of normal clips."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import UsageError
from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.pipeline.monitoring.rule import AlarmRule, AlarmState, Heard
from asd_cli.pipeline.monitoring.thinning import Recordings, Scores, find_thinning, thinned

FloatArray = npt.NDArray[np.float64]

_UNITS = {"hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2592000.0, "year": 31536000.0}
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(\d*)\s*([a-z]+?)s?")
_OF = re.compile(r"(\d+)\s*of\s*(\d+)")
# A warning may come so many times as often as an alarm: one a day where alarms are one a month.
WARNINGS_PER_ALARM = 30.0
# The p-value of a rank is the bound that holds for 90 of 100 sets of normal clips.
_CONFIDENCE = 0.9
_STEPS_PER_DECADE = 16
_SMALLEST_P = 1e-3
_OFF_DB = 6.0
# A door that slams clips once; a broken cable stays.
_SENSOR_AFTER = 3
_MAX_WINDOW = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmOptions:
    """What an operator asks for.

    Attributes
    ----------
    false_alarms : str
        At most so many false alarms: ``1/month``, ``1/week``, ``2/day``.
    clear_after, ring_after, latch
        As in `AlarmRule`.
    rule : str
        ``sum``, or k of m clips as ``3of5``.
    spacing_seconds : float or None
        Time between the beginnings of two clips that are scored; the length of a clip by default.
    """

    false_alarms: str = "1/month"
    clear_after: int = 6
    ring_after: int = 1
    latch: bool = False
    rule: str = "sum"
    spacing_seconds: float | None = None


def seconds_per_alarm(text: str) -> float:
    """Read a rate of false alarms: the time in which there may be one, in seconds.

    Raises
    ------
    UsageError
        When it is no rate.

    Examples
    --------
    >>> seconds_per_alarm("1/day"), seconds_per_alarm("2/week")
    (86400.0, 302400.0)
    """
    found = _RATE.fullmatch(text.strip().lower())
    if not found or found[3] not in _UNITS or float(found[1]) == 0 or found[2] == "0":
        raise UsageError(
            f"{text!r} is no rate of false alarms",
            hint=f"give a number and a time ({', '.join(_UNITS)}): --false-alarms 1/month",
        )
    return _UNITS[found[3]] * float(found[2] or 1) / float(found[1])


def count_of_window(rule: str) -> tuple[int, int]:
    """Read ``3of5``; (0, 0) for ``sum``; UsageError for anything else."""
    if rule == "sum":
        return 0, 0
    found = _OF.fullmatch(rule.strip().lower())
    if not found or not 1 <= int(found[1]) <= int(found[2]) <= _MAX_WINDOW:
        raise UsageError(f"{rule!r} is no alarm rule", hint="use sum, or k of m clips: --rule 3of5")
    return int(found[1]), int(found[2])


def make_rule(
    normal: NormalScores,
    recordings: Recordings,
    *,
    clip_seconds: float,
    levels: Sequence[float] = (),
    options: AlarmOptions = AlarmOptions(),
) -> AlarmRule:
    """Make the rule for the left-out scores of a model.

    Parameters
    ----------
    normal : NormalScores
        In the order of recordings and time.
    recordings : sequence
        Which recording each score is of: clips of one follow each other without gaps.
    clip_seconds : float
        Length of a clip.
    levels : sequence of float
        Of normal clips, in dB; none where they are not known.
    options : AlarmOptions
        What is asked for.

    Raises
    ------
    UsageError
        When a rate or a rule cannot be read, or a number is out of range.
    """
    period = seconds_per_alarm(options.false_alarms)
    count, window = count_of_window(options.rule)
    spacing = options.spacing_seconds or clip_seconds
    if min(options.clear_after, options.ring_after) < 1 or spacing <= 0:
        raise UsageError(
            f"clips cannot be {spacing:g} s apart, or be counted from "
            f"{min(options.clear_after, options.ring_after)}",
            hint="give a time above 0, and counts of 1 or more",
        )
    thinning = find_thinning(normal.scores, recordings)
    every = int(np.ceil(round(thinning.every * clip_seconds / spacing, 6)))
    kept = np.sort(thinned(normal.scores, recordings, thinning.every))
    scores, p_values = p_table(normal, kept, bounded=not window)
    clips = period / (spacing * every)
    rule = AlarmRule(
        scores=tuple(scores.tolist()),
        p_values=tuple(p_values.tolist()),
        every=every,
        alarm_at=max(clips, 2.0),
        warning_at=max(clips / WARNINGS_PER_ALARM, 2.0),
        clip_seconds=spacing,
        false_alarm_seconds=period,
        clear_after=options.clear_after,
        ring_after=options.ring_after,
        sensor_after=_SENSOR_AFTER,
        latch=options.latch,
        off_below=min(levels) - _OFF_DB if len(levels) else None,
        count=count,
        window=window,
    )
    if window:
        return replace(rule, promise=_counted_rate(rule, normal, recordings))
    return _with_promise(rule, thinning.known, thinning.why, len(kept), options.false_alarms)


def p_table(
    normal: NormalScores, kept: FloatArray, *, bounded: bool
) -> tuple[FloatArray, FloatArray]:
    """Tabulate bounded p-values over scores.

    Up to the highest normal score the larger one of two: the upper bound of the rank's p-value that
    holds for 90 of 100 sets of so many normal clips, a quantile of a Beta distribution (Vovk 2012,
    "Conditional validity of inductive conformal predictors"); and the p-value of `NormalScores`,
    which knows how recordings differ. Beyond it the smaller one of the two, but not below 0.001: of
    few clips the first one alone would be blind to how far beyond a score lies (simulation in
    tests/benchmarks/alarm_rates.py). Between two scores of the table it is that of the lower one.

    Parameters
    ----------
    normal : NormalScores
        All normal clips.
    kept : ndarray [shape=(n,)]
        Ascending scores of those that count as independent.
    bounded : bool
        Whether the first one is used; the other is alone where clips are counted.

    Returns
    -------
    scores : ndarray [shape=(m,)]
    p_values : ndarray [shape=(m + 1,)]
        As in `AlarmRule`.
    """
    from scipy.special import betaincinv

    n = len(kept)
    highest = max(float(kept[-1]), float(np.max(normal.scores)))
    tail = float(normal.p_values(np.array([np.nextafter(highest, np.inf)]))[0])
    decades = np.arange(np.ceil(-np.log10(_SMALLEST_P) * _STEPS_PER_DECADE)) / _STEPS_PER_DECADE
    above = [normal.limit(float(p)) for p in 10.0 ** -decades[1:] if p < tail]
    scores = np.unique(np.concatenate([kept, np.asarray(above, np.float64)]))
    starts = np.concatenate([[-np.inf], scores])
    p_values = np.concatenate([[1.0], normal.p_values(np.nextafter(scores, np.inf))])
    if bounded:
        # For a score in (starts[i], starts[i + 1]]: how many kept ones are as high or higher.
        rank = n - np.searchsorted(kept, starts, "right") + 1
        with np.errstate(invalid="ignore"):
            bound = np.where(
                rank > n, 1.0, betaincinv(rank, np.maximum(n + 1.0 - rank, 1.0), _CONFIDENCE)
            )
        inside = np.maximum(p_values, bound)
        beyond = np.minimum(bound, np.maximum(p_values, _SMALLEST_P))
        p_values = np.where(rank > 1, inside, beyond)
    # Rounding must not make a p-value rise with the score.
    return scores, np.minimum.accumulate(np.clip(p_values, _SMALLEST_P, 1.0))


def replayed(rule: AlarmRule, scores: Scores, recordings: Recordings) -> tuple[int, int]:
    """Count alarms and warnings in normal clips; each recording begins with a new sum."""
    alarms = warnings = 0
    state, last = AlarmState(), object()
    for number, (score, recording) in enumerate(zip(scores, recordings, strict=True)):
        if recording != last:
            state, last = AlarmState(), recording
        before = state
        state = rule.step(state, Heard(time=rule.clip_seconds * number, score=float(score)))
        alarms += state.ringing and not before.ringing
        warnings += state.warned and not before.warned
    return alarms, warnings


def _counted_rate(rule: AlarmRule, normal: NormalScores, recordings: Recordings) -> str:
    """Say how often a rule that counts clips rings, as far as normal clips show it.

    The bound is that of a Poisson rate (Garwood 1936, "Fiducial limits for the Poisson
    distribution").
    """
    from scipy.special import gammaincinv

    alarms, _ = replayed(rule, normal.scores, recordings)
    days = len(normal.scores) * rule.clip_seconds / _UNITS["day"]
    bound = float(gammaincinv(alarms + 1.0, 0.95)) / days
    return (
        f"{rule.count} of {rule.window} clips with p at most {rule.count_p:g}: a rule without a "
        f"promise; it rings {alarms} times in {24 * days:.2g} h of the model's own normal clips, "
        f"which may be up to {bound:.2g} false alarms a day (95 % bound)"
    )


def _with_promise(rule: AlarmRule, known: bool, why: str, kept: int, asked: str) -> AlarmRule:
    if not rule.can_ring:
        text = f"{kept} independent normal clips are too few for any alarm; record more"
        return replace(rule, promise=text)
    if not known:
        return replace(rule, promise=f"no promise of {asked}: {why}")
    hears = "every clip" if rule.every == 1 else f"each {rule.every}th clip"
    text = (
        f"uses {hears} for alarms; at most {asked} false alarms, from {kept} independent normal "
        "clips, while the machine sounds as in its normal recordings"
    )
    return replace(rule, promised=True, promise=text)
