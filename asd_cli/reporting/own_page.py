"""The page of a machine of one's own: decisions, reasons, sounds, and what was promised."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.reporting.cards import Picture, Sound
from asd_cli.reporting.chart import Axis, Chart, Series
from asd_cli.reporting.drawing import Drawing, draw

_WIDE = 720
_PAD = 0.06
# Lines of fewer points are drawn with dots.
_RULE_POINTS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """One file in the list of all.

    Attributes
    ----------
    name, status : str
        Which file, and the decision.
    seconds : float
        Length.
    score, p_value : float or None
        None where it was not scored.
    text : str
        The reason, and what is suspicious.
    """

    name: str
    status: str
    seconds: float
    score: float | None
    p_value: float | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartCard:
    """The worst part of a file, to look at and to listen to.

    Attributes
    ----------
    name : str
        File and time.
    anomalous : bool
        The decision on the file.
    score, p_value : float
        Of the file.
    why : str
        The reason in words.
    pictures : tuple of (str, Picture)
        The clip and its nearest normal clip, with what each is.
    sounds : tuple of Sound
        Those of them whose recordings are there.
    """

    name: str
    anomalous: bool
    score: float
    p_value: float
    why: str
    pictures: tuple[tuple[str, Picture], ...]
    sounds: tuple[Sound, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """Everything that the template shows.

    Attributes
    ----------
    machine, detector, model : str
        What decided.
    version : int
        Of the model.
    reason : str
        Why that version was made.
    rate, bound : float
        False-alarm rate that was asked for, and its bound for 95 % of clean streams.
    normal_clips, recordings : int
        What the model was trained on.
    trained_seconds : float
        Length of all its clips.
    sample_rate : int
        In Hz.
    clip_seconds : float
        Length of clips.
    limits : tuple of str
        What limits the decisions.
    files : tuple of FileRow
        All files, the worst first.
    cards : tuple of PartCard
        The worst files.
    timeline : Drawing or None
        Scores in the order of files and time.
    auc : float or None
        Where folders say which files are normal and which anomalous.
    command : str
        What made the page.
    """

    machine: str
    detector: str
    model: str
    version: int
    reason: str
    rate: float
    bound: float
    normal_clips: int
    recordings: int
    trained_seconds: float
    sample_rate: int
    clip_seconds: float
    limits: tuple[str, ...]
    files: tuple[FileRow, ...]
    cards: tuple[PartCard, ...]
    timeline: Drawing | None
    auc: float | None
    command: str

    def count(self, status: str) -> int:
        """Count the files of a status."""
        return sum(file.status == status for file in self.files)

    @property
    def verdict(self) -> str:
        """What was found, in a sentence."""
        scored = len(self.files) - self.count("not scored")
        found = self.count("anomalous")
        text = f"{found} of {scored} files sound anomalous" if found else "No file sounds anomalous"
        missing = self.count("not scored")
        return f"{text}; {missing} could not be scored." if missing else f"{text}."


def timeline(
    points: Sequence[tuple[float, bool]],
    threshold: float,
    *,
    title: str = "Scores of all clips, in the order of files and time",
    axis: str = "score",
    name: str = "timeline",
    kinds: tuple[str, str] = ("normal", "anomalous"),
) -> Drawing | None:
    """Draw the scores of clips in their order, and the threshold.

    Parameters
    ----------
    points : sequence of (float, bool)
        Score of each clip, and whether it is anomalous.
    threshold : float
        Of a single clip.
    title, axis, name : str
        What the points are; the name distinguishes several in a page.
    kinds : (str, str)
        What points are called that are not anomalous, and that are.

    Returns
    -------
    Drawing or None
        None where there are no clips.
    """
    if not points:
        return None
    values = [score for score, _ in points]
    low, high = min(*values, threshold), max(*values, threshold)
    pad = (high - low or 1.0) * _PAD
    series = [
        Series(
            label=label,
            kind="points",
            x=[number for number, (_, odd) in enumerate(points, start=1) if odd is anomalous],
            y=[score for score, odd in points if odd is anomalous],
            tone=tone,
        )
        for label, tone, anomalous in (
            (kinds[0], "normal", False),
            (kinds[1], "anomaly", True),
        )
    ]
    end = float(len(points))
    series.append(
        Series(
            label=f"threshold {threshold:.3g}",
            kind="line",
            x=np.linspace(0.5, end + 0.5, _RULE_POINTS).tolist(),
            y=[threshold] * _RULE_POINTS,
            tone="a",
            dashed=True,
        )
    )
    chart = Chart(
        name=name,
        title=title,
        description=f"{len(points)} clips; {axis} from {min(values):.3g} to {max(values):.3g}; "
        f"{sum(odd for _, odd in points)} are {kinds[1]}.",
        x=Axis("clip", 0.5, end + 0.5, whole=True),
        y=Axis(axis, low - pad, high + pad),
        series=tuple(s for s in series if len(s.x)),
    )
    return draw(chart, width=_WIDE)
