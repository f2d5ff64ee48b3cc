"""Pseudo-anomaly tasks: normal clips that a detector was not trained on stand for anomalies.

After Wilkinghoff and Tan, who choose among detectors with normal sounds of other classes as proxy
outliers. Three rules keep the task honest. The negatives are normal clips that were held out,
neighbours together, since a clip looks normal next to its neighbours. A proxy outlier was not
trained on, not even as another class: a classifier of sections distinguishes the sections that it
knows and may still miss faults. And a detector that cannot be trained once something is left out
cannot be tried, so it is not chosen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np

from asd_cli.core.grouping import block_at
from asd_cli.core.hashing import fingerprint
from asd_cli.core.seeds import derive_seed
from asd_cli.features.store import FeatureStore

ATTRIBUTE = "attribute"

_HELD_OUT = 0.25
# Clips of other machines or sections that are scored, for each normal one that was held out.
_ANOMALIES_PER_NORMAL = 2


@dataclass(frozen=True, slots=True)
class Task:
    """One pseudo-anomaly task.

    Attributes
    ----------
    kind : str
        What stands for anomalies: ``section``, ``machine`` or ``attribute``.
    left_out : str
        Which.
    train : FeatureStore
        Normal clips to train on.
    normal : FeatureStore
        Normal clips that were held out.
    anomalies : tuple of FeatureStore
        Clips that were not trained on, each given a section that was.
    """

    kind: str
    left_out: str
    train: FeatureStore
    normal: FeatureStore
    anomalies: tuple[FeatureStore, ...]


def plan_tasks(
    train: FeatureStore, others: Mapping[str, FeatureStore], *, seed: int
) -> tuple[Task, ...]:
    """Plan all tasks that a machine's recordings allow.

    Parameters
    ----------
    train : FeatureStore
        Training clips of the machine.
    others : mapping of str to FeatureStore
        Training clips of other machines, by name.
    seed : int
        Of the choice of clips.

    Returns
    -------
    tuple of Task
        One for each section where there are several; one with clips of other machines where there
        are any; one with the clips of an attribute of each section where that has several. None
        where every clip is of one kind.
    """
    position = float(np.random.default_rng(derive_seed(seed, "held back")).random())
    held_out = block_at(train.clips, _HELD_OUT, position)
    return (
        *_section_tasks(train, held_out, seed),
        *_machine_tasks(train, others, held_out, seed),
        *_attribute_tasks(train, held_out),
    )


def _section_tasks(train: FeatureStore, held_out: frozenset[int], seed: int) -> Iterator[Task]:
    sections = sorted({clip.section or "" for clip in train.clips})
    for left_out in sections if len(sections) > 1 else ():
        own = [i for i, clip in enumerate(train.clips) if (clip.section or "") == left_out]
        rest = [i for i, clip in enumerate(train.clips) if (clip.section or "") != left_out]
        normal = [i for i in rest if i in held_out]
        outliers = _relabelled(train.select(own), train.select(normal), seed)
        if normal:
            fitted = train.select(_without(rest, normal))
            yield Task("section", left_out, fitted, train.select(normal), (outliers,))


def _machine_tasks(
    train: FeatureStore,
    others: Mapping[str, FeatureStore],
    held_out: frozenset[int],
    seed: int,
) -> Iterator[Task]:
    normal = sorted(held_out)
    if others and normal:
        fraction = max(_ANOMALIES_PER_NORMAL * len(normal) // len(others), 1)
        outliers = tuple(
            _relabelled(store, train.select(normal), seed, limit=fraction)
            for _, store in sorted(others.items())
        )
        fitted = train.select(_without(range(len(train)), normal))
        yield Task("machine", "others", fitted, train.select(normal), outliers)


def _attribute_tasks(train: FeatureStore, held_out: frozenset[int]) -> Iterator[Task]:
    """Leave one attribute of each section out: that with about as many clips as are held out."""
    odd: list[int] = []
    for section in sorted({clip.section or "" for clip in train.clips}):
        own = [i for i, clip in enumerate(train.clips) if (clip.section or "") == section]
        kinds = sorted({train.clips[i].condition or "" for i in own})
        if len(kinds) < 2:
            continue
        of_kind = [[i for i in own if (train.clips[i].condition or "") == kind] for kind in kinds]
        distances = [abs(len(members) - _HELD_OUT * len(own)) for members in of_kind]
        odd.extend(of_kind[int(np.argmin(distances))])
    rest = _without(range(len(train)), odd)
    normal = [i for i in rest if i in held_out]
    if odd and normal and len(rest) > len(normal):
        fitted, outliers = train.select(_without(rest, normal)), (train.select(odd),)
        yield Task(ATTRIBUTE, "one of each", fitted, train.select(normal), outliers)


def _without(indices: Sequence[int], held_out: Sequence[int]) -> list[int]:
    excluded = set(held_out)
    return [i for i in indices if i not in excluded]


def _relabelled(
    outliers: FeatureStore, normal: FeatureStore, seed: int, limit: int | None = None
) -> FeatureStore:
    """Give strange clips the machine, sections and domains of normal ones, in turn."""
    count = min(len(outliers), limit or _ANOMALIES_PER_NORMAL * max(len(normal), 1))
    # By the names alone: the draw does not depend on how features are computed.
    generator = np.random.default_rng(derive_seed(seed, "outliers", fingerprint(outliers.names)))
    chosen = np.sort(generator.permutation(len(outliers))[:count]).tolist()
    picked = outliers.select(chosen)
    labels = islice(cycle(normal.clips), count)
    clips = tuple(
        replace(clip, machine=own.machine).with_attributes(section=own.section, domain=own.domain)
        for clip, own in zip(picked.clips, labels, strict=False)
    )
    return replace(picked, clips=clips)
