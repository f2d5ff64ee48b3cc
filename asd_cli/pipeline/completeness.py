"""What an evaluation should have scores of, what is missing, and what is out of date.

What should be there is known from several places, and a machine or section that any of them has
and the scores lack makes an evaluation incomplete:

- the official labels, where there are any (mode ``eval``);
- the manifest next to the scores;
- the recordings they were made from, where those are there: a synthetic set or a part of an edition
  is complete in itself;
- else the edition's list of machines and sections. A machine or section that it does not list
  makes the score another one as well.

Asking for machines by name (``--machine``) leaves the others out on purpose: nothing is missing
then, but the score is not the edition's either.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import MachineRecord, Manifest
from asd_cli.artifacts.score_files import SCORE, ScoreTable, parse_file_name
from asd_cli.artifacts.value_files import join_names
from asd_cli.audio.decoding import hash_recording
from asd_cli.core.errors import AsdError, DataError
from asd_cli.core.hashing import hash_file
from asd_cli.core.places import changed_at, is_folder
from asd_cli.core.text import setting_value
from asd_cli.core.types import Clip, Split
from asd_cli.datasets.dcase.dataset import DcaseDataset
from asd_cli.evaluation.label_sources import LabelSource
from asd_cli.evaluation.notes import Note, NoteKind
from asd_cli.features.waveforms import read_hashed
from asd_cli.pipeline.identity import calibration_settings
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.options import feature_parameters
from asd_cli.settings.model import leaves

# Files whose time of change is older than scoring by more than this are not read again.
_CLOCK_SECONDS = 120.0

# Machine to its test clips: name to section.
_Recordings = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What was evaluated, and what is known of it.

    Attributes
    ----------
    layout : Layout
        The run.
    tables : tuple of ScoreTable
        The scores.
    manifest : Manifest or None
        What they were made from.
    labels : LabelSource or None
        Official labels.
    machines : tuple of str
        Those that were asked for; empty means all.
    own : bool
        Whether they are this project's own results.
    """

    layout: Layout
    tables: tuple[ScoreTable, ...]
    manifest: Manifest | None
    labels: LabelSource | None = None
    machines: tuple[str, ...] = ()
    own: bool = False

    @property
    def sections(self) -> frozenset[tuple[str, str]]:
        """Machine and section of the scores."""
        return frozenset((table.key.machine, table.key.section) for table in self.tables)

    @property
    def records(self) -> Mapping[str, MachineRecord]:
        """The manifest's records of the machines."""
        known = {} if self.manifest is None else self.manifest.machines
        present = {machine for machine, _ in self.sections}
        return {machine: record for machine, record in known.items() if machine in present}


def completeness_notes(scored: Scored) -> tuple[Note, ...]:
    """Say what is missing, mixed or out of date; nothing where all is well."""
    recordings = dict(_recorded_clips(scored))
    missing = list(_missing(scored, recordings))
    chosen = [note for note in missing if not scored.machines or note.machine in scored.machines]
    notes = [*chosen, *_missing_decisions(scored), *_mixed(scored)]
    notes += _left_out(scored, recordings if scored.own else {})
    if scored.own:
        notes += outdated(scored)
    left = sorted({note.machine for note in missing} - {note.machine for note in chosen})
    if left:
        edition = scored.layout.edition.name
        notes.append(
            Note(
                NoteKind.RESTRICTED,
                scored.machines[0],
                f"without {join_names(left)}, which were not asked for, this is not the official "
                f"score of {edition}",
            )
        )
    return tuple(notes)


def _missing(scored: Scored, recordings: _Recordings) -> Iterator[Note]:
    """Say which machines and sections have no scores, or should have none."""
    present = scored.sections
    said: set[tuple[str, str]] = set()
    for source, expected in _expected(scored, recordings):
        for machine in sorted({machine for machine, _ in expected}):
            if any(have == machine for have, _ in present):
                lacking = sorted(s for m, s in expected - present - said if m == machine)
                said |= {(machine, section) for section in lacking}
                for section in lacking:
                    text = f"{machine}, section {section}: no scores, though {source} has it"
                    yield Note(NoteKind.MISSING_SECTION, machine, text)
            elif (machine, "") not in said:
                said.add((machine, ""))
                yield Note(NoteKind.MISSING_MACHINE, machine, _without(scored, machine, source))
        if source == _edition_source(scored.layout):
            for machine, section in sorted(present - expected):
                text = f"{machine}, section {section}: {source} does not have it"
                yield Note(NoteKind.UNKNOWN_ROWS, machine, text)


def _without(scored: Scored, machine: str, source: str) -> str:
    layout = scored.layout
    if scored.own and source == _RECORDINGS:
        begun = layout.checkpoint(machine).exists()
        state = "its training was interrupted" if begun else "it has no scores"
        return f"{machine}: {state} (complete it: {layout.command('run', machine)})"
    return f"{machine}: no scores, though {source} has it"


_RECORDINGS = "the folder of recordings"


def _edition_source(layout: Layout) -> str:
    return f"{layout.edition.name}, mode {layout.mode}"


def _expected(
    scored: Scored, recordings: _Recordings
) -> Iterator[tuple[str, frozenset[tuple[str, str]]]]:
    """Give machine and section of everything that should be there, by where it is known from."""
    layout, manifest = scored.layout, scored.manifest
    if recordings:
        yield (
            _RECORDINGS,
            frozenset(
                (machine, section)
                for machine, clips in recordings.items()
                for section in clips.values()
            ),
        )
    if scored.labels is not None:
        yield "the folder of labels", scored.labels.sections()
    if manifest is not None:
        forms = layout.edition.score_files
        yield "the manifest", frozenset(_sections_written(manifest, forms))
    if not recordings and not (scored.own and manifest is not None):
        edition, mode = layout.edition, layout.mode
        yield (
            _edition_source(layout),
            frozenset(
                (machine, section)
                for machine in edition.machines_of[mode]
                for section in edition.sections_of(machine, mode)
            ),
        )


def _sections_written(manifest: Manifest, forms: Sequence[str]) -> Iterator[tuple[str, str]]:
    for record in manifest.machines.values():
        for name in record.files:
            parsed = parse_file_name(name, forms)
            if parsed is not None and parsed[0] == SCORE:
                yield parsed[1].machine, parsed[1].section


def _recorded_clips(scored: Scored) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the test clips of each machine in the folder of recordings: name to section."""
    layout = scored.layout
    # Folders in a manifest are as they were named from another working folder, perhaps.
    here = scored.own or all(t.path.parent == layout.result_directory for t in scored.tables)
    folders = {layout.data_directory} if here else set()
    if scored.manifest is not None:
        folders |= {Path(r.data_directory) for r in scored.manifest.machines.values()}
    for folder in sorted(folders):
        dataset = DcaseDataset(folder, layout.edition, layout.mode)
        try:
            machines = dataset.machines() if is_folder(folder) else ()
        except AsdError:
            continue
        for machine in machines:
            if not dataset.has(machine, Split.TEST):
                continue
            try:
                clips = dataset.clips(machine, Split.TEST)
            except AsdError:
                continue
            yield machine, {clip.name: clip.section or "" for clip in clips}


def _missing_decisions(scored: Scored) -> Iterator[Note]:
    """Say which machines lack decisions while other rows have them."""
    if all(table.decisions is None for table in scored.tables):
        return
    without: dict[str, list[str]] = {}
    for table in scored.tables:
        if table.decisions is None:
            without.setdefault(table.key.machine, []).append(table.key.title)
    for machine, titles in sorted(without.items()):
        yield Note(
            NoteKind.MISSING_DECISIONS,
            machine,
            f"{machine}: decisions are missing for some of its scores ({join_names(titles)}), so "
            "precision, recall and F1 are of fewer rows",
        )


def _left_out(scored: Scored, recordings: _Recordings) -> Iterator[Note]:
    """Say which test clips were left out when the scores were made, or came later."""
    for machine, record in sorted(scored.records.items()):
        if record.left_out:
            yield Note(
                NoteKind.MISSING_CLIPS,
                machine,
                f"{machine}: {len(record.left_out)} test clips were left out of the scores, the "
                f"first: {record.left_out[0]}",
            )
            continue
        scores = {n for t in scored.tables if t.key.machine == machine for n in t.scores}
        added = sorted(set(recordings.get(machine, {})) - scores)
        if added:
            yield Note(
                NoteKind.MISSING_CLIPS,
                machine,
                f"{machine}: {len(added)} test clips have no score, the first: {added[0]} "
                f"({_again(scored.layout, machine)})",
            )


def _again(layout: Layout, machine: str) -> str:
    return f"score again: {layout.command('score', machine)}"


def _mixed(scored: Scored) -> Iterator[Note]:
    records = scored.records
    for text in (*scoring_mixtures(records), *setting_mixtures(records)):
        yield Note(NoteKind.MIXED, min(records), text)


def scoring_mixtures(records: Mapping[str, MachineRecord]) -> Iterator[str]:
    """Say whether machines were scored with different settings."""
    ways = {
        tuple(str(record.inputs.get(key)) for key in ("score", "score_hop_frames"))
        for record in records.values()
    }
    if len(ways) > 1:
        yield "the machines were scored with different settings (score or score_hop_frames)"


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


def outdated(scored: Scored) -> Iterator[Note]:
    """Say which own scores are of another model, other recordings or other settings than now."""
    layout = scored.layout
    if scored.manifest is None and layout.manifest.exists():
        for machine in sorted({machine for machine, _ in scored.sections}):
            text = (
                f"{machine}: {layout.manifest} was written by another version of asd, so what the "
                f"scores were made from is not known ({_again(layout, machine)})"
            )
            yield Note(NoteKind.OUTDATED, machine, text)
    for machine, record in sorted(scored.records.items()):
        yield from _changed_settings(layout, machine, record)
        reasons = [*_changed_model(layout, machine, record)]
        reasons += (
            f"{name} was changed after scoring"
            for name in _changed_recordings(layout, machine, record)
        )
        for reason in reasons:
            text = f"{machine}: {reason} ({_again(layout, machine)})"
            yield Note(NoteKind.OUTDATED, machine, text)


def _changed_model(layout: Layout, machine: str, record: MachineRecord) -> Iterator[str]:
    path = layout.model(machine)
    if path.is_file() and hash_file(path) != record.inputs.get("model"):
        yield "the model was trained again after scoring"


def _changed_settings(layout: Layout, machine: str, record: MachineRecord) -> Iterator[Note]:
    """Name a setting that scoring used and this command was not given, and both commands."""
    present: dict[str, Any] = {
        "score_hop_frames": layout.settings.value("feature.score_hop_frames"),
        **calibration_settings(layout.settings),
    }
    changed = {
        "feature.score_hop_frames" if key == "score_hop_frames" else key: (record.inputs[key], now)
        for key, now in json.loads(json.dumps(present)).items()
        if key in record.inputs and record.inputs[key] != now
    }
    if changed:
        shown = ", ".join(
            f"{k} = {old!r}, which is {new!r} now" for k, (old, new) in changed.items()
        )
        kept = " ".join(f"--set {key}={setting_value(old)}" for key, (old, _) in changed.items())
        text = (
            f"{machine}: it was scored with {shown} (give the setting again: "
            f"{layout.command('evaluate')} {kept}; or {_again(layout, machine)})"
        )
        yield Note(NoteKind.OUTDATED, machine, text)


def _changed_recordings(layout: Layout, machine: str, record: MachineRecord) -> Iterator[str]:
    """Name the recordings whose bytes are others than those that were scored."""
    try:
        clips = layout.dataset.clips(machine, Split.TEST)
        scored_at = datetime.fromisoformat(record.written).timestamp()
    except (AsdError, ValueError):
        return
    for clip in clips:
        digest = record.recordings.get(clip.name)
        if digest is None or not _touched_since(clip.path, scored_at):
            continue
        if not _hash_now(clip, layout).startswith(digest):
            yield clip.name


def _hash_now(clip: Clip, layout: Layout) -> str:
    """Hash a clip as scoring did: the bytes of a file, of a part of one its samples."""
    if not clip.is_part:
        return hash_recording(clip.path)
    try:
        return read_hashed(clip, feature_parameters(layout.settings)).sha256
    except DataError:  # it can no longer be read
        return ""


def _touched_since(path: Path, moment: float) -> bool:
    """Whether a file may have changed; copies with an old date have a new time of status change."""
    return changed_at(path) > moment - _CLOCK_SECONDS
