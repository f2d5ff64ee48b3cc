"""The discriminative detector: an embedding that separates classes separates faults as well.

Wilkinghoff 2023 and 2024 in the setting of Fujimura et al. 2025 (arXiv:2507.10264): one dual-branch
network for all machines is trained to classify machines, sections, domains and attributes on raw
audio; a clip far from all normal clips of its section is anomalous.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from asd_cli.core.errors import DataError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.seeds import derive_seed
from asd_cli.detectors.base import (
    DetectorState,
    FitContext,
    FloatArray,
    History,
)
from asd_cli.detectors.discriminative.dual_branch import DualBranch
from asd_cli.detectors.discriminative.heads import Heads
from asd_cli.detectors.discriminative.learning import ClassLearning
from asd_cli.detectors.discriminative.options import DiscriminativeOptions
from asd_cli.detectors.discriminative.segments import Recordings, class_names, usual_frames
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.training_plan import plan_fit
from asd_cli.features.store import FeatureStore
from asd_cli.training.devices import resolve_device
from asd_cli.training.loop import FitPlan, fit

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value
    from asd_cli.training.exported_networks import Network

# Of `torch.nn.functional.normalize`.
_MIN_LENGTH = 1e-12


class DiscriminativeDetector(EmbeddingDetector[DiscriminativeOptions]):
    """Embeddings of one network for all machines, or of several with seeds of their own.

    Parameters
    ----------
    options : DiscriminativeOptions
        Network, training, back end, seed, device.
    """

    def __init__(self, options: DiscriminativeOptions) -> None:
        super().__init__(options)
        self.device = resolve_device(options.device)
        self._networks: list[DualBranch] = []
        self._n_samples = 0

    def learn(self, train: FeatureStore, context: FitContext) -> History:
        """Train on this machine and all others, unless that was done.

        Raises
        ------
        DataError
            When all clips are of one class.
        """
        base = context.bases.get("discriminative")
        if isinstance(base, DiscriminativeDetector):
            self._networks, self._n_samples = base._networks, base._n_samples
            return []
        machines = {train.clips[0].machine: train, **context.others}
        stores = [store for _, store in sorted(machines.items())]
        clips = [clip for store in stores for clip in store.clips]
        classes = sorted(set(class_names(clips)))
        if len(classes) < 2:
            raise DataError(
                f"all {len(clips)} training clips are of one class, {classes[0]}: there is nothing "
                "to classify",
                hint="use a detector that does not learn classes: --detector pooled-knn",
            )
        frames = np.concatenate([store.frames for store in stores])
        self._n_samples = (usual_frames(frames.tolist()) - 1) * self.options.features.hop_length
        histories = [
            self._train_member(number, stores, classes, context)
            for number in range(self.options.network.members)
        ]
        return [row for history in histories for row in history]

    def _train_member(
        self,
        number: int,
        stores: Sequence[FeatureStore],
        classes: Sequence[str],
        context: FitContext,
    ) -> History:
        options = self.options
        seed = derive_seed(options.seed, "member", number)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = Heads(
                self._network(),
                len(classes),
                sub_clusters=options.network.sub_clusters,
                exchanges=options.network.feature_exchange,
            ).to(self.device)
        clips = [clip for store in stores for clip in store.clips]
        labels = [classes.index(name) for name in class_names(clips)]
        learning = ClassLearning(
            model,
            Recordings(stores, options.features),
            labels,
            n_samples=self._n_samples,
            options=options.network,
            lr=options.fit.lr,
            precision=options.fit.precision,
            seed=seed,
            device=self.device,
        )
        several = options.network.members > 1
        history = fit(
            learning,
            _repeated(
                plan_fit(options.fit, clips, np.arange(len(clips)), seed=seed),
                options.network.min_batches,
            ),
            checkpoint=context.checkpoint and context.checkpoint.part(f"member{number}"),
            events=context.events,
            task=f"{context.task}, network {number + 1}" if several else context.task,
        )
        self._networks.append(model.network.eval())
        return [{**row, "network": number + 1} for row in history] if several else history

    def _network(self) -> DualBranch:
        return DualBranch(
            self._n_samples,
            self.options.features.sample_rate,
            self.options.network.resolutions,
        )

    def embed(
        self, features: FeatureStore, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Join the networks' embeddings of length 1, each the mean over a clip's segments.

        Raises
        ------
        DataError
            When a recording cannot be read any more.
        """
        recordings = Recordings([features], self.options.features)
        rows = []
        with (
            progress(events, task, total=len(features), unit="clips") as advance,
            torch.inference_mode(),
        ):
            for index in range(len(features)):
                # Clip by clip, so that a score does not depend on its neighbours.
                segments = torch.from_numpy(recordings.segments(index, self._n_samples))
                batch = segments.to(self.device)
                means = [network(batch).mean(dim=0) for network in self._networks]
                parts = [torch.nn.functional.normalize(mean, dim=0).cpu() for mean in means]
                rows.append(torch.cat(parts).numpy())
                advance(1)
        return np.stack(rows)

    def networks(self) -> "Sequence[Network]":
        """Give the networks in the form that exporters take."""
        from asd_cli.training.exported_networks import Network

        takes = f"waveforms [n, {self._n_samples}] of full scale 1"
        example = torch.zeros(2, self._n_samples)
        return [
            Network(network.cpu(), example, takes, f"embeddings [n, {network.embedding_size}]")
            for network in self._networks
        ]

    def embedding_graph(self, clips: "ClipInputs") -> "Value":
        """Embed clips by nodes of a graph."""
        from asd_cli.detectors.discriminative.segments_graph import segments_graph
        from asd_cli.training.exported_networks import network_graph

        segments = segments_graph(clips.wave, self._n_samples)
        flat = segments.reshape(-1, self._n_samples)
        parts = []
        for network, own in zip(self._networks, self.networks(), strict=True):
            found = network_graph(clips.graph, own, flat)
            shape = (clips.wave.length(0), segments.length(1), network.embedding_size)
            mean = found.reshape(*shape).reduce("Mean", 1)
            lengths = mean.reduce("SumSquare", 1, keep=True).apply("Sqrt")
            parts.append(mean / lengths.maximum(np.float32(_MIN_LENGTH)))
        return clips.graph.concatenate(parts, axis=1)

    def network_state(self) -> DetectorState:
        """Give the weights of all networks."""
        tensors: dict[str, npt.NDArray[Any]] = {
            f"{number}.{name}": tensor.detach().cpu().numpy()
            for number, network in enumerate(self._networks)
            for name, tensor in network.state_dict().items()
        }
        return DetectorState(
            tensors, {"networks": len(self._networks), "n_samples": self._n_samples}
        )

    def restore_network(self, state: DetectorState) -> None:
        """Restore the weights."""
        self._n_samples = state.facts["n_samples"]
        self._networks = []
        for number in range(state.facts["networks"]):
            network = self._network()
            weights = state.part(f"{number}.").items()
            network.load_state_dict({name: torch.from_numpy(np.array(w)) for name, w in weights})
            self._networks.append(network.to(self.device).eval())


def _repeated(plan: FitPlan, min_batches: int) -> FitPlan:
    """Repeat the clips of a small set, so that an epoch has enough steps to learn from."""
    times = -(-min_batches * plan.batch_size // len(plan.train))
    return replace(plan, train=np.tile(plan.train, max(times, 1)))
