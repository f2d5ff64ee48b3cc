"""Evaluations as tables for people and papers; `evaluation_data` writes them for programs."""

import json
from collections.abc import Iterator, Mapping, Sequence

from asd_cli.cli.console import Console
from asd_cli.cli.options import Format
from asd_cli.cli.output.comparison_tables import comparison_tables
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
from asd_cli.cli.output.tables import Cell, Style, Table, latex, markdown, print_table
from asd_cli.evaluation.evaluation import METRIC_NAMES, MeanResult, SectionResult
from asd_cli.evaluation.intervals import Interval
from asd_cli.evaluation.labelled import domain_name
from asd_cli.services.evaluate import EvaluateResult, System

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
        _print_text(result, format_, console, verbose=verbose)


def _print_text(
    result: EvaluateResult, format_: Format, console: Console, *, verbose: bool
) -> None:
    """Print a single system, then what it is compared with; or several, compared first."""
    own = result.systems if verbose or not result.leaderboard else ()
    compared = list(comparison_tables(result))
    if format_ in _FORMS:
        alone = [_system_table(system) for system in own]
        tables = [*compared, *alone] if result.leaderboard else [*alone, *compared]
        console.data("\n\n".join(_FORMS[format_](table, console) for table in tables))
        return
    if not result.leaderboard:
        _print_tables(own[0], console)
    for table in compared:
        print_table(table, console)
        for note in table.notes:
            console.out.print(console.safe(note), style="dim", soft_wrap=True)
    if result.leaderboard:
        for system in own:
            _print_tables(system, console)


def _print_tables(system: System, console: Console) -> None:
    for machine in system.evaluation.machines:
        rows = [row for row in system.evaluation.rows if row.machine == machine]
        print_table(_machine_table(system, machine, rows), console)
        console.out.print()
    _print_overall(system, console)


def _print_overall(system: System, console: Console) -> None:
    table = _overall_table(system)
    print_table(table, console)
    for note in table.notes:
        console.out.print(note, style="dim")
    score = f"{system.evaluation.score_name}  {_official(system)}"
    console.out.print(score, style="bold", soft_wrap=True)
    signature = f"signature       {console.safe(system.signature)}"
    console.out.print(signature, style="dim", soft_wrap=True)


def _official(system: System) -> str:
    """Write the official score, with its interval where there is one."""
    shown = figure(system.evaluation.official_score)
    interval = None if system.intervals is None else system.intervals.official_score
    if interval is None:
        return shown
    return f"{shown}  ({100 * interval.level:g} %: {interval.low:.4f} to {interval.high:.4f})"


_SECONDARY = ("normal", "anomaly", "F1", "recall", "precision")


def _machine_table(system: System, machine: str, rows: Sequence[SectionResult]) -> Table:
    counted = system.intervals is None  # intervals need the width; counts go below the section
    counts = ("normal", "anomaly") if counted else ()
    best = max((row.metrics.auc for row in rows if row.metrics.auc is not None), default=None)
    lines: list[tuple[Cell | str, ...] | None] = []
    for position, row in enumerate(rows):
        if position and rows[position - 1].domain != row.domain:
            lines.append(None)
        is_best = row.metrics.auc is not None and row.metrics.auc == best
        cells = _figures(row.metrics.values(), row_intervals(system, row), best=is_best)
        numbers = (str(row.normal), str(row.anomaly))
        clips = f"{' + '.join(numbers)} clips"
        section = row.section if counted else Cell(row.section, details=clips)
        lines.append((section, domain_name(row.domain), *(numbers if counted else ()), *cells))
    lines.append(None)
    for label, mean in mean_rows(system, machine):
        lines.append((_label(label), "", *("" for _ in counts), *_mean_cells(system, mean)))
    return Table(
        machine, ("section", "domain", *counts, *HEADINGS), tuple(lines), left=2,
        secondary=_SECONDARY,
    )  # fmt: skip


def _overall_table(system: System) -> Table:
    lines: list[tuple[Cell | str, ...] | None] = []
    for machine in system.evaluation.machines:
        mean = system.evaluation.mean(machine, None, "harmonic")
        lines.append((machine, *_mean_cells(system, mean)))
    lines.append(None)
    for label, mean in mean_rows(system, None):
        lines.append((_label(label), *_mean_cells(system, mean)))
    return Table(
        f"{system.name}: all machines", ("harmonic mean", *HEADINGS), tuple(lines),
        secondary=_SECONDARY, notes=_zero_notes(system),
    )  # fmt: skip


def _zero_notes(system: System) -> tuple[str, ...]:
    means = [
        system.evaluation.mean(machine, None, "harmonic")
        for machine in (*system.evaluation.machines, None)
    ]
    some = any(mean.zeros for mean in means)
    return ("* a harmonic mean with a 0 among its values is 0",) if some else ()


def _label(text: str) -> Cell:
    return Cell(text, "label", short=text.replace("harmonic mean", "h-mean"))


def _mean_cells(system: System, mean: MeanResult) -> Iterator[Cell]:
    intervals = mean_intervals(system, mean)
    for name in METRIC_NAMES:
        # Words would take the width of the numbers; a note below the table explains the star.
        zero = mean.kind == "harmonic" and name in mean.zeros
        text = "0*" if zero else mean_figure(mean, name)
        interval = intervals.get(name)
        yield Cell(text, details=interval_text(interval), short=_three(text))


def _figures(
    values: Sequence[float | None], intervals: Mapping[str, Interval | None], *, best: bool
) -> Iterator[Cell]:
    """Put each figure's interval below it, where there is one; the AUC may be the best."""
    for name, value in zip(METRIC_NAMES, values, strict=True):
        style: Style = "best" if best and name == "auc" else ""
        text = figure(value)
        yield Cell(text, style, interval_text(intervals.get(name)), short=_three(text))


def _three(text: str) -> str:
    """Write a figure with three digits; nothing else has four after its point."""
    return f"{float(text):.3f}" if text[:1].isdigit() and not text.endswith("*") else text


def _system_table(system: System) -> Table:
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
    return Table(
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
