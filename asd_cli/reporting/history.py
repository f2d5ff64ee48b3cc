"""The losses of a training run, as a table and as a picture."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class LossCurve:
    """One loss of one network over the epochs.

    Attributes
    ----------
    label : str
        ``training``, ``validation``; with the number of the network where there are several.
    validation : bool
        Whether it is of clips that were left out of training.
    epochs, losses : tuple of float
        One value for each epoch.
    """

    label: str
    validation: bool
    epochs: tuple[float, ...]
    losses: tuple[float, ...]


def loss_curves(history: Sequence[Mapping[str, float]]) -> Iterator[LossCurve]:
    """Split a history into curves; networks that are trained one after the other begin at epoch 1.

    Examples
    --------
    >>> rows = [{"epoch": 1, "loss": 2.0, "network": n} for n in (1, 2)]
    >>> [curve.label for curve in loss_curves(rows)]
    ['training, network 1', 'training, network 2']
    """
    for network in sorted({row.get(_NETWORK, 0) for row in history}):
        rows = [row for row in history if row.get(_NETWORK, 0) == network]
        for key, what in (("loss", "training"), ("val_loss", "validation")):
            points = [(row["epoch"], row[key]) for row in rows if key in row]
            if points:
                label = f"{what}, network {network:g}" if network else what
                epochs, losses = zip(*points, strict=True)
                yield LossCurve(label, key == "val_loss", epochs, losses)


def plot_history(history: Sequence[Mapping[str, float]], path: Path, *, title: str) -> None:
    """Draw the loss of training and validation over the epochs as a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for curve in loss_curves(history):
        axes.plot(curve.epochs, curve.losses, marker=".", label=curve.label)
    axes.set(title=title, xlabel="epoch", ylabel="loss (cross-entropy)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(path) as temporary:
        # Without the library's version in the file, the same losses give the same bytes.
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
