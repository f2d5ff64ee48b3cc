"""Evaluations for programs: the JSON document and the CSV table."""

import math
from typing import TYPE_CHECKING, Any

from asd_cli.core.text import inert_cell
from asd_cli.evaluation.evaluation import METRIC_NAMES, Metrics
from asd_cli.evaluation.intervals import FigureIntervals, Interval, Intervals
from asd_cli.pipeline.ranking import SystemComparison
from asd_cli.services.evaluate import EvaluateResult, System

if TYPE_CHECKING:
    import pandas

SCHEMA = "asd.evaluate/1"


def as_json(result: EvaluateResult) -> dict[str, Any]:
    """Give the document that scripts read; undefined figures are null.

    ``leaderboard``, ``comparison``, ``published`` and each system's ``intervals`` are there where
    they were asked for. ``official_score_partial`` is true, and there, where the score is not of
    everything that the edition scores; ``incomplete`` lists what is missing, mixed or out of date.
    """
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "systems": [_system(system) for system in result.systems],
    }
    if result.leaderboard:
        content["leaderboard"] = [
            {
                "rank": ranked.rank,
                "name": ranked.system.name,
                "official_score": ranked.system.evaluation.official_score,
                **({} if ranked.average_rank is None else {"average_rank": ranked.average_rank}),
                **({} if ranked.system.evaluation.is_official else {"partial": True}),
                "interval": None
                if ranked.system.intervals is None
                else _ends(ranked.system.intervals.official_score),
            }
            for ranked in result.leaderboard
        ]
    if result.comparison is not None:
        content["comparison"] = {
            "baseline": result.comparison.baseline.name,
            "systems": [_comparison(entry) for entry in result.comparison.systems],
        }
    if result.references is not None:
        content["published"] = {
            "official_scores": [
                {"system": anchor.system, "percent": anchor.score, "source": anchor.source}
                for anchor in result.references.anchors
            ],
            "systems": [
                {
                    "name": system.name,
                    "source": system.source,
                    "means": [
                        {"machine": machine, "kind": "harmonic", "auc": auc, "pauc": pauc}
                        for machine, (auc, pauc) in system.machines.items()
                    ],
                }
                for system in result.references.systems
            ],
        }
    return content


def _system(system: System) -> dict[str, Any]:
    evaluation = system.evaluation
    content: dict[str, Any] = {
        "name": system.name,
        "edition": system.edition,
        "mode": system.mode.value,
        "detector": system.detector,
        "signature": system.signature,
        "official_score": evaluation.official_score,
        "rows": [
            {
                "machine": row.machine,
                "section": row.section,
                "domain": row.domain,
                "normal": row.normal,
                "anomaly": row.anomaly,
                **_metrics(row.metrics),
            }
            for row in evaluation.rows
        ],
        "means": [
            {
                "machine": mean.machine,
                "domain": mean.domain,
                "kind": mean.kind,
                **_metrics(mean.metrics),
            }
            for mean in evaluation.means
        ],
        "notes": [note.text for note in evaluation.notes],
    }
    if not evaluation.is_official:
        content["official_score_partial"] = True
    if evaluation.incomplete:
        content["incomplete"] = [
            {"kind": note.kind.value, "machine": note.machine, "text": note.text}
            for note in evaluation.incomplete
        ]
    if system.intervals is not None:
        content["intervals"] = _intervals(system.intervals)
    return content


def _metrics(metrics: Metrics) -> dict[str, float | None]:
    return {name: getattr(metrics, name) for name in METRIC_NAMES}


def _ends(interval: Interval | None) -> list[float] | None:
    return None if interval is None else [interval.low, interval.high]


def _all_ends(intervals: FigureIntervals) -> dict[str, list[float] | None]:
    return {name: _ends(intervals[name]) for name in METRIC_NAMES}


def _intervals(intervals: Intervals) -> dict[str, Any]:
    return {
        "confidence": intervals.confidence,
        "resamples": intervals.resamples,
        "seed": intervals.seed,
        "method": "stratified bootstrap over clips, percentiles",
        "official_score": _ends(intervals.official_score),
        "rows": [
            {"machine": machine, "section": section, "domain": domain, **_all_ends(found)}
            for (machine, section, domain), found in intervals.rows.items()
        ],
        "means": [
            {"machine": machine, "domain": domain, "kind": kind, **_all_ends(found)}
            for (machine, domain, kind), found in intervals.means.items()
        ],
    }


def _comparison(entry: SystemComparison) -> dict[str, Any]:
    return {
        "name": entry.system.name,
        "differences": [
            {
                "machine": difference.machine,
                "difference": difference.value,
                "interval": _ends(difference.interval),
                "p_value": difference.p_value,
            }
            for difference in entry.differences
        ],
    }


def as_csv(result: EvaluateResult) -> str:
    """Give one row for each system, machine, section and domain, each mean, each difference.

    Columns ``auc_low, auc_high, …`` are there where intervals were asked for, ``p_value`` where
    systems were compared.
    """
    import pandas as pd

    frames = [_frame(system) for system in result.systems]
    if result.comparison is not None:
        kind = f"official score minus that of {result.comparison.baseline.name}"
        frames.append(
            pd.DataFrame([
                {"system": inert_cell(entry.system.name),
                 "machine": difference.machine, "kind": kind,
                 "auc": _number(difference.value), "p_value": _number(difference.p_value),
                 **_columns({"auc": difference.interval}, ("auc",))}
                for entry in result.comparison.systems for difference in entry.differences
            ])
        )  # fmt: skip
    every = pd.concat(frames)
    every["machine"] = every["machine"].map(inert_cell, na_action="ignore")
    columns = ["system", *(name for name in every.columns if name != "system")]
    return str(every.to_csv(columns=columns, index=False, lineterminator="\n"))


def _frame(system: System) -> "pandas.DataFrame":
    frame = system.evaluation.to_frame().assign(system=inert_cell(system.name))
    intervals = system.intervals
    if intervals is None:
        return frame
    found: list[FigureIntervals] = [*intervals.rows.values(), *intervals.means.values()]
    found.append({"auc": intervals.official_score})
    ends = [_columns(entry, METRIC_NAMES) for entry in found]
    return frame.assign(**{name: [entry[name] for entry in ends] for name in ends[0]})


def _columns(intervals: FigureIntervals, names: tuple[str, ...]) -> dict[str, float]:
    columns = {}
    for name in names:
        interval = intervals.get(name)
        columns[f"{name}_low"] = math.nan if interval is None else interval.low
        columns[f"{name}_high"] = math.nan if interval is None else interval.high
    return columns


def _number(value: float | None) -> float:
    return math.nan if value is None else value
