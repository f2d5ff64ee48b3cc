"""`asd report`: one page that shows how good a run is, where it fails, which clips, and why."""

from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asd_cli.artifacts.manifest import read_manifest
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.files import write_text
from asd_cli.execution.executor import Executor, in_order, make_executor
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.report_clips import with_pictures
from asd_cli.pipeline.report_content import ReportRequest, system_content
from asd_cli.pipeline.systems import require_same_run
from asd_cli.pipeline.unlabelled_report import lacks_labels, unlabelled_page
from asd_cli.reporting.comparison import compare_pages
from asd_cli.reporting.content import MachineContent, SystemContent
from asd_cli.reporting.markdown import comparison_markdown, report_markdown
from asd_cli.reporting.page import build_page
from asd_cli.reporting.papers import write_figures
from asd_cli.reporting.render import render_comparison, render_report, render_unlabelled
from asd_cli.reporting.shown import ShownClips, shown_clips
from asd_cli.reporting.unlabelled_page import unlabelled_markdown
from asd_cli.services.evaluate import EvaluateRequest, evaluate

__all__ = ["ReportRequest", "ReportResult", "report"]

_COMPARISON = "comparison.html"
# Of pictures and sounds in the lists of all clips: a page stays one that can be sent by mail.
_LIST_BYTES = 6 * 2**20


@dataclass(frozen=True, slots=True)
class ReportResult:
    """A report.

    Attributes
    ----------
    path : Path or None
        The page; None for text.
    text : str or None
        Markdown; None for a page.
    complete : bool
        Whether the run is whole and of one piece.
    problems : tuple of str
        Why it is not; the report says so on top.
    """

    path: Path | None
    text: str | None
    complete: bool
    problems: tuple[str, ...]


def report(
    request: ReportRequest, events: Events = SILENT, *, executor: Executor | None = None
) -> ReportResult:
    """Write the report of this project's results, or a comparison of the folders named.

    Of an evaluation set whose labels are not there, the report has decisions and no figures.

    Parameters
    ----------
    request : ReportRequest
        What to report.
    events : Events
        Told of progress.
    executor : Executor, optional
        Where to draw and encode the clips of each machine; processes of this machine by default.

    Raises
    ------
    DataError
        When score files or labels are missing or malformed; names file and line.
    UsageError
        When a machine was asked for that is not there.
    StorageError
        When the report cannot be written.
    """
    if executor is None:
        with closing(make_executor(None)) as made:
            return report(request, events, executor=made)
    layout = Layout(request.settings, request.mode)
    if lacks_labels(request, layout):
        return _unlabelled_report(layout, request, events)
    if not request.folders:
        require_same_run(read_manifest(layout.manifest), layout)
    evaluated = evaluate(
        EvaluateRequest(
            settings=request.settings,
            mode=request.mode,
            folders=request.folders or (layout.result_directory,),
            machines=request.machines,
            ground_truth=request.ground_truth,
        )
    )
    contents = [system_content(system, layout, request) for system in evaluated.systems]
    if request.figures is not None:
        write_figures(contents, request.figures, events)
    problems = tuple(problem for content in contents for problem in content.problems)
    if request.folders:
        path, text = _comparison(contents, layout, request)
    else:
        path, text = _own_report(contents[0], layout, request, events, executor)
    return ReportResult(path, text, not problems, problems)


def _unlabelled_report(layout: Layout, request: ReportRequest, events: Events) -> ReportResult:
    as_text = request.format == "md"
    page = unlabelled_page(layout, request, events, budget=0 if as_text else _LIST_BYTES)
    if as_text:
        return ReportResult(None, unlabelled_markdown(page), not page.problems, page.problems)
    write_text(layout.report, render_unlabelled(page))
    return ReportResult(layout.report, None, not page.problems, page.problems)


def _comparison(
    contents: list[SystemContent], layout: Layout, request: ReportRequest
) -> tuple[Path | None, str | None]:
    page = compare_pages([build_page(content) for content in contents])
    if request.format == "md":
        return None, comparison_markdown(page)
    path = layout.settings.result_directory / request.mode / _COMPARISON
    write_text(path, render_comparison(page))
    return path, None


def _own_report(
    content: SystemContent,
    layout: Layout,
    request: ReportRequest,
    events: Events,
    executor: Executor,
) -> tuple[Path | None, str | None]:
    if request.format == "md":
        return None, report_markdown(build_page(content))
    budget = _LIST_BYTES // max(len(content.machines), 1)
    work = partial(_shown, layout, audio=request.audio, budget=budget)
    names = [machine.name for machine in content.machines]
    shown: dict[str, ShownClips] = {}
    with (
        progress(events, "report", total=len(names), unit="machines") as advance,
        closing(in_order(executor.submit(work, content.machines))) as found,
    ):
        for name, clips in zip(names, found, strict=True):
            shown[name] = clips
            advance(1, name)
    page = build_page(content, shown, command=layout.command("report"))
    write_text(layout.report, render_report(page))
    return layout.report, None


def _shown(
    layout: Layout, machine: MachineContent, _: Events, *, audio: bool, budget: int
) -> ShownClips:
    """Choose the clips to show of a machine, with pictures and sounds; may run in a worker."""
    clips = shown_clips(machine)
    return with_pictures(layout, machine.name, clips, audio=audio, budget=budget)
