"""Several systems side by side, as tables: leaderboard, differences, published results."""

import re
from collections.abc import Iterator

from asd_cli.cli.output.numbers import (
    UNDEFINED,
    figure,
    interval_text,
    short_figure,
    signed_interval,
)
from asd_cli.cli.output.tables import Cell, Table
from asd_cli.evaluation.comparison import Difference
from asd_cli.pipeline.ranking import Comparison
from asd_cli.reporting.references import References
from asd_cli.services.evaluate import EvaluateResult, System

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def comparison_tables(result: EvaluateResult) -> Iterator[Table]:
    """Give the tables that were asked for; none for a single system alone."""
    if result.leaderboard:
        yield _leaderboard(result)
    if result.comparison is not None:
        yield _differences(result.comparison)
    if result.references is not None:
        yield from _published(result.references, result.systems)


def _leaderboard(result: EvaluateResult) -> Table:
    confidence = next((s.intervals.confidence for s in result.systems if s.intervals), None)
    means = [
        ranked.system.evaluation.mean(None, None, "harmonic").metrics
        for ranked in result.leaderboard
    ]
    domains = [
        [ranked.system.evaluation.mean(None, d, "harmonic").metrics.auc for d in _DOMAINS]
        for ranked in result.leaderboard
    ]
    columns = [
        [ranked.system.evaluation.official_score for ranked in result.leaderboard],
        [mean.auc for mean in means],
        [mean.pauc for mean in means],
        *([values[i] for values in domains] for i in range(len(_DOMAINS))),
    ]
    best = [max((v for v in column if v is not None), default=None) for column in columns]
    rows: list[tuple[Cell | str, ...]] = []
    for index, ranked in enumerate(result.leaderboard):
        cells: list[Cell | str] = [
            _marked(column[index], top) for column, top in zip(columns, best, strict=True)
        ]
        if confidence is not None:
            found = ranked.system.intervals
            cells.insert(1, interval_text(found.official_score if found else None))
        rows.append((str(ranked.rank), _name(ranked.system), *cells))
    headings = ["rank", "system", "official", "AUC", "pAUC", "source AUC", "target AUC"]
    if confidence is not None:
        headings.insert(3, f"{100 * confidence:g} %")
    notes = _signatures(result)
    if result.leaderboard[0].average_rank is not None:
        ranks = (f"{s.system.name} {s.average_rank:.2f}" for s in result.leaderboard)
        notes = (f"by average rank over machines, of AUC and pAUC: {', '.join(ranks)}", *notes)
    return Table(
        "leaderboard: official score, harmonic means over all machines",
        tuple(headings),
        tuple(rows),
        left=2,
        notes=notes,
        secondary=("target AUC", "source AUC"),
    )


_DOMAINS = ("source", "target")


def _name(system: System) -> str:
    """Name a system, and say where its score is not the edition's official one."""
    return system.name if system.evaluation.is_official else f"{system.name} (partial)"


def _marked(value: float | None, best: float | None) -> Cell:
    is_best = value is not None and value == best
    return Cell(figure(value), "best" if is_best else "", short=short_figure(value))


def _signatures(result: EvaluateResult) -> tuple[str, ...]:
    """Name each system's signature, once where they are all the same."""
    found = {ranked.system.signature for ranked in result.leaderboard}
    if len(found) == 1:
        return tuple(found)
    return tuple(f"{s.system.name}: {s.system.signature}" for s in result.leaderboard)


def _differences(comparison: Comparison) -> Table:
    rows: list[tuple[Cell | str, ...] | None] = []
    level = 0.95
    for entry in comparison.systems:
        if rows:
            rows.append(None)
        for difference in entry.differences:
            level = difference.interval.level if difference.interval else level
            machine: Cell | str = difference.machine or Cell("all machines", "label")
            rows.append((entry.system.name, machine, *_difference_cells(difference)))
    return Table(
        f"official score minus that of {comparison.baseline.name} (paired bootstrap)",
        ("system", "machine", "difference", f"{100 * level:g} %", "p"),
        tuple(rows),
        left=2,
    )


def _difference_cells(difference: Difference) -> tuple[Cell | str, ...]:
    if difference.value is None or difference.interval is None or difference.p_value is None:
        return (UNDEFINED, "", "")
    better, worse = difference.interval.low > 0, difference.interval.high < 0
    style = Cell(f"{difference.value:+.4f}", "best" if better else "worse" if worse else "")
    return (style, signed_interval(difference.interval), f"{difference.p_value:.4f}")


def _published(references: References, systems: tuple[System, ...]) -> Iterator[Table]:
    ours = [(_percent(system), _row(system, references)) for system in systems]
    theirs = [
        (_middle(anchor.score), (anchor.system, anchor.source, anchor.score))
        for anchor in references.anchors
    ]
    every: list[tuple[float, tuple[Cell | str, ...]]] = [*ours, *theirs]
    ranked = sorted(every, key=lambda entry: -entry[0])
    if references.anchors:
        yield Table(
            "published official scores, in %",
            ("system", "source", "official"),
            tuple(row for _, row in ranked),
            left=2,
        )
    if references.systems:
        yield _published_machines(references, systems)


def _percent(system: System) -> float:
    score = system.evaluation.official_score
    return -1.0 if score is None else 100 * score


def _row(system: System, references: References) -> tuple[Cell | str, ...]:
    score = system.evaluation.official_score
    missing = set(references.machines) - set(system.evaluation.machines)
    remark = (
        f"evaluated here, without {', '.join(sorted(missing))}" if missing else "evaluated here"
    )
    shown = UNDEFINED if score is None else f"{100 * score:.2f}"
    return (Cell(_name(system), "best"), remark, Cell(shown, "best"))


def _middle(score: str) -> float:
    """Middle of a published score that may be a range, as ``57.6–58.0``."""
    ends = [float(number) for number in _NUMBER.findall(score)]
    return sum(ends) / len(ends)


def _published_machines(references: References, systems: tuple[System, ...]) -> Table:
    columns: list[tuple[str, dict[str, tuple[float | None, float | None]]]] = [
        (system.name, _by_machine(system)) for system in systems
    ]
    columns += [(system.name, dict(system.machines)) for system in references.systems]
    rows: list[tuple[Cell | str, ...]] = []
    for machine in dict.fromkeys(m for _, known in columns for m in known):
        pairs = [known.get(machine, (None, None)) for _, known in columns]
        best = max((pair[0] for pair in pairs if pair[0] is not None), default=None)
        rows.append((machine, *(_pair(pair, best) for pair in pairs)))
    return Table(
        "published figures by machine: harmonic AUC / pAUC, in %",
        ("machine", *(name for name, _ in columns)),
        tuple(rows),
        notes=tuple(f"{system.name}: {system.source}" for system in references.systems),
    )


def _by_machine(system: System) -> dict[str, tuple[float | None, float | None]]:
    means = {
        machine: system.evaluation.mean(machine, None, "harmonic").metrics
        for machine in system.evaluation.machines
    }
    return {machine: (mean.auc, mean.pauc) for machine, mean in means.items()}


def _pair(pair: tuple[float | None, float | None], best: float | None) -> Cell:
    shown = [UNDEFINED if value is None else f"{100 * value:.2f}" for value in pair]
    is_best = pair[0] is not None and pair[0] == best
    return Cell(" / ".join(shown), "best" if is_best else "")
