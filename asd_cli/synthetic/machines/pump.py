"""Water pump: shaft and vane-pass tones, flow noise, and the hiss of bubbles.

A centrifugal pump radiates at its shaft frequency and at `vanes × shaft` (Brennen, Hydrodynamics of
Pumps). Collapsing vapour bubbles are short, random in time and rich in high frequencies; their rate
follows the passing of the vanes, so that the noise is amplitude-modulated (Čudina, Detection of
cavitation phenomenon in a centrifugal pump using audible sound, MSSP 17, 2003).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Modes, Wave

_FLOW_HZ = (80.0, 300.0, 900.0, 2200.0, 4500.0, 8000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pump:
    shaft_hz: float
    vanes: int
    shaft_tones: tuple[float, ...]
    vane_tones: tuple[float, ...]
    flow_db: tuple[float, ...]
    flow_share: float
    bubbles: Modes


def _draw(unit: Generator) -> _Pump:
    """Draw an individual: 1450 to 2850 rpm, 4 to 7 vanes."""
    flow = np.array([-3.0, 0.0, -3.0, -8.0, -15.0, -24.0]) + unit.uniform(-2, 2, len(_FLOW_HZ))
    return _Pump(
        shaft_hz=float(unit.uniform(24, 47)),
        vanes=int(unit.integers(4, 8)),
        shaft_tones=tuple(float(a) for a in unit.uniform(0.1, 0.6, 4)),
        vane_tones=tuple(float(a) for a in 0.7 ** np.arange(8) * unit.uniform(0.3, 1.2, 8)),
        flow_db=tuple(float(level) for level in flow),
        flow_share=float(unit.uniform(0.8, 1.2)),
        bubbles=signals.draw_modes(unit, count=5, low_hz=2200, high_hz=7400, decay_s=0.0008),
    )


def _bubble_noise(
    pump: _Pump, scene: Scene, shaft: Wave, rng: Generator, *, rate_hz: float, depth: float
) -> Wave:
    """Strike the bubbles' resonances at random, more often as a vane passes."""
    count = int(rng.poisson(rate_hz * scene.duration_s))
    times = rng.uniform(0.0, scene.duration_s, count)
    sizes = rng.lognormal(0.0, 0.8, count) * rng.choice([-1.0, 1.0], count)
    passing = 1.0 + depth * signals.cosine(pump.vanes * shaft)
    return signals.unit_power(scene.strike(times, sizes, pump.bubbles) * passing)


def _healthy(pump: _Pump, scene: Scene, shaft: Wave) -> Wave:
    order = [1, 2, 3, 4] + [pump.vanes * k for k in range(1, len(pump.vane_tones) + 1)]
    amplitude = [*pump.shaft_tones, *pump.vane_tones]
    tones = signals.orders(
        shaft, order=order, amplitude=amplitude, offset=scene.rng.uniform(size=len(order))
    )
    flow = scene.noise(_FLOW_HZ, pump.flow_db) * scene.drift(depth=0.08, rate_hz=4.0)
    bubbles = _bubble_noise(pump, scene, shaft, scene.rng, rate_hz=900.0, depth=0.3)
    return (
        signals.unit_power(tones) * scene.load * scene.drift(depth=0.07)
        + flow * (pump.flow_share * scene.speed**2)
        + 0.09 * bubbles
    )


def _cavitation(pump: _Pump, scene: Scene, shaft: Wave, healthy: Wave, defect: Defect) -> Change:
    """Let the suction pressure fall below vapour pressure: a crackle paced by the vanes."""
    where = sc.whole_clip(scene, defect.kind, 1800.0, 7800.0)
    y = _bubble_noise(pump, scene, shaft, defect.rng, rate_hz=250.0, depth=0.9)
    return sc.added(scene, y, where, healthy=healthy, level_db=-16.5 + defect.severity_db)


def _leak(pump: _Pump, scene: Scene, shaft: Wave, healthy: Wave, defect: Defect) -> Change:
    """Let water squirt from a seal: a steady hiss, a little stronger at each turn of the shaft."""
    centre = float(defect.rng.uniform(4200, 5600))
    where = sc.whole_clip(scene, defect.kind, 0.72 * centre, 1.38 * centre)
    hiss = scene.noise([0.8 * centre, centre, 1.25 * centre], [-9.0, 0.0, -9.0], rng=defect.rng)
    y = hiss * (1.0 + 0.25 * signals.cosine(shaft))
    return sc.added(scene, y, where, healthy=healthy, level_db=-17.0 + defect.severity_db)


def _clog(pump: _Pump, scene: Scene, shaft: Wave, healthy: Wave, defect: Defect) -> Change:
    """Block the impeller in part: uneven vanes fill the orders between the vane passes."""
    shaft_hz = pump.shaft_hz * scene.speed
    where = sc.whole_clip(scene, defect.kind, 0.8 * shaft_hz, 24.0 * shaft_hz)
    order = [k for k in range(1, 23) if k % pump.vanes]
    tones = signals.orders(
        shaft,
        order=order,
        amplitude=defect.rng.uniform(0.2, 1.0, len(order)) * 0.95 ** np.array(order),
        offset=defect.rng.uniform(size=len(order)),
    )
    churn_hz = float(defect.rng.uniform(3, 6))
    y = tones * (1.0 + 0.5 * signals.cosine(scene.turn(churn_hz, start=0.0)))
    return sc.added(scene, y, where, healthy=healthy, level_db=-6.0 + defect.severity_db)


_FAULTS = {"cavitation": _cavitation, "leak": _leak, "clog": _clog}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    pump = _draw(unit)
    shaft = scene.turn(pump.shaft_hz * scene.speed * scene.drift(depth=0.004))
    healthy = _healthy(pump, scene, shaft)
    if defect is None:
        return Sound(healthy=healthy)
    return Sound(healthy=healthy, change=_FAULTS[defect.kind](pump, scene, shaft, healthy, defect))


PUMP = MachineModel(
    name="pump", attributes=("speed", "load"), faults=tuple(_FAULTS), render=_render
)
