"""From machines that are asked for to tasks whose features are extracted."""

from collections.abc import Mapping, Sequence

from asd_cli.core.events import Events
from asd_cli.core.types import Split
from asd_cli.execution.executor import Executor
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import MachineTask, StoredClips, threads_for
from asd_cli.pipeline.request import RunRequest


def training_tasks(
    layout: Layout,
    machines: Sequence[str],
    request: RunRequest,
    events: Events,
    executor: Executor,
) -> tuple[list[MachineTask], list[str]]:
    """Extract what is missing; gives a task a machine, and why clips were left out."""
    context = ExtractionContext.of(layout, request, executor, events)
    needed = layout.machines(()) if layout.plan.needs_other_machines else machines
    context.fill([(machine, Split.TRAIN) for machine in needed])
    stored: dict[str, StoredClips] = {}
    skipped: dict[str, tuple[str, ...]] = {}
    for machine in needed:
        stored[machine], skipped[machine] = context.require(machine, Split.TRAIN)
    asked = layout.machines(request.machines)
    tasks = [_task(machine, stored, request, asked, layout=layout) for machine in machines]
    return tasks, [text for every in skipped.values() for text in every]


def _task(
    machine: str,
    stored: Mapping[str, StoredClips],
    request: RunRequest,
    machines: Sequence[str],
    *,
    layout: Layout,
) -> MachineTask:
    others = tuple((name, stored[name]) for name in sorted(stored) if name != machine)
    return MachineTask(
        machine,
        stored[machine],
        threads_for(request, machines),
        others if layout.plan.needs_other_machines else (),
    )


def scoring_tasks(
    layout: Layout, request: RunRequest, events: Events, executor: Executor
) -> list[MachineTask]:
    """Extract what is missing of the test clips."""
    asked = layout.machines(request.machines)
    machines = request.rank.of(asked)
    context = ExtractionContext.of(layout, request, executor, events)
    context.fill([(machine, Split.TEST) for machine in machines])
    tasks: list[MachineTask] = []
    for machine in machines:
        stored, bad = context.require(machine, Split.TEST)
        tasks.append(MachineTask(machine, stored, threads_for(request, asked), left_out=bad))
    return tasks
