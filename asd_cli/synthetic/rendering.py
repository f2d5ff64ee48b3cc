"""From a planned clip to its waveform, its bytes and the truth about its fault."""

import io
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.random import Generator

from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Domain
from asd_cli.synthetic import signals
from asd_cli.synthetic.background import draw_background, render_background
from asd_cli.synthetic.conditions import relative_load, relative_speed
from asd_cli.synthetic.machines.registry import find_model
from asd_cli.synthetic.plan import SAMPLE_RATE, PlannedClip, SyntheticPlan
from asd_cli.synthetic.scene import Defect, Fault, Scene, Sound
from asd_cli.synthetic.signals import Wave

_BACKGROUND_LEVEL = 0.012
_PEAK = 0.89
_SNR_DB = {Domain.SOURCE: (5.0, 7.0), Domain.TARGET: (2.5, 4.5)}
_SNR_RANGE_DB = (-3.0, 9.0)
_BODY_PEAKS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedClip:
    """A clip and what is known about it.

    Attributes
    ----------
    y : ndarray [shape=(n,)]
        Waveform within ±0.89, float32, mono, `SAMPLE_RATE` Hz.
    healthy : ndarray [shape=(n,)]
        The same clip without its fault; equal to `y` where it has none.
    faults : tuple of Fault
        The regions of time and frequency in which the two differ; empty where there is no fault.
    snr_db : float
        Level of the healthy machine relative to the background.
    """

    y: Wave
    healthy: Wave
    faults: tuple[Fault, ...]
    snr_db: float


def render_clip(plan: SyntheticPlan, clip: PlannedClip) -> RenderedClip:
    """Render one clip; the result depends on nothing but the plan's seed and duration and the clip.

    Parameters
    ----------
    plan : SyntheticPlan
        For its seed and duration.
    clip : PlannedClip
        One of `plan_clips`.

    Returns
    -------
    RenderedClip
    """
    sound = _machine_sound(plan, clip)
    rng = _rng(plan, *clip.identity, "mix")
    snr_db = _draw_snr(plan, clip, rng)
    gain = _BACKGROUND_LEVEL * signals.decibels(snr_db) / signals.rms(sound.healthy)
    noise = _background(plan, clip) * np.float32(_BACKGROUND_LEVEL)
    level = signals.decibels(float(rng.normal(0.0, 0.7)))
    healthy = (sound.healthy * gain + noise) * level
    faulty = healthy
    if sound.change is not None:
        faulty = healthy + sound.change.y * (gain * level)
    peak = max(float(np.max(np.abs(healthy))), float(np.max(np.abs(faulty))))
    scale = min(1.0, _PEAK / peak)
    return RenderedClip(
        y=(faulty * scale).astype(np.float32),
        healthy=(healthy * scale).astype(np.float32),
        faults=() if sound.change is None else sound.change.faults,
        snr_db=snr_db,
    )


def encode_wav(y: Wave) -> bytes:
    """Write a waveform within ±1 as the bytes of a mono PCM16 WAV file."""
    import soundfile

    buffer = io.BytesIO()
    samples = np.rint(np.asarray(y, dtype=np.float64) * 32767.0).astype(np.int16)
    soundfile.write(buffer, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    return buffer.getvalue()


def wav_size(plan: SyntheticPlan) -> int:
    """Size of every file of a set, in bytes: a header of 44, and 2 for each sample."""
    return 44 + 2 * _samples(plan)


def _samples(plan: SyntheticPlan) -> int:
    return round(plan.duration_s * SAMPLE_RATE)


def _rng(plan: SyntheticPlan, *names: str | int) -> Generator:
    return np.random.default_rng(derive_seed(plan.seed, *names))


def _scene(plan: SyntheticPlan, clip: PlannedClip, role: str) -> Scene:
    rng = _rng(plan, *clip.identity, role)
    faster = bool(_rng(plan, clip.machine, clip.section, "shift").uniform() < 0.5)
    jitter = 1.0 + 0.01 * float(rng.standard_normal())
    return Scene(
        n=_samples(plan),
        sample_rate=SAMPLE_RATE,
        speed=relative_speed(clip.condition, faster=faster) * jitter,
        load=relative_load(clip.condition),
        rng=rng,
    )


def _machine_sound(plan: SyntheticPlan, clip: PlannedClip) -> Sound:
    """Run the machine and let its body colour the sound."""
    unit = _rng(plan, clip.machine, clip.section, "unit")
    defect = None
    if clip.fault is not None:
        rng = _rng(plan, *clip.identity, "fault")
        defect = Defect(kind=clip.fault, severity_db=float(rng.uniform(-4.0, 4.0)), rng=rng)
    scene = _scene(plan, clip, "machine")
    sound = find_model(clip.machine).render(unit, scene, defect)
    body = _rng(plan, clip.machine, clip.section, "body")
    return _through_body(body, sound)


def _through_body(body: Generator, sound: Sound) -> Sound:
    """Colour a sound with the resonances of the individual's housing, about two to three a band.

    They lie elsewhere in every individual; what a fault radiates past the housing lacks them.
    """
    hz = np.geomspace(60.0, 8000.0, 128)
    borders = np.geomspace(100.0, 7500.0, _BODY_PEAKS + 1)
    level_db = np.zeros(len(hz))
    for low, high in pairwise(borders.tolist()):
        centre, width = body.uniform(low, high), body.uniform(0.08, 0.16)
        level_db += body.uniform(6.0, 13.0) / (1.0 + (np.log2(hz / centre) / width) ** 2)

    def colour(y: Wave) -> Wave:
        return signals.filter_curve(y, sample_rate=SAMPLE_RATE, hz=hz, level_db=level_db)

    healthy = colour(sound.healthy)
    if sound.change is None:
        return Sound(healthy=healthy)
    if sound.change.through_body:
        return Sound(healthy=healthy, change=replace(sound.change, y=colour(sound.change.y)))
    louder = np.float32(signals.rms(healthy) / signals.rms(sound.healthy))
    return Sound(healthy=healthy, change=replace(sound.change, y=sound.change.y * louder))


def _background(plan: SyntheticPlan, clip: PlannedClip) -> Wave:
    """Hear the hall of a domain, from the place of a section."""
    hall = _rng(plan, clip.machine, clip.domain, "background")
    place = _rng(plan, clip.machine, clip.section, clip.domain, "background")
    scene = _scene(plan, clip, "background")
    return render_background(draw_background(hall, place, clip.domain), scene)


def _draw_snr(plan: SyntheticPlan, clip: PlannedClip, rng: Generator) -> float:
    """Draw a clip's signal-to-noise ratio around that of its section and domain."""
    place = _rng(plan, clip.machine, clip.section, clip.domain, "snr")
    snr_db = float(place.uniform(*_SNR_DB[clip.domain])) + 1.0 * float(rng.standard_normal())
    return float(np.clip(snr_db, *_SNR_RANGE_DB))
