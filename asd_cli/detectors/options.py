"""Parameters of detectors: sections that several share, and the base of every options type.

A detector has an options type of its own, a frozen dataclass that derives from `DetectorOptions`.
Its fields are either *sections* (`FitOptions`, `BackendOptions`: types with a ``SECTION``), whose
settings are shared by all detectors that have them (``fit.lr``), or values of the detector alone,
which the settings call by its name (``crest.alpha``). Ranges stand in the annotations
(`annotated_types`), meanings in the fields: settings files, ``asd config`` and error messages are
made from them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, TypeVar, get_type_hints

from annotated_types import Ge, Gt, Le, Len, Lt

from asd_cli.core.structures import Structure
from asd_cli.features.recipe import FeatureParameters

Score = Literal["reference", "log_odds", "paper"]
Options = TypeVar("Options", bound="DetectorOptions")


def option(default: Any, description: str, *, key: str | None = None) -> Any:
    """Declare a parameter.

    Parameters
    ----------
    default : value
        Used where nobody sets it.
    description : str
        A few words for settings files and help.
    key : str, optional
        Name of the setting where it is not ``<section or detector>.<field>``.
    """
    return field(default=default, metadata={"description": description, "key": key})


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOptions(Structure):
    """Windows of neighbouring frames that networks take."""

    SECTION: ClassVar[str] = "feature"

    n_frames: Annotated[int, Ge(1), Le(65536)] = option(64, "frames in a window")
    n_hop_frames: Annotated[int, Ge(1)] = option(8, "frames between windows in training")
    score_hop_frames: Annotated[int, Ge(1)] = option(1, "frames between windows in scoring")


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions(Structure):
    """Training of networks."""

    SECTION: ClassVar[str] = "fit"

    lr: Annotated[float, Gt(0)] = option(0.00001, "Adam's learning rate")
    epochs: Annotated[int, Ge(1)] = option(20, "passes over the training windows")
    batch_size: Annotated[int, Ge(1), Le(65536)] = option(32, "windows in a batch")
    shuffle: bool = option(True, "shuffle windows before each epoch")
    validation_split: Annotated[float, Ge(0), Lt(1)] = option(0.1, "fraction held out")
    validation: Literal["tail", "stratified"] = option(
        "tail", "tail (Keras: the last windows) or stratified (complete clips)"
    )
    batch_norm: Literal["reference", "recalibrate"] = option(
        "reference", "reference, or recalibrate after training (small sets need it)"
    )
    precision: Literal["fp32", "bf16"] = option(
        "fp32", "fp32, or bf16 (mixed: faster, other results)"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolingOptions(Structure):
    """Pooling of spectrograms over time, and speed perturbation of training clips.

    `kind` is ``mean``, ``max``, ``gwrp`` (global weighted rank pooling, Kolesnikov and Lampert
    2016), or two of them one after the other.
    """

    SECTION: ClassVar[str] = "pooling"

    kind: Literal["mean", "max", "mean_max", "gwrp", "mean_gwrp"] = option(
        "mean_gwrp", "mean, max, gwrp (weighted by rank), mean_max or mean_gwrp (both)"
    )
    decay: Annotated[float, Ge(0), Le(1)] = option(0.9, "of gwrp: 0 is the maximum, 1 the mean")
    speeds: Annotated[tuple[Annotated[float, Ge(0.5), Le(2)], ...], Len(0, 16)] = option(
        (), "training clips are also used at these speeds"
    )
    max_perturbed: Annotated[int, Ge(1)] = option(
        128, "so many training clips at other speeds, evenly chosen"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorOptions(Structure):
    """What every detector is given; the base of each detector's own type.

    Attributes
    ----------
    features : FeatureParameters
        How features are computed.
    seed : int
        Of all random numbers.
    device : str
        Where networks compute: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    """

    features: FeatureParameters = field(default_factory=FeatureParameters)
    seed: int = 13711
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class OptionKey:
    """One parameter as the settings know it.

    Attributes
    ----------
    key : str
        Dotted key: ``fit.lr``, ``crest.alpha``, ``score``.
    annotation : type
        With its range.
    default : value
        Used where nobody sets it.
    description : str
        A few words.
    """

    key: str
    annotation: Any
    default: Any
    description: str


_BASE = {entry.name for entry in fields(DetectorOptions)}


def section_keys(section: type) -> tuple[OptionKey, ...]:
    """List the parameters of a section type: ``fit.lr`` and so on."""
    return tuple(_keys(section, prefix=f"{section.SECTION}."))  # type: ignore[attr-defined]


def option_sections(options: type[DetectorOptions]) -> Mapping[str, type]:
    """Give the sections of an options type by field name."""
    kind: Any = options
    hints = _hints(kind)
    return {
        entry.name: hints[entry.name]
        for entry in fields(options)
        if entry.name not in _BASE and is_dataclass(hints[entry.name])
    }


def own_keys(options: type[DetectorOptions], detector: str) -> tuple[OptionKey, ...]:
    """List the parameters that an options type has beside its sections."""
    skip = {*_BASE, *option_sections(options)}
    return tuple(_keys(options, prefix=f"{detector}.", skip=skip))


def option_keys(options: type[DetectorOptions], detector: str) -> tuple[OptionKey, ...]:
    """List all parameters of an options type, those of its sections first."""
    of_sections = [key for kind in option_sections(options).values() for key in section_keys(kind)]
    return (*of_sections, *own_keys(options, detector))


def build_options(
    options: type[Options],
    detector: str,
    values: Mapping[str, Any],
    base: DetectorOptions,
) -> Options:
    """Fill an options type with values by dotted key.

    Parameters
    ----------
    options : type
        The detector's.
    detector : str
        Its name, for keys of its own.
    values : mapping of str to value
        A value for each of `option_keys`; what is missing has its default.
    base : DetectorOptions
        Features, seed and device.
    """
    found: dict[str, Any] = {name: getattr(base, name) for name in _BASE}
    for name, section in option_sections(options).items():
        given = {key.key.rpartition(".")[2]: key for key in section_keys(section)}
        found[name] = section(
            **{field_: values.get(key.key, key.default) for field_, key in given.items()}
        )
    names = [e.name for e in fields(options) if e.name not in found]
    for name, key in zip(names, own_keys(options, detector), strict=True):
        found[name] = values.get(key.key, key.default)
    return options(**found)


def _keys(kind: type, *, prefix: str, skip: set[str] | None = None) -> Iterator[OptionKey]:
    hints = _hints(kind)
    for entry in fields(kind):
        if entry.name in (skip or ()):
            continue
        key = entry.metadata.get("key") or f"{prefix}{entry.name}"
        description = entry.metadata.get("description", "")
        yield OptionKey(key, hints[entry.name], _default(entry), description)


def _default(entry: "Field[Any]") -> Any:
    if entry.default is not MISSING:
        return entry.default
    if entry.default_factory is not MISSING:
        return entry.default_factory()
    raise TypeError(f"the option {entry.name} has no default")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)
