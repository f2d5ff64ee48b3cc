"""What a sweep came to: a table, and the same for programs."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict

from asd_cli.cli.console import Console
from asd_cli.cli.options import Format
from asd_cli.cli.output.numbers import UNDEFINED, figure
from asd_cli.cli.output.tables import Table, latex, markdown, print_table
from asd_cli.pipeline.sweeping import SeedSummary, SweepResult

_COLUMNS = ("detector", "figure", "seeds", "mean", "SD", "95 % interval")


def print_sweep(result: SweepResult, format_: Format, console: Console) -> None:
    """Print mean, standard deviation and interval of each figure of each group."""
    rows = result.summaries
    if format_ is Format.JSON:
        content = {"schema": "asd.sweep/1", "units": result.units, "left": result.left,
                   "page": None if result.page is None else str(result.page),
                   "summaries": [asdict(row) for row in rows]}  # fmt: skip
        console.data(json.dumps(content))
    elif format_ is Format.CSV:
        console.data(as_csv(rows))
    elif format_ is Format.MD:
        console.data(markdown(sweep_table(rows), console))
    elif format_ is Format.LATEX:
        console.data(latex(sweep_table(rows), console))
    else:
        print_table(sweep_table(rows), console)


def as_csv(rows: Sequence[SeedSummary]) -> str:
    """Write one row a figure, numbers in full."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("group", "figure", "seeds", "mean", "deviation", "low", "high"))
    for row in rows:
        writer.writerow(asdict(row).values())
    return text.getvalue()


def sweep_table(rows: Sequence[SeedSummary]) -> Table:
    """Give the table."""
    return Table(
        "over seeds",
        _COLUMNS,
        tuple(
            (row.group, row.figure, str(row.seeds), figure(row.mean), figure(row.deviation),
             _interval(row))
            for row in rows
        ),
        left=2,
    )  # fmt: skip


def _interval(row: SeedSummary) -> str:
    if row.low is None or row.high is None:
        return UNDEFINED
    return f"{row.low:.4f} to {row.high:.4f}"
