"""Which clips a report shows: the most telling ones, not all of one kind."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from asd_cli.evaluation.labelled import domain_name
from asd_cli.reporting.content import MachineContent

EACH = 3
MOST_OF_A_PART = 2


@dataclass(frozen=True, slots=True)
class ChosenClip:
    """A clip to show.

    Attributes
    ----------
    name, section, domain : str
        Which.
    score : float
        Its anomaly score.
    anomalous : bool
        The truth.
    flagged : bool or None
        The decision.
    rank : str
        Where its score stands among the machine's clips.
    """

    name: str
    section: str
    domain: str
    score: float
    anomalous: bool
    flagged: bool | None
    rank: str


def choose_clips(
    machine: MachineContent, *, each: int = EACH
) -> tuple[tuple[ChosenClip, ...], ...]:
    """Choose the clips of a machine that are shown.

    Parameters
    ----------
    machine : MachineContent
        Its scores.
    each : int
        Clips of each kind; at most two of one section and domain, unless there are too few.

    Returns
    -------
    (false alarms, misses, hits)
        Normal clips with the highest scores, anomalous clips with the lowest, and with the
        highest; no clip twice.
    """
    clips = _ranked(machine)
    normal = [clip for clip in clips if not clip.anomalous]
    anomalous = [clip for clip in clips if clip.anomalous]
    misses = _varied(anomalous[::-1], min(each, (len(anomalous) + 1) // 2))
    hits = _varied([clip for clip in anomalous if clip not in misses], each)
    return _varied(normal, each), misses, hits


def _ranked(machine: MachineContent) -> list[ChosenClip]:
    """All clips of a machine, the highest score first, then by name."""
    every = np.sort(np.concatenate([part.scores[part.own] for part in machine.scores]))
    clips = []
    for part in machine.scores:
        for index in np.flatnonzero(part.own).tolist():
            score = float(part.scores[index])
            above = len(every) - int(np.searchsorted(every, score, "right"))
            clips.append(
                ChosenClip(
                    part.names[index],
                    part.section,
                    domain_name(part.domain),
                    score,
                    bool(part.truth[index]),
                    None if part.decisions is None else bool(part.decisions[index]),
                    f"rank {above + 1} of {len(every)}",
                )
            )
    return sorted(clips, key=lambda clip: (-clip.score, clip.section, clip.domain, clip.name))


def _varied(clips: list[ChosenClip], count: int) -> tuple[ChosenClip, ...]:
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
