"""Test clips that are the same file: found by the hashes of a manifest, where labels are known."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from asd_cli.artifacts.manifest import MachineRecord
from asd_cli.artifacts.value_files import join_names
from asd_cli.evaluation.labelled import LabelledScores
from asd_cli.evaluation.notes import Note, NoteKind


def same_recordings(
    records: Mapping[str, MachineRecord], scores: Sequence[LabelledScores]
) -> Iterator[Note]:
    """Say which test clips have the same bytes, those of opposite labels first.

    In mode ``eval`` labels are known only now, so that scoring could not say it.

    Parameters
    ----------
    records : mapping of str to MachineRecord
        Machine to what its scores were made from.
    scores : sequence of LabelledScores
        Scores with the truth.
    """
    for machine, record in sorted(records.items()):
        truth = {
            name: bool(anomalous)
            for part in scores
            if part.machine == machine
            for name, anomalous in zip(part.names, part.truth, strict=True)
        }
        names: dict[str, list[str]] = defaultdict(list)
        for name, digest in record.recordings.items():
            if name in truth:
                names[digest].append(name)
        repeated = [group for group in names.values() if len(group) > 1]
        opposite = [group for group in repeated if len({truth[name] for name in group}) > 1]
        plain = [group for group in repeated if group not in opposite]
        if opposite:
            yield _note(machine, "the same recording has opposite labels", opposite)
        if plain:
            yield _note(machine, "the same recording is more than once in test", plain)


def _note(machine: str, what: str, groups: Sequence[Sequence[str]]) -> Note:
    count = "" if len(groups) == 1 else f" ({len(groups)} cases)"
    pairs = join_names([" = ".join(group) for group in groups])
    return Note(NoteKind.REPEATED, machine, f"{machine}: {what}{count}: {pairs}")
