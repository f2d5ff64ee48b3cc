"""What a report can say of an evaluation set whose labels are not there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from asd_cli.artifacts.manifest import Manifest, read_manifest
from asd_cli.artifacts.score_files import ScoreTable, find_score_files, read_score_table
from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.types import Mode
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.evaluation.notes import INCOMPLETE
from asd_cli.pipeline.completeness import Scored, completeness_notes
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.report_clips import with_pictures
from asd_cli.pipeline.report_content import ReportRequest, clip_p_values
from asd_cli.pipeline.report_state import find_attributes, is_synthetic, recorded_threshold
from asd_cli.pipeline.systems import how_to_get_labels, require_edition, require_same_run
from asd_cli.reporting.clip_list import list_clips
from asd_cli.reporting.content import MachineContent, infer_threshold
from asd_cli.reporting.selection import choose_clips
from asd_cli.reporting.shown import ShownClips
from asd_cli.reporting.unlabelled_page import UnlabelledPage, unlabelled_machine


def lacks_labels(request: ReportRequest, layout: Layout) -> bool:
    """Whether a report is of this project's scores of a set whose labels are not there."""
    return (
        request.mode is Mode.EVAL
        and not request.folders
        and request.ground_truth is None
        and not layout.ground_truth_directory.exists()
    )


def unlabelled_page(
    layout: Layout, request: ReportRequest, events: Events, *, budget: int
) -> UnlabelledPage:
    """Gather the page.

    Parameters
    ----------
    layout : Layout
        Where scores, models and recordings lie.
    request : ReportRequest
        Machines, and whether clips can be played.
    events : Events
        Told of progress.
    budget : int
        Bytes for pictures and sounds of all lists; 0 for a page of text.

    Raises
    ------
    DataError
        When score files are missing or malformed; names file and line.
    UsageError
        When a machine was asked for that is not there.
    """
    manifest = read_manifest(layout.manifest)
    require_edition(manifest, layout.result_directory, layout)
    require_same_run(manifest, layout)
    tables = _tables(layout, request.machines)
    contents = [
        _content(layout, machine, list(own), manifest)
        for machine, own in groupby(tables, lambda table: table.key.machine)
    ]
    shown: dict[str, ShownClips] = {}
    with progress(events, "report", total=len(contents), unit="machines") as advance:
        for content in contents:
            clips = tuple(replace(clip, anomalous=None) for clip in list_clips(content))
            found = ShownClips(clips, choose_clips(clips))
            if budget:
                found = with_pictures(
                    layout, content.name, found, audio=request.audio,
                    budget=budget // len(contents),
                )  # fmt: skip
            shown[content.name] = found
            advance(1, content.name)
    scored = Scored(
        layout=layout, tables=tuple(tables), manifest=manifest, machines=request.machines, own=True
    )
    return UnlabelledPage(
        detector=layout.plan.name,
        edition=layout.edition.name,
        mode=request.mode.value,
        machines=tuple(unlabelled_machine(each, shown[each.name]) for each in contents),
        where=f"There is no folder of labels {layout.ground_truth_directory}; to get them, "
        f"{how_to_get_labels(layout.edition)}.",
        synthetic=is_synthetic(layout, manifest, own=True),
        problems=tuple(n.text for n in completeness_notes(scored) if n.kind in INCOMPLETE),
        remarks=tuple(remark for known in shown.values() for remark in known.remarks),
        command=layout.command("report"),
    )


def _tables(layout: Layout, machines: Sequence[str]) -> list[ScoreTable]:
    """Read the scores, by machine, section and domain."""
    found = find_score_files(
        layout.result_directory, layout.edition.score_files, layout.edition.machines
    )
    present = sorted({key.machine for key in found})
    for machine in machines:
        if machine not in present:
            raise UsageError(
                f"{layout.result_directory} has no scores of {machine!r}",
                hint=f"it has {', '.join(present)}",
            )
    wanted = [key for key in found if not machines or key.machine in machines]
    wanted.sort(key=lambda key: (key.machine, key.section, key.domain or ""))
    return [read_score_table(key, found[key]) for key in wanted]


def _content(
    layout: Layout, machine: str, tables: Sequence[ScoreTable], manifest: Manifest | None
) -> MachineContent:
    scores = tuple(_without_truth(tables))
    return MachineContent(
        name=machine,
        scores=scores,
        threshold=recorded_threshold(manifest, machine) or infer_threshold(scores),
        attributes=find_attributes(layout, machine, scores),
        p_values=clip_p_values(layout, machine, scores),
    )


def _without_truth(tables: Sequence[ScoreTable]) -> Iterator[LabelledScores]:
    """Give tables the form that lists of clips are made from; nothing reads their truth."""
    for table in tables:
        decisions: Mapping[str, int] | None = table.decisions
        yield LabelledScores(
            table.key.machine,
            table.key.section,
            table.key.domain,
            tuple(table.scores),
            np.array(list(table.scores.values()), np.float64),
            np.zeros(len(table.scores), bool),
            None if decisions is None else np.array([decisions[n] for n in table.scores], bool),
        )
