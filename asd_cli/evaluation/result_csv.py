"""`result.csv` in the layouts of the DCASE 2021 baseline (dev) and official evaluator (eval)."""

import csv
import io
from collections.abc import Iterator, Sequence

from asd_cli.core.types import Mode
from asd_cli.evaluation.evaluation import DOMAINS, KINDS, Evaluation, Metrics

_FIGURES = ("AUC", "pAUC", "precision", "recall", "F1 score")
_EVERYTHING = "over all machine types, sections, and domains"

Row = Sequence[str | float | None]


def render_result_csv(evaluation: Evaluation, mode: Mode) -> str:
    """Write an evaluation as the published code does.

    Parameters
    ----------
    evaluation : Evaluation
        What to write; undefined figures become empty fields.
    mode : Mode
        ``dev`` gives the baseline's layout; ``eval`` the official evaluator's, which adds harmonic
        means by domain and the official score.

    Returns
    -------
    str
        With LF line ends.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(_rows(evaluation, mode))
    return text.getvalue()


def _rows(evaluation: Evaluation, mode: Mode) -> Iterator[Row]:
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
        yield ("official score", "", evaluation.official_score)
        yield ()


def _means(
    evaluation: Evaluation, machine: str | None, mode: Mode
) -> Iterator[tuple[str, Metrics]]:
    for kind in KINDS:
        yield f"{kind} mean", evaluation.mean(machine, None, kind).metrics
    if mode is Mode.EVAL:
        for domain in DOMAINS:
            yield f"{domain} harmonic mean", evaluation.mean(machine, domain, "harmonic").metrics
