"""The autoencoder baseline of DCASE 2021 Task 2: what it cannot reconstruct is anomalous.

Kawaguchi et al. 2021 (arXiv:2106.04492). A narrow autoencoder learns windows of five log-mel frames
of one machine; a clip's score is the mean squared error of its windows.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.seeds import derive_seed
from asd_cli.detectors.autoencoder.network import Autoencoder, from_keras, to_keras
from asd_cli.detectors.autoencoder.options import AutoencoderOptions
from asd_cli.detectors.base import (
    ClipScores,
    DetectorState,
    FitContext,
    FloatArray,
    History,
    Scores,
    known_sections,
)
from asd_cli.detectors.training_plan import last_epoch_batches, plan_fit, store_windows
from asd_cli.features.store import FeatureStore
from asd_cli.features.windows import Indices, Windows
from asd_cli.training.batch_norm import recalibrate
from asd_cli.training.devices import resolve_device
from asd_cli.training.keras_adam import keras_adam, set_epsilon
from asd_cli.training.loop import fit
from asd_cli.training.rows import Rows

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value
    from asd_cli.training.exported_networks import Network


class _FlatWindows:
    """Gathers windows from a store as flat vectors, frame after frame."""

    def __init__(self, rows: Rows, windows: Windows) -> None:
        self._rows, self._windows = rows, windows

    def __getitem__(self, chosen: Indices) -> torch.Tensor:
        return self._rows[self._windows.rows(chosen)].flatten(1)


class _Reconstruction:
    """The model in training (`asd_cli.training.loop.Trainable`)."""

    def __init__(
        self, model: Autoencoder, batches: _FlatWindows, lr: float, precision: str = "fp32"
    ) -> None:
        self.model, self._batches = model, batches
        self._mixed = precision == "bf16"
        self.optimizer = keras_adam(model.parameters(), lr)

    def loss(self, windows: Indices) -> torch.Tensor:
        # A batch norm needs two: a window that is left alone counts twice.
        batch = self._batches[windows if len(windows) > 1 else np.repeat(windows, 2)]
        # Weights, Adam and the loss stay in single precision.
        with torch.autocast(batch.device.type, torch.bfloat16, enabled=self._mixed):
            reconstruction = self.model(batch)
        return torch.nn.functional.mse_loss(reconstruction.to(batch.dtype), batch)

    def before_step(self, step: int) -> None:
        """Make the step Keras'."""
        set_epsilon(self.optimizer, step)


def windows_shape(options: AutoencoderOptions) -> tuple[int, int]:
    """Frames and bands of a window."""
    return options.windows.n_frames, options.features.n_mels


class AutoencoderDetector:
    """Reconstruction error of an autoencoder.

    Parameters
    ----------
    options : AutoencoderOptions
        Windows, training, seed, device.
    """

    highest_score = float("inf")

    def __init__(self, options: AutoencoderOptions) -> None:
        self.options = options
        self.device = resolve_device(options.device)
        self.sections: tuple[str, ...] = ()
        self.model: Autoencoder | None = None

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Train the autoencoder on all clips of the machine; DataError when clips are too short."""
        self.sections = known_sections(train)
        generator = torch.Generator().manual_seed(derive_seed(self.options.seed, "weights"))
        n_inputs = self.options.windows.n_frames * train.data.shape[1]
        model = Autoencoder(n_inputs, generator).to(self.device)
        windows = store_windows(
            self.options.windows.n_frames, train, self.options.windows.n_hop_frames
        )
        batches = _FlatWindows(Rows(train.data, self.device), windows)
        plan = plan_fit(self.options.fit, train.clips, windows.clips, seed=self.options.seed)
        history = fit(
            _Reconstruction(model, batches, self.options.fit.lr, self.options.fit.precision),
            plan,
            checkpoint=context.checkpoint,
            events=context.events,
            task=context.task,
        )
        if self.options.fit.batch_norm == "recalibrate":
            several = (chosen for chosen in last_epoch_batches(plan) if len(chosen) > 1)
            recalibrate(model, model, (batches[chosen] for chosen in several))
        self.model = model.eval()
        return history

    def residuals(self, store: FeatureStore, index: int, hop: int) -> FloatArray:
        """Subtract a clip from what the autoencoder makes of it.

        Parameters
        ----------
        store : FeatureStore
            Clips.
        index : int
            Which.
        hop : int
            Frames between windows.

        Returns
        -------
        ndarray [shape=(n_windows, n_frames, n_mels), dtype=float32]
            Reconstruction minus input, in decibels.
        """
        if self.model is None:
            raise RuntimeError("fit the detector, or restore it, before scoring with it")
        # Clip by clip, so that a score does not depend on its neighbours.
        clip = store.select([index])
        windows = store_windows(self.options.windows.n_frames, clip, hop)
        rows = Rows(clip.data, self.device, keep=False)
        batch = _FlatWindows(rows, windows)[np.arange(len(windows))]
        with torch.inference_mode():
            missed = (self.model(batch) - batch).cpu().numpy()
        shaped: FloatArray = missed.reshape(len(windows), self.options.windows.n_frames, -1)
        return shaped

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Mean squared error, in square decibels, of windows every `score_hop_frames`.

        Clips are averaged in double precision, as the reference does.

        Raises
        ------
        DataError
            When clips are too short.
        """
        return self._score(features, self.options.windows.score_hop_frames, events)

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> ClipScores:
        """Score with the windows of training."""
        return self._score(train, self.options.windows.n_hop_frames, events).clips

    def _score(self, store: FeatureStore, hop: int, events: Events) -> Scores:
        scored, clips = [], []
        with progress(events, "score", total=len(store), unit="clips") as advance:
            for index in range(len(store)):
                missed = self.residuals(store, index, hop).astype(np.float64)
                errors = np.square(missed).mean(axis=(1, 2))
                clips.append(errors.mean())
                scored.append(errors.astype(np.float32))
                advance(1)
        return Scores(np.array(clips, np.float64), tuple(scored))

    def networks(self) -> "Sequence[Network]":
        """Give the network in the form that exporters take."""
        from asd_cli.training.exported_networks import Network

        if self.model is None:
            raise RuntimeError("fit the detector, or restore it, before exporting it")
        inputs = self.model.dense[0].in_features
        takes = f"log-mel windows, frame after frame [n, {inputs}], in dB"
        return [Network(self.model.cpu(), torch.zeros(2, inputs), takes, "what is reconstructed")]

    def residual_graph(self, clips: "ClipInputs") -> "Value":
        """Reconstruct clips by nodes of a graph.

        Returns
        -------
        Value [shape=(clips, n_windows, n_frames, n_mels), dtype=float64]
            Reconstruction minus input, in decibels.
        """
        from asd_cli.features.windows_graph import windows_graph
        from asd_cli.training.exported_networks import network_graph

        options = self.options.windows
        windows = windows_graph(
            clips, self.options.features, n_frames=options.n_frames, hop=options.score_hop_frames
        )
        (network,) = self.networks()
        flat = windows.reshape(-1, network.example.shape[1])
        missed = network_graph(clips.graph, network, flat) - flat
        shape = (clips.wave.length(0), windows.length(1), *windows_shape(self.options))
        return missed.cast(np.float64).reshape(*shape)

    def graph(self, clips: "ClipInputs") -> "Value":
        """Score clips by nodes of a graph."""
        missed = self.residual_graph(clips)
        squares = (missed * missed).reshape(0, -1)
        return squares.reduce("Mean", 1)

    def state(self) -> DetectorState:
        """Weights in Keras' layout."""
        if self.model is None:
            raise RuntimeError("fit the detector, or restore it, before saving it")
        return DetectorState(
            to_keras(self.model),
            {"sections": list(self.sections), "inputs": self.model.dense[0].in_features},
        )

    @classmethod
    def from_state(cls, state: DetectorState, options: AutoencoderOptions) -> "AutoencoderDetector":
        """Restore the weights."""
        detector = cls(options)
        detector.sections = tuple(state.facts["sections"])
        model = Autoencoder(state.facts["inputs"])
        from_keras(model, state.tensors)
        detector.model = model.to(detector.device).eval()
        return detector
