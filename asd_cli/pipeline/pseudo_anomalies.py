"""Trials without anomalies: what a detector did not learn stands for what it should notice.

After Wilkinghoff and Tan, who choose among detectors with normal sounds of other kinds as
pseudo-anomalies. Three rules keep the trial honest. Normal clips that are held back are the
negatives, neighbours together, since a clip is easily normal beside its neighbours. What stands for
an anomaly was not trained on, not even as another class: a classifier of sections tells the
sections that it knows apart perfectly and may yet be deaf to faults. And a detector that cannot be
trained once something is left out cannot be tried, so it is not chosen.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice

import numpy as np

from asd_cli.core.grouping import blocks_at
from asd_cli.core.seeds import derive_seed
from asd_cli.features.store import FeatureStore

ATTRIBUTE = "attribute"

_HELD_BACK = 0.25
# Clips of other machines or sections that are scored, for each normal one that was held back.
_ANOMALIES_PER_NORMAL = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """A way to try a detector.

    Attributes
    ----------
    kind : str
        What stands for anomalies: ``section``, ``machine`` or ``attribute``.
    left_out : str
        Which.
    train : FeatureStore
        Normal clips to learn from.
    normal : FeatureStore
        Normal clips that were held back.
    anomalies : tuple of FeatureStore
        Clips that were not learnt, each given a section that was.
    """

    kind: str
    left_out: str
    train: FeatureStore
    normal: FeatureStore
    anomalies: tuple[FeatureStore, ...]


def plan_trials(
    train: FeatureStore, others: Mapping[str, FeatureStore], *, seed: int
) -> tuple[Trial, ...]:
    """Plan all trials that a machine's recordings allow.

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
    tuple of Trial
        One for each section where there are several; one with clips of other machines where there
        are any; one with the clips of an attribute of each section where that has several. None
        where every clip is of one kind.
    """
    place = float(np.random.default_rng(derive_seed(seed, "held back")).random())
    held_back = blocks_at(train.clips, _HELD_BACK, place)
    return (
        *_section_trials(train, held_back, seed),
        *_machine_trials(train, others, held_back, seed),
        *_attribute_trials(train, held_back),
    )


def _section_trials(train: FeatureStore, held_back: frozenset[int], seed: int) -> Iterator[Trial]:
    sections = sorted({clip.section for clip in train.clips})
    for left_out in sections if len(sections) > 1 else ():
        own = [i for i, clip in enumerate(train.clips) if clip.section == left_out]
        rest = [i for i, clip in enumerate(train.clips) if clip.section != left_out]
        normal = [i for i in rest if i in held_back]
        strangers = _disguised(train.select(own), train.select(normal), seed)
        if normal:
            learnt = train.select(_without(rest, normal))
            yield Trial("section", left_out, learnt, train.select(normal), (strangers,))


def _machine_trials(
    train: FeatureStore,
    others: Mapping[str, FeatureStore],
    held_back: frozenset[int],
    seed: int,
) -> Iterator[Trial]:
    normal = sorted(held_back)
    if others and normal:
        share = max(_ANOMALIES_PER_NORMAL * len(normal) // len(others), 1)
        strangers = tuple(
            _disguised(store, train.select(normal), seed, most=share)
            for _, store in sorted(others.items())
        )
        learnt = train.select(_without(range(len(train)), normal))
        yield Trial("machine", "others", learnt, train.select(normal), strangers)


def _attribute_trials(train: FeatureStore, held_back: frozenset[int]) -> Iterator[Trial]:
    """Leave one attribute of each section out: the one whose share is nearest to that held back."""
    odd: list[int] = []
    for section in sorted({clip.section for clip in train.clips}):
        own = [i for i, clip in enumerate(train.clips) if clip.section == section]
        kinds = sorted({train.clips[i].attributes for i in own})
        if len(kinds) < 2:
            continue
        of_kind = [[i for i in own if train.clips[i].attributes == kind] for kind in kinds]
        distances = [abs(len(members) - _HELD_BACK * len(own)) for members in of_kind]
        odd.extend(of_kind[int(np.argmin(distances))])
    rest = _without(range(len(train)), odd)
    normal = [i for i in rest if i in held_back]
    if odd and normal and len(rest) > len(normal):
        learnt, strangers = train.select(_without(rest, normal)), (train.select(odd),)
        yield Trial(ATTRIBUTE, "one of each", learnt, train.select(normal), strangers)


def _without(known: Sequence[int], held_back: Sequence[int]) -> list[int]:
    excluded = set(held_back)
    return [i for i in known if i not in excluded]


def _disguised(
    strangers: FeatureStore, normal: FeatureStore, seed: int, most: int | None = None
) -> FeatureStore:
    """Give strange clips the machine, sections and domains of normal ones, in turn."""
    count = min(len(strangers), most or _ANOMALIES_PER_NORMAL * max(len(normal), 1))
    generator = np.random.default_rng(derive_seed(seed, "strangers", strangers.fingerprint))
    chosen = np.sort(generator.permutation(len(strangers))[:count]).tolist()
    picked = strangers.select(chosen)
    disguises = islice(cycle(normal.clips), count)
    clips = tuple(
        replace(clip, machine=own.machine, section=own.section, domain=own.domain)
        for clip, own in zip(picked.clips, disguises, strict=False)
    )
    return replace(picked, clips=clips)
