from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip, Domain, Label, Split
from asd_cli.detectors.backends.backend import KINDS, Backend
from asd_cli.detectors.backends.neighbours import (
    distances,
    few_squared_distances,
    local_distances,
    unit_length,
)
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.backends.smote import oversample_target
from tests.support.clips import make_clip

SEED = 3


def clips(*groups: tuple[str, Domain | None, int]) -> list[Clip]:
    return [
        make_clip(path=Path(f"{section}{domain}{number}.wav"), machine="fan", section=section,
             domain=domain, split=Split.TRAIN, label=Label.NORMAL)
        for section, domain, count in groups
        for number in range(count)
    ]  # fmt: skip


def embeddings(count: int, *, seed: int = 0, size: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).normal(1.0, 1.0, (count, size)).astype(np.float32)


ONE_SECTION = clips(("00", Domain.SOURCE, 30), ("00", Domain.TARGET, 4))


def scored(test: np.ndarray, train: np.ndarray | None = None, **options: Any) -> np.ndarray:
    backend = Backend(BackendOptions(**options), SEED)
    backend.fit(embeddings(34) if train is None else train, ONE_SECTION)
    return backend.score(test, clips(("00", Domain.SOURCE, len(test))))


def naive_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(1 - np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("neighbors", [1, 3])
def test_knn_is_scikit_learns(distance: str, neighbors: int) -> None:
    from sklearn.neighbors import NearestNeighbors

    train, test = embeddings(34), embeddings(7, seed=1)
    search = NearestNeighbors(n_neighbors=neighbors, metric=distance).fit(train)
    expected = search.kneighbors(test)[0].mean(axis=1)
    np.testing.assert_allclose(
        scored(test, distance=distance, neighbors=neighbors), expected, rtol=1e-4
    )


def test_lof_is_scikit_learns() -> None:
    from sklearn.neighbors import LocalOutlierFactor

    train, test = embeddings(34), embeddings(7, seed=1)
    oracle = LocalOutlierFactor(n_neighbors=4, novelty=True, algorithm="brute").fit(train)
    found = scored(test, kind="lof", neighbors=4, distance="euclidean")
    np.testing.assert_allclose(found, -oracle.score_samples(test), rtol=1e-4)


def test_gmm_of_one_component_is_a_gaussian() -> None:
    from scipy.stats import multivariate_normal

    train, test = embeddings(34).astype(np.float64), embeddings(7, seed=1)
    covariance = np.cov(train, rowvar=False, bias=True)
    covariance += 1e-3 * train.var(axis=0).mean() * np.eye(5)
    oracle = multivariate_normal(train.mean(axis=0), covariance)
    found = scored(test, kind="gmm", components=1, distance="euclidean")
    np.testing.assert_allclose(found, -oracle.logpdf(test), rtol=1e-4)


def test_gmm_of_few_clips_is_diagonal_and_finite() -> None:
    found = scored(embeddings(3, seed=1), kind="gmm", components=12, distance="euclidean")
    assert np.isfinite(found).all()
    few = Backend(BackendOptions(kind="gmm"), SEED)
    few.fit(np.zeros((4, 5)), clips(("00", Domain.SOURCE, 4)))
    assert np.isfinite(few.score(np.ones((1, 5)), clips(("00", Domain.SOURCE, 1)))).all()


def test_mahalanobis_is_scikit_learns() -> None:
    from sklearn.covariance import LedoitWolf

    train, test = embeddings(34).astype(np.float64), embeddings(7, seed=1)
    oracle = LedoitWolf().fit(train)
    found = scored(test, kind="mahalanobis", distance="euclidean")
    np.testing.assert_allclose(found, np.sqrt(oracle.mahalanobis(test)), rtol=2e-3)


def test_kmeans_keeps_every_target_clip() -> None:
    train = embeddings(34)
    found = scored(train[-4:], kind="kmeans", components=2, distance="euclidean")
    np.testing.assert_allclose(found, 0.0, atol=1e-6)
    source = scored(train[:30], kind="kmeans", components=2, distance="euclidean")
    assert (source > 0).sum() > 20


def test_kmeans_with_as_many_centres_as_clips_is_knn() -> None:
    test = embeddings(7, seed=1)
    np.testing.assert_allclose(
        scored(test, kind="kmeans", components=30), scored(test, kind="knn"), rtol=1e-3
    )


def test_density_normalisation_against_a_slow_version() -> None:
    train, test = embeddings(34), embeddings(7, seed=1)
    expected = []
    for row in test:
        ratios = []
        for index, reference in enumerate(train):
            others = np.delete(train, index, axis=0)
            local = np.mean(sorted(naive_cosine(reference, other) for other in others)[:4])
            ratios.append(naive_cosine(row, reference) / local)
        expected.append(min(ratios))
    np.testing.assert_allclose(scored(test, density=4), expected, rtol=1e-3)


def test_a_single_reference_has_no_density() -> None:
    assert local_distances(np.ones((1, 3)), 4, "cosine").tolist() == [1.0]


def test_smote_against_a_slow_check() -> None:
    values = embeddings(34).astype(np.float64)
    target = np.array([clip.domain is Domain.TARGET for clip in ONE_SECTION])
    grown, mask = oversample_target(values, target, ratio=0.5, kind="euclidean", seed=1)
    assert np.count_nonzero(mask) == 15
    np.testing.assert_array_equal(grown[:34], values)
    few = values[target]
    for made in grown[34:]:
        on_a_line = []
        for base in few:
            for other in few[np.argsort(np.linalg.norm(few - base, axis=1))[1:3]]:
                share = np.dot(made - base, other - base) / np.dot(other - base, other - base)
                off = np.linalg.norm(base + share * (other - base) - made)
                on_a_line.append(-1e-9 <= share <= 1 and off < 1e-9)
        assert any(on_a_line)


@pytest.mark.parametrize(("count", "ratio"), [(1, 0.5), (4, 0.1)])
def test_smote_adds_nothing_where_it_cannot_or_need_not(count: int, ratio: float) -> None:
    target = np.arange(34) >= 34 - count
    grown, _ = oversample_target(embeddings(34), target, ratio=ratio, kind="cosine", seed=1)
    assert len(grown) == 34


def test_domains_pooled_apart_and_own() -> None:
    train, test = embeddings(34), embeddings(6, seed=1)
    of_test = clips(("00", Domain.SOURCE, 2), ("00", Domain.TARGET, 2), ("00", None, 2))
    found = {}
    for domains in ("pooled", "minimum", "own"):
        backend = Backend(BackendOptions(domains=domains), SEED)
        backend.fit(train, ONE_SECTION)
        found[domains] = backend.score(test, of_test)
    nearest = {
        domain: np.array(
            [
                min(
                    naive_cosine(row, reference)
                    for reference, clip in zip(train, ONE_SECTION, strict=True)
                    if clip.domain is domain
                )
                for row in test
            ]
        )
        for domain in Domain
    }
    both = np.minimum(nearest[Domain.SOURCE], nearest[Domain.TARGET])
    own = np.concatenate([nearest[Domain.SOURCE][:2], nearest[Domain.TARGET][2:4], both[4:]])
    np.testing.assert_allclose(found["pooled"], both, rtol=1e-3)
    np.testing.assert_allclose(found["minimum"], both, rtol=1e-3)
    np.testing.assert_allclose(found["own"], own, rtol=1e-3)


def test_references_of_the_section_or_of_the_machine() -> None:
    train = np.array([[1.0, 0.0], [0.0, 1.0]])
    own = clips(("00", Domain.SOURCE, 1), ("01", Domain.SOURCE, 1))
    cases: tuple[tuple[Literal["section", "machine"], float], ...] = (
        ("section", 1.0),
        ("machine", 0.0),
    )
    for references, expected in cases:
        backend = Backend(BackendOptions(references=references), SEED)
        backend.fit(train, own)
        score = backend.score(np.array([[0.0, 2.0]]), own[:1])
        assert score[0] == pytest.approx(expected, abs=1e-6)


def test_a_training_clip_is_scored_without_itself() -> None:
    train = embeddings(34)
    backend = Backend(BackendOptions(), SEED)
    backend.fit(train, ONE_SECTION)
    assert backend.score(train, ONE_SECTION).max() == pytest.approx(0.0, abs=1e-6)
    crossed = backend.cross_scores(train, ONE_SECTION)
    for index, score in enumerate(crossed):
        others = np.delete(train, index, axis=0)
        assert score >= min(naive_cosine(train[index], other) for other in others) - 1e-6
    np.testing.assert_array_equal(crossed, backend.cross_scores(train, ONE_SECTION))


def test_a_section_with_one_clip_is_scored_by_itself() -> None:
    own = clips(("00", Domain.SOURCE, 5), ("01", Domain.SOURCE, 1))
    backend = Backend(BackendOptions(), SEED)
    backend.fit(embeddings(6), own)
    assert backend.cross_scores(embeddings(6), own)[5] == pytest.approx(0.0, abs=1e-6)


def test_too_few_clips_are_refused_in_words() -> None:
    own = clips(("00", Domain.SOURCE, 1))
    with pytest.raises(DataError, match=r"fan 00 has 1 training clip, and the back end lof") as e:
        Backend(BackendOptions(kind="lof"), SEED).fit(embeddings(1), own)
    assert "backend.kind=knn" in str(e.value.hint)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("distance", ["cosine", "euclidean", "whitened"])
def test_scores_survive_state_and_company(kind: Any, distance: Any) -> None:
    options = BackendOptions(kind=kind, distance=distance, components=2, smote=0.3, neighbors=2)
    backend, again = Backend(options, SEED), Backend(options, SEED)
    backend.fit(embeddings(34), ONE_SECTION)
    again.restore(*backend.state())
    test, own = embeddings(6, seed=1), clips(("00", Domain.SOURCE, 6))
    together = backend.score(test, own)
    np.testing.assert_array_equal(together, again.score(test, own))
    alone = [backend.score(test[[i]], own[:1])[0] for i in range(6)]
    np.testing.assert_array_equal(together, alone)
    far = backend.score(test - 20.0, own)
    assert np.median(far) > np.median(together)


def test_zero_embeddings_stay_finite() -> None:
    assert np.isfinite(unit_length(np.zeros((2, 3)))).all()


def test_perturbed_versions_are_references_like_the_others() -> None:
    train, perturbed = embeddings(34), embeddings(34, seed=8)
    test, asked = embeddings(7, seed=1), clips(("00", Domain.SOURCE, 7))
    together = Backend(BackendOptions(distance="whitened"), SEED)
    together.fit(train, ONE_SECTION, [perturbed])
    listed = Backend(BackendOptions(distance="whitened"), SEED)
    listed.fit(np.concatenate([train, perturbed]), [*ONE_SECTION, *ONE_SECTION])
    np.testing.assert_array_equal(together.score(test, asked), listed.score(test, asked))


def test_a_clip_that_is_left_out_takes_its_perturbed_versions_along() -> None:
    train = embeddings(34)
    backend = Backend(BackendOptions(distance="euclidean"), SEED)
    backend.fit(train, ONE_SECTION, [train])
    plain = Backend(BackendOptions(distance="euclidean"), SEED)
    plain.fit(train, ONE_SECTION)
    left_out = backend.cross_scores(train, ONE_SECTION, [train])
    np.testing.assert_array_equal(left_out, plain.cross_scores(train, ONE_SECTION))
    assert (left_out > 0).all()


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 900), (3, 2, 257), (1, 300, 640)])
def test_distances_without_scipy_are_scipys_bit_for_bit(shape: tuple[int, int, int]) -> None:
    from scipy.spatial.distance import cdist

    queries, references, size = shape
    rng = np.random.default_rng(size)
    x, y = rng.standard_normal((queries, size)), rng.standard_normal((references, size))
    assert np.array_equal(few_squared_distances(x, y), cdist(x, y, "sqeuclidean"))
    assert np.array_equal(distances(x, y, "euclidean"), cdist(x, y, "euclidean"))
