"""The network of the baseline in Keras, with torch behind it, against ours.

    python -m tests.benchmarks.reference           # three minutes; writes the table
    python -m tests.benchmarks.reference --print   # writes nothing
    OMP_NUM_THREADS=1 python -m tests.benchmarks.reference --computing   # where others compute

Either side is a process of its own, in turn. Keras is given windows as the published code makes
them: an array in double precision of all windows, each of which holds what it shares with others.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.benchmarks.tables import machine, write_table

# What is measured: seconds that pass, or with `--computing` those that this process computes.
_CLOCKS: dict[bool, Callable[[], float]] = {False: time.perf_counter, True: time.process_time}
SIDES = ("ours", "Keras")
WORKS = ("train", "score")
_FRAMES, _BANDS, _CLIP_FRAMES, _HOP, _BATCH = 64, 128, 313, 8, 32


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds a window, and most memory of the process in bytes."""

    seconds: float
    peak_bytes: float


def spectrograms(clips: int) -> np.ndarray:
    """Log-mel of some clips of 10 s [shape=(clips, 313, 128), dtype=float32], drawn from a seed."""
    drawn = np.random.default_rng(1).normal(-30, 10, (clips, _CLIP_FRAMES, _BANDS))
    return drawn.astype(np.float32)


def keras_windows(clip: np.ndarray, hop: int) -> np.ndarray:
    """Windows of a clip in double precision, thrice [shape=(n, 64, 128, 3)]."""
    starts = range(0, len(clip) - _FRAMES + 1, hop)
    cut = np.stack([clip[start : start + _FRAMES] for start in starts]).astype(np.float64)
    return np.repeat(cut[..., None], 3, axis=-1)


def measure_keras(work: str, clips: int, steps: int, clock: Callable[[], float]) -> float:
    """Seconds a window of training, or of scoring, in Keras. Loads Keras with torch behind it."""
    import os

    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.utils.set_random_seed(0)
    model = keras.applications.MobileNetV2(
        alpha=0.5, input_shape=(_FRAMES, _BANDS, 3), weights=None, classes=3
    )
    model.compile(optimizer=keras.optimizers.Adam(1e-5), loss="sparse_categorical_crossentropy")
    hop = _HOP if work == "train" else 1
    # All clips are in memory while it trains; files are scored one by one.
    used = spectrograms(clips if work == "train" else 1)
    data = np.concatenate([keras_windows(clip, hop) for clip in used])
    labels = np.arange(len(data)) % 3
    if work == "train":
        return _median_step(
            lambda part: model.train_on_batch(data[part], labels[part]), len(data), steps, clock
        )
    return _median_of(lambda: model.predict(data, verbose=0), steps, clock) / len(data)


def measure_ours(work: str, clips: int, steps: int, clock: Callable[[], float]) -> float:
    """Seconds a window of training, or of scoring, here."""
    import torch

    from asd_cli.detectors.mobilenetv2.detector import (
        _SCORING_BATCH,
        _SectionClassifier,
        _WindowBatches,
    )
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2, prepare_for_scoring
    from asd_cli.detectors.mobilenetv2.shared_scoring import SharedClip
    from asd_cli.features.windows import frame_windows
    from asd_cli.training.devices import deterministic_kernels

    model = MobileNetV2(3, torch.Generator().manual_seed(0))
    data = spectrograms(clips)
    with deterministic_kernels(None):
        if work == "train":
            rows: Any = _Store(data.reshape(-1, _BANDS))
            lengths = np.full(clips, _CLIP_FRAMES)
            cut = frame_windows(
                np.cumsum(lengths) - lengths, lengths, n_frames=_FRAMES, hop=_HOP,
                names=["clip"] * clips,
            )  # fmt: skip
            batches = _WindowBatches(rows, cut, torch.device("cpu"))
            labels = torch.arange(len(cut)) % 3
            trained = _SectionClassifier(model.train(), batches, labels, 1e-5)
            count = iter(range(1, 1_000_000))

            def step(part: np.ndarray) -> None:
                loss = trained.loss(part)
                loss.item()
                trained.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                trained.before_step(next(count))
                trained.optimizer.step()

            return _median_step(step, len(cut), steps, clock)
        fused = prepare_for_scoring(model.eval())
        turned = torch.from_numpy(np.ascontiguousarray(data[0][::-1, ::-1]))
        starts = torch.arange(_CLIP_FRAMES - _FRAMES + 1)

        def score() -> None:
            with torch.inference_mode():
                for embeddings in SharedClip(fused, turned, starts, _FRAMES).embed(_SCORING_BATCH):
                    fused.layers["predictions"](embeddings)

        return _median_of(score, steps, clock) / len(starts)


@dataclass(frozen=True, slots=True)
class _Store:
    """Rows of features, as a feature store has them."""

    data: np.ndarray


def _median_step(
    step: Callable[[np.ndarray], object], windows: int, steps: int, clock: Callable[[], float]
) -> float:
    order = np.random.default_rng(0).permutation(windows)
    parts = [order[(i * _BATCH) % (windows - _BATCH) :][:_BATCH] for i in range(steps + 2)]
    took = []
    for part in parts:
        begun = clock()
        step(part)
        took.append(clock() - begun)
    return statistics.median(took[2:]) / _BATCH


def _median_of(work: Callable[[], object], times: int, clock: Callable[[], float]) -> float:
    took = []
    for _ in range(times + 1):
        begun = clock()
        work()
        took.append(clock() - begun)
    return statistics.median(took[1:])


def run(
    *, rounds: int = 3, clips: int = 100, steps: int = 8, computing: bool = False
) -> dict[str, dict[str, Measured]]:
    """Measure all in turn; medians by work and side."""
    found: dict[tuple[str, str], list[Measured]] = {}
    for _ in range(rounds):
        for work in WORKS:
            for side in SIDES:
                found.setdefault((work, side), []).append(_in_process(
                    ["--side", side, "--work", work, "--clips", str(clips), "--steps", str(steps),
                     *(["--computing"] if computing else [])]
                ))  # fmt: skip
    return {
        work: {
            side: Measured(
                statistics.median(m.seconds for m in found[work, side]),
                max(m.peak_bytes for m in found[work, side]),
            )
            for side in SIDES
        }
        for work in WORKS
    }


def _in_process(words: list[str]) -> Measured:
    with tempfile.TemporaryFile("w+") as out:
        subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.reference", *words], stdout=out, check=True
        )
        out.seek(0)
        return Measured(**json.loads(out.read().splitlines()[-1]))


def as_markdown(found: dict[str, dict[str, Measured]], where: str) -> str:
    """One row a work."""
    lines = [
        f"{where}.",
        "",
        "| work | ours | Keras | ratio | peak, ours | Keras | ratio |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for work, sides in found.items():
        ours, theirs = (sides[side] for side in SIDES)
        lines.append(
            f"| {work} | {ours.seconds * 1e3:.2f} ms a window | {theirs.seconds * 1e3:.2f} ms "
            f"| {theirs.seconds / ours.seconds:.1f} | {ours.peak_bytes / 1e6:.0f} MB "
            f"| {theirs.peak_bytes / 1e6:.0f} MB | {ours.peak_bytes / theirs.peak_bytes:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Write the table into the page, print it, or measure one side."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", dest="only_print")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--computing", action="store_true", help="measure computing, not waiting")
    given = parser.parse_args()
    if given.side is not None:
        import resource

        measure = measure_ours if given.side == "ours" else measure_keras
        seconds = measure(given.work, given.clips, given.steps, _CLOCKS[given.computing])
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        sys.stdout.write(json.dumps({"seconds": seconds, "peak_bytes": peak}) + "\n")
        return
    where = machine() + (", time of computing" if given.computing else "")
    found = run(
        rounds=given.rounds, clips=given.clips, steps=given.steps, computing=given.computing
    )
    table = as_markdown(found, where)
    sys.stdout.write(f"{table}\n")
    if not given.only_print:
        write_table("reference", table)


if __name__ == "__main__":
    main()
