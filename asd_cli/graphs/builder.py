"""A graph that is put together node by node, and written as an ONNX model.

ONNX is an open format for computations on arrays (https://onnx.ai); its operators are listed in
https://onnx.ai/onnx/operators. The package ``onnx`` is imported when a graph is made and not
before: it is an optional dependency.
"""

import hashlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.graphs.values import Value

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, ValueInfoProto

MIN_OPSET, MAX_OPSET = 18, 22
"""Versions of the operator set that graphs can be written for."""

_IR_VERSION = 9
Given = Value | npt.NDArray[Any] | np.generic
Dimensions = Sequence[str | int]


def require_onnx() -> None:
    """Require the optional packages; ConfigError says how to install them."""
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"ONNX files need the package(s) {', '.join(missing)}",
            hint="install them: pip install 'asd-cli[onnx]'",
        )


class Graph:
    """A graph under construction.

    Parameters
    ----------
    opset : int
        Version of ONNX's operators, from 18 to 22.

    Raises
    ------
    UsageError
        When that version lacks operators that are used, or is not known.
    ConfigError
        When the packages for ONNX are missing.

    Examples
    --------
    >>> graph = Graph()
    >>> wave = graph.input("wave", np.float32, ["clips", "samples"])
    >>> graph.output("power", (wave * wave).reduce("Mean", 1), ["clips"])
    >>> [node.op_type for node in graph.model("power", {}).graph.node]
    ['Mul', 'ReduceMean', 'Identity']
    """

    def __init__(self, opset: int = MIN_OPSET) -> None:
        if not MIN_OPSET <= opset <= MAX_OPSET:
            raise UsageError(
                f"opset {opset} cannot be written: the operators that are used need {MIN_OPSET} "
                f"or later, and {MAX_OPSET} is the latest known",
                hint=f"use the one that most runtimes read: --opset {MIN_OPSET}",
            )
        require_onnx()
        self.opset = opset
        self._nodes: list[NodeProto] = []
        self._constants: dict[str, npt.NDArray[Any]] = {}
        self._names: dict[Hashable, str] = {}
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []
        self._shared: dict[Hashable, Any] = {}
        self._count = 0

    def input(
        self,
        name: str,
        dtype: npt.DTypeLike,
        shape: Dimensions,
        default: npt.NDArray[Any] | None = None,
    ) -> Value:
        """Declare an input; one with a default may be left out.

        Parameters
        ----------
        name : str
            How callers name it.
        dtype : dtype
            Of its elements.
        shape : sequence of str or int
            A name stands for any length.
        default : ndarray, optional
            Used where callers give nothing.
        """
        self._inputs.append(_info(name, np.dtype(dtype), shape))
        if default is not None:
            self._constants[name] = np.asarray(default, dtype)
        return Value(self, name, np.dtype(dtype))

    def output(self, name: str, value: Value, shape: Dimensions) -> None:
        """Declare an output."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [value.name], [name]))
        self._outputs.append(_info(name, value.dtype, shape))

    def constant(self, array: npt.NDArray[Any] | np.generic) -> Value:
        """Keep an array; equal ones are kept once."""
        values = np.asarray(array)
        digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
        key = (values.dtype.str, values.shape, digest)
        if key not in self._names:
            self._names[key] = f"c{len(self._names)}"
            self._constants[self._names[key]] = values
        return Value(self, self._names[key], values.dtype)

    def wide(self, array: npt.NDArray[np.floating]) -> Value:
        """Keep an array of single precision and compute with it in double: half the bytes."""
        narrow = np.asarray(array, np.float32)
        if not np.array_equal(narrow.astype(np.float64), array):
            return self.constant(np.asarray(array, np.float64))
        return self.constant(narrow).cast(np.float64)

    def node(
        self, op: str, *given: Given, dtype: np.dtype[Any] | None = None, **attributes: Any
    ) -> Value:
        """Add a node of one output, which has the type of the first input unless one is named."""
        return self.nodes(op, *given, outputs=1, dtype=dtype, **attributes)[0]

    def nodes(
        self,
        op: str,
        *given: Given,
        outputs: int,
        dtype: np.dtype[Any] | None = None,
        **attributes: Any,
    ) -> tuple[Value, ...]:
        """Add a node of several outputs; all of one type as far as anybody here asks."""
        from onnx import helper

        values = [each if isinstance(each, Value) else self.constant(each) for each in given]
        names = [self.new_name() for _ in range(outputs)]
        inputs = [value.name for value in values]
        self._nodes.append(helper.make_node(op, inputs, names, **attributes))
        kind = values[0].dtype if dtype is None else dtype
        return tuple(Value(self, name, kind) for name in names)

    def concatenate(self, parts: Sequence[Given], axis: int) -> Value:
        """Join along an axis; a single part stays as it is."""
        if len(parts) == 1:
            only = parts[0]
            return only if isinstance(only, Value) else self.constant(only)
        return self.node("Concat", *parts, axis=axis)

    def stack(self, parts: Sequence[Value], axis: int) -> Value:
        """Join along a new axis."""
        return self.concatenate([part.unsqueeze(axis) for part in parts], axis)

    def where(self, condition: Value, yes: Value, no: Value) -> Value:
        """Choose element by element."""
        return self.node("Where", condition, yes, no, dtype=yes.dtype)

    def range(self, count: Value, dtype: npt.DTypeLike = np.int64) -> Value:
        """Count from 0 [shape=(count,)]."""
        zero, one = np.int64(0), np.int64(1)
        found = self.node("Range", zero, count, one, dtype=np.dtype(np.int64))
        return found.cast(dtype)

    def shared(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Make something once; several detectors look at one spectrogram."""
        if key not in self._shared:
            self._shared[key] = make()
        return self._shared[key]

    def new_name(self) -> str:
        """Give a name that nothing has."""
        self._count += 1
        return f"v{self._count}"

    def add_nodes(self, nodes: Sequence["NodeProto"]) -> None:
        """Add nodes that were made elsewhere, under names of this graph."""
        self._nodes.extend(nodes)

    def model(self, name: str, metadata: Mapping[str, str]) -> "ModelProto":
        """Write the graph as a checked ONNX model; the same graph gives the same bytes.

        Parameters
        ----------
        name : str
            Of the graph.
        metadata : mapping of str to str
            Kept with it.
        """
        import onnx
        from onnx import helper, numpy_helper

        used = {own for node in self._nodes for own in node.input}
        constants = [
            numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), own)
            for own, array in self._constants.items()
            if own in used
        ]
        graph = helper.make_graph(self._nodes, name, self._inputs, self._outputs, constants)
        opsets = [helper.make_opsetid("", self.opset)]
        model: ModelProto = helper.make_model(
            graph, opset_imports=opsets, ir_version=_IR_VERSION, producer_name="asd"
        )
        for key, value in sorted(metadata.items()):
            entry = model.metadata_props.add()
            entry.key, entry.value = key, value
        onnx.checker.check_model(model, full_check=True)
        return model


def _info(name: str, dtype: np.dtype[Any], shape: Dimensions) -> "ValueInfoProto":
    from onnx import helper

    kind = helper.np_dtype_to_tensor_dtype(dtype)
    return helper.make_tensor_value_info(name, kind, list(shape))
