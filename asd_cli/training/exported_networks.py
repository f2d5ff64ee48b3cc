"""Networks as nodes of a graph, by the exporter of torch."""

import hashlib
import warnings
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
import torch

from asd_cli.core.errors import UsageError
from asd_cli.graphs.builder import Graph
from asd_cli.graphs.values import Value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from onnx import ModelProto

_MAX_KEPT = 4


@dataclass(frozen=True, slots=True)
class Network:
    """A network in the form that exporters take.

    Attributes
    ----------
    module : torch.nn.Module
        In its mode for scoring, on the CPU.
    example : torch.Tensor
        An input; of its first axis at least two entries.
    takes, gives : str
        What goes in and comes out, for people.
    """

    module: torch.nn.Module
    example: torch.Tensor
    takes: str
    gives: str


@runtime_checkable
class HasNetworks(Protocol):
    """A detector that scores by networks."""

    def networks(self) -> Sequence[Network]:
        """Give the fitted networks."""


def network_graph(graph: Graph, network: Network, given: Value) -> Value:
    """Run a network on what is given; its first axis may have any length.

    Parameters
    ----------
    graph : Graph
        Where nodes are added.
    network : Network
        Of one input and one output.
    given : Value [shape=(n, ...), dtype=float32]
        What it takes.

    Raises
    ------
    UsageError
        When torch cannot export the network.
    """
    return add_model(graph, onnx_of(network, graph.opset), given)


def export_program(network: Network) -> "torch.export.ExportedProgram":
    """Trace a network, for any length of its first axis."""
    any_length = ({0: torch.export.Dim.AUTO},)
    with _quiet():
        program = torch.export.export(network.module, (network.example,), dynamic_shapes=any_length)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # holds the folders of whoever exports
    return program


_kept: dict[str, "ModelProto"] = {}


def onnx_of(network: Network, opset: int) -> "ModelProto":
    """Export a network; equal ones are exported once, since it takes seconds."""
    key = _fingerprint(network, opset)
    if key not in _kept:
        if len(_kept) >= _MAX_KEPT:
            _kept.pop(next(iter(_kept)))
        _kept[key] = to_onnx(export_program(network), opset)
    return _kept[key]


def to_onnx(program: "torch.export.ExportedProgram", opset: int) -> "ModelProto":
    """Convert a program of torch.export.

    Raises
    ------
    UsageError
        When it has operators that ONNX lacks.
    """
    try:
        with _quiet():
            made = torch.onnx.export(program, dynamo=True, opset_version=opset, verbose=False)
    except torch.onnx.OnnxExporterError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise UsageError(f"the network cannot be exported: {lines[0]}") from error
    if made is None:
        raise RuntimeError("torch.onnx.export gave nothing")
    model: ModelProto = made.model_proto
    return model


def add_model(graph: Graph, model: "ModelProto", given: Value) -> Value:
    """Add the nodes of a model of one input and one output.

    Names become those of this graph, and what torch notes of its source files is left out.

    Raises
    ------
    UsageError
        When the model has another form, or functions of its own.
    """
    from onnx import numpy_helper

    source = model.graph
    plain = all(not attribute.HasField("g") for n in source.node for attribute in n.attribute)
    if len(source.input) != 1 or len(source.output) != 1 or model.functions or not plain:
        raise UsageError("the network cannot be exported: it has branches or several inputs")
    names = {source.input[0].name: given.name, "": ""}
    for constant in source.initializer:
        names[constant.name] = graph.constant(numpy_helper.to_array(constant)).name
    nodes = []
    for node in source.node:
        copy = type(node)()
        copy.CopyFrom(node)
        del copy.metadata_props[:]
        copy.name = copy.doc_string = ""
        inputs = [names[own] for own in node.input]
        outputs = [names.setdefault(own, graph.new_name() if own else "") for own in node.output]
        del copy.input[:], copy.output[:]
        copy.input.extend(inputs)
        copy.output.extend(outputs)
        nodes.append(copy)
    graph.add_nodes(nodes)
    return Value(graph, names[source.output[0].name], np.dtype(np.float32))


def _fingerprint(network: Network, opset: int) -> str:
    digest = hashlib.sha256(f"{network.module!r} {tuple(network.example.shape)} {opset}".encode())
    tensors: Mapping[str, Any] = network.module.state_dict()
    for name, tensor in tensors.items():
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(tensor.cpu().numpy()).tobytes())
    return digest.hexdigest()


@contextmanager
def _quiet() -> "Iterator[None]":
    """Keep what exporters say of their own code from users: nothing in it is about the network."""
    import logging

    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
