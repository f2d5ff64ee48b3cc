"""What a detector builds on: models of other detectors, and a network that all machines share."""

from collections.abc import Mapping
from typing import Any

from asd_cli.artifacts.bundle import read_bundle, write_bundle
from asd_cli.core.events import Events
from asd_cli.core.files import write_text
from asd_cli.detectors.base import Detector, DetectorState, FitContext
from asd_cli.detectors.embedding import EmbeddingDetector
from asd_cli.detectors.registry import create_detector
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.bundles import (
    WEIGHTS,
    detector_of,
    known_bundle,
    model_identity,
    new_bundle,
)
from asd_cli.pipeline.layout import RunRequest, Workspace
from asd_cli.reporting.history import history_csv, plot_history
from asd_cli.training.checkpoint import Checkpoint
from asd_cli.training.devices import deterministic_kernels

_NETWORK = "network"


def learn_network(
    workspace: Workspace,
    stores: Mapping[str, FeatureStore],
    *,
    request: RunRequest,
    events: Events,
) -> None:
    """Train the network that all machines share, unless a fresh one is there.

    Parameters
    ----------
    workspace : Workspace
        Of a detector that learns jointly.
    stores : mapping of str to FeatureStore
        Training clips of every machine.
    request : RunRequest
        Device; whether to begin anew.
    events : Events
        Told of progress.
    """
    identity = _network_identity(workspace, stores)
    checkpoint = Checkpoint(workspace.network_checkpoint, identity)
    if request.force:
        checkpoint.discard()
    elif known_bundle(workspace.network, identity) is not None:
        return
    first, *rest = sorted(stores)
    options = workspace.detector_options(request.device)
    with deterministic_kernels(None):
        detector = _joint(create_detector(workspace.detector.name, options))
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
        bundle = new_bundle(identity, workspace.detector.name, options, state, {})
    write_text(workspace.history(_NETWORK, ".csv"), history_csv(history))
    plot_history(history, workspace.history(_NETWORK, ".png"), title="all machines")
    write_bundle(workspace.network, bundle)
    checkpoint.discard()


def fitted_bases(workspace: Workspace, machine: str, device: str) -> dict[str, Detector]:
    """Load the fitted detectors that a machine's detector builds on, by name."""
    bases = {}
    for name in workspace.detector.bases:
        member = workspace.member(name)
        bases[name] = detector_of(read_bundle(member.model(machine)), member, device)
    if workspace.detector.learns_jointly:
        bases[workspace.detector.name] = _load_network(workspace, device)
    return bases


def _load_network(workspace: Workspace, device: str) -> Detector:
    bundle = read_bundle(workspace.network)
    name = workspace.detector.name
    detector = _joint(create_detector(name, workspace.detector_options(device)))
    weights = DetectorState(bundle.tensors, {}).part(WEIGHTS)
    detector.restore_network(DetectorState(weights, bundle.facts["detector_facts"]))
    return detector


def _joint(detector: Detector) -> EmbeddingDetector:
    if not isinstance(detector, EmbeddingDetector):
        raise TypeError("a detector that learns jointly must be an EmbeddingDetector")
    return detector


def _network_identity(workspace: Workspace, stores: Mapping[str, FeatureStore]) -> dict[str, Any]:
    """Everything that decides the network; how embeddings are compared does not."""
    identity = model_identity(workspace, _NETWORK, [stores[name] for name in sorted(stores)])
    return {key: value for key, value in identity.items() if not key.startswith("backend.")}
