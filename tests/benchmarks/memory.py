"""Peak memory of one machine of the real size, each step in a process of its own.

    python -m tests.benchmarks.memory

3,000 training and 1,200 test clips of ten seconds: their feature stores are written directly, and
every row is read once, since pages of a mapped file count as the process's while it uses them. A
few training steps and a few scored clips reach the peak of all of them.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from asd_cli.core.events import Events, SilentEvents
from asd_cli.core.types import Clip, Domain, Split
from tests.benchmarks.comparison import recordings
from tests.benchmarks.processes import measure_python
from tests.support.clips import make_clip

# Other detectors, and whether a few steps reach the peak of all.
_OTHERS = {"autoencoder": True, "discriminative": True, "pooled-knn": False,
           "pooled-speed": False, "texture": False}  # fmt: skip
GOALS = {
    "training": 1.5e9, "scoring": 1.0e9, **{f"training {name}": 1.5e9 for name in _OTHERS},
    "extraction": 0.3e9,
}  # fmt: skip
_FRAMES, _MELS = 313, 128
_SECTIONS = ("00", "01", "02")


class _EnoughError(Exception):
    """The peak has been reached."""


def _clips(count: int) -> list[Clip]:
    return [
        make_clip(
            path=Path(f"section_{_SECTIONS[n % 3]}_source_train_normal_{n:05d}.wav"),
            machine="fan", section=_SECTIONS[n % 3], domain=Domain.SOURCE, split=Split.TRAIN,
            label=None,
        )
        for n in range(count)
    ]  # fmt: skip


def write_features(name: Path, count: int) -> Path:
    """Write a store of noise; gives its path."""
    from asd_cli.features.store import write_store

    noise = np.random.default_rng(0).normal(-30, 5, (_FRAMES, _MELS)).astype(np.float32)
    with write_store(name, parameters="noise", n_mels=_MELS) as writer:
        for clip in _clips(count):
            writer.append(clip.name, "0" * 64, noise)
        return writer.finish()


def _stop_after(steps: int) -> Events:
    """Events that end a training after so many steps."""

    class Stop(SilentEvents):
        done = 0.0

        def advanced(self, task: str, amount: float, detail: str = "") -> None:
            self.done += amount
            if self.done > steps:
                raise _EnoughError

    return Stop()


def _fit(path: Path, clips: int, steps: int) -> None:
    """Train for some steps, then score some training clips as for the threshold."""
    from asd_cli.detectors.base import FitContext
    from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2
    from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
    from asd_cli.features.store import open_store
    from asd_cli.training.devices import deterministic_kernels

    store = open_store(path, _clips(clips))
    detector = MobileNetV2Detector(MobileNetV2Options(device="cpu"))
    with deterministic_kernels(None):
        float(store.data.sum())
        try:
            detector.fit(store, FitContext(events=_stop_after(steps)))
        except _EnoughError:
            detector.model = MobileNetV2(len(_SECTIONS)).eval()
        detector.score_training_clips(store.select(range(min(steps, clips))))


def _score(path: Path, clips: int, steps: int) -> None:
    """Score some test clips at hop 1."""
    from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2
    from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
    from asd_cli.features.store import open_store
    from asd_cli.training.devices import deterministic_kernels

    store = open_store(path, _clips(clips))
    detector = MobileNetV2Detector(MobileNetV2Options(device="cpu"))
    detector.sections, detector.model = _SECTIONS, MobileNetV2(len(_SECTIONS)).eval()
    with deterministic_kernels(None):
        float(store.data.sum())
        detector.score(store.select(range(min(steps, clips))))


def _extract(path: Path, clips: int, steps: int) -> None:
    """Extract in this process, as a worker does: the mel filters are on disk already."""
    from asd_cli.execution.executor import SerialExecutor
    from asd_cli.features.extraction import extract_features
    from asd_cli.features.recipe import FeatureParameters

    del clips, steps
    found = [
        make_clip(
            path=recording, machine="fan", section="00", domain=Domain.SOURCE, split=Split.TRAIN,
            label=None,
        )
        for recording in sorted(path.parent.glob("clip_*.wav"))
    ]  # fmt: skip
    extract_features(found, path, recipe=FeatureParameters(), executor=SerialExecutor())


def _fit_detector(name: str, path: Path, clips: int, steps: int) -> None:
    """Train another detector by its own recipe for some steps; recordings lie beside the store."""
    from asd_cli.detectors.base import FitContext
    from asd_cli.detectors.plans import create_detector, parse_detector
    from asd_cli.features.recipe import FeatureParameters
    from asd_cli.features.store import open_store
    from asd_cli.pipeline.options import detector_options
    from asd_cli.settings.model import Settings
    from asd_cli.training.devices import deterministic_kernels

    named = _clips(clips)
    store = open_store(path, named)
    found = tuple(replace(c, path=path.parent / f"clip_{n}.wav") for n, c in enumerate(named))
    settings = Settings(detector=name)
    options = detector_options(settings, features=FeatureParameters(), device="cpu")
    detector = create_detector(parse_detector(name), options)
    with deterministic_kernels(None), suppress(_EnoughError):
        float(store.data.sum())
        detector.fit(replace(store, clips=found), FitContext(events=_stop_after(steps)))


CHILDREN: dict[str, Callable[[Path, int, int], None]] = {
    "training": _fit, "scoring": _score, "extraction": _extract,
    **{f"training {name}": partial(_fit_detector, name) for name in _OTHERS},
}  # fmt: skip


def peak_of(step: str, path: Path, clips: int, steps: int) -> int:
    """Run a step in a fresh process; its peak memory in bytes."""
    child = ["--child", step, str(path), "--clips", str(clips), "--steps", str(steps)]
    top = Path(__file__).resolve().parents[2]
    return measure_python(["-m", "tests.benchmarks.memory", *child], top)[1]


def run(
    *,
    train: int = 3000,
    test: int = 1200,
    extract: int = 1000,
    steps: int = 40,
    others: Collection[str] = tuple(_OTHERS),
) -> dict[str, dict[str, float]]:
    """Measure every step, and the training of other detectors; bytes, and the goal."""
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for step, clips in (("training", train), ("scoring", test)):
            path = write_features(Path(folder) / step, clips)
            peaks[step] = peak_of(step, path, clips, steps)
    with recordings(train, 10.0) as paths:
        path = write_features(paths[0].parent / "training", train)
        for name in others:
            soon = _OTHERS[name]
            step = f"training {name}"
            peaks[step] = peak_of(step, path, train, steps if soon else sys.maxsize)
    with recordings(extract, 10.0) as paths:
        peaks["extraction"] = peak_of("extraction", paths[0].parent / "s", extract, steps)
    return {step: {"peak_bytes": peak, "goal": GOALS[step]} for step, peak in peaks.items()}


def as_markdown(figures: dict[str, dict[str, float]]) -> str:
    """One row a step."""
    lines = ["| step | peak memory | goal |", "|---|--:|--:|"]
    for step, cost in figures.items():
        lines.append(f"| {step} | {cost['peak_bytes'] / 1e9:.2f} GB | {cost['goal'] / 1e9} GB |")
    return "\n".join(lines)


def main() -> None:
    """Print the measurement as JSON, or be the process that is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("STEP", "PATH"))
    parser.add_argument("--clips", type=int, default=3000)
    parser.add_argument("--steps", type=int, default=40)
    given = parser.parse_args()
    if given.child:
        CHILDREN[given.child[0]](Path(given.child[1]), given.clips, given.steps)
    else:
        sys.stdout.write(json.dumps(run(train=given.clips, steps=given.steps), indent=1) + "\n")


if __name__ == "__main__":
    main()
