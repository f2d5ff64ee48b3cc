"""What the report must know of a run: whether it is whole, its thresholds, its conditions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from asd_cli.artifacts.manifest import MachineRecord, Manifest
from asd_cli.core.errors import AsdError, DataError
from asd_cli.core.hashing import hash_file
from asd_cli.core.types import Split
from asd_cli.datasets.dcase.attributes import NO_ATTRIBUTE, read_attributes
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.evaluation.notes import INCOMPLETE
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.systems import System
from asd_cli.reporting.content import Threshold
from asd_cli.settings.model import leaves

_SYNTHETIC = "synthetic.json"


def is_synthetic(layout: Layout, manifest: Manifest | None, *, own: bool) -> bool:
    """Whether the scored recordings were computed and not recorded."""
    folders = set() if manifest is None else {
        Path(record.data_directory) for record in manifest.machines.values()
    }  # fmt: skip
    if own:
        folders.add(layout.data_directory)
    return any((folder / _SYNTHETIC).is_file() for folder in folders)


def recorded_threshold(manifest: Manifest | None, machine: str) -> Threshold | None:
    """Read from a manifest what decided on a machine's clips; None where it does not say."""
    if manifest is None or machine not in manifest.machines:
        return None
    known = manifest.machines[machine].threshold
    label = f"{known.kind}, {known.quantile:g} quantile of the training scores"
    return Threshold(value=known.value, label=label, notes=known.notes, find=known.of)


def run_problems(
    system: System,
    layout: Layout,
    manifest: Manifest | None,
    *,
    machines: Sequence[str],
    own: bool,
) -> tuple[str, ...]:
    """List why a run is incomplete, or mixed from several; empty when it is neither."""
    problems = list(_gaps(system))
    if manifest is not None:
        problems.extend(_mixtures(system, manifest))
        problems.extend(_left_out(system, manifest))
    if own:
        problems.extend(_unscored(system, layout, machines))
        if manifest is None:
            problems.append("there is no manifest: nobody knows what these scores were made from")
        else:
            problems.extend(_outdated(system, layout, manifest))
    return tuple(problems)


def _gaps(system: System) -> Iterator[str]:
    """Say which machines lack decisions that others have, or a domain."""
    without = {t.key.machine for t in system.tables if t.decisions is None}
    having = {t.key.machine for t in system.tables if t.decisions is not None}
    if having:
        for machine in sorted(without):
            yield f"{machine}: decisions are missing for some of its scores"
    yield from (note.text for note in system.evaluation.notes if note.kind in INCOMPLETE)


def _mixtures(system: System, manifest: Manifest) -> Iterator[str]:
    """Say which score files are not those that the run wrote, and which models differ."""
    present = {table.path.name: table for table in system.tables}
    known = {n: d for record in manifest.machines.values() for n, d in record.files.items()}
    for name, table in present.items():
        if name not in known:
            yield f"{name} was not written by this run"
        elif hash_file(table.path) != known[name]:
            yield f"{name} was changed after the run wrote it"
    shown = {table.key.machine for table in system.tables}
    for name in sorted(known):
        ours = any(name.startswith(f"anomaly_score_{machine}_") for machine in shown)
        if ours and name not in present:
            yield f"{name} is missing"
    records = {m: record for m, record in manifest.machines.items() if m in shown}
    ways = {tuple(str(r.inputs.get(k)) for k in ("score", "score_hop_frames"))
            for r in records.values()}  # fmt: skip
    if len(ways) > 1:
        yield "the machines were scored with different settings (score or score_hop_frames)"
    yield from setting_mixtures(records)


def setting_mixtures(records: Mapping[str, MachineRecord]) -> Iterator[str]:
    """Say which settings differ between the models of machines; ``auto`` may choose each."""
    if len({record.training.detector for record in records.values()}) > 1:
        return
    flat = {m: dict(leaves(record.training.settings)) for m, record in records.items()}
    for key in sorted({key for values in flat.values() for key in values}):
        values = {m: repr(settings.get(key)) for m, settings in flat.items()}
        if len(set(values.values())) > 1:
            shown = ", ".join(f"{value} for {machine}" for machine, value in values.items())
            yield f"the models were trained with different settings: {key} is {shown}"


def _left_out(system: System, manifest: Manifest) -> Iterator[str]:
    """Say which test clips could not be used when the scores were made."""
    for machine in system.evaluation.machines:
        record = manifest.machines.get(machine)
        if record is not None and record.left_out:
            yield (
                f"{machine}: {len(record.left_out)} test clips were left out of the scores, the "
                f"first: {record.left_out[0]}"
            )


def _unscored(system: System, layout: Layout, requested: Sequence[str]) -> Iterator[str]:
    """Say which machines of the data folder have no scores yet."""
    try:
        machines = layout.machines(())
    except AsdError:
        return
    scored = set(system.evaluation.machines)
    for machine in machines:
        if machine not in scored and (not requested or machine in requested):
            begun = layout.checkpoint(machine).exists()
            state = "its training was interrupted" if begun else "it has no scores"
            yield f"{machine}: {state} (complete it: {layout.command('run', machine)})"


def _outdated(system: System, layout: Layout, manifest: Manifest) -> Iterator[str]:
    """Say which scores are of another model or other recordings than those that are there now."""
    for machine in system.evaluation.machines:
        record, path = manifest.machines.get(machine), layout.model(machine)
        if record is None:
            continue
        if path.is_file() and hash_file(path) != record.inputs.get("model"):
            yield (
                f"{machine}: the model was trained again after scoring "
                f"(score again: {layout.command('score', machine)})"
            )
        for name in _changed_recordings(layout, machine, record):
            yield (
                f"{machine}: {name} was changed after scoring "
                f"(score again: {layout.command('score', machine)})"
            )


def _changed_recordings(layout: Layout, machine: str, record: MachineRecord) -> Iterator[str]:
    """Name the recordings whose bytes are others than those that were scored."""
    try:
        clips = layout.dataset.clips(machine, Split.TEST)
    except AsdError:
        return
    present = {clip.name: clip.path for clip in clips}
    for name, digest in record.recordings.items():
        path = present.get(name)
        if path is not None and not hash_file(path).startswith(digest):
            yield name


def find_attributes(
    layout: Layout, machine: str, scores: Sequence[LabelledScores]
) -> dict[str, dict[str, str]]:
    """Find the operating conditions of test clips, in their names or in ``attributes_*.csv``.

    Returns
    -------
    dict of str to dict
        Attribute to clip name and value; empty where nothing is known.
    """
    names = {name for part in scores for name in part.names}
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names):
        try:
            clip = parse_clip_name(Path(name), machine=machine, names=layout.edition.names)
        except ValueError:
            continue
        if clip.condition not in {None, NO_ATTRIBUTE}:
            found.setdefault("attributes in the name", {})[name] = clip.condition or ""
    folder = layout.data_directory / machine
    for path in sorted(folder.glob("attributes_*.csv")) if folder.is_dir() else ():
        for name, values in _listed(path).items():
            if name in names:
                for attribute, value in values.items():
                    found.setdefault(attribute, {})[name] = value
    return found


def _listed(path: Path) -> Mapping[str, Mapping[str, str]]:
    """Read a file of attributes; nothing where it is damaged, which spoils no report."""
    try:
        return read_attributes(path)
    except DataError:
        return {}
