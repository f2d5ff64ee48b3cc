"""A table of recordings is a dataset: one row a clip."""

import sys
from pathlib import Path
from typing import Any

import pytest

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.types import Clip, Domain, Label, Split
from asd_cli.datasets.table import TableDataset


def write(folder: Path, text: str, name: str = "clips.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode())
    return path


def rows(path: Path, machine: str = "clips", split: Split = Split.TRAIN) -> tuple[Clip, ...]:
    return TableDataset(root=path).clips(machine, split)


def test_all_columns_are_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "path,start,duration,machine,split,label,section,domain,load\n"
        "day/Lüfter 1.WAV,10,5.5,fan,test,anomaly,00,target,3 kW\n"
        "/data/b.wav,,,fan,train,normal,,,\n"
        "c.wav,0,,pump,train,,,,\n",
    )
    dataset = TableDataset(root=path)
    assert dataset.machines() == ("fan", "pump")
    (first,) = dataset.clips("fan", Split.TEST)
    assert first == Clip(
        path=tmp_path / "day" / "Lüfter 1.WAV", start=10.0, duration=5.5, machine="fan",
        split=Split.TEST, label=Label.ANOMALY, recording="day/Lüfter 1.WAV",
        attributes={"section": "00", "domain": "target", "load": "3 kW"},
    )  # fmt: skip
    assert first.domain is Domain.TARGET
    assert first.name == "day/Lüfter 1.WAV#t=10,15.5"
    (second,) = dataset.clips("fan", Split.TRAIN)
    assert (second.path, second.start, second.duration) == (Path("/data/b.wav"), 0.0, None)
    assert (second.label, second.attributes) == (Label.NORMAL, {})
    (third,) = dataset.clips("pump", Split.TRAIN)
    assert (third.label, third.name) == (None, "c.wav")


def test_a_path_is_enough(tmp_path: Path) -> None:
    clips = rows(write(tmp_path, "path\nb.wav\na.wav\n"))
    assert [clip.name for clip in clips] == ["b.wav", "a.wav"]
    assert {clip.machine for clip in clips} == {"clips"}
    named = TableDataset(root=tmp_path / "clips.csv", machine="pump")
    assert named.machines() == ("pump",)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffpath,label\na.wav,normal\n",
        "path,label\r\na.wav,NORMAL\r\n",
        " path , label \n a.wav , 0 \n",
        'label,path\nnormal,"a.wav"\n',
        "path,label\n\na.wav,normal",
    ],
)
def test_harmless_differences_are_read(tmp_path: Path, text: str) -> None:
    (clip,) = rows(write(tmp_path, text))
    assert (clip.name, clip.label) == ("a.wav", Label.NORMAL)


@pytest.mark.parametrize(
    ("word", "label"),
    [("normal", Label.NORMAL), ("0", Label.NORMAL), ("anomaly", Label.ANOMALY),
     ("Anomalous", Label.ANOMALY), ("abnormal", Label.ANOMALY), ("1", Label.ANOMALY), ("", None)],
)  # fmt: skip
def test_labels_as_people_write_them(tmp_path: Path, word: str, label: Label | None) -> None:
    (clip,) = rows(write(tmp_path, f"path,label\na.wav,{word}\n"))
    assert clip.label is label


def test_malformed_rows_are_all_listed_with_their_lines(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "path,start,duration,split,label\n"
        "a.wav,,,train,normal\n"
        ",,,train,normal\n"
        "b.wav,-1,,,\n"
        "c.wav,soon,,,\n"
        "d.wav,0,0,,\n"
        "e.wav,,inf,,\n"
        "f.wav,,,validation,\n"
        "g.wav,,,,broken\n"
        "\n"
        "h.wav,nan,,,\n",
    )
    with pytest.raises(ProblemsError, match="8 rows of") as caught:
        rows(path)
    assert caught.value.problems == tuple(
        f"{path}:{line}: {words}"
        for line, words in (
            (3, "there is no path"),
            (4, "start is '-1', not a number of seconds"),
            (5, "start is 'soon', not a number of seconds"),
            (6, "duration is '0', not a number of seconds"),
            (7, "duration is 'inf', not a number of seconds"),
            (8, "the split 'validation' is neither train nor test"),
            (9, "the label 'broken' is neither normal nor anomaly"),
            (11, "start is 'nan', not a number of seconds"),
        )
    )
    assert "path, start, duration" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file\na.wav\n", r"clips\.csv:1: there is no column called path"),
        ("", r"clips\.csv:1: there is no column called path"),
        ("path\n", "has no rows"),
    ],
)
def test_tables_without_clips_are_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        rows(write(tmp_path, text))
    assert caught.value.hint


def test_tables_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.csv cannot be read"):
        rows(tmp_path / "none.csv")
    latin = tmp_path / "latin.csv"
    latin.write_bytes("path\nLüfter.wav\n".encode("latin-1"))
    with pytest.raises(DataError, match="cannot be read") as caught:
        rows(latin)
    assert caught.value.hint == "save it as CSV in UTF-8"


def test_a_split_without_clips_names_the_machines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no test clips of fan") as caught:
        rows(write(tmp_path, "path,machine\na.wav,fan\nb.wav,pump\n"), "fan", Split.TEST)
    assert caught.value.hint == "its machines: fan, pump"


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pyarrow", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(DataError, match="reading Parquet needs pyarrow") as caught:
        rows(write(tmp_path, "PAR1", "clips.PARQUET"))
    assert "pip install pyarrow" in str(caught.value.hint)


def test_parquet_is_read_as_a_table_of_text_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    frame = pd.DataFrame(
        {"path": ["a.wav", "b.wav"], "start": [2.5, None], "label": [1, 0], "load": [None, "3"]}
    )

    def read(path: Path) -> Any:
        return frame

    monkeypatch.setattr(pd, "read_parquet", read)
    first, second = rows(tmp_path / "clips.parquet")
    assert (first.start, first.label, first.attributes) == (2.5, Label.ANOMALY, {})
    assert (second.start, second.label, second.attributes) == (0.0, Label.NORMAL, {"load": "3"})
