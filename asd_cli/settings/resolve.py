"""From what was set to what is in force for one detector."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from asd_cli.detectors.options import OptionKey, section_keys
from asd_cli.detectors.plans import Plan, Single
from asd_cli.detectors.spec import DetectorSpec
from asd_cli.settings.keys import shared_keys, short_name

Section = TypeVar("Section")

DEFAULT, EXPLICIT, PRESET = "default", "set", "preset"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The parameters in force for a detector.

    Attributes
    ----------
    name : str
        The detector; empty where none is meant.
    values : mapping of str to value
        All shared keys, and those of the detector alone.
    sources : mapping of str to str
        The key in `Settings.parameters` that gave the value, or ``preset`` or ``default``.
    """

    name: str
    values: Mapping[str, Any]
    sources: Mapping[str, str]

    def section(self, kind: type[Section]) -> Section:
        """Fill a section type with the values in force."""
        keys = section_keys(kind)
        return kind(**{key.key.rpartition(".")[2]: self.values[key.key] for key in keys})


def resolve(parameters: Mapping[str, Any], plan: Plan | None) -> Resolved:
    """Find the value of every key for one detector.

    A key that is set for the detector alone goes before one that is set for all, and that before
    the detector's preset, and that before the default.

    Parameters
    ----------
    parameters : mapping
        Explicitly set values by dotted key.
    plan : Plan or None
        The detector; None gives what is set for all, and defaults.
    """
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    names = _names(plan)
    preset = {} if plan is None else plan.preset
    for key, short in _keys(plan):
        places = [*(f"{name}.{short}" for name in names), key.key]
        place = next((name for name in places if name in parameters), None)
        if place is not None:
            values[key.key], sources[key.key] = parameters[place], place
        elif short in preset:
            values[key.key], sources[key.key] = preset[short], PRESET
        else:
            values[key.key], sources[key.key] = key.default, DEFAULT
    return Resolved("" if plan is None else plan.name, values, sources)


def _names(plan: Plan | None) -> list[str]:
    """Names whose sections are meant for the detector alone, the most special first."""
    if not isinstance(plan, Single):
        return []
    return list(dict.fromkeys([plan.spec.name, plan.spec.family_name]))


def _keys(plan: Plan | None) -> Iterator[tuple[OptionKey, str]]:
    shared = shared_keys()
    yield from ((key, key.key) for key in shared.values())
    if isinstance(plan, Single):
        spec: DetectorSpec = plan.spec
        own = (key for key in spec.keys if key.key not in shared)
        yield from ((key, short_name(key.key, spec)) for key in own)
