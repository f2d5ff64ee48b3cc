"""Solenoid valve: timed clicks of the plunger, ringing, and a breath of air between them.

Each cycle opens (the plunger hits the core) and closes (the spring drives it on to the seat): two
impacts that excite different modes of the body. While it is open, air flows through; a jet's noise
grows with pressure (Lighthill, On sound generated aerodynamically, 1952).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Modes, Wave

_BREATH = 0.012
_HUM = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class _Valve:
    rate_hz: float
    open_share: float
    opening: Modes
    closing: Modes
    closing_gain: float
    air_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Strokes:
    """Times (s) and strengths of the strokes of one clip."""

    period_s: float
    opens_s: Wave
    closes_s: Wave
    strength: Wave


def _draw(unit: Generator) -> _Valve:
    """Draw an individual: 2.2 to 4 strokes a second."""
    return _Valve(
        rate_hz=float(unit.uniform(2.2, 4.0)),
        open_share=float(unit.uniform(0.3, 0.6)),
        opening=signals.draw_modes(unit, count=5, low_hz=700, high_hz=6500, decay_s=0.009),
        closing=signals.draw_modes(unit, count=5, low_hz=400, high_hz=5000, decay_s=0.012),
        closing_gain=float(unit.uniform(0.5, 1.0)),
        air_hz=float(unit.uniform(1800, 4200)),
    )


def _time_strokes(valve: _Valve, scene: Scene) -> _Strokes:
    period = 1.0 / (valve.rate_hz * scene.speed)
    count = int(np.ceil(scene.duration_s / period)) + 1
    opens = (np.arange(count) - scene.rng.uniform()) * period
    opens = opens + scene.rng.normal(0.0, 0.002, count)
    return _Strokes(
        period_s=period,
        opens_s=opens,
        closes_s=opens + valve.open_share * period + scene.rng.normal(0.0, 0.002, count),
        strength=np.maximum(1.0 + 0.1 * scene.rng.standard_normal(count), 0.5),
    )


def _impacts(valve: _Valve, scene: Scene, strokes: _Strokes, strength: Wave) -> Wave:
    opening = scene.strike(strokes.opens_s, strength, valve.opening)
    closing = scene.strike(strokes.closes_s, strength * valve.closing_gain, valve.closing)
    return opening + closing


def _healthy(valve: _Valve, scene: Scene, strokes: _Strokes) -> Wave:
    spans = list(zip(strokes.opens_s.tolist(), strokes.closes_s.tolist(), strict=True))
    is_open = signals.gate(spans, n=scene.n, sample_rate=scene.sample_rate, ramp_s=0.02)
    corners = [valve.air_hz / 4, valve.air_hz, min(valve.air_hz * 2.2, 7900.0)]
    air = scene.noise(corners, [-18.0, 0.0, -9.0]) * is_open
    hum = signals.cosine(scene.turn(100.0)) * is_open
    impacts = _impacts(valve, scene, strokes, strokes.strength)
    return impacts + scene.load * _BREATH * air + _HUM * hum


def _leak(valve: _Valve, scene: Scene, strokes: _Strokes, healthy: Wave, defect: Defect) -> Change:
    """Let air pass a worn seat: a hiss that stays when the valve is closed."""
    where = sc.whole_clip(scene, defect.kind, 2600.0, 7600.0)
    y = scene.noise([2600.0, 4500.0, 7600.0], [-12.0, 0.0, -6.0], rng=defect.rng)
    return sc.added(scene, y, where, healthy=healthy, level_db=-16.0 + defect.severity_db)


def _bounce(
    valve: _Valve, scene: Scene, strokes: _Strokes, healthy: Wave, defect: Defect
) -> Change:
    """Let a weak spring chatter: smaller and smaller impacts after each closing."""
    gaps = np.cumsum(0.045 * 0.72 ** np.arange(6))
    times = (strokes.closes_s[:, None] + gaps[None, :]).ravel()
    strength = np.outer(strokes.strength, 0.75 ** np.arange(1, 7)).ravel()
    strength = strength * defect.rng.uniform(0.6, 1.2, len(strength))
    spans = [(t + 0.02, t + 0.3) for t in strokes.closes_s.tolist()]
    where = sc.regions(scene, defect.kind, spans, 300.0, 5600.0)
    spring = signals.draw_modes(defect.rng, count=9, low_hz=400, high_hz=5200, decay_s=0.008)
    y = scene.strike(times, strength, spring)
    return sc.added(scene, y, where, healthy=healthy, level_db=-9.0 + defect.severity_db)


def _missed(
    valve: _Valve, scene: Scene, strokes: _Strokes, healthy: Wave, defect: Defect
) -> Change:
    """Leave out strokes: a burnt coil or a stuck plunger. A buzz of the coil remains."""
    inside = (strokes.opens_s > 0.0) & (strokes.opens_s < scene.duration_s - 0.1)
    candidates = np.flatnonzero(inside)
    share = float(np.clip(0.4 * signals.decibels(defect.severity_db), 0.15, 0.7))
    count = max(1, round(share * len(candidates)))
    missing = np.sort(defect.rng.choice(candidates, count, replace=False))
    gone = np.zeros(len(strokes.opens_s))
    gone[missing] = strokes.strength[missing]
    spans = [(float(strokes.opens_s[k]) - 0.03, float(strokes.closes_s[k]) + 0.2) for k in missing]
    where = sc.regions(scene, defect.kind, spans, 60.0, 7900.0)
    buzz = signals.rms(healthy) * 0.25 * _coil_buzz(scene, defect)
    y = sc.confine(scene, buzz - _impacts(valve, scene, strokes, gone), where)
    return Change(y=y, faults=where, through_body=True)


def _coil_buzz(scene: Scene, defect: Defect) -> Wave:
    """Twice the mains and its odd multiples, as a plunger that cannot seat itself makes."""
    mains = scene.turn(100.0, start=float(defect.rng.uniform()))
    order = [1, 2, 3, 5, 7, 9, 11]
    return signals.orders(
        mains, order=order, amplitude=[1.0 / k for k in order], offset=[0.0] * len(order)
    )


_FAULTS = {"leak": _leak, "bounce": _bounce, "missed_stroke": _missed}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    valve = _draw(unit)
    strokes = _time_strokes(valve, scene)
    healthy = _healthy(valve, scene, strokes)
    if defect is None:
        return Sound(healthy=healthy)
    change = _FAULTS[defect.kind](valve, scene, strokes, healthy, defect)
    return Sound(healthy=healthy, change=change)


VALVE = MachineModel(
    name="valve", attributes=("rate", "pressure"), faults=tuple(_FAULTS), render=_render
)
