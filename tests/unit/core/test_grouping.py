"""What is left out together."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.core.grouping import block_at, blocked_folds, evenly_chosen, similar_clips
from asd_cli.core.types import Clip, Domain, Label, Split
from asd_cli.detectors.backends.backend import Backend
from asd_cli.detectors.backends.options import BackendOptions
from tests.support.clips import make_clip

names = st.tuples(
    st.sampled_from(["00", "01"]),
    st.sampled_from([Domain.SOURCE, Domain.TARGET, None]),
    st.sampled_from(["", "mic_0", "mic_1"]),
)


def clip(section: str, domain: Domain | None, attributes: str, number: int = 0) -> Clip:
    return make_clip(path=Path(f"{number}.wav"), machine="fan", section=section, domain=domain,
                split=Split.TRAIN, label=Label.NORMAL, condition=attributes)  # fmt: skip


def alike(*attributes: str) -> list[Clip]:
    return [clip("00", Domain.SOURCE, name, i) for i, name in enumerate(attributes)]


@given(st.lists(names, max_size=40), st.integers(1, 6))
def test_every_clip_is_in_one_group_of_its_section_and_domain(
    kinds: list[tuple[str, Domain | None, str]], fewest: int
) -> None:
    clips = [clip(*kind, number) for number, kind in enumerate(kinds)]
    groups = similar_clips(clips, fewest)
    assert sorted(i for group in groups for i in group) == list(range(len(clips)))
    for group in groups:
        assert len({(clips[i].section, clips[i].domain) for i in group}) == 1
        assert list(group) == sorted(group)
        attributes = [clips[i].condition for i in group]
        if len(set(attributes)) > 1:
            assert max(map(attributes.count, attributes)) < fewest


@given(st.lists(names, max_size=60), st.integers(2, 6))
def test_folds_are_blocks_of_about_one_size(
    kinds: list[tuple[str, Domain | None, str]], count: int
) -> None:
    clips = [clip(*kind, number) for number, kind in enumerate(kinds)]
    folds = blocked_folds(clips, count)
    assert set(folds.tolist()) <= set(range(count))
    for group in similar_clips(clips, count):
        own = folds[group]
        assert all(0 <= b - a <= 1 for a, b in pairwise(own.tolist()))
        sizes = np.bincount(own)
        assert len(sizes) == min(count, len(group))
        assert sizes.max() - sizes.min() <= 1


def test_every_attribute_is_in_every_fold() -> None:
    clips = alike(*["mic_0"] * 10, *["mic_1"] * 10, "odd", "rare")
    folds = blocked_folds(clips, 5)
    for start in (0, 10):
        assert folds[start : start + 10].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert folds[20:].tolist() == [0, 1]


@pytest.mark.parametrize(("place", "first"), [(0.0, 0), (0.5, 3), (1.0, 6)])
def test_a_block_lies_at_the_same_place_in_every_group(place: float, first: int) -> None:
    clips = alike(*["mic_0"] * 8, *["mic_1"] * 8)
    taken = block_at(clips, 0.25, place)
    assert taken == {first, first + 1, 8 + first, 9 + first}


@given(st.lists(names, max_size=40), st.floats(0, 1))
def test_of_every_group_one_is_taken_and_one_is_left(
    kinds: list[tuple[str, Domain | None, str]], place: float
) -> None:
    clips = [clip(*kind, number) for number, kind in enumerate(kinds)]
    taken = block_at(clips, 0.25, place)
    for group in similar_clips(clips, 4):
        own = taken & set(group.tolist())
        assert len(own) == (0 if len(group) == 1 else max(1, round(0.25 * len(group))))


def test_cuts_of_one_recording_do_not_vouch_for_each_other() -> None:
    """Clips of another day score like training clips that were left out, not far above them."""
    generator = np.random.default_rng(3)
    days = generator.normal(size=(6, 8))
    cuts = np.repeat(days, 12, axis=0) + 0.01 * generator.normal(size=(72, 8))
    train, test = cuts[:60].astype(np.float32), cuts[60:].astype(np.float32)
    backend = Backend(BackendOptions(distance="euclidean"), 0)
    known = [clip("00", Domain.SOURCE, "", i) for i in range(60)]
    backend.fit(train, known)
    left_out = backend.cross_scores(train, known)
    assert backend.score(test, known[:12]).max() < 2.0 * np.median(left_out)
    assert backend.score(train, known).max() < 0.1 * left_out.min()


def test_parts_of_a_single_recording_are_divided_by_time() -> None:
    clips = [
        Clip(path=Path("long.wav"), start=float(number), duration=1.0, machine="fan")
        for number in (3, 0, 4, 1, 2, 9, 8, 7, 6, 5)
    ]
    assert blocked_folds(clips, 5).tolist() == [1, 0, 2, 0, 1, 4, 4, 3, 3, 2]


def test_few_clips_of_a_domain_are_all_chosen() -> None:
    domains = [Domain.SOURCE] * 40 + [Domain.TARGET] * 3
    clips = [make_clip(path=Path(f"{n}.wav"), domain=d) for n, d in enumerate(domains)]
    chosen = evenly_chosen(clips, 10).tolist()
    assert len(chosen) == 10
    assert chosen[-3:] == [40, 41, 42]
    assert np.diff(chosen[:7]).min() >= 6
    assert evenly_chosen(clips, 100).tolist() == list(range(43))
