"""Which clips are alike by name and follow each other: what is left out is left out in one piece.

Clips are often cut from longer recordings, and several microphones hear the same minute. A clip
whose neighbours are known looks more normal than any clip of another day, and thresholds that are
set by such clips give false alarms. Leaving out whole blocks, of each operating condition the same,
comes nearest to another day (Roberts et al. 2017, "Cross-validation strategies for data with
temporal, spatial, hierarchical, or phylogenetic structure", Ecography 40).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.core.types import Clip

Indices = npt.NDArray[np.int64]


def strata(clips: Sequence[Clip], fewest: int) -> tuple[Indices, ...]:
    """Group clips of the same section, domain and attributes.

    Parameters
    ----------
    clips : sequence of Clip
        In the order they were recorded or named.
    fewest : int
        Attributes with fewer clips of a section and domain share a group.

    Returns
    -------
    tuple of ndarray [shape=(n_members,), dtype=int64]
        Places in `clips`, ascending; every clip is in one group.
    """
    kinds: dict[tuple[str, str], dict[str, list[int]]] = {}
    for index, clip in enumerate(clips):
        of_domain = kinds.setdefault((clip.section, str(clip.domain)), {})
        of_domain.setdefault(clip.attributes, []).append(index)
    groups = []
    for _, of_domain in sorted(kinds.items()):
        rare: list[int] = []
        for _, members in sorted(of_domain.items()):
            if len(members) < fewest:
                rare.extend(members)
            else:
                groups.append(np.array(members))
        if rare:
            groups.append(np.sort(rare))
    return tuple(groups)


def blocked_folds(clips: Sequence[Clip], count: int) -> Indices:
    """Cut every group of clips into blocks of neighbours, the first blocks being the first fold.

    Returns
    -------
    ndarray [shape=(n_clips,), dtype=int64]
        Fold of each clip, in [0, count).
    """
    folds = np.zeros(len(clips), np.int64)
    for members in strata(clips, count):
        folds[members] = np.arange(len(members)) * count // max(len(members), count)
    return folds


def blocks_at(clips: Sequence[Clip], share: float, place: float) -> frozenset[int]:
    """Take a block of every group of clips.

    Parameters
    ----------
    clips : sequence of Clip
        In the order they were recorded or named.
    share : float
        Of a group's clips, in (0, 1); at least one is taken, and one is left.
    place : float
        Where blocks lie, from 0, the first clips, to 1, the last.

    Returns
    -------
    frozenset of int
        Places in `clips`.
    """
    taken: list[int] = []
    for members in strata(clips, round(1 / share)):
        count = min(max(round(share * len(members)), 1), len(members) - 1)
        start = round(place * (len(members) - count))
        taken.extend(members[start : start + count].tolist())
    return frozenset(taken)
