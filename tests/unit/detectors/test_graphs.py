"""Back ends, statistics, ensembles and p-values as graphs give what the detectors give."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asd_cli.core.errors import UsageError
from asd_cli.core.types import Domain
from asd_cli.detectors.backends.backend import Backend
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.combining import combine, normalise
from asd_cli.detectors.combining_graph import combine_graph, normalise_graph
from asd_cli.detectors.exporting import score_graph
from asd_cli.detectors.normal_scores import NormalScores
from asd_cli.detectors.normal_scores_graph import p_value_graph, upper_tail
from asd_cli.detectors.pooled.detector import Pooling
from asd_cli.detectors.texture.detector import TextureStatistics
from asd_cli.features.graphs import DOMAINS, ClipInputs
from asd_cli.features.recipe import FeatureParameters
from asd_cli.graphs.builder import Graph
from tests.support.clips import make_clip
from tests.support.graphs import run

RNG = np.random.default_rng(7)
TRAIN = RNG.normal(50.0, 4.0, (24, 6))
TEST = RNG.normal(50.0, 9.0, (8, 6))
OF = [(section, domain) for section in ("00", "01") for domain in Domain]
DISTANCES = ("cosine", "euclidean", "whitened", "zscore", "adaptive")


def clip_inputs() -> ClipInputs:
    graph = Graph()
    wave = graph.input("wave", np.float32, ["clips", "samples"])
    return ClipInputs(graph, wave, ("00", "01"), FeatureParameters())


def backend_scores(options: BackendOptions) -> tuple[Any, Any]:
    """Scores by a back end and by its graph, of clips of all sections and domains."""
    known, new = (
        [make_clip(path=Path(f"{n}.wav"), section=OF[n % 4][0], domain=OF[n % 4][1])
         for n in range(len(rows))]
        for rows in (TRAIN, TEST)
    )  # fmt: skip
    backend = Backend(options, seed=3)
    backend.fit(TRAIN, known)
    clips = clip_inputs()
    embeddings = clips.graph.input("e", np.float64, ["clips", 6])
    found = backend.graph(clips, embeddings)
    given = {
        "section": np.array([("00", "01").index(c.section or "") for c in new]),
        "domain": np.array([DOMAINS.index(c.domain) for c in new]),
    }
    asked = {entry.name for entry in clips.graph._inputs}
    inputs = {name: value for name, value in given.items() if name in asked}
    wave = np.zeros((len(TEST), 1), np.float32)
    return backend.score(TEST, new), run(clips.graph, found, 1, e=TEST, wave=wave, **inputs)


@pytest.mark.parametrize("kind", ["knn", "lof", "gmm", "mahalanobis", "kmeans"])
@pytest.mark.parametrize("distance", DISTANCES)
def test_every_kind_of_back_end(kind: Any, distance: Any) -> None:
    options = BackendOptions(kind=kind, distance=distance, components=2, neighbors=2)
    expected, found = backend_scores(options)
    np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("references", ["section", "machine"])
@pytest.mark.parametrize("domains", ["pooled", "minimum", "own"])
def test_every_choice_of_references(references: Any, domains: Any) -> None:
    options = BackendOptions(
        distance="euclidean", references=references, domains=domains, density=2
    )
    expected, found = backend_scores(options)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("kind", ["mean", "max", "gwrp", "mean_max", "mean_gwrp"])
@pytest.mark.parametrize(("frames", "decay"), [(1, 0.9), (40, 0.9), (40, 0.0), (300, 1.0)])
def test_pooling(kind: str, frames: int, decay: float) -> None:
    levels = RNG.normal(-40.0, 9.0, (2, frames, 5)).astype(np.float32)
    graph, pooling = Graph(), Pooling(kind, decay)
    value = pooling.graph(graph.input("levels", np.float32, ["clips", "frames", 5]))
    expected = np.stack([pooling(each) for each in levels])
    np.testing.assert_allclose(run(graph, value, 2, levels=levels), expected, rtol=2e-6)


@pytest.mark.parametrize("frames", [2, 3, 60, 124, 125, 126, 700])
def test_texture_of_clips_shorter_and_longer_than_a_segment(frames: int) -> None:
    """Decibels of modulation, so an absolute tolerance."""
    levels = RNG.normal(-40.0, 9.0, (2, frames, 4)).astype(np.float32)
    graph, statistics = Graph(), TextureStatistics(125.0)
    value = statistics.graph(graph.input("levels", np.float32, ["clips", "frames", 4]))
    expected = np.stack([statistics(each) for each in levels])
    np.testing.assert_allclose(run(graph, value, 2, levels=levels), expected, atol=1e-3)


@pytest.mark.parametrize("kind", ["z", "log", "rank"])
def test_scales_of_ensembles(kind: str) -> None:
    normal = np.abs(RNG.normal(3.0, 1.0, 30)).astype(np.float32)
    normal[5] = normal[6]
    scores = np.concatenate([[0.0, 1e-9, 50.0], normal.astype(float), RNG.uniform(0, 6, 20)])
    graph = Graph()
    value = normalise_graph(graph.input("scores", np.float64, ["n"]), normal, kind)
    expected = normalise(scores, normal, kind)
    np.testing.assert_allclose(run(graph, value, 1, scores=scores), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["mean", "soft_maximum"])
def test_combinations_of_ensembles(kind: str) -> None:
    rows = RNG.normal(0.0, 9.0, (3, 10))
    weights = np.array([0.5, 0.5, 0.0])
    graph = Graph()
    given = graph.input("rows", np.float64, [3, "n"])
    value = combine_graph([given.take(number, 0) for number in range(3)], weights, kind)
    expected = combine(rows, weights, kind)
    np.testing.assert_allclose(run(graph, value, 1, rows=rows), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 3, 4])
def test_the_tail_of_students_distribution_far_out_as_well(freedom: int) -> None:
    from scipy.special import stdtr

    t = np.concatenate([-np.geomspace(1e-6, 1e5, 40), [0.0], np.geomspace(1e-6, 1e5, 40)])
    graph = Graph()
    value = upper_tail(graph.input("t", np.float64, ["n"]), freedom)
    np.testing.assert_allclose(run(graph, value, 1, t=t), stdtr(freedom, -t), rtol=1e-5)


@pytest.mark.parametrize("recordings", [1, 2, 3, 4, 5, 9])
def test_p_values_of_few_and_many_recordings(recordings: int) -> None:
    """Ranks and tails; ties with normal scores count as high."""
    scores = RNG.normal(5.0, 1.0, 27).astype(np.float32)
    normal = NormalScores(scores, [number * recordings // 27 for number in range(27)])
    new = np.concatenate([scores.astype(float), np.linspace(-3.0, 60.0, 40)])
    graph = Graph()
    value = p_value_graph(normal, graph.input("scores", np.float64, ["n"]))
    found = run(graph, value, 1, scores=new)
    np.testing.assert_allclose(found, normal.p_values(new), rtol=1e-9)


def test_p_values_where_all_normal_scores_are_equal() -> None:
    normal = NormalScores(np.full(4, 2.0), range(4))
    graph = Graph()
    value = p_value_graph(normal, graph.input("scores", np.float64, ["n"]))
    new = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(run(graph, value, 1, scores=new), normal.p_values(new))


def test_a_detector_without_a_graph_says_so() -> None:
    with pytest.raises(UsageError, match="crest cannot be exported: its detector has no method"):
        score_graph(object(), "crest", clip_inputs())
