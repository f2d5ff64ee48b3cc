"""All detectors and presets by name: those of this package, of others, and of scripts."""

import difflib
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from asd_cli.core.errors import ConfigError, UsageError
from asd_cli.detectors.catalogue import DETECTORS, NAMED_ENSEMBLES, PRESETS
from asd_cli.detectors.spec import DetectorSpec, Preset

ENTRY_POINTS = "asd.detectors"
# Names that a plan has without being one detector.
_RESERVED = (*(ensemble.name for ensemble in NAMED_ENSEMBLES), "auto")

_registered: dict[str, DetectorSpec] = {}


def register(entry: DetectorSpec | Preset) -> None:
    """Add a detector or a preset to those that can be chosen by name.

    A script calls it at its top level, so that worker processes, which import the script again,
    know the detector as well. A package declares an entry point of the group ``asd.detectors``
    instead.

    Parameters
    ----------
    entry : DetectorSpec or Preset
        A preset's detector must be registered before it.

    Raises
    ------
    ConfigError
        When the name is taken by another detector, or is no name.
    """
    if "+" in entry.name or "," in entry.name or "." in entry.name or not entry.name.strip():
        raise ConfigError(f"{entry.name!r} cannot be the name of a detector: it has + , or .")
    if entry.name in _RESERVED:
        raise ConfigError(
            f"the name {entry.name!r} is taken: --detector {entry.name}",
            hint="give your detector another name",
        )
    spec = _spec_of(entry)
    known = {**_built_in(), **_from_packages(), **_registered}.get(entry.name)
    if known is not None and known != spec:
        raise ConfigError(
            f"there is a detector {entry.name!r} already: {known.location}",
            hint="give yours another name",
        )
    _registered[entry.name] = spec


def _spec_of(entry: DetectorSpec | Preset) -> DetectorSpec:
    if isinstance(entry, DetectorSpec):
        return entry
    return entry.applied(detector_spec(entry.detector))


@cache
def _built_in() -> Mapping[str, DetectorSpec]:
    found: dict[str, DetectorSpec] = {}
    for spec in DETECTORS:
        found[spec.name] = spec
        own = (preset for preset in PRESETS if preset.detector == spec.name)
        found.update((preset.name, preset.applied(spec)) for preset in own)
    return MappingProxyType(found)


@cache
def _from_packages() -> Mapping[str, DetectorSpec]:
    from importlib.metadata import entry_points

    found: dict[str, DetectorSpec] = {}
    for entry in sorted(entry_points(group=ENTRY_POINTS)):
        spec = entry.load()
        if not isinstance(spec, DetectorSpec) or spec.name in {*_built_in(), *found}:
            raise ConfigError(
                f"the entry point {entry.name} = {entry.value} of the group {ENTRY_POINTS} is no "
                "DetectorSpec with a name of its own",
                hint="remove or fix the package that has it",
            )
        found[spec.name] = spec
    return MappingProxyType(found)


def all_detectors() -> Mapping[str, DetectorSpec]:
    """Detectors and presets of this package, of installed packages, and registered ones.

    Raises
    ------
    ConfigError
        When the entry point of a package gives something else, or takes a name that exists.

    Examples
    --------
    >>> all_detectors()["pooled-speed"].family
    'pooled'
    """
    return MappingProxyType({**_built_in(), **_from_packages(), **_registered})


def detector_spec(name: str) -> DetectorSpec:
    """Look up one detector or preset.

    Raises
    ------
    UsageError
        When there is none of that name; names the nearest.
    """
    for known in (_built_in(), _registered, _from_packages()):
        if name in known:
            return known[name]
    every = (*all_detectors(), *_RESERVED)
    near = difflib.get_close_matches(name, every, n=1)
    raise UsageError(
        f"there is no detector {name!r}",
        hint=(f"did you mean {near[0]!r}? " if near else "") + f"all: {', '.join(every)}",
    )
