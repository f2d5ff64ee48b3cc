"""Plans and the clips that follow from them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from asd_cli.core.errors import UsageError
from asd_cli.core.types import Domain, Label, Mode, Split
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.dcase.names import parse_clip_name, read_name
from asd_cli.synthetic.machines.registry import MODELS
from asd_cli.synthetic.plan import DEMO_PLAN, SyntheticPlan, plan_clips

PLAN = SyntheticPlan(machines=("valve", "ToyCar"), source_train=7, target_train=3)


def test_models_are_the_editions_machines() -> None:
    assert set(MODELS) == set(load_edition().machines)


@pytest.mark.parametrize("mode", Mode)
def test_names_parse_back(mode: Mode) -> None:
    for clip in plan_clips(PLAN, mode):
        read = parse_clip_name(Path(clip.path), machine=clip.machine)
        hidden = mode is Mode.EVAL and clip.split is Split.TEST
        assert (read.section, read.domain, read.split) == (clip.section, clip.domain, clip.split)
        assert read.label == (None if hidden else clip.label)
        assert hidden or read_name(read.name).number == clip.number
        assert bool(read.condition) == (clip.split is Split.TRAIN)


def test_layout_is_that_of_the_real_set() -> None:
    paths = {clip.path for clip in plan_clips(PLAN, Mode.DEV)}
    assert "ToyCar/train/section_00_source_train_normal_0000_speed_1_load_1.wav" in paths
    assert "valve/train/section_02_target_train_normal_0002_rate_4_pressure_2.wav" in paths
    assert "valve/source_test/section_01_source_test_anomaly_0009.wav" in paths
    assert "valve/target_test/section_01_target_test_normal_0009.wav" in paths


@pytest.mark.parametrize(("mode", "sections"), [(Mode.DEV, "00 01 02"), (Mode.EVAL, "03 04 05")])
def test_sections_of_each_mode(mode: Mode, sections: str) -> None:
    clips = plan_clips(PLAN, mode)
    assert sorted({clip.section for clip in clips}) == sections.split()
    assert len({clip.path for clip in clips}) == len(clips) == 2 * 3 * (7 + 3 + 2 * 20)


def test_eval_order_hides_the_labels() -> None:
    clips = [clip for clip in plan_clips(PLAN, Mode.EVAL) if clip.split is Split.TEST]
    first = [clip.label for clip in clips if clip.machine == "valve" and clip.section == "03"][:20]
    assert Counter(first) == {Label.NORMAL: 10, Label.ANOMALY: 10}
    assert first != sorted(first)
    assert first != sorted(first, reverse=True)


def test_domains_differ_in_operation() -> None:
    speeds = {
        domain: {
            clip.condition.speed for clip in plan_clips(PLAN, Mode.DEV) if clip.domain == domain
        }
        for domain in Domain
    }
    assert not speeds[Domain.SOURCE] & speeds[Domain.TARGET]


def test_every_section_and_domain_has_every_fault() -> None:
    for machine, model in MODELS.items():
        clips = plan_clips(replace(DEMO_PLAN, machines=(machine,)), Mode.DEV)
        anomalous = {(c.section, c.domain, c.fault) for c in clips if c.label is Label.ANOMALY}
        assert len(anomalous) == 3 * 2 * len(model.faults)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"machines": ("fan", "hammer")}, "no synthetic machine 'hammer'"),
        ({"machines": ()}, "at least one machine"),
        ({"machines": ("fan", "fan")}, "only once"),
        ({"sections": 0}, "1 to 3 sections"),
        ({"sections": 4}, "1 to 3 sections"),
        ({"source_train": -1}, "between 0 and 5000"),
        ({"test_normal": 5001}, "between 0 and 5000"),
        ({"duration_s": 1.0}, "2 to 60 s"),
        ({"duration_s": float("nan")}, "2 to 60 s"),
    ],
)
def test_impossible_plans_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(DEMO_PLAN, **change)  # type: ignore[arg-type]
