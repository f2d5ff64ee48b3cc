"""The page of a set whose labels are not known: decisions and sounds, and no figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asd_cli.reporting.cards import ClipCard, ClipMedia
from asd_cli.reporting.chart import slug
from asd_cli.reporting.clip_list import Counts, ListedClip
from asd_cli.reporting.content import MachineContent
from asd_cli.reporting.drawing import Drawing
from asd_cli.reporting.markdown import cell
from asd_cli.reporting.own_page import timeline
from asd_cli.reporting.page import thresholds_in_force
from asd_cli.reporting.selection import ClipGroup
from asd_cli.reporting.shown import ShownClips


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledMachine:
    """A machine's chapter.

    Attributes
    ----------
    name, anchor : str
        Machine type, and the name of its chapter.
    groups : tuple of (ClipGroup, tuple of ClipCard)
        Clips to look at, by the reason.
    clips : tuple of ListedClip
        All clips, the farthest above its threshold first.
    media : mapping of str to ClipMedia
        Pictures and sounds of the list.
    thresholds : tuple of (str, float)
        Those in force, and whose they are.
    threshold_kind : str
        How they were found.
    timeline : Drawing or None
        How far each clip lies above its threshold; None where no threshold is known.
    """

    name: str
    anchor: str
    groups: tuple[tuple[ClipGroup, tuple[ClipCard, ...]], ...]
    clips: tuple[ListedClip, ...]
    media: Mapping[str, ClipMedia]
    thresholds: tuple[tuple[str, float], ...]
    threshold_kind: str
    timeline: Drawing | None
    # The list of clips is that of labelled sets, which counts right and wrong decisions.
    counts: Counts | None = None
    margins: tuple[float, float] | None = None

    @property
    def flagged(self) -> int:
        """Clips above their threshold."""
        return sum(bool(clip.flagged) for clip in self.clips)

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        if any(clip.flagged is None for clip in self.clips):
            return f"{len(self.clips)} clips, no decisions"
        return f"{self.flagged} of {len(self.clips)} clips flagged"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledPage:
    """Everything that the template shows.

    Attributes
    ----------
    detector, edition, mode : str
        What was scored by what.
    machines : tuple of UnlabelledMachine
        By name.
    where : str
        Where labels were looked for, and how to get them.
    synthetic : bool
        Whether the recordings were computed and not recorded.
    problems : tuple of str
        Why the run is incomplete.
    remarks : tuple of str
        What the reader should know of pictures and sounds.
    command : str
        What makes the page again.
    """

    detector: str
    edition: str
    mode: str
    machines: tuple[UnlabelledMachine, ...]
    where: str
    synthetic: bool
    problems: tuple[str, ...]
    remarks: tuple[str, ...]
    command: str


def unlabelled_machine(machine: MachineContent, shown: ShownClips) -> UnlabelledMachine:
    """Compute a machine's chapter.

    Parameters
    ----------
    machine : MachineContent
        Scores and thresholds; its truth is not looked at.
    shown : ShownClips
        Its clips, without truth.
    """
    threshold = machine.threshold
    return UnlabelledMachine(
        name=machine.name,
        anchor=f"machine-{slug(machine.name)}",
        groups=tuple(
            (group, tuple(shown.cards[c.key] for c in group.clips if c.key in shown.cards))
            for group in shown.groups
        ),
        clips=shown.clips,
        media=shown.media,
        thresholds=thresholds_in_force(machine),
        threshold_kind=threshold.label if threshold else "",
        timeline=_timeline(slug(machine.name), shown.clips),
    )


def _timeline(name: str, clips: Sequence[ListedClip]) -> Drawing | None:
    ordered = sorted(clips, key=lambda clip: (clip.section, clip.domain, clip.name))
    points = [(c.margin, bool(c.flagged)) for c in ordered if c.margin is not None]
    return timeline(
        points,
        0.0,
        title="Height of all clips above their thresholds, by section, domain and name",
        axis="standard deviations",
        name=f"timeline-{name}",
        kinds=("not flagged", "flagged"),
    )


def unlabelled_markdown(page: UnlabelledPage) -> str:
    """Write the page as text: the verdicts, and the flagged clips of each machine."""
    lines = [f"# {page.detector}, {page.edition}, {page.mode}: no labels", "", page.where, ""]
    lines += [f"- incomplete: {problem}" for problem in page.problems]
    for machine in page.machines:
        lines += ["", f"## {cell(machine.name)}", "", f"{machine.verdict}.", ""]
        lines += ["| clip | section | domain | score | threshold |", "|---|---|---|--:|--:|"]
        lines += [
            f"| {cell(clip.name)} | {clip.section} | {clip.domain} | {clip.score:.4g} "
            f"| {'–' if clip.threshold is None else f'{clip.threshold:.4g}'} |"
            for clip in machine.clips
            if clip.flagged
        ]
    return "\n".join(lines) + "\n"
