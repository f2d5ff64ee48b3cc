"""Evaluations as tables for people, and as JSON, CSV and Markdown for everything else."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from asd_cli.cli.console import Console
from asd_cli.cli.options import Format
from asd_cli.evaluation.evaluation import METRIC_NAMES, MeanResult, Metrics, SectionResult
from asd_cli.services.evaluate import EvaluateResult, System

SCHEMA = "asd.evaluate/1"
_HEADINGS = ("AUC", "pAUC", "precision", "recall", "F1")
_UNDEFINED = "–"
# A spreadsheet takes a cell that begins so for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def print_evaluation(
    result: EvaluateResult, format_: Format, console: Console, *, quiet: bool
) -> None:
    """Print an evaluation to stdout in one of the formats."""
    if quiet:
        for system in result.systems:
            console.data(_figure(system.evaluation.official_score))
    elif format_ is Format.JSON:
        console.data(json.dumps(as_json(result), indent=2, allow_nan=False))
    elif format_ is Format.CSV:
        console.data(as_csv(result))
    elif format_ is Format.MD:
        console.data("\n\n".join(_markdown(system, console) for system in result.systems))
    else:
        for system in result.systems:
            _print_tables(system, console)


def as_json(result: EvaluateResult) -> dict[str, Any]:
    """Give the document that scripts read; undefined figures are null."""
    return {"schema": SCHEMA, "systems": [_system_json(system) for system in result.systems]}


def _system_json(system: System) -> dict[str, Any]:
    evaluation = system.evaluation
    return {
        "name": system.name,
        "edition": system.edition,
        "mode": system.mode.value,
        "detector": system.detector,
        "signature": system.signature,
        "official_score": evaluation.official_score,
        "rows": [
            {
                "machine": row.machine,
                "section": row.section,
                "domain": row.domain,
                "normal": row.normal,
                "anomaly": row.anomaly,
                **_metrics(row.metrics),
            }
            for row in evaluation.rows
        ],
        "means": [
            {
                "machine": mean.machine,
                "domain": mean.domain,
                "kind": mean.kind,
                **_metrics(mean.metrics),
            }
            for mean in evaluation.means
        ],
        "notes": list(evaluation.notes),
    }


def _metrics(metrics: Metrics) -> dict[str, float | None]:
    return {name: getattr(metrics, name) for name in METRIC_NAMES}


def as_csv(result: EvaluateResult) -> str:
    """Give one row for each system, machine, section and domain, and one for each mean."""
    import pandas as pd

    frames = [
        system.evaluation.to_frame().assign(
            system=inert(system.name),
            machine=lambda frame: frame["machine"].map(inert, na_action="ignore"),
        )
        for system in result.systems
    ]
    every = pd.concat(frames)
    columns = ["system", *(name for name in every.columns if name != "system")]
    return str(every.to_csv(columns=columns, index=False, lineterminator="\n"))


def inert(text: str) -> str:
    """Keep a spreadsheet from running a name as a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _figure(value: float | None) -> str:
    return _UNDEFINED if value is None else f"{value:.4f}"


def _mean_figure(mean: MeanResult, name: str) -> str:
    """Say "0 in k of n" where zeros make a harmonic mean meaningless."""
    if mean.kind == "harmonic" and name in mean.zeros:
        return "0 in {} of {}".format(*mean.zeros[name])
    return _figure(getattr(mean.metrics, name))


def _mean_rows(system: System, machine: str | None) -> Iterator[tuple[str, MeanResult]]:
    for domain in ("source", "target"):
        mean = system.evaluation.mean(machine, domain, "harmonic")
        if mean.metrics.auc is not None:
            yield f"{domain} harmonic mean", mean
    yield "arithmetic mean", system.evaluation.mean(machine, None, "arithmetic")
    yield "harmonic mean", system.evaluation.mean(machine, None, "harmonic")


def _print_tables(system: System, console: Console) -> None:
    for machine in system.evaluation.machines:
        rows = [row for row in system.evaluation.rows if row.machine == machine]
        console.out.print(_machine_table(system, machine, rows, console))
    console.out.print(_overall_table(system, console))
    console.out.print(f"official score  {_figure(system.evaluation.official_score)}", style="bold")
    console.out.print(f"signature       {console.safe(system.signature)}", style="dim")


def _table(title: str, columns: Sequence[str], console: Console) -> Table:
    table = Table(title=Text(console.safe(title), "bold"), title_justify="left", min_width=78)
    for name in columns:
        table.add_column(name, justify="left" if name in {"section", "domain", ""} else "right")
    return table


def _machine_table(
    system: System, machine: str, rows: Sequence[SectionResult], console: Console
) -> Table:
    table = _table(machine, ("section", "domain", "normal", "anomaly", *_HEADINGS), console)
    best = max((row.metrics.auc for row in rows if row.metrics.auc is not None), default=None)
    for position, row in enumerate(rows):
        last = position + 1 == len(rows) or rows[position + 1].domain != row.domain
        figures = [Text(_figure(value)) for value in row.metrics.values()]
        if row.metrics.auc is not None and row.metrics.auc == best:
            figures[0].stylize("bold green")
        table.add_row(
            row.section,
            row.domain,
            str(row.normal),
            str(row.anomaly),
            *figures,
            end_section=last,
        )
    for label, mean in _mean_rows(system, machine):
        cells = [_mean_figure(mean, name) for name in METRIC_NAMES]
        table.add_row(Text(label, "italic"), "", "", "", *cells)
    return table


def _overall_table(system: System, console: Console) -> Table:
    table = _table(f"{system.name}: all machines", ("", *_HEADINGS), console)
    for machine in system.evaluation.machines:
        mean = system.evaluation.mean(machine, None, "harmonic")
        cells = [_mean_figure(mean, name) for name in METRIC_NAMES]
        table.add_row(Text(console.safe(machine)), *cells)
    table.add_section()
    for label, mean in _mean_rows(system, None):
        cells = [_mean_figure(mean, name) for name in METRIC_NAMES]
        table.add_row(Text(label, "italic"), *cells)
    return table


def _markdown(system: System, console: Console) -> str:
    lines = [
        "| machine | section | domain | " + " | ".join(_HEADINGS) + " |",
        "|---|---|---|" + "--:|" * len(_HEADINGS),
    ]
    for machine in system.evaluation.machines:
        name = _markdown_cell(console.safe(machine))
        for row in system.evaluation.rows:
            if row.machine == machine:
                cells = [_figure(value) for value in row.metrics.values()]
                lines.append(f"| {name} | {row.section} | {row.domain} | " + _joined(cells))
        for label, mean in _mean_rows(system, machine):
            cells = [_mean_figure(mean, key) for key in METRIC_NAMES]
            lines.append(f"| {name} | *{label}* |  | " + _joined(cells))
    for label, mean in _mean_rows(system, None):
        cells = [_mean_figure(mean, key) for key in METRIC_NAMES]
        lines.append(f"| **all** | *{label}* |  | " + _joined(cells))
    official = _figure(system.evaluation.official_score)
    title = _markdown_cell(console.safe(system.name))
    return "\n".join(
        [f"**{title}**: official score {official}", "", *lines, "", f"`{system.signature}`"]
    )


def _joined(cells: Sequence[str]) -> str:
    return " | ".join(cells) + " |"


def _markdown_cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")
