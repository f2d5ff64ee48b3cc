"""The page of a machine that is monitored: p-values over time, states, and events with sounds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from asd_cli.reporting.own_page import PartCard

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 960, 220, 46, 10, 176
RIBBON_TOP, RIBBON_HEIGHT = 186, 12
_DECADES = 6
_TICKS = 6
_DAYS = 14
# What counts most where several states share a column.
RANK = ("alarm", "warning", "sensor", "off", "learning", "normal")


@dataclass(frozen=True, slots=True)
class TimedState:
    """A clip on the page: when, how rare, and the state after it."""

    time: float
    p_value: float | None
    state: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the ribbon: from and to in pixels, and its state."""

    left: float
    width: float
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeDrawing:
    """Timeline in pixels of its view box.

    Attributes
    ----------
    points : tuple of (float, float)
        Lowest p-value of each column.
    ribbon : tuple of Stretch
        States.
    x_ticks, y_ticks : tuple of (float, str)
        Places and texts.
    """

    points: tuple[tuple[float, float], ...]
    ribbon: tuple[Stretch, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayRow:
    """A day of the map: its date, and for each hour the worst state and the number of clips."""

    day: str
    hours: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventCard:
    """An event.

    Attributes
    ----------
    id, state, when, source, reason : str
        What happened, when and where.
    sound : str
        Path of the kept sound; empty where there is none.
    card : PartCard or None
        Sound and picture, next to the nearest normal clip.
    """

    id: str
    state: str
    when: str
    source: str
    reason: str
    sound: str
    card: PartCard | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitoringPage:
    """Everything that the template shows.

    Attributes
    ----------
    machine, version : str
        Which machine and model.
    overall, why : str
        State in a word, and why it is stale.
    written : str
        When the page was.
    facts : tuple of (str, str)
        Names and values.
    timeline : TimeDrawing or None
        The last days; None without clips.
    days : tuple of DayRow
        Hours of the last two weeks.
    events : tuple of EventCard
        The newest first.
    """

    machine: str
    version: str
    overall: str
    why: str
    written: str
    facts: tuple[tuple[str, str], ...]
    timeline: TimeDrawing | None
    days: tuple[DayRow, ...]
    events: tuple[EventCard, ...]


def worst(states: Sequence[str]) -> str:
    """Give the state that counts most.

    Examples
    --------
    >>> worst(["normal", "alarm", "off"])
    'alarm'
    """
    return min(states, key=lambda state: RANK.index(state) if state in RANK else len(RANK))


def draw_time(clips: Sequence[TimedState]) -> TimeDrawing | None:
    """Draw p-values on a logarithmic axis and states over time.

    Parameters
    ----------
    clips : sequence of TimedState
        In any order.
    """
    if not clips:
        return None
    begin = min(clip.time for clip in clips)
    span = max(max(clip.time for clip in clips) - begin, 60.0)
    columns: dict[int, list[TimedState]] = {}
    for clip in clips:
        columns.setdefault(int((clip.time - begin) / span * (WIDTH - LEFT - 1)), []).append(clip)
    points, ribbon = [], []
    numbers = sorted(columns)
    for number, after in zip(numbers, [*numbers[1:], numbers[-1] + 1], strict=True):
        here = columns[number]
        rare = [clip.p_value for clip in here if clip.p_value is not None]
        if rare:
            points.append((float(LEFT + number), _height(min(rare))))
        ribbon.append((number, after, worst([clip.state for clip in here])))
    return TimeDrawing(
        points=tuple(points), ribbon=tuple(_joined(ribbon)),
        x_ticks=tuple(
            (LEFT + part / _TICKS * (WIDTH - LEFT - 30), _clock(begin + part / _TICKS * span, span))
            for part in range(_TICKS + 1)
        ),
        y_ticks=tuple((_height(10.0**-n), f"1e-{n}" if n else "1") for n in range(_DECADES + 1)),
    )  # fmt: skip


def _height(p_value: float) -> float:
    depth = min(max(-math.log10(max(p_value, 1e-300)), 0.0), float(_DECADES))
    return round(TOP + depth / _DECADES * (BOTTOM - TOP), 1)


def _joined(parts: Sequence[tuple[int, int, str]]) -> list[Stretch]:
    """Join neighbours of one state."""
    found: list[Stretch] = []
    for begin, end, state in parts:
        same = bool(found) and found[-1].state == state
        left = found.pop().left if same else float(LEFT + begin)
        found.append(Stretch(left, LEFT + end - left, state))
    return found


def _clock(seconds: float, span: float) -> str:
    form = "%H:%M" if span < 86400 else "%d %b %H:%M"
    return datetime.fromtimestamp(seconds).astimezone().strftime(form)


def draw_days(clips: Sequence[TimedState]) -> tuple[DayRow, ...]:
    """Sum up the hours of the last two weeks."""
    if not clips:
        return ()
    hours: dict[tuple[str, int], list[str]] = {}
    for clip in clips:
        when = datetime.fromtimestamp(clip.time).astimezone()
        hours.setdefault((when.date().isoformat(), when.hour), []).append(clip.state)
    last = datetime.fromtimestamp(max(clip.time for clip in clips)).astimezone().date()
    first = min(day for day, _ in hours)
    names = [(last - timedelta(days=back)).isoformat() for back in range(_DAYS)]
    rows = []
    for name in reversed([name for name in names if name >= first]):
        found = [hours.get((name, hour), []) for hour in range(24)]
        rows.append(
            DayRow(day=name, hours=tuple((worst(s) if s else "none", len(s)) for s in found))
        )
    return tuple(rows)
