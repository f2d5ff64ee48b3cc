"""Model bundles as services make and read them: what decides a model, and what it holds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asd_cli.artifacts.bundle import ModelBundle, read_bundle
from asd_cli.artifacts.manifest import library_versions
from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.core.hashing import combine
from asd_cli.detectors.base import Detector, DetectorOptions, DetectorState
from asd_cli.detectors.registry import restore_detector
from asd_cli.detectors.thresholds import Threshold, fit_threshold, threshold_groups
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.layout import Workspace

TRAINING_SCORES = "training_scores"
TRAINING_CLIPS = "training_clips"
WEIGHTS = "detector."


def model_identity(
    workspace: Workspace, machine: str, stores: Sequence[FeatureStore]
) -> dict[str, Any]:
    """Everything that decides a model: settings, versions and the clips that are learnt from."""
    versions = library_versions()
    alone = stores[0].fingerprint
    return {
        "detector": workspace.detector.name,
        "edition": workspace.edition.name,
        "machine": machine,
        "mode": workspace.mode.value,
        "data": alone
        if len(stores) == 1
        else combine((str(number), store.fingerprint) for number, store in enumerate(stores)),
        "asd-cli": versions["asd-cli"],
        "torch": versions["torch"],
        **workspace.training_settings(),
    }


def new_bundle(
    identity: Mapping[str, Any],
    detector: str,
    options: DetectorOptions,
    state: DetectorState,
    facts: Mapping[str, Any],
) -> ModelBundle:
    """Put a fitted detector into a bundle; its threshold is still to be found.

    Parameters
    ----------
    identity : mapping
        From `model_identity`.
    detector : str
        Name of the detector that was fitted.
    options : DetectorOptions
        What it was made with.
    state : DetectorState
        What it has learnt.
    facts : mapping
        What else is to be remembered.
    """
    import torch

    return ModelBundle(
        {f"{WEIGHTS}{name}": array for name, array in state.tensors.items()},
        {
            "detector": detector,
            "detector_facts": dict(state.facts),
            "options": options.as_dict(),
            "machine": identity["machine"],
            "mode": identity["mode"],
            "identity": dict(identity),
            "recipe": options.recipe.fingerprint,
            "threads": torch.get_num_threads(),
            "versions": library_versions(),
            "calibration": None,
            "threshold": None,
            **facts,
        },
    )


def require_same_edition(bundle: ModelBundle, path: Path, workspace: Workspace) -> None:
    """Refuse a model that was trained for another edition.

    Raises
    ------
    UsageError
        Names both editions.
    """
    made_for, wanted = bundle.facts["identity"].get("edition"), workspace.edition.name
    if made_for != wanted:
        raise UsageError(
            f"{path} is a model of {made_for}, and the edition is {wanted}",
            hint=f"choose that edition: --edition {made_for}; or another folder for models of "
            f"this one: --set model_directory=model_{wanted}",
        )


def require_no_other_edition(workspace: Workspace, machine: str) -> None:
    """Refuse to train over a model of another edition; a damaged one may be trained over.

    Raises
    ------
    UsageError
        As `require_same_edition`.
    """
    path = workspace.model(machine)
    try:
        bundle = read_bundle(path)
    except (DataError, IntegrityError):
        return
    require_same_edition(bundle, path, workspace)


def known_bundle(path: Path, identity: Mapping[str, Any]) -> ModelBundle | None:
    """Read the model that is there if it is the one wanted; a damaged one is made anew."""
    try:
        bundle = read_bundle(path)
    except (DataError, IntegrityError):
        return None
    return bundle if bundle.facts.get("identity") == dict(identity) else None


def detector_of(bundle: ModelBundle, workspace: Workspace, device: str) -> Detector:
    """Make the fitted detector that a bundle holds.

    It is told what it was made with, and of the settings of now what matters to scoring alone.
    """
    weights = DetectorState(bundle.tensors, {}).part(WEIGHTS)
    state = DetectorState(weights, bundle.facts["detector_facts"])
    options = _for_scoring(
        DetectorOptions.from_dict(bundle.facts["options"]), workspace.detector_options(device)
    )
    return restore_detector(bundle.facts["detector"], state, options)


def calibrate(bundle: ModelBundle, workspace: Workspace, *, highest_score: float) -> Threshold:
    """Choose a threshold from the training scores that a bundle holds.

    Parameters
    ----------
    bundle : ModelBundle
        With the scores of the training clips, and their sections and domains.
    workspace : Workspace
        Its settings say how.
    highest_score : float
        Of the detector.
    """
    settings = workspace.settings
    clips = bundle.facts[TRAINING_CLIPS]
    grouped = settings.threshold_groups != "machine"
    return fit_threshold(
        bundle.tensors[TRAINING_SCORES],
        kind=settings.threshold,
        quantile=settings.decision_threshold,
        highest_score=highest_score,
        groups=[
            threshold_groups(section, domain, settings.threshold_groups)
            for section, domain in clips
        ]
        if grouped
        else (),
    )


def decision_threshold(
    bundle: ModelBundle, workspace: Workspace, *, highest_score: float
) -> Threshold:
    """Give the threshold that a bundle holds, or another where the settings have changed since.

    Raises
    ------
    UsageError
        When the scores are of another kind now, so that nothing is known of normal ones.
    """
    calibration, now = bundle.facts["calibration"], workspace.calibration_settings()
    if calibration == now:
        return Threshold(**bundle.facts["threshold"])
    if calibration["score"] != now["score"]:
        machine = bundle.facts["machine"]
        raise UsageError(
            f"the threshold of {machine} is for score = {calibration['score']}, and it is "
            f"{now['score']} now",
            hint=f"calibrate it; nothing is trained anew: {workspace.command('train', machine)}",
        )
    return calibrate(bundle, workspace, highest_score=highest_score)


def _for_scoring(made_with: DetectorOptions, now: DetectorOptions) -> DetectorOptions:
    members = tuple((name, _for_scoring(own, now)) for name, own in made_with.members)
    return replace(
        made_with,
        score_hop_frames=now.score_hop_frames,
        score=now.score,
        device=now.device,
        encoder=now.encoder,
        members=members,
    )
