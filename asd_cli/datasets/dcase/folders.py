"""From folders of recordings to lists of clips, with everything wrong with them said at once."""

import difflib
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.recordings import is_recording_name
from asd_cli.core.types import Clip, Domain, Label, Mode, Split
from asd_cli.datasets.dcase.attributes import attributes_of
from asd_cli.datasets.dcase.editions import TRAIN_ROLE, Edition
from asd_cli.datasets.dcase.names import ClipNames, ParsedName, parse_clip_name, read_name
from asd_cli.datasets.trees import Tree, tree_of

__all__ = ["TRAIN_ROLE", "find_machines", "list_clips"]

_DOMAIN_OF_ROLE = {"source_test": Domain.SOURCE, "target_test": Domain.TARGET}
_LABEL_ORDER = {Label.NORMAL: 0, Label.ANOMALY: 1, None: 2}


def find_machines(
    root: Path, edition: Edition, wanted: Sequence[str] = (), *, mode: Mode = Mode.DEV
) -> tuple[str, ...]:
    """List the machine types in a data folder.

    Parameters
    ----------
    root : Path
        ``dev_data`` or ``eval_data``.
    edition : Edition
        Names the folders that make a folder a machine's.
    wanted : sequence of str
        Machine types asked for; empty means all.
    mode : Mode
        Whose recordings are to be fetched where there are none.

    Returns
    -------
    tuple of str
        Sorted.

    Raises
    ------
    DataError
        When the folder is missing or holds no machine.
    UsageError
        When a wanted machine is not there.
    """
    tree = tree_of(root)
    if not tree.is_dir(root):
        fetch = edition.fetch_command(_first_stage(mode))
        raise DataError(
            f"there is no data folder {root}",
            hint=f"fetch the data: {fetch}; or say where it lies: "
            "--set dev_directory=DIR (eval_directory for --mode eval)",
        )
    roles = edition.folders.values()
    found = [
        entry.name
        for entry in tree.children(root)
        if any(tree.is_dir(entry / role) for role in roles)
    ]
    if not found:
        raise _no_machine(root, edition, mode)
    unknown = [machine for machine in wanted if machine not in found]
    if unknown:
        near = difflib.get_close_matches(unknown[0], found, n=1)
        raise UsageError(
            f"there is no machine {unknown[0]!r} in {root}",
            hint=(f"did you mean {near[0]!r}? " if near else "") + f"found: {', '.join(found)}",
        )
    return tuple(sorted(set(wanted))) if wanted else tuple(found)


def _first_stage(mode: Mode) -> str:
    """Name what is fetched first: training comes before scoring."""
    return "dev" if mode is Mode.DEV else "eval-train"


def _no_machine(root: Path, edition: Edition, mode: Mode) -> DataError:
    roles = edition.folders.values()
    if any((root / role).is_dir() for role in roles):
        machine = root.resolve()
        return DataError(
            f"{root} is the folder of one machine, not of machines",
            hint=f"name the folder above it: --set dev_directory={shlex.quote(str(machine.parent))}"
            f" --machine {shlex.quote(machine.name)} (eval_directory for --mode eval)",
        )
    return DataError(
        f"{root} holds no machine: no folder in it has a {' or '.join(roles)} folder",
        hint=f"the layout is <machine>/train/{edition.names.example}; "
        f"or fetch the data: {edition.fetch_command(_first_stage(mode))}",
    )


def list_clips(root: Path, machine: str, role: str, *, mode: Mode, edition: Edition) -> list[Clip]:
    """List the clips of one machine's folder in the order result files have.

    Test clips come by section, normal ones before anomalous ones, each sorted by name, as the
    baselines write them. Attributes that a name does not hold are taken from ``attributes_*.csv``.

    Parameters
    ----------
    root : Path
        ``dev_data`` or ``eval_data``.
    machine : str
        Machine type.
    role : str
        A key of the edition's `folders`: ``train``, ``test``, ``source_test``.
    mode : Mode
        Test clips have labels in dev mode and none in eval mode.
    edition : Edition
        Names the folders and the clips.

    Returns
    -------
    list of Clip

    Raises
    ------
    DataError
        When the folder is missing or has no recordings, or a file of attributes cannot be read.
    ProblemsError
        When names break the grammar or contradict the folder; all are listed.
    """
    folder = root / machine / edition.folders[role]
    tree = tree_of(root)
    if not tree.is_dir(folder):
        raise DataError(
            f"there is no folder {folder}", hint=_fetch_command(role, mode, machine, edition)
        )
    split = Split.TRAIN if role == TRAIN_ROLE else Split.TEST
    clips: list[Clip] = []
    problems: list[str] = []
    for path in _recordings(tree, folder):
        try:
            clip = parse_clip_name(path, machine=machine, names=edition.names, split=split)
        except ValueError as error:
            problems.append(f"{path}: {error}")
            continue
        problems.extend(f"{path}: {text}" for text in _contradictions(clip, role, mode))
        problems.extend(_not_text(clip))
        source = tree.source(path)
        clips.append(clip if source == path else replace(clip, path=source, recording=path.name))
    problems.extend(_duplicates(clips, edition.names))
    problems.extend(_in_sub_folders(tree, folder))
    if problems:
        raise ProblemsError(
            f"{folder} holds {len(problems)} file{'s' * (len(problems) > 1)} that do not belong",
            problems,
            hint="rename, move or remove them",
        )
    if not clips:
        raise DataError(
            f"{folder} holds no recordings", hint=_fetch_command(role, mode, machine, edition)
        )
    clips = attributes_of(clips, root / machine, tree)
    return sorted(clips, key=lambda clip: (clip.section or "", _LABEL_ORDER[clip.label], clip.name))


def _recordings(tree: Tree, folder: Path) -> Iterator[Path]:
    """Give every entry that is named as a recording; whether it can be read shows later."""
    for path in tree.children(folder):
        if is_recording_name(path):
            yield path


def _in_sub_folders(tree: Tree, folder: Path) -> Iterator[str]:
    """Name recordings that lie deeper than an edition has them: nothing else would read them."""
    for path in tree.children(folder):
        if tree.is_dir(path) and not is_recording_name(path) and not path.name.startswith("."):
            inside = next((p for p in tree.below(path) if is_recording_name(p)), None)
            if inside is not None:
                yield f"{inside}: is in a sub-folder, where the edition has no recordings"


def _contradictions(clip: Clip, role: str, mode: Mode) -> Iterator[str]:
    expected = Split.TRAIN if role == TRAIN_ROLE else Split.TEST
    if clip.split is not expected:
        yield f"is a {clip.split} clip in a {expected} folder"
        return
    domain = _DOMAIN_OF_ROLE.get(role)
    if domain is not None and clip.domain is not domain:
        yield f"is of the {clip.domain} domain in the folder of the {domain} domain"
    if expected is Split.TRAIN and clip.label is not Label.NORMAL:
        yield "is not labelled normal, and only normal clips may be trained on"
    if expected is Split.TEST and mode is Mode.DEV and clip.label is None:
        yield "has no label; clips of the development set are normal or anomaly"


def _not_text(clip: Clip) -> Iterator[str]:
    """Name a test clip that result files, which are in UTF-8, could not name."""
    try:
        clip.name.encode()
    except UnicodeEncodeError:
        if clip.split is Split.TEST:
            yield f"{clip.path}: its name is not in UTF-8, as the rows of result files are"


def _duplicates(clips: Sequence[Clip], names: ClipNames) -> Iterator[str]:
    seen: dict[ParsedName, Clip] = {}
    for clip in clips:
        # Two recordings of one number are a mistake even where their conditions differ.
        key = replace(read_name(clip.name, names), condition="")
        if key in seen:
            yield f"{clip.path}: has the same section, domain, label and number as {seen[key].name}"
        seen.setdefault(key, clip)


def _fetch_command(role: str, mode: Mode, machine: str, edition: Edition) -> str:
    stage = "dev" if mode is Mode.DEV else "eval-train" if role == TRAIN_ROLE else "eval-test"
    return edition.fetch_command(stage, machine)
