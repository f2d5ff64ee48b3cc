"""`asd select`: rank detectors for each machine by its normal recordings alone."""

from contextlib import closing

from asd_cli.core.events import SILENT, Events
from asd_cli.core.types import Split
from asd_cli.detectors.plans import AutoSelect
from asd_cli.execution.executor import make_executor
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import runtime_ready
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.selection import Selection, parse_candidates, rank_candidates

__all__ = ["Selection", "select"]


def select(request: RunRequest, events: Events = SILENT) -> tuple[Selection, ...]:
    """Rank the candidates of ``select.candidates`` for each machine; no anomaly is used.

    Raises
    ------
    ConfigError
        When a candidate is no detector or has wrong settings.
    DataError, ProblemsError
        When recordings are missing or unusable.
    """
    layout = Layout(request.settings, request.mode)
    candidates = parse_candidates(layout.settings)
    with closing(make_executor(request.jobs)) as executor:
        context = ExtractionContext(layout, executor, events, request.skip_bad)
        stores = {
            machine: context.require(machine, Split.TRAIN)[0].open()
            for machine in layout.machines(())
        }
    runtime = AutoSelect(tuple(candidate.name for candidate in candidates)).runtime
    with runtime_ready(runtime, None):
        return tuple(
            rank_candidates(
                layout,
                stores[machine],
                {name: store for name, store in stores.items() if name != machine},
                device=request.device,
                events=events,
            )
            for machine in layout.machines(request.machines)
        )
