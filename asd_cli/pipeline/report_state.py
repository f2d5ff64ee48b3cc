"""What the report must know of a run: whether it is whole, its thresholds, its conditions."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from asd_cli.artifacts.manifest import Manifest
from asd_cli.artifacts.threshold import INTERVAL
from asd_cli.core.errors import DataError
from asd_cli.core.hashing import hash_file
from asd_cli.datasets.dcase.attributes import NO_ATTRIBUTE, read_attributes
from asd_cli.datasets.dcase.names import parse_clip_name
from asd_cli.datasets.trees import tree_of
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.evaluation.notes import INCOMPLETE
from asd_cli.pipeline.completeness import Scored, completeness_notes
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.systems import System
from asd_cli.reporting.content import Threshold

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
    label = (
        f"prediction interval for a false-alarm rate of {1 - known.quantile:.2g}"
        if known.kind == INTERVAL
        else f"{known.kind}, {known.quantile:g} quantile of the training scores"
    )
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
    scored = Scored(
        layout=layout, tables=system.tables, manifest=manifest, machines=tuple(machines), own=own
    )
    ours = completeness_notes(scored) if own else ()
    said = {(note.kind, note.machine) for note in ours}
    others = [n for n in system.evaluation.notes if (n.kind, n.machine) not in said]
    notes = [*others, *ours]
    problems = [note.text for note in notes if note.kind in INCOMPLETE]
    if manifest is not None:
        problems.extend(_foreign_files(system, manifest))
    elif own and not layout.manifest.exists():
        problems.append("there is no manifest: nobody knows what these scores were made from")
    return tuple(dict.fromkeys(problems))


def _foreign_files(system: System, manifest: Manifest) -> Iterator[str]:
    """Say which score files are not those that the run wrote."""
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
    tree = tree_of(layout.data_directory)
    for path in tree.children(folder) if tree.is_dir(folder) else ():
        listed = _listed(tree.source(path)) if path.match("attributes_*.csv") else {}
        for name, values in listed.items():
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
