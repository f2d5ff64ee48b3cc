"""Toy car: the whine of a small brushed motor and plastic gears, and the rattle of its wheels.

A motor with three armature poles and two brushes commutates six times a turn; the pinion meshes
`teeth × motor` times a second (as in ToyADMOS2: Harada et al., arXiv:2106.02369, whose cars were
damaged in shaft, gears, tyres and voltage).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Modes, Wave

_COMMUTATIONS = 6
_PLASTIC_HZ = (150.0, 500.0, 1500.0, 3500.0, 8000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToyCar:
    motor_hz: float
    pinion: int
    ratio: float
    whine: tuple[float, ...]
    plastic_db: tuple[float, ...]
    plastic_share: float
    shell: Modes
    rattle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    motor: Wave
    axle: Wave
    healthy: Wave


def _draw(unit: Generator) -> _ToyCar:
    """Draw an individual: 60 to 95 motor turns a second, geared down by 4 to 6.5."""
    plastic = np.array([-9.0, -4.0, 0.0, -5.0, -16.0]) + unit.uniform(-2, 2, len(_PLASTIC_HZ))
    return _ToyCar(
        motor_hz=float(unit.uniform(60, 95)),
        pinion=int(unit.integers(8, 13)),
        ratio=float(unit.uniform(4.0, 6.5)),
        whine=tuple(float(a) for a in 0.75 ** np.arange(10) * unit.uniform(0.3, 1.2, 10)),
        plastic_db=tuple(float(level) for level in plastic),
        plastic_share=float(unit.uniform(0.6, 1.0)),
        shell=signals.draw_modes(unit, count=5, low_hz=600, high_hz=5200, decay_s=0.004),
        rattle=float(unit.uniform(0.2, 0.5)),
    )


def _healthy(car: _ToyCar, scene: Scene, motor: Wave, axle: Wave) -> Wave:
    order = [1, 2] + [_COMMUTATIONS * k for k in (1, 2, 3)] + [car.pinion * k for k in range(1, 6)]
    whine = signals.orders(
        motor, order=order, amplitude=car.whine, offset=scene.rng.uniform(size=len(order))
    )
    wobble = 1.0 + 0.12 * signals.cosine(axle) + 0.1 * signals.cosine(motor)
    plastic = scene.noise(_PLASTIC_HZ, car.plastic_db) * wobble * scene.drift(depth=0.1, rate_hz=6)
    knocks = signals.crossings(axle, sample_rate=scene.sample_rate, per_turn=2.0)
    knocks = knocks + scene.rng.normal(0.0, 0.004, len(knocks))
    rattle = scene.strike(knocks, scene.rng.uniform(0.1, 1.0, len(knocks)), car.shell)
    return (
        signals.unit_power(whine) * wobble * scene.load
        + car.plastic_share * float(scene.speed**1.5) * plastic
        + car.rattle * signals.unit_power(rattle)
    )


def _bent_shaft(car: _ToyCar, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Let the gears bind once a turn of the axle: the whole whine swells and fades."""
    where = sc.whole_clip(scene, defect.kind, 120.0, 3200.0)
    beat = signals.cosine(run.axle) + 0.5 * signals.cosine(2 * run.axle + 0.2)
    grind = scene.noise([120.0, 700.0, 3200.0], [-8.0, 0.0, -8.0], rng=defect.rng)
    swell = np.clip(signals.cosine(run.axle + 0.1), 0.0, 1.0) ** 2
    y = signals.unit_power(run.healthy) * beat + 1.2 * grind * swell
    return sc.added(
        scene,
        y,
        where,
        healthy=run.healthy,
        level_db=-9.0 + defect.severity_db,
        through_body=True,
    )


def _broken_gear(car: _ToyCar, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Strike the shell at each turn of the pinion, where a tooth is missing."""
    where = sc.whole_clip(scene, defect.kind, 500.0, 5800.0)
    turns = signals.crossings(run.motor, sample_rate=scene.sample_rate)
    wheel = signals.draw_modes(defect.rng, count=9, low_hz=550, high_hz=5400, decay_s=0.004)
    y = scene.strike(turns, defect.rng.uniform(0.4, 1.0, len(turns)), wheel)
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-10.0 + defect.severity_db)


def _loose_wheel(car: _ToyCar, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Let a wheel clatter on its axle for a spell."""
    where = sc.one_spell(scene, defect, 2400.0, 7200.0)
    turns = signals.crossings(run.axle, sample_rate=scene.sample_rate, per_turn=3.0)
    turns = turns + defect.rng.normal(0.0, 0.008, len(turns))
    clatter = signals.draw_modes(defect.rng, count=6, low_hz=2500, high_hz=6900, decay_s=0.003)
    y = scene.strike(turns, defect.rng.uniform(0.2, 1.0, len(turns)), clatter)
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-15.0 + defect.severity_db)


_FAULTS = {"bent_shaft": _bent_shaft, "broken_gear": _broken_gear, "loose_wheel": _loose_wheel}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    car = _draw(unit)
    motor = scene.turn(car.motor_hz * scene.speed * scene.drift(depth=0.01, rate_hz=2.0))
    axle = motor / car.ratio
    healthy = _healthy(car, scene, motor, axle)
    if defect is None:
        return Sound(healthy=healthy)
    run = _Running(motor=motor, axle=axle, healthy=healthy)
    return Sound(healthy=healthy, change=_FAULTS[defect.kind](car, scene, run, defect))


TOY_CAR = MachineModel(
    name="ToyCar", attributes=("speed", "load"), faults=tuple(_FAULTS), render=_render
)
