"""Charts as data: what is drawn, without how.

The page draws them as small inline SVG by a template of our own, not with matplotlib: the text
stays text, colours follow the page's light or dark theme through CSS variables, each chart carries
its title and description for screen readers, and a chart is 2-4 kB where matplotlib needs 30-60.
matplotlib draws the same data for papers (`asd_cli.reporting.papers`).
"""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from asd_cli.core.text import inert_cell

Kind = Literal["line", "bars", "points"]
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of a chart: its label and range; `names` stand at 0, 1, … in place of numbers."""

    label: str
    low: float
    high: float
    whole: bool = False
    names: tuple[str, ...] = ()

    @property
    def ticks(self) -> tuple[float, ...]:
        """Round values within the range."""
        if self.names:
            return tuple(float(index) for index in range(len(self.names)))
        return nice_ticks(self.low, self.high, whole=self.whole)

    @property
    def tick_texts(self) -> tuple[str, ...]:
        """What stands at the ticks."""
        return self.names or tuple(tick_text(value) for value in self.ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Points that belong together.

    Attributes
    ----------
    label : str
        For the legend.
    kind : str
        ``line``, ``bars`` (x is the left edge) or ``points``.
    x, y : sequence of float
        Of equal length.
    tone : str
        Colour by meaning: ``normal``, ``anomaly``, ``a`` to ``f`` for sections.
    dashed : bool
        For lines.
    bar_width : float
        Width of bars on the x axis.
    """

    label: str
    kind: Kind
    x: Sequence[float]
    y: Sequence[float]
    tone: str
    dashed: bool = False
    bar_width: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart.

    Attributes
    ----------
    name : str
        For files and HTML ids: letters, digits, ``_`` and ``-``.
    title, description : str
        What it shows, in a line, and in words for those who do not see it.
    x, y : Axis
        The axes.
    series : tuple of Series
        What is drawn.
    band : (float, float, str) or None
        A region on the x axis that is shaded, and its label.
    rule : (float, str) or None
        A vertical line and its label.
    diagonal : bool
        Whether chance is drawn from corner to corner.
    note : str
        What a reader should know, below the chart.
    """

    name: str
    title: str
    description: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    band: tuple[float, float, str] | None = None
    rule: tuple[float, str] | None = None
    diagonal: bool = False
    note: str = ""

    def csv(self) -> str:
        """Give the data as ``series,x,y`` rows."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["series", "x", "y"])
        for series in self.series:
            for x, y in zip(series.x, series.y, strict=True):
                writer.writerow([inert_cell(series.label), f"{x:.9g}", f"{y:.9g}"])
        return text.getvalue()


def nice_ticks(low: float, high: float, *, whole: bool = False) -> tuple[float, ...]:
    """Choose round values between two limits, about five of them (1, 2 or 5 times a power of 10).

    Parameters
    ----------
    low, high : float
        The limits; `high` above `low`.
    whole : bool
        Only integers.

    Returns
    -------
    tuple of float
        Rising.
    """
    if not high > low:
        return (low,)
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1.0, 2.0, 5.0, 10.0) if m * power >= rough * 0.999)
    if whole:
        step = max(1.0, round(step))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(round(i * step, 12) + 0.0 for i in range(first, last + 1))


def tick_text(value: float) -> str:
    """Write a tick: no trailing zeros, thousands as k."""
    if value and abs(value) >= 10_000:
        return f"{value / 1000:g}k"
    return f"{value:.6g}"


def slug(text: str) -> str:
    """Turn any name into one that is safe in a file name and in HTML."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)
    return kept[:80] or "x"
