"""All test clips of a machine: score, the threshold that decided, and how far apart they lie."""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from asd_cli.evaluation.labelled import FloatArray, LabelledScores, domain_name
from asd_cli.reporting.chart import slug
from asd_cli.reporting.content import MachineContent


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedClip:
    """A test clip.

    Attributes
    ----------
    machine, name, section, domain : str
        Which; `domain` is ``all`` where it is not known.
    score : float
        Its anomaly score.
    anomalous : bool or None
        The truth; None where it is not known.
    flagged : bool or None
        The decision; None where there is none.
    threshold : float or None
        What decided on this clip; None where it is not known.
    margin : float or None
        How far the score lies above the threshold, in standard deviations of the scores of its
        section and domain, so that clips with different thresholds can be compared.
    p_value : float or None
        How rare so high a score is among normal clips, where the model is there.
    conditions : str
        Operating conditions, ``speed 1, load 2``.
    rank : str
        Where the score stands among the machine's clips.
    """

    machine: str
    name: str
    section: str
    domain: str
    score: float
    anomalous: bool | None
    flagged: bool | None
    threshold: float | None
    margin: float | None
    p_value: float | None
    conditions: str
    rank: str

    @property
    def key(self) -> tuple[str, str]:
        """Domain and name, which identify a clip of a machine."""
        return self.domain, self.name

    @property
    def anchor(self) -> str:
        """Name of its row in the page, the same in every report of the same clips."""
        # Names that differ may look alike after `slug`; the checksum distinguishes them.
        number = crc32("/".join((self.machine, self.section, *self.key)).encode())
        return f"clip-{slug(self.name)}-{number:08x}"

    @property
    def wrong(self) -> bool:
        """Whether the decision is known not to be the truth."""
        known = self.flagged is not None and self.anomalous is not None
        return known and self.flagged is not self.anomalous


def list_clips(machine: MachineContent) -> tuple[ListedClip, ...]:
    """List the clips of a machine, the one farthest above its threshold first, then by name.

    Parameters
    ----------
    machine : MachineContent
        Its scores, thresholds and p-values.
    """
    every = np.sort(np.concatenate([part.scores[part.own] for part in machine.scores]))
    clips = [clip for part in machine.scores for clip in _of_part(machine, part, every)]
    return tuple(sorted(clips, key=_order))


def _order(clip: ListedClip) -> tuple[float, str, str, str]:
    height = clip.score if clip.margin is None else clip.margin
    return -height, clip.section, clip.domain, clip.name


def _of_part(
    machine: MachineContent, part: LabelledScores, every: FloatArray
) -> Iterator[ListedClip]:
    limit = machine.threshold.of(part.section, part.domain) if machine.threshold else None
    spread = float(np.std(part.scores)) or 1.0
    rare = machine.p_values.get((part.section, part.domain))
    for index in np.flatnonzero(part.own).tolist():
        score = float(part.scores[index])
        name = part.names[index]
        above = len(every) - int(np.searchsorted(every, score, "right"))
        yield ListedClip(
            machine=machine.name,
            name=name,
            section=part.section,
            domain=domain_name(part.domain),
            score=score,
            anomalous=bool(part.truth[index]),
            flagged=None if part.decisions is None else bool(part.decisions[index]),
            threshold=limit,
            margin=None if limit is None else (score - limit) / spread,
            p_value=None if rare is None else float(rare[index]),
            conditions=", ".join(
                f"{attribute} {values[name]}"
                for attribute, values in machine.attributes.items()
                if name in values
            ),
            rank=f"rank {above + 1} of {len(every)}",
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """Decisions of a machine against the truth.

    Attributes
    ----------
    found, missed : int
        Anomalous clips, by the decision.
    false_alarms, passed : int
        Normal clips, by the decision.
    """

    found: int
    missed: int
    false_alarms: int
    passed: int

    @property
    def anomalous(self) -> int:
        """Anomalous clips."""
        return self.found + self.missed

    @property
    def normal(self) -> int:
        """Normal clips."""
        return self.false_alarms + self.passed

    @property
    def sentence(self) -> str:
        """The counts in words.

        Examples
        --------
        >>> Counts(found=45, missed=15, false_alarms=7, passed=53).sentence
        '45 of 60 faults found, 7 of 60 normal clips flagged'
        """
        return (
            f"{self.found} of {self.anomalous} faults found, "
            f"{self.false_alarms} of {self.normal} normal clips flagged"
        )


def count_decisions(clips: tuple[ListedClip, ...]) -> Counts | None:
    """Count right and wrong decisions; None where a clip has no decision or no known truth."""
    if not clips or any(clip.flagged is None or clip.anomalous is None for clip in clips):
        return None
    return Counts(
        found=sum(bool(c.anomalous and c.flagged) for c in clips),
        missed=sum(bool(c.anomalous) and not c.flagged for c in clips),
        false_alarms=sum(not c.anomalous and bool(c.flagged) for c in clips),
        passed=sum(not c.anomalous and not c.flagged for c in clips),
    )
