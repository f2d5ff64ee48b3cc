"""Linear slide rail: friction noise that comes and goes with the carriage, and its end stops.

Rolling and sliding contact over a rough rail gives broadband noise whose level grows with velocity;
without lubricant the contact sticks and slips, which excites a squeal at a resonance of the rail
and its harmonics (Akay, Acoustics of friction, JASA 111, 2002).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Modes, Wave

_ROUGH_HZ = (150.0, 400.0, 1000.0, 2200.0, 4500.0, 8000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slider:
    stroke_hz: float
    dwell: float
    motor_hz: float
    motor_tones: tuple[float, ...]
    rough_db: tuple[float, ...]
    stop: Modes
    stop_gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Motion:
    """Strokes of the carriage (counted), and its velocity relative to the highest."""

    strokes: Wave
    velocity: Wave


def _draw(unit: Generator) -> _Slider:
    """Draw an individual: 0.9 to 1.8 strokes a second."""
    rough = np.array([-8.0, -3.0, 0.0, -3.0, -9.0, -20.0]) + unit.uniform(-2, 2, len(_ROUGH_HZ))
    return _Slider(
        stroke_hz=float(unit.uniform(0.9, 1.8)),
        dwell=float(unit.uniform(0.1, 0.25)),
        motor_hz=float(unit.uniform(180, 420)),
        motor_tones=tuple(float(a) for a in 0.7 ** np.arange(7) * unit.uniform(0.3, 1.2, 7)),
        rough_db=tuple(float(level) for level in rough),
        stop=signals.draw_modes(unit, count=4, low_hz=90, high_hz=900, decay_s=0.025),
        stop_gain=float(unit.uniform(0.3, 0.8)),
    )


def _move(slider: _Slider, scene: Scene) -> _Motion:
    """Let the carriage stroke, dwell and stroke back."""
    strokes = scene.turn(slider.stroke_hz * scene.speed * scene.drift(depth=0.01))
    part = np.mod(strokes, 1.0) / (1.0 - slider.dwell)
    velocity = np.sqrt(np.clip(np.sin(np.pi * np.minimum(part, 1.0)), 0.0, 1.0))
    return _Motion(strokes=strokes, velocity=velocity)


def _healthy(slider: _Slider, scene: Scene, motion: _Motion) -> Wave:
    friction = scene.noise(_ROUGH_HZ, slider.rough_db) * scene.drift(depth=0.1, rate_hz=8.0)
    motor = signals.orders(
        scene.turn(slider.motor_hz * scene.speed * motion.velocity),
        order=range(1, len(slider.motor_tones) + 1),
        amplitude=slider.motor_tones,
        offset=scene.rng.uniform(size=len(slider.motor_tones)),
    )
    ends = signals.crossings(motion.strokes + slider.dwell, sample_rate=scene.sample_rate)
    force = np.maximum(1.0 + 0.15 * scene.rng.standard_normal(len(ends)), 0.3)
    stop = scene.strike(ends, force, slider.stop)
    return (
        friction * motion.velocity * scene.load
        + 0.5 * signals.unit_power(motor) * motion.velocity
        + slider.stop_gain * stop
    )


def _dry_rail(
    slider: _Slider, scene: Scene, motion: _Motion, healthy: Wave, defect: Defect
) -> Change:
    """Take the lubricant away: stick-slip squeals while the carriage moves."""
    base = float(defect.rng.uniform(1700, 2600))
    where = sc.whole_clip(scene, defect.kind, 0.85 * base, min(3.3 * base, 7800.0))
    glide = 1.0 + 0.05 * (motion.velocity - 0.7)
    revolutions = signals.revolve(base * glide, n=scene.n, sample_rate=scene.sample_rate)
    squeal = signals.orders(revolutions, order=[1, 2, 3], amplitude=[1.0, 0.5, 0.3], offset=[0] * 3)
    grip = signals.wander(
        defect.rng, n=scene.n, sample_rate=scene.sample_rate, rate_hz=25.0, depth=0.8
    )
    y = squeal * grip * motion.velocity**3
    return sc.added(scene, y, where, healthy=healthy, level_db=-18.0 + defect.severity_db)


def _cracked_rail(
    slider: _Slider, scene: Scene, motion: _Motion, healthy: Wave, defect: Defect
) -> Change:
    """Let every ball of the carriage knock on a crack, at one place of the rail."""
    place = float(defect.rng.uniform(0.25, 0.55))
    passes = signals.crossings(motion.strokes - place, sample_rate=scene.sample_rate)
    balls = 0.014 * np.arange(4)
    times = (passes[:, None] + balls[None, :]).ravel()
    where = sc.regions(
        scene, defect.kind, [(t - 0.02, t + 0.12) for t in passes.tolist()], 900.0, 6200.0
    )
    rail = signals.draw_modes(defect.rng, count=7, low_hz=1000, high_hz=5800, decay_s=0.01)
    y = scene.strike(times, defect.rng.uniform(0.5, 1.0, len(times)), rail)
    return sc.added(scene, y, where, healthy=healthy, level_db=-7.0 + defect.severity_db)


def _loose_belt(
    slider: _Slider, scene: Scene, motion: _Motion, healthy: Wave, defect: Defect
) -> Change:
    """Let the belt flap as the carriage starts: a rattle in the first part of each stroke."""
    starts = signals.crossings(motion.strokes, sample_rate=scene.sample_rate)
    length = 0.35 / (slider.stroke_hz * scene.speed)
    where = sc.regions(
        scene, defect.kind, [(t, t + length) for t in starts.tolist()], 250.0, 1500.0
    )
    flap_hz = float(defect.rng.uniform(24, 38))
    flap = np.clip(signals.cosine(scene.turn(flap_hz, start=0.0)), 0.0, 1.0) ** 3
    y = scene.noise([250.0, 600.0, 1500.0], [-3.0, 0.0, -6.0], rng=defect.rng) * flap
    return sc.added(scene, y, where, healthy=healthy, level_db=-4.0 + defect.severity_db)


_FAULTS = {"dry_rail": _dry_rail, "cracked_rail": _cracked_rail, "loose_belt": _loose_belt}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    slider = _draw(unit)
    motion = _move(slider, scene)
    healthy = _healthy(slider, scene, motion)
    if defect is None:
        return Sound(healthy=healthy)
    change = _FAULTS[defect.kind](slider, scene, motion, healthy, defect)
    return Sound(healthy=healthy, change=change)


SLIDER = MachineModel(
    name="slider", attributes=("speed", "load"), faults=tuple(_FAULTS), render=_render
)
