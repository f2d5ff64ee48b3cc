"""What a machine model gets and gives: a scene, a defect, a sound, the truth about its fault."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from asd_cli.synthetic import signals
from asd_cli.synthetic.signals import Wave

_RAMP_S = 0.008


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Where in time and frequency a fault changes the sound of a clip.

    Attributes
    ----------
    kind : str
        Name of the fault: ``leak``.
    start_s, end_s : float
        Span of time, within the clip.
    low_hz, high_hz : float
        Span of frequency.
    """

    kind: str
    start_s: float
    end_s: float
    low_hz: float
    high_hz: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """A fault to be put into a machine.

    Attributes
    ----------
    kind : str
        One of the model's faults.
    severity_db : float
        How much stronger than usual it is, in dB.
    rng : Generator
        Its own source of chance, so that the rest of the clip sounds as it would without it.
    """

    kind: str
    severity_db: float
    rng: Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """How long and in which condition a machine runs.

    Attributes
    ----------
    n, sample_rate : int
        Number of samples, and Hz.
    speed, load : float
        Relative to the individual's nominal speed and load; 1 is nominal.
    rng : Generator
        The clip's source of chance.
    """

    n: int
    sample_rate: int
    speed: float
    load: float
    rng: Generator

    @property
    def duration_s(self) -> float:
        """Length of the clip in s."""
        return self.n / self.sample_rate

    def drift(self, *, depth: float, rate_hz: float = 1.0) -> Wave:
        """Draw a factor that wanders around 1."""
        return signals.wander(
            self.rng, n=self.n, sample_rate=self.sample_rate, rate_hz=rate_hz, depth=depth
        )

    def turn(self, rate_hz: float | Wave, *, start: float | None = None) -> Wave:
        """Count revolutions, from a random angle unless told where to start."""
        angle = float(self.rng.uniform()) if start is None else start
        return signals.revolve(rate_hz, n=self.n, sample_rate=self.sample_rate, start=angle)

    def noise(
        self, hz: Sequence[float], level_db: Sequence[float], *, rng: Generator | None = None
    ) -> Wave:
        """Draw noise of unit power with the given spectrum."""
        return signals.shaped_noise(
            rng or self.rng, n=self.n, sample_rate=self.sample_rate, hz=hz, level_db=level_db
        )

    def strike(self, times_s: Wave, amplitude: Wave | float, modes: signals.Modes) -> Wave:
        """Strike a part at the given times and let it ring."""
        train = signals.clicks(times_s, amplitude, n=self.n, sample_rate=self.sample_rate)
        return signals.ring(train, modes, sample_rate=self.sample_rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a defect adds to the healthy sound (or takes away), and where.

    Attributes
    ----------
    y : ndarray [shape=(n,)]
        Faulty minus healthy waveform.
    faults : tuple of Fault
        The regions that `y` is confined to.
    through_body : bool
        Whether it is radiated by the housing, as the healthy sound is, or straight from where it
        arises.
    """

    y: Wave
    faults: tuple[Fault, ...]
    through_body: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """A machine as it runs: its healthy sound, and what a defect changes in it."""

    healthy: Wave
    change: Change | None = None


Render = Callable[[Generator, Scene, Defect | None], Sound]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineModel:
    """A type of machine.

    Attributes
    ----------
    name : str
        Machine type: ``fan``.
    attributes : tuple of str
        Names of the two operating conditions, the one that sets the speed first.
    faults : tuple of str
        Kinds of fault it can have.
    render : callable
        ``render(unit, scene, defect)``; `unit` is the individual's source of chance and has to be
        new for every clip.
    """

    name: str
    attributes: tuple[str, str]
    faults: tuple[str, ...]
    render: Render


def whole_clip(scene: Scene, kind: str, low_hz: float, high_hz: float) -> tuple[Fault, ...]:
    """Declare a fault that lasts as long as the clip."""
    return regions(scene, kind, [(0.0, scene.duration_s)], low_hz, high_hz)


def one_spell(scene: Scene, defect: Defect, low_hz: float, high_hz: float) -> tuple[Fault, ...]:
    """Declare a fault that comes and goes once, for 40 to 70 % of the clip."""
    length = float(defect.rng.uniform(0.4, 0.7)) * scene.duration_s
    start = float(defect.rng.uniform(0.0, scene.duration_s - length))
    return regions(scene, defect.kind, [(start, start + length)], low_hz, high_hz)


def regions(
    scene: Scene, kind: str, spans: Sequence[tuple[float, float]], low_hz: float, high_hz: float
) -> tuple[Fault, ...]:
    """Declare a fault in several spans of time (s), cut to the clip, and one band."""
    return tuple(
        Fault(
            kind=kind,
            start_s=max(start, 0.0),
            end_s=min(end, scene.duration_s),
            low_hz=low_hz,
            high_hz=min(high_hz, scene.sample_rate / 2),
        )
        for start, end in spans
        if min(end, scene.duration_s) - max(start, 0.0) > 4 * _RAMP_S
    )


def confine(scene: Scene, y: Wave, faults: tuple[Fault, ...]) -> Wave:
    """Remove everything outside the regions, which share one band."""
    envelope = _envelope(scene, faults)
    banded = signals.band_limit(
        y, sample_rate=scene.sample_rate, low_hz=faults[0].low_hz, high_hz=faults[0].high_hz
    )
    return banded * envelope


def _envelope(scene: Scene, faults: tuple[Fault, ...]) -> Wave:
    spans = [(fault.start_s, fault.end_s) for fault in faults]
    return signals.gate(spans, n=scene.n, sample_rate=scene.sample_rate, ramp_s=_RAMP_S)


def added(
    scene: Scene,
    y: Wave,
    faults: tuple[Fault, ...],
    *,
    healthy: Wave,
    level_db: float,
    through_body: bool = False,
) -> Change:
    """Make a change from a sound that a fault adds.

    Parameters
    ----------
    scene : Scene
        The clip.
    y : ndarray [shape=(n,)]
        The fault's sound, of any level; confined to `faults` here.
    faults : tuple of Fault
        Regions with one common band; at least one.
    healthy : ndarray [shape=(n,)]
        The healthy machine.
    level_db : float
        Level of the fault within its span of time, relative to the healthy machine.
    through_body : bool
        As in `Change`.
    """
    confined = confine(scene, y, faults)
    share = max(float(np.mean(_envelope(scene, faults))), 1e-6)
    level = signals.rms(healthy) * signals.decibels(level_db) * np.sqrt(share)
    y = signals.unit_power(confined) * np.float32(level)
    return Change(y=y, faults=faults, through_body=through_body)
