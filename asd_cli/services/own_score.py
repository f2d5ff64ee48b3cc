"""`asd score FILES`: decisions on new recordings of a machine of one's own."""

import shlex
from collections.abc import Callable
from pathlib import Path

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.files import write_text
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.request import model_path, require_rate
from asd_cli.pipeline.own.score_request import OwnScoreRequest, OwnScores
from asd_cli.pipeline.own.scoring import FileScorer, ScoredFile, Status, find_files

__all__ = ["OwnScoreRequest", "OwnScores", "ScoredFile", "Status", "score_files"]


def score_files(
    request: OwnScoreRequest,
    events: Events = SILENT,
    *,
    each: Callable[[ScoredFile], None] = lambda _: None,
) -> OwnScores:
    """Score files one after the other.

    Parameters
    ----------
    request : OwnScoreRequest
        What to score.
    events : Events
        Told of progress.
    each : callable
        Called with each file as soon as it is scored.

    Raises
    ------
    DataError
        When there is no model, no folder of a name, or no recording in one.
    UsageError
        When it is not clear which model is meant, or it is of a challenge set.
    IntegrityError
        When the model is damaged.
    """
    path = model_path(request.settings, request.machine, request.model)
    model = Model.load(path, device=request.device)
    rate = request.false_alarm_rate
    if rate is None:
        rate = round(1.0 - model.threshold.quantile, 12)
    require_rate(rate)
    scorer = FileScorer(model, rate, request.explain)
    named = list(dict.fromkeys(find_files(request.paths)))
    files: list[ScoredFile] = []
    with progress(events, "score", total=len(named), unit="files") as advance:
        for file in named:
            scored = scorer.score(file)
            files.append(scored)
            each(scored)
            advance(1, file.name)
    if request.report is not None:
        _write_report(request, model, path, files, rate)
    return OwnScores(
        machine=model.machine,
        model=path,
        version=scorer.own.version,
        detector=model.facts.training.detector,
        rate=rate,
        bound=model.normal_scores.bound(rate),
        normal_clips=len(model.training_scores),
        files=tuple(files),
    )


def _write_report(
    request: OwnScoreRequest, model: Model, path: Path, files: list[ScoredFile], rate: float
) -> None:
    # Pages load scipy.ndimage and jinja2, which decisions do without.
    from asd_cli.pipeline.own.report import own_page
    from asd_cli.reporting.render import render_own

    if request.report is None:
        return
    named = shlex.join(["asd", "score", *map(str, request.paths), "--model", str(path)])
    page = own_page(model, path, files, rate, f"{named} --false-alarm-rate {rate:g}")
    write_text(request.report, render_own(page))
