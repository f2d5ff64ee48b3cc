"""The network against `keras.applications.MobileNetV2` on Keras' torch backend."""

import os
import sys

os.environ["KERAS_BACKEND"] = "torch"

import warnings
from typing import Any

import numpy as np
import pytest
import torch

from asd_cli.detectors.mobilenetv2.network import (
    FOLD,
    MobileNetV2,
    from_keras,
    prepare_for_scoring,
    to_keras,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

N_CLASSES = 3


def value_of(variable: Any) -> np.ndarray:
    return variable.value.detach().cpu().numpy().copy()


def keras_model(shape: tuple[int, int] = (64, 128)) -> Any:
    """Keras' network with batch norms that are not the identity."""
    keras.utils.set_random_seed(7)
    model = keras.applications.MobileNetV2(
        alpha=0.5, input_shape=(*shape, 3), weights=None, classes=N_CLASSES
    )
    generator = np.random.default_rng(7)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in {"gamma", "moving_variance"}:
                weight.assign(generator.uniform(0.5, 2.0, weight.shape))
            elif weight.name in {"beta", "moving_mean"}:
                weight.assign(generator.normal(0.0, 0.3, weight.shape))
    return model


def keras_weights(model: Any) -> dict[str, np.ndarray]:
    return {
        f"{layer.name}/{weight.name}": value_of(weight)
        for layer in model.layers
        for weight in layer.weights
    }


def spectrograms(count: int, shape: tuple[int, int] = (64, 128)) -> np.ndarray:
    return np.random.default_rng(1).normal(-30.0, 10.0, (count, *shape)).astype(np.float32)


def for_keras(batch: np.ndarray) -> np.ndarray:
    return np.repeat(batch[..., None], 3, axis=-1)


def for_torch(batch: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(batch[:, ::-1, ::-1].copy())[:, None]


def relative(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-8))


@pytest.mark.parametrize(("n_classes", "count"), [(3, 710_067), (6, 713_910)])
def test_parameter_counts(n_classes: int, count: int) -> None:
    assert sum(weight.size for weight in to_keras(MobileNetV2(n_classes)).values()) == count


# At 50 and 99 every second stage has an odd length, which Keras pads in another way.
@pytest.mark.parametrize("shape", [(64, 128), (32, 64), (50, 99)])
def test_the_same_weights_give_the_same_outputs(shape: tuple[int, int]) -> None:
    theirs = keras_model(shape)
    ours = MobileNetV2(N_CLASSES)
    from_keras(ours, keras_weights(theirs))
    batch = spectrograms(4, shape)
    expected = theirs(for_keras(batch), training=False).detach().numpy()
    with torch.no_grad():
        plain = ours.eval()(for_torch(batch)).softmax(dim=1).numpy()
        folded = prepare_for_scoring(ours)(for_torch(batch)).softmax(dim=1).numpy()
    assert np.abs(plain - expected).max() <= 1e-5
    assert np.abs(folded - expected).max() <= 1e-5
    assert np.ptp(expected) > 1e-3


def test_a_training_step_has_the_same_statistics_and_gradients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # In double precision, where differences are those of the formulas and not of rounding. Keras'
    # batch norm would go through single precision, whose rounding the 52 layers then amplify.
    module = sys.modules[keras.layers.BatchNormalization.__module__]
    monkeypatch.setattr(module.backend, "result_type", lambda *_: "float64")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        theirs = keras_model()
        ours = MobileNetV2(N_CLASSES).double()
        before = keras_weights(theirs)
        from_keras(ours, before)
        batch, labels = spectrograms(8).astype(np.float64), np.arange(8) % N_CLASSES
        probabilities = theirs(for_keras(batch), training=True)
        loss = torch.nn.functional.nll_loss(probabilities.log(), torch.from_numpy(labels))
        loss.backward()
    finally:
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")
    sizes: dict[str, int] = {}
    for name, layer in ours.layers.items():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(
                lambda _, inputs, __, name=name: sizes.update(
                    {name: inputs[0].numel() // inputs[0].shape[1]}
                )
            )
    ours.train()
    our_loss = torch.nn.functional.cross_entropy(ours(for_torch(batch)), torch.from_numpy(labels))
    our_loss.backward()
    assert our_loss.item() == pytest.approx(loss.item(), rel=1e-6)
    after, our_after = keras_weights(theirs), to_keras(ours)
    for name, count in sizes.items():
        assert relative(our_after[f"{name}/moving_mean"], after[f"{name}/moving_mean"]) <= 1e-5
        # Keras 3 averages the biased variance; torch, as the Keras 2.3 of the baseline, the
        # unbiased one, larger by n / (n - 1).
        key = f"{name}/moving_variance"
        batch_variance = (after[key] - 0.999 * before[key]) / 0.001
        expected = 0.999 * before[key] + 0.001 * batch_variance * count / (count - 1)
        assert relative(our_after[key], expected) <= 1e-5
    compared = 0
    for layer in theirs.layers:
        for weight in layer.trainable_weights:
            gradient = weight.value.grad.numpy()
            ours_gradient = _gradient(ours, layer.name, weight.name)
            if layer.name == "Conv1":
                assert relative(gradient[:, :, 0], gradient[:, :, 2]) <= 1e-9
                gradient = gradient.mean(axis=2, keepdims=True)
            assert relative(ours_gradient, gradient) <= 1e-5, (layer.name, weight.name)
            compared += 1
    assert compared == 158


def _gradient(model: MobileNetV2, layer: str, weight: str) -> np.ndarray:
    module = model.layers[layer]
    if weight == "kernel" and isinstance(module, torch.nn.Conv2d):
        order = (2, 3, 0, 1) if module.groups > 1 else (2, 3, 1, 0)
        return module.weight.grad.flip(2, 3).permute(order).numpy()
    if weight == "kernel":
        return module.weight.grad.T.numpy()
    return (module.bias if weight in {"beta", "bias"} else module.weight).grad.numpy()


def test_weights_survive_the_way_to_keras_and_back() -> None:
    first = MobileNetV2(N_CLASSES, torch.Generator().manual_seed(5))
    second = MobileNetV2(N_CLASSES)
    from_keras(second, to_keras(first))
    for ours, again in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(ours, again, rtol=1e-6, atol=1e-8)
    theirs = keras_model()
    for layer in theirs.layers:
        for weight in layer.weights:
            weight.assign(to_keras(first)[f"{layer.name}/{weight.name}"])
    batch = spectrograms(2)
    expected = theirs(for_keras(batch), training=False).detach().numpy()
    ours_out = first.eval()(for_torch(batch)).softmax(dim=1).detach().numpy()
    assert np.abs(ours_out - expected).max() <= 1e-5


def test_initial_weights_have_the_spread_that_keras_gives_them() -> None:
    ours = to_keras(MobileNetV2(N_CLASSES, torch.Generator().manual_seed(5)))
    theirs = keras_weights(
        keras.applications.MobileNetV2(
            alpha=0.5, input_shape=(64, 128, 3), weights=None, classes=N_CLASSES
        )
    )
    assert ours.keys() == theirs.keys()
    for name, weight in theirs.items():
        assert ours[name].shape == weight.shape
        if name.endswith("kernel") and weight.size > 1000 and not name.startswith("Conv1/"):
            assert ours[name].std() == pytest.approx(weight.std(), rel=0.1)
            assert np.abs(ours[name]).max() == pytest.approx(np.abs(weight).max(), rel=0.02)
        elif "kernel" not in name:
            np.testing.assert_array_equal(ours[name], weight)
    # The folded kernel is the sum of three draws, and sqrt(3) times as wide.
    assert ours["Conv1/kernel"].sum(axis=2).std() == pytest.approx(
        theirs["Conv1/kernel"].std() * FOLD**0.5, rel=0.2
    )
