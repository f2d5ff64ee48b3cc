"""What every detector keeps: one suite over all of them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asd_cli.artifacts.bundle import ModelBundle, read_bundle, write_bundle
from asd_cli.core.errors import DataError, UsageError
from asd_cli.detectors.base import Detector, DetectorOptions, DetectorState, FitContext
from asd_cli.detectors.registry import DETECTORS, create_detector, restore_detector
from tests.support.features import make_store

OPTIONS = DetectorOptions(
    n_mels=64, n_frames=32, n_hop_frames=4, lr=1e-3, epochs=3, batch_size=8, seed=5,
    batch_norm="recalibrate", device="cpu",
)  # fmt: skip


@pytest.fixture(params=sorted(DETECTORS), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def fitted(name: str, **store: Any) -> Detector:
    detector = create_detector(name, OPTIONS)
    detector.fit(make_store(**store), FitContext())
    return detector


def test_scores_are_finite_float32_one_a_clip(name: str) -> None:
    test = make_store(seed=9)
    scores = fitted(name).score(test)
    assert scores.clips.shape == (len(test),)
    assert scores.clips.dtype == np.float32
    assert np.isfinite(scores.clips).all()
    assert len(scores.windows) == len(test)
    assert all(len(windows) >= 1 for windows in scores.windows)


def test_higher_is_more_anomalous(name: str) -> None:
    # What sounds like another section than its own is odd to every detector; a classifier of
    # sections may well find a sound that is like no section quite normal.
    detector = fitted(name)
    test = make_store(seed=9)
    swapped = {"00": "01", "01": "00"}
    odd = replace(test, clips=tuple(replace(c, section=swapped[c.section]) for c in test.clips))
    assert np.median(detector.score(odd).clips) > np.median(detector.score(test).clips) + 1.0


def test_a_seed_gives_the_same_scores(name: str) -> None:
    test = make_store(seed=9)
    np.testing.assert_array_equal(fitted(name).score(test).clips, fitted(name).score(test).clips)


def test_scores_do_not_depend_on_the_company(name: str) -> None:
    test = make_store(seed=9)
    detector = fitted(name)
    together = detector.score(test).clips
    alone = [detector.score(test.select([index])).clips[0] for index in range(len(test))]
    np.testing.assert_array_equal(together, alone)


def test_scores_survive_the_way_through_a_bundle(name: str, tmp_path: Path) -> None:
    detector = fitted(name)
    state = detector.state()
    path = tmp_path / "model.safetensors"
    write_bundle(path, ModelBundle(state.tensors, dict(state.facts)))
    bundle = read_bundle(path)
    again = restore_detector(name, DetectorState(bundle.tensors, bundle.facts), OPTIONS)
    test = make_store(seed=9)
    np.testing.assert_array_equal(detector.score(test).clips, again.score(test).clips)
    second = tmp_path / "again.safetensors"
    write_bundle(second, ModelBundle(again.state().tensors, dict(again.state().facts)))
    assert second.read_bytes() == path.read_bytes()


def test_training_scores_are_one_a_clip_and_below_the_limit(name: str) -> None:
    train = make_store()
    detector = create_detector(name, OPTIONS)
    detector.fit(train, FitContext())
    scores = detector.score_training_clips(train)
    assert scores.shape == (len(train),)
    assert np.isfinite(scores).all()
    assert (scores <= detector.highest_score).all()


def test_a_section_that_was_not_trained_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="knows the sections 00, 01 and not 02"):
        fitted(name).score(make_store(sections=("00", "02")))


@pytest.mark.parametrize(
    "store", [{"sections": ("00",)}, {"source": 1, "target": 0}, {"target": 0}],
    ids=["one section", "one clip", "no target"],
)  # fmt: skip
def test_little_data_works_or_is_refused_in_words(name: str, store: dict[str, Any]) -> None:
    try:
        detector = fitted(name, **store)
    except DataError as error:
        assert DETECTORS[name].needs_sections
        assert store == {"sections": ("00",)}
        assert error.hint
        return
    assert np.isfinite(detector.score(make_store(**store)).clips).all()
