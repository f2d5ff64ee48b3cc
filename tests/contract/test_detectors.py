"""What every detector keeps: one suite over all of them."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from asd_cli.artifacts.bundle import ModelBundle, write_bundle
from sklearn.metrics import roc_auc_score

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SilentEvents
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import Detector, DetectorOptions, DetectorState, FitContext
from asd_cli.detectors.discriminative.options import DiscriminativeOptions
from asd_cli.detectors.registry import DETECTORS, create_detector, detector_spec, restore_detector
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from asd_cli.training.checkpoint import Checkpoint
from tests.support.encoders import write_encoder
from tests.support.features import make_recordings

OPTIONS = DetectorOptions(
    n_mels=64, n_frames=32, n_hop_frames=4, lr=1e-3, epochs=3, batch_size=8, seed=5,
    batch_norm="recalibrate", device="cpu", recipe=FeatureParameters(n_mels=64),
    discriminative=DiscriminativeOptions(resolutions=(256,), sub_clusters=2, min_batches=8),
)  # fmt: skip

# Options are wanted where no fixture is at hand.
_FOLDER = TemporaryDirectory()
Recorded = Callable[..., FeatureStore]


# Every detector, and ensembles of what is trained and what is not.
NAMES = [*sorted(DETECTORS), "pooled-speed+texture", "autoencoder+pooled-knn"]


@pytest.fixture(params=NAMES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    made: dict[str, FeatureStore] = {}

    def record(**wanted: Any) -> FeatureStore:
        key = repr(sorted(wanted.items()))
        if key not in made:
            made[key] = make_recordings(tmp_path_factory.mktemp("recordings"), **wanted)
        return made[key]

    return record


@cache
def exported_encoder() -> Path:
    return write_encoder(Path(_FOLDER.name) / "encoder.pt2")


def options_of(name: str) -> DetectorOptions:
    """Small options with the back end that the detector's recipe names."""
    spec = detector_spec(name)
    if spec.is_ensemble:
        members = tuple((member, options_of(member)) for member in spec.bases)
        return replace(OPTIONS, members=members, epochs=members[0][1].epochs)
    known = {field.name for field in fields(BackendOptions)}
    backend = {
        key.removeprefix("backend."): value
        for key, value in spec.recipe.items()
        if key.removeprefix("backend.") in known
    }
    if name == "pretrained":
        return replace(OPTIONS, backend=BackendOptions(**backend), encoder=str(exported_encoder()))
    # An autoencoder that has learnt little finds what is loud anomalous, and nothing else.
    epochs = 60 if name.startswith("autoencoder") else OPTIONS.epochs
    return replace(
        OPTIONS,
        backend=BackendOptions(**backend),
        pooling_speeds=tuple(spec.recipe.get("pooling.speeds", ())),
        epochs=epochs,
    )


def create(name: str) -> Detector:
    return create_detector(name, options_of(name))


@pytest.fixture(scope="module")
def detector(name: str, recorded: Recorded) -> Detector:
    fitted = create(name)
    fitted.fit(recorded(), FitContext())
    return fitted


def test_scores_are_finite_float32_one_a_clip(detector: Detector, recorded: Recorded) -> None:
    test = recorded(seed=90)
    scores = detector.score(test)
    assert scores.clips.shape == (len(test),)
    assert scores.clips.dtype == np.float32
    assert np.isfinite(scores.clips).all()
    assert len(scores.windows) == len(test)
    assert all(len(windows) >= 1 for windows in scores.windows)


def test_higher_is_more_anomalous(detector: Detector, name: str, recorded: Recorded) -> None:
    # What sounds like another section than its own is odd to every detector that tells sections
    # apart; a classifier of sections may well find a sound that is like no section quite normal.
    test = recorded(seed=90)
    odd = recorded(seed=90, fault=True)
    if detector_spec(name).needs_sections:
        swapped = {"00": "01", "01": "00"}
        odd = replace(test, clips=tuple(replace(c, section=swapped[c.section]) for c in test.clips))
    labels = [0] * len(test) + [1] * len(odd)
    scores = np.concatenate([detector.score(test).clips, detector.score(odd).clips])
    assert roc_auc_score(labels, scores) > 0.7


def test_a_seed_gives_the_same_scores(detector: Detector, name: str, recorded: Recorded) -> None:
    again = create(name)
    again.fit(recorded(), FitContext())
    test = recorded(seed=90)
    np.testing.assert_array_equal(detector.score(test).clips, again.score(test).clips)


def test_scores_do_not_depend_on_the_company(detector: Detector, recorded: Recorded) -> None:
    test = recorded(seed=90)
    together = detector.score(test).clips
    alone = [detector.score(test.select([index])).clips[0] for index in range(len(test))]
    np.testing.assert_array_equal(together, alone)


def test_scores_survive_the_way_through_a_bundle(
    detector: Detector, name: str, recorded: Recorded, tmp_path: Path
) -> None:
    state = detector.state()
    path = tmp_path / "model.safetensors"
    write_bundle(path, ModelBundle(state.tensors, dict(state.facts)))
    bundle = read_model_file(path)
    options = options_of(name)
    again = restore_detector(name, DetectorState(bundle.tensors, bundle.facts), options)
    test = recorded(seed=90)
    np.testing.assert_array_equal(detector.score(test).clips, again.score(test).clips)
    second = tmp_path / "again.safetensors"
    write_bundle(second, ModelBundle(again.state().tensors, dict(again.state().facts)))
    assert second.read_bytes() == path.read_bytes()


def test_training_scores_are_one_a_clip_and_below_the_limit(
    detector: Detector, recorded: Recorded
) -> None:
    train = recorded()
    scores = detector.score_training_clips(train)
    assert scores.shape == (len(train),)
    assert np.isfinite(scores).all()
    assert (scores <= detector.highest_score).all()


def test_a_section_that_was_not_trained_is_refused_where_it_matters(
    detector: Detector, name: str, recorded: Recorded
) -> None:
    other = recorded(sections=("00", "02"))
    if not detector_spec(name).tells_sections:
        assert np.isfinite(detector.score(other).clips).all()
        return
    with pytest.raises(UsageError, match="knows the sections 00, 01 and not 02"):
        detector.score(other)


@pytest.mark.parametrize(
    "little", [{"sections": ("00",)}, {"source": 1, "target": 0}, {"target": 0}],
    ids=["one section", "one clip", "no target"],
)  # fmt: skip
def test_little_data_works_or_is_refused_in_words(
    name: str, recorded: Recorded, little: dict[str, Any]
) -> None:
    store = recorded(**little)
    fitted = create(name)
    try:
        fitted.fit(store, FitContext())
    except DataError as error:
        spec = detector_spec(name)
        assert error.hint
        single_section = little == {"sections": ("00",)} and spec.needs_sections
        single_clip = "source" in little and "backend" in spec.settings
        assert single_section or single_clip
        return
    assert np.isfinite(fitted.score(store).clips).all()
    assert np.isfinite(fitted.score_training_clips(store)).all()


class _KilledError(Exception):
    """Stands for a kill: nothing catches it."""


class _StopsAfter(SilentEvents):
    def __init__(self, batches: float) -> None:
        self.left = batches

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self.left -= amount
        if self.left < 0:
            raise _KilledError


def test_a_fit_that_was_killed_goes_on_to_the_same_end(
    detector: Detector, name: str, recorded: Recorded, tmp_path: Path
) -> None:
    checkpoint = Checkpoint(tmp_path / "checkpoint.safetensors", {"what": name})
    epochs, train = options_of(name).epochs, recorded()
    counted = _StopsAfter(10**9)
    create(name).fit(train, FitContext(events=counted))
    in_second_epoch = int((10**9 - counted.left) * 1.5 / epochs)
    broken = create(name)
    try:
        broken.fit(train, FitContext(checkpoint=checkpoint, events=_StopsAfter(in_second_epoch)))
    except _KilledError:
        pass
    else:
        pytest.fail("the fit was over before it could be killed")
    resumed = create(name)
    resumed.fit(train, FitContext(checkpoint=checkpoint))
    test = recorded(seed=90)
    np.testing.assert_array_equal(detector.score(test).clips, resumed.score(test).clips)
