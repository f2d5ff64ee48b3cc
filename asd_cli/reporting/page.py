"""What the templates are given: a report's parts, computed and ready to be shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from asd_cli.evaluation.evaluation import METRIC_NAMES, MeanResult, SectionResult
from asd_cli.evaluation.intervals import Interval, official_interval
from asd_cli.evaluation.labelled import domain_name
from asd_cli.reporting.breakdown import AttributeTable, attribute_tables
from asd_cli.reporting.cards import ClipCard, ClipMedia
from asd_cli.reporting.chart import Chart, slug
from asd_cli.reporting.charts import (
    domain_chart,
    histogram_chart,
    loss_chart,
    roc_chart,
    score_limits,
)
from asd_cli.reporting.clip_list import Counts, ListedClip, count_decisions
from asd_cli.reporting.content import MachineContent, SystemContent
from asd_cli.reporting.drawing import Drawing, draw
from asd_cli.reporting.published import Published, published_figures
from asd_cli.reporting.selection import ClipGroup
from asd_cli.reporting.shown import ShownClips, shown_clips

HEADINGS = ("AUC", "pAUC", "precision", "recall", "F1")
_SMALL_HEIGHT = 170


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row of a table: the words on its left, and its figures as text and as numbers."""

    words: tuple[str, ...]
    figures: tuple[tuple[str, float | None], ...]
    mean: bool = False


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A machine in the heat map: for each column AUC and pAUC, None where there is no such row."""

    machine: str
    anchor: str
    cells: tuple[tuple[str, float | None, float | None] | None, ...]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """AUC and pAUC per machine, section and domain."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachinePart:
    """A machine's chapter."""

    name: str
    anchor: str
    headline: MeanResult
    rows: tuple[SectionResult, ...]
    table: tuple[TableRow, ...]
    charts: tuple[Drawing, ...]
    histograms: tuple[Drawing, ...]
    attributes: tuple[AttributeTable, ...]
    notes: tuple[str, ...]
    thresholds: tuple[tuple[str, float], ...]
    threshold_kind: str
    groups: tuple[tuple[ClipGroup, tuple[ClipCard, ...]], ...]
    clips: tuple[ListedClip, ...]
    media: Mapping[str, ClipMedia]
    counts: Counts | None

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        if self.counts is not None:
            return self.counts.sentence
        value = self.headline.metrics.auc
        return "no decisions" if value is None else f"AUC {value:.3f}, no decisions"

    @property
    def listen(self) -> ClipCard | None:
        """The clip to listen to first: the worst decision, or the nearest to one."""
        return next((card for _, cards in self.groups for card in cards if card.sounds), None)

    @property
    def margins(self) -> tuple[float, float] | None:
        """Range of the distances to the thresholds; None where no threshold is known."""
        known = [clip.margin for clip in self.clips if clip.margin is not None]
        return (min(known), max(known)) if known and self.counts is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportPage:
    """One system's report."""

    system: SystemContent
    interval: Interval | None
    heat: HeatMap
    means: tuple[TableRow, ...]
    everything: tuple[TableRow, ...]
    machines: tuple[MachinePart, ...]
    published: Published | None
    remarks: tuple[str, ...] = ()
    command: str = ""

    @property
    def worst(self) -> MachinePart | None:
        """The machine with the lowest AUC, where there are several."""
        known = [part for part in self.machines if part.headline.metrics.auc is not None]
        return min(known, key=lambda part: part.headline.metrics.auc or 0.0) if known[1:] else None

    @property
    def headline(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """AUC and pAUC over all, each with what it is; honest where zeros collapse the mean."""
        return (self._headline("auc"), self._headline("pauc"))

    def _headline(self, name: str) -> tuple[str, str]:
        harmonic = self.system.evaluation.mean(None, None, "harmonic")
        arithmetic = getattr(self.system.evaluation.mean(None, None, "arithmetic").metrics, name)
        if name in harmonic.zeros:
            count, rows = harmonic.zeros[name]
            return f"{arithmetic:.3f}", f"arithmetic mean; 0 in {count} of {rows}"
        value = getattr(harmonic.metrics, name)
        return ("–" if value is None else f"{value:.3f}"), "harmonic mean"

    @property
    def collapsed(self) -> bool:
        """Whether a figure of 0 makes the official score 0 whatever the others are."""
        if not self.system.evaluation.rule.harmonic:
            return False
        zeros = self.system.evaluation.mean(None, None, "harmonic").zeros
        return "auc" in zeros or "pauc" in zeros

    @property
    def official_words(self) -> str:
        """What the official score is, in words."""
        return self.system.evaluation.rule.explanation

    @property
    def headings(self) -> tuple[str, ...]:
        """Names of the figures."""
        return HEADINGS

    @property
    def counts(self) -> tuple[int, int]:
        """Normal and anomalous test clips."""
        anomalous = [part.truth[part.own] for part in self.system.scores]
        anomalies = sum(int(truth.sum()) for truth in anomalous)
        return sum(len(truth) for truth in anomalous) - anomalies, anomalies


def build_page(
    system: SystemContent,
    shown: Mapping[str, ShownClips] | None = None,
    *,
    command: str = "",
) -> ReportPage:
    """Compute everything a system's page shows.

    Parameters
    ----------
    system : SystemContent
        The system.
    shown : dict, optional
        Machine to its clips with pictures and sounds.
    command : str
        What makes the report again.

    Returns
    -------
    ReportPage
    """
    clips = {machine.name: shown_clips(machine) for machine in system.machines} | dict(shown or {})
    evaluation = system.evaluation
    return ReportPage(
        system=system,
        interval=official_interval(system.scores, max_fpr=system.max_fpr, rule=evaluation.rule),
        heat=heat_map(system),
        means=tuple(
            mean_row((machine,), evaluation.mean(machine, None, "harmonic"))
            for machine in evaluation.machines
        )
        + tuple(mean_row((label,), mean, mean=True) for label, mean in _mean_rows(system, None)),
        everything=tuple(section_row(row, (row.machine,)) for row in evaluation.rows),
        machines=tuple(
            machine_part(system, machine, clips[machine.name]) for machine in system.machines
        ),
        published=published_figures(system),
        remarks=tuple(remark for known in clips.values() for remark in known.remarks),
        command=command,
    )


def machine_charts(
    system: SystemContent, machine: MachineContent
) -> tuple[list[Chart], list[Chart]]:
    """Make the charts of a machine: the large ones, and a histogram a section and domain."""
    rows = [row for row in system.evaluation.rows if row.machine == machine.name]
    limits = score_limits(machine.scores, machine.threshold)
    large = [
        loss_chart(machine.name, machine.history, machine.loss),
        roc_chart(machine.name, machine.scores, rows, max_fpr=system.max_fpr),
        domain_chart(machine.name, rows),
    ]
    small = [histogram_chart(part, machine.threshold, limits) for part in machine.scores]
    return [chart for chart in large if chart is not None], small


def thresholds_in_force(machine: MachineContent) -> tuple[tuple[str, float], ...]:
    """List the thresholds in force: one, or one for each section and domain."""
    if machine.threshold is None:
        return ()
    found = {
        f"section {part.section}, {domain_name(part.domain)}": machine.threshold.of(
            part.section, part.domain
        )
        for part in machine.scores
    }
    values = set(found.values())
    return tuple(found.items()) if len(values) > 1 else (("all clips", values.pop()),)


def machine_part(system: SystemContent, machine: MachineContent, shown: ShownClips) -> MachinePart:
    """Compute a machine's chapter."""
    rows = tuple(row for row in system.evaluation.rows if row.machine == machine.name)
    large, small = machine_charts(system, machine)
    threshold = machine.threshold
    return MachinePart(
        name=machine.name,
        anchor=f"machine-{slug(machine.name)}",
        headline=system.evaluation.mean(machine.name, None, "harmonic"),
        rows=rows,
        table=tuple(section_row(row, ()) for row in rows)
        + tuple(
            mean_row((label, ""), mean, mean=True)
            for label, mean in _mean_rows(system, machine.name)
        ),
        charts=tuple(draw(chart) for chart in large),
        histograms=tuple(draw(chart, height=_SMALL_HEIGHT) for chart in small),
        attributes=attribute_tables(machine),
        notes=threshold.notes if threshold else (),
        thresholds=thresholds_in_force(machine),
        threshold_kind=threshold.label if threshold else "",
        groups=tuple(
            (group, tuple(shown.cards[c.key] for c in group.clips if c.key in shown.cards))
            for group in shown.groups
        ),
        clips=shown.clips,
        media=shown.media,
        counts=count_decisions(shown.clips),
    )


def section_row(row: SectionResult, before: tuple[str, ...]) -> TableRow:
    """Make the table row of a section and domain."""
    figures = tuple((shown(value), value) for value in row.metrics.values())
    counts = ((str(row.normal), float(row.normal)), (str(row.anomaly), float(row.anomaly)))
    return TableRow((*before, row.section, domain_name(row.domain)), (*figures, *counts))


def mean_row(words: tuple[str, ...], result: MeanResult, *, mean: bool = False) -> TableRow:
    """Make the table row of a mean; a star marks one that a 0 among its rows makes 0."""
    figures = []
    for name in METRIC_NAMES:
        value = getattr(result.metrics, name)
        if result.kind == "harmonic" and name in result.zeros:
            figures.append(("0*", 0.0))
        else:
            figures.append((shown(value), value))
    return TableRow(words, tuple(figures), mean)


def shown(value: float | None) -> str:
    """Write a figure with four digits, or a dash where it is undefined."""
    return "–" if value is None else f"{value:.4f}"


def _mean_rows(system: SystemContent, machine: str | None) -> list[tuple[str, MeanResult]]:
    evaluation = system.evaluation
    rows = [
        (f"{domain} harmonic mean", evaluation.mean(machine, domain, "harmonic"))
        for domain in ("source", "target")
    ]
    rows = [row for row in rows if row[1].metrics.auc is not None]
    return [
        *rows,
        ("arithmetic mean", evaluation.mean(machine, None, "arithmetic")),
        ("harmonic mean", evaluation.mean(machine, None, "harmonic")),
    ]


def heat_map(system: SystemContent) -> HeatMap:
    """Arrange AUC and pAUC: machines down, sections and domains across."""
    rows = system.evaluation.rows
    # All clips of a section come after those of its domains.
    ordered = sorted({(row.domain or "~", row.section) for row in rows})
    columns = [(domain_name(domain.strip("~")), section) for domain, section in ordered]
    found = {(row.machine, domain_name(row.domain), row.section): row.metrics for row in rows}
    lines = []
    for machine, _ in groupby(rows, lambda row: row.machine):
        cells = tuple(
            None
            if (machine, *column) not in found
            else (
                f"section {column[1]}, {column[0]}",
                found[machine, *column].auc,
                found[machine, *column].pauc,
            )
            for column in columns
        )
        lines.append(HeatRow(machine, f"machine-{slug(machine)}", cells))
    return HeatMap(tuple(columns), tuple(lines))
