"""Extraction, training and scoring against straightforward alternatives, interleaved in one run.

    python -m tests.benchmarks.compute            # minutes; prints a Markdown table
    python -m tests.benchmarks.compute --tiny     # seconds; only shows that it runs

Absolute figures of a shared machine mean little; the ratios of medians, measured in turn, do.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asd_cli.core.events import SILENT, Events
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.memory import keep_freed_memory
from asd_cli.core.types import Clip, Domain, Split
from asd_cli.execution.executor import Executor, ProcessExecutor, SerialExecutor
from asd_cli.execution.side_by_side import run_side_by_side
from asd_cli.features.audio import decode_samples, read_file
from asd_cli.features.extraction import extract_features
from asd_cli.features.logmel import LOG_FLOOR, log_mel, mel_basis
from asd_cli.features.recipe import FeatureRecipe
from tests.support.recordings import tone, write_wav

_SHAPE = (64, 128)
_BATCH = 32
_HOP_1_WINDOWS = 250
_AE_FRAMES = 5
# A real transform of n samples by the usual count, 2.5 n log2 n; and the frames of ten seconds.
_TRANSFORM_FLOPS = 2.5 * 1024 * 10 * 313


@dataclass(frozen=True)
class Comparison:
    """Median seconds a unit of ours and of the alternative, measured in turn.

    Attributes
    ----------
    step, unit, alternative : str
        What is compared.
    ours_s, theirs_s : float
        Seconds a unit.
    of_limit : float
        Share of the fastest float32 matrix product of this machine that ours reaches, in [0, 1];
        for extraction that of its Fourier transforms on one thread.
    goal : float
        The ratio that was aimed at; 0 where there is none.
    """

    step: str
    unit: str
    alternative: str
    ours_s: float
    theirs_s: float
    of_limit: float
    goal: float = 0.0

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs_s / self.ours_s


def in_turn(works: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Median of what each work says it took, all of them once in each round."""
    measured: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(rounds):
        for name, work in works.items():
            measured[name].append(work())
    return {name: statistics.median(times) for name, times in measured.items()}


def timed(work: Callable[[], object], units: int = 1) -> Callable[[], float]:
    """Make a work tell its seconds a unit."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return (time.perf_counter() - start) / units

    return run


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process to one core, where the system can: librosa's products use all."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def recordings(count: int, seconds: float) -> Iterator[list[Path]]:
    """Write one recording under many names."""
    with tempfile.TemporaryDirectory() as folder:
        first = write_wav(Path(folder) / "clip_0.wav", tone(440.0, seconds=seconds))
        paths = [Path(folder) / f"clip_{number}.wav" for number in range(count)]
        for path in paths[1:]:
            path.hardlink_to(first)
        yield paths


def compare_extraction(rounds: int, flops: float, *, seconds: float = 10.0) -> Comparison:
    """One clip, one thread: read, verify, hash, log-mel; against librosa's two calls."""
    import librosa

    recipe = FeatureRecipe()
    basis = mel_basis(recipe)
    with recordings(1, seconds) as (path,):

        def ours() -> np.ndarray:
            content = read_file(path)
            hash_bytes(content)
            return log_mel(decode_samples(content, path, recipe), recipe, basis)

        def theirs() -> np.ndarray:
            waveform, rate = librosa.load(path, sr=None, mono=True)
            mel = librosa.feature.melspectrogram(
                y=waveform, sr=rate, n_fft=1024, hop_length=512, n_mels=128, power=2.0,
                pad_mode="reflect",
            )  # fmt: skip
            return 10.0 * np.log10(np.maximum(mel, LOG_FLOOR)).T

        assert np.abs(ours() - theirs()).max() < 1e-3
        with one_core():
            took = in_turn({"ours": timed(ours), "theirs": timed(theirs)}, rounds)
    reached = _TRANSFORM_FLOPS * seconds / 10 / took["ours"] / flops
    return Comparison("extraction", "clip", "librosa", took["ours"], took["theirs"], reached, 4.0)


def compare_processes(rounds: int, flops: float, *, clips: int, seconds: float) -> Comparison:
    """Making a whole store in two worker processes that run already, against in this one."""
    with recordings(clips, seconds) as paths, closing(ProcessExecutor(2)) as two:
        mel_basis(FeatureRecipe(), paths[0].parent)
        found = [
            Clip(
                path=path, machine="fan", section="00", domain=Domain.SOURCE, split=Split.TRAIN,
                label=None, number=number,
            )
            for number, path in enumerate(paths)
        ]  # fmt: skip

        def extract(executor: Executor) -> Callable[[], float]:
            store = paths[0].parent / f"{executor.workers}.npy"
            return timed(
                lambda: extract_features(
                    found, store, recipe=FeatureRecipe(), executor=executor, force=True
                ),
                clips,
            )

        took = in_turn({"ours": extract(two), "theirs": extract(SerialExecutor())}, rounds)
    reached = _TRANSFORM_FLOPS * seconds / 10 / took["ours"] / (2 * flops)
    return Comparison(
        "extraction, two processes", "clip", "one process", took["ours"], took["theirs"], reached, 1.8
    )  # fmt: skip


def _train_steps(task: dict[str, Any], _: Events) -> float:
    """Train on one batch again and again; gives seconds a window. May run in a worker."""
    import torch

    from asd_cli.detectors.mobilenetv2 import _SectionClassifier
    from asd_cli.detectors.nn.mobilenetv2 import MobileNetV2, to_keras
    from asd_cli.training.devices import deterministic_kernels
    from tests.support.straightforward import straightforward_network

    batch, kind = task["batch"], task["kind"]
    model = MobileNetV2(3, torch.Generator().manual_seed(0))
    inputs = torch.randn(batch, 1, *_SHAPE, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(batch) % 3
    trainable: Any
    if kind == "plain":
        network = straightforward_network(to_keras(model)).train()
        copied = inputs.expand(-1, 3, -1, -1).contiguous()
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-5, eps=1e-7)
    else:
        same: Any = _Same(inputs)
        trainable = _SectionClassifier(model.train(), same, labels, 1e-5, kind)
        optimizer = trainable.optimizer
    numbers = np.arange(batch)

    def step() -> None:
        if kind == "plain":
            loss = torch.nn.functional.cross_entropy(network(copied), labels)
        else:
            loss = trainable.loss(numbers)
            trainable.before_step(1)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    with deterministic_kernels(task["threads"]):
        step()
        run = timed(step, batch)
        return statistics.median(run() for _ in range(task["steps"]))


class _Same:
    """Gives the same batch whatever is asked for."""

    def __init__(self, inputs: Any) -> None:
        self._inputs = inputs

    def __getitem__(self, _: object) -> Any:
        return self._inputs


def compare_training(rounds: int, flops: float, *, steps: int, batch: int) -> list[Comparison]:
    """Steps of Adam: one process, two at once, mixed precision; against the plain port."""
    import torch

    from asd_cli.detectors.nn.mobilenetv2 import MobileNetV2
    from tests.benchmarks.limits import count_flops

    def here(kind: str) -> Callable[[], float]:
        task = {"kind": kind, "batch": batch, "steps": steps, "threads": None}
        return lambda: _train_steps(task, SILENT)

    def two_at_once(kind: str) -> Callable[[], float]:
        task = {"kind": kind, "batch": batch, "steps": steps, "threads": 1}

        def run() -> float:
            each = run_side_by_side(
                _train_steps, [task, task], workers=2, events=SILENT, done=lambda _: None
            )
            return 1.0 / sum(1.0 / seconds for seconds in each)

        return run

    took = in_turn(
        {
            "plain": here("plain"),
            "training": here("fp32"),
            "training, two machines at once": two_at_once("fp32"),
            "the same in bf16": two_at_once("bf16"),
        },
        rounds,
    )
    plain = took.pop("plain")
    # The backward pass computes twice what the forward pass does.
    work = 3 * count_flops(MobileNetV2(3, torch.Generator().manual_seed(0)), _SHAPE)
    goals = dict(zip(took, (1.8, 2.2, 2.9), strict=True))
    return [
        Comparison(name, "window", "plain port", ours, plain, work / ours / flops, goals[name])
        for name, ours in took.items()
    ]


def _autoencoder_steps(task: dict[str, Any], _: Events) -> float:
    """Train the autoencoder on shuffled windows; gives seconds a window. May run in a worker."""
    import torch

    from asd_cli.detectors.autoencoder import _FlatWindows, _Reconstruction
    from asd_cli.detectors.nn.autoencoder import Autoencoder
    from asd_cli.features.windows import frame_windows
    from asd_cli.training.devices import deterministic_kernels

    clips, frames, steps, batch = task["clips"], task["frames"], task["steps"], task["batch"]
    data = np.random.default_rng(0).normal(-30, 5, (clips * frames, _SHAPE[1])).astype(np.float32)
    windows = frame_windows(
        [frames * clip for clip in range(clips)], [frames] * clips,
        n_frames=_AE_FRAMES, hop=1, names=[""] * clips,
    )  # fmt: skip
    order = np.random.default_rng(1).permutation(len(windows))[: steps * batch]
    model = Autoencoder(_AE_FRAMES * _SHAPE[1], torch.Generator().manual_seed(0)).train()

    def ours() -> None:
        store: Any = _Rows(data)
        batches = _FlatWindows(store, windows, torch.device("cpu"))
        trainable = _Reconstruction(model, batches, 1e-3, task["kind"])
        for step, chosen in enumerate(order.reshape(-1, batch)):
            loss = trainable.loss(chosen)
            loss.item()
            trainable.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            trainable.before_step(step + 1)
            trainable.optimizer.step()

    def plain() -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
        for (inputs,) in torch.utils.data.DataLoader(materialised, batch_size=batch, shuffle=True):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(model(inputs), inputs)
            loss.backward()
            optimizer.step()
            loss.item()

    if task["kind"] == "plain":
        vectors = torch.from_numpy(data[windows.rows(order)]).flatten(1)
        materialised = torch.utils.data.TensorDataset(vectors)
    with deterministic_kernels(task["threads"]):
        run = timed(plain if task["kind"] == "plain" else ours, len(order))
        run()
        return statistics.median(run() for _ in range(3))


@dataclass(frozen=True)
class _Rows:
    """What a store is read for in training."""

    data: np.ndarray


def compare_autoencoder(
    rounds: int, flops: float, *, clips: int, steps: int, batch: int
) -> list[Comparison]:
    """Steps on windows of five frames; against vectors made beforehand and a DataLoader."""
    task = {"clips": clips, "frames": 313, "steps": steps, "batch": batch}

    def here(kind: str) -> Callable[[], float]:
        return lambda: _autoencoder_steps({**task, "kind": kind, "threads": None}, SILENT)

    def two_at_once(kind: str) -> Callable[[], float]:
        each = {**task, "kind": kind, "threads": 1}

        def run() -> float:
            found = run_side_by_side(
                _autoencoder_steps, [each, each], workers=2, events=SILENT, done=lambda _: None
            )
            return 1.0 / sum(1.0 / seconds for seconds in found)

        return run

    took = in_turn(
        {
            "plain": here("plain"),
            "autoencoder": here("fp32"),
            "autoencoder, two machines at once": two_at_once("fp32"),
            "the same autoencoders in bf16": two_at_once("bf16"),
        },
        rounds,
    )
    plain = took.pop("plain")
    # Products of the layers forward, and twice that backward but for the inputs' gradient.
    inputs = _AE_FRAMES * _SHAPE[1]
    inner = 6 * 128 * 128 + 2 * 128 * 8
    work = 2 * (3 * (2 * 128 * inputs + inner) - 128 * inputs)
    return [
        Comparison(name, "window", "vectors and DataLoader", ours, plain, work / ours / flops, 2.5)
        for name, ours in took.items()
    ]


def compare_scoring(rounds: int, flops: float, *, windows: int) -> list[Comparison]:
    """All windows of a clip of 10 s at hop 1; against the straightforward port, and without sharing."""
    import torch

    from asd_cli.detectors.mobilenetv2 import _SCORING_BATCH
    from asd_cli.detectors.nn.mobilenetv2 import MobileNetV2, prepare_for_scoring, to_keras
    from asd_cli.detectors.nn.shared_scoring import SharedClip
    from asd_cli.training.devices import deterministic_kernels
    from tests.benchmarks.limits import count_flops
    from tests.support.straightforward import straightforward_network

    model = MobileNetV2(3, torch.Generator().manual_seed(0)).eval()
    plain = straightforward_network(to_keras(model)).eval()
    fused = prepare_for_scoring(model)
    n_frames, n_mels = _SHAPE
    generator = torch.Generator().manual_seed(1)
    clip = torch.randn(windows + n_frames - 1, n_mels, generator=generator)
    starts = torch.arange(windows)
    rows = starts[:, None] + torch.arange(n_frames)

    def alone(network: Any, batch: int, channels: int) -> None:
        for part in rows.split(batch):
            network(clip[part][:, None].expand(-1, channels, -1, -1).contiguous())

    def shared() -> None:
        for embeddings in SharedClip(fused, clip, starts, n_frames).embed(_SCORING_BATCH):
            fused.layers["predictions"](embeddings)

    with torch.inference_mode(), deterministic_kernels(None):
        took = in_turn(
            {
                "ours": timed(shared, windows),
                "plain port, a clip at once": timed(lambda: alone(plain, windows, 3), windows),
                "plain port, batches of 32": timed(
                    lambda: alone(plain, _SCORING_BATCH, 3), windows
                ),
                "ours, nothing shared": timed(lambda: alone(fused, _SCORING_BATCH, 1), windows),
            },
            rounds,
        )
    ours = took.pop("ours")
    # Work that sharing saves counts as done.
    reached = count_flops(model, _SHAPE) / ours / flops
    return [
        Comparison(
            "scoring", "window", name, ours, theirs, reached, 0.0 if "shared" in name else 2.5
        )
        for name, theirs in took.items()
    ]


def run(*, tiny: bool = False) -> list[Comparison]:
    """Measure everything; `tiny` only shows that it runs."""
    import torch

    from asd_cli.training.devices import use_deterministic_kernels
    from tests.benchmarks.limits import measure_limits

    keep_freed_memory()  # as every command does before it computes
    threads = use_deterministic_kernels()
    size = {"size": 64, "megabytes": 1, "rounds": 1} if tiny else {}
    torch.set_num_threads(1)
    one = measure_limits(**size)
    torch.set_num_threads(threads)
    every = measure_limits(**size)
    seconds = 1.0 if tiny else 10.0
    return [
        compare_extraction(1 if tiny else 200, one.flops, seconds=seconds),
        compare_processes(1 if tiny else 7, one.flops, clips=2 if tiny else 400, seconds=seconds),
        *compare_training(
            1 if tiny else 5, every.flops, steps=1 if tiny else 15, batch=2 if tiny else _BATCH
        ),
        *compare_autoencoder(
            1 if tiny else 5, every.flops, clips=1 if tiny else 100, steps=1 if tiny else 30,
            batch=8 if tiny else 512,
        ),
        *compare_scoring(
            1 if tiny else 8, every.flops, windows=2 if tiny else _HOP_1_WINDOWS
        ),
    ]  # fmt: skip


def as_markdown(comparisons: list[Comparison]) -> str:
    """One row a step."""
    lines = [
        "| step | ours | against | ratio | goal | of a GEMM |",
        "|---|--:|---|--:|--:|--:|",
    ]
    for c in comparisons:
        ours = f"{c.ours_s * 1e3:.3g} ms a {c.unit}"
        lines.append(
            f"| {c.step} | {ours} | {c.alternative}, {c.theirs_s * 1e3:.3g} ms | {c.ratio:.2f} "
            f"| {c.goal or '–'} | {c.of_limit:.0%} |"
        )
    return "\n".join(lines)


def as_json(comparisons: list[Comparison]) -> list[dict[str, object]]:
    """One mapping a step."""
    return [{**asdict(c), "ratio": c.ratio} for c in comparisons]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    print(as_markdown(run(tiny=parser.parse_args().tiny)))


if __name__ == "__main__":
    main()
