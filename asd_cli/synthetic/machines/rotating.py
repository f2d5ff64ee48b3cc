"""Machines with several equal parts on one shaft: an engine's cylinders, a blower's blades.

Each part gives one pulse a turn. Equal parts make the orders of their number strong; a part that
is missing or weak lets the orders of the shaft itself rise between them (Randall, Vibration-based
Condition Monitoring). These machines are for recordings of one's own machine (see
`asd_cli.synthetic.recordings`); sets in the layout of DCASE do not have them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Scene
from asd_cli.synthetic.signals import Modes, Wave

_FLOW_HZ = (50.0, 150.0, 500.0, 1500.0, 4000.0, 8000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotating:
    """One individual.

    Attributes
    ----------
    shaft_hz : float
        Turns a second.
    strength : tuple of float
        Of the pulse of each part.
    body : Modes
        What a pulse rings like.
    flow_db : tuple of float
        Spectral density of the steady noise at the corner frequencies, in dB.
    pulse_share : float
        Level of the pulses relative to the noise, as a factor.
    """

    shaft_hz: float
    strength: tuple[float, ...]
    body: Modes
    flow_db: tuple[float, ...]
    pulse_share: float


def draw_engine(unit: Generator) -> Rotating:
    """Draw an engine: 3 to 6 cylinders, 750 to 1500 firings of each a minute."""
    return _draw(unit, parts=int(unit.integers(3, 7)), shaft_hz=(12.5, 25.0), low_hz=60.0)


def draw_blower(unit: Generator) -> Rotating:
    """Draw a blower: 5 to 9 blades, 1200 to 1800 turns a minute."""
    return _draw(unit, parts=int(unit.integers(5, 10)), shaft_hz=(20.0, 30.0), low_hz=120.0)


def _draw(unit: Generator, *, parts: int, shaft_hz: tuple[float, float], low_hz: float) -> Rotating:
    flow = np.array([-2.0, 0.0, -4.0, -10.0, -18.0, -28.0]) + unit.uniform(-3, 3, len(_FLOW_HZ))
    return Rotating(
        shaft_hz=float(unit.uniform(*shaft_hz)),
        strength=tuple(unit.uniform(0.85, 1.15, parts).tolist()),
        body=signals.draw_modes(unit, count=6, low_hz=low_hz, high_hz=3000, decay_s=0.008),
        flow_db=tuple(flow.tolist()),
        pulse_share=float(unit.uniform(0.6, 1.0)),
    )


def run_rotating(machine: Rotating, scene: Scene, weights: Sequence[float] = ()) -> Wave:
    """Let a machine run.

    Parameters
    ----------
    machine : Rotating
        The individual.
    scene : Scene
        Length, speed, load and chance of the recording.
    weights : sequence of float, optional
        Factor of each part: 0 for one that is missing.

    Returns
    -------
    ndarray [shape=(n,)]
        Of unit power when all parts are there.
    """
    parts = len(machine.strength)
    shaft = scene.turn(machine.shaft_hz * scene.speed * scene.drift(depth=0.003))
    times = signals.crossings(shaft, sample_rate=scene.sample_rate, per_turn=parts)
    turns = np.arange(len(times)) % parts
    jitter = scene.rng.normal(1.0, 0.06, len(times))
    flow = scene.noise(_FLOW_HZ, machine.flow_db) * scene.drift(depth=0.05, rate_hz=2.0)
    complete = scene.strike(times, np.array(machine.strength)[turns] * jitter, machine.body)
    factor = np.float32(machine.pulse_share * scene.load / signals.rms(complete))
    pulses = complete
    if weights:
        amplitude = (np.array(machine.strength) * np.array(weights))[turns] * jitter
        pulses = scene.strike(times, amplitude, machine.body)
    return (flow + pulses * factor) / np.float32(np.sqrt(1.0 + machine.pulse_share**2))
