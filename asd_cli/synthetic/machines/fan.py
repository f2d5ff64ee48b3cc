"""Industrial fan: blade-pass tones over the broadband noise of the flow.

The blades cross a stator or the cut-off of the housing `blades × shaft` times a second, which gives
the blade-pass frequency and its harmonics; turbulence gives broadband noise whose power grows with
the fifth power of speed (fan laws: 50 log10 of the speed ratio; Bies, Hansen & Howard, Engineering
Noise Control, chapter on fans). Imbalance shows at the shaft frequency and modulates what the
blades radiate (Randall, Vibration-based Condition Monitoring).
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Wave

_FLOW_HZ = (60.0, 200.0, 600.0, 1500.0, 3500.0, 8000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fan:
    shaft_hz: float
    blades: int
    tones: tuple[float, ...]
    tone_share: float
    flow_db: tuple[float, ...]
    bearing_hz: float
    hum: float


def _draw(unit: Generator) -> _Fan:
    """Draw an individual: 1100 to 1700 rpm, 5 to 9 blades."""
    flow = np.array([-4.0, 0.0, -1.0, -7.0, -15.0, -27.0]) + unit.uniform(-2, 2, len(_FLOW_HZ))
    return _Fan(
        shaft_hz=float(unit.uniform(18, 28)),
        blades=int(unit.integers(5, 10)),
        tones=tuple(float(a) for a in 0.75 ** np.arange(10) * unit.uniform(0.3, 1.2, 10)),
        tone_share=float(unit.uniform(0.5, 0.9)),
        flow_db=tuple(float(level) for level in flow),
        bearing_hz=float(unit.uniform(2000, 5500)),
        hum=float(unit.uniform(0.1, 0.3)),
    )


def _healthy(fan: _Fan, scene: Scene, shaft: Wave) -> Wave:
    """Add blade-pass tones, flow noise and the hum of the motor (twice the mains)."""
    blade_pass = signals.orders(
        shaft,
        order=[fan.blades * k for k in range(1, len(fan.tones) + 1)],
        amplitude=fan.tones,
        offset=scene.rng.uniform(size=len(fan.tones)),
    )
    corners = [hz * scene.speed for hz in _FLOW_HZ[:-1]] + [8000.0 * max(scene.speed, 1.0)]
    flow = scene.noise(corners, fan.flow_db) * scene.drift(depth=0.08, rate_hz=3.0)
    hum = signals.cosine(scene.turn(100.0)) + 0.4 * signals.cosine(scene.turn(200.0))
    bearing = scene.noise(
        [fan.bearing_hz / 1.5, fan.bearing_hz, fan.bearing_hz * 1.5], [-30.0, 0.0, -30.0]
    )
    tones = signals.unit_power(blade_pass) * scene.drift(depth=0.08, rate_hz=2.0)
    return (
        tones * fan.tone_share / scene.load
        + flow * (signals.decibels(50.0 * math.log10(scene.speed)) * scene.load)
        + 0.08 * bearing
        + fan.hum * hum
    )


def _imbalance(fan: _Fan, scene: Scene, shaft: Wave, healthy: Wave, defect: Defect) -> Change:
    """Shake the housing at the shaft's orders, and modulate the low flow noise with the shaft."""
    speed_hz = fan.shaft_hz * scene.speed
    low_hz, high_hz = 0.8 * speed_hz, 22.0 * speed_hz
    where = sc.whole_clip(scene, defect.kind, low_hz, high_hz)
    shake = signals.orders(
        shaft,
        order=[1, 2, 3, 4, 6],
        amplitude=[0.3, 0.5, 0.6, 0.4, 0.3],
        offset=defect.rng.uniform(size=5),
    )
    y = signals.unit_power(shake) + 1.2 * signals.cosine(shaft) * signals.unit_power(healthy)
    return sc.added(
        scene,
        y,
        where,
        healthy=healthy,
        level_db=-5.0 + defect.severity_db,
        through_body=True,
    )


def _clog(fan: _Fan, scene: Scene, shaft: Wave, healthy: Wave, defect: Defect) -> Change:
    """Starve the inlet: rotating stall, a surging roar below and around the blade pass."""
    blade_hz = fan.shaft_hz * scene.speed * fan.blades
    where = sc.whole_clip(scene, defect.kind, 0.8 * blade_hz, 7.0 * blade_hz)
    roar = scene.noise([blade_hz, 2 * blade_hz, 5 * blade_hz], [0.0, 0.0, -6.0], rng=defect.rng)
    surge_hz = float(defect.rng.uniform(1.2, 2.5))
    surge = 1.0 + 0.8 * signals.cosine(scene.turn(surge_hz, start=float(defect.rng.uniform())))
    stall = 1.0 + 0.6 * signals.cosine(0.45 * shaft)
    y = roar * surge * stall
    return sc.added(scene, y, where, healthy=healthy, level_db=-4.0 + defect.severity_db)


def _rub(fan: _Fan, scene: Scene, shaft: Wave, healthy: Wave, defect: Defect) -> Change:
    """Let a blade scrape the shroud once a turn, for a spell."""
    where = sc.one_spell(scene, defect, 2200.0, 6200.0)
    scrape = signals.band_noise(
        defect.rng, n=scene.n, sample_rate=scene.sample_rate, low_hz=2200.0, high_hz=6200.0
    )
    contact = np.clip(signals.cosine(shaft + float(defect.rng.uniform())), 0, 1) ** 6
    y = scrape * contact
    return sc.added(scene, y, where, healthy=healthy, level_db=-17.5 + defect.severity_db)


_FAULTS = {"imbalance": _imbalance, "clog": _clog, "blade_rub": _rub}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    fan = _draw(unit)
    shaft = scene.turn(fan.shaft_hz * scene.speed * scene.drift(depth=0.004))
    healthy = _healthy(fan, scene, shaft)
    if defect is None:
        return Sound(healthy=healthy)
    return Sound(healthy=healthy, change=_FAULTS[defect.kind](fan, scene, shaft, healthy, defect))


FAN = MachineModel(name="fan", attributes=("speed", "load"), faults=tuple(_FAULTS), render=_render)
