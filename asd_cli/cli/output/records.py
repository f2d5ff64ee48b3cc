"""A list of facts, printed in whichever format was asked for."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from asd_cli.cli.console import Console
from asd_cli.cli.options import Format
from asd_cli.cli.output.tables import Table, latex, markdown, print_table


def show_records(
    records: Sequence[Mapping[str, Any]],
    table: Table,
    *,
    schema: str,
    key: str,
    format_: Format,
    console: Console,
) -> None:
    """Print records to stdout.

    Parameters
    ----------
    records : sequence of mapping
        For machines: all with the same keys.
    table : Table
        The same for people.
    schema : str
        Name of the JSON document's form.
    key : str
        Where its records are.
    format_ : Format
        JSON, CSV, or how to write the table.
    console : Console
        Where to.
    """
    if format_ is Format.JSON:
        console.data(json.dumps({"schema": schema, key: list(records)}, indent=2))
    elif format_ is Format.CSV:
        text = io.StringIO()
        writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        console.data(text.getvalue())
    elif format_ is Format.TEXT:
        print_table(table, console)
        for note in table.notes:
            console.out.print(console.safe(note), highlight=False)
    else:
        console.data((markdown if format_ is Format.MD else latex)(table, console))
