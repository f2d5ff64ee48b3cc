import os

os.environ["KERAS_BACKEND"] = "torch"

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import pytest
import torch

from asd_cli.core.types import Domain
from asd_cli.detectors.autoencoder.detector import AutoencoderDetector
from asd_cli.detectors.autoencoder.mahalanobis import (
    MahalanobisAutoencoderDetector,
    inverse_covariance,
    mahalanobis,
)
from asd_cli.detectors.autoencoder.network import Autoencoder, from_keras, to_keras
from asd_cli.detectors.autoencoder.options import AutoencoderOptions, MahalanobisOptions
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.options import FitOptions, Score, WindowOptions
from tests.support.features import make_store

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

WINDOWS = WindowOptions(n_frames=5, n_hop_frames=1)
FIT = FitOptions(lr=1e-3, epochs=2, batch_size=64)
OPTIONS = AutoencoderOptions(windows=WINDOWS, fit=FIT, seed=5, device="cpu")


@pytest.fixture(scope="module")
def keras_model() -> Any:
    """The baseline's autoencoder, layer by layer, in Keras."""
    keras.utils.set_random_seed(7)
    layers = keras.layers
    inputs = hidden = layers.Input(shape=(320,))
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        hidden = layers.Dense(width)(hidden)
        hidden = layers.BatchNormalization()(hidden)
        hidden = layers.Activation("relu")(hidden)
    return keras.Model(inputs, layers.Dense(320)(hidden))


def _keras_weights(model: Any) -> dict[str, np.ndarray]:
    weights: dict[str, np.ndarray] = {}
    counts = {"dense": 0, "norm": 0}
    for layer in model.layers:
        kind = {"Dense": "dense", "BatchNormalization": "norm"}.get(type(layer).__name__)
        if kind is not None:
            for weight in layer.weights:
                value = weight.value.detach().cpu().numpy().copy()
                weights[f"{kind}_{counts[kind]}/{weight.name}"] = value
            counts[kind] += 1
    return weights


@pytest.mark.parametrize("training", [False, True])
def test_the_same_weights_give_what_keras_gives(keras_model: Any, training: bool) -> None:
    ours = Autoencoder(320)
    from_keras(ours, _keras_weights(keras_model))
    windows = torch.from_numpy(np.random.default_rng(0).normal(-30, 10, (20, 320))).float()
    with torch.no_grad():
        expected = keras_model(windows, training=training)
        found = ours.train(training)(windows)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    assert found.std() > 1e-2


def test_initial_weights_are_drawn_as_keras_draws_them(keras_model: Any) -> None:
    ours = to_keras(Autoencoder(320, torch.Generator().manual_seed(1)))
    for name, theirs in _keras_weights(keras_model).items():
        assert ours[name].shape == theirs.shape
        if not name.endswith("/kernel"):
            continue
        np.testing.assert_allclose(ours[name].std(), theirs.std(), rtol=0.15)
        np.testing.assert_allclose(np.abs(ours[name]).max(), np.abs(theirs).max(), rtol=0.05)


def test_weights_survive_the_way_to_keras_and_back() -> None:
    first, second = Autoencoder(64, torch.Generator().manual_seed(1)), Autoencoder(64)
    from_keras(second, to_keras(first))
    for name, tensor in first.state_dict().items():
        if "num_batches" not in name:
            assert torch.equal(tensor, second.state_dict()[name])


def test_the_score_is_the_mean_squared_error_of_the_windows() -> None:
    train, test = make_store(), make_store(seed=9)
    detector = AutoencoderDetector(OPTIONS)
    detector.fit(train, FitContext())
    assert detector.model is not None
    scores = detector.score(test)
    for index in range(len(test)):
        frames = test[index]
        windows = np.stack([frames[s : s + 5].ravel() for s in range(len(frames) - 4)])
        with torch.inference_mode():
            rebuilt = detector.model(torch.from_numpy(windows)).numpy()
        errors = ((rebuilt - windows) ** 2).mean(axis=1)
        np.testing.assert_allclose(scores.windows[index], errors, rtol=1e-4)
        assert scores.clips[index] == pytest.approx(errors.mean(), rel=1e-4)


@pytest.mark.parametrize("score", ["reference", "paper"])
def test_the_mahalanobis_score_against_a_slow_version(score: Score) -> None:
    train, test = make_store(), make_store(seed=9)
    base = AutoencoderDetector(OPTIONS)
    base.fit(train, FitContext())
    detector = MahalanobisAutoencoderDetector(
        MahalanobisOptions(windows=WINDOWS, fit=FIT, score=score, seed=5, device="cpu")
    )
    detector.fit(train, FitContext(bases={"autoencoder": base}))

    def residuals(store: object, index: int) -> np.ndarray:
        frames = base.residuals(store, index, 1)  # type: ignore[arg-type]
        return np.concatenate(list(frames)).astype(np.float64)

    precisions = {}
    for domain in Domain:
        own = [i for i, clip in enumerate(train.clips) if clip.domain is domain]
        covariance = np.cov(np.concatenate([residuals(train, i) for i in own]).T)
        precisions[domain] = np.linalg.inv(covariance)
    for index, found in enumerate(detector.score(test).clips):
        rows = residuals(test, index)
        distances = []
        for precision in precisions.values():
            chosen = rows.mean(axis=0, keepdims=True) if score == "reference" else rows
            distances.append(np.mean([np.sqrt(row @ precision @ row) for row in chosen]))
        assert found == pytest.approx(min(distances), rel=1e-3)


def test_equal_residuals_have_a_covariance_that_can_be_inverted() -> None:
    precision = inverse_covariance(np.ones((3, 4)))
    assert np.isfinite(mahalanobis(np.zeros(4), precision))


def test_residuals_of_whitened_noise_have_their_own_length() -> None:
    noise = np.random.default_rng(0).normal(size=(20000, 3))
    lengths = mahalanobis(noise[:5], inverse_covariance(noise))
    np.testing.assert_allclose(lengths, np.linalg.norm(noise[:5], axis=1), rtol=0.05)


def test_mixed_precision_takes_the_same_course() -> None:
    def losses(precision: Literal["fp32", "bf16"]) -> list[float]:
        detector = AutoencoderDetector(
            replace(OPTIONS, fit=replace(FIT, epochs=4, precision=precision))
        )
        return [row["loss"] for row in detector.fit(make_store(), FitContext())]

    exact, mixed = losses("fp32"), losses("bf16")
    assert exact[-1] < 0.9 * exact[0]
    assert mixed != exact
    np.testing.assert_allclose(mixed, exact, rtol=0.02)


def test_scores_are_the_double_mean_of_the_squared_residuals() -> None:
    train, test = make_store(), make_store(seed=9)
    detector = AutoencoderDetector(OPTIONS)
    detector.fit(train, FitContext())
    found = detector.score(test).clips
    assert found.dtype == np.float64
    for index, score in enumerate(found):
        missed = detector.residuals(test, index, 1).astype(np.float64)
        assert score == pytest.approx(np.mean(np.square(missed)), rel=1e-14)
        assert score != np.float32(score)
    assert detector.score_training_clips(train).dtype == np.float64
