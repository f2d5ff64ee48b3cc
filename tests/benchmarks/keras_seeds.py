"""AUC of whole trainings over several seeds, ours and Keras', on a set of recordings.

    asd fetch --stage demo
    python -m tests.benchmarks.keras_seeds dev_data fan --seeds 5

Each seed draws new weights and orders on either side, so the two are compared as distributions.
"""

import os

os.environ["KERAS_BACKEND"] = "torch"

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import roc_auc_score

from asd_cli.core.types import Label, Mode, Split
from asd_cli.datasets.dcase.dataset import DcaseDataset
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.detectors.autoencoder.detector import AutoencoderDetector
from asd_cli.detectors.autoencoder.options import AutoencoderOptions
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector, window_scores
from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
from asd_cli.detectors.options import FitOptions, WindowOptions
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras

Score = Callable[[np.ndarray, str], float]


def load(folder: Path, machine: str, split: Split, parameters: FeatureParameters) -> FeatureStore:
    """Compute the features of a machine's clips in memory."""
    clips = DcaseDataset(folder, load_edition("dcase2021"), Mode.DEV).clips(machine, split)
    return features_in_memory([Recording(clip, None) for clip in clips], parameters)


def auc(test: FeatureStore, scores: np.ndarray) -> float:
    """Mean AUC of the sections and domains."""
    groups: dict[Any, list[int]] = {}
    for index, clip in enumerate(test.clips):
        groups.setdefault((clip.section, clip.domain), []).append(index)
    labels = np.array([clip.label is Label.ANOMALY for clip in test.clips])
    return float(np.mean([roc_auc_score(labels[g], scores[g]) for g in groups.values()]))


def windows(clip: np.ndarray, frames: int, hop: int) -> np.ndarray:
    """Cut a clip's spectrogram [shape=(n, frames, n_mels)]."""
    return np.stack([clip[s : s + frames] for s in range(0, len(clip) - frames + 1, hop)])


def keras_autoencoder(train: FeatureStore, seed: int, fit: FitOptions, size: Any) -> Score:
    """Train the baseline's autoencoder in Keras."""
    keras.utils.set_random_seed(seed)
    data = np.concatenate([windows(train[i], size.n_frames, size.n_hop_frames)
                           for i in range(len(train))])  # fmt: skip
    data = data.reshape(len(data), -1)
    inputs = hidden = keras.layers.Input(shape=(data.shape[1],))
    for width in (128, 128, 128, 128, 8, 128, 128, 128, 128):
        hidden = keras.layers.Dense(width)(hidden)
        hidden = keras.layers.BatchNormalization()(hidden)
        hidden = keras.layers.Activation("relu")(hidden)
    model = keras.Model(inputs, keras.layers.Dense(data.shape[1])(hidden))
    model.compile(optimizer=keras.optimizers.Adam(fit.lr), loss="mean_squared_error")
    model.fit(data, data, batch_size=fit.batch_size, epochs=fit.epochs, verbose=0,
              shuffle=True, validation_split=fit.validation_split)  # fmt: skip

    def score(clip: np.ndarray, _: str) -> float:
        batch = windows(clip, size.n_frames, 1).reshape(-1, data.shape[1]).astype(np.float64)
        return float(np.mean(np.square(batch - model.predict(batch, verbose=0))))

    return score


def keras_classifier(train: FeatureStore, seed: int, fit: FitOptions, size: Any) -> Score:
    """Train the baseline's classifier in Keras."""
    keras.utils.set_random_seed(seed)
    cut = [windows(train[i], size.n_frames, size.n_hop_frames) for i in range(len(train))]
    sections = sorted({clip.section or "" for clip in train.clips})
    labels = np.concatenate([
        np.full(len(batch), sections.index(clip.section or ""))
        for clip, batch in zip(train.clips, cut, strict=True)
    ])  # fmt: skip
    data = np.repeat(np.concatenate(cut)[..., None], 3, axis=-1)
    model = keras.applications.MobileNetV2(
        alpha=0.5, input_shape=data.shape[1:], weights=None, classes=len(sections)
    )
    model.compile(optimizer=keras.optimizers.Adam(fit.lr), loss="sparse_categorical_crossentropy")
    model.fit(data, labels, batch_size=fit.batch_size, epochs=fit.epochs, verbose=0,
              shuffle=True, validation_split=fit.validation_split)  # fmt: skip

    def score(clip: np.ndarray, section: str) -> float:
        batch = np.repeat(windows(clip, size.n_frames, 4)[..., None], 3, axis=-1)
        found = model.predict(batch, verbose=0)[:, sections.index(section)]
        return float(window_scores(found, "reference").mean())

    return score


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("machine")
    parser.add_argument("--network", choices=["autoencoder", "mobilenetv2"], default="autoencoder")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--lr", type=float, default=1e-3)
    arguments = parser.parse_args()
    small = arguments.network == "mobilenetv2"
    parameters = FeatureParameters(n_mels=64 if small else 128)
    train = load(arguments.folder, arguments.machine, Split.TRAIN, parameters)
    test = load(arguments.folder, arguments.machine, Split.TEST, parameters)
    fit = FitOptions(lr=arguments.lr, epochs=arguments.epochs, batch_size=32 if small else 512)
    size = (
        WindowOptions(n_frames=32, n_hop_frames=8, score_hop_frames=4)
        if small
        else WindowOptions(n_frames=5, n_hop_frames=1, score_hop_frames=1)
    )
    found: dict[str, list[float]] = {"ours": [], "Keras": []}
    for seed in range(arguments.seeds):
        started = time.monotonic()
        common: dict[str, Any] = {
            "windows": size, "fit": fit, "seed": seed, "device": "cpu", "features": parameters,
        }  # fmt: skip
        ours: Any = (
            MobileNetV2Detector(MobileNetV2Options(**common))
            if small
            else AutoencoderDetector(AutoencoderOptions(**common))
        )
        ours.fit(train, FitContext())
        found["ours"].append(auc(test, ours.score(test).clips))
        score = (keras_classifier if small else keras_autoencoder)(train, seed, fit, size)
        scores = [score(test[i], clip.section or "") for i, clip in enumerate(test.clips)]
        found["Keras"].append(auc(test, np.array(scores)))
        print(seed, {k: round(v[-1], 4) for k, v in found.items()},
              f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    for name, values in found.items():
        print(f"{name}: {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f} ({len(values)} seeds)")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
