from pathlib import Path

import numpy as np
import pytest

from asd_cli.core.errors import ConfigError, DataError, UsageError
from asd_cli.core.types import Clip, Domain, Label, Split
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.mobilenetv2.detector import MobileNetV2Detector, window_scores
from asd_cli.detectors.mobilenetv2.options import MobileNetV2Options
from asd_cli.detectors.options import WindowOptions
from asd_cli.detectors.plans import parse_detector
from asd_cli.detectors.registry import detector_spec
from asd_cli.detectors.thresholds import fit_threshold
from asd_cli.detectors.validation import split_windows
from asd_cli.features.recipe import FeatureParameters
from tests.support.clips import make_clip
from tests.support.features import make_store


def test_scores_of_the_published_formula() -> None:
    p = np.array([0.0, 1e-45, 0.5, 1 - 6e-8, 1.0], np.float32)
    expected = [3.612097, 3.612097, 0.176595, -15.9424, -36.0437]
    scores = window_scores(p, "reference")
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=3e-6)


def test_scores_of_the_paper() -> None:
    p = np.array([0.1, 0.5, 0.9], np.float32)
    expected = np.log((1 - p) / p)
    np.testing.assert_allclose(window_scores(p, "log_odds"), expected, atol=1e-6)
    assert np.isfinite(window_scores(np.array([0, 1], np.float32), "log_odds")).all()


@pytest.mark.parametrize("kind", ["reference", "log_odds"])
def test_less_belief_is_more_anomalous(kind: str) -> None:
    scores = window_scores(np.linspace(0, 1, 101, dtype=np.float32), kind)
    assert (np.diff(scores) <= 0).all()


def test_a_gamma_threshold_is_scipys_quantile() -> None:
    from scipy import stats

    scores = np.random.default_rng(1).normal(-5.0, 1.0, 500)
    threshold = fit_threshold(scores, kind="gamma", quantile=0.9)
    shape, loc, scale = stats.gamma.fit(scores)
    assert threshold.value == pytest.approx(stats.gamma.ppf(0.9, shape, loc, scale))
    assert threshold.false_alarm_rate == pytest.approx(0.1, abs=0.03)
    assert threshold.notes == ()
    assert threshold.kind == "gamma"


@pytest.mark.parametrize("scores", [[1.5], [2.0, 2.0, 2.0, 2.0], [1.0, 2.0]])
def test_where_gamma_cannot_be_fitted_the_quantile_is_taken_and_said(scores: list[float]) -> None:
    threshold = fit_threshold(np.array(scores), kind="gamma", quantile=0.9)
    assert threshold.kind == "quantile"
    assert threshold.value == pytest.approx(np.quantile(scores, 0.9))
    assert "cannot be fitted" in threshold.notes[0]


def test_a_quantile_threshold() -> None:
    threshold = fit_threshold(np.arange(101.0), kind="quantile", quantile=0.95)
    assert threshold.value == 95.0
    assert threshold.false_alarm_rate == pytest.approx(5 / 101)


def test_a_threshold_that_can_never_fire_is_said() -> None:
    threshold = fit_threshold(np.arange(30.0), kind="quantile", quantile=0.9, highest_score=20.0)
    assert any("can never be exceeded" in note for note in threshold.notes)


def test_a_false_alarm_rate_far_from_the_wanted_one_is_said() -> None:
    lumps = np.array([0.0] * 70 + [10.0] * 30) + np.random.default_rng(0).normal(0, 0.01, 100)
    notes = fit_threshold(lumps, kind="gamma", quantile=0.9).notes
    assert any("was meant to flag 10.0%" in note or "may never fire" in note for note in notes)


def _clips(*groups: tuple[str, Domain, int]) -> list[Clip]:
    return [
        make_clip(path=Path(f"{section}{domain}{number}.wav"), machine="fan", section=section,
             domain=domain, split=Split.TRAIN, label=Label.NORMAL)
        for section, domain, count in groups
        for number in range(count)
    ]  # fmt: skip


def test_the_tail_is_what_keras_holds_back() -> None:
    train, held_back = split_windows([], np.zeros(103, np.int64), fraction=0.1, how="tail", seed=0)
    assert len(train) == int(103 * 0.9)
    np.testing.assert_array_equal(np.concatenate([train, held_back]), np.arange(103))


def test_stratified_takes_whole_clips_of_every_group() -> None:
    clips = _clips(("00", Domain.SOURCE, 20), ("00", Domain.TARGET, 3), ("01", Domain.SOURCE, 20),
                   ("01", Domain.TARGET, 1))  # fmt: skip
    windows = np.repeat(np.arange(len(clips)), 5)
    train, held_back = split_windows(clips, windows, fraction=0.34, how="stratified", seed=0)
    taken = sorted({*windows[held_back].tolist()})
    assert not {*windows[train].tolist()} & {*taken}
    groups = [(clips[i].section, clips[i].domain) for i in taken]
    assert groups.count(("00", Domain.SOURCE)) == 7
    assert groups.count(("00", Domain.TARGET)) == 1
    assert groups.count(("01", Domain.TARGET)) == 0
    again = split_windows(clips, windows, fraction=0.34, how="stratified", seed=0)[1]
    np.testing.assert_array_equal(held_back, again)


def test_without_a_share_everything_is_trained_on() -> None:
    clips = _clips(("00", Domain.SOURCE, 4))
    for how in ("tail", "stratified"):
        train, held_back = split_windows(clips, np.arange(4), fraction=0.0, how=how, seed=0)
        assert (len(train), len(held_back)) == (4, 0)


def options(*, n_mels: int) -> MobileNetV2Options:
    return MobileNetV2Options(
        windows=WindowOptions(n_frames=32), features=FeatureParameters(n_mels=n_mels)
    )


def test_small_windows_are_refused_by_the_network() -> None:
    with pytest.raises(ConfigError, match="n_frames is 5, and mobilenetv2 needs 32") as caught:
        MobileNetV2Detector(MobileNetV2Options(windows=WindowOptions(n_frames=5)))
    assert "--detector autoencoder" in str(caught.value.hint), "5 frames are that baseline's"


def test_windows_that_leave_one_value_are_refused_by_the_network() -> None:
    with pytest.raises(ConfigError, match="a single value of each channel"):
        MobileNetV2Detector(options(n_mels=32))


def test_one_section_cannot_be_classified_and_the_message_says_what_can() -> None:
    store = make_store(sections=("00",))
    with pytest.raises(DataError, match="single section 00") as caught:
        MobileNetV2Detector(options(n_mels=64)).fit(store, FitContext())
    assert "pooled-knn" in str(caught.value.hint)
    assert not detector_spec("pooled-knn").needs_sections


def test_an_unknown_detector_is_named() -> None:
    with pytest.raises(UsageError, match="no detector 'mobilenet'") as caught:
        parse_detector("mobilenet")
    assert "did you mean 'mobilenetv2'" in str(caught.value.hint)
