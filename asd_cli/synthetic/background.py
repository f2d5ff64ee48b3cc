"""The factory around a machine: coloured noise, other machines' tones, and things that happen.

A background belongs to a section and a domain, as a place in a hall does: its colour, its
neighbours and how busy it is stay the same from clip to clip while its noise is new each time.
MIMII DUE mixes real factory noise in the same way (Tanabe et al., arXiv:2105.02702).
"""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.core.types import Domain
from asd_cli.synthetic import signals
from asd_cli.synthetic.scene import Scene
from asd_cli.synthetic.signals import Modes, Wave

_HZ = (40.0, 80.0, 160.0, 315.0, 630.0, 1250.0, 2500.0, 5000.0, 8000.0)
_SLOPE_DB = {Domain.SOURCE: -3.5, Domain.TARGET: -2.5}
_EVENTS_A_SECOND = {Domain.SOURCE: 0.35, Domain.TARGET: 0.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """The noise of one place.

    Attributes
    ----------
    level_db : tuple of float
        Spectral density at the corner frequencies, in dB.
    neighbours_hz, neighbours_gain : tuple of float
        Tones of other machines.
    events_a_second : float
        How often something is dropped or struck.
    clank : Modes
        What it rings like.
    """

    level_db: tuple[float, ...]
    neighbours_hz: tuple[float, ...]
    neighbours_gain: tuple[float, ...]
    events_a_second: float
    clank: Modes


def draw_background(hall: Generator, place: Generator, domain: Domain) -> Background:
    """Draw the background of one section and domain; the target's is brighter and busier.

    Parameters
    ----------
    hall : Generator
        Source of chance that sections share: colour, neighbours, events.
    place : Generator
        The section's own, for what differs a little from place to place.
    domain : Domain
        Source or target.
    """
    octaves = np.log2(np.array(_HZ) / _HZ[0])
    level_db = _SLOPE_DB[domain] * octaves + hall.uniform(-5, 5, len(_HZ))
    level_db = level_db + place.normal(0.0, 0.7, len(_HZ))
    mains = 50.0 * hall.integers(1, 13, 2)
    motors = np.exp(hall.uniform(np.log(180.0), np.log(1800.0), 2))
    return Background(
        level_db=tuple(level_db.tolist()),
        neighbours_hz=(*mains.tolist(), *motors.tolist()),
        neighbours_gain=tuple((hall.uniform(0.05, 0.3, 4) * place.uniform(0.7, 1.3, 4)).tolist()),
        events_a_second=_EVENTS_A_SECOND[domain] * float(hall.uniform(0.6, 1.4)),
        clank=signals.draw_modes(hall, count=6, low_hz=300, high_hz=5000, decay_s=0.05),
    )


def render_background(background: Background, scene: Scene) -> Wave:
    """Make one clip of background noise, with a root mean square of 1.

    Returns
    -------
    ndarray [shape=(n,)]
    """
    colour = np.array(background.level_db) + scene.rng.normal(0.0, 0.7, len(_HZ))
    noise = scene.noise(_HZ, colour.tolist()) * scene.drift(depth=0.1, rate_hz=1.5)
    tones = _neighbours(background, scene) * scene.drift(depth=0.15)
    return signals.unit_power(signals.unit_power(noise) + tones + _events(background, scene))


def _neighbours(background: Background, scene: Scene) -> Wave:
    """Hear the machines next door, whose speed is never twice the same."""
    time = signals.seconds(scene.n, scene.sample_rate)
    total = np.zeros(scene.n, dtype=np.float32)
    for hz, gain in zip(background.neighbours_hz, background.neighbours_gain, strict=True):
        pitch = hz * (1.0 + 0.003 * float(scene.rng.standard_normal()))
        total += np.float32(gain) * signals.cosine(pitch * time + float(scene.rng.uniform()))
    return total


def _events(background: Background, scene: Scene) -> Wave:
    """Drop things at random times; mostly softly, now and then loudly."""
    count = int(scene.rng.poisson(background.events_a_second * scene.duration_s))
    times = scene.rng.uniform(0.0, scene.duration_s, count)
    return scene.strike(times, scene.rng.lognormal(-1.6, 0.7, count), background.clank)
