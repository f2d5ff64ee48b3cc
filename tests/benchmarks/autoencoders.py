"""Training of the autoencoder against other loops in torch; see `tests.benchmarks.compute`."""

import statistics
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

from asd_cli.core.events import SILENT, Events
from asd_cli.detectors.autoencoder.detector import _FlatWindows, _Reconstruction
from asd_cli.detectors.autoencoder.network import Autoencoder
from asd_cli.execution.executor import Executor
from asd_cli.features.windows import frame_windows
from asd_cli.training.devices import deterministic_kernels
from asd_cli.training.rows import Rows
from tests.benchmarks.comparison import Comparison, in_turn, timed
from tests.benchmarks.limits import Limits, count_bytes

_FRAMES, _MELS = 5, 128
_ROWS_OF_A_CLIP = 313
_SECTIONS = 3
_BASELINE, _TENSORS = "the 2023 baseline's loop", "vectors in a DataLoader"


class _Items(Dataset[tuple[Any, ...]]):
    """Windows as the PyTorch baseline of 2023 has them: in double precision, with what they are of."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors.astype(np.float64)
        self._section = np.eye(_SECTIONS)

    def __len__(self) -> int:
        return len(self._vectors)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        domain = "source" if index % 100 else "target"
        name = f"section_00_{domain}_train_normal_{index:04d}.wav"
        return self._vectors[index], 0.0, self._section[index % _SECTIONS], name, index


def _train_ours(model: Autoencoder, data: np.ndarray, order: np.ndarray, precision: str) -> None:
    windows = _windows(len(data) // _ROWS_OF_A_CLIP)
    batches = _FlatWindows(Rows(data, torch.device("cpu")), windows)
    trainable = _Reconstruction(model, batches, 1e-3, precision)
    for step, chosen in enumerate(order):
        loss = trainable.loss(chosen)
        loss.item()
        trainable.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trainable.before_step(step + 1)
        trainable.optimizer.step()


def _train_on_tensors(model: Autoencoder, vectors: np.ndarray, batch: int) -> None:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    dataset = TensorDataset(torch.from_numpy(vectors))
    for (inputs,) in DataLoader(dataset, batch_size=batch, shuffle=True):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(model(inputs), inputs)
        loss.backward()
        optimizer.step()
        loss.item()


def _train_as_the_baseline(model: Autoencoder, items: _Items, batch: int) -> None:
    """Train as the baseline of 2023 does: items collated one by one, a loss for each domain, too."""
    optimizer = torch.optim.Adam([{"params": model.parameters()}], lr=1e-3)
    chosen = Subset(items, range(len(items)))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Anomaly Detection", category=UserWarning)
        torch.autograd.set_detect_anomaly(True)
    try:
        for inputs, _, section, names, _ in DataLoader(chosen, batch_size=batch, shuffle=True):
            windows = inputs.float()
            section.argmax(dim=1).long()
            targets = ["target" in name for name in names]
            optimizer.zero_grad()
            squares = torch.nn.functional.mse_loss(model(windows), windows, reduction="none")
            losses = squares.mean(dim=1)
            loss = losses.sum() / len(losses)
            for own in (targets, np.logical_not(targets).tolist()):
                (losses[own].sum() / max(sum(own), 1)).item()
            loss.backward()
            optimizer.step()
            loss.item()
    finally:
        torch.autograd.set_detect_anomaly(False)


def _windows(clips: int) -> Any:
    return frame_windows(
        [_ROWS_OF_A_CLIP * clip for clip in range(clips)], [_ROWS_OF_A_CLIP] * clips,
        n_frames=_FRAMES, hop=1, names=[""] * clips,
    )  # fmt: skip


def _steps(task: dict[str, Any], _: Events) -> float:
    """Train on shuffled windows; gives seconds a window. May run in a worker."""
    clips, steps, batch, kind = (task[key] for key in ("clips", "steps", "batch", "kind"))
    rows = clips * _ROWS_OF_A_CLIP
    data = np.random.default_rng(0).normal(-30, 5, (rows, _MELS)).astype(np.float32)
    windows = _windows(clips)
    order = np.random.default_rng(1).permutation(len(windows))[: steps * batch]
    model = Autoencoder(_FRAMES * _MELS, torch.Generator().manual_seed(0)).train()
    works: dict[str, Callable[[], None]] = {}
    if kind in {_TENSORS, _BASELINE}:
        vectors = data[windows.rows(order)].reshape(len(order), -1)
        items = _Items(vectors)
        works[_TENSORS] = lambda: _train_on_tensors(model, vectors, batch)
        works[_BASELINE] = lambda: _train_as_the_baseline(model, items, batch)
    ours = order.reshape(-1, batch)
    with deterministic_kernels(task["threads"]):
        run = timed(works.get(kind, lambda: _train_ours(model, data, ours, kind)), len(order))
        run()
        return statistics.median(run() for _ in range(3))


def compare_autoencoder(
    rounds: int, limits: Limits, two: Executor, *, clips: int, steps: int, batch: int
) -> list[Comparison]:
    """Steps on windows of five frames; against two loops in torch, two threads each."""
    task = {"clips": clips, "steps": steps, "batch": batch}

    def here(kind: str) -> Callable[[], float]:
        return lambda: _steps({**task, "kind": kind, "threads": None}, SILENT)

    def two_at_once(kind: str) -> Callable[[], float]:
        each = {**task, "kind": kind, "threads": 1}

        def run() -> float:
            found = [o.result for o in two.submit(_steps, [each, each], long=True)]
            return 1.0 / sum(1.0 / seconds for seconds in found)

        return run

    took = in_turn(
        {
            _BASELINE: here(_BASELINE),
            _TENSORS: here(_TENSORS),
            "autoencoder": here("fp32"),
            "autoencoder, two machines at once": two_at_once("fp32"),
            "the same autoencoders in bf16": two_at_once("bf16"),
        },
        rounds,
    )
    baseline, tensors = took.pop(_BASELINE), took.pop(_TENSORS)
    # Products of the layers forward, and twice that backward but for the inputs' gradient.
    inputs = _FRAMES * _MELS
    inner = 6 * 128 * 128 + 2 * 128 * 8
    work = 2 * (3 * (2 * 128 * inputs + inner) - 128 * inputs)
    moved = 3 * count_bytes(Autoencoder(inputs), (inputs,), batch=batch)
    rows = [("autoencoder", _TENSORS, tensors, 0.0)]
    rows = [*((name, _BASELINE, baseline, 2.5) for name in took), *rows]
    return [
        Comparison(
            name, "window", other, took[name], theirs, work / took[name] / limits.flops,
            moved / took[name] / limits.bytes_copied, goal,
        )
        for name, other, theirs, goal in rows
    ]  # fmt: skip
