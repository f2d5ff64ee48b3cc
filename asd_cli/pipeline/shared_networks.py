"""What a detector builds on: models of other detectors, and a network that all machines share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from asd_cli.artifacts.manifest import TrainingRecord, library_versions
from asd_cli.artifacts.model_file import ModelFacts
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.events import Events
from asd_cli.core.files import write_text
from asd_cli.detectors.base import Detector, DetectorState, FitContext
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.plans import create_detector, options_to_plain
from asd_cli.execution.markers import Markers
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.identity import decisive_settings, for_scoring, model_identity
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import WEIGHTS, Model
from asd_cli.pipeline.options import detector_options
from asd_cli.pipeline.request import RunRequest
from asd_cli.reporting.history import history_csv, plot_history
from asd_cli.training.checkpoint import Checkpoint
from asd_cli.training.devices import deterministic_kernels

_NETWORK = "network"


@contextmanager
def claimed_network(layout: Layout, request: RunRequest) -> Iterator[None]:
    """Let one of several ranks train the network; the others wait and find it."""
    if not request.in_units:
        yield
        return
    with Markers(layout.model_directory).claimed(f".{_NETWORK}", wait=True):
        yield


def train_network(
    layout: Layout,
    stores: Mapping[str, FeatureStore],
    *,
    request: RunRequest,
    events: Events,
) -> None:
    """Train the network that all machines share, unless an up-to-date one is there.

    Parameters
    ----------
    layout : Layout
        Of a detector with a shared network.
    stores : mapping of str to FeatureStore
        Training clips of every machine.
    request : RunRequest
        Device; whether to begin from scratch.
    events : Events
        Told of progress.
    """
    identity = _network_identity(layout, stores)
    checkpoint = Checkpoint(layout.network_checkpoint, identity)
    if request.force:
        checkpoint.discard()
    elif _known_network(layout, identity):
        return
    first, *rest = sorted(stores)
    options = detector_options(layout.settings, features=layout.features(), device=request.device)
    with deterministic_kernels(None) as threads:
        detector = _embedding(create_detector(layout.plan, options))
        history = detector.learn(
            stores[first],
            FitContext(
                checkpoint=checkpoint,
                events=events,
                task="train one network for all machines",
                others={name: stores[name] for name in rest},
            ),
        )
        state = detector.network_state()
    training = TrainingRecord(
        detector=layout.plan.name,
        seed=options.seed,
        threads=threads,
        settings=decisive_settings(layout.settings, layout.features()),
        features=options.features.fingerprint,
        data=identity["data"],
        versions=library_versions(torch=True),
    )
    facts = ModelFacts(
        machine=_NETWORK,
        mode=layout.mode.value,
        edition=layout.edition.name,
        training=training,
        options={**options_to_plain(options), "device": "auto"},
        state=dict(state.facts),
        identity=identity,
    )
    write_text(layout.history(_NETWORK, ".csv"), history_csv(history))
    plot_history(history, layout.history(_NETWORK, ".png"), title="all machines")
    tensors = {f"{WEIGHTS}{name}": np.asarray(array) for name, array in state.tensors.items()}
    Model(tensors, facts).save(layout.network)
    checkpoint.discard()


def _known_network(layout: Layout, identity: Mapping[str, Any]) -> bool:
    try:
        return Model.load(layout.network).facts.identity == dict(identity)
    except (DataError, IntegrityError):
        return False


def fitted_bases(layout: Layout, machine: str, device: str) -> dict[str, Detector]:
    """Load the fitted detectors that a machine's detector builds on, by name."""
    bases: dict[str, Detector] = {}
    for name in layout.plan.bases:
        member = layout.member(name)
        model = Model.load(member.model(machine), device=device)
        bases[name] = model.restore(for_scoring(model.options, member.settings, device))
    if layout.plan.trains_shared_network:
        bases[layout.plan.name] = _load_network(layout, device)
    return bases


def _load_network(layout: Layout, device: str) -> Detector:
    network = Model.load(layout.network, device=device)
    options = detector_options(layout.settings, features=layout.features(), device=device)
    detector = _embedding(create_detector(layout.plan, options))
    weights = DetectorState(network.tensors, {}).part(WEIGHTS)
    detector.restore_network(DetectorState(weights, network.facts.state))
    return detector


def _embedding(detector: Detector) -> EmbeddingDetector[Any]:
    if not isinstance(detector, EmbeddingDetector):
        raise TypeError("a detector with a shared network must be an EmbeddingDetector")
    return detector


def _network_identity(layout: Layout, stores: Mapping[str, FeatureStore]) -> dict[str, Any]:
    """Everything that decides the network; how embeddings are compared does not."""
    identity = model_identity(layout, _NETWORK, [stores[name] for name in sorted(stores)])
    settings = identity["settings"]
    kept = {key: value for key, value in settings.items() if not key.startswith("backend.")}
    return {**identity, "settings": kept}
