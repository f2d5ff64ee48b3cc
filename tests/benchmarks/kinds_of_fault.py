"""Every detector without a network, by kind of fault: AUC on synthetic sets and real fans.

    python -m tests.benchmarks.kinds_of_fault --seed 901 --seed 902
    python -m tests.benchmarks.kinds_of_fault --mimii FOLDER --own FOLDER

Sets: recordings of one's own machine (`asd_cli.synthetic.recordings`; 12 normal recordings of 10 s
to train with, cut into clips of 2.5 s), the sets in the layout of DCASE that ``asd demo`` makes,
``--mimii``: a machine in that layout, ``--own``: a folder with ``normal`` and ``abnormal``
recordings, of which 12 normal ones are trained on. A figure is the mean AUC over individuals; in the
layout of DCASE also over sections and domains. Nothing is written.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np

from asd_cli.audio.decoding import read_info
from asd_cli.core.types import DOMAIN, SECTION, Clip, Label, Mode, Split
from asd_cli.datasets.cutting import cut_recording
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.detectors.base import Detector, FitContext
from asd_cli.detectors.ensemble import EnsembleDetector
from asd_cli.detectors.plans import create_detector
from asd_cli.evaluation.metrics import auc
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.options import detector_options
from asd_cli.settings.model import Settings
from asd_cli.synthetic.plan import DEMO_PLAN, SAMPLE_RATE, plan_clips
from asd_cli.synthetic.recordings import (
    MACHINES,
    RecordingPlan,
    plan_recordings,
    render_recording,
)
from asd_cli.synthetic.rendering import render_clip

DETECTORS = (
    "robust", "level", "level-octave", "fingerprint", "pooled-knn", "pooled-speed", "pooled-gmm",
    "texture", "pooled-speed+texture",
)  # fmt: skip
CLIP_S = 2.5
TRAIN_RECORDINGS = 12
DCASE_MACHINES = ("fan", "gearbox", "valve", "pump", "slider", "ToyCar", "ToyTrain")


@dataclass(frozen=True, slots=True)
class Set:
    """Clips to train with, clips to score, and the fault of each of the latter (None: normal)."""

    name: str
    train: FeatureStore
    test: FeatureStore
    faults: tuple[str | None, ...]


def own_recordings(plan: RecordingPlan) -> Set:
    """Render recordings of one's own machine."""
    train: list[Recording] = []
    test: list[tuple[Recording, str | None]] = []
    for recording in plan_recordings(plan):
        path = Path(recording.path)
        parts = _cut(path, render_recording(plan, recording))
        if recording.fault is None and recording.number < TRAIN_RECORDINGS:
            train += parts
        else:
            test += [(part, recording.fault) for part in parts]
    return _set(f"{plan.machine} {plan.seed}", train, test)


def _cut(path: Path, samples: np.ndarray) -> list[Recording]:
    clip = Clip(path=path, machine="own")
    clips = cut_recording(clip, len(samples) / SAMPLE_RATE, CLIP_S)
    length = round(CLIP_S * SAMPLE_RATE)
    starts = [round(part.start * SAMPLE_RATE) for part in clips]
    return [
        Recording(part, samples[start : start + length])
        for part, start in zip(clips, starts, strict=True)
    ]


def dcase_machine(machine: str, seed: int) -> Set:
    """Render one machine of a set in the layout of DCASE."""
    plan = replace(DEMO_PLAN, seed=seed, machines=(machine,))
    train: list[Recording] = []
    test: list[tuple[Recording, str | None]] = []
    for planned in plan_clips(plan, Mode.DEV):
        known = {SECTION: planned.section, DOMAIN: planned.domain.value}
        condition = planned.condition.describe(("speed", "load"))
        if planned.split is Split.TRAIN:
            known["condition"] = condition
        clip = Clip(path=Path(planned.path), machine=machine, attributes=known)
        recording = Recording(clip, render_clip(plan, planned).y)
        if planned.split is Split.TRAIN:
            train.append(recording)
        else:
            test.append((recording, planned.fault))
    return _set(f"{machine} {seed}", train, test)


def recorded_machine(folder: Path) -> Set:
    """Read a machine in the layout of DCASE."""
    train = [Recording(_named(path)) for path in sorted((folder / "train").iterdir())]
    test: list[tuple[Recording, str | None]] = []
    for part in ("source_test", "target_test"):
        for clip in map(_named, sorted((folder / part).iterdir())):
            fault = f"{folder.name} fault" if clip.label is Label.ANOMALY else None
            test.append((Recording(clip), fault))
    return _set(folder.name, train, test)


def _named(path: Path) -> Clip:
    return parse_clip_name(path, machine=path.parents[1].name)


def own_folder(folder: Path) -> Set:
    """Read normal and abnormal recordings of one's own machine."""

    def parts(path: Path) -> list[Recording]:
        info = read_info(path)
        seconds = info.n_samples / info.sample_rate
        cut = cut_recording(Clip(path=path, machine="own"), seconds, CLIP_S)
        return [Recording(clip) for clip in cut]

    normal = sorted((folder / "normal").iterdir())
    abnormal = sorted((folder / "abnormal").iterdir())
    train = [part for path in normal[:TRAIN_RECORDINGS] for part in parts(path)]
    test: list[tuple[Recording, str | None]] = []
    test += [(part, None) for path in normal[TRAIN_RECORDINGS:] for part in parts(path)]
    test += [(part, f"{folder.name} fault") for path in abnormal for part in parts(path)]
    return _set(folder.name, train, test)


def _set(
    name: str, train: Sequence[Recording], test: Sequence[tuple[Recording, str | None]]
) -> Set:
    features = FeatureParameters()
    return Set(
        name,
        features_in_memory(train, features),
        features_in_memory([recording for recording, _ in test], features),
        tuple(fault for _, fault in test),
    )


def fitted(name: str, train: FeatureStore) -> Detector:
    """Fit a detector with its defaults."""
    settings = Settings(detector=name)
    options = detector_options(settings, features=FeatureParameters(), device="cpu")
    detector = create_detector(settings.plan, options)
    detector.fit(train, FitContext())
    return detector


def by_fault(data: Set, scores: np.ndarray) -> dict[str, float]:
    """AUC of each kind of fault, averaged over sections and domains."""
    found: dict[str, list[float]] = defaultdict(list)
    groups = [(clip.section, clip.domain) for clip in data.test.clips]
    for group in dict.fromkeys(groups):
        own = [i for i, each in enumerate(groups) if each == group]
        normal = scores[[i for i in own if data.faults[i] is None]]
        for fault in sorted({data.faults[i] or "" for i in own} - {""}):
            value = auc(normal, scores[[i for i in own if data.faults[i] == fault]])
            if value is not None:
                found[fault].append(value)
    return {fault: fmean(values) for fault, values in found.items()}


def decisions(data: Set, detector: Detector, rate: float) -> tuple[float, float]:
    """False-alarm rate and rate of faults found where the conformal p-value is at most `rate`."""
    left_out = np.sort(detector.score_training_clips(data.train))
    scores = detector.score(data.test).clips
    as_high = len(left_out) - np.searchsorted(left_out, scores, "left")
    flagged = (1 + as_high) / (len(left_out) + 1) <= rate
    normal = np.array([fault is None for fault in data.faults])
    return float(flagged[normal].mean()), float(flagged[~normal].mean())


def sets(seeds: Sequence[int], mimii: Path | None, own: Path | None) -> Iterator[Set]:
    """Make one set after the other."""
    if own is not None:
        yield own_folder(own)
    if mimii is not None:
        yield recorded_machine(mimii)
    for seed in seeds:
        for machine in MACHINES:
            yield own_recordings(RecordingPlan(machine=machine, seed=seed))
        for machine in DCASE_MACHINES:
            yield dcase_machine(machine, seed)


def as_markdown(found: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Lay out a row a kind of fault, a column a detector; the best single detector is bold."""
    means = {name: {k: fmean(v) for k, v in own.items()} for name, own in found.items()}
    single = [name for name in means if "+" not in name and name != "robust"]
    lines = ["| fault | " + " | ".join(f"`{name}`" for name in means) + " |"]
    lines.append("|---" * (len(means) + 1) + "|")
    for fault in next(iter(means.values())):
        best = max(means[name][fault] for name in single)
        cells = [
            f"**{own[fault]:.3f}**" if own[fault] == best else f"{own[fault]:.3f}"
            for own in means.values()
        ]
        lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    average = [f"{fmean(own.values()):.3f}" for own in means.values()]
    lines.append("| mean over kinds | " + " | ".join(average) + " |")
    behind = [
        f"{max(max(means[n][f] for n in single) - value for f, value in own.items()):.3f}"
        for own in means.values()
    ]
    lines.append("| most behind the best on a kind | " + " | ".join(behind) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", action="append", type=int, default=[])
    parser.add_argument("--mimii", type=Path, help="a machine in the layout of DCASE 2021")
    parser.add_argument("--own", type=Path, help="a folder with normal and abnormal recordings")
    parser.add_argument("--only", action="append", help="a detector; all by default")
    given = parser.parse_args()
    names = given.only or DETECTORS
    found: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in names}
    for data in sets(given.seed, given.mimii, given.own):
        for name in names:
            detector = fitted(name, data.train)
            for fault, value in by_fault(data, detector.score(data.test).clips).items():
                found[name][fault].append(value)
            if isinstance(detector, EnsembleDetector):
                alarms, hits = decisions(data, detector, 0.1)
                print(f"{data.name}, {name}, p <= 0.1: {alarms:.3f} of normal clips, "
                      f"{hits:.3f} of faulty ones", flush=True)  # fmt: skip
    print(as_markdown(found))


if __name__ == "__main__":
    main()
