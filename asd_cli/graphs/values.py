"""Results of nodes, with the operators that arrays have."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from asd_cli.graphs.builder import Graph

Operand: TypeAlias = "Value | npt.NDArray[Any] | np.generic | float | int"

_COMPARISONS = frozenset({"GreaterOrEqual", "Greater", "LessOrEqual"})


@dataclass(frozen=True, eq=False)
class Value:
    """What a node gives, or an input.

    Numbers and arrays that it is combined with become constants of its own type, as ONNX converts
    no types by itself.

    Attributes
    ----------
    graph : Graph
        Where it is.
    name : str
        In the graph.
    dtype : dtype
        Of its elements.
    """

    graph: "Graph"
    name: str
    dtype: np.dtype[Any]

    def __add__(self, other: Operand) -> "Value":
        return self._with("Add", other)

    def __radd__(self, other: Operand) -> "Value":
        return self._with("Add", other)

    def __sub__(self, other: Operand) -> "Value":
        return self._with("Sub", other)

    def __rsub__(self, other: Operand) -> "Value":
        return self._of(other)._with("Sub", self)

    def __mul__(self, other: Operand) -> "Value":
        return self._with("Mul", other)

    def __rmul__(self, other: Operand) -> "Value":
        return self._with("Mul", other)

    def __truediv__(self, other: Operand) -> "Value":
        return self._with("Div", other)

    def __rtruediv__(self, other: Operand) -> "Value":
        return self._of(other)._with("Div", self)

    def __pow__(self, other: Operand) -> "Value":
        return self._with("Pow", other)

    def __matmul__(self, other: Operand) -> "Value":
        return self._with("MatMul", other)

    def at_least(self, other: Operand) -> "Value":
        """Say where elements are not below others [dtype=bool]."""
        return self._with("GreaterOrEqual", other)

    def above(self, other: Operand) -> "Value":
        """Say where elements are above others [dtype=bool]."""
        return self._with("Greater", other)

    def at_most(self, other: Operand) -> "Value":
        """Say where elements are not above others [dtype=bool]."""
        return self._with("LessOrEqual", other)

    def __neg__(self) -> "Value":
        return self.apply("Neg")

    def maximum(self, other: Operand) -> "Value":
        """Give the larger one, element by element."""
        return self._with("Max", other)

    def minimum(self, other: Operand) -> "Value":
        """Give the smaller one, element by element."""
        return self._with("Min", other)

    def apply(self, op: str, **attributes: Any) -> "Value":
        """Apply an operator of one input that keeps the type: ``Sqrt``, ``Log``, ``Exp``."""
        return self.graph.node(op, self, **attributes)

    def log10(self) -> "Value":
        """Give the decimal logarithm."""
        return self.apply("Log") * float(1.0 / np.log(10.0))

    def reduce(self, op: str, axis: int, *, keep: bool = False) -> "Value":
        """Reduce an axis by ``Mean``, ``Sum``, ``Max``, ``Min`` or ``SumSquare``."""
        axes = np.array([axis], np.int64)
        return self.graph.node(f"Reduce{op}", self, axes, keepdims=int(keep))

    def cast(self, dtype: npt.DTypeLike) -> "Value":
        """Convert to another type; nothing where it has that type."""
        wanted = np.dtype(dtype)
        if wanted == self.dtype:
            return self
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(wanted)
        return self.graph.node("Cast", self, dtype=wanted, to=kind)

    def unsqueeze(self, *axes: int) -> "Value":
        """Add axes of length 1."""
        return self.graph.node("Unsqueeze", self, np.array(axes, np.int64))

    def squeeze(self, *axes: int) -> "Value":
        """Remove axes of length 1."""
        return self.graph.node("Squeeze", self, np.array(axes, np.int64))

    def transpose(self, *order: int) -> "Value":
        """Reorder axes."""
        return self.graph.node("Transpose", self, perm=list(order))

    def reshape(self, *shape: "int | Value") -> "Value":
        """Give another shape: 0 keeps a length, -1 is what is left, values are lengths."""
        if all(isinstance(length, int) for length in shape):
            return self.graph.node("Reshape", self, np.array(shape, np.int64))
        lengths = [
            length.reshape(1) if isinstance(length, Value) else np.array([length], np.int64)
            for length in shape
        ]
        return self.graph.node("Reshape", self, self.graph.concatenate(lengths, axis=0))

    def take(self, indices: "Value | npt.NDArray[np.int64] | int", axis: int) -> "Value":
        """Gather entries along an axis; a number takes the axis away."""
        chosen = np.int64(indices) if isinstance(indices, int) else indices
        return self.graph.node("Gather", self, chosen, axis=axis)

    def length(self, axis: int) -> "Value":
        """Give the length of an axis [shape=(), dtype=int64]."""
        shape = self.graph.node("Shape", self, dtype=np.dtype(np.int64))
        return shape.take(axis, 0)

    def sorted(self, axis: int, *, largest: bool) -> "Value":
        """Sort along an axis, the largest or the smallest first."""
        return self.nearest(self.length(axis), axis, largest=largest)

    def nearest(self, count: "Value | int", axis: int, *, largest: bool = False) -> "Value":
        """Give the smallest (or largest) entries along an axis, in order."""
        k = count.reshape(1) if isinstance(count, Value) else np.array([count], np.int64)
        return self.graph.nodes("TopK", self, k, outputs=2, axis=axis, largest=int(largest))[0]

    def softmax(self, axis: int) -> "Value":
        """Exponentials, divided by their sum."""
        return self.apply("Softmax", axis=axis)

    def _with(self, op: str, other: Operand) -> "Value":
        boolean = np.dtype(np.bool_) if op in _COMPARISONS else None
        return self.graph.node(op, self, self._of(other), dtype=boolean)

    def _of(self, other: Operand) -> "Value":
        if isinstance(other, Value):
            return other
        return self.graph.constant(np.asarray(other, self.dtype))
