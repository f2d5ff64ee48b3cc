import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.artifacts.threshold import Threshold, threshold_groups
from asd_cli.core.structures import from_plain, to_plain
from asd_cli.detectors.thresholds import fit_threshold

CLIPS = [("00", "source")] * 20 + [("01", "source")] * 20 + [("00", "target")] * 3
CLIPS += [("01", "target")] * 3
SCORES = np.concatenate([np.arange(20), np.arange(20) + 100, np.full(3, 500), np.full(3, 700)])


def fit(groups: str, quantile: float = 0.9) -> Threshold:
    named = [threshold_groups(section, domain, groups) for section, domain in CLIPS]
    return fit_threshold(SCORES, kind="quantile", quantile=quantile, groups=named)


def test_each_section_and_domain_has_the_wanted_false_alarm_rate() -> None:
    threshold = fit("domain", 0.75)
    for section, low in (("00", 0), ("01", 100)):
        assert np.mean(np.arange(20) + low > threshold.of(section, "source")) == 0.25


def test_few_clips_take_the_threshold_of_their_domain() -> None:
    threshold = fit("domain")
    assert "00/target" not in threshold.groups
    assert threshold.of("00", "target") == threshold.of("01", "target") == 700
    assert threshold.of("00", "source") == pytest.approx(np.quantile(np.arange(20), 0.9))


def test_a_hidden_domain_takes_that_of_the_section() -> None:
    threshold = fit("domain")
    assert threshold.of("00", None) == threshold.groups["00"]
    assert threshold.of("07", None) == threshold.value


def test_a_machine_has_one_threshold() -> None:
    threshold = fit("machine")
    assert threshold.groups == {}
    assert threshold.of("00", "target") == threshold.value == np.quantile(SCORES, 0.9)


def test_sections_share_a_threshold_between_domains() -> None:
    threshold = fit("section")
    assert set(threshold.groups) == {"00", "01"}
    assert threshold.of("00", "source") == threshold.of("00", "target")


def test_survives_json() -> None:
    threshold = fit("domain")
    assert from_plain(Threshold, to_plain(threshold)) == threshold


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60), st.floats(0.05, 0.95))
def test_no_more_false_alarms_than_wanted_in_any_group(
    scores: list[float], quantile: float
) -> None:
    values = np.array(scores)
    names = [("a",) if index % 2 else ("b",) for index in range(len(values))]
    threshold = fit_threshold(values, kind="quantile", quantile=quantile, groups=names)
    for group, value in threshold.groups.items():
        members = values[[own == (group,) for own in names]]
        assert np.sum(members > value) <= np.ceil(len(members) * (1 - quantile))


@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_a_gamma_distribution_is_fitted_in_the_precision_of_the_scores(precision: type) -> None:
    """The classifier's scores are single, the autoencoder's double, and so are the fits."""
    from scipy import stats

    scores: np.ndarray = np.random.default_rng(3).gamma(4.0, 2.0, 400).astype(precision)
    shape, location, scale = stats.gamma.fit(scores)
    expected = float(stats.gamma.ppf(0.9, a=shape, loc=location, scale=scale))
    assert fit_threshold(scores, kind="gamma", quantile=0.9).value == expected
    other = np.float64 if precision is np.float32 else np.float32
    assert fit_threshold(scores.astype(other), kind="gamma", quantile=0.9).value != expected


def test_the_quantile_of_single_scores_is_computed_in_double() -> None:
    scores = np.random.default_rng(3).gamma(4.0, 2.0, 400).astype(np.float32)
    value = fit_threshold(scores, kind="quantile", quantile=0.9).value
    assert value == float(np.quantile(scores.astype(np.float64), 0.9))
