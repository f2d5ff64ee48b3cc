"""How figures and intervals are written, wherever they are shown."""

from collections.abc import Iterator

from asd_cli.evaluation.evaluation import METRIC_NAMES, MeanResult, SectionResult
from asd_cli.evaluation.intervals import FigureIntervals, Interval
from asd_cli.services.evaluate import System

HEADINGS = ("AUC", "pAUC", "precision", "recall", "F1")
UNDEFINED = "–"


def figure(value: float | None) -> str:
    """Write a figure with four digits."""
    return UNDEFINED if value is None else f"{value:.4f}"


def short_figure(value: float | None) -> str:
    """Write a figure with three digits, for narrow terminals."""
    return UNDEFINED if value is None else f"{value:.3f}"


def interval_text(interval: Interval | None) -> str:
    """Write an interval as short as can be read: ``.512–.634``."""
    if interval is None:
        return ""
    return "–".join(f"{end:.3f}".replace("0.", ".", 1) for end in (interval.low, interval.high))


def signed_interval(interval: Interval | None) -> str:
    """Write an interval of a difference: ``-0.0123 to +0.0456``."""
    return "" if interval is None else f"{interval.low:+.4f} to {interval.high:+.4f}"


def mean_figure(mean: MeanResult, name: str) -> str:
    """Write a figure of a mean, with how many zeros make a harmonic mean meaningless."""
    if mean.kind == "harmonic" and name in mean.zeros:
        return "0 in {} of {}".format(*mean.zeros[name])
    return figure(getattr(mean.metrics, name))


def row_intervals(system: System, row: SectionResult) -> FigureIntervals:
    """Look a row's intervals up; empty where there are none."""
    if system.intervals is None:
        return {}
    return system.intervals.rows[row.machine, row.section, row.domain]


def mean_intervals(system: System, mean: MeanResult) -> FigureIntervals:
    """Look a mean's intervals up; None stands for a harmonic mean that zeros make meaningless."""
    if system.intervals is None:
        return {}
    found = system.intervals.means[mean.machine, mean.domain, mean.kind]
    return {
        name: None if mean.kind == "harmonic" and name in mean.zeros else found[name]
        for name in METRIC_NAMES
    }


def mean_rows(system: System, machine: str | None) -> Iterator[tuple[str, MeanResult]]:
    """Give the means that tables show, with their labels."""
    for domain in ("source", "target"):
        mean = system.evaluation.mean(machine, domain, "harmonic")
        if mean.metrics.auc is not None:
            yield f"{domain} harmonic mean", mean
    yield "arithmetic mean", system.evaluation.mean(machine, None, "arithmetic")
    yield "harmonic mean", system.evaluation.mean(machine, None, "harmonic")
