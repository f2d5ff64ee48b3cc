"""New versions of a model: with more normal recordings, or after maintenance."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from asd_cli.artifacts.model_file import OwnMachine
from asd_cli.core.errors import DataError, UsageError
from asd_cli.detectors.normal_scores import BLOCKS
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.request import OwnTrainRequest, registry_of
from asd_cli.pipeline.recording_checks import CONTENT, TRAINING_CLIPS
from asd_cli.settings.model import Settings

# With fewer clips or recordings than this, how normal sound varies is taken from before.
MIN_CLIPS_ALONE = 50
MIN_RECORDINGS_ALONE = BLOCKS


def same_again(model: Model, settings: Settings, **changes: Any) -> OwnTrainRequest:
    """Give the request that a model was made by, with some changes.

    Parameters
    ----------
    model : Model
        Of a machine of one's own.
    settings : Settings
        Say where models and features are.
    **changes : value
        Fields of `OwnTrainRequest`.

    Raises
    ------
    UsageError
        When the model is of a challenge set.
    """
    own = require_own(model)
    parameters = dict(own.parameters)
    run = {
        **settings.run_values(),
        "detector": parameters.pop("detector"),
        "seed": parameters.pop("seed"),
    }
    # The rate stays: a model of another one would decide otherwise.
    parameters["feature.sample_rate"] = model.features.sample_rate
    request = OwnTrainRequest(
        sources=tuple(map(Path, own.sources)),
        machine=model.machine,
        settings=Settings.model_validate({**run, "parameters": parameters}),
        clip_seconds=own.clip_seconds,
        channel=own.channel if isinstance(own.channel, int) else "mean",
        baseline=tuple(map(Path, own.baseline)),
        groups=own.groups,
        false_alarm_rate=own.false_alarm_rate,
    )
    return replace(request, **changes)


def require_own(model: Model) -> OwnMachine:
    """Give what a model was trained on; UsageError where it is of a challenge set."""
    if model.facts.own is None:
        raise UsageError(
            f"the model of {model.machine} is of {model.facts.edition}, not of a machine of your "
            "own",
            hint="train one: asd train --data RECORDINGS --machine NAME",
        )
    return model.facts.own


def with_more_normal(model: Model, paths: Sequence[Path], settings: Settings) -> OwnTrainRequest:
    """Ask for a version that knows more normal recordings.

    Raises
    ------
    DataError
        When the recordings that the model was trained on are gone.
    """
    request = same_again(model, settings)
    _require_sources(model, (*request.sources, *request.baseline))
    new = tuple(path for path in paths if path.absolute() not in _absolute(request.sources))
    reason = f"normal: {', '.join(str(path) for path in paths)}"
    if request.baseline:
        return replace(request, baseline=(*request.baseline, *new), reason=reason)
    return replace(request, sources=(*request.sources, *new), reason=reason)


def after_maintenance(
    model: Model, paths: Sequence[Path], settings: Settings, *, reason: str, alone: bool
) -> OwnTrainRequest:
    """Ask for a version of the machine as it is after maintenance.

    Parameters
    ----------
    model : Model
        The current one.
    paths : sequence of Path
        Recordings of the machine as it is now.
    settings : Settings
        Say where models and features are.
    reason : str
        What was done.
    alone : bool
        Whether the new recordings are enough; else the spread of the old ones is kept, around the
        centre of the new ones.

    Raises
    ------
    DataError
        When the old recordings are needed and are gone.
    """
    request = same_again(model, settings, reason=reason)
    if alone:
        return replace(request, sources=tuple(paths), baseline=())
    old = request.sources
    _require_sources(model, old)
    return replace(request, sources=old, baseline=tuple(paths))


def clips_gone(before: Model, after: Model) -> int:
    """Count the clips that a model was trained on and another one was not, by their content."""
    known, now = (
        {int(content) for content in model.tensors[TRAINING_CLIPS][:, CONTENT]}
        for model in (before, after)
    )
    return len(known - now)


def _absolute(paths: Sequence[Path]) -> set[Path]:
    return {path.absolute() for path in paths}


def _require_sources(model: Model, sources: Sequence[Path]) -> None:
    gone = [str(path) for path in sources if not path.exists()]
    if gone:
        raise DataError(
            f"recordings that {model.machine} was trained on are gone: {', '.join(gone)}",
            hint="put them back, or train again from what there is: asd train --data ... "
            f"--machine '{model.machine}'",
        )


def current(settings: Settings, machine: str) -> Model:
    """Read the machine's model in use; DataError where there is none."""
    return registry_of(settings).load(machine)
