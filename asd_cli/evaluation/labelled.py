"""Scores joined with the truth: what figures, intervals and charts are computed from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.score_files import ScoreTable
from asd_cli.evaluation.labels import Labels

FloatArray = npt.NDArray[np.float64]
RowKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class LabelledScores:
    """Scores of the test clips of one machine, section and domain, with the truth.

    Attributes
    ----------
    machine, section, domain : str
        Whose they are.
    names : tuple of str
        File names of the clips.
    scores : ndarray [shape=(n_clips,), dtype=float64]
        Higher is more anomalous.
    truth : ndarray [shape=(n_clips,), dtype=bool]
        Whether a clip is anomalous.
    decisions : ndarray [shape=(n_clips,), dtype=bool] or None
        Whether it was called so; None without decisions.
    """

    machine: str
    section: str
    domain: str
    names: tuple[str, ...]
    scores: FloatArray
    truth: npt.NDArray[np.bool_]
    decisions: npt.NDArray[np.bool_] | None

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
    def title(self) -> str:
        """Section and domain in words."""
        return f"section {self.section}, {self.domain}"


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


def clips_by_row(scores: Sequence[LabelledScores]) -> dict[RowKey, frozenset[str]]:
    """Names of the clips of each machine, section and domain."""
    return {part.key: frozenset(part.names) for part in scores}
