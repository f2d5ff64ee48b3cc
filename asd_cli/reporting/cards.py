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
    """A recording to listen to.

    Attributes
    ----------
    label : str
        What it is.
    address : str
        Its bytes as a ``data:`` address.
    level : float
        Root mean square of the samples, full scale 1: players match the loudness of two by it.
    """

    label: str
    address: str
    level: float = 0.0


@dataclass(frozen=True, slots=True)
class ClipMedia:
    """Small picture and sound of a clip in the list, as ``data:`` addresses; empty without."""

    image: str
    sound: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipCard:
    """One clip.

    Attributes
    ----------
    name : str
        File name.
    section, domain : str
        Where it belongs.
    anomalous : bool or None
        The truth; None where it is not known.
    flagged : bool or None
        The decision, where there is one.
    score : float
        Its anomaly score.
    threshold : float or None
        What decided on it.
    p_value : float or None
        How rare so high a score is among normal clips.
    rank : str
        Where that stands among the machine's clips.
    anchor : str
        Name of the clip's row in the list of all clips.
    why : str
        The explanation in one sentence; empty where there is none.
    pictures : tuple of (str, Picture)
        The clip and its nearest normal clip, with what each is; empty where the recording is not
        available.
    sounds : tuple of Sound
        The same, to listen to.
    missing : str
        Why there is no picture.
    """

    name: str
    section: str
    domain: str
    anomalous: bool | None
    flagged: bool | None
    score: float
    threshold: float | None = None
    p_value: float | None = None
    rank: str = ""
    anchor: str = ""
    why: str = ""
    pictures: tuple[tuple[str, Picture], ...] = ()
    sounds: tuple[Sound, ...] = ()
    missing: str = ""
