"""Groups of clips by their attributes, and folds that keep neighbours together.

Clips are often cut from longer recordings, and several microphones record the same minute. A clip
whose neighbours are known looks more normal than any clip of another day, and thresholds that are
set by such clips give false alarms. Leaving out blocks of neighbours, of each operating condition
the same, comes nearest to another day (Roberts et al. 2017, "Cross-validation strategies for data
with temporal, spatial, hierarchical, or phylogenetic structure", Ecography 40).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.core.types import CONDITION, DOMAIN, GROUP, SECTION, Clip

Indices = npt.NDArray[np.int64]
GroupKey = tuple[str | None, ...]

BY_DOMAIN = (SECTION, DOMAIN)
"""The groups that DCASE 2021 tests apart."""


def group_key(clip: Clip, by: Sequence[str]) -> GroupKey:
    """Values of some attributes of a clip; None where it has none."""
    return tuple(clip.attributes.get(name) for name in by)


def sort_key(key: GroupKey) -> tuple[str, ...]:
    """Order groups by name, those without a value first."""
    return tuple(value or "" for value in key)


def group_clips(clips: Sequence[Clip], by: Sequence[str] = BY_DOMAIN) -> Mapping[GroupKey, Indices]:
    """Group clips that have the same values of some attributes.

    Parameters
    ----------
    clips : sequence of Clip
        In any order.
    by : sequence of str
        Names of attributes; none puts all clips into one group.

    Returns
    -------
    mapping of tuple to ndarray [shape=(n_members,), dtype=int64]
        Indices of the members, ascending; groups in the order of their keys.

    Examples
    --------
    >>> from pathlib import Path
    >>> clips = [Clip(path=Path("a"), machine="m", attributes={"section": s}) for s in "101"]
    >>> {key: list(map(int, own)) for key, own in group_clips(clips, ["section"]).items()}
    {('0',): [1], ('1',): [0, 2]}
    """
    members: dict[GroupKey, list[int]] = {}
    for index, clip in enumerate(clips):
        members.setdefault(group_key(clip, by), []).append(index)
    return {key: np.array(members[key], np.int64) for key in sorted(members, key=sort_key)}


def similar_clips(clips: Sequence[Clip], min_clips: int) -> tuple[Indices, ...]:
    """Group clips of the same section, domain and operating condition.

    Parameters
    ----------
    clips : sequence of Clip
        In the order they were recorded or named.
    min_clips : int
        Conditions with fewer clips of a section and domain share a group.

    Returns
    -------
    tuple of ndarray [shape=(n_members,), dtype=int64]
        Indices of the members, ascending; every clip is in one group.
    """
    groups: list[Indices] = []
    for members in group_clips(clips).values():
        rare: list[int] = []
        by_condition = group_clips([clips[index] for index in members], [CONDITION])
        for own in by_condition.values():
            if len(own) < min_clips:
                rare.extend(members[own].tolist())
            else:
                groups.append(members[own])
        if rare:
            groups.append(np.sort(rare).astype(np.int64))
    return tuple(groups)


def blocked_folds(clips: Sequence[Clip], count: int) -> Indices:
    """Cut every group of similar clips into blocks of neighbours; the first are the first fold.

    Parts of one recording are always in one fold, and so are recordings of one group where clips
    have groups; unless there is no other recording or group: then the blocks are parts of it.

    Returns
    -------
    ndarray [shape=(n_clips,), dtype=int64]
        Fold of each clip, in [0, count).
    """
    folds = np.zeros(len(clips), np.int64)
    for members in similar_clips(clips, count):
        units = _recordings(clips, members)
        if units.max() == 0:
            units = np.argsort(np.argsort([clips[i].start for i in members], kind="stable"))
        folds[members] = units * count // max(int(units.max()) + 1, count)
    return folds


def unit_of(clip: Clip) -> str:
    """Name what is left out together: the group of a clip, or the file that it is a part of."""
    return clip.attributes.get(GROUP) or str(clip.path)


def independent_units(clips: Sequence[Clip], min_conditions: int) -> Indices:
    """Give each clip the number of its recording, its group, or its operating condition.

    Parameters
    ----------
    clips : sequence of Clip
        In the order they were recorded or named.
    min_conditions : int
        Clips of one operating condition are one unit where a section and domain has at least so
        many conditions.

    Returns
    -------
    ndarray [shape=(n_clips,), dtype=int64]
    """
    names: list[str] = [unit_of(clip) for clip in clips]
    for key, members in group_clips(clips).items():
        conditions = {clips[index].condition for index in members} - {None}
        if len(conditions) >= min_conditions:
            for index in members:
                names[index] = "/".join((*sort_key(key), clips[index].condition or ""))
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], np.int64)


def block_at(clips: Sequence[Clip], fraction: float, position: float) -> frozenset[int]:
    """Take a block of neighbours out of every group of similar clips.

    Parameters
    ----------
    clips : sequence of Clip
        In the order they were recorded or named.
    fraction : float
        Of a group's recordings, in (0, 1); at least one is taken, and one is left.
    position : float
        Where blocks lie, from 0, the first clips, to 1, the last.

    Returns
    -------
    frozenset of int
        Indices in `clips`.
    """
    taken: list[int] = []
    for members in similar_clips(clips, round(1 / fraction)):
        units = _recordings(clips, members)
        total = int(units.max()) + 1
        count = min(max(round(fraction * total), 1), total - 1)
        start = round(position * (total - count))
        taken.extend(members[(units >= start) & (units < start + count)].tolist())
    return frozenset(taken)


def evenly_chosen(clips: Sequence[Clip], count: int) -> Indices:
    """Choose clips of all sections and domains alike, evenly over each.

    Groups that are smaller than an equal part are taken completely, and the others share the rest.

    Returns
    -------
    ndarray [shape=(at most count,), dtype=int64]
        Ascending; all where there are no more than `count`.

    Examples
    --------
    >>> from pathlib import Path
    >>> clips = [Clip(path=Path(str(n)), machine="m") for n in range(9)]
    >>> evenly_chosen(clips, 3).tolist()
    [0, 4, 8]
    """
    groups = sorted(group_clips(clips).values(), key=len)
    chosen: list[int] = []
    for number, members in enumerate(groups):
        part = min(len(members), (count - len(chosen)) // (len(groups) - number))
        chosen.extend(members[np.linspace(0, len(members) - 1, part).round().astype(int)].tolist())
    return np.array(sorted(set(chosen)), np.int64)


def _recordings(clips: Sequence[Clip], members: Indices) -> Indices:
    """Give the unit of each clip, numbered in the order of their first clips."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(unit_of(clips[i]), len(numbers)) for i in members], np.int64
    )
