"""The alarm rule on sound: days of a machine with slow changes, and faults.

    python -m tests.benchmarks.alarm_streams
    python -m tests.benchmarks.alarm_streams --machines 2 --hours 2

A machine of the generator runs for hours while its load, its speed and the noise around it change
slowly (in some minutes). A model is trained on some of the hours as recordings of 20 minutes, in
clips of 4 s; the others are scored. A stream of a day is made of hours of those, drawn with
replacement; asked for is one false alarm a day. Then a fault of the generator comes, and the delay
is counted. With real recordings (``--real FOLDER``, of short files) blocks are files, and a model is
trained on half of them.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.core.events import SILENT
from asd_cli.core.files import write_bytes
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Domain
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.monitoring.rule import AlarmRule
from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.scorer import ModelScorer, rule_of
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.services.own_train import train_machine
from asd_cli.settings.model import Settings
from asd_cli.synthetic import signals
from asd_cli.synthetic.background import draw_background, render_background
from asd_cli.synthetic.machines.rotating import run_rotating
from asd_cli.synthetic.plan import SAMPLE_RATE
from asd_cli.synthetic.recordings import MACHINES
from asd_cli.synthetic.rendering import encode_wav
from asd_cli.synthetic.scene import Scene
from tests.benchmarks.alarm_rates import first_alarm

FloatArray = npt.NDArray[np.float64]

CLIP_SECONDS = 4.0
RECORDING_CLIPS = 300
HOUR_CLIPS = 900
FAULTS = ("louder 3 dB", "octave 4 dB", "missing part")
_SLOW_CLIPS = 60.0
_LEVEL = 0.03


@dataclass(frozen=True, slots=True)
class Hall:
    """One machine in its hall, whose load and noise change slowly."""

    kind: str
    seed: int

    def clips(self, count: int, name: str, fault: str = "") -> Iterator[npt.NDArray[np.float32]]:
        """Render clips that follow each other."""
        rng = np.random.default_rng(derive_seed(self.seed, name, fault))
        unit = np.random.default_rng(derive_seed(self.seed, "machine"))
        machine = MACHINES[self.kind](unit)
        background = draw_background(unit, unit, Domain.SOURCE)
        keep = float(np.exp(-1.0 / _SLOW_CLIPS))
        slow = rng.standard_normal(3)
        for _ in range(count):
            slow = keep * slow + np.sqrt(1 - keep**2) * rng.standard_normal(3)
            scene = Scene(
                n=round(CLIP_SECONDS * SAMPLE_RATE), sample_rate=SAMPLE_RATE,
                speed=1.0 + 0.005 * float(slow[0]), load=1.0 + 0.04 * float(slow[1]), rng=rng,
            )  # fmt: skip
            weights: tuple[float, ...] = ()
            if fault == "missing part":
                weights = (0.15, *[1.0] * (len(machine.strength) - 1))
            sound = run_rotating(machine, scene, weights)
            if fault == "louder 3 dB":
                sound = sound * np.float32(signals.decibels(3.0))
            if fault == "octave 4 dB":
                sound = signals.filter_curve(
                    sound, sample_rate=SAMPLE_RATE, hz=[690, 710, 1410, 1450],
                    level_db=[0.0, 4.0, 4.0, 0.0],
                )  # fmt: skip
            noise_db = -8.0 + 1.5 * float(slow[2])
            noise = render_background(background, scene) * np.float32(signals.decibels(noise_db))
            yield np.clip((sound + noise) * np.float32(_LEVEL), -1, 1).astype(np.float32)


def train(root: Path, sources: Path, clip_seconds: float, detector: str) -> Model:
    """Train a model."""
    settings = Settings(
        model_directory=root / "model", result_directory=root / "result",
        cache_directory=root / "cache", detector=detector,
    )  # fmt: skip
    request = OwnTrainRequest(
        sources=(sources,), machine="machine", settings=settings, clip_seconds=clip_seconds, jobs=1
    )
    return train_machine(request, SILENT).model


@dataclass(frozen=True, slots=True)
class Streams:
    """What came of a machine."""

    rule: AlarmRule
    rang: int
    streams: int
    delays: dict[str, list[float]]


def simulate(
    rule: AlarmRule, blocks: Sequence[FloatArray], faults: dict[str, FloatArray], *, days: int,
    seed: int,
) -> Streams:  # fmt: skip
    """Draw days of normal blocks, and moments at which a fault comes.

    Parameters
    ----------
    rule : AlarmRule
        For one false alarm a day.
    blocks : sequence of ndarray
        Scores of normal sound, in stretches.
    faults : dict of str to ndarray
        Scores of sound with each fault.
    days : int
        Streams.
    seed : int
        Of the drawing.
    """
    rng = np.random.default_rng(seed)
    length = round(rule.false_alarm_seconds / rule.clip_seconds)
    rang = 0
    for _ in range(days):
        drawn = [blocks[int(rng.integers(len(blocks)))]]
        while sum(map(len, drawn)) < length:
            drawn.append(blocks[int(rng.integers(len(blocks)))])
        rang += first_alarm(rule, np.concatenate(drawn)[:length]) > 0
    delays: dict[str, list[float]] = {}
    for name, scores in faults.items():
        for _ in range(days):
            before = blocks[int(rng.integers(len(blocks)))][
                : rng.integers(rule.every, 2 * rule.every + 1)
            ]
            stream = np.concatenate(
                [before, np.roll(scores, -int(rng.integers(len(scores)))), scores]
            )
            rung = first_alarm(rule, stream)
            minutes = (rung - len(before)) * rule.clip_seconds / 60 if rung else float("inf")
            delays.setdefault(name, []).append(minutes)
    return Streams(rule, rang, days, delays)


def of_generator(kind: str, seed: int, hours: int, days: int, detector: str) -> Streams:
    """Train and score a machine of the generator."""
    hall = Hall(kind, seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number in range(3 * hours):
            clips = list(hall.clips(RECORDING_CLIPS, f"train {number}"))
            write_bytes(root / "own" / f"{number:03}.wav", encode_wav(np.concatenate(clips)))
        model = train(root, root / "own", CLIP_SECONDS, detector)
    scorer = ModelScorer(model)

    def scores(count: int, what: str, fault: str = "") -> FloatArray:
        return np.array([scorer.score(clip).score for clip in hall.clips(count, what, fault)])

    blocks = [scores(HOUR_CLIPS, f"test {number}") for number in range(hours)]
    faults = {fault: scores(RECORDING_CLIPS, "fault", fault) for fault in FAULTS}
    rule = rule_of(model, AlarmOptions(false_alarms="1/day"))
    return simulate(rule, blocks, faults, days=days, seed=seed)


def of_files(folder: Path, clip_seconds: float, days: int, detector: str) -> Streams:
    """Train on every second file of ``normal``, and draw streams of the others' clips."""
    from asd_cli.pipeline.monitoring.clips import clips_of_file

    files = sorted((folder / "normal").iterdir())
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "own").mkdir()
        for path in files[::2]:
            (root / "own" / path.name).symlink_to(path)
        model = train(root, root / "own", clip_seconds, detector)
    scorer = ModelScorer(model)

    def scores(path: Path) -> FloatArray:
        return np.array([scorer.score(clip.samples).score for clip in clips_of_file(path, scorer)
                         if clip.samples is not None])  # fmt: skip

    faulty = np.concatenate([scores(path) for path in sorted((folder / "abnormal").iterdir())])
    rule = rule_of(model, AlarmOptions(false_alarms="1/day"))
    blocks = [scores(path) for path in files[1::2]]
    return simulate(rule, blocks, {"abnormal": faulty}, days=days, seed=1)


def row(name: str, found: Streams) -> str:
    """Write a line of the table."""
    rule = found.rule
    delays = ", ".join(
        f"{fault} {np.median(minutes):.1f} ({np.max(minutes):.1f})"
        for fault, minutes in found.delays.items()
    )
    promise = "yes" if rule.promised else "no"
    return f"| {name} | {promise} | {rule.every} | {found.rang} of {found.streams} | {delays} |"


def main() -> None:
    """Simulate and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--machines", type=int, default=4)
    parser.add_argument("--hours", type=int, default=4)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--detector", default="robust")
    parser.add_argument("--real", type=Path, action="append", default=[])
    given = parser.parse_args()
    print(
        "| stream | promise | each n-th | rang within a day | minutes to the alarm: median (longest) |"
    )
    print("|---|---|---|---|---|")
    for folder in given.real:
        found = of_files(folder, 2.0, given.days, given.detector)
        print(row(f"{folder.name}, blocks of a file", found), flush=True)
    for number in range(given.machines):
        kind = sorted(MACHINES)[number % len(MACHINES)]
        found = of_generator(kind, number + 1, given.hours, given.days, given.detector)
        print(row(f"{kind} {number + 1}", found), flush=True)


if __name__ == "__main__":
    main()
