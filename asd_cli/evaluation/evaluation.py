"""The evaluation of one system: a row for each section and domain, means, the official score.

What a row and the official score are depends on the edition: `asd_cli.evaluation.rules`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from asd_cli.artifacts.score_files import ScoreTable
from asd_cli.evaluation.labelled import DOMAINS, LabelledScores, label_scores
from asd_cli.evaluation.labels import Labels
from asd_cli.evaluation.means import KINDS, MEANS, MeanKind, as_array, as_float
from asd_cli.evaluation.metrics import (
    Confusion,
    auc,
    confusion,
    partial_auc,
    precision_recall_f1,
)
from asd_cli.evaluation.notes import INCOMPLETE, PARTIAL, Note, NoteKind
from asd_cli.evaluation.rules import BY_DOMAIN, ScoringRule

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class Metrics:
    """The five figures of a row; None where undefined.

    Precision, recall and F1 count every clip once, in the row of its own domain; in editions whose
    AUC takes the anomalous clips of both domains they still count the domain's own anomalies only.
    """

    auc: float | None
    pauc: float | None
    precision: float | None
    recall: float | None
    f1: float | None

    def values(self) -> tuple[float | None, ...]:
        """Give the figures in the order of result.csv."""
        return (self.auc, self.pauc, self.precision, self.recall, self.f1)


METRIC_NAMES = tuple(field.name for field in fields(Metrics))
_NO_METRICS = Metrics(None, None, None, None, None)


@dataclass(frozen=True, slots=True)
class SectionResult:
    """Result on the test clips of one machine, section and domain.

    Attributes
    ----------
    machine, section : str
        Which clips.
    domain : str or None
        ``source`` or ``target``; None for all clips of a section.
    normal, anomaly : int
        Number of clips of each label that AUC and pAUC are of.
    metrics : Metrics
        The figures; None also for those that another row of the section has.
    confusion : Confusion or None
        Decision counts; None without decisions.
    beside : Metrics
        Figures that some tables list and no mean counts: where rows share clips, the pAUC of a
        domain's own clips and the AUC of all clips.
    """

    machine: str
    section: str
    domain: str | None
    normal: int
    anomaly: int
    metrics: Metrics
    confusion: Confusion | None
    beside: Metrics = _NO_METRICS


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
        By machine, then source before target before all clips, then section.
    means : tuple of MeanResult
        Per machine and over all, over both domains and each.
    official_score : float or None
        As `rule` says.
    notes : tuple of Note
        Undefined figures, constant scores, everything that is missing.
    rule : ScoringRule
        What rows and official score are.
    """

    rows: tuple[SectionResult, ...]
    means: tuple[MeanResult, ...]
    official_score: float | None
    notes: tuple[Note, ...]
    rule: ScoringRule = BY_DOMAIN

    @property
    def machines(self) -> tuple[str, ...]:
        """Machine types, in the order of the rows."""
        return tuple(dict.fromkeys(row.machine for row in self.rows))

    @property
    def incomplete(self) -> tuple[Note, ...]:
        """Notes that say that something is missing, mixed or out of date."""
        return tuple(note for note in self.notes if note.kind in INCOMPLETE)

    @property
    def is_official(self) -> bool:
        """Whether the official score is of everything that it should be of."""
        return not any(note.kind in {*PARTIAL, NoteKind.RESTRICTED} for note in self.notes)

    @property
    def score_name(self) -> str:
        """What to call the official score in print."""
        if any(note.kind in PARTIAL for note in self.notes):
            return "official score (partial)"
        return "official score" if self.is_official else "score of the chosen machines"

    def to_frame(self) -> "pandas.DataFrame":
        """Give everything as a table: one row a section, a mean, and the official score.

        Returns
        -------
        pandas.DataFrame
            Columns ``machine, section, domain, kind, normal, anomaly, auc, pauc, precision,
            recall, f1``; `kind` is ``section``, ``arithmetic mean``, ``harmonic mean`` or
            ``official score`` (see `score_name`), which stands in the column ``auc``.
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
        rows.append({"kind": self.score_name, "auc": self.official_score})
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
    """Evaluate a system of DCASE 2021 from its scores and the true labels.

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
    return evaluate_scores(
        [label_scores(table, labels) for table, labels in tables], max_fpr=max_fpr
    )


def evaluate_scores(
    scores: Sequence[LabelledScores], *, max_fpr: float, rule: ScoringRule = BY_DOMAIN
) -> Evaluation:
    """Evaluate a system from scores that were joined with the truth.

    Parameters
    ----------
    scores : sequence of LabelledScores
        What each row is of.
    max_fpr : float
        Where the pAUC ends, in (0, 1].
    rule : ScoringRule
        Which official score.

    Returns
    -------
    Evaluation
    """
    notes: list[Note] = []
    rows = sorted(
        (_evaluate_part(part, max_fpr, notes) for part in scores),
        key=lambda row: (row.machine, row.domain or "~", row.section),
    )
    notes.extend(_gaps(rows))
    machines: list[str | None] = [*dict.fromkeys(row.machine for row in rows), None]
    means = [
        _mean(rows, machine, domain, kind)
        for machine in machines
        for domain in (None, *DOMAINS)
        for kind in KINDS
    ]
    official = rule.official(
        [(row.machine, row.section, row.domain) for row in rows],
        as_array([row.metrics.auc for row in rows]),
        as_array([row.metrics.pauc for row in rows]),
    )
    return Evaluation(
        tuple(rows),
        tuple(means),
        as_float(official),
        tuple(notes),
        rule,
    )


def _evaluate_part(part: LabelledScores, max_fpr: float, notes: list[Note]) -> SectionResult:
    normal, anomaly = part.normal, part.anomaly
    notes.extend(_warnings(part, max_fpr))
    areas = auc(normal, anomaly), partial_auc(normal, anomaly, max_fpr=max_fpr)
    own = part.own
    beside = _NO_METRICS
    if part.domains is not None:
        own_pauc = partial_auc(
            part.scores[own & ~part.truth], part.scores[own & part.truth], max_fpr=max_fpr
        )
        beside = replace(
            _NO_METRICS,
            auc=None if part.gives_auc else areas[0],
            pauc=None if part.gives_pauc else own_pauc,
        )
    counts = None
    figures: tuple[float | None, float | None, float | None] = (None, None, None)
    if part.decisions is not None and own.any():
        counts = confusion(part.truth[own].tolist(), part.decisions[own].tolist())
        figures = precision_recall_f1(counts)
    return SectionResult(
        part.machine,
        part.section,
        part.domain,
        len(normal),
        len(anomaly),
        Metrics(
            areas[0] if part.gives_auc else None, areas[1] if part.gives_pauc else None, *figures
        ),
        counts,
        beside,
    )


def _warnings(part: LabelledScores, max_fpr: float) -> Iterator[Note]:
    """Say what makes AUC and pAUC undefined or meaningless."""
    where = f"{part.machine}, {part.title}"
    figures = " and ".join(["AUC"] * part.gives_auc + ["pAUC"] * part.gives_pauc)
    are = "are" if part.gives_auc and part.gives_pauc else "is"
    normal, anomaly = len(part.normal), len(part.anomaly)
    if not normal or not anomaly:
        kind = "anomalous" if normal else "normal"
        yield Note(
            NoteKind.UNDEFINED,
            part.machine,
            f"{where}: no {kind} clips, so {figures} {are} undefined and left out",
        )
    elif np.ptp(part.scores) == 0:
        yield Note(
            NoteKind.CONSTANT,
            part.machine,
            f"{where}: all {len(part.scores)} scores are equal, so {figures} {are} chance",
        )
    elif part.gives_pauc and normal * max_fpr < 1:
        yield Note(
            NoteKind.INTERPOLATED,
            part.machine,
            f"{where}: {normal} normal clips are too few to reach a false-positive rate of "
            f"{max_fpr:g}; the pAUC is interpolated",
        )


def _mean(
    rows: Sequence[SectionResult], machine: str | None, domain: str | None, kind: MeanKind
) -> MeanResult:
    chosen = [
        row.metrics
        for row in rows
        if machine in {None, row.machine} and domain in {None, row.domain}
    ]
    columns = {name: [getattr(metrics, name) for metrics in chosen] for name in METRIC_NAMES}
    zeros = {
        name: (column.count(0.0), len(column) - column.count(None))
        for name, column in columns.items()
    }
    return MeanResult(
        machine,
        domain,
        kind,
        Metrics(*(as_float(MEANS[kind](as_array(column))) for column in columns.values())),
        {name: counts for name, counts in zeros.items() if counts[0]},
    )


def _gaps(rows: Sequence[SectionResult]) -> Iterator[Note]:
    """Say which machines lack a section or domain that they have in the other domain."""
    present = {(row.machine, row.section, row.domain) for row in rows}
    for machine, section in sorted({(row.machine, row.section) for row in rows if row.domain}):
        for domain in DOMAINS:
            if (machine, section, domain) not in present:
                yield Note(
                    NoteKind.MISSING_DOMAIN,
                    machine,
                    f"{machine}, section {section}: no scores of the {domain} domain, so the means "
                    "are of fewer rows",
                )
