"""The page of inspected recordings: what is there, what is wrong, what can be promised."""

from dataclasses import dataclass

from asd_cli.reporting.own_page import PartCard


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionPage:
    """Everything that the template shows.

    Attributes
    ----------
    recordings : int
        How many there are.
    seconds : float
        Their length.
    containers, rates, channels : tuple of (str, int)
        How many recordings there are of each.
    sample_rate : int
        What a model would use, in Hz.
    clips, units : int
        Clips, and independent recordings.
    unreadable : tuple of str
        Why files cannot be read.
    suspicious : tuple of (str, str)
        Recordings with something wrong, and what.
    copies : tuple of str
        Recordings that hold the same sound.
    gain : str
        A step of the level; empty where there is none.
    states : str or None
        Two operating states, in words.
    levels : tuple of float
        Level of each recording, in decibels of full scale.
    cards : tuple of PartCard
        Clips that sound unlike the others.
    supported : tuple of (float, float)
        False-alarm rates, and their bounds.
    notes : tuple of str
        What limits that, and what was left out.
    command : str
        What made the page.
    """

    recordings: int
    seconds: float
    containers: tuple[tuple[str, int], ...]
    rates: tuple[tuple[str, int], ...]
    channels: tuple[tuple[str, int], ...]
    sample_rate: int
    clips: int
    units: int
    unreadable: tuple[str, ...]
    suspicious: tuple[tuple[str, str], ...]
    copies: tuple[str, ...]
    gain: str
    states: str | None
    levels: tuple[float, ...]
    cards: tuple[PartCard, ...]
    supported: tuple[tuple[float, float], ...]
    notes: tuple[str, ...]
    command: str

    @property
    def problems(self) -> int:
        """Count what should be looked at before training."""
        found = len(self.unreadable) + len(self.suspicious) + len(self.copies)
        return found + bool(self.gain)
