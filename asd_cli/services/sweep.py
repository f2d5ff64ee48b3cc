"""`asd sweep`: runs of several detectors, settings and seeds, and what they come to together."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.execution.executor import SerialExecutor
from asd_cli.execution.markers import Markers
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import do_units
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.sweeping import (
    SeedSummary,
    SweepRequest,
    SweepResult,
    SweepUnit,
    Variant,
    summaries,
    sweep_units,
)
from asd_cli.services.evaluate import EvaluateRequest, evaluate
from asd_cli.services.extract import extract
from asd_cli.services.report import ReportRequest, report
from asd_cli.services.score import score
from asd_cli.services.train import train


def sweep(request: SweepRequest, events: Events = SILENT) -> SweepResult:
    """Train and score every machine in every run that is not done, then compare.

    Raises
    ------
    AsdError
        Of units that failed, when all others are done; what extraction raises.
    """
    run = request.run
    units = sweep_units(request)
    markers = Markers(request.folder / "units")
    done = markers.keys()
    todo = [unit for unit in run.rank.of(units) if unit.key not in done]
    if todo:
        _extract(request, events)
        with (
            closing(run.make_executor()) as executor,
            progress(events, "sweep", total=len(todo), unit="units") as advance,
        ):
            do_units(
                do_unit, todo, executor=executor, events=events,
                each=lambda unit, _: advance(1, unit.label),
            )  # fmt: skip
    done = markers.keys()
    left = sum(unit.key not in done for unit in units)
    if left:
        return SweepResult(units=len(units), left=left)
    return SweepResult(
        units=len(units), left=0, summaries=_summaries(request), page=_compare(request)
    )


def do_unit(unit: SweepUnit, events: Events) -> dict[str, Any]:
    """Train and score one machine of one run; may run in a worker."""
    trained = train(unit.request, events, executor=SerialExecutor())
    scored = score(unit.request, events, executor=SerialExecutor())
    return {"machine": unit.machine, "state": trained.machines[0].state,
            "clips": scored.machines[0].clips}  # fmt: skip


def _extract(request: SweepRequest, events: Events) -> None:
    """Extract what the runs share, once for each set of feature parameters."""
    seen: set[str] = set()
    for variant in request.variants:
        key = Layout(variant.settings, request.run.mode).features().fingerprint
        if key not in seen:
            # Every rank needs all of it: ranks find each other's units.
            extract(replace(request.run, settings=variant.settings, rank=Rank()), events)
            seen.add(key)


def _summaries(request: SweepRequest) -> tuple[SeedSummary, ...]:
    run = request.run
    evaluated = []
    for variant in request.variants:
        asked = EvaluateRequest(settings=variant.settings, mode=run.mode, machines=run.machines)
        evaluated.append((variant, evaluate(asked).systems[0].evaluation))
    return summaries(evaluated)


def _compare(request: SweepRequest) -> Path | None:
    first: dict[str, Variant] = {}
    for variant in request.variants:
        first.setdefault(variant.group, variant)
    folders = tuple(
        Layout(variant.settings, request.run.mode).result_directory for variant in first.values()
    )
    if len(folders) < 2:
        return None
    settings = request.run.settings.model_copy(update={"result_directory": request.folder})
    return report(
        ReportRequest(
            settings=settings, mode=request.run.mode, folders=folders,
            machines=request.run.machines,
        )
    ).path  # fmt: skip
