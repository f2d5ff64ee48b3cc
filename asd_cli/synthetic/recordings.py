"""Recordings of one's own machine: normal ones under noise that varies, and faults of the level.

The sets of `asd_cli.synthetic.plan` imitate DCASE: clips by themselves, faults in bands and in
rhythm. Recordings of a machine of one's own differ: each is minutes or seconds long and is cut into
clips, the noise of the hall is constant within one and differs between them, and many faults make a
machine louder, or take something away.

Kinds of fault
--------------
``louder``: the machine is 3 to 8 dB louder. ``louder_low``: only below a frequency between 150 and
400 Hz. ``octave``: 3 dB louder in one octave. ``missing_part``: one cylinder or blade gives next to
nothing. ``quieter_band``: an octave is 4 to 8 dB quieter. ``tone``: a weak whine. ``beat``: the
noise swells and fades once a turn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from asd_cli.core.files import write_bytes
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Domain
from asd_cli.synthetic import signals
from asd_cli.synthetic.background import draw_background, render_background
from asd_cli.synthetic.machines.rotating import Rotating, draw_blower, draw_engine, run_rotating
from asd_cli.synthetic.plan import SAMPLE_RATE
from asd_cli.synthetic.rendering import encode_wav
from asd_cli.synthetic.scene import Scene
from asd_cli.synthetic.signals import Wave

MACHINES: dict[str, Callable[[Generator], Rotating]] = {
    "engine": draw_engine,
    "blower": draw_blower,
}
FAULTS = ("louder", "louder_low", "octave", "missing_part", "quieter_band", "tone", "beat")

_LEVEL = 0.03
_PEAK = 0.89
_SNR_DB = 6.0
_OCTAVES_HZ = (125.0, 250.0, 500.0, 1000.0, 2000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingPlan:
    """How many recordings of a machine, and how they differ.

    Attributes
    ----------
    machine : str
        ``engine`` or ``blower``; the seed draws the individual.
    normal : int
        Normal recordings.
    faulty : int
        Recordings of each kind of fault.
    kinds : tuple of str
        Which faults.
    seconds : float
        Length of a recording.
    noise_range_db : float
        The noise of a recording lies up to this much above or below its mean level.
    seed : int
        Everything follows from it.
    """

    machine: str = "engine"
    normal: int = 24
    faulty: int = 4
    kinds: tuple[str, ...] = FAULTS
    seconds: float = 10.0
    noise_range_db: float = 3.5
    seed: int = 2021


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRecording:
    """One recording, before it is rendered; `fault` is None for a normal one."""

    number: int
    fault: str | None

    @property
    def path(self) -> str:
        """Relative to the set's folder, with forward slashes."""
        if self.fault is None:
            return f"normal/{self.number:04}.wav"
        return f"abnormal/{self.fault}_{self.number:04}.wav"


def plan_recordings(plan: RecordingPlan) -> tuple[PlannedRecording, ...]:
    """List the normal recordings, then those of each fault."""
    normal = [PlannedRecording(number=number, fault=None) for number in range(plan.normal)]
    faulty = [
        PlannedRecording(number=number, fault=kind)
        for kind in plan.kinds
        for number in range(plan.faulty)
    ]
    return (*normal, *faulty)


def render_recording(plan: RecordingPlan, recording: PlannedRecording) -> Wave:
    """Render one recording; the result depends on the plan's machine, seed and lengths alone.

    Returns
    -------
    ndarray [shape=(n_samples,), dtype=float32]
        Within ±0.89, mono, 16 kHz.
    """
    names = (plan.machine, recording.fault or "normal", recording.number)
    rng = np.random.default_rng(derive_seed(plan.seed, *names, "recording"))
    scene = _scene(plan, rng)
    machine = MACHINES[plan.machine](_unit(plan, "machine"))
    weights = _part_weights(machine, recording.fault, rng)
    sound = run_rotating(machine, scene, weights) * np.float32(
        signals.decibels(float(rng.normal(0.0, 0.4)))
    )
    sound = _change(sound, machine, scene, recording.fault)
    background = draw_background(_unit(plan, "hall"), _unit(plan, "place"), Domain.SOURCE)
    noise_db = -_SNR_DB + float(rng.uniform(-plan.noise_range_db, plan.noise_range_db))
    noise = render_background(background, scene) * np.float32(signals.decibels(noise_db))
    y = (sound + noise) * np.float32(_LEVEL)
    return (y * min(1.0, _PEAK / float(np.max(np.abs(y))))).astype(np.float32)


def write_recordings(root: Path, plan: RecordingPlan) -> tuple[Path, ...]:
    """Write all recordings of a plan as WAV files below a folder; gives their paths.

    Raises
    ------
    StorageError
        When the disk is full or may not be written.
    """
    written = []
    for recording in plan_recordings(plan):
        path = root / recording.path
        write_bytes(path, encode_wav(render_recording(plan, recording)))
        written.append(path)
    return tuple(written)


def _unit(plan: RecordingPlan, role: str) -> Generator:
    return np.random.default_rng(derive_seed(plan.seed, plan.machine, role))


def _scene(plan: RecordingPlan, rng: Generator) -> Scene:
    return Scene(
        n=round(plan.seconds * SAMPLE_RATE),
        sample_rate=SAMPLE_RATE,
        speed=1.0 + 0.01 * float(rng.standard_normal()),
        load=1.0 + 0.05 * float(rng.standard_normal()),
        rng=rng,
    )


def _part_weights(machine: Rotating, fault: str | None, rng: Generator) -> tuple[float, ...]:
    if fault != "missing_part":
        return ()
    weights = np.ones(len(machine.strength))
    weights[int(rng.integers(len(weights)))] = float(rng.uniform(0.0, 0.3))
    return tuple(weights.tolist())


def _change(sound: Wave, machine: Rotating, scene: Scene, fault: str | None) -> Wave:
    """Put a fault into the sound of a machine that runs."""
    rng = scene.rng
    if fault == "louder":
        return sound * np.float32(signals.decibels(float(rng.uniform(3.0, 8.0))))
    if fault == "louder_low":
        edge_hz = float(rng.uniform(150.0, 400.0))
        return _shelf(sound, 20.0, edge_hz, float(rng.uniform(3.0, 8.0)))
    if fault in ("octave", "quieter_band"):
        centre = float(rng.choice(_OCTAVES_HZ))
        change_db = 3.0 if fault == "octave" else -float(rng.uniform(4.0, 8.0))
        return _shelf(sound, centre / 2**0.5, centre * 2**0.5, change_db)
    if fault == "tone":
        hz = float(np.exp(rng.uniform(np.log(300.0), np.log(4000.0))))
        whine = signals.cosine(scene.turn(hz * scene.drift(depth=0.001)))
        return sound + whine * np.float32(signals.decibels(float(rng.uniform(-22.0, -14.0))))
    if fault == "beat":
        turns = scene.turn(machine.shaft_hz * scene.speed)
        depth = float(rng.uniform(0.4, 0.7))
        swell = 1.0 + np.float32(depth) * signals.cosine(turns)
        return sound * swell / np.float32(np.sqrt(1.0 + depth**2 / 2.0))
    return sound


def _shelf(sound: Wave, low_hz: float, high_hz: float, change_db: float) -> Wave:
    """Change the level between two frequencies by some decibels."""
    corners = [low_hz / 1.03, low_hz, high_hz, high_hz * 1.03]
    return signals.filter_curve(
        sound, sample_rate=SAMPLE_RATE, hz=corners, level_db=[0.0, change_db, change_db, 0.0]
    )
