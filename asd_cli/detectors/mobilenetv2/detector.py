"""The DCASE 2021 Task 2 baseline: a section classifier whose uncertainty is the anomaly score.

Kawaguchi et al. 2021 (arXiv:2106.04492). A MobileNetV2 learns which section a window of log-mel
frames is from; a clip whose section it does not recognise is anomalous.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from asd_cli.core.errors import ConfigError, DataError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Clip
from asd_cli.detectors.base import (
    ClipScores,
    DetectorState,
    FitContext,
    FloatArray,
    History,
    Scores,
    known_sections,
    require_known_sections,
)
from asd_cli.detectors.mobilenetv2.network import (
    EMBEDDING_SIZE,
    FOLD,
    MIN_INPUT,
    Embedder,
    MobileNetV2,
    from_keras,
    prepare_for_scoring,
    to_keras,
)
from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
from asd_cli.detectors.mobilenetv2.shared_scoring import SharedClip
from asd_cli.detectors.training_plan import last_epoch_batches, plan_fit, store_windows
from asd_cli.features.recipe import LOG_FLOOR
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

# As many windows as keep the widest layer in the cache; 256 take three times as long.
_SCORING_BATCH = 32


def window_scores(probabilities: FloatArray, kind: str) -> FloatArray:
    """Turn the probability of the clip's own section into an anomaly score.

    ``log_odds`` is the paper's ``log((1 - p) / p)``. ``reference`` is what the published code
    computes, ``log(max(1 - p, eps) - log(max(p, eps)))``: one bracket is closed too late.

    Parameters
    ----------
    probabilities : ndarray [shape=(...,), dtype=float32]
        In [0, 1].
    kind : str
        ``reference``, or ``log_odds`` or ``paper``, which are the same.

    Returns
    -------
    ndarray [shape=(...,), dtype=float32]
        Higher is more anomalous.
    """
    floor = np.float32(LOG_FLOOR)
    uncertainty = np.maximum(np.float32(1.0) - probabilities, floor)
    log_p = np.log(np.maximum(probabilities, floor))
    scores: FloatArray
    scores = np.log(uncertainty - log_p) if kind == "reference" else np.log(uncertainty) - log_p
    return scores


class _WindowBatches:
    """Gathers windows from a store, turned round as the network wants them."""

    def __init__(self, store: FeatureStore, windows: Windows, device: torch.device) -> None:
        self._rows, self._windows = Rows(store.data[:, ::-1], device), windows

    def __getitem__(self, chosen: Indices) -> torch.Tensor:
        return self._rows[self._windows.rows(chosen, reverse=True)][:, None]


class _SectionClassifier:
    """The model in training (`asd_cli.training.loop.Trainable`)."""

    def __init__(
        self,
        model: MobileNetV2,
        batches: _WindowBatches,
        labels: torch.Tensor,
        lr: float,
        precision: str = "fp32",
    ) -> None:
        self.model, self._batches, self._labels = model, batches, labels
        self._mixed = precision == "bf16"
        stem = model.layers["Conv1"].weight
        others = [weight for weight in model.parameters() if weight is not stem]
        self.optimizer = keras_adam([{"params": others}, {"params": [stem], "lr": lr * FOLD}], lr)

    def loss(self, windows: Indices) -> torch.Tensor:
        labels = self._labels[torch.from_numpy(windows)].to(self._device)
        inputs = self._batches[windows]
        # Weights, Adam and the loss stay in single precision; on a CPU the network keeps some
        # layers there too. On a graphics processor this was written and not yet measured.
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=self._mixed):
            logits = self.model(inputs)
        return torch.nn.functional.cross_entropy(logits.float() if self._mixed else logits, labels)

    @property
    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    def before_step(self, step: int) -> None:
        """Make the step Keras'."""
        set_epsilon(self.optimizer, step)


class MobileNetV2Detector:
    """Section classifier of the baseline.

    Parameters
    ----------
    options : MobileNetV2Options
        Windows, training, score formula, seed, device.

    Raises
    ------
    ConfigError
        When the windows are too small for the network.
    """

    def __init__(self, options: MobileNetV2Options) -> None:
        sizes = {"n_frames": options.windows.n_frames, "n_mels": options.features.n_mels}
        for key, size in sizes.items():
            if size < MIN_INPUT:
                raise ConfigError(
                    f"feature.{key} is {size}, and mobilenetv2 needs {MIN_INPUT} or more",
                    hint=f"raise it: --set feature.{key}=64; or, where these are the settings of "
                    "the autoencoder baseline, choose that: --detector autoencoder",
                )
        if max(sizes.values()) == MIN_INPUT:
            raise ConfigError(
                f"windows of {MIN_INPUT} frames and {MIN_INPUT} bands leave a single "
                "value of each channel, which a batch norm cannot scale",
                hint="raise one of them: --set feature.n_mels=64",
            )
        self.options = options
        self.device = resolve_device(options.device)
        self.sections: tuple[str, ...] = ()
        self.model: MobileNetV2 | None = None

    @property
    def highest_score(self) -> float:
        """Score of a clip whose section has probability 0 in every window."""
        return float(window_scores(np.zeros(1, np.float32), self.options.score)[0])

    def fit(self, train: FeatureStore, context: FitContext) -> History:
        """Train the classifier.

        Raises
        ------
        DataError
            When the machine has a single section, or clips are too short.
        """
        self.sections = known_sections(train)
        if len(self.sections) < 2:
            raise DataError(
                f"{train.clips[0].machine} has the single section {self.sections[0]}, and a "
                "classifier of sections needs two or more",
                hint="use a detector that does not: --detector pooled-knn",
            )
        generator = torch.Generator().manual_seed(derive_seed(self.options.seed, "weights"))
        model = MobileNetV2(len(self.sections), generator).to(self.device)
        windows = store_windows(
            self.options.windows.n_frames, train, self.options.windows.n_hop_frames
        )
        batches = _WindowBatches(train, windows, self.device)
        labels = np.array([self.sections.index(clip.section or "") for clip in train.clips])
        trainable = _SectionClassifier(
            model,
            batches,
            torch.from_numpy(labels[windows.clips]),
            self.options.fit.lr,
            self.options.fit.precision,
        )
        plan = plan_fit(self.options.fit, train.clips, windows.clips, seed=self.options.seed)
        history = fit(
            trainable,
            plan,
            checkpoint=context.checkpoint,
            events=context.events,
            task=context.task,
        )
        if self.options.fit.batch_norm == "recalibrate":
            recalibrate(model, model, (batches[chosen] for chosen in last_epoch_batches(plan)))
        self.model = model.eval()
        return history

    def score(self, features: FeatureStore, events: Events = SILENT) -> Scores:
        """Mean over windows at `score_hop_frames` of `window_scores`.

        Raises
        ------
        UsageError
            When a clip's section was not trained.
        DataError
            When clips are too short.
        """
        return self._score(features, self.options.windows.score_hop_frames, events)

    def score_training_clips(self, train: FeatureStore, events: Events = SILENT) -> ClipScores:
        """Score with the windows of training, as the baseline does for its threshold."""
        return self._score(train, self.options.windows.n_hop_frames, events).clips

    def _score(self, store: FeatureStore, hop: int, events: Events) -> Scores:
        require_known_sections(store, self.sections)
        network = prepare_for_scoring(self._fitted())
        scored = []
        with progress(events, "score", total=len(store), unit="clips") as advance:
            for clip, embeddings in self._embed_windows(network, store, hop):
                own = self.sections.index(clip.section or "")
                with torch.inference_mode():
                    logits = network.layers["predictions"](embeddings)
                    probabilities = logits.softmax(dim=1)[:, own].cpu().numpy()
                scored.append(window_scores(probabilities, self.options.score))
                advance(1)
        clips = np.array([scores.mean(dtype=np.float32) for scores in scored], np.float32)
        return Scores(clips, tuple(scored))

    def embed(
        self, store: FeatureStore, hop: int, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Mean of the embeddings of a clip's windows, every `hop` frames.

        Returns
        -------
        ndarray [shape=(n_clips, 1280), dtype=float32]

        Raises
        ------
        DataError
            When clips are too short.
        """
        network = prepare_for_scoring(self._fitted())
        rows = []
        with progress(events, task, total=len(store), unit="clips") as advance:
            for _, embeddings in self._embed_windows(network, store, hop):
                rows.append(embeddings.cpu().numpy().mean(axis=0))
                advance(1)
        return np.stack(rows)

    def _embed_windows(
        self, network: MobileNetV2, store: FeatureStore, hop: int
    ) -> Iterator[tuple[Clip, torch.Tensor]]:
        """Embeddings of each clip's windows [shape=(n_windows, 1280)], by a network for scoring.

        A clip is computed by itself, so that its score does not depend on its neighbours.
        """
        windows = store_windows(self.options.windows.n_frames, store, hop)
        first = np.searchsorted(windows.clips, np.arange(len(store) + 1))
        for index, clip in enumerate(store.clips):
            begins = windows.starts[first[index] : first[index + 1]] - store.offsets[index]
            turned = torch.from_numpy(np.ascontiguousarray(store[index][::-1, ::-1]))
            # Turned round, a window begins where it ended.
            starts = torch.from_numpy(len(turned) - windows.n_frames - begins)
            with torch.inference_mode():
                shared = SharedClip(network, turned.to(self.device), starts, windows.n_frames)
                embeddings = torch.cat(list(shared.embed(_SCORING_BATCH)))
            yield clip, embeddings

    def networks(self) -> "Sequence[Network]":
        """Give the network in the form that exporters take: windows to embeddings."""
        from asd_cli.training.exported_networks import Network

        frames, bands = self.options.windows.n_frames, self.options.features.n_mels
        return [
            Network(
                Embedder(prepare_for_scoring(self._fitted()).cpu()),
                torch.zeros(2, 1, frames, bands),
                f"log-mel windows [n, 1, {frames}, {bands}] in dB, turned round in both axes",
                "embeddings [n, 1280]",
            )
        ]

    def window_embeddings(self, clips: "ClipInputs", hop: int) -> "Value":
        """Embed windows by nodes of a graph [shape=(clips, n_windows, 1280)]."""
        from asd_cli.features.windows_graph import windows_graph
        from asd_cli.training.exported_networks import network_graph

        windows = windows_graph(
            clips, self.options.features, n_frames=self.options.windows.n_frames, hop=hop,
            turned=True,
        )  # fmt: skip
        (network,) = self.networks()
        flat = windows.reshape(-1, 1, *network.example.shape[2:])
        embeddings = network_graph(clips.graph, network, flat)
        # As many windows as there were: one clip's length does not follow from another's.
        return embeddings.reshape(clips.wave.length(0), windows.length(1), EMBEDDING_SIZE)

    def graph(self, clips: "ClipInputs") -> "Value":
        """Score clips by nodes of a graph."""
        last = self._fitted().layers["predictions"]
        embeddings = self.window_embeddings(clips, self.options.windows.score_hop_frames)
        weights, bias = (p.detach().cpu().numpy() for p in (last.weight, last.bias))
        probabilities = (embeddings @ weights.T + bias).softmax(-1)

        def own(section: str | None, _: str | None) -> list[float]:
            return [float(section == known) for known in self.sections]

        chosen = clips.choose(own).cast(np.float32).unsqueeze(1)
        found = (probabilities * chosen).reduce("Sum", 2)
        floor = np.float32(LOG_FLOOR)
        uncertainty = (np.float32(1.0) - found).maximum(floor)
        log_p = found.maximum(floor).apply("Log")
        if self.options.score == "reference":
            scores = (uncertainty - log_p).apply("Log")
        else:
            scores = uncertainty.apply("Log") - log_p
        return scores.cast(np.float64).reduce("Mean", 1)

    def _fitted(self) -> MobileNetV2:
        if self.model is None:
            raise RuntimeError("fit the detector, or restore it, before scoring with it")
        return self.model

    def state(self) -> DetectorState:
        """Weights in Keras' layout, and the section of each output."""
        tensors: dict[str, npt.NDArray[np.float32]] = to_keras(self._fitted())
        return DetectorState(tensors, {"sections": list(self.sections)})

    @classmethod
    def from_state(cls, state: DetectorState, options: MobileNetV2Options) -> "MobileNetV2Detector":
        """Restore the weights."""
        detector = cls(options)
        detector.sections = tuple(state.facts["sections"])
        model = MobileNetV2(len(detector.sections))
        from_keras(model, state.tensors)
        detector.model = model.to(detector.device).eval()
        return detector
