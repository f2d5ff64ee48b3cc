"""The facts of the catalogue, and what is odd about some editions."""

from pathlib import Path

import pytest

from asd_cli.artifacts.score_files import SCORE_FILES
from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.types import Domain, Label, Mode, Split
from asd_cli.datasets.dcase.attributes import read_attributes
from asd_cli.datasets.dcase.editions import edition_names, load_edition
from asd_cli.datasets.dcase.folders import list_clips
from asd_cli.datasets.dcase.names import CLIP_NAMES, parse_clip_name, read_name
from tests.support.editions import write_edition
from tests.support.recordings import tone, write_wav

RECORDS = {
    "dcase2020": (3678171, 3727685, 3841772),
    "dcase2021": (4562016, 4660992, 4884786),
    "dcase2022": (6355122, 6462969, 6586456),
    "dcase2023": (7882613, 7830345, 7860847),
    "dcase2024": (10902294, 11259435, 11363076),
    "dcase2025": (15097779, 15392814, 15519362),
    "dcase2026": (19336329, 20151556, 20437238),
}
EVALUATED = {
    "dcase2020": 6, "dcase2021": 7, "dcase2022": 7, "dcase2023": 7, "dcase2024": 9, "dcase2025": 8,
    "dcase2026": 5,
}  # fmt: skip


def test_the_catalogue_is_whole() -> None:
    assert set(edition_names()) == set(RECORDS)
    for name in edition_names():
        edition = load_edition(name)
        assert edition.name == name
        stages = ("dev", "eval-train", "eval-test")
        assert tuple(edition.stages[stage].record for stage in stages) == RECORDS[name]
        assert ("ground-truth" in edition.stages) is (name == "dcase2021")
        assert len(edition.machines_of[Mode.EVAL]) == EVALUATED[name]
        assert edition.channel == (0 if name == "dcase2026" else None)
        for mode in Mode:
            machines = edition.machines_of[mode]
            assert list(machines) == sorted(machines)
            assert set(machines) <= set(edition.machines)


def test_what_has_a_default_in_the_code_is_what_the_catalogue_says_of_2021() -> None:
    assert load_edition().names == CLIP_NAMES
    assert load_edition().score_files[0] == SCORE_FILES


def test_machine_ids_of_2020_depend_on_the_machine() -> None:
    edition = load_edition("dcase2020")
    assert edition.sections_of("fan", Mode.DEV) == ("00", "02", "04", "06")
    assert edition.sections_of("ToyCar", Mode.EVAL) == ("05", "06", "07")
    assert edition.sections_of("ToyConveyor", Mode.DEV) == ("01", "02", "03")


@pytest.mark.parametrize(
    ("edition", "name", "facts"),
    [
        ("dcase2020", "normal_id_01_00000000.wav", ("01", None, Label.NORMAL, 0, "")),
        ("dcase2020", "anomaly_id_06_00000123.wav", ("06", None, Label.ANOMALY, 123, "")),
        ("dcase2020", "id_05_00000007.wav", ("05", None, None, 7, "")),
        ("dcase2022", "section_00_source_test_normal_0000_m-n_X.wav",
         ("00", Domain.SOURCE, Label.NORMAL, 0, "m-n_X")),
        ("dcase2022", "section_03_0199.wav", ("03", None, None, 199, "")),
        ("dcase2024", "section_00_target_normal_0091_weight35_BckgE.wav",
         ("00", Domain.TARGET, Label.NORMAL, 91, "weight35_BckgE")),
        ("dcase2026", "section_00_source_train_normal_0000_.wav",
         ("00", Domain.SOURCE, Label.NORMAL, 0, "")),
    ],
)  # fmt: skip
def test_names_as_they_were_published(edition: str, name: str, facts: tuple[object, ...]) -> None:
    names = load_edition(edition).names
    clip = parse_clip_name(Path(name), machine="x", names=names, split=Split.TRAIN)
    assert (
        clip.section,
        clip.domain,
        clip.label,
        read_name(clip.name, names).number,
        clip.condition or "",
    ) == facts


@pytest.mark.parametrize(
    ("edition", "name"),
    [
        ("dcase2020", "section_00_source_test_normal_0000.wav"),
        ("dcase2020", "normal_id_1_00000000.wav"),
        ("dcase2021", "section_03_0000.wav"),
        ("dcase2021", "normal_id_01_00000000.wav"),
        ("dcase2022", "section_00_target_normal_0091.wav"),
        ("dcase2022", "section_03_source_test_0000.wav"),
        ("dcase2025", "section_00_machine_0001_.wav"),
    ],
)
def test_names_of_other_editions_are_refused(edition: str, name: str) -> None:
    with pytest.raises(ValueError, match="is not a clip name like"):
        parse_clip_name(Path(name), machine="x", names=load_edition(edition).names)


def test_supplemental_recordings_are_neither_trained_on_nor_tested(tmp_path: Path) -> None:
    edition = load_edition("dcase2025")
    write_edition(tmp_path, edition, Mode.EVAL)
    machine = tmp_path / "Polisher"
    assert (machine / "supplemental").is_dir()
    clips = [
        clip
        for role in edition.folders
        for clip in list_clips(tmp_path, "Polisher", role, mode=Mode.EVAL, edition=edition)
    ]
    assert {clip.path.parent.name for clip in clips} == {"train", "test"}


def test_a_train_folder_takes_no_clip_without_a_label(tmp_path: Path) -> None:
    edition = load_edition("dcase2023")
    write_wav(tmp_path / "fan" / "train" / "section_00_0000.wav", tone(400, seconds=0.1))
    with pytest.raises(ProblemsError) as caught:
        list_clips(tmp_path, "fan", "train", mode=Mode.EVAL, edition=edition)
    assert "is not labelled normal" in caught.value.problems[0]


def test_hints_name_the_edition(tmp_path: Path) -> None:
    edition = load_edition("dcase2023")
    (tmp_path / "fan").mkdir()
    with pytest.raises(DataError, match="no folder") as caught:
        list_clips(tmp_path, "fan", "train", mode=Mode.DEV, edition=edition)
    assert caught.value.hint == "asd fetch --edition dcase2023 --stage dev --machine fan"


ATTRIBUTES = "file_name,d1p,d1v,d2p,d2v\n"


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("fan/train/a.wav,m-n,W,,", {"m-n": "W"}),
        ("fan/train/a.wav,car,A2,spd,28V", {"car": "A2", "spd": "28V"}),
        ("a.wav,noAttribute,,,", {}),
        ("a.wav,vel,12", {"vel": "12"}),
        ("a.wav", {}),
    ],
)
def test_attributes_are_read(tmp_path: Path, row: str, found: dict[str, str]) -> None:
    path = tmp_path / "attributes_00.csv"
    path.write_text("\ufeff" + ATTRIBUTES + row + "\n\n")
    assert read_attributes(path) == {"a.wav": found}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ":1: the heading file_name"),
        (b"a.wav,m-n,W\n", ":1: the heading file_name"),
        (b"\xff\xfe", "cannot be read"),
        (
            (ATTRIBUTES + "a.wav,x,1,,\nb.wav,x,1,,\na.wav,x,2,,\n").encode(),
            ":4: a.wav is there twice",
        ),
    ],
)
def test_damaged_attributes_are_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "attributes_00.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read_attributes(path)


def test_attributes_come_from_the_list_where_names_have_none(tmp_path: Path) -> None:
    edition, folder = load_edition("dcase2024"), tmp_path / "fan" / "train"
    for name in (
        "section_00_source_train_normal_0000_noAttribute.wav",
        "section_00_source_train_normal_0001_.wav",
        "section_00_source_train_normal_0002_m-n_Z.wav",
    ):
        write_wav(folder / name, tone(400, seconds=0.1))
    (tmp_path / "fan" / "attributes_00.csv").write_text(
        ATTRIBUTES + "fan/train/section_00_source_train_normal_0001_.wav,m-n,W,spd,2\n"
        "fan/train/section_00_source_train_normal_0002_m-n_Z.wav,m-n,W,,\n"
    )
    clips = list_clips(tmp_path, "fan", "train", mode=Mode.DEV, edition=edition)
    assert [clip.condition or "" for clip in clips] == ["", "m-n_W_spd_2", "m-n_Z"]
