"""What is read from files is checked, and every error names its place."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, Le
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.core.structures import Structure, StructureError, from_plain, to_plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(Structure):
    kind: Literal["knn", "gmm"] = "knn"
    speeds: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer(Structure):
    count: Annotated[int, Ge(1), Le(10)]
    label: str | None = None
    on: bool = False
    inner: Inner = field(default_factory=Inner)
    groups: dict[str, float] = field(default_factory=dict)


@given(
    st.builds(
        Outer,
        count=st.integers(1, 10),
        label=st.none() | st.text(),
        on=st.booleans(),
        inner=st.builds(
            Inner,
            kind=st.sampled_from(["knn", "gmm"]),
            speeds=st.lists(st.floats(-1e6, 1e6)).map(tuple),
        ),
        groups=st.dictionaries(st.text(), st.floats(-1e300, 1e300)),
    )
)
def test_values_survive_the_way_through_json(value: Outer) -> None:
    assert from_plain(Outer, to_plain(value)) == value


def test_defaults_may_be_missing_and_lists_become_tuples() -> None:
    found = from_plain(Outer, {"count": 2, "inner": {"speeds": [1.0, 2]}})
    assert found == Outer(count=2, inner=Inner(speeds=(1.0, 2.0)))


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ({}, "count", "required"),
        ({"count": 1, "more": 2}, "more", "Unexpected"),
        ({"count": 1, "inner": {"odd": 2}}, "inner.odd", "Unexpected"),
        ({"count": "1"}, "count", "valid integer"),
        ({"count": 1.5}, "count", "valid integer"),
        ({"count": True}, "count", "valid integer"),
        ({"count": 1, "on": "yes"}, "on", "valid boolean"),
        ({"count": 1, "on": 1}, "on", "valid boolean"),
        ({"count": 1, "label": 5}, "label", "valid string"),
        ({"count": 0}, "count", "greater than or equal to 1"),
        ({"count": 11}, "count", "less than or equal to 10"),
        ({"count": 1, "inner": {"kind": "lof"}}, "inner.kind", "'knn' or 'gmm'"),
        ({"count": 1, "inner": {"speeds": "1.0"}}, "inner.speeds", "a list"),
        ({"count": 1, "inner": {"speeds": [1.0, "x"]}}, "inner.speeds.1", "valid number"),
        ({"count": 1, "inner": None}, "inner", ""),
        ({"count": 1, "groups": {"00": None}}, "groups.00", "valid number"),
        ([], "", ""),
        (None, "", ""),
    ],
)
def test_every_mistake_is_one_error_that_names_its_place(
    value: Any, place: str, words: str
) -> None:
    with pytest.raises(StructureError) as caught:
        from_plain(Outer, value)
    assert caught.value.place == place
    assert words in caught.value.problem
    assert str(caught.value) == (f"{place}: {caught.value.problem}" if place else str(caught.value))


def test_the_wrong_value_is_kept() -> None:
    with pytest.raises(StructureError) as caught:
        from_plain(Outer, {"count": 99})
    assert caught.value.given == 99


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(StructureError, match="object is no JSON value"):
        from_plain(Outer, object())
