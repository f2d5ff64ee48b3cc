"""What a user asked for: one detector, an ensemble of several, or the choice among candidates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asd_cli.core.errors import UsageError
from asd_cli.core.structures import from_plain, to_plain
from asd_cli.detectors.base import Detector, DetectorState
from asd_cli.detectors.catalogue import NAMED_ENSEMBLES
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions, EnsembleOptions
from asd_cli.detectors.options import DetectorOptions
from asd_cli.detectors.registry import detector_spec
from asd_cli.detectors.spec import DetectorSpec, NamedEnsemble, Runtime

AUTO = "auto"
AUTO_SUMMARY = "what asd select would choose for each machine"
# Settings whose defaults are others for ensembles and for what auto chooses: scores of combined
# detectors do not follow a gamma distribution.
_COMBINED: Mapping[str, Any] = {"threshold": "interval", "threshold_groups": "domain"}
_JOIN = "+"


@dataclass(frozen=True, slots=True)
class Single:
    """One detector or preset."""

    spec: DetectorSpec

    @property
    def name(self) -> str:
        """As it is written, and the name of folders."""
        return self.spec.name

    @property
    def preset(self) -> Mapping[str, Any]:
        """Settings whose defaults are others for this detector."""
        return self.spec.preset

    @property
    def members(self) -> tuple[DetectorSpec, ...]:
        """The detectors that are combined: this one."""
        return (self.spec,)

    @property
    def bases(self) -> tuple[str, ...]:
        """Detectors that are trained before it."""
        return self.spec.bases

    @property
    def trains_shared_network(self) -> bool:
        """Whether one network is trained for all machines."""
        return self.spec.joint

    @property
    def needs_other_machines(self) -> bool:
        """Whether training uses the clips of other machines as well."""
        return self.spec.joint

    @property
    def runtime(self) -> Runtime:
        """The library that it computes with."""
        return self.spec.runtime


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Several detectors whose scores are combined.

    Attributes
    ----------
    members : tuple of DetectorSpec
        What is combined.
    title : str
        Name of one whose members are trained with it (``robust``); empty for ``a+b``.
    options : mapping of str to value
        Settings whose defaults are others for this ensemble.
    """

    members: tuple[DetectorSpec, ...]
    title: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    trains_shared_network = False
    needs_other_machines = False

    @property
    def name(self) -> str:
        """As it is written, and the name of folders: ``pooled-speed+texture``."""
        return self.title or _JOIN.join(self.member_names)

    @property
    def member_names(self) -> tuple[str, ...]:
        """Names of the detectors that are combined."""
        return tuple(spec.name for spec in self.members)

    @property
    def bases(self) -> tuple[str, ...]:
        """Detectors that are trained before it: the members, unless it has a name of its own."""
        return () if self.title else self.member_names

    @property
    def preset(self) -> Mapping[str, Any]:
        """Settings whose defaults are others for this ensemble."""
        return {**_COMBINED, **self.options}

    @property
    def runtime(self) -> Runtime:
        """Torch where any member computes with it."""
        torch = any(spec.runtime is Runtime.TORCH for spec in self.members)
        return Runtime.TORCH if torch else Runtime.NUMPY


@dataclass(frozen=True, slots=True)
class AutoSelect:
    """What suits each machine best among the candidates of ``select.candidates``."""

    candidates: tuple[str, ...] = ()
    name = AUTO
    members = ()
    bases = ()
    trains_shared_network = False
    needs_other_machines = True
    preset = _COMBINED

    @property
    def runtime(self) -> Runtime:
        """Torch where any candidate computes with it."""
        names = (text.partition(":")[0] for text in self.candidates)
        torch = any(parse_detector(name).runtime is Runtime.TORCH for name in names)
        return Runtime.TORCH if torch else Runtime.NUMPY


Plan = Single | Ensemble | AutoSelect


def parse_detector(text: str, candidates: Sequence[str] = ()) -> Plan:
    """Read what ``--detector`` says: a name, ``a+b`` (or ``a,b``), ``robust`` or ``auto``.

    Parameters
    ----------
    text : str
        As written.
    candidates : sequence of str
        Of ``auto``: the setting ``select.candidates``.

    Raises
    ------
    UsageError
        When there is no detector of a name, or one is listed twice.

    Examples
    --------
    >>> parse_detector("pooled-speed,texture").name
    'pooled-speed+texture'
    """
    names = [name.strip() for name in text.replace(",", _JOIN).split(_JOIN)]
    if names == [AUTO]:
        return AutoSelect(tuple(candidates))
    named = {ensemble.name: ensemble for ensemble in NAMED_ENSEMBLES}
    if len(names) == 1 and names[0] in named:
        return _named(named[names[0]])
    if len(names) == 1:
        return Single(detector_spec(names[0]))
    if len(set(names)) < len(names):
        raise UsageError(
            f"detector listed twice in {text!r}", hint="give it a weight: --set ensemble.weights"
        )
    for name in names:
        if name == AUTO or name in named:
            members = f": {_JOIN.join(named[name].members)}" if name in named else ""
            raise UsageError(
                f"{name} cannot be a member of an ensemble", hint=f"name its members{members}"
            )
    return Ensemble(tuple(detector_spec(name) for name in names))


def _named(ensemble: NamedEnsemble) -> Ensemble:
    return Ensemble(
        tuple(detector_spec(name) for name in ensemble.members), ensemble.name, ensemble.options
    )


def create_detector(plan: Plan, options: DetectorOptions) -> Detector:
    """Make an unfitted detector; ConfigError where its options contradict each other."""
    return _class_of(plan)(options)  # type: ignore[call-arg]


def restore_detector(plan: Plan, state: DetectorState, options: DetectorOptions) -> Detector:
    """Make a fitted detector from its state."""
    return _class_of(plan).from_state(state, options)


def _class_of(plan: Plan) -> type[Detector]:
    if isinstance(plan, Single):
        return plan.spec.load()
    from asd_cli.detectors.ensemble import EnsembleDetector

    return EnsembleDetector


def options_to_plain(options: DetectorOptions) -> dict[str, Any]:
    """Give the JSON value of any detector's options; `options_from_plain` takes it."""
    if not isinstance(options, EnsembleDetectorOptions):
        plain: dict[str, Any] = to_plain(options)
        return plain
    base = DetectorOptions(features=options.features, seed=options.seed, device=options.device)
    members = [[name, options_to_plain(member)] for name, member in options.members]
    return {**to_plain(base), "ensemble": to_plain(options.ensemble), "members": members}


def options_from_plain(plan: Plan, plain: Mapping[str, Any]) -> DetectorOptions:
    """Make the options of a plan's detector from their JSON value.

    Raises
    ------
    StructureError
        When an entry is missing, unknown or of another type.
    """
    if isinstance(plan, Single):
        return from_plain(plan.spec.options, dict(plain))
    rest = {key: value for key, value in plain.items() if key not in {"ensemble", "members"}}
    base = from_plain(DetectorOptions, rest)
    members = from_plain(list[tuple[str, dict[str, Any]]], plain.get("members"))
    return EnsembleDetectorOptions(
        features=base.features,
        seed=base.seed,
        device=base.device,
        ensemble=from_plain(EnsembleOptions, plain.get("ensemble")),
        members=tuple((n, options_from_plain(parse_detector(n), own)) for n, own in members),
    )
