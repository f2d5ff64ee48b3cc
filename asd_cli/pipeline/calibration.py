"""The threshold of a model, from the scores of its training clips."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from asd_cli.artifacts.model_file import Calibration, ModelFacts
from asd_cli.artifacts.threshold import INTERVAL, Threshold, threshold_groups
from asd_cli.artifacts.value_files import join_names
from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events, LabelledEvents
from asd_cli.core.grouping import independent_units
from asd_cli.detectors.base import Detector
from asd_cli.detectors.normal_scores import BLOCKS
from asd_cli.detectors.thresholds import fit_threshold, too_few
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.identity import calibration_settings
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import TRAINING_SCORES, FloatArray, Model
from asd_cli.settings.model import Settings


def calibrate(
    model: Model, settings: Settings, detector: Detector, store: FeatureStore, events: Events
) -> Model:
    """Score the training clips and find the threshold of a model.

    Parameters
    ----------
    model : Model
        Fitted; its threshold is replaced.
    settings : Settings
        Say how.
    detector : Detector
        The model's.
    store : FeatureStore
        The training clips.
    events : Events
        Told how scoring proceeds.
    """
    found = detector.score_training_clips(store, LabelledEvents(events, "training clips"))
    groups = tuple((clip.section, clip.domain and clip.domain.value) for clip in store.clips)
    scored = replace(model, tensors={**model.tensors, TRAINING_SCORES: found})
    how = calibration_settings(settings)
    units = tuple(independent_units(store.clips, BLOCKS).tolist())
    threshold = find_threshold(scored, settings, groups, detector.highest_score, units)
    threshold = replace(threshold, notes=(*threshold.notes, *_few(store, threshold)))
    calibration = Calibration(settings=how, groups=groups, threshold=threshold, units=units)
    return with_calibration(model, replace(model.facts, calibration=calibration), found)


def _few(store: FeatureStore, threshold: Threshold) -> Iterator[str]:
    """Note recordings that are too few where clips are parts of them, and sections of one clip."""
    recordings = len({clip.path for clip in store.clips})
    if recordings < len(store) and not too_few(len(store), threshold.quantile, ""):
        yield from too_few(recordings, threshold.quantile, "training recordings")
    times = Counter(clip.section for clip in store.clips if clip.section)
    single = sorted(section for section, count in times.items() if count == 1)
    if single:
        yield f"one training clip alone is of section {join_names(single)}"


def find_threshold(
    model: Model,
    settings: Settings,
    groups: tuple[tuple[str | None, str | None], ...],
    highest_score: float,
    units: tuple[int, ...] = (),
) -> Threshold:
    """Find a threshold from the training scores that a model holds."""
    values = settings.for_detector().values
    by = values["threshold_groups"]
    return fit_threshold(
        model.training_scores,
        kind=values["threshold"],
        quantile=values["decision_threshold"],
        highest_score=highest_score,
        groups=[threshold_groups(section, domain, by) for section, domain in groups]
        if by != "machine"
        else (),
        units=units,
    )


def threshold_in_force(model: Model, layout: Layout, highest_score: float) -> Threshold:
    """Give the model's threshold, or another where the settings have changed since.

    Raises
    ------
    UsageError
        When scores are computed otherwise now, so that nothing is known of normal ones.
    """
    known, now = model.facts.calibration, calibration_settings(layout.settings)
    if known is None or known.settings == now:
        return model.threshold
    if known.settings["score"] != now["score"]:
        raise UsageError(
            f"the threshold of {model.machine} is for score = {known.settings['score']}, and it is "
            f"{now['score']} now",
            hint="find another; nothing is trained again: "
            f"{layout.command('train', model.machine)}",
        )
    if now["threshold"] == INTERVAL and not known.units:
        raise UsageError(
            f"the model of {model.machine} does not say which recordings its normal clips are of",
            hint="find the threshold again; nothing is trained again: "
            f"{layout.command('train', model.machine)}",
        )
    return find_threshold(model, layout.settings, known.groups, highest_score, known.units)


def with_calibration(model: Model, facts: ModelFacts, scores: FloatArray) -> Model:
    """Give a model whose threshold was found."""
    tensors = {**model.tensors, TRAINING_SCORES: np.asarray(scores)}
    return replace(model, tensors=tensors, facts=facts)
