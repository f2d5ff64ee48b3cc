"""The clips of a machine as its chapter shows them: all in a list, the most telling as cards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from asd_cli.reporting.cards import ClipCard, ClipMedia
from asd_cli.reporting.clip_list import ListedClip, list_clips
from asd_cli.reporting.content import MachineContent
from asd_cli.reporting.selection import ClipGroup, choose_clips


@dataclass(frozen=True, slots=True)
class ShownClips:
    """Clips of a machine.

    Attributes
    ----------
    clips : tuple of ListedClip
        All of them.
    groups : tuple of ClipGroup
        Those that get a card, by the reason.
    cards : mapping of (str, str) to ClipCard
        Domain and name, to card.
    media : mapping of str to ClipMedia
        Anchor of a clip, to the picture and sound of its row.
    remarks : tuple of str
        What the reader should know of them.
    """

    clips: tuple[ListedClip, ...]
    groups: tuple[ClipGroup, ...]
    cards: Mapping[tuple[str, str], ClipCard] = field(default_factory=dict)
    media: Mapping[str, ClipMedia] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def shown_clips(machine: MachineContent) -> ShownClips:
    """List and choose the clips of a machine, without pictures and sounds."""
    clips = list_clips(machine)
    return ShownClips(clips, choose_clips(clips))
