"""A clip as the page shows it: picture, score over time, sound, explanation."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Box:
    """A region of the picture, in pixels of its view box."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class AxisTick:
    """Place of a tick in pixels, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A log-mel spectrogram with axes, boxes and the score over time below it.

    Attributes
    ----------
    image : str
        PNG as a ``data:`` address.
    seconds : float
        Length of the clip.
    x_ticks, y_ticks : tuple of AxisTick
        Seconds and Hz.
    boxes : tuple of Box
        What drove the score.
    curve : str
        SVG path of the score over time; empty where the detector scores whole clips.
    rule : float or None
        Height of the threshold in the strip of the curve.
    curve_text : str
        The range of the curve in words.
    """

    image: str
    seconds: float
    x_ticks: tuple[AxisTick, ...]
    y_ticks: tuple[AxisTick, ...]
    boxes: tuple[Box, ...]
    curve: str = ""
    rule: float | None = None
    curve_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A recording to listen to: what it is, and its bytes as a ``data:`` address."""

    label: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCard:
    """One clip.

    Attributes
    ----------
    name : str
        File name.
    section, domain : str
        Where it belongs.
    anomalous : bool
        The truth.
    flagged : bool or None
        The decision, where there is one.
    score : float
        Its anomaly score.
    rank : str
        Where that stands among the machine's clips.
    why : str
        The explanation in one sentence; empty where there is none.
    picture : Picture or None
        None where the recording is not available.
    sounds : tuple of Sound
        The clip and its nearest normal clip.
    missing : str
        Why there is no picture.
    """

    name: str
    section: str
    domain: str
    anomalous: bool
    flagged: bool | None
    score: float
    rank: str = ""
    why: str = ""
    picture: Picture | None = None
    sounds: tuple[Sound, ...] = ()
    missing: str = ""
