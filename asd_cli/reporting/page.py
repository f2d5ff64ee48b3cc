"""What the templates are given: a report's parts, computed and ready to be shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from asd_cli.evaluation.evaluation import METRIC_NAMES, MeanResult, SectionResult
from asd_cli.evaluation.intervals import Interval, official_interval
from asd_cli.evaluation.labelled import domain_name
from asd_cli.reporting.breakdown import AttributeTable, attribute_tables
from asd_cli.reporting.cards import ClipCard
from asd_cli.reporting.chart import Chart, slug
from asd_cli.reporting.charts import (
    domain_chart,
    histogram_chart,
    loss_chart,
    roc_chart,
    score_limits,
)
from asd_cli.reporting.content import MachineContent, SystemContent
from asd_cli.reporting.drawing import Drawing, draw
from asd_cli.reporting.published import Published, published_figures

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
    threshold: str
    false_alarms: tuple[ClipCard, ...]
    misses: tuple[ClipCard, ...]
    hits: tuple[ClipCard, ...]

    @property
    def cards(self) -> tuple[tuple[str, str, tuple[ClipCard, ...]], ...]:
        """The three groups of clips: heading, explanation, cards; empty ones left out."""
        groups = (
            (
                "Normal clips that scored highest",
                "Healthy sound that the detector found strange: the next false alarms.",
                self.false_alarms,
            ),
            (
                "Anomalies that scored lowest",
                "Faults that the detector took for normal: the next misses.",
                self.misses,
            ),
            (
                "Anomalies that scored highest",
                "The detections it is surest of.",
                self.hits,
            ),
        )
        return tuple(group for group in groups if group[2])


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
    cards: Mapping[str, Sequence[tuple[ClipCard, ...]]] | None = None,
    *,
    remarks: tuple[str, ...] = (),
) -> ReportPage:
    """Compute everything a system's page shows.

    Parameters
    ----------
    system : SystemContent
        The system.
    cards : dict, optional
        Machine to its cards: false alarms, misses, hits.
    remarks : tuple of str
        What the reader should know of the pictures and sounds.

    Returns
    -------
    ReportPage
    """
    shown = cards or {}
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
            machine_part(system, machine, shown.get(machine.name, ((), (), ())))
            for machine in system.machines
        ),
        published=published_figures(system),
        remarks=remarks,
    )


def machine_charts(
    system: SystemContent, machine: MachineContent
) -> tuple[list[Chart], list[Chart]]:
    """Make the charts of a machine: the large ones, and a histogram a section and domain."""
    rows = [row for row in system.evaluation.rows if row.machine == machine.name]
    limits = score_limits(machine.scores, machine.threshold)
    large = [
        loss_chart(machine.name, machine.history),
        roc_chart(machine.name, machine.scores, rows, max_fpr=system.max_fpr),
        domain_chart(machine.name, rows),
    ]
    small = [histogram_chart(part, machine.threshold, limits) for part in machine.scores]
    return [chart for chart in large if chart is not None], small


def _threshold_text(machine: MachineContent) -> str:
    """Say what decided: one threshold, or the range of those of sections and domains."""
    if machine.threshold is None:
        return ""
    decided = machine.threshold.of_all(machine.scores)
    shown = f"{decided[0]:.5g}"
    if len(decided) > 1:
        shown += f" to {decided[-1]:.5g}, by section and domain"
    return f"{shown} ({machine.threshold.label})"


def machine_part(
    system: SystemContent, machine: MachineContent, cards: Sequence[tuple[ClipCard, ...]]
) -> MachinePart:
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
        threshold=_threshold_text(machine),
        false_alarms=cards[0],
        misses=cards[1],
        hits=cards[2],
    )


def section_row(row: SectionResult, before: tuple[str, ...]) -> TableRow:
    """Make the table row of a section and domain."""
    figures = tuple((shown(value), value) for value in row.metrics.values())
    counts = ((str(row.normal), float(row.normal)), (str(row.anomaly), float(row.anomaly)))
    return TableRow((*before, row.section, domain_name(row.domain)), (*figures, *counts))


def mean_row(words: tuple[str, ...], result: MeanResult, *, mean: bool = False) -> TableRow:
    """Make the table row of a mean; says "0 in k of n" where zeros make it meaningless."""
    figures = []
    for name in METRIC_NAMES:
        value = getattr(result.metrics, name)
        if result.kind == "harmonic" and name in result.zeros:
            figures.append(("0 in {} of {}".format(*result.zeros[name]), 0.0))
        else:
            figures.append((shown(value), value))
    return TableRow(words, tuple(figures), mean)


def shown(value: float | None) -> str:
    """Write a figure with four digits, or a dash."""
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
