"""The evaluation of one system: a row for each section and domain, means, the official score.

The official score of DCASE 2021 Task 2 (Kawaguchi et al. 2021, section 2.3) is the harmonic mean
of the AUC and the pAUC over all machine types, sections and domains.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np

from asd_cli.artifacts.score_files import ScoreTable
from asd_cli.evaluation.labels import Labels
from asd_cli.evaluation.metrics import (
    Confusion,
    arithmetic_mean,
    auc,
    confusion,
    harmonic_mean,
    partial_auc,
    precision_recall_f1,
)

if TYPE_CHECKING:
    import pandas

DOMAINS = ("source", "target")
MeanKind = Literal["arithmetic", "harmonic"]
KINDS: tuple[MeanKind, ...] = ("arithmetic", "harmonic")


@dataclass(frozen=True, slots=True)
class Metrics:
    """The five figures of a row; None where undefined."""

    auc: float | None
    pauc: float | None
    precision: float | None
    recall: float | None
    f1: float | None

    def values(self) -> tuple[float | None, ...]:
        """Give the figures in the order of result.csv."""
        return (self.auc, self.pauc, self.precision, self.recall, self.f1)


METRIC_NAMES = tuple(field.name for field in fields(Metrics))


@dataclass(frozen=True, slots=True)
class SectionResult:
    """Result on the test clips of one machine, section and domain.

    Attributes
    ----------
    machine, section, domain : str
        Which clips.
    normal, anomaly : int
        Number of clips of each label.
    metrics : Metrics
        The figures.
    confusion : Confusion or None
        Decision counts; None without decisions.
    """

    machine: str
    section: str
    domain: str
    normal: int
    anomaly: int
    metrics: Metrics
    confusion: Confusion | None


@dataclass(frozen=True, slots=True)
class MeanResult:
    """A mean over rows.

    Attributes
    ----------
    machine, domain : str or None
        Which rows; None means all.
    kind : str
        ``arithmetic`` or ``harmonic``.
    metrics : Metrics
        Mean of each figure over the rows where it is defined.
    zeros : Mapping of str to (int, int)
        Figures that are 0 in some rows, which collapses a harmonic mean: in how many, of how many.
    """

    machine: str | None
    domain: str | None
    kind: MeanKind
    metrics: Metrics
    zeros: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything measured of one system.

    Attributes
    ----------
    rows : tuple of SectionResult
        By machine, then source before target, then section.
    means : tuple of MeanResult
        Per machine and over all, over both domains and each.
    official_score : float or None
        Harmonic mean of all AUC and pAUC.
    notes : tuple of str
        Undefined figures, constant scores, missing sections.
    """

    rows: tuple[SectionResult, ...]
    means: tuple[MeanResult, ...]
    official_score: float | None
    notes: tuple[str, ...]

    @property
    def machines(self) -> tuple[str, ...]:
        """Machine types, in the order of the rows."""
        return tuple(dict.fromkeys(row.machine for row in self.rows))

    def to_frame(self) -> "pandas.DataFrame":
        """Give everything as a table: one row a section, a mean, and the official score.

        Returns
        -------
        pandas.DataFrame
            Columns ``machine, section, domain, kind, normal, anomaly, auc, pauc, precision,
            recall, f1``; `kind` is ``section``, ``arithmetic mean``, ``harmonic mean`` or
            ``official score``, which stands in the column ``auc``.
        """
        import pandas as pd

        rows: list[dict[str, object]] = [
            {"machine": row.machine, "section": row.section, "domain": row.domain,
             "kind": "section", "normal": row.normal, "anomaly": row.anomaly,
             **_by_name(row.metrics)}
            for row in self.rows
        ]  # fmt: skip
        rows += [
            {"machine": mean.machine, "domain": mean.domain, "kind": f"{mean.kind} mean",
             **_by_name(mean.metrics)}
            for mean in self.means
        ]  # fmt: skip
        rows.append({"kind": "official score", "auc": self.official_score})
        names = ["machine", "section", "domain", "kind", "normal", "anomaly", *METRIC_NAMES]
        frame = pd.DataFrame(rows, columns=names)
        return frame.astype({"normal": "Int64", "anomaly": "Int64"})

    def mean(self, machine: str | None, domain: str | None, kind: MeanKind) -> MeanResult:
        """Look a mean up."""
        return next(
            mean
            for mean in self.means
            if (mean.machine, mean.domain, mean.kind) == (machine, domain, kind)
        )


def _by_name(metrics: Metrics) -> dict[str, float | None]:
    return {name: getattr(metrics, name) for name in METRIC_NAMES}


def evaluate_tables(tables: Sequence[tuple[ScoreTable, Labels]], *, max_fpr: float) -> Evaluation:
    """Evaluate a system from its scores and the true labels.

    Parameters
    ----------
    tables : sequence of (ScoreTable, Labels)
        Scores and labels of each machine, section and domain.
    max_fpr : float
        Where the pAUC ends, in (0, 1].

    Returns
    -------
    Evaluation
    """
    notes: list[str] = []
    rows = sorted(
        (_evaluate_table(table, labels, max_fpr, notes) for table, labels in tables),
        key=lambda row: (row.machine, row.domain, row.section),
    )
    notes.extend(_gaps(rows))
    machines: list[str | None] = [*dict.fromkeys(row.machine for row in rows), None]
    means = [
        _mean(rows, machine, domain, kind)
        for machine in machines
        for domain in (None, *DOMAINS)
        for kind in KINDS
    ]
    figures = [figure for row in rows for figure in (row.metrics.auc, row.metrics.pauc)]
    return Evaluation(tuple(rows), tuple(means), harmonic_mean(figures), tuple(notes))


def _evaluate_table(
    table: ScoreTable, labels: Labels, max_fpr: float, notes: list[str]
) -> SectionResult:
    scores = np.array(list(table.scores.values()))
    truth = np.array([labels[name] for name in table.scores], bool)
    normal, anomaly = scores[~truth], scores[truth]
    where = f"{table.key.machine}, section {table.key.section}, {table.key.domain}"
    if not len(normal) or not len(anomaly):
        kind = "anomalous" if len(normal) else "normal"
        notes.append(f"{where}: no {kind} clips, so AUC and pAUC are undefined and left out")
    elif np.ptp(scores) == 0:
        notes.append(f"{where}: all {len(scores)} scores are equal, so AUC and pAUC are chance")
    elif len(normal) * max_fpr < 1:
        notes.append(
            f"{where}: {len(normal)} normal clips are too few to reach a false-positive rate of "
            f"{max_fpr:g}; the pAUC is interpolated"
        )
    counts = None
    figures: tuple[float | None, float | None, float | None] = (None, None, None)
    if table.decisions is not None:
        decisions = [table.decisions[name] for name in table.scores]
        counts = confusion(truth.tolist(), decisions)
        figures = precision_recall_f1(counts)
    metrics = Metrics(auc(normal, anomaly), partial_auc(normal, anomaly, max_fpr=max_fpr), *figures)
    return SectionResult(
        table.key.machine,
        table.key.section,
        table.key.domain,
        len(normal),
        len(anomaly),
        metrics,
        counts,
    )


def _mean(
    rows: Sequence[SectionResult], machine: str | None, domain: str | None, kind: MeanKind
) -> MeanResult:
    chosen = [
        row.metrics
        for row in rows
        if machine in {None, row.machine} and domain in {None, row.domain}
    ]
    average = arithmetic_mean if kind == "arithmetic" else harmonic_mean
    columns = {name: [getattr(metrics, name) for metrics in chosen] for name in METRIC_NAMES}
    zeros = {name: (column.count(0.0), len(column)) for name, column in columns.items()}
    return MeanResult(
        machine,
        domain,
        kind,
        Metrics(*(average(column) for column in columns.values())),
        {name: counts for name, counts in zeros.items() if counts[0]},
    )


def _gaps(rows: Sequence[SectionResult]) -> list[str]:
    """Say which machines lack a section or domain that they have in the other domain."""
    notes: list[str] = []
    present = {(row.machine, row.section, row.domain) for row in rows}
    for machine, section in sorted({(row.machine, row.section) for row in rows}):
        missing = [domain for domain in DOMAINS if (machine, section, domain) not in present]
        notes.extend(
            f"{machine}, section {section}: no scores of the {domain} domain, so the means are "
            "of fewer rows"
            for domain in missing
        )
    return notes
