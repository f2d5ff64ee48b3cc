"""A clip's p-value is among the normal clips that its own threshold is of."""

import numpy as np
import pytest

from asd_cli.artifacts.model_file import Calibration
from asd_cli.artifacts.threshold import threshold_groups
from asd_cli.detectors.thresholds import fit_threshold
from asd_cli.pipeline.rarity import p_values

GROUPS = [("00", "source")] * 40 + [("00", "target")] * 20 + [("01", "source")] * 40


@pytest.mark.parametrize("kind", ["interval", "quantile"])
def test_p_values_and_decisions_agree_in_every_group(kind: str) -> None:
    rng = np.random.default_rng(3)
    levels = np.array([1.0 if section == "00" else 8.0 for section, _ in GROUPS])
    training = levels + rng.normal(size=len(GROUPS))
    units = tuple(number // 2 for number in range(len(GROUPS)))
    names = [threshold_groups(*group, "domain") for group in GROUPS]
    threshold = fit_threshold(training, kind=kind, quantile=0.9, groups=names, units=units)
    assert len(threshold.groups) > 3
    calibration = Calibration(settings={}, groups=tuple(GROUPS), threshold=threshold, units=units)
    for group in (*dict.fromkeys(GROUPS), ("00", None), (None, None)):
        scores = np.linspace(-3.0, 14.0, 400)
        p = p_values(
            scores,
            [group] * len(scores),
            training_scores=training,
            calibration=calibration,
        )
        limit = threshold.of(*group)
        apart = np.abs(scores - limit) > 0.05
        if kind == "interval":
            assert np.array_equal((p <= 0.1 + 1e-12)[apart], (scores > limit)[apart])
        assert np.all(np.diff(p) <= 0)
        assert p[scores > limit + 0.5].max(initial=0.0) <= 0.1 + 1e-12


def test_groups_in_one_call_are_those_of_calls_apart() -> None:
    rng = np.random.default_rng(4)
    training = rng.normal(size=len(GROUPS))
    names = [threshold_groups(*group, "domain") for group in GROUPS]
    threshold = fit_threshold(training, kind="quantile", quantile=0.9, groups=names)
    calibration = Calibration(settings={}, groups=tuple(GROUPS), threshold=threshold, units=())
    asked = [("01", "source"), ("00", "target"), ("01", "source"), ("02", "source")]
    scores = np.array([0.5, 0.5, 1.5, 0.1])
    together = p_values(scores, asked, training_scores=training, calibration=calibration)
    for number, group in enumerate(asked):
        (alone,) = p_values(
            scores[number : number + 1], [group], training_scores=training, calibration=calibration
        )
        assert alone == together[number]
