"""Which clips a report shows: wrong decisions first, then near ones, and not all of one kind."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from asd_cli.reporting.clip_list import ListedClip

EACH = 3
# Without labels, flagged clips are all that is there to look at.
_FLAGGED = 12
MOST_OF_A_PART = 2


class Kind(StrEnum):
    """Why clips are shown; the value is the heading above them."""

    MISSED = "Missed faults"
    NEARLY_MISSED = "Faults that were nearly missed"
    FALSE_ALARM = "False alarms"
    NEARLY_FALSE_ALARM = "Normal clips that nearly gave a false alarm"
    FOUND = "Faults that were found"
    LOW = "Anomalous clips with the lowest scores"
    HIGH_NORMAL = "Normal clips with the highest scores"
    HIGH = "Anomalous clips with the highest scores"
    FLAGGED = "Flagged clips"
    NEARLY_FLAGGED = "Clips that were nearly flagged"

    @property
    def meaning(self) -> str:
        """What the reader sees below the heading."""
        return _MEANINGS[self]


_MEANINGS = {
    Kind.MISSED: "Anomalous, but not above the threshold. The farthest below it first.",
    Kind.NEARLY_MISSED: "Anomalous and only just above the threshold.",
    Kind.FALSE_ALARM: "Normal, but above the threshold. The farthest above it first.",
    Kind.NEARLY_FALSE_ALARM: "Normal and only just below the threshold.",
    Kind.FOUND: "Anomalous and the farthest above the threshold.",
    Kind.LOW: "There are no decisions: these faults sound most like normal.",
    Kind.HIGH_NORMAL: "There are no decisions: these normal clips sound most like faults.",
    Kind.HIGH: "There are no decisions: these faults are the clearest.",
    Kind.FLAGGED: "Above the threshold. The farthest above it first: listen to these.",
    Kind.NEARLY_FLAGGED: "Only just below the threshold, or without a decision.",
}


@dataclass(frozen=True, slots=True)
class ClipGroup:
    """Clips that are shown for one reason; `total` is how many there are of the kind."""

    kind: Kind
    clips: tuple[ListedClip, ...]
    total: int


def choose_clips(clips: Sequence[ListedClip], *, each: int = EACH) -> tuple[ClipGroup, ...]:
    """Choose the clips of a machine that are shown.

    Parameters
    ----------
    clips : sequence of ListedClip
        All of a machine, from `list_clips`: the farthest above its threshold first.
    each : int
        Clips of each kind; at most two of one section and domain, unless there are too few.
        Nearly wrong ones are shown only where fewer are wrong.

    Returns
    -------
    tuple of ClipGroup
        No clip twice; no group is empty.
    """
    return tuple(group for group in _groups(clips, each) if group.clips)


def _groups(clips: Sequence[ListedClip], each: int) -> Iterator[ClipGroup]:
    if any(clip.anomalous is None for clip in clips):
        flagged = [clip for clip in clips if clip.flagged]
        others = [clip for clip in clips if not clip.flagged]
        yield ClipGroup(Kind.FLAGGED, tuple(flagged[:_FLAGGED]), len(flagged))
        yield ClipGroup(Kind.NEARLY_FLAGGED, _varied(others, each), len(others))
        return
    anomalous = [clip for clip in clips if clip.anomalous]
    normal = [clip for clip in clips if not clip.anomalous]
    if any(clip.flagged is None for clip in clips):
        low = _varied(anomalous[::-1], min(each, (len(anomalous) + 1) // 2))
        yield ClipGroup(Kind.LOW, low, len(anomalous))
        yield ClipGroup(Kind.HIGH_NORMAL, _varied(normal, each), len(normal))
        others = [clip for clip in anomalous if clip not in low]
        yield ClipGroup(Kind.HIGH, _varied(others, each), len(anomalous))
        return
    missed = [clip for clip in anomalous[::-1] if not clip.flagged]
    found = [clip for clip in anomalous if clip.flagged]
    alarms = [clip for clip in normal if clip.flagged]
    passed = [clip for clip in normal if not clip.flagged]
    near = _varied(found[::-1], min(max(each - len(missed), 0), len(found) // 2))
    yield ClipGroup(Kind.MISSED, _varied(missed, each), len(missed))
    yield ClipGroup(Kind.NEARLY_MISSED, near, len(found))
    yield ClipGroup(Kind.FALSE_ALARM, _varied(alarms, each), len(alarms))
    nearly = _varied(passed, max(each - len(alarms), 0))
    yield ClipGroup(Kind.NEARLY_FALSE_ALARM, nearly, len(passed))
    rest = [clip for clip in found if clip not in near]
    yield ClipGroup(Kind.FOUND, _varied(rest, each), len(found))


def _varied(clips: Sequence[ListedClip], count: int) -> tuple[ListedClip, ...]:
    """Take the first ones, few of the same section and domain; fill up in order if needed."""
    seen: Counter[tuple[str, str]] = Counter()
    chosen = []
    for clip in clips:
        part = (clip.section, clip.domain)
        if seen[part] < MOST_OF_A_PART:
            seen[part] += 1
            chosen.append(clip)
    chosen += [clip for clip in clips if clip not in chosen]
    kept = chosen[:count]
    return tuple(clip for clip in clips if clip in kept)
