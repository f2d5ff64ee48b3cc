"""Waveforms: seeded, within range, and changed by a fault only where the fault says."""

import io
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from asd_cli.core.types import Domain, Label, Mode, Split
from asd_cli.synthetic.machines.registry import MODELS
from asd_cli.synthetic.plan import SAMPLE_RATE, PlannedClip, SyntheticPlan, plan_clips
from asd_cli.synthetic.rendering import encode_wav, render_clip, wav_size
from asd_cli.synthetic.scene import Fault
from asd_cli.synthetic.signals import Wave

PLAN = SyntheticPlan(
    machines=tuple(MODELS),
    sections=2,
    source_train=1,
    target_train=1,
    test_normal=1,
    test_anomaly=3,
    duration_s=2.5,
    seed=5,
)
CLIPS = plan_clips(PLAN, Mode.DEV)
FAULTS = [(machine, fault) for machine, model in MODELS.items() for fault in model.faults]


def clips_with(machine: str, fault: str | None) -> list[PlannedClip]:
    return [clip for clip in CLIPS if clip.machine == machine and clip.fault == fault]


def share_in_band(y: Wave, fault: Fault) -> float:
    power = np.abs(np.fft.rfft(y)) ** 2
    hz = np.fft.rfftfreq(len(y), 1 / SAMPLE_RATE)
    inside = (hz >= fault.low_hz) & (hz <= fault.high_hz)
    return float(power[inside].sum() / power.sum())


def within_spans(n: int, faults: tuple[Fault, ...]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    time = np.arange(n) / SAMPLE_RATE
    inside = np.zeros(n, dtype=np.bool_)
    for fault in faults:
        inside |= (time >= fault.start_s) & (time <= fault.end_s)
    return inside


@pytest.mark.parametrize("machine", MODELS)
def test_a_clip_depends_on_its_identity_alone(machine: str) -> None:
    clip = next(clip for clip in CLIPS if clip.machine == machine)
    larger = replace(PLAN, machines=(machine,), source_train=9, test_anomaly=7)
    again = next(other for other in plan_clips(larger, Mode.DEV) if other.path == clip.path)
    assert np.array_equal(render_clip(PLAN, clip).y, render_clip(larger, again).y)


@pytest.mark.parametrize("machine", MODELS)
def test_seed_section_and_number_change_the_sound(machine: str) -> None:
    clip = next(clip for clip in CLIPS if clip.machine == machine)
    y = render_clip(PLAN, clip).y
    for other_plan, other in (
        (replace(PLAN, seed=6), clip),
        (PLAN, replace(clip, section="01")),
        (PLAN, replace(clip, number=7)),
        (PLAN, replace(clip, domain=Domain.TARGET)),
    ):
        assert not np.allclose(y, render_clip(other_plan, other).y, atol=1e-3)


@pytest.mark.parametrize("machine", MODELS)
def test_sound_is_audible_and_never_clips(machine: str) -> None:
    for clip in (clip for clip in CLIPS if clip.machine == machine):
        rendered = render_clip(PLAN, clip)
        assert rendered.y.shape == (40000,)
        assert rendered.y.dtype == np.float32
        assert 0.01 < float(np.abs(rendered.y).max()) <= 0.9
        assert -3.0 <= rendered.snr_db <= 9.0


@pytest.mark.parametrize("machine", MODELS)
def test_a_healthy_clip_has_no_fault(machine: str) -> None:
    rendered = render_clip(PLAN, clips_with(machine, None)[0])
    assert rendered.faults == ()
    assert np.array_equal(rendered.y, rendered.healthy)


@pytest.mark.parametrize(("machine", "fault"), FAULTS)
def test_a_fault_is_heard_where_it_is_declared(machine: str, fault: str) -> None:
    clips = clips_with(machine, fault)
    assert {clip.domain for clip in clips} == set(Domain)
    for clip in clips:
        rendered = render_clip(PLAN, clip)
        change = rendered.y - rendered.healthy
        inside = within_spans(len(change), rendered.faults)
        assert float(np.sum(change[inside] ** 2)) > 0.99 * float(np.sum(change**2))
        assert share_in_band(change, rendered.faults[0]) > 0.95
        healthy = rendered.healthy[inside]
        band = np.sum(healthy**2) * share_in_band(healthy, rendered.faults[0])
        assert float(np.sum(change**2)) > 0.01 * float(band), "inaudible"


@pytest.mark.parametrize(("machine", "fault"), FAULTS)
def test_regions_lie_within_the_clip(machine: str, fault: str) -> None:
    for clip in clips_with(machine, fault):
        faults = render_clip(PLAN, clip).faults
        assert faults
        for region in faults:
            assert region.kind == fault
            assert 0.0 <= region.start_s < region.end_s <= PLAN.duration_s
            assert 0.0 < region.low_hz < region.high_hz <= SAMPLE_RATE / 2
        assert len({(region.low_hz, region.high_hz) for region in faults}) == 1


def test_every_machine_has_several_kinds_of_fault() -> None:
    assert all(len(model.faults) >= 2 for model in MODELS.values())


def test_wav_is_mono_pcm16_of_known_size() -> None:
    content = encode_wav(render_clip(PLAN, CLIPS[0]).y)
    assert len(content) == wav_size(PLAN)
    info = soundfile.info(io.BytesIO(content))
    assert (info.samplerate, info.channels, info.format, info.subtype) == (
        16000,
        1,
        "WAV",
        "PCM_16",
    )


def test_wav_keeps_the_waveform() -> None:
    y = render_clip(PLAN, CLIPS[0]).y
    samples, _ = soundfile.read(io.BytesIO(encode_wav(y)), dtype="int16")
    assert np.abs(samples / 32767 - y).max() < 2e-5


def test_identity_names_everything_that_tells_clips_apart() -> None:
    assert len({clip.identity for clip in CLIPS}) == len(CLIPS)
    assert CLIPS[0].identity == ("ToyCar", "00", Domain.SOURCE, Split.TRAIN, Label.NORMAL, 0)
