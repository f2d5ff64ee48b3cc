"""What is known before a machine is scored, and the record of its scores in the manifest."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from asd_cli.artifacts.manifest import MachineRecord, Manifest, read_manifest, update_manifest
from asd_cli.core.events import Events
from asd_cli.core.hashing import hash_file
from asd_cli.core.types import Split
from asd_cli.pipeline.identity import scoring_inputs
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import MachineTask
from asd_cli.pipeline.recording_checks import (
    TRAINING_CLIPS,
    TrainedOn,
    names_by_hash,
    other_recordings,
    trained_and_tested,
)
from asd_cli.pipeline.request import RunRequest
from asd_cli.pipeline.scoring import score_machine, usable_model


def trained_clips(layout: Layout, machine: str) -> TrainedOn:
    """Require a usable model, and give the clips that it is of."""
    model = usable_model(layout, machine)
    none = np.empty((0, 3), np.uint64)
    return TrainedOn(layout.model(machine), model.tensors.get(TRAINING_CLIPS, none))


def uncertain(layout: Layout, task: MachineTask, trained_on: TrainedOn) -> Iterator[str]:
    """Say where a model is of test clips, or of others than the training clips that are there."""
    machine, dataset = task.machine, layout.dataset
    for folder in dataset.missing_test_folders(machine):
        yield f"{machine}: there is no folder {folder}, so none of its clips is scored"
    here = dataset.clips(machine, Split.TRAIN) if dataset.has(machine, Split.TRAIN) else ()
    train = layout.command("train", machine)
    yield from other_recordings(machine, trained_on, here, train=train)
    names = names_by_hash(here)
    yield from trained_and_tested(machine, trained_on.clips, task.store(), names)


def keep_record(layout: Layout, machine: str, record: MachineRecord) -> None:
    """List in the manifest what was scored, and remove files of sections that are gone."""

    def change(manifest: Manifest | None) -> Manifest:
        known: Mapping[str, MachineRecord] = {} if manifest is None else manifest.machines
        old = known.get(machine)
        for name in () if old is None else old.files:
            if name not in record.files:
                (layout.result_directory / Path(name).name).unlink(missing_ok=True)
        return Manifest(
            edition=layout.edition.name,
            mode=layout.mode.value,
            detector=layout.plan.name,
            machines={**known, machine: record},
        )

    update_manifest(layout.manifest, change)


def up_to_date_record(
    layout: Layout, machine: str, inputs: Mapping[str, Any]
) -> MachineRecord | None:
    """Give the manifest's record of a machine while nothing it was made from or made changed."""
    manifest = read_manifest(layout.manifest)
    record = None if manifest is None else manifest.machines.get(machine)
    if record is None or record.inputs != dict(inputs):
        return None
    for name, digest in record.files.items():
        path = layout.result_directory / name
        if not path.is_file() or hash_file(path) != digest:
            return None
    return record


def score_once(request: RunRequest, task: MachineTask, events: Events) -> tuple[str, MachineRecord]:
    """Score a machine, unless another process did meanwhile; as `score_machine`.

    Where there may be such processes the record is in the manifest before the next one looks.
    """
    if not request.in_units:
        return score_machine(request, task, events)
    layout = Layout(request.settings, request.mode)
    known = None
    if not request.force:
        inputs = scoring_inputs(layout, task.machine, task.store())
        known = up_to_date_record(layout, task.machine, inputs)
    if known is not None:
        return task.machine, known
    scored = score_machine(request, task, events)
    keep_record(layout, *scored)
    return scored
