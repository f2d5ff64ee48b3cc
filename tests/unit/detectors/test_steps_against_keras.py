"""Fifty steps of training from equal weights and batches, against Keras, in double precision.

Double, so that what differs is the formulas (loss, gradients, batch norm, Adam) and not rounding,
which whole trainings in single precision amplify.
"""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from asd_cli.detectors.autoencoder.detector import _Reconstruction
from asd_cli.detectors.autoencoder.network import Autoencoder
from asd_cli.detectors.autoencoder.network import from_keras as autoencoder_from_keras
from asd_cli.detectors.autoencoder.network import to_keras as autoencoder_to_keras
from asd_cli.detectors.mobilenetv2.detector import _SectionClassifier
from asd_cli.detectors.mobilenetv2.network import MobileNetV2, from_keras, to_keras
from tests.unit.detectors.test_autoencoder import _keras_weights
from tests.unit.detectors.test_mobilenetv2_against_keras import for_keras, for_torch, keras_weights

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

STEPS = 50
SECTIONS = 3


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keras in double precision: its results of two doubles are single otherwise."""
    norm = sys.modules[keras.layers.BatchNormalization.__module__]
    numbers = sys.modules["keras.src.backend.torch.numpy"]
    monkeypatch.setattr(norm.backend, "result_type", lambda *_: "float64")
    monkeypatch.setattr(numbers.dtypes, "result_type", lambda *_: "float64")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


def round_weights(model: Any) -> None:
    """Let weights begin with values that our files, which are single, can hold."""
    for weight in model.weights:
        weight.assign(weight.value.detach().float().double())


def train_keras(model: Any, losses_of: Callable[[int], torch.Tensor], lr: float) -> list[float]:
    """Take the steps with Keras' Adam; gives their losses."""
    optimizer = keras.optimizers.Adam(learning_rate=lr)
    variables = model.trainable_variables
    losses = []
    for step in range(STEPS):
        model.zero_grad()
        loss = losses_of(step)
        loss.backward()
        with torch.no_grad():
            optimizer.apply([variable.value.grad for variable in variables], variables)
        losses.append(loss.item())
    return losses


def train_ours(trainable: Any) -> list[float]:
    """Take the same steps as the training loop does; batch number `step` is window `step`."""
    losses = []
    trainable.model.train()
    for step in range(STEPS):
        loss = trainable.loss(np.array([step, step]))
        trainable.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        trainable.before_step(step + 1)
        trainable.optimizer.step()
        losses.append(loss.item())
    return losses


class Batches:
    """Gives whole batches by number, where detectors ask for windows."""

    def __init__(self, batches: np.ndarray, arrange: Callable[[np.ndarray], torch.Tensor]) -> None:
        self._batches, self._arrange = batches, arrange

    def __getitem__(self, chosen: np.ndarray) -> torch.Tensor:
        return self._arrange(self._batches[chosen[0]])


def require_equal(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray], lr: float) -> None:
    """Weights may differ by a thousandth of a step after all of them."""
    compared = 0
    for name, weight in theirs.items():
        if "moving_" not in name:  # Keras 3 averages another variance
            difference = np.abs(ours[name] - weight).max()
            assert difference <= 1e-3 * lr, (name, difference)
            compared += 1
    assert compared > 30


@pytest.mark.usefixtures("double")
def test_the_autoencoder_takes_the_steps_of_keras() -> None:
    keras.utils.set_random_seed(7)
    inputs = hidden = keras.layers.Input(shape=(40,))
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        hidden = keras.layers.Dense(width)(hidden)
        hidden = keras.layers.BatchNormalization()(hidden)
        hidden = keras.layers.Activation("relu")(hidden)
    theirs = keras.Model(inputs, keras.layers.Dense(40)(hidden))
    round_weights(theirs)
    batches = np.random.default_rng(0).normal(-30, 10, (STEPS, 32, 40))
    ours = Autoencoder(40).double()
    before = _keras_weights(theirs)
    autoencoder_from_keras(ours, before)

    def loss_of(step: int) -> torch.Tensor:
        batch = torch.from_numpy(batches[step])
        return torch.square(theirs(batch, training=True) - batch).mean()

    expected = train_keras(theirs, loss_of, lr=1e-3)
    trainable = _Reconstruction(ours, Batches(batches, torch.from_numpy), 1e-3)  # type: ignore[arg-type]
    np.testing.assert_allclose(train_ours(trainable), expected, rtol=1e-9)
    after = _keras_weights(theirs)
    assert np.abs(after["dense_0/kernel"] - before["dense_0/kernel"]).max() > 10 * 1e-3
    require_equal(autoencoder_to_keras(ours), after, 1e-3)


@pytest.mark.slow
@pytest.mark.usefixtures("double")
def test_the_classifier_takes_the_steps_of_keras() -> None:
    keras.utils.set_random_seed(7)
    theirs = keras.applications.MobileNetV2(
        alpha=0.5, input_shape=(32, 64, 3), weights=None, classes=SECTIONS
    )
    round_weights(theirs)
    batches = np.random.default_rng(1).normal(-30, 10, (STEPS, 4, 32, 64))
    labels = torch.arange(4) % SECTIONS
    ours = MobileNetV2(SECTIONS).double()
    from_keras(ours, keras_weights(theirs))

    def loss_of(step: int) -> torch.Tensor:
        probabilities = theirs(for_keras(batches[step]), training=True)
        return torch.nn.functional.nll_loss(probabilities.log(), labels)

    lr = 1e-5
    expected = train_keras(theirs, loss_of, lr=lr)

    class Labels:
        def __getitem__(self, _: torch.Tensor) -> torch.Tensor:
            return labels

    trainable = _SectionClassifier(ours, Batches(batches, for_torch), Labels(), lr)  # type: ignore[arg-type]
    found = train_ours(trainable)
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    assert np.ptp(found) > 0.1
    after = keras_weights(theirs)
    name = "Conv1/kernel"
    after[name] = after[name].mean(axis=2, keepdims=True)
    own = to_keras(ours)
    own[name] = own[name].mean(axis=2, keepdims=True)
    require_equal(own, after, lr)
