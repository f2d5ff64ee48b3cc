"""The baseline classifier's embedding of a clip, and a back end in place of its uncertainty.

A clip that no section's normal clips come near is anomalous, even where the classifier is certain
of its section.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from asd_cli.core.events import SILENT, Events
from asd_cli.detectors.base import (
    DetectorState,
    FitContext,
    FloatArray,
    History,
)
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector
from asd_cli.detectors.mobilenetv2.options import MobileNetV2EmbeddingOptions
from asd_cli.features.store import FeatureStore

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value
    from asd_cli.training.exported_networks import Network


class MobileNetV2EmbeddingDetector(EmbeddingDetector[MobileNetV2EmbeddingOptions]):
    """Mean over windows of the 1280 values before the classifier's last layer.

    Parameters
    ----------
    options : MobileNetV2EmbeddingOptions
        Of the classifier and the back end.
    """

    def __init__(self, options: MobileNetV2EmbeddingOptions) -> None:
        super().__init__(options)
        self._classifier = MobileNetV2Detector(options)

    def learn(self, train: FeatureStore, context: FitContext) -> History:
        """Train the classifier of sections unless one is given."""
        base = context.bases.get("mobilenetv2")
        if isinstance(base, MobileNetV2Detector):
            self._classifier = base
            return []
        return self._classifier.fit(train, context)

    def embed(
        self, features: FeatureStore, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Embed windows as far apart as in training; DataError when clips are too short."""
        return self._classifier.embed(features, self.options.windows.n_hop_frames, events, task)

    def networks(self) -> "Sequence[Network]":
        """Give the network in the form that exporters take."""
        return self._classifier.networks()

    def embedding_graph(self, clips: "ClipInputs") -> "Value":
        """Embed clips by nodes of a graph."""
        hop = self.options.windows.n_hop_frames
        return self._classifier.window_embeddings(clips, hop).reduce("Mean", 1)

    def network_state(self) -> DetectorState:
        """Give the classifier."""
        return self._classifier.state()

    def restore_network(self, state: DetectorState) -> None:
        """Restore the classifier."""
        self._classifier = MobileNetV2Detector.from_state(state, self.options)
