"""Graphs are written like array expressions, and give what numpy gives."""

import sys

import numpy as np
import pytest

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.graphs.builder import Graph
from tests.support.graphs import run

X = np.array([[3.0, 1.0, 2.0], [0.5, 4.0, 9.0]])


def test_operators_are_those_of_arrays() -> None:
    graph = Graph()
    x = graph.input("x", np.float64, ["rows", "columns"])
    found = (1.0 - x) / 2.0 + (2.0 / x) * X[0] - (x @ np.eye(3)) ** 2 + (-x)
    expected = (1.0 - X) / 2.0 + (2.0 / X) * X[0] - X**2 - X
    np.testing.assert_allclose(run(graph, found, 2, x=X), expected, rtol=1e-14)


def test_sorting_gathering_and_shapes() -> None:
    graph = Graph()
    x = graph.input("x", np.float64, ["rows", "columns"])
    ordered = x.sorted(1, largest=True)
    last = ordered.take(x.length(1) - 1, 1)
    mean = x.nearest(2, 1).reduce("Mean", 1)
    found = graph.stack([last, mean], 0).reshape(x.length(0), -1)
    np.testing.assert_allclose(run(graph, found, 2, x=X), [[1.0, 0.5], [1.5, 2.25]])


def test_equal_constants_are_kept_once_and_in_single_precision_where_that_loses_nothing() -> None:
    graph = Graph()
    x = graph.input("x", np.float64, ["n"])
    exact = graph.wide(np.array([0.5, 0.25]))
    inexact = graph.wide(np.array([0.1]))
    graph.output("found", (x * 2.0 + 2.0) * exact * inexact, ["n"])
    kinds = sorted(c.data_type for c in graph.model("g", {}).graph.initializer)
    assert kinds == [1, 11, 11]  # float32 once; 2.0 once and 0.1 in float64


def test_the_same_graph_has_the_same_bytes_and_keeps_metadata() -> None:
    def content() -> bytes:
        graph = Graph(20)
        x = graph.input("x", np.float32, ["n"])
        graph.output("found", x.apply("Exp").softmax(-1), ["n"])
        model = graph.model("g", {"b": "2", "a": "1"})
        assert [entry.key for entry in model.metadata_props] == ["a", "b"]
        assert model.opset_import[0].version == 20
        return bytes(model.SerializeToString(deterministic=True))

    assert content() == content()


@pytest.mark.parametrize("opset", [17, 23])
def test_operators_of_other_versions_are_refused(opset: int) -> None:
    with pytest.raises(UsageError, match=f"opset {opset} cannot be written") as caught:
        Graph(opset)
    assert caught.value.hint is not None
    assert "--opset 18" in caught.value.hint


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="onnx, onnxruntime") as caught:
        Graph()
    assert caught.value.hint == "install them: pip install 'asd-cli[onnx]'"
