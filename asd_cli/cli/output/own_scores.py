"""Decisions on files: lines for people, JSON, JSON lines and CSV for programs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from asd_cli.cli.console import Console
from asd_cli.cli.options import ScoreFormat
from asd_cli.pipeline.own.score_table import COLUMNS, as_csv, rows_of

if TYPE_CHECKING:
    from asd_cli.pipeline.own.bulk import BulkScores
    from asd_cli.services.own_score import OwnScores, ScoredFile

SCHEMA = "asd.score/1"
_WORDS = {"normal": "normal", "anomalous": "ANOMALOUS", "not scored": "not scored"}
_STYLES = {"normal": "green", "anomalous": "bold red", "not scored": "bold magenta"}
_WORD_WIDTH = 10
_MAX_NAME = 40
_INDENT = "             "


def show_file(file: "ScoredFile", console: Console) -> None:
    """Print the line of a file, and below it why it is anomalous or what is suspicious."""
    line = Text(f"  {_WORDS[file.status]:<{_WORD_WIDTH}} ", style=_STYLES[file.status])
    name = console.safe(file.path)
    line.append(name + " " * max(1, _MAX_NAME - cell_len(name)), style="default")
    if file.score is not None and file.p_value is not None:
        line.append(f"{file.score:8.2f}  p {_p(file.p_value)}", style="default")
    console.out.print(line, soft_wrap=True)
    for text in _below(file):
        console.out.print(f"{_INDENT}{console.safe(text)}", soft_wrap=True)


def _p(value: float) -> str:
    """Write a p-value with two digits, and what is too small to matter as a bound."""
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def _below(file: "ScoredFile") -> Iterator[str]:
    worst = file.worst
    if file.status == "anomalous" and worst is not None and len(file.parts) > 1:
        count = sum(part.anomalous for part in file.parts)
        yield (f"{count} of {len(file.parts)} parts, most of all {worst.start:g}–{worst.end:g} s")
    if file.reason:
        yield file.reason
    yield from file.remarks


def show_summary(scores: "OwnScores", console: Console) -> None:
    """Print what came of all files, and what the decision promises."""
    counts = {word: sum(f.status == word for f in scores.files) for word in _WORDS}
    named = [f"{counts[word]} {word}" for word in ("anomalous", "normal", "not scored")]
    kept = [text for text in named if not text.startswith("0 ")]
    total = len(scores.files)
    console.out.print(f"{', '.join(kept)}: {total} file{'s' if total != 1 else ''}")
    console.out.print(
        f"{console.safe(scores.machine)}, version {scores.version} ({scores.detector}): "
        f"false-alarm rate {scores.rate:.2g}, or up to {scores.bound:.2g} (95 % bound from "
        f"{scores.normal_clips} normal clips)",
        soft_wrap=True,
    )


def show_bulk(scores: "BulkScores", output: Path, format_: ScoreFormat, console: Console) -> None:
    """Print what came of recordings whose scores are in a table."""
    if format_ in {ScoreFormat.JSON, ScoreFormat.JSONL}:
        content = {"schema": "asd.scores/1", "table": str(output), **asdict(scores)}
        console.data(json.dumps(content))
        return
    console.data(
        f"{scores.anomalous} anomalous, {scores.not_scored} not scored: {scores.files} files in "
        f"{console.safe(output)}"
    )


def show_data(scores: "OwnScores", format_: ScoreFormat, console: Console) -> None:
    """Print everything for programs."""
    if format_ is ScoreFormat.JSON:
        console.data(json.dumps(document(scores), indent=2))
    elif format_ is ScoreFormat.JSONL:
        for file in scores.files:
            for row in rows_of(file):
                console.data(json.dumps(row))
    else:
        console.data(as_csv([row for file in scores.files for row in rows_of(file)]))


def document(scores: "OwnScores") -> Mapping[str, Any]:
    """Give the JSON document."""
    return {
        "schema": SCHEMA,
        "machine": scores.machine,
        "model": str(scores.model),
        "version": scores.version,
        "detector": scores.detector,
        "false_alarm_rate": scores.rate,
        "false_alarm_bound": scores.bound,
        "normal_clips": scores.normal_clips,
        "files": [
            {
                "file": str(file.path),
                "status": str(file.status),
                "seconds": file.seconds,
                "score": file.score,
                "p_value": file.p_value,
                "reason": file.reason,
                "remarks": list(file.remarks),
                "parts": [
                    {name: row[name] for name in COLUMNS[1:7]}
                    for row in rows_of(file)
                    if file.parts
                ],
            }
            for file in scores.files
        ],
    }
