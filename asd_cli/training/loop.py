"""The training loop: epochs of shuffled batches, validation, checkpoints, clean interruption.

Resuming is bit-identical: the order of an epoch's windows depends on the seed and the epoch alone,
and the state is saved between steps, never inside one.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError
from asd_cli.core.events import Events, progress
from asd_cli.core.interrupts import deferred_interrupts
from asd_cli.core.seeds import derive_seed
from asd_cli.training.checkpoint import Checkpoint, Progress

if TYPE_CHECKING:
    import torch

Indices = npt.NDArray[np.int64]


class TrainingDivergedError(DataError):
    """The loss is no longer a number."""


class Trainable(Protocol):
    """A model in training: what the loop needs to know of it."""

    model: "torch.nn.Module"
    optimizer: "torch.optim.Optimizer"

    def loss(self, windows: Indices) -> "torch.Tensor":
        """Mean loss of some windows, with its graph when gradients are on."""

    def before_step(self, step: int) -> None:
        """Adjust the optimiser before its step number `step`, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitPlan:
    """What a run of training goes through.

    Attributes
    ----------
    train, validation : ndarray [dtype=int64]
        Windows to train on and to hold out.
    epochs, batch_size : int
        How often, and how many windows at a time; the last batch of an epoch may be smaller.
    shuffle : bool
        Whether each epoch has its own order.
    seed : int
        Of the orders.
    """

    train: Indices
    validation: Indices
    epochs: int
    batch_size: int
    shuffle: bool
    seed: int

    def order(self, epoch: int) -> Indices:
        """Order of the training windows in an epoch, the same on every run."""
        if not self.shuffle:
            return self.train
        return np.random.default_rng(derive_seed(self.seed, "epoch", epoch)).permutation(self.train)

    @property
    def batches(self) -> int:
        """Batches in an epoch."""
        return math.ceil(len(self.train) / self.batch_size)


def fit(
    trainable: Trainable,
    plan: FitPlan,
    *,
    checkpoint: Checkpoint | None,
    events: Events,
    task: str,
) -> list[dict[str, float]]:
    """Train to the last epoch, from the beginning or where an interrupted run stopped.

    Parameters
    ----------
    trainable : Trainable
        Model, optimiser and loss.
    plan : FitPlan
        Windows, epochs, order.
    checkpoint : Checkpoint or None
        Where to keep the state after each epoch and on interruption.
    events : Events
        Told of every batch.
    task : str
        Name of the task in events.

    Returns
    -------
    list of dict
        One row an epoch: ``epoch`` (from 1), ``loss``, ``val_loss`` (where windows are held out).

    Raises
    ------
    TrainingDivergedError
        When a loss is not finite; the state after the last epoch stays on disk.
    KeyboardInterrupt, Terminated
        On a signal, after the state was saved.
    """
    state = checkpoint.load(trainable.model, trainable.optimizer) if checkpoint else None
    state = state or Progress()
    _tell_other_order(state, trainable, checkpoint, events)
    with (
        progress(events, task, total=plan.epochs * plan.batches, unit="batches") as advance,
        deferred_interrupts() as stop,
    ):
        advance(state.epoch * plan.batches + state.batch)
        while state.epoch < plan.epochs:
            for _ in _run_epoch(trainable, plan, state, advance):
                if stop.received:
                    if checkpoint:
                        checkpoint.save(trainable.model, trainable.optimizer, state)
                    stop.act()
            row = {"epoch": state.epoch + 1, "loss": state.loss_sum / len(plan.train)}
            if len(plan.validation):
                row["val_loss"] = _validate(trainable, plan)
            state.history.append(row)
            state.epoch, state.batch, state.loss_sum = state.epoch + 1, 0, 0.0
            if checkpoint:
                checkpoint.save(trainable.model, trainable.optimizer, state)
            stop.act()
    return state.history


def _tell_other_order(
    state: Progress, trainable: Trainable, checkpoint: Checkpoint | None, events: Events
) -> None:
    """Warn where a resumed run adds in another order than the interrupted one did."""
    import torch

    device = next(trainable.model.parameters()).device.type
    threads = torch.get_num_threads()
    now = f"{threads} thread{'s' if threads > 1 else ''}" if device == "cpu" else device
    if checkpoint and state.computed_with and state.computed_with != now:
        events.warning(
            f"{checkpoint.path}: the interrupted run computed with {state.computed_with}, this one "
            f"with {now}: its results differ in the last bits from those of one run "
            "(OMP_NUM_THREADS sets the threads, --device the device)"
        )
    state.computed_with = now


def _run_epoch(
    trainable: Trainable, plan: FitPlan, state: Progress, advance: Callable[..., None]
) -> Iterator[int]:
    """Train on the batches of an epoch that are left; gives each batch's number when it is done."""
    trainable.model.train()
    order = plan.order(state.epoch)
    for batch in range(state.batch, plan.batches):
        windows = order[batch * plan.batch_size : (batch + 1) * plan.batch_size]
        loss = trainable.loss(windows)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"the loss became {value} in epoch {state.epoch + 1}, batch {batch + 1}",
                hint="lower the learning rate: --set fit.lr=1e-5; then begin from scratch: --force",
            )
        trainable.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trainable.before_step(state.epoch * plan.batches + batch + 1)
        trainable.optimizer.step()
        state.batch, state.loss_sum = batch + 1, state.loss_sum + value * len(windows)
        advance(1, f"epoch {state.epoch + 1}/{plan.epochs}, loss {value:.4f}")
        yield batch


def _validate(trainable: Trainable, plan: FitPlan) -> float:
    import torch

    trainable.model.eval()
    total = 0.0
    with torch.inference_mode():
        for start in range(0, len(plan.validation), plan.batch_size):
            windows = plan.validation[start : start + plan.batch_size]
            total += trainable.loss(windows).item() * len(windows)
    return total / len(plan.validation)
