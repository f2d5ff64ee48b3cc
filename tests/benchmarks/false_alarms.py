"""How often clean streams have more false alarms than the bound that is printed for them.

    python -m tests.benchmarks.false_alarms
    python -m tests.benchmarks.false_alarms --draws 100 --rate 0.01

A model's normal scores are drawn from a process, limit and bound are computed from them, and a new
stream of 2,000 clips of the same process is counted. Processes: independent Gaussian and gamma
scores; scores correlated from clip to clip (first-order autoregressive, 0.7 and 0.95); recordings
of four clips that share 30 or 80 % of their variance; five days that share 20 or 50 %, and then a
sixth one. Nothing is written.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.pipeline.own.request import default_rate

FloatArray = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], FloatArray]

CLIPS = (20, 50, 200, 1000)
STREAM = 2000
CLIPS_OF_RECORDING = 4
DAYS = 5


@dataclass(frozen=True, slots=True)
class Process:
    """How scores arise: those of a model, and those of a new stream."""

    name: str
    normal: Draw
    stream: Draw


def autoregressive(correlation: float) -> Draw:
    """Scores that resemble the one before."""

    def draw(rng: np.random.Generator, count: int) -> FloatArray:
        noise = rng.normal(size=count)
        values = np.empty(count)
        values[0] = noise[0]
        rest = np.sqrt(1 - correlation**2)
        for index in range(1, count):
            values[index] = correlation * values[index - 1] + rest * noise[index]
        return values

    return draw


def shared(fraction: float, groups: Callable[[int], npt.NDArray[np.int64]]) -> Draw:
    """Scores of which the clips of one group share a fraction of the variance."""

    def draw(rng: np.random.Generator, count: int) -> FloatArray:
        numbers = groups(count)
        common = rng.normal(size=int(numbers.max()) + 1)[numbers]
        return np.sqrt(fraction) * common + np.sqrt(1 - fraction) * rng.normal(size=count)

    return draw


def recordings(count: int) -> npt.NDArray[np.int64]:
    """Number the recording of each clip."""
    return np.arange(count) // CLIPS_OF_RECORDING


def days(count: int) -> npt.NDArray[np.int64]:
    """Number the day of each clip, of five."""
    return np.arange(count) * DAYS // count


def one_day(count: int) -> npt.NDArray[np.int64]:
    """Give all clips to one day."""
    return np.zeros(count, np.int64)


def processes() -> tuple[Process, ...]:
    """List the processes."""
    simple: list[tuple[str, Draw]] = [
        ("independent Gaussian", lambda rng, count: rng.normal(size=count)),
        ("independent gamma", lambda rng, count: rng.gamma(2.0, 1.0, count)),
        ("from clip to clip 0.7", autoregressive(0.7)),
        ("from clip to clip 0.95", autoregressive(0.95)),
        ("recordings share 30 %", shared(0.3, recordings)),
        ("recordings share 80 %", shared(0.8, recordings)),
    ]
    return (
        *(Process(name, draw, draw) for name, draw in simple),
        Process("days share 20 %", shared(0.2, days), shared(0.2, one_day)),
        Process("days share 50 %", shared(0.5, days), shared(0.5, one_day)),
    )


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one process and number of clips."""

    rate: float
    median_bound: float
    beyond: float


def simulate(process: Process, clips: int, rate: float | None, draws: int, seed: int) -> Row:
    """Draw models and streams.

    Parameters
    ----------
    process : Process
        How scores arise.
    clips : int
        Normal clips of a model.
    rate : float or None
        False-alarm rate that is asked for; None for the default of so many recordings.
    draws : int
        Models.
    seed : int
        Of the random numbers.

    Returns
    -------
    Row
        Mean false-alarm rate, median bound, fraction of streams beyond their bound.
    """
    rng = np.random.default_rng(seed)
    units = recordings(clips).tolist()
    asked = default_rate(len(set(units))) if rate is None else rate
    rates, bounds = [], []
    for _ in range(draws):
        normal = NormalScores(process.normal(rng, clips), units)
        rates.append(float(np.mean(process.stream(rng, STREAM) > normal.limit(asked))))
        bounds.append(normal.bound(asked))
    return Row(
        float(np.mean(rates)),
        float(np.median(bounds)),
        float(np.mean(np.array(rates) > np.array(bounds))),
    )


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", action="append", type=float, default=[])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    print("| process | clips | asked | false alarms | bound, median | streams beyond |")
    print("|---|---|---|---|---|---|")
    for rate in (None, *given.rate):
        for process in processes():
            for clips in CLIPS:
                row = simulate(process, clips, rate, given.draws, given.seed)
                asked = "default" if rate is None else f"{rate:g}"
                print(
                    f"| {process.name} | {clips} | {asked} | {row.rate:.3f} | "
                    f"{row.median_bound:.3f} | {row.beyond:.3f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
