"""Systems made of a few numbers."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from asd_cli.artifacts.score_files import ScoreFileKey, ScoreTable
from asd_cli.evaluation.evaluation import evaluate_tables
from asd_cli.evaluation.labelled import LabelledScores, label_scores
from asd_cli.reporting.content import MachineContent, SystemContent

Key = tuple[str, str, str]


def table(key: Key, normal: list[float], anomaly: list[float], limit: float | None) -> ScoreTable:
    machine, section, domain = key
    names = [f"section_{section}_{domain}_test_normal_{i:04d}.wav" for i in range(len(normal))]
    names += [f"section_{section}_{domain}_test_anomaly_{i:04d}.wav" for i in range(len(anomaly))]
    scores = dict(zip(names, [*normal, *anomaly], strict=True))
    decisions = None if limit is None else {n: int(s > limit) for n, s in scores.items()}
    return ScoreTable(ScoreFileKey(machine, section, domain), Path("x.csv"), scores, decisions)


def make_system(
    parts: Mapping[Key, tuple[list[float], list[float]]],
    *,
    name: str = "system",
    limit: float | None = None,
    machines: Mapping[str, MachineContent] | None = None,
    **facts: object,
) -> SystemContent:
    """Make a system of scores; labels are in the names."""
    tables = [table(key, *scores, limit) for key, scores in parts.items()]
    labelled = [(t, {n: int("anomaly" in n) for n in t.scores}) for t in tables]
    evaluation = evaluate_tables(labelled, max_fpr=0.1)
    found: dict[str, list[LabelledScores]] = {}
    for t, labels in labelled:
        found.setdefault(t.key.machine, []).append(label_scores(t, labels))
    content = tuple(
        (machines or {}).get(m, MachineContent(name=m, scores=tuple(found[m])))
        for m in evaluation.machines
    )
    given: dict[str, object] = {
        "detector": "pooled-knn",
        "edition": "dcase2021",
        "mode": "dev",
        "signature": "edition:dcase2021|mode:dev",
        "max_fpr": 0.1,
        **facts,
    }
    return SystemContent(name=name, evaluation=evaluation, machines=content, **given)  # type: ignore[arg-type]


def random_parts(
    machine: str = "fan", *, seed: int = 1, shift: float = 1.0, clips: int = 30
) -> dict[Key, tuple[list[float], list[float]]]:
    rng = np.random.default_rng(seed)
    return {
        (machine, section, domain): (
            rng.normal(0, 1, clips).tolist(),
            rng.normal(shift, 1, clips).tolist(),
        )
        for section in ("00", "01")
        for domain in ("source", "target")
    }
