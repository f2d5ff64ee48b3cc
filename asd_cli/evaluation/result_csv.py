"""`result.csv` in the layout of each edition's baseline (dev) and official evaluator (eval).

- ``dcase2020``: a row an id with AUC and pAUC, and their average; both programs alike.
- ``dcase2021``: a row a section and domain.
- ``dcase2022``: a row a section, with a column for each figure of each domain; the evaluator adds
  the AUC of all clips, means over both domains and the official score.
- ``dcase2023``: the baseline adds the pAUC of each domain's own clips. It writes one file a machine
  type; here they stand below each other, with the means over all that the baseline of 2022 has.

The official evaluators of 2022 and later also print a jackknife interval of scores pooled over
machine types, which is not comparable between systems and not written here: see ``--confidence``.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence

from asd_cli.core.types import Mode
from asd_cli.evaluation.evaluation import Evaluation, Metrics, SectionResult
from asd_cli.evaluation.labelled import DOMAINS
from asd_cli.evaluation.means import KINDS, MeanKind, arithmetic_mean, harmonic_mean

_FIGURES = ("AUC", "pAUC", "precision", "recall", "F1 score")
_DECISION_FIGURES = ("precision", "recall", "F1 score")
_EVERYTHING = "over all machine types, sections, and domains"

Row = Sequence[str | float | None]


def render_result_csv(evaluation: Evaluation, mode: Mode, layout: str = "dcase2021") -> str:
    """Write an evaluation as the published code does.

    Parameters
    ----------
    evaluation : Evaluation
        What to write; undefined figures become empty fields.
    mode : Mode
        ``dev`` gives the baseline's layout; ``eval`` the official evaluator's.
    layout : str
        Whose: ``dcase2020``, ``dcase2021``, ``dcase2022`` or ``dcase2023``.

    Returns
    -------
    str
        With LF line ends.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_LAYOUTS[layout](evaluation, mode))
    return text.getvalue()


def _rows_2020(evaluation: Evaluation, mode: Mode) -> Iterator[Row]:
    del mode
    for machine in evaluation.machines:
        yield (machine,)
        yield ("id", "AUC", "pAUC")
        for row in evaluation.rows:
            if row.machine == machine:
                yield (row.section, row.metrics.auc, row.metrics.pauc)
        average = evaluation.mean(machine, None, "arithmetic").metrics
        yield ("Average", average.auc, average.pauc)
        yield ()


def _rows_2021(evaluation: Evaluation, mode: Mode) -> Iterator[Row]:
    for machine in evaluation.machines:
        yield (machine,)
        yield ("section", "domain", *_FIGURES)
        for row in evaluation.rows:
            if row.machine == machine:
                yield (row.section, row.domain, *row.metrics.values())
        for name, metrics in _means(evaluation, machine, mode):
            yield (name, "", *metrics.values())
        yield ()
    yield ("", "", *_FIGURES)
    for name, metrics in _means(evaluation, None, mode):
        yield (f"{name} {_EVERYTHING}", "", *metrics.values())
    yield ()
    if mode is Mode.EVAL:
        yield (evaluation.score_name, "", evaluation.official_score)
        yield ()


def _means(
    evaluation: Evaluation, machine: str | None, mode: Mode
) -> Iterator[tuple[str, Metrics]]:
    for kind in KINDS:
        yield f"{kind} mean", evaluation.mean(machine, None, kind).metrics
    if mode is Mode.EVAL:
        for domain in DOMAINS:
            yield f"{domain} harmonic mean", evaluation.mean(machine, domain, "harmonic").metrics


def _rows_2022(evaluation: Evaluation, mode: Mode) -> Iterator[Row]:
    if mode is Mode.EVAL:
        yield from _evaluator_rows(evaluation)
    else:
        yield from _baseline_rows(evaluation, own_pauc=False)


def _rows_2023(evaluation: Evaluation, mode: Mode) -> Iterator[Row]:
    if mode is Mode.EVAL:
        yield from _evaluator_rows(evaluation)
    else:
        yield from _baseline_rows(evaluation, own_pauc=True)


_Section = dict[str | None, SectionResult]


def _sections(evaluation: Evaluation, machine: str | None) -> dict[tuple[str, str], _Section]:
    """Gather the rows of each machine and section, by domain."""
    found: dict[tuple[str, str], _Section] = {}
    for row in evaluation.rows:
        if machine in {None, row.machine}:
            found.setdefault((row.machine, row.section), {})[row.domain] = row
    return dict(sorted(found.items()))


def _figure(section: _Section, domain: str | None, name: str) -> float | None:
    return getattr(section[domain].metrics, name) if domain in section else None


def _beside(section: _Section, domain: str | None, name: str) -> float | None:
    return getattr(section[domain].beside, name) if domain in section else None


def _decision_figures(section: _Section) -> list[float | None]:
    return [
        _figure(section, domain, name) for name in ("precision", "recall", "f1")
        for domain in DOMAINS
    ]  # fmt: skip


_DECISION_COLUMNS = tuple(f"{name} ({d})" for name in _DECISION_FIGURES for d in DOMAINS)


def _baseline_rows(evaluation: Evaluation, *, own_pauc: bool) -> Iterator[Row]:
    paucs = ("pAUC", "pAUC (source)", "pAUC (target)") if own_pauc else ("pAUC",)
    columns = ("AUC (source)", "AUC (target)", *paucs, *_DECISION_COLUMNS)

    def figures(section: _Section) -> list[float | None]:
        found = [*(_figure(section, d, "auc") for d in DOMAINS), _figure(section, None, "pauc")]
        found += [_beside(section, domain, "pauc") for domain in DOMAINS] if own_pauc else []
        return found + _decision_figures(section)

    for machine in evaluation.machines:
        yield (machine,)
        yield ("section", *columns)
        table = [figures(section) for section in _sections(evaluation, machine).values()]
        for (_, section), values in zip(_sections(evaluation, machine), table, strict=True):
            yield (section, *values)
        for kind in KINDS:
            yield (f"{kind} mean", *_column_means(table, kind))
        yield ()
    yield ("", *columns)
    table = [figures(section) for section in _sections(evaluation, None).values()]
    for kind in KINDS:
        yield (f"{kind} mean {_EVERYTHING}", *_column_means(table, kind))
    yield ()


def _evaluator_rows(evaluation: Evaluation) -> Iterator[Row]:
    for machine in evaluation.machines:
        yield (machine,)
        yield ("section", "AUC (all)", "AUC (source)", "AUC (target)", "pAUC", *_DECISION_COLUMNS)
        for (_, name), section in _sections(evaluation, machine).items():
            aucs = [_beside(section, None, "auc"), *(_figure(section, d, "auc") for d in DOMAINS)]
            pauc = _figure(section, None, "pauc")
            yield (name, *aucs, pauc, *_decision_figures(section))
        yield ("", "", *_FIGURES)
        for label, values in _evaluator_means(evaluation, machine):
            yield (label, "", *values)
        yield ()
    yield ("", "", *_FIGURES)
    for label, values in _evaluator_means(evaluation, None):
        yield (f"{label} {_EVERYTHING}", "", *values)
    yield ()
    yield (evaluation.score_name, "", evaluation.official_score)
    yield ()


def _evaluator_means(evaluation: Evaluation, machine: str | None) -> Iterator[tuple[str, Row]]:
    for kind in KINDS:
        yield f"{kind} mean", evaluation.mean(machine, None, kind).metrics.values()
    pauc = evaluation.mean(machine, None, "harmonic").metrics.pauc
    for domain in DOMAINS:
        auc, _, *decided = evaluation.mean(machine, domain, "harmonic").metrics.values()
        yield f"{domain} harmonic mean", (auc, pauc, *decided)


def _column_means(table: Sequence[Sequence[float | None]], kind: MeanKind) -> Row:
    average = arithmetic_mean if kind == "arithmetic" else harmonic_mean
    return [average(column) for column in zip(*table, strict=True)]


_LAYOUTS: dict[str, Callable[[Evaluation, Mode], Iterator[Row]]] = {
    "dcase2020": _rows_2020,
    "dcase2021": _rows_2021,
    "dcase2022": _rows_2022,
    "dcase2023": _rows_2023,
}
