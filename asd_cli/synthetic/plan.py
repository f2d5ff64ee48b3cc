"""What a synthetic set holds: the plan, and the list of clips that follows from it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from asd_cli.core.errors import UsageError
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import Domain, Label, Mode, Split
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.dcase.names import format_clip_name
from asd_cli.synthetic.conditions import Condition, draw_condition, scheduled_condition
from asd_cli.synthetic.machines.registry import find_model

GENERATOR_VERSION = 1
SAMPLE_RATE = 16000
_MAX_CLIPS = 10000
_DURATIONS_S = (2.0, 60.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticPlan:
    """Size and seed of a synthetic set.

    Attributes
    ----------
    machines : tuple of str
        Machine types.
    sections : int
        Individual machines of each type and mode, 1 to 3.
    source_train, target_train : int
        Training clips of each section.
    test_normal, test_anomaly : int
        Test clips of each section and domain.
    duration_s : float
        Length of every clip, 2 to 60 s.
    seed : int
        Everything follows from it.

    Raises
    ------
    UsageError
        When a value is out of range or a machine is not known.
    """

    machines: tuple[str, ...] = ("fan", "gearbox", "valve")
    sections: int = 3
    source_train: int = 30
    target_train: int = 3
    test_normal: int = 10
    test_anomaly: int = 10
    duration_s: float = 4.0
    seed: int = 2021

    def __post_init__(self) -> None:
        for machine in self.machines:
            find_model(machine)
        if not self.machines or len(set(self.machines)) != len(self.machines):
            raise UsageError("a synthetic set needs at least one machine, and each only once")
        sections = len(load_edition().sections[Mode.DEV])
        if not 1 <= self.sections <= sections:
            raise UsageError(f"a synthetic set has 1 to {sections} sections, not {self.sections}")
        counts = (self.source_train, self.target_train, self.test_normal, self.test_anomaly)
        if min(counts) < 0 or max(counts) > _MAX_CLIPS // 2:
            raise UsageError(f"counts of clips lie between 0 and {_MAX_CLIPS // 2}, not {counts}")
        shortest, longest = _DURATIONS_S
        if not shortest <= self.duration_s <= longest:
            raise UsageError(
                f"synthetic clips last {shortest:g} to {longest:g} s, not {self.duration_s:g}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedClip:
    """One clip of a set, before it is rendered.

    Attributes
    ----------
    machine, section, domain, split, label, number
        What the clip is; with the plan's seed they determine its waveform.
    condition : Condition
        How the machine was run.
    fault : str or None
        Kind of fault of an anomalous clip.
    path : str
        Relative to the set's folder, with forward slashes.
    """

    machine: str
    section: str
    domain: Domain
    split: Split
    label: Label
    number: int
    condition: Condition
    fault: str | None
    path: str

    @property
    def name(self) -> str:
        """File name."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def identity(self) -> tuple[str | int, ...]:
        """Names of its seed."""
        return (self.machine, self.section, self.domain, self.split, self.label, self.number)


DEMO_PLAN = SyntheticPlan()


def describe_plan(plan: SyntheticPlan, mode: Mode) -> dict[str, object]:
    """Say, as JSON values, everything the bytes of a set follow from."""
    return {
        "generator": GENERATOR_VERSION,
        "mode": str(mode),
        "sample_rate": SAMPLE_RATE,
        "plan": asdict(plan) | {"machines": list(plan.machines)},
    }


def plan_clips(plan: SyntheticPlan, mode: Mode) -> tuple[PlannedClip, ...]:
    """List the clips of a set, by machine, section, folder and name."""
    sections = load_edition().sections[mode][: plan.sections]
    return tuple(
        clip
        for machine in plan.machines
        for section in sections
        for clip in _section_clips(plan, mode, machine, section)
    )


def _section_clips(
    plan: SyntheticPlan, mode: Mode, machine: str, section: str
) -> Iterator[PlannedClip]:
    for domain, count in ((Domain.SOURCE, plan.source_train), (Domain.TARGET, plan.target_train)):
        for number in range(count):
            yield _train_clip(machine, section, domain, number)
    for domain in Domain:
        yield from _test_clips(plan, mode, machine, section, domain)


def _train_clip(machine: str, section: str, domain: Domain, number: int) -> PlannedClip:
    condition = scheduled_condition(domain, number)
    name = format_clip_name(
        section=section,
        domain=domain,
        split=Split.TRAIN,
        label=Label.NORMAL,
        number=number,
        attributes=condition.describe(find_model(machine).attributes),
    )
    return PlannedClip(
        machine=machine,
        section=section,
        domain=domain,
        split=Split.TRAIN,
        label=Label.NORMAL,
        number=number,
        condition=condition,
        fault=None,
        path=f"{machine}/{load_edition().folders['train']}/{name}",
    )


def _test_clips(
    plan: SyntheticPlan, mode: Mode, machine: str, section: str, domain: Domain
) -> list[PlannedClip]:
    """List a section's test clips by name; in eval mode the names hide the labels."""
    labelled = [(Label.NORMAL, number) for number in range(plan.test_normal)]
    labelled += [(Label.ANOMALY, number) for number in range(plan.test_anomaly)]
    order = np.arange(len(labelled))
    if mode is Mode.EVAL:
        seed = derive_seed(plan.seed, machine, section, domain, "order")
        order = np.random.default_rng(seed).permutation(len(labelled))
    return [
        _test_clip(
            plan,
            machine=machine,
            section=section,
            domain=domain,
            label=labelled[index][0],
            number=labelled[index][1],
            hidden_number=place if mode is Mode.EVAL else None,
        )
        for place, index in enumerate(order.tolist())
    ]


def _test_clip(
    plan: SyntheticPlan,
    *,
    machine: str,
    section: str,
    domain: Domain,
    label: Label,
    number: int,
    hidden_number: int | None,
) -> PlannedClip:
    faults = find_model(machine).faults
    rng = np.random.default_rng(
        derive_seed(plan.seed, machine, section, domain, label, number, "condition")
    )
    name = format_clip_name(
        section=section,
        domain=domain,
        split=Split.TEST,
        label=label if hidden_number is None else None,
        number=number if hidden_number is None else hidden_number,
    )
    return PlannedClip(
        machine=machine,
        section=section,
        domain=domain,
        split=Split.TEST,
        label=label,
        number=number,
        condition=draw_condition(rng, domain),
        fault=faults[number % len(faults)] if label is Label.ANOMALY else None,
        path=f"{machine}/{load_edition().folders[f'{domain}_test']}/{name}",
    )
