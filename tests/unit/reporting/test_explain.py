"""Explanations against synthetic truth."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from asd_cli.core.types import Label, Mode, Split
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.mel import band_edge_hz, band_position
from asd_cli.features.recipe import FeatureParameters
from asd_cli.reporting.explain import (
    explain,
    greatest_rectangle,
    learn_normal,
    nearest_clips,
    widen_rectangle,
)
from asd_cli.reporting.explanation import Explanation, Region
from asd_cli.synthetic.plan import PlannedClip, SyntheticPlan, plan_clips
from asd_cli.synthetic.rendering import render_clip
from asd_cli.synthetic.scene import Fault

RECIPE = FeatureParameters()
FRAMES_PER_SECOND = RECIPE.sample_rate / RECIPE.hop_length
# Not the seeds that the method was developed on (the demo's, 2021, and 11 to 13).
PLAN = SyntheticPlan(sections=2, source_train=24, target_train=3, test_normal=0, test_anomaly=9)
SEEDS = (77, 5)
HEARD_DB = 2.0
SMEARED = 6  # frames by which smoothing moves an edge

Mask = npt.NDArray[np.bool_]


def test_band_frequencies_are_librosas() -> None:
    from librosa import mel_frequencies

    centres = mel_frequencies(n_mels=130, fmin=0, fmax=8000)[1:-1]
    for band in (0, 10, 60, 127):
        position = band_position(float(centres[band]), n_mels=128, sample_rate=16000)
        assert position == pytest.approx(band + 0.5, abs=1e-6)
        low, high = (band_edge_hz(e, n_mels=128, sample_rate=16000) for e in (band, band + 1))
        assert low < centres[band] < high


def test_the_greatest_rectangle_is_that_of_a_search_of_all() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        values = rng.normal(-0.3, 1, (7, 6))
        found, (top, bottom, left, right) = greatest_rectangle(values)
        every = [
            values[a:b, c:d].sum()
            for a in range(7)
            for b in range(a + 1, 8)
            for c in range(6)
            for d in range(c + 1, 7)
        ]
        assert found == pytest.approx(max(every))
        assert values[top:bottom, left:right].sum() == pytest.approx(found)


def test_nothing_positive_gives_no_rectangle() -> None:
    assert greatest_rectangle(np.full((3, 3), -1.0)) == (0.0, (0, 0, 0, 0))


def test_a_rectangle_is_widened_to_the_whole_of_its_event_and_no_further() -> None:
    values = np.full((12, 10), -1.0)
    values[3:9, 2:7] = 0.2
    values[5:6, 4:5] = 3.0
    values[11, 9] = 5.0  # another event, beyond a gap
    assert widen_rectangle((5, 6, 4, 5), values) == (3, 9, 2, 7)
    assert widen_rectangle((3, 9, 2, 7), values) == (3, 9, 2, 7)


def test_two_regions_are_named_and_more_are_counted() -> None:
    regions = tuple(
        Region((n, n + 9), (0, 9), float(n), n + 0.5, 1000.0, 2000.0, 6.0 - 9.0 * (n > 0))
        for n in range(3)
    )
    found = Explanation(regions, 0, 4.0, True)
    assert found.named == regions[:2]
    assert found.sentence == (
        "0.0–0.5 s, 1.0–2.0 kHz, up to 6 dB louder than its nearest normal clip; 1.0–1.5 s, "
        "1.0–2.0 kHz, up to 3 dB quieter than it; 1 weaker region framed as well."
    )


def test_the_nearest_clip_is_not_chosen_by_one_loud_band() -> None:
    means = np.zeros((2, 64))
    means[0, :4] = -40.0  # differs in few bands, by much
    means[1] = 3.0  # differs everywhere, by little
    assert nearest_clips(np.zeros(64), means)[0] == 0


def normal_clips(count: int = 20, bands: int = 128) -> list[npt.NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    return [rng.normal(-60, 1.5, (100, bands)).astype(np.float32) for _ in range(count)]


def test_a_burst_is_found_and_said() -> None:
    clips = normal_clips()
    clip = clips.pop().copy()
    clip[40:60, 64:80] += 12.0
    found = explain(clip, learn_normal(clips), RECIPE)
    region = found.regions[0]
    assert abs(region.frames[0] - 40) <= SMEARED
    assert abs(region.frames[1] - 60) <= SMEARED
    assert abs(region.bands[0] - 64) <= 4
    assert abs(region.bands[1] - 80) <= 4
    assert found.unusual
    assert found.sentence.startswith("1.")
    assert "dB louder than its nearest normal clip" in found.sentence


def test_a_gap_is_below() -> None:
    clips = normal_clips()
    clip = clips.pop().copy()
    clip[:, 20:60] -= 9.0
    found = explain(clip, learn_normal(clips), RECIPE)
    assert found.regions[0].level_db < -6
    assert found.sentence.startswith("All the time, ")
    assert "quieter than its nearest normal clip" in found.sentence


def test_no_region_no_claim() -> None:
    assert Explanation((), 0, 1.0, False).sentence.startswith("No region stands out")
    weak = Region((0, 9), (0, 9), 0.0, 0.05, 10.0, 900.0, 1.0)
    assert Explanation((weak,), 0, 4.0, True).sentence.startswith("0.00–0.05 s, up to 900 Hz")


def test_normal_clips_are_often_not_framed() -> None:
    clips = normal_clips(40)
    reference = learn_normal(clips[:20])
    framed = [bool(explain(clip, reference, RECIPE).regions) for clip in clips[20:]]
    assert np.mean(framed) <= 0.75
    unframed = explain(clips[20 + framed.index(False)], reference, RECIPE)
    assert not unframed.unusual
    assert "normal clips differ as much among themselves" in unframed.sentence


@pytest.mark.parametrize(("change_db", "said"), [(5.0, "Louder"), (-5.0, "Quieter")])
def test_a_clip_that_is_louder_everywhere_is_said_to_be_that(change_db: float, said: str) -> None:
    clips = normal_clips()
    clip = (clips.pop() + change_db).astype(np.float32)
    found = explain(clip, learn_normal(clips), RECIPE)
    assert found.level_db == pytest.approx(change_db, abs=0.3)
    assert found.sentence.startswith(f"{said} everywhere by 5 dB.")
    clip[40:60, 64:80] += 12.0
    both = explain(clip, learn_normal(clips), RECIPE)
    assert " everywhere by 5 dB. Apart from that: 1." in both.sentence


def test_a_clip_that_is_louder_in_half_of_the_bands_is_not_louder_everywhere() -> None:
    clips = normal_clips()
    clip = clips.pop().copy()
    clip[:, 60:] += 9.0
    found = explain(clip, learn_normal(clips), RECIPE)
    assert found.level_db == 0.0
    assert found.regions[0].level_db > 6


def test_the_member_that_decided_is_named() -> None:
    found = Explanation((), 0, 1.0, False, level_db=6.2, member="level")
    assert found.sentence == "Louder everywhere by 6 dB. The detector level decided."


@pytest.mark.parametrize("bands", [128, 64, 6, 30])
def test_any_number_of_bands(bands: int) -> None:
    clips = normal_clips(6, bands)
    recipe = FeatureParameters(n_mels=bands)
    for region in explain(clips[0] + 5, learn_normal(clips[1:]), recipe).regions:
        assert region.bands[1] <= bands


@dataclass(frozen=True)
class Outcome:
    """How an explanation fares against the truth."""

    fault: str
    covers: bool
    on_target: bool


def judge(
    found: Explanation, faults: tuple[Fault, ...], change_db: npt.NDArray[np.float32]
) -> Outcome:
    """Hold the regions of an explanation against what the fault changed.

    `covers`: they hold at least half of the audible change (the sum of all differences of
    more than 2 dB between the faulty clip and the same clip without its fault) of the fault, or
    of one of its occurrences where it is declared to come several times (strokes of a valve).

    `on_target`: at least half of what they frame lies in the regions that the fault is declared to
    be confined to. Framing the whole clip would cover every fault; this says that it does not.
    """
    audible = np.abs(ndimage.gaussian_filter(change_db, 1.0))
    audible[audible < HEARD_DB] = 0.0
    framed = np.zeros(change_db.shape, bool)
    for region in found.regions:
        framed[slice(*region.frames), slice(*region.bands)] = True
    declared = [_declared(fault, framed.shape) for fault in faults]
    shares = [
        audible[part & framed].sum() / audible[part].sum() if audible[part].any() else 0.0
        for part in declared
    ]
    everywhere = np.logical_or.reduce(declared)
    inside = (framed & everywhere).sum() / max(framed.sum(), 1)
    return Outcome(faults[0].kind, max(shares) >= 0.5, bool(inside >= 0.5))


def _declared(fault: Fault, shape: tuple[int, ...]) -> Mask:
    """Cells of a fault's region, one more on each side: frames and bands overlap."""
    bands = [
        band_position(hz, n_mels=RECIPE.n_mels, sample_rate=RECIPE.sample_rate)
        for hz in (fault.low_hz, fault.high_hz)
    ]
    frames = [fault.start_s * FRAMES_PER_SECOND, fault.end_s * FRAMES_PER_SECOND]
    mask = np.zeros(shape, bool)
    mask[_around(frames), _around(bands)] = True
    return mask


def _around(span: list[float]) -> slice:
    return slice(max(0, int(span[0]) - 1), int(np.ceil(span[1])) + 2)


def _section_outcomes(plan: SyntheticPlan, clips: list[PlannedClip]) -> list[Outcome]:
    """Explain the detected faults of one section; a pooled kNN detects."""
    basis = mel_basis(RECIPE)
    train = [
        log_mel(render_clip(plan, clip).y, RECIPE, basis)
        for clip in clips
        if clip.split is Split.TRAIN
    ]
    reference = learn_normal(train)
    others = (np.delete(reference.means, i, axis=0) for i in range(len(reference.means)))
    own = [np.abs(o - m).mean(1).min() for o, m in zip(others, reference.means, strict=True)]
    threshold = np.quantile(own, 0.9)
    outcomes = []
    for clip in clips:
        if clip.label is Label.ANOMALY:
            rendered = render_clip(plan, clip)
            faulty = log_mel(rendered.y, RECIPE, basis)
            distance = np.abs(reference.means - faulty.mean(0)).mean(1).min()
            if distance > threshold:
                healthy = log_mel(rendered.healthy, RECIPE, basis)
                found = explain(faulty, reference, RECIPE)
                said = replace(found, regions=found.named)
                outcomes.append(judge(said, rendered.faults, faulty - healthy))
    return outcomes


@pytest.mark.slow
def test_what_the_sentence_names_covers_detected_faults() -> None:
    outcomes = []
    for seed in SEEDS:
        plan = replace(PLAN, seed=seed)
        clips = plan_clips(plan, Mode.DEV)
        for place in sorted({(clip.machine, clip.section) for clip in clips}):
            own = [clip for clip in clips if (clip.machine, clip.section) == place]
            outcomes += _section_outcomes(plan, own)
    assert len(outcomes) >= 80, "enough faults are detected to speak of a share"
    covered = np.mean([outcome.covers for outcome in outcomes])
    on_target = np.mean([outcome.on_target for outcome in outcomes])
    assert covered >= 0.8, f"{covered:.2f} of {len(outcomes)}"
    assert on_target >= 0.7, f"{on_target:.2f} of {len(outcomes)}"
