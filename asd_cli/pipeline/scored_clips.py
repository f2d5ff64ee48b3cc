"""Scores of clips and what they mean, as a sequence and as a table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError
from asd_cli.core.types import Clip

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True, slots=True)
class ClipScore:
    """The score of one clip and what it means.

    Attributes
    ----------
    clip : Clip
        What was scored.
    score : float
        Higher is more anomalous.
    p_value : float
        How rare so high a score is among normal clips: the smallest false-alarm rate at which the
        clip is anomalous (`asd_cli.detectors.normal_scores.NormalScores.p_values`). Of a model
        with a threshold of another kind, ``(1 + #{calibration >= score}) / (n + 1)`` (conformal;
        Vovk et al. 2005, Algorithmic Learning in a Random World).
    anomalous : bool
        Whether the score is above the model's threshold.
    """

    clip: Clip
    score: float
    p_value: float
    anomalous: bool


@dataclass(frozen=True, slots=True)
class ScoredClips(Sequence[ClipScore]):
    """Scores of some clips in their order, as a sequence and as a table."""

    rows: tuple[ClipScore, ...] = field(default_factory=tuple)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]

    def __iter__(self) -> Iterator[ClipScore]:
        return iter(self.rows)

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """All scores [shape=(n_clips,)], in single precision."""
        return np.array([row.score for row in self.rows], np.float32)

    def to_frame(self) -> "pandas.DataFrame":
        """Give a table with the columns clip, start, score, p_value, anomalous."""
        import pandas as pd

        columns = ["clip", "start", "score", "p_value", "anomalous"]
        return pd.DataFrame(
            [
                (str(row.clip.path), row.clip.start, row.score, row.p_value, row.anomalous)
                for row in self.rows
            ],
            columns=columns,
        )


def require_numbers(scores: npt.NDArray[np.floating], clips: Sequence[Clip]) -> None:
    """Refuse scores that are no numbers: none of them is above a threshold.

    Raises
    ------
    DataError
        Names the first clip.
    """
    bad = np.flatnonzero(~np.isfinite(scores))
    if len(bad):
        raise DataError(
            f"{clips[int(bad[0])].name}: its score is {float(scores[bad[0]])}, which is no number",
            hint="look at the recording: asd inspect FILE",
        )
