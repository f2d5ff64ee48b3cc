"""P-values of scores as nodes of a graph, in double precision.

Student's t distribution of up to four degrees of freedom (five blocks) has closed forms
(Abramowitz and Stegun 1964, "Handbook of Mathematical Functions", 26.7.3 and 26.7.4). They are
written so that nothing cancels far out in the tail.
"""

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.graphs.values import Value


def p_value_graph(normal: NormalScores, scores: Value) -> Value:
    """Give the smallest rate at which each score is anomalous, as `NormalScores.p_values` does.

    Parameters
    ----------
    normal : NormalScores
        Of the model.
    scores : Value [shape=(clips,), dtype=float64]
        Of new clips.

    Returns
    -------
    Value [shape=(clips,), dtype=float64]
        In (0, 1].
    """
    interval = normal.interval
    as_high = _count_as_high(scores, normal.scores)
    total = len(normal.scores) + 1.0
    ranks = (as_high + 1.0) / total * as_high.above(0.0).cast(np.float64)
    if interval.spread > 0:
        tail = upper_tail((scores - interval.mean) / interval.spread, interval.freedom)
    else:
        tail = scores.at_most(interval.mean).cast(np.float64)
    return tail.maximum(ranks).maximum(np.finfo(np.float64).tiny).minimum(1.0)


def rank_graph(normal: npt.NDArray[np.floating], scores: Value) -> Value:
    """Give conformal p-values [shape=(clips,), dtype=float64]: ranks among normal scores."""
    return (_count_as_high(scores, normal) + 1.0) / (len(normal) + 1.0)


def _count_as_high(scores: Value, normal: npt.NDArray[np.floating]) -> Value:
    """Count normal scores that are as high as each score, or higher."""
    known = scores.graph.wide(np.sort(normal)).unsqueeze(0)
    return known.at_least(scores.unsqueeze(1)).cast(np.float64).reduce("Sum", 1)


def upper_tail(t: Value, freedom: int) -> Value:
    """Probability that a variable with Student's t distribution is higher.

    Parameters
    ----------
    t : Value [dtype=float64]
        Any shape.
    freedom : int
        Degrees of freedom, from 1 to 4.

    Returns
    -------
    Value [dtype=float64]
        In [0, 1].

    Raises
    ------
    ValueError
        When there are more degrees of freedom.
    """
    if freedom not in _TAILS:
        raise ValueError(f"{freedom} degrees of freedom are not among 1 to {max(_TAILS)}")
    beyond = _TAILS[freedom](t.apply("Abs"))
    return t.graph.where(t.at_least(0.0), beyond, 1.0 - beyond)


def _one(t: Value) -> Value:
    return _angle(t, 1.0) * (1.0 / np.pi)


def _two(t: Value) -> Value:
    squares = t * t + 2.0
    return 1.0 / (squares * (1.0 + t / squares.apply("Sqrt")))


def _three(t: Value) -> Value:
    angle = _angle(t, np.sqrt(3.0))
    return (angle - angle.apply("Sin") * angle.apply("Cos")) * (1.0 / np.pi)


def _four(t: Value) -> Value:
    squares = t * t + 4.0
    sine = t / squares.apply("Sqrt")
    rest = 4.0 / (squares * (1.0 + sine))
    return rest * rest * (sine + 2.0) * 0.25


_TAILS = {1: _one, 2: _two, 3: _three, 4: _four}


def _angle(t: Value, scale: float) -> Value:
    """``arctan(scale / t)`` for t >= 0, in [0, pi / 2].

    Runtimes compute the arc tangent in single precision alone. What is missing is the arc tangent
    of a difference of 1e-7, which is that difference to the last bit.
    """
    ratio = scale / t.maximum(np.finfo(np.float32).tiny)
    near = ratio.cast(np.float32).apply("Atan").cast(np.float64)
    sine, cosine = near.apply("Sin"), near.apply("Cos")
    # Both multiplied by t: the ratio of t = 0 is infinite.
    return near + (cosine * scale - sine * t) / (cosine * t + sine * scale)
