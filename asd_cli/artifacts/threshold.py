"""A decision threshold as it is kept in models and manifests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from asd_cli.core.structures import Structure

INTERVAL = "interval"
"""Kind of a threshold that is the end of a prediction interval over blocks of recordings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold(Structure):
    """A decision threshold and how it was found.

    Attributes
    ----------
    value : float
        Scores above it are anomalous.
    kind : str
        ``gamma``, ``quantile`` or ``interval``: what it was computed by.
    quantile : float
        Fraction of normal scores meant to lie below it.
    false_alarm_rate : float
        Fraction of training scores that lie above it.
    parameters : dict
        Shape, location and scale of the gamma distribution.
    notes : tuple of str
        What the user should know: a fallback, a threshold that cannot be exceeded.
    groups : dict of str to float
        Thresholds of groups of clips, by the names that `threshold_groups` gives; `value` is that
        of all others.
    bound : float or None
        What the false-alarm rate may really be, for 95 % of clean streams; only an ``interval``
        gives it.
    """

    value: float
    kind: str
    quantile: float
    false_alarm_rate: float
    parameters: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    groups: dict[str, float] = field(default_factory=dict)
    bound: float | None = None

    def of(self, section: str | None, domain: str | None) -> float:
        """Give the threshold of a clip."""
        return first_value(self.groups, threshold_groups(section, domain, "domain"), self.value)

    @property
    def label(self) -> str:
        """The value, and over which values those of groups range."""
        every = (self.value, *self.groups.values())
        if not self.groups:
            return f"{self.value:.4g}"
        return f"{min(every):.4g} to {max(every):.4g}"


def threshold_groups(section: str | None, domain: str | None, groups: str) -> tuple[str, ...]:
    """Name the groups that a clip belongs to, the narrowest first; its threshold is the first's.

    Parameters
    ----------
    section : str or None
        Of the clip; None where it has none.
    domain : str or None
        Of the clip; None where it is hidden.
    groups : str
        ``machine``: no groups. ``section``: its section. ``domain``: its section and domain, its
        domain in all sections, its section.
    """
    own = () if section is None else (section,)
    if groups == "machine":
        return ()
    if groups == "section" or domain is None:
        return own
    narrow = () if section is None else (f"{section}/{domain}",)
    return (*narrow, f"*/{domain}", *own)


def first_value(values: Mapping[str, float], names: Sequence[str], otherwise: float) -> float:
    """Give the value of the first name that has one."""
    return next((values[name] for name in names if name in values), otherwise)
