from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import DetectorState, FitContext
from asd_cli.detectors.ensemble import EnsembleDetector, normalise
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions, EnsembleOptions
from asd_cli.detectors.plans import options_from_plain, options_to_plain, parse_detector
from asd_cli.detectors.pooled.options import PooledOptions
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
