"""Clips are chosen by the distance to their own threshold, wrong decisions first."""

from dataclasses import replace

import numpy as np
import pytest

from asd_cli.reporting.clip_list import Counts, ListedClip, count_decisions, list_clips
from asd_cli.reporting.content import Threshold
from asd_cli.reporting.selection import Kind, choose_clips
from tests.unit.reporting.builders import make_system, random_parts

LIMITS = {"source": 10.0, "target": 0.0}


def two_scales() -> tuple[ListedClip, ...]:
    """Clips of two domains: the target's scores and threshold are far below the source's."""
    parts = {
        ("fan", "00", "source"): ([8.0, 9.0, 9.5, 10.5], [9.2, 9.9, 12.0, 13.0, 14.0]),
        ("fan", "00", "target"): ([-2.0, -1.0, -0.5, 0.3], [-0.1, 0.2, 1.0, 2.0, 3.0]),
    }
    machine = make_system(parts).machines[0]
    threshold = Threshold(value=99.0, label="", find=lambda _, domain: LIMITS[str(domain)])
    scores = tuple(
        replace(part, decisions=part.scores > LIMITS[str(part.domain)]) for part in machine.scores
    )
    return list_clips(replace(machine, scores=scores, threshold=threshold))


def test_wrong_decisions_of_every_domain_come_first() -> None:
    groups = {group.kind: group for group in choose_clips(two_scales())}
    assert list(groups)[:2] == [Kind.MISSED, Kind.FALSE_ALARM]
    missed = groups[Kind.MISSED]
    assert {(clip.domain, clip.score) for clip in missed.clips} == {
        ("source", 9.2), ("source", 9.9), ("target", -0.1),
    }  # fmt: skip
    assert all(clip.anomalous and not clip.flagged for clip in missed.clips)
    assert {clip.score for clip in groups[Kind.FALSE_ALARM].clips} == {10.5, 0.3}
    near = groups[Kind.NEARLY_FALSE_ALARM].clips
    assert all(not clip.anomalous and not clip.flagged for clip in near)
    assert all(clip.flagged for clip in groups[Kind.FOUND].clips)
    assert Kind.NEARLY_MISSED not in groups, "there are misses enough"


def test_groups_say_how_many_there_are_and_share_no_clip() -> None:
    clips = two_scales()
    groups = choose_clips(clips, each=1)
    assert {group.kind: group.total for group in groups}[Kind.MISSED] == 3
    shown = [clip.anchor for group in groups for clip in group.clips]
    assert len(shown) == len(set(shown))
    assert count_decisions(clips) == Counts(found=7, missed=3, false_alarms=2, passed=6)


def test_nearly_wrong_ones_where_nothing_is_wrong() -> None:
    system = make_system(
        {("fan", "00", "source"): ([0.0, 1.0, 2.0], [5.0, 6.0, 7.0, 8.0])}, limit=3.0
    )
    groups = {group.kind: group for group in choose_clips(list_clips(system.machines[0]))}
    assert Kind.MISSED not in groups
    assert Kind.FALSE_ALARM not in groups
    assert groups[Kind.NEARLY_MISSED].clips[0].score == 5.0
    assert groups[Kind.NEARLY_FALSE_ALARM].clips[0].score == 2.0
    assert groups[Kind.FOUND].clips[0].score == 8.0


def test_without_decisions_they_are_the_extreme_ones() -> None:
    system = make_system(random_parts())
    clips = list_clips(system.machines[0])
    groups = {group.kind: group.clips for group in choose_clips(clips)}
    normal = np.concatenate([part.normal for part in system.scores])
    anomaly = np.concatenate([part.anomaly for part in system.scores])
    assert groups[Kind.HIGH_NORMAL][0].score == normal.max()
    assert anomaly.min() in {clip.score for clip in groups[Kind.LOW]}
    assert groups[Kind.HIGH][0].score == anomaly.max()
    assert count_decisions(clips) is None


def test_a_single_clip_is_shown_once() -> None:
    system = make_system({("fan", "00", "source"): ([], [1.0])})
    (group,) = choose_clips(list_clips(system.machines[0]))
    assert [clip.score for clip in group.clips] == [1.0]


def test_margins_are_in_standard_deviations_of_the_part() -> None:
    clips = [clip for clip in two_scales() if clip.domain == "source"]
    spread = np.std([clip.score for clip in clips])
    for clip in clips:
        assert clip.margin == pytest.approx((clip.score - 10.0) / spread)
        assert clip.threshold == 10.0
