"""Extraction, training and scoring against straightforward alternatives, interleaved in one run.

    python -m tests.benchmarks.compute            # minutes; prints a Markdown table
    python -m tests.benchmarks.compute --tiny     # seconds; only shows that it runs

Absolute figures of a shared machine mean little; the ratios of medians, measured in turn, do.
"""

import argparse
import statistics
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from typing import Any

import numpy as np

from asd_cli.audio.decoding import decode_samples, read_file
from asd_cli.core.events import SILENT, Events
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.memory import keep_freed_memory
from asd_cli.core.types import Domain, Split
from asd_cli.execution.executor import Executor, SerialExecutor
from asd_cli.execution.processes import ProcessExecutor
from asd_cli.features.extraction import extract_features
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import LOG_FLOOR, FeatureParameters
from tests.benchmarks.comparison import Comparison, in_turn, one_core, recordings, timed
from tests.benchmarks.limits import Limits, count_bytes, count_flops, measure_limits
from tests.support.clips import make_clip

_SHAPE = (64, 128)
_BATCH = 32
_HOP_1_WINDOWS = 250
# A real transform of n samples by the usual count, 2.5 n log2 n; and the frames of ten seconds.
_TRANSFORM_FLOPS = 2.5 * 1024 * 10 * 313
# Samples read and rows written, in bytes.
_CLIP_BYTES = 10 * 16000 * 2 + 313 * 128 * 4


def compare_extraction(rounds: int, one: Limits, *, seconds: float = 10.0) -> Comparison:
    """One clip, one thread: read, verify, hash, log-mel; against librosa's two calls."""
    import librosa

    recipe = FeatureParameters()
    basis = mel_basis(recipe)
    with recordings(1, seconds) as (path,):

        def ours() -> np.ndarray:
            content = read_file(path)
            hash_bytes(content)
            return log_mel(decode_samples(content, path, recipe.audio_format), recipe, basis)

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
    each = took["ours"] * 10 / seconds
    return Comparison(
        "extraction", "clip", "librosa", took["ours"], took["theirs"],
        _TRANSFORM_FLOPS / each / one.flops, _CLIP_BYTES / each / one.bytes_copied, 4.0,
    )  # fmt: skip


def compare_processes(
    rounds: int, one: Limits, two: Executor, *, clips: int, seconds: float
) -> Comparison:
    """Making a whole store in two worker processes that run already, against in this one."""
    with recordings(clips, seconds) as paths:
        found = [
            make_clip(
                path=path, machine="fan", section="00", domain=Domain.SOURCE, split=Split.TRAIN,
                label=None,
            )
            for number, path in enumerate(paths)
        ]  # fmt: skip

        def extract(executor: Executor) -> Callable[[], float]:
            store = paths[0].parent / f"{executor.workers}.npy"
            return timed(
                lambda: extract_features(
                    found, store, recipe=FeatureParameters(), executor=executor, force=True
                ),
                clips,
            )

        took = in_turn({"ours": extract(two), "theirs": extract(SerialExecutor())}, rounds)
    each = took["ours"] * 10 / seconds
    return Comparison(
        "extraction, two processes", "clip", "one process", took["ours"], took["theirs"],
        _TRANSFORM_FLOPS / each / (2 * one.flops), _CLIP_BYTES / each / one.bytes_copied, 1.8,
    )  # fmt: skip


def _train_steps(task: dict[str, Any], _: Events) -> float:
    """Train on one batch again and again; gives seconds a window. May run in a worker."""
    import torch

    from asd_cli.detectors.mobilenetv2.detector import _SectionClassifier
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2, to_keras
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


def compare_training(
    rounds: int, limits: Limits, two: Executor, *, steps: int, batch: int
) -> list[Comparison]:
    """Steps of Adam: one process, two at once, mixed precision; against the plain port."""
    import torch

    from asd_cli.detectors.mobilenetv2.network import MobileNetV2

    def here(kind: str) -> Callable[[], float]:
        task = {"kind": kind, "batch": batch, "steps": steps, "threads": None}
        return lambda: _train_steps(task, SILENT)

    def two_at_once(kind: str) -> Callable[[], float]:
        task = {"kind": kind, "batch": batch, "steps": steps, "threads": 1}

        def run() -> float:
            each = [o.result for o in two.submit(_train_steps, [task, task], long=True)]
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
    model = MobileNetV2(3, torch.Generator().manual_seed(0))
    work, moved = 3 * count_flops(model, _SHAPE), 3 * count_bytes(model, (1, *_SHAPE), batch=batch)
    goals = dict(zip(took, (1.8, 2.2, 2.9), strict=True))
    return [
        Comparison(
            name, "window", "plain port", ours, plain, work / ours / limits.flops,
            moved / ours / limits.bytes_copied, goals[name],
        )
        for name, ours in took.items()
    ]  # fmt: skip


def compare_scoring(rounds: int, limits: Limits, *, windows: int) -> list[Comparison]:
    """All windows of a clip of 10 s at hop 1; against the straightforward port, and without sharing."""
    import torch

    from asd_cli.detectors.mobilenetv2.detector import _SCORING_BATCH
    from asd_cli.detectors.mobilenetv2.network import MobileNetV2, prepare_for_scoring, to_keras
    from asd_cli.detectors.mobilenetv2.shared_scoring import SharedClip
    from asd_cli.training.devices import deterministic_kernels
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
    reached = count_flops(model, _SHAPE) / ours / limits.flops
    moved = count_bytes(fused, (1, *_SHAPE), batch=_SCORING_BATCH) / ours / limits.bytes_copied
    return [
        Comparison(
            "scoring", "window", name, ours, theirs, reached, moved,
            0.0 if "shared" in name else 2.5,
        )
        for name, theirs in took.items()
    ]  # fmt: skip


def run(*, tiny: bool = False) -> list[Comparison]:
    """Measure everything; `tiny` only shows that it runs."""
    import torch

    from asd_cli.training.devices import use_deterministic_kernels
    from tests.benchmarks.autoencoders import compare_autoencoder

    keep_freed_memory()  # as every command does before it computes
    threads = use_deterministic_kernels()
    size = {"size": 64, "megabytes": 1, "rounds": 1} if tiny else {}
    torch.set_num_threads(1)
    one = measure_limits(**size)
    torch.set_num_threads(threads)
    every = measure_limits(**size)
    seconds = 1.0 if tiny else 10.0
    with closing(ProcessExecutor(2)) as two:
        return [
            compare_extraction(1 if tiny else 200, one, seconds=seconds),
            compare_processes(1 if tiny else 7, one, two, clips=2 if tiny else 400, seconds=seconds),
            *compare_training(
                1 if tiny else 5, every, two, steps=1 if tiny else 15, batch=2 if tiny else _BATCH
            ),
            *compare_autoencoder(
                1 if tiny else 5, every, two, clips=1 if tiny else 100, steps=1 if tiny else 30,
                batch=8 if tiny else 512,
            ),
            *compare_scoring(
                1 if tiny else 8, every, windows=2 if tiny else _HOP_1_WINDOWS
            ),
        ]  # fmt: skip


def as_markdown(comparisons: list[Comparison]) -> str:
    """One row a step."""
    lines = [
        "| step | ours | against | ratio | goal | of a GEMM | of DRAM |",
        "|---|--:|---|--:|--:|--:|--:|",
    ]
    for c in comparisons:
        ours = f"{c.ours_s * 1e3:.3g} ms a {c.unit}"
        lines.append(
            f"| {c.step} | {ours} | {c.alternative}, {c.theirs_s * 1e3:.3g} ms | {c.ratio:.2f} "
            f"| {c.goal or '–'} | {c.of_limit:.0%} | {c.of_memory:.0%} |"
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
