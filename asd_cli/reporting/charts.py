"""The charts of a machine: losses, ROC curves, score histograms, source against target."""

from collections.abc import Mapping, Sequence

import numpy as np

from asd_cli.detectors.spec import LOSS, Loss
from asd_cli.evaluation.evaluation import SectionResult
from asd_cli.evaluation.labelled import FloatArray, LabelledScores, domain_name
from asd_cli.evaluation.metrics import roc_curve
from asd_cli.reporting.chart import Axis, Chart, Series, slug
from asd_cli.reporting.content import Threshold
from asd_cli.reporting.history import loss_curves

TONES = "abcdef"
_BINS = 24
_FEW_CLIPS = 40


def loss_chart(
    machine: str, history: Sequence[Mapping[str, float]], loss: Loss = LOSS
) -> Chart | None:
    """Draw the losses over the epochs; None where nothing was trained."""
    series = [
        Series(
            label=curve.label,
            kind="line" if len(curve.epochs) > 1 else "points",
            x=curve.epochs,
            y=curve.losses,
            tone="b" if curve.validation else "a",
            dashed=curve.validation,
        )
        for curve in loss_curves(history)
    ]
    if not series:
        return None
    last = ", ".join(f"{s.label} {s.y[-1]:.4g}" for s in series)
    every = [value for s in series for value in s.y]
    epochs = [value for s in series for value in s.x]
    low, high = _padded(min(every), max(every))
    return Chart(
        name=f"loss_{slug(machine)}",
        title="Loss in training",
        description=f"Loss of {machine} over {max(epochs):g} epochs; at the end: {last}.",
        x=Axis("epoch", min(epochs) - 0.5, max(epochs) + 0.5, whole=True),
        y=Axis(loss.name, max(low, 0.0) if min(every) >= 0 else low, high),
        series=tuple(series),
        note=loss.note if any(s.dashed for s in series) else "",
    )


def _padded(low: float, high: float) -> tuple[float, float]:
    pad = (high - low) * 0.06 or max(abs(high), 1.0) * 0.06
    return low - pad, high + pad


def section_tones(scores: Sequence[LabelledScores]) -> dict[str, str]:
    """Give each section its colour."""
    sections = sorted({s.section for s in scores})
    return {section: TONES[i % len(TONES)] for i, section in enumerate(sections)}


def roc_chart(
    machine: str,
    scores: Sequence[LabelledScores],
    rows: Sequence[SectionResult],
    *,
    max_fpr: float,
) -> Chart | None:
    """Draw one ROC curve for each section and domain; None where none is defined."""
    tones = section_tones(scores)
    figures = {(row.section, row.domain): row.metrics.auc for row in rows}
    series = []
    for part in scores:
        if not len(part.normal) or not len(part.anomaly):
            continue
        curve = roc_curve(part.normal, part.anomaly)
        auc = figures.get((part.section, part.domain))
        series.append(
            Series(
                label=f"{part.section} {domain_name(part.domain)}"
                + (f" · {auc:.3f}" if auc is not None else ""),
                kind="line",
                x=curve.false_positive_rate.tolist(),
                y=curve.true_positive_rate.tolist(),
                tone=tones[part.section],
                dashed=part.domain == "target",
            )
        )
    if not series:
        return None
    return Chart(
        name=f"roc_{slug(machine)}",
        title="ROC curves with AUC",
        description=f"Receiver operating characteristic of {machine}, AUC by section and domain: "
        + "; ".join(s.label.replace(" · ", " ") for s in series)
        + f". The shaded part, up to a false-positive rate of {max_fpr:g}, is that of the pAUC.",
        x=Axis("false-positive rate", 0.0, 1.0),
        y=Axis("true-positive rate", 0.0, 1.0),
        series=tuple(series),
        band=(0.0, max_fpr, "pAUC"),
        diagonal=True,
    )


def histogram_chart(
    part: LabelledScores, threshold: Threshold | None, limits: tuple[float, float]
) -> Chart:
    """Draw the scores of normal against anomalous clips.

    Parameters
    ----------
    part : LabelledScores
        One section and domain.
    threshold : Threshold or None
        Drawn as a line.
    limits : (float, float)
        Range of the score axis, the same for all of a machine; scores outside are counted in the
        first or last bar.

    Returns
    -------
    Chart
    """
    decides = threshold.of(part.section, part.domain) if threshold else None
    if len(part.normal) + len(part.anomaly) <= _FEW_CLIPS:
        series, y = _dots(part, limits), Axis("", -0.6, 1.6, names=("normal", "anomalous"))
    else:
        series, y = _bars(part, limits)
    return Chart(
        name=f"scores_{slug(part.machine)}_{slug(part.section)}_{slug(domain_name(part.domain))}",
        title=f"Section {part.section}, {domain_name(part.domain)}",
        description=f"Anomaly scores of {part.machine}, {part.title}: "
        f"{_said(part.normal)} for {len(part.normal)} normal clips, {_said(part.anomaly)} for "
        f"{len(part.anomaly)} anomalous clips"
        + (f"; threshold {decides:.4g}." if decides is not None else "."),
        x=Axis("anomaly score", *limits),
        y=y,
        series=series,
        rule=(decides, "threshold")
        if decides is not None and limits[0] <= decides <= limits[1]
        else None,
    )


def _dots(part: LabelledScores, limits: tuple[float, float]) -> tuple[Series, ...]:
    """Draw a dot for each clip: bars of few clips show how bars were chosen."""
    return tuple(
        Series(
            label=f"{label} ({len(values)})",
            kind="points",
            x=np.clip(values, *limits).tolist(),
            y=[float(row) + _offset(index) for index in range(len(values))],
            tone=tone,
        )
        for row, (label, tone, values) in enumerate(_kinds(part))
    )


def _offset(index: int) -> float:
    """Spread dots of one row over five heights, so that equal scores are seen."""
    return 0.14 * ((index * 2) % 5 - 2)


def _kinds(part: LabelledScores) -> tuple[tuple[str, str, FloatArray], ...]:
    return ("normal", "normal", part.normal), ("anomalous", "anomaly", part.anomaly)


def _bars(part: LabelledScores, limits: tuple[float, float]) -> tuple[tuple[Series, ...], Axis]:
    edges = np.linspace(*limits, _BINS + 1)
    series, highest = [], 1
    for label, tone, values in _kinds(part):
        counts, _ = np.histogram(np.clip(values, *limits), edges)
        highest = max(highest, int(counts.max(initial=0)))
        series.append(
            Series(
                label=f"{label} ({len(values)})",
                kind="bars",
                x=edges[:-1].tolist(),
                y=counts.tolist(),
                tone=tone,
                bar_width=float(edges[1] - edges[0]),
            )
        )
    return tuple(series), Axis("clips", 0, highest * 1.08, whole=True)


def _said(values: FloatArray) -> str:
    return f"median {np.median(values):.4g}" if len(values) else "none"


def score_limits(
    scores: Sequence[LabelledScores], threshold: Threshold | None
) -> tuple[float, float]:
    """Range of a machine's score axis: nearly all scores, and the thresholds unless far away."""
    values = np.concatenate([part.scores for part in scores])
    low, high = (float(v) for v in np.quantile(values, [0.005, 0.995]))
    low, high = min(low, float(np.median(values))), max(high, float(np.median(values)))
    if threshold is not None:
        span = (high - low) or 1.0
        decided = threshold.of_all(scores)
        near = [value for value in decided if low - span <= value <= high + span]
        low, high = min(low, *near, high), max(high, *near, low)
    return _padded(low, high)


def domain_chart(machine: str, rows: Sequence[SectionResult]) -> Chart | None:
    """Draw AUC in the source against the target domain, a line for each section."""
    series = []
    sections = sorted({row.section for row in rows})
    for position, section in enumerate(sections):
        points = [
            (float(x), row.metrics.auc)
            for x, domain in enumerate(("source", "target"))
            for row in rows
            if (row.section, row.domain) == (section, domain) and row.metrics.auc is not None
        ]
        if points:
            x, y = zip(*points, strict=True)
            series.append(
                Series(
                    label=f"section {section}",
                    kind="line" if len(points) > 1 else "points",
                    x=x,
                    y=y,
                    tone=TONES[position % len(TONES)],
                )
            )
    if not any(len(s.x) > 1 for s in series):
        return None
    lowest = min(value for s in series for value in s.y)
    changes = [f"{s.label} {s.y[0]:.3f} to {s.y[1]:.3f}" for s in series if len(s.y) > 1]
    return Chart(
        name=f"domains_{slug(machine)}",
        title="AUC, source to target",
        description=f"AUC of {machine} from the source to the target domain: "
        + "; ".join(changes)
        + ".",
        x=Axis("domain", -0.25, 1.25, names=("source", "target")),
        y=Axis("AUC", min(0.4, lowest - 0.05), 1.02),
        series=tuple(series),
    )
