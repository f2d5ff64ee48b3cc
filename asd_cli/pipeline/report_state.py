"""What the report must know of a run: whether it is whole, its thresholds, its conditions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from asd_cli.core.errors import AsdError, DataError
from asd_cli.core.hashing import hash_file
from asd_cli.datasets.dcase.attributes import NO_ATTRIBUTE, read_attributes
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.detectors.thresholds import Threshold as Fitted
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.pipeline.layout import Workspace
from asd_cli.pipeline.systems import System
from asd_cli.reporting.content import Threshold

_SYNTHETIC = "synthetic.json"


def is_synthetic(workspace: Workspace, manifest: Mapping[str, Any], *, own: bool) -> bool:
    """Tell whether the scored recordings were computed and not recorded."""
    settings = manifest.get("settings")
    recorded = settings.get(f"{workspace.mode}_directory") if isinstance(settings, dict) else None
    folders = [Path(recorded)] if isinstance(recorded, str) else []
    if own:
        folders.append(workspace.data_directory)
    return any((folder / _SYNTHETIC).is_file() for folder in folders)


def recorded_threshold(manifest: Mapping[str, Any], machine: str) -> Threshold | None:
    """Read from a manifest what decided on a machine's clips; None where it does not say."""
    records = manifest.get("machines")
    record = records.get(machine) if isinstance(records, dict) else None
    if not isinstance(record, dict):
        return None
    try:
        known = Fitted(**record["threshold"])
        said = f"{known.kind}, {known.quantile:g} quantile of the training scores"
    except (KeyError, TypeError, ValueError):
        return None
    return Threshold(value=known.value, said=said, notes=tuple(known.notes), find=known.of)


def run_problems(
    system: System,
    workspace: Workspace,
    manifest: Mapping[str, Any],
    *,
    machines: Sequence[str],
    own: bool,
) -> tuple[str, ...]:
    """List why a run is half-finished, or mixed from several; empty when it is neither."""
    problems = list(_gaps(system))
    records = manifest.get("machines")
    if isinstance(records, dict):
        problems.extend(_mixtures(system, records))
    if own:
        problems.extend(_unscored(system, workspace, machines))
        if isinstance(records, dict):
            problems.extend(_outdated(system, workspace, records))
        else:
            problems.append("there is no manifest: nobody knows what these scores were made from")
    return tuple(problems)


def _gaps(system: System) -> Iterator[str]:
    """Say which machines lack decisions that others have, or a domain."""
    without = {t.key.machine for t in system.tables if t.decisions is None}
    having = {t.key.machine for t in system.tables if t.decisions is not None}
    if having:
        for machine in sorted(without):
            yield f"{machine}: decisions are missing for some of its scores"
    for note in system.evaluation.notes:
        if "no scores of the" in note:
            yield note


def _mixtures(system: System, records: Mapping[str, Any]) -> Iterator[str]:
    """Say which score files are not those that the run wrote."""
    present = {table.path.name: table for table in system.tables}
    known: dict[str, str] = {}
    for record in records.values():
        if isinstance(record, dict) and isinstance(record.get("files"), dict):
            known.update(record["files"])
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
    ways = {
        tuple(str(record.get("inputs", {}).get(key)) for key in ("score", "score_hop_frames"))
        for machine, record in records.items()
        if machine in shown and isinstance(record, dict)
    }
    if len(ways) > 1:
        yield "the machines were scored with different settings (score or score_hop_frames)"


def _unscored(system: System, workspace: Workspace, wanted: Sequence[str]) -> Iterator[str]:
    """Say which machines of the data folder have no scores yet."""
    try:
        machines = workspace.machines(())
    except AsdError:
        return
    scored = set(system.evaluation.machines)
    for machine in machines:
        if machine not in scored and (not wanted or machine in wanted):
            broken = workspace.checkpoint(machine).exists()
            state = "its training was broken off" if broken else "it has no scores"
            yield f"{machine}: {state} (go on: asd run --machine {machine})"


def _outdated(system: System, workspace: Workspace, records: Mapping[str, Any]) -> Iterator[str]:
    """Say which scores were made by another model than the one that is there now."""
    for machine in system.evaluation.machines:
        record, path = records.get(machine), workspace.model(machine)
        if isinstance(record, dict) and path.is_file():
            made_by = record.get("inputs", {}).get("model")
            if made_by is not None and hash_file(path) != made_by:
                yield (
                    f"{machine}: the model was trained again after scoring "
                    f"(score again: asd score --machine {machine})"
                )


def find_attributes(
    workspace: Workspace, machine: str, scores: Sequence[LabelledScores]
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
            clip = parse_clip_name(Path(name), machine=machine, names=workspace.edition.names)
        except ValueError:
            continue
        if clip.attributes not in {"", NO_ATTRIBUTE}:
            found.setdefault("attributes in the name", {})[name] = clip.attributes
    folder = workspace.data_directory / machine
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
