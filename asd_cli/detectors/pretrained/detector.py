"""Embeddings of a pretrained encoder, and a back end: nothing is trained."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from asd_cli.core.errors import IntegrityError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.detectors.base import DetectorState, FitContext, FloatArray, History
from asd_cli.detectors.discriminative.segments import Recordings
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.pretrained.encoders import Encoder, encoder_fingerprint, open_encoder
from asd_cli.detectors.pretrained.options import PretrainedOptions
from asd_cli.features.store import FeatureStore
from asd_cli.training.devices import resolve_device

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value


class PretrainedDetector(EmbeddingDetector[PretrainedOptions]):
    """Distance of a clip's embedding from those of normal clips.

    Parameters
    ----------
    options : PretrainedOptions
        The encoder's file, device, back end.

    Raises
    ------
    DataError
        When there is no such file, or it holds no encoder.
    """

    def __init__(self, options: PretrainedOptions) -> None:
        super().__init__(options)
        self._path = Path(options.encoder.checkpoint)
        self._encoder: Encoder = open_encoder(self._path, resolve_device(options.device))

    def learn(self, train: FeatureStore, context: FitContext) -> History:
        """Nothing: somebody else has."""
        return []

    def embed(
        self, features: FeatureStore, events: Events = SILENT, task: str = "score"
    ) -> FloatArray:
        """Embed recordings one by one; DataError when one cannot be read or embedded."""
        recordings = Recordings([features], self.options.features)
        rows = []
        with progress(events, task, total=len(features), unit="clips") as advance:
            for index in range(len(features)):
                rows.append(self._encoder.embed(recordings[index]))
                advance(1)
        return np.stack(rows)

    def embedding_graph(self, clips: "ClipInputs") -> "Value":
        """Embed clips by the nodes of the encoder, one clip at a time."""
        from asd_cli.detectors.pretrained.graph import encoder_graph

        return encoder_graph(clips, self._path)

    def network_state(self) -> DetectorState:
        """Give the fingerprint of the encoder, which stays in its own file."""
        return DetectorState({}, {"encoder": encoder_fingerprint(self._path)})

    def restore_network(self, state: DetectorState) -> None:
        """Make sure that the encoder is that of the references.

        Raises
        ------
        IntegrityError
            When it is another one.
        """
        if encoder_fingerprint(self._path) != state.facts["encoder"]:
            raise IntegrityError(
                f"the model was made with another encoder than {self._path}",
                hint="give that one with --set encoder.checkpoint=FILE, or asd train again",
            )
