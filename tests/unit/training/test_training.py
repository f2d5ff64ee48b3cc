import math
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asd_cli.core.errors import IntegrityError, UsageError
from asd_cli.core.events import SILENT, SilentEvents
from asd_cli.training.batch_norm import recalibrate
from asd_cli.training.checkpoint import Checkpoint
from asd_cli.training.devices import resolve_device
from asd_cli.training.loop import FitPlan, TrainingDivergedError, fit

INPUTS = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.sum(dim=1, keepdim=True)


class Regression:
    """A small trainable; fails with NaN at a given call of `loss`."""

    def __init__(self, *, nan_at: int | None = None) -> None:
        torch.manual_seed(0)
        self.model = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1)
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.03)
        self.nan_at, self.calls, self.steps = nan_at, 0, list[int]()

    def loss(self, windows: Any) -> torch.Tensor:
        self.calls += 1
        chosen = torch.from_numpy(windows)
        loss = torch.nn.functional.mse_loss(self.model(INPUTS[chosen]), TARGETS[chosen])
        return loss * math.nan if self.calls == self.nan_at else loss

    def before_step(self, step: int) -> None:
        self.steps.append(step)


def plan(epochs: int = 4, **changes: Any) -> FitPlan:
    settings: dict[str, Any] = {
        "train": np.arange(50), "validation": np.arange(50, 64), "epochs": epochs,
        "batch_size": 8, "shuffle": True, "seed": 3, **changes,
    }  # fmt: skip
    return FitPlan(**settings)


def weights(trainable: Regression) -> list[torch.Tensor]:
    return [tensor.clone() for tensor in trainable.model.state_dict().values()]


def same(first: list[torch.Tensor], second: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def train(trainable: Regression, checkpoint: Checkpoint | None = None, **kwargs: Any) -> Any:
    return fit(trainable, plan(**kwargs), checkpoint=checkpoint, events=SILENT, task="t")


def test_the_loss_falls_and_every_epoch_has_a_row() -> None:
    trainable = Regression()
    history = train(trainable, epochs=40)
    assert [row["epoch"] for row in history] == list(range(1, 41))
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    assert history[-1]["val_loss"] < history[0]["val_loss"]
    assert trainable.steps == list(range(1, 40 * 7 + 1))


def test_without_validation_there_is_no_such_column() -> None:
    assert "val_loss" not in train(Regression(), validation=np.empty(0, np.int64))[0]


def test_orders_differ_by_epoch_and_repeat() -> None:
    assert not np.array_equal(plan().order(0), plan().order(1))
    np.testing.assert_array_equal(plan().order(1), plan().order(1))
    np.testing.assert_array_equal(np.sort(plan().order(1)), np.arange(50))
    np.testing.assert_array_equal(plan(shuffle=False).order(1), np.arange(50))


def test_resuming_after_an_epoch_is_bit_identical(tmp_path: Path) -> None:
    undisturbed = Regression()
    history = train(undisturbed)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", {"seed": 3})
    train(Regression(), checkpoint, epochs=2)
    resumed = Regression()
    assert train(resumed, checkpoint) == history
    assert same(weights(resumed), weights(undisturbed))
    assert resumed.steps[0] == 15


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("batch", [1, 10, 14])
def test_an_interrupted_epoch_is_gone_on_with_bit_identically(
    tmp_path: Path, number: signal.Signals, batch: int
) -> None:
    class Interrupt(SilentEvents):
        count = 0

        def advanced(self, task: str, amount: float, detail: str = "") -> None:
            self.count += bool(detail)
            if self.count == batch:
                os.kill(os.getpid(), number)

    undisturbed = Regression()
    history = train(undisturbed)
    checkpoint = Checkpoint(tmp_path / "c.safetensors", {"seed": 3})
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - KeyboardInterrupt or Terminated
        fit(Regression(), plan(), checkpoint=checkpoint, events=Interrupt(), task="t")
    assert type(caught.value).__name__ in {"KeyboardInterrupt", "Terminated"}
    resumed = Regression()
    assert train(resumed, checkpoint) == history
    assert same(weights(resumed), weights(undisturbed))


def test_a_loss_that_is_no_number_names_epoch_and_batch_and_keeps_the_last_state(
    tmp_path: Path,
) -> None:
    checkpoint = Checkpoint(tmp_path / "c.safetensors", {"seed": 3})
    with pytest.raises(TrainingDivergedError, match="nan in epoch 2, batch 3"):
        train(Regression(nan_at=7 + 2 + 3), checkpoint)
    resumed, undisturbed = Regression(), Regression()
    train(resumed, checkpoint)
    train(undisturbed)
    assert same(weights(resumed), weights(undisturbed))


def test_the_state_of_another_run_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    train(Regression(), Checkpoint(path, {"fit.lr": 0.1, "data": "a"}), epochs=1)
    with pytest.raises(UsageError, match=r"fit.lr was 0.1 and is 0.2") as caught:
        train(Regression(), Checkpoint(path, {"fit.lr": 0.2, "data": "a"}))
    assert "--force" in str(caught.value.hint)


@pytest.mark.parametrize("content", [b"", b"not safetensors", b"\x80\x04pickle"])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.safetensors"
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="is damaged"):
        train(Regression(), Checkpoint(path, {}))


@pytest.mark.parametrize("place", ["tensor", "optimizer", "progress"])
def test_a_changed_bit_of_a_state_is_noticed(tmp_path: Path, place: str) -> None:
    path = tmp_path / "c.safetensors"
    train(Regression(), Checkpoint(path, {}), epochs=1)
    content = bytearray(path.read_bytes())
    length = 8 + int.from_bytes(content[:8], "little")
    begins = {"tensor": len(content) - 1, "optimizer": length + 100}
    position = begins.get(place, content.find(b"loss_sum") + 16)
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="not what was written|is damaged") as caught:
        train(Regression(), Checkpoint(path, {}))
    assert "--force" in str(caught.value.hint)


class Warnings(SilentEvents):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def warning(self, message: str) -> None:
        self.texts.append(message)


def test_resuming_with_another_number_of_threads_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint, events = Checkpoint(tmp_path / "c.safetensors", {}), Warnings()
    for epochs, threads, said in ((1, 1, 0), (2, 1, 0), (3, 2, 1), (4, 2, 1), (5, 1, 2)):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        fit(Regression(), plan(epochs), checkpoint=checkpoint, events=events, task="t")
        assert len(events.texts) == said
    assert "computed with 1 thread, this one with 2 threads" in events.texts[0]


def test_recalibrated_statistics_are_those_of_all_batches() -> None:
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(4, momentum=0.001))
    batches = [INPUTS[:32] * 5 + 7, INPUTS[32:] * 5 + 7]
    model.eval()
    recalibrate(model, model, batches)
    layer = model[0]
    assert not model.training
    assert layer.momentum == 0.001
    torch.testing.assert_close(layer.running_mean, torch.cat(batches).mean(0))
    torch.testing.assert_close(
        layer.running_var, torch.stack([batch.var(0) for batch in batches]).mean(0)
    )


def test_devices() -> None:
    assert resolve_device("cpu").type == "cpu"
    assert resolve_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(UsageError, match="no device 'tpu'"):
        resolve_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no cuda device"):
            resolve_device("cuda")
