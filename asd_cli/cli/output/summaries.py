"""What extract, train and score came to, as JSON documents for programs."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from asd_cli.cli.console import Console
from asd_cli.core.structures import to_plain

if TYPE_CHECKING:
    from asd_cli.pipeline.own.training import OwnTrained
    from asd_cli.services.extract import ExtractResult
    from asd_cli.services.score import ScoreResult
    from asd_cli.services.train import TrainResult

Record = dict[str, Any]


def print_extraction(result: "ExtractResult", console: Console) -> None:
    """Print ``asd.extract/1``: for each machine and split, store and number of clips.

    ``unfinished`` are those that other ranks still work on.
    """
    found = [
        {
            "machine": part.machine,
            "split": str(part.split),
            "path": None if part.extraction.path is None else str(part.extraction.path),
            "computed": part.extraction.computed,
            "reused": part.extraction.reused,
        }
        for part in result.parts
    ]
    facts = {
        "features": found,
        "skipped": list(result.skipped),
        "unfinished": list(result.unfinished),
    }
    _print("asd.extract/1", facts, console)


def print_training(result: "TrainResult", console: Console) -> None:
    """Print ``asd.train/1``: for each machine its model and threshold."""
    machines = [
        {
            "machine": trained.machine,
            "state": trained.state,
            "model": trained.model,
            "sections": list(trained.sections),
            "clips": trained.clips,
            "threshold": to_plain(trained.threshold),
        }
        for trained in result.machines
    ]
    _print_machines("asd.train/1", machines, result.skipped, console)


def print_own_training(trained: "OwnTrained", console: Console) -> None:
    """Print ``asd.train/1`` of one machine, with what limits its model."""
    model = trained.model
    machine = {
        "machine": model.machine,
        "state": "up to date" if trained.up_to_date else "trained",
        "model": str(trained.path),
        "detector": model.facts.training.detector,
        "recordings": trained.recordings,
        "clips": trained.clips,
        "seconds": trained.seconds,
        "sample_rate": model.features.sample_rate,
        "threshold": to_plain(model.threshold),
        "notes": list(trained.notes),
        "warnings": list(trained.warnings),
    }
    _print_machines("asd.train/1", [machine], trained.skipped, console)


def print_scoring(result: "ScoreResult", console: Console) -> None:
    """Print ``asd.scored-set/1``: for each machine its files and the number flagged."""
    machines = [
        {
            "machine": scored.machine,
            "state": "up to date" if scored.up_to_date else "scored",
            "clips": scored.clips,
            "flagged": scored.flagged,
            "threshold": to_plain(scored.threshold),
            "files": [str(result.directory / name) for name in scored.files],
        }
        for scored in result.machines
    ]
    _print_machines("asd.scored-set/1", machines, result.skipped, console)


def _print_machines(
    schema: str, machines: list[Record], skipped: Sequence[str], console: Console
) -> None:
    _print(schema, {"machines": machines, "skipped": list(skipped)}, console)


def _print(schema: str, facts: Record, console: Console) -> None:
    console.data(json.dumps({"schema": schema, **facts}, indent=2))
