"""How well normal and anomalous clips are separated at each operating condition."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from asd_cli.evaluation.metrics import auc
from asd_cli.reporting.content import MachineContent

_MAX_VALUES = 24


@dataclass(frozen=True, slots=True)
class AttributeRow:
    """Clips with one value of an attribute."""

    value: str
    normal: int
    anomaly: int
    auc: float | None
    median_normal: float | None
    flagged: float | None


@dataclass(frozen=True, slots=True)
class AttributeTable:
    """Breakdown by one attribute."""

    attribute: str
    rows: tuple[AttributeRow, ...]
    left_out: int


def attribute_tables(machine: MachineContent) -> tuple[AttributeTable, ...]:
    """Break a machine's test clips down by each attribute that takes at least two values."""
    tables = []
    for attribute, values in machine.attributes.items():
        groups: dict[str, list[tuple[float, bool, bool | None]]] = {}
        for part in machine.scores:
            decisions: Sequence[bool | None] = (
                [None] * len(part.names) if part.decisions is None else part.decisions.tolist()
            )
            clips = zip(
                part.names,
                part.scores.tolist(),
                part.truth.tolist(),
                decisions,
                part.own.tolist(),
                strict=True,
            )
            for name, score, truth, decision, own in clips:
                if own and name in values:
                    groups.setdefault(values[name], []).append((score, truth, decision))
        if len(groups) > 1:
            kept = sorted(groups)[:_MAX_VALUES]
            rows = tuple(_row(value, groups[value]) for value in kept)
            tables.append(AttributeTable(attribute, rows, len(groups) - len(kept)))
    return tuple(tables)


def _row(value: str, clips: Sequence[tuple[float, bool, bool | None]]) -> AttributeRow:
    normal = np.array([score for score, truth, _ in clips if not truth])
    anomaly = np.array([score for score, truth, _ in clips if truth])
    alarms = [decision for _, truth, decision in clips if not truth and decision is not None]
    return AttributeRow(
        value,
        len(normal),
        len(anomaly),
        auc(normal, anomaly),
        float(np.median(normal)) if len(normal) else None,
        float(np.mean(alarms)) if alarms else None,
    )
