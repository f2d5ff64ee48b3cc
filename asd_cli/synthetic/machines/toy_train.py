"""Toy train: rolling noise, the clatter of rail joints and a small motor, going round its loop.

Wheel and rail roughness give rolling noise; each axle strikes each joint of the rail (Thompson,
Railway Noise and Vibration). The train nears the microphone and leaves it once a round.
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import scene as sc
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Change, Defect, MachineModel, Scene, Sound
from asd_cli.synthetic.signals import Modes, Wave

_ROLL_HZ = (120.0, 400.0, 1000.0, 2500.0, 8000.0)
_JOINTS_A_ROUND = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToyTrain:
    round_hz: float
    axles: tuple[float, ...]
    wheel_turns: float
    motor_order: int
    motor_tones: tuple[float, ...]
    roll_db: tuple[float, ...]
    rail: Modes
    joint_gain: float
    nearness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Running:
    rounds: Wave
    near: Wave
    healthy: Wave


def _draw(unit: Generator) -> _ToyTrain:
    """Draw an individual: a round takes 2.2 to 3.6 s and has twelve joints."""
    roll = np.array([-6.0, -1.0, 0.0, -7.0, -22.0]) + unit.uniform(-2, 2, len(_ROLL_HZ))
    gaps = np.cumsum(unit.uniform(0.08, 0.3, 4))
    return _ToyTrain(
        round_hz=float(unit.uniform(0.28, 0.45)),
        axles=tuple(float(gap) for gap in gaps / _JOINTS_A_ROUND),
        wheel_turns=float(unit.uniform(17, 26)),
        motor_order=int(unit.integers(550, 900)),
        motor_tones=tuple(float(a) for a in 0.7 ** np.arange(6) * unit.uniform(0.3, 1.2, 6)),
        roll_db=tuple(float(level) for level in roll),
        rail=signals.draw_modes(unit, count=5, low_hz=500, high_hz=5500, decay_s=0.006),
        joint_gain=float(unit.uniform(0.5, 0.9)),
        nearness=float(unit.uniform(0.2, 0.4)),
    )


def _joint_times(train: _ToyTrain, scene: Scene, rounds: Wave) -> Wave:
    """Give the times (s) at which each axle strikes each joint."""
    times = [
        signals.crossings(
            rounds - axle, sample_rate=scene.sample_rate, per_turn=float(_JOINTS_A_ROUND)
        )
        for axle in train.axles
    ]
    return np.concatenate(times)


def _healthy(train: _ToyTrain, scene: Scene, rounds: Wave, near: Wave) -> Wave:
    rolling = scene.noise(_ROLL_HZ, train.roll_db) * scene.drift(depth=0.1, rate_hz=8.0)
    motor = signals.orders(
        rounds * train.motor_order,
        order=range(1, len(train.motor_tones) + 1),
        amplitude=train.motor_tones,
        offset=scene.rng.uniform(size=len(train.motor_tones)),
    )
    times = _joint_times(train, scene, rounds)
    clatter = scene.strike(times, scene.rng.uniform(0.5, 1.0, len(times)), train.rail)
    sound: Wave = (
        rolling * scene.speed**1.5
        + 0.6 * signals.unit_power(motor)
        + train.joint_gain * scene.load * signals.unit_power(clatter)
    )
    return sound * near


def _flat_wheel(train: _ToyTrain, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Let a flat spot strike the rail once a turn of the wheel."""
    where = sc.whole_clip(scene, defect.kind, 350.0, 4200.0)
    turns = signals.crossings(
        run.rounds + 0.01, sample_rate=scene.sample_rate, per_turn=train.wheel_turns
    )
    knock = signals.draw_modes(defect.rng, count=4, low_hz=450, high_hz=3600, decay_s=0.01)
    y = scene.strike(turns, defect.rng.uniform(0.7, 1.0, len(turns)), knock) * run.near
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-9.5 + defect.severity_db)


def _place_within(scene: Scene, run: _Running, defect: Defect) -> float:
    """Choose a place of the loop (rounds) that the train passes within the clip."""
    return float(run.rounds[int(scene.n * defect.rng.uniform(0.15, 0.75))])


def _broken_joint(train: _ToyTrain, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Open the gap of one or two joints: every axle strikes harder there, once a round."""
    place = _place_within(scene, run, defect)
    half = signals.crossings(run.rounds - place, sample_rate=scene.sample_rate, per_turn=2.0)
    spread = np.array(train.axles) / (train.round_hz * scene.speed)
    times = (half[:, None] + spread[None, :]).ravel()
    spans = [(t - 0.01, t + float(spread[-1]) + 0.12) for t in half.tolist()]
    where = sc.regions(scene, defect.kind, spans, 600.0, 7000.0)
    plate = signals.draw_modes(defect.rng, count=9, low_hz=650, high_hz=6500, decay_s=0.008)
    y = scene.strike(times, defect.rng.uniform(0.6, 1.0, len(times)), plate)
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-6.0 + defect.severity_db)


def _squeal(train: _ToyTrain, scene: Scene, run: _Running, defect: Defect) -> Change:
    """Press the flange against the rail: a squeal in the curves, twice a round."""
    base = float(defect.rng.uniform(2300, 3600))
    place = _place_within(scene, run, defect)
    bends = signals.crossings(run.rounds - place, sample_rate=scene.sample_rate, per_turn=2.0)
    length = 0.22 / (train.round_hz * scene.speed)
    spans = [(t - length / 2, t + length / 2) for t in bends.tolist()]
    where = sc.regions(scene, defect.kind, spans, 0.85 * base, min(2.3 * base, 7800.0))
    pitch = base * signals.wander(
        defect.rng, n=scene.n, sample_rate=scene.sample_rate, rate_hz=12.0, depth=0.02
    )
    squeal = signals.revolve(pitch, n=scene.n, sample_rate=scene.sample_rate)
    y = signals.orders(squeal, order=[1, 2], amplitude=[1.0, 0.4], offset=[0.0, 0.0])
    return sc.added(scene, y, where, healthy=run.healthy, level_db=-13.5 + defect.severity_db)


_FAULTS = {"flat_wheel": _flat_wheel, "broken_joint": _broken_joint, "flange_squeal": _squeal}


def _render(unit: Generator, scene: Scene, defect: Defect | None) -> Sound:
    train = _draw(unit)
    rounds = scene.turn(train.round_hz * scene.speed * scene.drift(depth=0.01))
    near = 1.0 + train.nearness * signals.cosine(rounds)
    healthy = _healthy(train, scene, rounds, near)
    if defect is None:
        return Sound(healthy=healthy)
    run = _Running(rounds=rounds, near=near, healthy=healthy)
    return Sound(healthy=healthy, change=_FAULTS[defect.kind](train, scene, run, defect))


TOY_TRAIN = MachineModel(
    name="ToyTrain", attributes=("speed", "load"), faults=tuple(_FAULTS), render=_render
)
