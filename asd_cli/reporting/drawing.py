"""From a chart to the coordinates that the SVG template draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asd_cli.reporting.chart import Axis, Chart, Series

WIDTH, HEIGHT = 360, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 12, 40


@dataclass(frozen=True, slots=True)
class Tick:
    """Place of a tick on its axis, in pixels, and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One series as a path or as circles."""

    kind: str
    tone: str
    dashed: bool
    path: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything the template needs to draw a chart, in pixels of the view box."""

    chart: Chart
    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    band: tuple[float, float] | None
    rule: float | None
    rule_label_left: bool


def draw(chart: Chart, *, width: int = WIDTH, height: int = HEIGHT) -> Drawing:
    """Lay a chart out.

    Parameters
    ----------
    chart : Chart
        What to draw.
    width, height : int
        View box in pixels.

    Returns
    -------
    Drawing
    """
    right, bottom = width - _RIGHT, height - _BOTTOM

    def across(value: float) -> float:
        return _place(value, chart.x, _LEFT, right)

    def up(value: float) -> float:
        return _place(value, chart.y, bottom, _TOP)

    rule = None if chart.rule is None else across(chart.rule[0])
    return Drawing(
        chart=chart,
        width=width,
        height=height,
        left=_LEFT,
        right=right,
        top=_TOP,
        bottom=bottom,
        x_ticks=_ticks(chart.x, across),
        y_ticks=_ticks(chart.y, up),
        marks=tuple(_mark(series, chart, right, bottom) for series in chart.series),
        band=None if chart.band is None else (across(chart.band[0]), across(chart.band[1])),
        rule=rule,
        rule_label_left=rule is not None and rule > (_LEFT + right) / 2,
    )


def _ticks(axis: Axis, place: Callable[[float], float]) -> tuple[Tick, ...]:
    return tuple(Tick(place(v), t) for v, t in zip(axis.ticks, axis.tick_texts, strict=True))


def _place(value: float, axis: Axis, start: float, end: float) -> float:
    span = axis.high - axis.low
    share = (value - axis.low) / span if span else 0.5
    return round(start + min(max(share, 0.0), 1.0) * (end - start), 1)


def _mark(series: Series, chart: Chart, right: float, bottom: float) -> Mark:
    points = tuple(
        (_place(x, chart.x, _LEFT, right), _place(y, chart.y, bottom, _TOP))
        for x, y in zip(series.x, series.y, strict=True)
    )
    if series.kind == "bars":
        ends = [_place(x + series.bar_width, chart.x, _LEFT, right) for x in series.x]
        path = "".join(
            f"M{x:g} {bottom:g}V{y:g}H{end:g}V{bottom:g}Z"
            for (x, y), end in zip(points, ends, strict=True)
            if y < bottom
        )
        return Mark("bars", series.tone, series.dashed, path, ())
    if series.kind == "points":
        return Mark("points", series.tone, series.dashed, "", points)
    return Mark("line", series.tone, series.dashed, polyline(points), points)


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Write points as an SVG path, leaving out those on a straight line between neighbours."""
    kept: list[tuple[float, float]] = []
    for point in points:
        if len(kept) > 1 and _straight(kept[-2], kept[-1], point):
            kept.pop()
        kept.append(point)
    return "".join(f"{'L' if i else 'M'}{x:g} {y:g}" for i, (x, y) in enumerate(kept))


def _straight(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    """Tell whether b is on the way from a to c, along one axis."""
    across = a[1] == b[1] == c[1] and (a[0] <= b[0] <= c[0] or a[0] >= b[0] >= c[0])
    along = a[0] == b[0] == c[0] and (a[1] <= b[1] <= c[1] or a[1] >= b[1] >= c[1])
    return across or along
