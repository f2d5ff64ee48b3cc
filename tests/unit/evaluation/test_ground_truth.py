"""Official labels in the forms that the evaluators of all editions read, and damaged ones."""

from pathlib import Path

import pytest

from asd_cli.artifacts.score_files import ScoreFileKey, ScoreTable, find_score_files
from asd_cli.core.errors import DataError
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.evaluation.labels import truth_from_files, truth_from_names

E2020, E2022, E2023 = (load_edition(f"dcase{year}") for year in (2020, 2022, 2023))


def table(*names: str, section: str = "03") -> ScoreTable:
    key = ScoreFileKey("fan", section, None)
    return ScoreTable(key, Path("scores.csv"), dict.fromkeys(names, 0.5), None)


LIST = """fan
id_01_00000000.wav,normal_id_01_00000000.wav,0
id_01_00000001.wav,anomaly_id_01_00000000.wav,1
id_03_00000000.wav,normal_id_03_00000000.wav,0
pump
id_01_00000000.wav,anomaly_id_01_00000000.wav,1
"""


@pytest.mark.parametrize("text", [LIST, "\ufeff" + LIST.replace("\n", "\r\n"), LIST.replace("fan\n", "fan,,\n\n")])  # fmt: skip
def test_the_list_of_2020(tmp_path: Path, text: str) -> None:
    (tmp_path / "eval_data_list.csv").write_text(text)
    scores = table("id_01_00000001.wav", "id_01_00000000.wav", section="01")
    truth = truth_from_files(scores, tmp_path, E2020)
    assert truth.labels == {"id_01_00000000.wav": 0, "id_01_00000001.wav": 1}
    assert truth.domains is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("001.wav,anomaly_id_01_00000000.wav,1", "001.wav,anomaly_id_01_00000000.wav,2", ":3: '2' for"),
        ("id_01_00000001.wav,", "id_01_00000000.wav,", ":3: id_01_00000000.wav is there twice"),
        ("id_03_00000000.wav,normal_id_03_00000000.wav,0", "id_03_00000000.wav,0", ":4: '0' is not a clip name"),
        ("id_03_00000000.wav,", "song.wav,", ":4: .*song.wav"),
        ("fan\n", "fna\n", "no labels of fan, id 01"),
        ("id_01_00000001.wav,anomaly_id_01_00000000.wav,1\n", "", "scores.csv:2: id_01_00000001.wav is not"),
    ],
)  # fmt: skip
def test_damaged_lists_of_2020(tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "eval_data_list.csv").write_text(LIST.replace(old, new, 1))
    scores = table("id_01_00000000.wav", "id_01_00000001.wav", section="01")
    with pytest.raises(DataError, match=words):
        truth_from_files(scores, tmp_path, E2020)


FILE = "ground_truth_fan_section_03_test.csv"
NAMES = ("section_03_0000.wav", "section_03_0001.wav", "section_03_0002.wav")


def write_truth(folder: Path, labels: str = "011", domains: str = "001") -> Path:
    for kind, values in (("data", labels), ("domain", domains)):
        place = folder / f"ground_truth_{kind}"
        place.mkdir(parents=True, exist_ok=True)
        rows = (f"{name},{value}\n" for name, value in zip(NAMES, values, strict=True))
        (place / FILE).write_text("".join(rows))
    return folder


def test_labels_and_domains_of_2022(tmp_path: Path) -> None:
    for named in (write_truth(tmp_path), tmp_path / "ground_truth_data"):
        truth = truth_from_files(table(*NAMES[::-1]), named, E2022)
        assert truth.labels == dict(zip(NAMES, (0, 1, 1), strict=True))
        assert truth.domains == dict(zip(NAMES, ("source", "source", "target"), strict=True))


def test_labels_without_domains_are_not_enough(tmp_path: Path) -> None:
    (write_truth(tmp_path) / "ground_truth_domain" / FILE).unlink()
    with pytest.raises(DataError, match="there are no domains") as caught:
        truth_from_files(table(*NAMES), tmp_path, E2022)
    assert "side by side" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("labels", "domains", "words"),
    [
        ("012", "001", r"ground_truth_data/.*:3: '2' for"),
        ("011", "00x", r"ground_truth_domain/.*:3: 'x' for"),
    ],
)
def test_damaged_labels_of_2022(tmp_path: Path, labels: str, domains: str, words: str) -> None:
    write_truth(tmp_path, labels, domains)
    with pytest.raises(DataError, match=words):
        truth_from_files(table(*NAMES), tmp_path, E2022)


def test_domains_of_other_clips(tmp_path: Path) -> None:
    path = write_truth(tmp_path) / "ground_truth_domain" / FILE
    path.write_text(path.read_text().replace("0002", "0003"))
    with pytest.raises(DataError, match=r"section_03_0002.wav is in .*data.* and not in .*domain"):
        truth_from_files(table(*NAMES), tmp_path, E2022)


def test_missing_labels_say_where_they_are_published(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no labels") as caught:
        truth_from_files(table(*NAMES), tmp_path, E2022)
    assert "github.com/Kota-Dohi/dcase2022_evaluator" in str(caught.value.hint)
    assert "--ground-truth DIR" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("section_03_0000.wav", "no label in its name"),
        ("section_04_source_test_normal_0000.wav", "is not of section 03"),
        ("section_03_source_test_0000.wav", "is not a clip name like"),
    ],
)
def test_names_without_the_truth(name: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        truth_from_names(table(name), E2022)


def test_names_of_another_edition_say_which() -> None:
    with pytest.raises(DataError) as caught:
        truth_from_names(table("normal_id_03_00000000.wav"), E2022)
    assert str(caught.value.hint).endswith("this one is as in: --edition dcase2020")


def test_files_of_the_baseline_of_2023_are_read(tmp_path: Path) -> None:
    long = "anomaly_score_DCASE2023T2bandsaw_section_00_test_seed13711_id(0_)_Eval.csv"
    (tmp_path / long).touch()
    key = ScoreFileKey("bandsaw", "00", None)
    assert find_score_files(tmp_path, E2023.score_files) == {key: tmp_path / long}
    (tmp_path / "anomaly_score_bandsaw_section_00_test.csv").touch()
    with pytest.raises(DataError, match=r"are both of bandsaw, section 00"):
        find_score_files(tmp_path, E2023.score_files)
