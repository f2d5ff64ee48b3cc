import os
import shutil
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.types import Domain, Label, Mode, Split
from asd_cli.datasets.dcase.editions import edition_names, load_edition
from asd_cli.datasets.dcase.folders import find_machines, list_clips
from asd_cli.datasets.dcase.names import parse_clip_name, read_name
from tests.support.recordings import write_machine

EDITION = load_edition()


def test_the_edition_of_2021() -> None:
    assert EDITION.machines == ("ToyCar", "ToyTrain", "fan", "gearbox", "pump", "slider", "valve")
    assert EDITION.sections[Mode.EVAL] == ("03", "04", "05")
    assert EDITION.stages["dev"].record == 4562016
    assert "dcase2021" in edition_names()


def test_an_unknown_edition_is_named() -> None:
    with pytest.raises(UsageError, match="no edition 'dcase1999'"):
        load_edition("dcase1999")


def test_a_training_name() -> None:
    path = Path("x/section_02_target_train_normal_0002_strenght_1_ambient_None.wav")
    clip = parse_clip_name(path, machine="fan")
    assert (clip.section, clip.domain, clip.split, clip.label, read_name(clip.name).number, (clip.condition or "")) == (
        "02", Domain.TARGET, Split.TRAIN, Label.NORMAL, 2, "strenght_1_ambient_None",
    )  # fmt: skip


def test_an_evaluation_name_has_no_label() -> None:
    clip = parse_clip_name(Path("section_03_source_test_0199.wav"), machine="fan")
    assert clip.label is None
    assert read_name(clip.name).number == 199


@pytest.mark.parametrize(
    "name",
    [
        "section_0_source_test_normal_0000.wav",
        "section_00_middle_test_normal_0000.wav",
        "section_00_source_test_normal_0000.txt",
        "section_00_source_test_normal_anomaly_0000.wav",
        "section_00_source_train_normal_0000_anomaly.wav",
        "normal_id_01_00000000.wav",
        "section_00_source_test_normal_0000.wav.part",
    ],
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"is not a clip name like|more than one label"):
        parse_clip_name(Path(name), machine="fan")


def test_clips_come_as_the_baseline_writes_them(tmp_path: Path) -> None:
    write_machine(tmp_path, test=2)
    clips = list_clips(tmp_path, "fan", "source_test", mode=Mode.DEV, edition=EDITION)
    assert [clip.name for clip in clips] == [
        f"section_{section}_source_test_{label}_000{number}.wav"
        for section in ("00", "01")
        for label in ("normal", "anomaly")
        for number in (0, 1)
    ]


@pytest.mark.parametrize("folder", ["[data]", "section_07_x", "with space", "*?"])
def test_strange_folders_do_not_confuse_sections(tmp_path: Path, folder: str) -> None:
    write_machine(tmp_path / folder)
    clips = list_clips(tmp_path / folder, "fan", "train", mode=Mode.DEV, edition=EDITION)
    assert {clip.section for clip in clips} == {"00", "01"}
    assert len(clips) == 16


def test_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"daten\xff")
    write_machine(folder)
    assert len(list_clips(folder, "fan", "train", mode=Mode.DEV, edition=EDITION)) == 16


def test_every_problem_of_a_folder_is_listed_at_once(tmp_path: Path) -> None:
    folder = write_machine(tmp_path) / "train"
    original = next(folder.iterdir())
    for name in (
        "section_00_source_train_anomaly_0050.wav",
        "section_00_source_test_normal_0051.wav",
        "holiday.wav",
        "section_00_source_train_normal_0000_other.wav",
    ):
        shutil.copy(original, folder / name)
    (folder / "._section_00_source_train_normal_0000.wav").touch()
    (folder / "notes.txt").touch()
    with pytest.raises(ProblemsError, match="4 files that do not belong") as caught:
        list_clips(tmp_path, "fan", "train", mode=Mode.DEV, edition=EDITION)
    text = "\n".join(caught.value.problems)
    for words in ("only normal clips", "a test clip in a train folder", "holiday.wav",
                  "same section, domain, label and number"):  # fmt: skip
        assert words in text


def test_a_clip_in_the_other_domains_folder(tmp_path: Path) -> None:
    folder = write_machine(tmp_path)
    name = "section_00_source_test_normal_0000.wav"
    shutil.move(folder / "source_test" / name, folder / "target_test" / name)
    with pytest.raises(ProblemsError) as caught:
        list_clips(tmp_path, "fan", "target_test", mode=Mode.DEV, edition=EDITION)
    assert "source domain in the folder of the target domain" in caught.value.problems[0]


def test_development_clips_need_labels_and_evaluation_clips_do_not(tmp_path: Path) -> None:
    write_machine(tmp_path, labels=False)
    assert len(list_clips(tmp_path, "fan", "source_test", mode=Mode.EVAL, edition=EDITION)) == 12
    with pytest.raises(ProblemsError, match="do not belong"):
        list_clips(tmp_path, "fan", "source_test", mode=Mode.DEV, edition=EDITION)


def test_machines_are_found_and_near_names_suggested(tmp_path: Path) -> None:
    for machine in ("pump", "fan"):
        write_machine(tmp_path, machine, sections=("00",), train=1, test=1)
    (tmp_path / "notes").mkdir()
    assert find_machines(tmp_path, EDITION) == ("fan", "pump")
    assert find_machines(tmp_path, EDITION, ["pump"]) == ("pump",)
    with pytest.raises(UsageError, match="no machine 'pmup'") as caught:
        find_machines(tmp_path, EDITION, ["pmup"])
    assert "did you mean 'pump'" in str(caught.value.hint)


def test_missing_folders_name_the_command_that_brings_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data folder") as caught:
        find_machines(tmp_path / "none", EDITION)
    assert "asd fetch --stage dev" in str(caught.value.hint)
    with pytest.raises(DataError, match="holds no machine"):
        find_machines(tmp_path, EDITION)
    (tmp_path / "fan").mkdir()
    write_machine(tmp_path, "pump", sections=("00",), train=1, test=1)
    with pytest.raises(DataError, match="folder of one machine") as caught:
        find_machines(tmp_path / "pump", EDITION)
    assert f"dev_directory={tmp_path} --machine pump" in str(caught.value.hint)
    with pytest.raises(DataError, match="no folder") as caught:
        list_clips(tmp_path, "fan", "train", mode=Mode.EVAL, edition=EDITION)
    assert "asd fetch --stage eval-train --machine fan" in str(caught.value.hint)
