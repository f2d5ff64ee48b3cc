"""Several systems side by side, on the clips that they share."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from asd_cli.evaluation.intervals import LEVEL, Interval, difference_interval
from asd_cli.evaluation.labelled import LabelledScores, domain_name
from asd_cli.reporting.changes import MachineChange, changed_clips
from asd_cli.reporting.page import ReportPage, TableRow, shown

_FIGURES = ("auc", "pauc")
_NAMES = {"auc": "AUC", "pauc": "pAUC"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPage:
    """What the comparison template is given.

    Attributes
    ----------
    pages : tuple of ReportPage
        The systems, in the order they were named.
    ranking : tuple of (ReportPage, str)
        The systems and how each differs from the first, in words.
    names : tuple of str
        Column headings.
    by_machine, by_section : tuple of TableRow
        A column for each system.
    changes : tuple of MachineChange
        From the first system to each other one, by machine: those that share their clips.
    same_data : bool
        Whether all were scored on the same clips.
    """

    pages: tuple[ReportPage, ...]
    ranking: tuple[tuple[ReportPage, str], ...]
    names: tuple[str, ...]
    by_machine: tuple[TableRow, ...]
    by_section: tuple[TableRow, ...]
    changes: tuple[MachineChange, ...]
    same_data: bool

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with any of the systems."""
        return tuple(
            f"{page.system.name}: {problem}"
            for page in self.pages
            for problem in page.system.problems
        )


def compare_pages(pages: Sequence[ReportPage]) -> ComparisonPage:
    """Set systems side by side.

    Parameters
    ----------
    pages : sequence of ReportPage
        At least one; the first is what the others are measured against.

    Returns
    -------
    ComparisonPage
    """
    clips = [_clips(page.system.scores) for page in pages]
    return ComparisonPage(
        pages=tuple(pages),
        ranking=tuple((page, _against(page, pages[0])) for page in pages),
        names=tuple(page.system.name for page in pages),
        by_machine=_machine_rows(pages),
        by_section=_section_rows(pages),
        changes=tuple(c for page in pages[1:] for c in _changes(pages[0], page)),
        same_data=all(other == clips[0] for other in clips),
    )


def _clips(scores: Sequence[LabelledScores]) -> set[tuple[str, str | None, str]]:
    return {(part.machine, part.domain, name) for part in scores for name in part.names}


def _against(page: ReportPage, first: ReportPage) -> str:
    """Say in words whether a system differs from the first by more than chance."""
    if page is first:
        return "–"
    pair = align(first.system.scores, page.system.scores)
    if pair is None:
        return "not the same clips"
    interval = difference_interval(
        *pair, max_fpr=page.system.max_fpr, rule=page.system.evaluation.rule
    )
    if interval is None:
        return "undefined"
    return f"{_verdict(interval)} ({interval.low:+.3f} to {interval.high:+.3f})"


def _changes(first: ReportPage, page: ReportPage) -> Iterator[MachineChange]:
    """Set each machine of a system beside the first system's, where their clips are the same."""
    for machine in page.system.evaluation.machines:
        ours, theirs = (
            [part for part in each.system.scores if part.machine == machine]
            for each in (first, page)
        )
        pair = align(ours, theirs)
        if not ours or pair is None:
            continue
        before, after = (
            each.system.evaluation.mean(machine, None, "harmonic").metrics.auc
            for each in (first, page)
        )
        decided = all(part.decisions is not None for part in (*ours, *theirs))
        yield MachineChange(page.system.name, machine, before, after, changed_clips(*pair), decided)


def _verdict(interval: Interval) -> str:
    if interval.low > 0:
        return "better"
    if interval.high < 0:
        return "worse"
    return f"no difference at {LEVEL:.0%}"


def align(
    first: Sequence[LabelledScores], second: Sequence[LabelledScores]
) -> tuple[list[LabelledScores], list[LabelledScores]] | None:
    """Put the second system's clips in the order of the first's; None where clips differ."""
    found = {(part.machine, part.section, part.domain): part for part in second}
    if {(part.machine, part.section, part.domain) for part in first} != found.keys():
        return None
    ordered = []
    for part in first:
        other = found[part.machine, part.section, part.domain]
        if set(part.names) != set(other.names):
            return None
        place = {name: index for index, name in enumerate(other.names)}
        order = np.array([place[name] for name in part.names])
        ordered.append(
            replace(
                other,
                names=part.names,
                scores=other.scores[order],
                truth=other.truth[order],
                decisions=None if other.decisions is None else other.decisions[order],
                domains=None if other.domains is None else other.domains[order],
            )
        )
    return list(first), ordered


def _machine_rows(pages: Sequence[ReportPage]) -> tuple[TableRow, ...]:
    machines = dict.fromkeys(m for page in pages for m in page.system.evaluation.machines)
    rows = []
    for machine in machines:
        for name in _FIGURES:
            values = [
                getattr(page.system.evaluation.mean(machine, None, "harmonic").metrics, name)
                if machine in page.system.evaluation.machines
                else None
                for page in pages
            ]
            rows.append(TableRow((machine, _NAMES[name]), _cells(values)))
    return tuple(rows)


def _section_rows(pages: Sequence[ReportPage]) -> tuple[TableRow, ...]:
    figures = [
        {
            (row.machine, row.section, row.domain): row.metrics.auc
            for row in page.system.evaluation.rows
            if row.beside.auc is None
        }
        for page in pages
    ]
    keys = dict.fromkeys(key for known in figures for key in known)
    return tuple(
        TableRow((*key[:2], domain_name(key[2])), _cells([known.get(key) for known in figures]))
        for key in keys
    )


def _cells(values: Sequence[float | None]) -> tuple[tuple[str, float | None], ...]:
    return tuple((shown(value), value) for value in values)
