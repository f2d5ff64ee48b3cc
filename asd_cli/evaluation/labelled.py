"""Scores joined with the truth: what figures, intervals and charts are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.score_files import ScoreTable
from asd_cli.evaluation.labels import Domains, Labels

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
RowKey = tuple[str, str, str | None]
DOMAINS = ("source", "target")


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scores of the test clips that a row of figures is of, with the truth.

    Attributes
    ----------
    machine, section : str
        Whose they are.
    domain : str or None
        ``source`` or ``target``; None for all clips of a section.
    names : tuple of str
        File names of the clips.
    scores : ndarray [shape=(n_clips,), dtype=float64]
        Higher is more anomalous.
    truth : ndarray [shape=(n_clips,), dtype=bool]
        Whether a clip is anomalous.
    decisions : ndarray [shape=(n_clips,), dtype=bool] or None
        Whether it was called so; None without decisions.
    domains : ndarray [shape=(n_clips,), dtype=str] or None
        Domain of each clip where the rows of a section share clips (DCASE 2022 and later: the
        anomalous clips are in all of them); None where each clip is in one row.
    """

    machine: str
    section: str
    domain: str | None
    names: tuple[str, ...]
    scores: FloatArray
    truth: BoolArray
    decisions: BoolArray | None
    domains: npt.NDArray[np.str_] | None = None

    @property
    def key(self) -> RowKey:
        """Machine, section and domain."""
        return (self.machine, self.section, self.domain)

    @property
    def normal(self) -> FloatArray:
        """Scores of the normal clips."""
        return self.scores[~self.truth]

    @property
    def anomaly(self) -> FloatArray:
        """Scores of the anomalous clips."""
        return self.scores[self.truth]

    @property
    def own(self) -> BoolArray:
        """Which clips count in no other row of the section: those decisions are measured on."""
        if self.domains is None:
            return np.ones(len(self.names), bool)
        return np.asarray(self.domains == (self.domain or ""), bool)

    @property
    def gives_auc(self) -> bool:
        """Whether the row has an AUC."""
        return self.domains is None or self.domain is not None

    @property
    def gives_pauc(self) -> bool:
        """Whether the row has a pAUC."""
        return self.domains is None or self.domain is None

    @property
    def title(self) -> str:
        """Section and domain in words."""
        return f"section {self.section}" + ("" if self.domain is None else f", {self.domain}")


def domain_name(domain: str | None) -> str:
    """Name a row's domain in tables: ``all`` where it is of all clips of a section."""
    return domain or "all"


def label_scores(table: ScoreTable, labels: Labels) -> LabelledScores:
    """Join scores and labels by name."""
    names = tuple(table.scores)
    decisions = table.decisions
    return LabelledScores(
        table.key.machine,
        table.key.section,
        table.key.domain,
        names,
        np.array([table.scores[name] for name in names], np.float64),
        np.array([labels[name] for name in names], bool),
        None if decisions is None else np.array([decisions[name] for name in names], bool),
    )


def label_rows(
    table: ScoreTable, labels: Labels, domains: Domains | None
) -> tuple[LabelledScores, ...]:
    """Join a table with the truth, as the rows that its edition measures.

    Parameters
    ----------
    table : ScoreTable
        Scores of a section and domain, or of a section.
    labels : mapping of str to int
        Clip name to 0 (normal) or 1 (anomaly).
    domains : mapping of str to str, or None
        Clip name to ``source`` or ``target`` where anomalous clips are shared; None elsewhere.

    Returns
    -------
    tuple of LabelledScores
        One; or with `domains` one for each domain, with its normal and all anomalous clips, and
        one of all clips.
    """
    every = label_scores(table, labels)
    if domains is None:
        return (every,)
    of_clips = np.array([domains[name] for name in every.names])
    chosen = {d: (of_clips == d) | every.truth for d in DOMAINS if (of_clips == d).any()}
    return tuple(
        _part(every, domain, of_clips, kept)
        for domain, kept in (*chosen.items(), (None, np.ones(len(of_clips), bool)))
    )


def _part(
    every: LabelledScores, domain: str | None, of_clips: npt.NDArray[np.str_], kept: BoolArray
) -> LabelledScores:
    return LabelledScores(
        every.machine,
        every.section,
        domain,
        tuple(name for name, keep in zip(every.names, kept, strict=True) if keep),
        every.scores[kept],
        every.truth[kept],
        None if every.decisions is None else every.decisions[kept],
        of_clips[kept],
    )


def clips_by_row(scores: Sequence[LabelledScores]) -> dict[RowKey, frozenset[str]]:
    """Names of the clips of each machine, section and domain."""
    return {part.key: frozenset(part.names) for part in scores}
