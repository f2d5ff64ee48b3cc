"""`asd run`: everything from fetching to the report, leaving out what is up to date."""

from contextlib import closing
from dataclasses import dataclass, replace

from asd_cli.core.errors import AsdError
from asd_cli.core.events import SILENT, Events
from asd_cli.core.types import Mode, Split
from asd_cli.execution.executor import Executor
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.request import RunRequest
from asd_cli.services.evaluate import EvaluateRequest, EvaluateResult, evaluate
from asd_cli.services.fetch import FetchRequest, fetch
from asd_cli.services.report import ReportRequest, ReportResult, report
from asd_cli.services.score import ScoreResult, score, score_once_trained
from asd_cli.services.train import TrainResult, train


@dataclass(frozen=True, slots=True)
class RunResult:
    """What each step gave."""

    training: TrainResult
    scoring: ScoreResult
    evaluation: EvaluateResult
    report: ReportResult

    @property
    def skipped(self) -> tuple[str, ...]:
        """Why each bad clip was left out."""
        return (*self.training.skipped, *self.scoring.skipped)


def run(
    request: RunRequest, events: Events = SILENT, *, executor: Executor | None = None
) -> RunResult:
    """Fetch what is missing, extract, train, score, evaluate and report.

    Parameters
    ----------
    request : RunRequest
        What to run.
    events : Events
        Told of progress.
    executor : Executor, optional
        Where to work, from extraction to the report; processes of this machine by default.

    Raises
    ------
    AsdError
        What any of the steps raises.
    """
    if executor is None:
        with closing(request.make_executor()) as made:
            return run(request, events, executor=made)
    layout = Layout(request.settings, request.mode)
    _fetch(missing_stages(layout, request.machines), request, events)
    follow_up = score_once_trained(request, events, executor)
    training = train(request, events, follow_up=follow_up, executor=executor)
    trained = all(machine.state != "up to date" for machine in training.machines)
    again = replace(request, force=request.force and not trained)
    scoring = score(again, events, executor=executor)
    fetchable = "ground-truth" in layout.edition.stages
    if request.mode is Mode.EVAL and fetchable and not layout.ground_truth_directory.is_dir():
        # After scoring: who has no labels and no network still gets files to submit.
        _fetch(("ground-truth",), request, events)
    evaluation = evaluate(
        EvaluateRequest(settings=request.settings, mode=request.mode, machines=request.machines),
        events,
    )
    page = report(
        ReportRequest(settings=request.settings, mode=request.mode, machines=request.machines),
        events,
        executor=executor,
    )
    return RunResult(training, scoring, evaluation, page)


def _fetch(stages: tuple[str, ...], request: RunRequest, events: Events) -> None:
    if not stages:
        return
    events.note(f"fetching what is missing: {', '.join(stages)}")
    fetch(
        FetchRequest(
            stages=stages,
            machines=request.machines,
            dev_directory=request.settings.dev_directory,
            eval_directory=request.settings.eval_directory,
            edition=request.settings.edition,
        ),
        events,
    )


def missing_stages(layout: Layout, machines: tuple[str, ...]) -> tuple[str, ...]:
    """Name the stages to fetch before a mode can be scored; none where the recordings are there."""
    development = layout.mode is Mode.DEV
    everything = ("dev",) if development else ("eval-train", "eval-test")
    try:
        present = layout.machines(machines)
    except AsdError:
        return everything
    if development:
        return ()
    dataset = layout.dataset
    lacking = {
        "eval-train": any(not dataset.has(machine, Split.TRAIN) for machine in present),
        "eval-test": any(not dataset.has(machine, Split.TEST) for machine in present),
    }
    return tuple(stage for stage in everything if lacking[stage])
