"""Losses survive the file they are written into, and several networks have several curves."""

from pathlib import Path

from asd_cli.reporting.charts import loss_chart
from asd_cli.reporting.history import history_csv, plot_history, read_history

ONE = [{"epoch": 1.0, "loss": 2.0, "val_loss": 2.5}, {"epoch": 2.0, "loss": 1.0, "val_loss": 1.5}]
TWO = [{"epoch": e, "loss": e / n, "network": n} for n in (1.0, 2.0) for e in (1.0, 2.0)]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "history.csv"
    for history, columns in ((ONE, "epoch,loss,val_loss"), (TWO, "network,epoch,loss,val_loss")):
        path.write_text(history_csv(history), encoding="utf-8")
        assert path.read_text(encoding="utf-8").startswith(columns + "\n")
        assert read_history(path) == history
    assert read_history(tmp_path / "none.csv") == []


def test_each_network_has_a_curve_of_its_own() -> None:
    chart = loss_chart("fan", TWO)
    assert chart is not None
    assert [(s.label, s.x, s.y) for s in chart.series] == [
        ("training, network 1", (1.0, 2.0), (1.0, 2.0)),
        ("training, network 2", (1.0, 2.0), (0.5, 1.0)),
    ]
    assert "over 2 epochs" in chart.description


def test_one_network_has_no_number() -> None:
    chart = loss_chart("fan", ONE)
    assert chart is not None
    assert [(s.label, s.dashed) for s in chart.series] == [
        ("training", False),
        ("validation", True),
    ]
    assert loss_chart("fan", []) is None


def test_a_picture_is_written(tmp_path: Path) -> None:
    plot_history(TWO, tmp_path / "history.png", title="fan")
    assert (tmp_path / "history.png").read_bytes().startswith(b"\x89PNG")
