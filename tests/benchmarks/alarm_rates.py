"""How often the alarm rule rings on normal sound, and how soon on a change: simulated scores.

    python -m tests.benchmarks.alarm_rates
    python -m tests.benchmarks.alarm_rates --draws 200 --false-alarms 1/week

Normal scores of a model are drawn from a process, as recordings of an hour (360 clips of 10 s) or
less, the rule is made of them, and a new stream of the same process is scored for the time in which
one false alarm is allowed. Then scores rise by 3 standard deviations. Printed: how often the promise
was given, the fraction of streams that rang, of those with the promise, and clips until the alarm.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.pipeline.monitoring.rule import AlarmRule
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions, make_rule

FloatArray = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], FloatArray]

CLIP_SECONDS = 10.0
SHIFT = 3.0
RECORDINGS = ((5, 360), (12, 60), (12, 360), (40, 60))
_LONGEST_DELAY = 6000


def first_alarm(rule: AlarmRule, scores: FloatArray) -> int:
    """Count the clips until the alarm; 0 for none. As `AlarmRule.step`, but many times as fast."""
    taken = scores[:: rule.every]
    bets = 0.5 / np.sqrt(np.array(rule.p_values)[np.searchsorted(rule.scores, taken, "left")])
    total = 0.0
    for number, bet in enumerate(bets.tolist()):
        total = (total + 1.0) * bet
        if total >= rule.alarm_at:
            return number * rule.every + 1
    return 0


def autoregressive(correlation: float, rng: np.random.Generator, count: int) -> FloatArray:
    """Draw scores that resemble the one before."""
    noise = rng.normal(size=count + 300)
    rest = np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([rest], [1.0, -correlation], noise)[300:])


def slow_and_fast(share: float, rng: np.random.Generator, count: int) -> FloatArray:
    """Draw scores with a slow part (half an hour) and one of each clip."""
    slow = autoregressive(0.9945, rng, count)
    return np.sqrt(share) * slow + np.sqrt(1 - share) * rng.normal(size=count)


def gamma(rng: np.random.Generator, count: int) -> FloatArray:
    """Draw independent scores with a long tail."""
    return rng.gamma(1.0, 1.0, count)


def repeating(rng: np.random.Generator, count: int) -> FloatArray:
    """Draw scores of a machine that does the same each two minutes."""
    turns = (np.arange(count) + rng.integers(12)) / 12
    return np.sin(2 * np.pi * turns) + 0.5 * rng.normal(size=count)


PROCESSES: dict[str, Draw] = {
    "independent": lambda rng, count: rng.normal(size=count),
    "independent, long tail": gamma,
    **{f"clip to clip {r:g}": partial(autoregressive, r) for r in (0.5, 0.7, 0.9, 0.97)},
    "slow part 20 %": partial(slow_and_fast, 0.2),
    "slow part 50 %": partial(slow_and_fast, 0.5),
    "repeats each 2 minutes": repeating,
}


@dataclass(frozen=True, slots=True)
class Row:
    """What came of a process and a set of normal recordings."""

    promised: float
    every: float
    rang: float
    rang_promised: float
    delay: float
    delay_9_of_10: float


def simulate(draw: Draw, recordings: tuple[int, int], asked: str, draws: int, seed: int) -> Row:
    """Draw models and streams.

    Parameters
    ----------
    draw : callable
        Gives the scores of a stretch of sound.
    recordings : tuple of int
        How many there are, and their clips.
    asked : str
        Rate of false alarms.
    draws : int
        Models, each with a stream.
    seed : int
        Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    count, clips = recordings
    units = np.repeat(np.arange(count), clips).tolist()
    rung, known, every, delays = [], [], [], []
    for _ in range(draws):
        normal = NormalScores(np.concatenate([draw(rng, clips) for _ in range(count)]), units)
        rule = make_rule(normal, units, clip_seconds=CLIP_SECONDS,
                         options=AlarmOptions(false_alarms=asked))  # fmt: skip
        stream = draw(rng, round(rule.false_alarm_seconds / CLIP_SECONDS))
        rung.append(first_alarm(rule, stream) > 0)
        known.append(rule.promised)
        every.append(rule.every)
        raised = draw(rng, _LONGEST_DELAY) + SHIFT * float(np.std(normal.scores))
        delays.append(first_alarm(rule, raised) or _LONGEST_DELAY)
    promised = np.array(known)
    return Row(
        promised=float(promised.mean()),
        every=float(np.median(every)),
        rang=float(np.mean(rung)),
        rang_promised=float(np.mean(np.array(rung)[promised])) if promised.any() else float("nan"),
        delay=float(np.median(delays)),
        delay_9_of_10=float(np.quantile(delays, 0.9)),
    )


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--false-alarms", default="1/day")
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| process | recordings x clips | promise | each n-th | rang | rang, promised | delay |")
    print("|---|---|---|---|---|---|---|")
    for name, draw in PROCESSES.items():
        for recordings in RECORDINGS:
            row = simulate(draw, recordings, given.false_alarms, given.draws, given.seed)
            print(
                f"| {name} | {recordings[0]} x {recordings[1]} | {row.promised:.2f} | "
                f"{row.every:.0f} | {row.rang:.2f} | {row.rang_promised:.2f} | "
                f"{row.delay:.0f} ({row.delay_9_of_10:.0f}) |",
                flush=True,
            )


if __name__ == "__main__":
    main()
