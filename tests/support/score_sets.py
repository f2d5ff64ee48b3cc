"""Folders of score files, of any size, without recordings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from asd_cli.artifacts.score_files import (
    DECISION,
    SCORE,
    ScoreFileKey,
    write_decisions,
    write_scores,
)

MACHINES = ("ToyCar", "ToyTrain", "fan", "gearbox", "pump", "slider", "valve")


def write_score_set(
    folder: Path, *, machines: Sequence[str] = MACHINES, sections: Sequence[str] = ("00", "01", "02"),
    clips: int = 100, shift: float = 1.0, seed: int = 0, labels: bool = True, noise: float = 0.0,
) -> Path:  # fmt: skip
    """Write scores and decisions; `clips` of each label in each section and domain.

    Parameters
    ----------
    shift : float
        By how much anomalous clips score higher, in standard deviations.
    seed : int
        Of the scores; the same seed with another `shift` or `noise` gives a correlated system.
    labels : bool
        Whether the names have the label, as development clips have.
    noise : float
        Standard deviation of what is added on top.
    """
    rng, other = np.random.default_rng(seed), np.random.default_rng(seed + 1)
    for machine in machines:
        for section in sections:
            for domain in ("source", "target"):
                key = ScoreFileKey(machine, section, domain)
                stem = f"section_{section}_{domain}_test"
                names = [
                    f"{stem}_{label}_{i:04d}.wav" for label in ("normal", "anomaly") for i in range(clips)
                ] if labels else [f"{stem}_{i:04d}.wav" for i in range(2 * clips)]  # fmt: skip
                scores = rng.normal(0, 1, 2 * clips) + noise * other.normal(0, 1, 2 * clips)
                scores[clips:] += shift
                write_scores(folder / key.file_name(SCORE), names, scores.astype(np.float32))
                write_decisions(folder / key.file_name(DECISION), names, (scores > 1).astype(int))
    return folder
