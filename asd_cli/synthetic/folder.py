"""The folder of a synthetic set: what marks it, whether it is ours, what it lacks."""

import json
import shlex
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from pathlib import Path

from asd_cli.core.errors import UsageError
from asd_cli.core.files import write_text
from asd_cli.core.types import Label, Mode, Split
from asd_cli.synthetic.plan import PlannedClip, SyntheticPlan

MANIFEST = "synthetic.json"
NOTICE = "SYNTHETIC.txt"
GROUND_TRUTH = "ground_truth"
SCHEMA = "asd.synthetic/1"

_NOTICE = """\
These recordings are SYNTHETIC.

No machine was recorded. `asd` computed every file from simple physics and a seed, so that the whole
pipeline can be tried without a download. Results on this set say nothing about real machines and
must not be reported as results on the DCASE data, whose folders and file names it imitates.

mode      {mode}
machines  {machines}
sections  {sections} of each
training  {source_train} source and {target_train} target clips of each section
test      {test_normal} normal and {test_anomaly} anomalous clips of each section and domain
duration  {duration_s:g} s
seed      {seed}

{manifest} holds the same for programs. The folder may be deleted; the same plan gives the same
bytes again.
"""


class FolderState(Enum):
    """What stands in a folder that is to hold a synthetic set."""

    EMPTY = auto()
    BEGUN = auto()
    COMPLETE = auto()


def inspect_folder(root: Path, fingerprint: str) -> FolderState:
    """Say how far a set has come, and refuse a folder that holds something else.

    Parameters
    ----------
    root : Path
        The folder; need not exist.
    fingerprint : str
        Of the wanted set.

    Raises
    ------
    UsageError
        When `root` is a file, or holds other data or a synthetic set of another plan.
    """
    if not root.exists():
        return FolderState.EMPTY
    if not root.is_dir():
        raise UsageError(f"{root} is a file, and a synthetic set needs a folder")
    if not (root / MANIFEST).exists():
        if any(not is_left_over(entry) for entry in root.iterdir()):
            raise UsageError(
                f"{root} holds something else; a synthetic set is never mixed with other data",
                hint="choose a folder that is empty or does not exist",
            )
        return FolderState.EMPTY
    manifest = _read_manifest(root / MANIFEST)
    if manifest.get("fingerprint") != fingerprint:
        raise UsageError(
            f"{root} holds a synthetic set of another plan or version",
            hint=f"choose another folder, or remove that set: rm -r {shlex.quote(str(root))}",
        )
    return FolderState.COMPLETE if manifest.get("complete") is True else FolderState.BEGUN


def _read_manifest(path: Path) -> Mapping[str, object]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(
            f"{path} is not the manifest of a synthetic set",
            hint="choose a folder that is empty or does not exist",
        ) from error
    return manifest if isinstance(manifest, dict) else {}


def write_manifest(
    root: Path, description: Mapping[str, object], *, fingerprint: str, complete: bool
) -> None:
    """Mark the folder as a synthetic set, begun or complete."""
    manifest = {
        "schema": SCHEMA,
        "synthetic": True,
        "complete": complete,
        "fingerprint": fingerprint,
        **description,
    }
    write_text(root / MANIFEST, json.dumps(manifest, indent=2) + "\n")


def missing_clips(root: Path, clips: Iterable[PlannedClip], size: int) -> list[PlannedClip]:
    """List the clips whose file is not there or not `size` bytes long."""
    sizes: dict[str, int] = {}
    missing = []
    seen: set[str] = set()
    for clip in clips:
        folder = clip.path.rsplit("/", 1)[0]
        if folder not in seen:
            seen.add(folder)
            sizes.update(_file_sizes(root, folder))
        if sizes.get(clip.path) != size:
            missing.append(clip)
    return missing


def _file_sizes(root: Path, folder: str) -> dict[str, int]:
    place = root / folder
    if not place.is_dir():
        return {}
    return {
        f"{folder}/{entry.name}": entry.stat().st_size
        for entry in place.iterdir()
        if entry.is_file()
    }


def is_left_over(path: Path) -> bool:
    """Tell a temporary file of an interrupted write from data."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def remove_left_overs(root: Path, clips: Iterable[PlannedClip]) -> None:
    """Remove the temporary files that a killed run left in the folders of `clips`."""
    folders = {root, root / GROUND_TRUTH} | {(root / clip.path).parent for clip in clips}
    for folder in folders:
        if folder.is_dir():
            for path in folder.iterdir():
                if is_left_over(path):
                    path.unlink(missing_ok=True)


def companion_texts(
    plan: SyntheticPlan, mode: Mode, clips: Iterable[PlannedClip]
) -> dict[str, str]:
    """Write out the notice and, where names hide the labels, the ground truth.

    Returns
    -------
    dict of str to str
        Path relative to the set's folder, to content.
    """
    notice = _NOTICE.format(
        mode=mode,
        machines=", ".join(plan.machines),
        sections=plan.sections,
        source_train=plan.source_train,
        target_train=plan.target_train,
        test_normal=plan.test_normal,
        test_anomaly=plan.test_anomaly,
        duration_s=plan.duration_s,
        seed=plan.seed,
        manifest=MANIFEST,
    )
    return {NOTICE: notice} | (_ground_truth(clips) if mode is Mode.EVAL else {})


def _ground_truth(clips: Iterable[PlannedClip]) -> dict[str, str]:
    """List the labels as the organisers do: one file a machine, section and domain."""
    lines: dict[str, list[str]] = {}
    for clip in clips:
        if clip.split is Split.TEST:
            stem = f"ground_truth_{clip.machine}_section_{clip.section}_{clip.domain}_test"
            label = int(clip.label is Label.ANOMALY)
            lines.setdefault(f"{GROUND_TRUTH}/{stem}.csv", []).append(f"{clip.name},{label}\n")
    return {path: "".join(rows) for path, rows in lines.items()}
