from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.core.events import SILENT
from asd_cli.core.types import Clip
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import DetectorState, FitContext
from asd_cli.detectors.combining import combine, normalise
from asd_cli.detectors.ensemble import EnsembleDetector
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions, EnsembleOptions
from asd_cli.detectors.plans import (
    Ensemble,
    create_detector,
    options_from_plain,
    options_to_plain,
    parse_detector,
)
from asd_cli.detectors.pooled.options import PooledOptions
from asd_cli.detectors.registry import register
from asd_cli.detectors.spec import Preset, Runtime
from asd_cli.evaluation.metrics import auc
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.options import detector_options
from asd_cli.settings.model import Settings
from asd_cli.synthetic.recordings import (
    PlannedRecording,
    RecordingPlan,
    render_recording,
    write_recordings,
)
from tests.support.features import make_store

numbers = st.floats(-1e3, 1e3)


@given(arrays(np.float64, 9, elements=numbers), arrays(np.float64, 7, elements=numbers))
def test_normalising_keeps_the_order(scores: np.ndarray, normal: np.ndarray) -> None:
    order = np.argsort(scores, kind="stable")
    for kind in ("z", "rank"):
        assert (np.diff(normalise(scores, normal, kind)[order]) >= -1e-9).all()


def test_the_scales() -> None:
    normal = np.array([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(normalise(normal, normal, "rank"), [0.125, 0.375, 0.625, 0.875])
    z = normalise(normal, normal, "z")
    np.testing.assert_allclose([z.mean(), z.std()], [0.0, 1.0], atol=1e-12)
    assert normalise(np.array([10.0]), normal, "rank")[0] > 1.0


def test_logarithms_make_a_factor_a_distance() -> None:
    normal = np.exp(np.random.default_rng(2).normal(0.0, 0.3, 200))
    scaled = normalise(np.array([1.0, 2.0, 4.0]), normal, "log")
    np.testing.assert_allclose(np.diff(scaled), np.log(2) / np.log(normal).std(), rtol=1e-6)
    assert np.isfinite(normalise(np.array([0.0]), normal, "log")).all()
    assert np.isfinite(normalise(np.array([0.0, 1.0]), np.zeros(3), "log")).all()


@given(arrays(np.float64, (3, 5), elements=st.floats(-50, 50)))
def test_a_soft_maximum_lies_between_mean_and_maximum(scores: np.ndarray) -> None:
    equal = np.full(3, 1 / 3)
    found = combine(scores, equal, "soft_maximum")
    assert (found >= combine(scores, equal, "mean") - 1e-6).all()
    assert (found <= scores.max(axis=0) + 1e-6).all()
    assert (found >= scores.max(axis=0) - np.log(3) / 4 - 1e-6).all()


def test_a_soft_maximum_ignores_a_member_without_weight() -> None:
    scores = np.array([[0.0], [30.0]])
    assert combine(scores, np.array([1.0, 0.0]), "soft_maximum")[0] < 26.0


def ensemble(**options: Any) -> EnsembleDetector:
    own = PooledOptions(backend=BackendOptions(distance="euclidean"))
    other = PooledOptions(backend=BackendOptions(kind="gmm", components=1))
    members = (("pooled-knn", own), ("pooled-gmm", other))
    combined = EnsembleOptions(**options)
    return EnsembleDetector(EnsembleDetectorOptions(members=members, ensemble=combined))


def test_all_weight_on_one_member_ranks_as_it_does() -> None:
    train, test = make_store(), make_store(seed=9)
    alone = ensemble(weights=(1.0, 0.0), groups="machine")
    alone.fit(train, FitContext())
    member = alone._members[0].score(test).clips
    assert (np.argsort(alone.score(test).clips) == np.argsort(member)).all()


def test_an_ensemble_survives_the_way_through_its_state() -> None:
    train, test = make_store(), make_store(seed=9)
    plan = parse_detector("pooled-knn+pooled-gmm")
    for groups in ("machine", "section", "domain"):
        fitted = ensemble(groups=groups, normalization="rank")
        fitted.fit(train, FitContext())
        state = fitted.state()
        options = options_from_plain(plan, options_to_plain(fitted.options))
        assert options == fitted.options
        assert isinstance(options, EnsembleDetectorOptions)
        again = EnsembleDetector.from_state(DetectorState(state.tensors, state.facts), options)
        np.testing.assert_array_equal(fitted.score(test).clips, again.score(test).clips)
        assert np.isfinite(fitted.score_training_clips(train)).all()


def test_logarithms_of_what_may_be_negative_are_refused() -> None:
    with pytest.raises(ConfigError, match="scores of pooled-gmm may be below 0"):
        ensemble(normalization="log").fit(make_store(shift=30.0), FitContext())


def robust(train: FeatureStore, **parameters: str) -> EnsembleDetector:
    named = {f"ensemble.{name}": value for name, value in parameters.items()}
    settings = Settings(detector="robust", parameters=named)
    options = detector_options(settings, features=FeatureParameters(), device="cpu")
    detector = create_detector(settings.plan, options)
    detector.fit(train, FitContext())
    assert isinstance(detector, EnsembleDetector)
    return detector


def own_recordings(plan: RecordingPlan, numbers: range, fault: str | None = None) -> FeatureStore:
    """Recordings of 6 s, each cut into three clips, in memory."""
    cut = []
    for number in numbers:
        planned = PlannedRecording(number=number, fault=fault)
        parts = np.split(render_recording(plan, planned), 3)
        for part, samples in enumerate(parts):
            clip = Clip(
                path=Path(f"{number}.wav"), start=2.0 * part, duration=2.0, machine="engine"
            )
            cut.append(Recording(clip, samples))
    return features_in_memory(cut, FeatureParameters())


PLAN = RecordingPlan(seconds=6.0, seed=77)


def test_robust_finds_what_is_louder_and_says_who_found_it() -> None:
    detector = robust(own_recordings(PLAN, range(10)))
    normal, louder = own_recordings(PLAN, range(10, 16)), own_recordings(PLAN, range(4), "octave")
    found = auc(detector.score(normal).clips, detector.score(louder).clips)
    assert found is not None
    assert found > 0.9
    said = detector.contributions(louder)
    assert said.values.shape == (12, 5)
    highest = said.values.max(axis=1)
    assert [said.values[i, said.members.index(said.decisive(i))] for i in range(12)] == list(
        highest
    )
    scores = detector.score(louder).clips
    assert (scores <= highest + 1e-5).all()
    assert (scores >= highest - np.log(5) / 4 - 1e-5).all()


def test_scores_of_training_clips_are_like_those_of_new_normal_clips() -> None:
    train, new = own_recordings(PLAN, range(12)), own_recordings(PLAN, range(12, 24))
    detector = robust(train)
    left_out, fresh = detector.score_training_clips(train), detector.score(new).clips
    # Left-out clips are compared with a fifth less, so they may lie a little higher, never lower.
    assert np.median(left_out) > np.median(fresh) - 0.5
    assert np.mean(fresh > np.quantile(left_out, 0.9)) < 0.25


def test_a_clip_does_not_set_its_own_scale() -> None:
    """One odd recording among the training clips stands out by itself."""
    plan = RecordingPlan(seconds=6.0, seed=78)
    train = own_recordings(plan, range(9))
    waveforms = list(train.waveforms or ())
    waveforms[12:15] = [3.0 * samples for samples in waveforms[12:15]]
    clips = [Recording(c, w) for c, w in zip(train.clips, waveforms, strict=True)]
    odd = features_in_memory(clips, FeatureParameters())
    detector = robust(odd, normalization="log")
    honest = detector.score_training_clips(odd)
    own = detector._combine(detector._normalise(detector._score_left_out(odd, SILENT), odd.clips))
    assert honest[12:15].min() > own[12:15].max()


def test_robust_works_with_five_recordings_and_with_parts_of_one() -> None:
    for train in (own_recordings(PLAN, range(5)), own_recordings(PLAN, range(1))):
        detector = robust(train)
        scores = detector.score_training_clips(train)
        assert np.isfinite(scores).all()
        assert np.isfinite(detector.score(own_recordings(PLAN, range(20, 21))).clips).all()
    # A single recording is scored by its other parts, not by itself.
    assert len(np.unique(scores)) == 3


def test_each_recording_is_decoded_once_for_all_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asd_cli.features import waveforms

    write_recordings(tmp_path, RecordingPlan(seconds=2.0, normal=6, faulty=0, seed=3))
    clips = [Clip(path=p, machine="engine") for p in sorted((tmp_path / "normal").iterdir())]
    train = replace(
        features_in_memory([Recording(clip) for clip in clips], FeatureParameters()), waveforms=None
    )
    decoded: list[Path] = []
    decode = waveforms.read_waveform

    def counted(clip: Clip, parameters: FeatureParameters) -> np.ndarray:
        decoded.append(clip.path)
        return decode(clip, parameters)

    monkeypatch.setattr(waveforms, "read_waveform", counted)
    detector = robust(train)
    detector.score_training_clips(train)
    # Once as they are, once at other speeds.
    assert len(decoded) == 2 * len(clips)


def test_a_name_of_an_ensemble_is_no_member_and_no_detector() -> None:
    plan = parse_detector("robust")
    assert isinstance(plan, Ensemble)
    assert plan.name == "robust"
    assert plan.runtime is Runtime.NUMPY
    with pytest.raises(UsageError, match="robust cannot be a member") as caught:
        parse_detector("robust+texture")
    assert "level-octave+level" in (caught.value.hint or "")
    with pytest.raises(ConfigError, match="'robust' is taken"):
        register(Preset(name="robust", detector="pooled", summary="mine"))
