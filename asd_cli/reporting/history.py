"""The losses of a training run, as a table and as a picture."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from asd_cli.core.files import atomic_path

_COLUMNS = ("epoch", "loss", "val_loss")
_NETWORK = "network"  # one of several networks of a detector, trained one after the other


def history_csv(history: Sequence[Mapping[str, float]]) -> str:
    """Write one row an epoch: ``epoch,loss,val_loss``, and ``network`` where there are several."""
    text = io.StringIO()
    several = any(_NETWORK in row for row in history)
    columns = (_NETWORK, *_COLUMNS) if several else _COLUMNS
    writer = csv.DictWriter(text, columns, lineterminator="\n", restval="")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def read_history(path: Path) -> list[dict[str, float]]:
    """Read what `history_csv` wrote; empty where there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [{key: float(value) for key, value in row.items() if value} for row in rows]


def plot_history(history: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw the loss of training and validation over the epochs as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for key, label in (("loss", "training"), ("val_loss", "validation")):
        points = [(row["epoch"], row[key]) for row in history if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), marker=".", label=label)
    axes.set(title=title, xlabel="epoch", ylabel="loss (cross-entropy)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(path) as temporary:
        # Without the library's version in the file, the same losses give the same bytes.
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
