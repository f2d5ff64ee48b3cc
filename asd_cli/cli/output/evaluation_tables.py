"""Evaluations as tables for people and papers; `evaluation_data` writes them for programs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from asd_cli.cli.console import Console
from asd_cli.cli.options import Format
from asd_cli.cli.output.comparison_tables import comparison_sheets
from asd_cli.cli.output.evaluation_json import as_csv, as_json
from asd_cli.cli.output.numbers import (
    HEADINGS,
    figure,
    interval_text,
    mean_figure,
    mean_intervals,
    mean_rows,
    row_intervals,
)
from asd_cli.cli.output.tables import Cell, Sheet, latex, markdown, rich_table
from asd_cli.evaluation.evaluation import METRIC_NAMES, SectionResult
from asd_cli.evaluation.intervals import Interval
from asd_cli.evaluation.labelled import domain_name
from asd_cli.services.evaluate import EvaluateResult, System

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_FORMS = {Format.MD: markdown, Format.LATEX: latex}


def print_evaluation(
    result: EvaluateResult,
    format_: Format,
    console: Console,
    *,
    quiet: bool,
    verbose: bool = False,
) -> None:
    """Print an evaluation to stdout in one of the formats.

    Parameters
    ----------
    result : EvaluateResult
        What to print.
    format_ : Format
        How.
    console : Console
        Where.
    quiet : bool
        The official scores alone.
    verbose : bool
        Every system's own tables below the leaderboard of several.
    """
    if quiet:
        for system in result.systems:
            console.data(figure(system.evaluation.official_score))
    elif format_ is Format.JSON:
        console.data(json.dumps(as_json(result), indent=2, allow_nan=False))
    elif format_ is Format.CSV:
        console.data(as_csv(result))
    else:
        _print_sheets(result, format_, console, verbose=verbose)


def _print_sheets(
    result: EvaluateResult, format_: Format, console: Console, *, verbose: bool
) -> None:
    """Print a single system, then what it is compared with; or several, compared first."""
    own = result.systems if verbose or not result.leaderboard else ()
    compared = list(comparison_sheets(result))
    if format_ in _FORMS:
        alone = [_sheet(system) for system in own]
        sheets = [*compared, *alone] if result.leaderboard else [*alone, *compared]
        console.data("\n\n".join(_FORMS[format_](sheet, console) for sheet in sheets))
        return
    if not result.leaderboard:
        _print_tables(own[0], console)
    for sheet in compared:
        console.out.print(rich_table(sheet, console))
        for note in sheet.notes:
            console.out.print(console.safe(note), style="dim", soft_wrap=True)
    if result.leaderboard:
        for system in own:
            _print_tables(system, console)


def _print_tables(system: System, console: Console) -> None:
    for machine in system.evaluation.machines:
        rows = [row for row in system.evaluation.rows if row.machine == machine]
        console.out.print(_machine_table(system, machine, rows, console))
    console.out.print(_overall_table(system, console))
    console.out.print(
        f"{system.evaluation.score_name}  {_official(system)}", style="bold", soft_wrap=True
    )
    signature = f"signature       {console.safe(system.signature)}"
    console.out.print(signature, style="dim", soft_wrap=True)


def _official(system: System) -> str:
    """Write the official score, with its interval where there is one."""
    shown = figure(system.evaluation.official_score)
    interval = None if system.intervals is None else system.intervals.official_score
    if interval is None:
        return shown
    return f"{shown}  ({100 * interval.level:g} %: {interval.low:.4f} to {interval.high:.4f})"


def _table(title: str, columns: Sequence[str], console: Console) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(console.safe(title), "bold"), title_justify="left", min_width=78)
    for name in columns:
        table.add_column(name, justify="left" if name in {"section", "domain", ""} else "right")
    return table


def _machine_table(
    system: System, machine: str, rows: Sequence[SectionResult], console: Console
) -> "Table":
    from rich.text import Text

    counted = system.intervals is None  # intervals need the width; counts go below the section
    counts = ("normal", "anomaly") if counted else ()
    table = _table(machine, ("section", "domain", *counts, *HEADINGS), console)
    best = max((row.metrics.auc for row in rows if row.metrics.auc is not None), default=None)
    for position, row in enumerate(rows):
        last = position + 1 == len(rows) or rows[position + 1].domain != row.domain
        is_best = row.metrics.auc is not None and row.metrics.auc == best
        cells = _stacked(
            [figure(value) for value in row.metrics.values()], row_intervals(system, row), is_best
        )
        numbers = [str(row.normal), str(row.anomaly)]
        section = Text(row.section)
        if not counted:
            section.append(f"\n{' + '.join(numbers)} clips", "dim")
        domain = domain_name(row.domain)
        table.add_row(section, domain, *(numbers if counted else ()), *cells, end_section=last)
    for label, mean in mean_rows(system, machine):
        texts = [mean_figure(mean, name) for name in METRIC_NAMES]
        cells = _stacked(texts, mean_intervals(system, mean))
        table.add_row(Text(label, "italic"), "", *("" for _ in counts), *cells)
    return table


def _overall_table(system: System, console: Console) -> "Table":
    from rich.text import Text

    table = _table(f"{system.name}: all machines", ("", *HEADINGS), console)
    for machine in system.evaluation.machines:
        mean = system.evaluation.mean(machine, None, "harmonic")
        texts = [mean_figure(mean, name) for name in METRIC_NAMES]
        table.add_row(Text(console.safe(machine)), *_stacked(texts, mean_intervals(system, mean)))
    table.add_section()
    for label, mean in mean_rows(system, None):
        texts = [mean_figure(mean, name) for name in METRIC_NAMES]
        table.add_row(Text(label, "italic"), *_stacked(texts, mean_intervals(system, mean)))
    return table


def _stacked(
    texts: Sequence[str], intervals: Mapping[str, Interval | None], best: bool = False
) -> "Iterator[Text]":
    """Put each figure's interval below it, where there is one; the AUC may be the best."""
    from rich.text import Text

    for name, text in zip(METRIC_NAMES, texts, strict=True):
        cell = Text(text, "bold green" if best and name == "auc" else "")
        interval = intervals.get(name)
        if interval is not None:
            cell.append(f"\n{interval_text(interval)}", "not bold dim default")
        yield cell


def _sheet(system: System) -> Sheet:
    """Give a system's rows and means as one table."""
    rows: list[tuple[Cell | str, ...] | None] = []
    for machine in system.evaluation.machines:
        for row in system.evaluation.rows:
            if row.machine == machine:
                texts = [figure(value) for value in row.metrics.values()]
                cells = _with_intervals(texts, row_intervals(system, row))
                rows.append((machine, row.section, domain_name(row.domain), *cells))
        for label, mean in mean_rows(system, machine):
            texts = [mean_figure(mean, name) for name in METRIC_NAMES]
            cells = _with_intervals(texts, mean_intervals(system, mean))
            rows.append((machine, Cell(label, "label"), "", *cells))
        rows.append(None)
    for label, mean in mean_rows(system, None):
        texts = [mean_figure(mean, name) for name in METRIC_NAMES]
        cells = _with_intervals(texts, mean_intervals(system, mean))
        rows.append((Cell("all", "best"), Cell(label, "label"), "", *cells))
    return Sheet(
        system.name,
        ("machine", "section", "domain", *HEADINGS),
        tuple(rows),
        left=3,
        notes=(system.signature, *(note.text for note in system.evaluation.incomplete)),
        remark=f"{system.evaluation.score_name} {_official(system)}",
    )


def _with_intervals(
    texts: Sequence[str], intervals: Mapping[str, Interval | None]
) -> Iterator[str]:
    for name, text in zip(METRIC_NAMES, texts, strict=True):
        interval = intervals.get(name)
        yield text if interval is None else f"{text} [{interval_text(interval)}]"
