"""Every chart of a report as PNG, SVG and CSV, for papers."""

from collections.abc import Sequence
from pathlib import Path

from asd_cli.core.events import Events, progress
from asd_cli.core.files import atomic_path, write_text
from asd_cli.reporting.chart import Chart, slug
from asd_cli.reporting.content import SystemContent
from asd_cli.reporting.page import machine_charts

# Colours that colour-blind readers and prints keep distinct (Wong 2011, Nature Methods 8:441).
_COLOURS = {
    "normal": "#0072B2",
    "anomaly": "#D55E00",
    "a": "#0072B2",
    "b": "#E69F00",
    "c": "#009E73",
    "d": "#CC79A7",
    "e": "#56B4E9",
    "f": "#000000",
}


def write_figures(contents: Sequence[SystemContent], folder: Path, events: Events) -> None:
    """Write the charts of all machines; each system gets a folder where there are several.

    Raises
    ------
    StorageError
        When the folder cannot be written.
    """
    for position, content in enumerate(contents):
        place = folder if len(contents) == 1 else folder / f"{position + 1}_{slug(content.name)}"
        charts = [c for m in content.machines for part in machine_charts(content, m) for c in part]
        with progress(events, "figures", total=len(charts), unit="figures") as advance:
            for chart in charts:
                write_chart(chart, place)
                advance(1, chart.name)


def write_chart(chart: Chart, folder: Path) -> None:
    """Write one chart as ``<name>.png``, ``.svg`` and ``.csv``; same data, same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    write_text(folder / f"{chart.name}.csv", chart.csv())
    style = {"svg.hashsalt": "asd", "svg.fonttype": "none", "font.size": 9.0}
    with mpl.rc_context(style):
        figure = Figure(figsize=(3.5, 2.6), layout="constrained")
        _draw(figure.add_subplot(), chart)
        for suffix, metadata in (
            ("png", {"Software": None}),
            ("svg", {"Date": None, "Creator": None}),
        ):
            with atomic_path(folder / f"{chart.name}.{suffix}") as temporary:
                figure.savefig(temporary, format=suffix, dpi=300, metadata=metadata)


def _draw(axes: "mpl.axes.Axes", chart: Chart) -> None:  # type: ignore[name-defined]  # noqa: F821
    if chart.band:
        low, high, label = chart.band
        axes.axvspan(low, high, color="0.9", label=label)
    if chart.diagonal:
        axes.plot(
            [chart.x.low, chart.x.high], [chart.y.low, chart.y.high], ":", color="0.5", lw=0.8
        )
    for series in chart.series:
        colour = _COLOURS[series.tone]
        if series.kind == "bars":
            axes.bar(
                series.x,
                series.y,
                width=series.bar_width,
                align="edge",
                color=colour,
                alpha=0.5,
                label=series.label,
            )
        else:
            line = "" if series.kind == "points" else "--" if series.dashed else "-"
            marker = "o" if len(series.x) < 8 else ""
            axes.plot(
                series.x,
                series.y,
                linestyle=line or "none",
                marker=marker or "none",
                markersize=3,
                color=colour,
                linewidth=1.1,
                label=series.label,
            )
    if chart.rule:
        axes.axvline(chart.rule[0], color="0.2", linestyle="--", linewidth=0.9, label=chart.rule[1])
    axes.set(
        xlabel=chart.x.label,
        ylabel=chart.y.label,
        xlim=(chart.x.low, chart.x.high),
        ylim=(chart.y.low, chart.y.high),
        yticks=chart.y.ticks,
    )
    axes.set_xticks(chart.x.ticks, chart.x.tick_texts)
    axes.legend(fontsize=6.5, frameon=False)
