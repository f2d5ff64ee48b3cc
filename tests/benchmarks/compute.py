"""Extraction, training and scoring against straightforward alternatives, interleaved in one run.

    python -m tests.benchmarks.compute            # minutes; prints a Markdown table
    python -m tests.benchmarks.compute --tiny     # seconds; only shows that it runs

Absolute figures of a shared machine mean little; the ratios of medians, measured in turn, do.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import librosa
import numpy as np
import torch

from asd_cli.core.hashing import hash_bytes
from asd_cli.detectors.mobilenetv2 import _SectionClassifier
from asd_cli.detectors.nn.mobilenetv2 import MobileNetV2, prepare_for_scoring, to_keras
from asd_cli.features.audio import decode_samples, read_file
from asd_cli.features.logmel import LOG_FLOOR, log_mel, mel_basis
from asd_cli.features.recipe import FeatureRecipe
from asd_cli.training.devices import use_deterministic_kernels
from tests.support.recordings import tone, write_wav
from tests.support.straightforward import straightforward_network

_SHAPE = (64, 128)
_BATCH = 32


@dataclass(frozen=True)
class Comparison:
    """Median seconds a unit of ours and of the alternative, measured in turn."""

    step: str
    unit: str
    alternative: str
    ours_s: float
    theirs_s: float

    @property
    def ratio(self) -> float:
        """How many times faster ours is."""
        return self.theirs_s / self.ours_s


def _in_turn(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float]:
    times: tuple[list[float], list[float]] = ([], [])
    for work in (ours, theirs):
        work()
    for _ in range(rounds):
        for work, measured in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            work()
            measured.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def compare_extraction(rounds: int, seconds: float = 10.0) -> Comparison:
    """One clip, one thread: read, verify, hash, log-mel; against librosa's two calls."""
    recipe = FeatureRecipe()
    basis = mel_basis(recipe)
    with tempfile.TemporaryDirectory() as folder:
        path = write_wav(Path(folder) / "clip.wav", tone(440.0, seconds=seconds))

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
        return Comparison("extraction", "clip", "librosa", *_in_turn(ours, theirs, rounds))


def compare_training(rounds: int, batch: int = _BATCH) -> Comparison:
    """One step of Adam on one batch; against the straightforward port."""
    model = MobileNetV2(3, torch.Generator().manual_seed(0))
    plain = straightforward_network(to_keras(model))
    inputs = torch.randn(batch, 1, *_SHAPE)
    labels = torch.arange(batch) % 3
    trainable = _SectionClassifier(model, [inputs], labels, 1e-5)  # type: ignore[arg-type]
    copied = inputs.expand(-1, 3, -1, -1).contiguous()
    optimizer = torch.optim.Adam(plain.parameters(), lr=1e-5, eps=1e-7)
    model.train()
    plain.train()

    def ours() -> None:
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        trainable.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trainable.before_step(1)
        trainable.optimizer.step()

    def theirs() -> None:
        loss = torch.nn.functional.cross_entropy(plain(copied), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    mine, other = _in_turn(ours, theirs, rounds)
    return Comparison("training step", "window", "plain port", mine / batch, other / batch)


def compare_scoring(rounds: int, windows: int = 250) -> Comparison:
    """All windows of a clip of 10 s at hop 1; against the straightforward port."""
    model = MobileNetV2(3, torch.Generator().manual_seed(0)).eval()
    plain = straightforward_network(to_keras(model)).eval()
    fused = prepare_for_scoring(model)
    inputs = torch.randn(windows, 1, *_SHAPE)
    copied = inputs.expand(-1, 3, -1, -1).contiguous()
    with torch.inference_mode():
        mine, other = _in_turn(lambda: fused(inputs), lambda: plain(copied), rounds)
    return Comparison("scoring", "window", "plain port", mine / windows, other / windows)


def run(*, tiny: bool = False) -> list[Comparison]:
    """Measure everything; `tiny` only shows that it runs."""
    use_deterministic_kernels()
    if tiny:
        return [compare_extraction(1, 1.0), compare_training(1, 2), compare_scoring(1, 2)]
    return [compare_extraction(200), compare_training(20), compare_scoring(8)]


def as_markdown(comparisons: list[Comparison]) -> str:
    """One row a step."""
    lines = ["| step | ours | against | ratio |", "|---|--:|---|--:|"]
    for c in comparisons:
        ours = f"{c.ours_s * 1e3:.2f} ms a {c.unit}"
        lines.append(
            f"| {c.step} | {ours} | {c.alternative}, {c.theirs_s * 1e3:.2f} ms | {c.ratio:.2f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--threads", type=int, default=None)
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print(as_markdown(run(tiny=arguments.tiny)))
