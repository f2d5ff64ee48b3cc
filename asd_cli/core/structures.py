"""Frozen dataclasses to JSON values and back, checked on the way in.

Everything that is read from a file of a run (a manifest, the facts of a model, settings of a
detector) passes through `from_plain`: a missing, unknown or wrongly typed entry is one error that
names its place, never a `KeyError` later. The checks are pydantic's, in strict mode: ``"yes"`` is
no boolean and 1.5 is no integer.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

Value = TypeVar("Value")


class StructureError(ValueError):
    """A value does not have the structure that is expected.

    Attributes
    ----------
    place : str
        Dotted path of the entry, empty for the value itself.
    given : object
        What stands there.
    """

    def __init__(self, place: str, problem: str, given: object) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place, self.problem, self.given = place, problem, given


class Structure:
    """Base of dataclasses that are written to files: unknown entries are refused on reading."""

    __slots__ = ()
    __pydantic_config__: ClassVar[Mapping[str, Any]] = {"extra": "forbid", "strict": True}


@cache
def _adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(kind)


def to_plain(value: object) -> Any:
    """Give the JSON value of a dataclass: objects, arrays, text, numbers, true, false, null.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Point(Structure):
    ...     x: int
    ...     label: str | None = None
    >>> to_plain(Point(3))
    {'x': 3, 'label': None}
    """
    kind: Any = type(value)
    return _adapter(kind).dump_python(value, mode="json")


def from_plain(kind: type[Value], value: object) -> Value:
    """Make a value of a type from its JSON value.

    Parameters
    ----------
    kind : type
        A dataclass, or any type that annotations can express.
    value : JSON value
        As `to_plain` gives it.

    Raises
    ------
    StructureError
        When an entry is missing, unknown, of another type or out of its range.

    Examples
    --------
    >>> from_plain(tuple[int, ...], [1, 2])
    (1, 2)
    >>> from_plain(int, 1.5)
    Traceback (most recent call last):
    asd_cli.core.structures.StructureError: Input should be a valid integer
    """
    from pydantic import ValidationError

    try:
        text = json.dumps(value)
    except TypeError as error:
        raise StructureError("", f"{type(value).__name__} is no JSON value", value) from error
    try:
        adapter: Any = _adapter(cast("Any", kind))
        return cast("Value", adapter.validate_json(text, strict=True))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        problem = problem.replace("a valid array", "a list")
        raise StructureError(place, problem, first["input"]) from error
