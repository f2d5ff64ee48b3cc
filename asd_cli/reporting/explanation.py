"""Where a clip differs from normal ones: values, and the same in words."""

from dataclasses import dataclass

_NAMED = 2
_WHOLE_CLIP = 0.95
_LOWEST_SAID_HZ = 50.0


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of time and frequency.

    Attributes
    ----------
    frames, bands : (int, int)
        First, and one past the last.
    start_s, end_s, low_hz, high_hz : float
        The same in seconds and Hz.
    level_db : float
        How far it lies above (or, negative, below) the nearest normal clip's average in the same
        bands: exceeded in a tenth of it, after smoothing.
    """

    frames: tuple[int, int]
    bands: tuple[int, int]
    start_s: float
    end_s: float
    low_hz: float
    high_hz: float
    level_db: float

    @property
    def band(self) -> str:
        """The frequencies in words: ``2.1–7.2 kHz``."""
        return _hertz(self.low_hz, self.high_hz)


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where a clip differs from normal.

    Attributes
    ----------
    regions : tuple of Region
        The strongest first; empty where nothing stands out.
    nearest : int
        Index of the nearest normal clip in the reference.
    seconds : float
        Length of the clip.
    unusual : bool
        Whether the strongest region holds more excess than those of half of the normal clips;
        nothing is framed where it does not.
    level_db : float
        How much louder (or, negative, quieter) the clip is in nearly all bands; 0 where it is not.
    member : str
        Which member of an ensemble decided; empty where that is not known.
    """

    regions: tuple[Region, ...]
    nearest: int
    seconds: float
    unusual: bool
    level_db: float = 0.0
    member: str = ""

    @property
    def sentence(self) -> str:
        """The explanation in words."""
        return " ".join(filter(None, (self._level, self._where, self._who)))

    @property
    def _level(self) -> str:
        if not self.level_db:
            return ""
        word = "Louder" if self.level_db > 0 else "Quieter"
        return f"{word} everywhere by {abs(self.level_db):.0f} dB."

    @property
    def _who(self) -> str:
        return f"The detector {self.member} decided." if self.member else ""

    @property
    def _where(self) -> str:
        if not self.regions:
            if self.level_db:
                return ""
            return "No region stands out: normal clips differ as much among themselves."
        first, *others = (self._named(region) for region in self.named)
        text = f"{first} its nearest normal clip"
        text += "".join(f"; {other[0].lower()}{other[1:]} it" for other in others)
        more = len(self.regions) - len(self.named)
        if more:
            text += f"; {more} weaker region{'s' if more > 1 else ''} framed as well"
        return ("Apart from that: " if self.level_db else "") + text + "."

    @property
    def named(self) -> tuple[Region, ...]:
        """The regions that the sentence names."""
        return self.regions[:_NAMED]

    def _named(self, region: Region) -> str:
        side = "louder than" if region.level_db >= 0 else "quieter than"
        where = f"{_time(region, self.seconds)}, {_hertz(region.low_hz, region.high_hz)}"
        return f"{where}, up to {abs(region.level_db):.0f} dB {side}"


def _time(region: Region, seconds: float) -> str:
    if region.end_s - region.start_s > _WHOLE_CLIP * seconds:
        return "All the time"
    digits = 1 if region.end_s - region.start_s >= 0.2 else 2
    return f"{region.start_s:.{digits}f}–{region.end_s:.{digits}f} s"


def _hertz(low: float, high: float) -> str:
    if low < _LOWEST_SAID_HZ:
        return f"up to {high:.0f} Hz" if high < 1000 else f"up to {high / 1000:.1f} kHz"
    if high < 1000:
        return f"{low:.0f}–{high:.0f} Hz"
    digits = 1 if high < 10_000 else 0
    return f"{low / 1000:.{digits}f}–{high / 1000:.{digits}f} kHz"
