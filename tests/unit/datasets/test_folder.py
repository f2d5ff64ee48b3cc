"""Any folder of recordings is a dataset."""

from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, ProblemsError
from asd_cli.core.recordings import AUDIO_SUFFIXES, is_recording_name
from asd_cli.core.types import GROUP, Label, Split
from asd_cli.datasets.folder import FolderDataset
from asd_cli.datasets.recordings import find_recordings


def touch(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return root


def names_of(dataset: FolderDataset) -> list[str]:
    root = dataset.root
    clips = dataset.clips(dataset.machines()[0], Split.TEST)
    return [str(clip.path.relative_to(root)) for clip in clips]


def test_any_names_and_depths_are_read_and_sorted(tmp_path: Path) -> None:
    names = ["Lüfter groß.WAV", "a b'c.Flac", "deep/er/#1 (copy).mp3", "z=1&2.ogg", "日本.wav"]
    root = touch(tmp_path / "Prüfstand 3", *names, "notes.txt", ".hidden.wav", "no_suffix")
    dataset = FolderDataset(root=root)
    assert dataset.machines() == ("Prüfstand 3",)
    assert set(names_of(dataset)) == set(names)
    assert names_of(dataset) == sorted(names, key=Path)
    (clip,) = (c for c in dataset.clips("Prüfstand 3", Split.TRAIN) if c.name.startswith("L"))
    assert (clip.machine, clip.split, clip.label) == ("Prüfstand 3", Split.TRAIN, None)
    assert (clip.name, clip.attributes) == ("Lüfter groß.WAV", {})


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
def test_suffixes_count_in_upper_and_lower_case(suffix: str) -> None:
    assert is_recording_name(Path(f"a{suffix}"))
    assert is_recording_name(Path(f"a{suffix.upper()}"))
    assert not is_recording_name(Path(f"a{suffix}.txt"))


def test_a_folder_that_is_called_as_a_recording_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "folder.wav/inside.wav")
    assert find_recordings(tmp_path) == [tmp_path / "folder.wav" / "inside.wav"]


def test_a_single_file_is_a_dataset(tmp_path: Path) -> None:
    path = touch(tmp_path, "one.bin") / "one.bin"
    (clip,) = FolderDataset(root=path, machine="fan", group_by_folder=True).clips("fan", Split.TEST)
    assert (clip.path, clip.attributes) == (path, {GROUP: "."})


def test_sub_folders_are_groups_where_they_are_asked_for(tmp_path: Path) -> None:
    touch(tmp_path, "a.wav", "monday/b.wav", "tuesday/late/c.wav")
    grouped = FolderDataset(root=tmp_path, machine="fan", group_by_folder=True)
    found = {clip.name: dict(clip.attributes) for clip in grouped.clips("fan", Split.TRAIN)}
    assert found == {
        "a.wav": {GROUP: "."}, "monday/b.wav": {GROUP: "monday"},
        "tuesday/late/c.wav": {GROUP: "tuesday/late"},
    }  # fmt: skip
    plain = FolderDataset(root=tmp_path, machine="fan").clips("fan", Split.TRAIN)
    assert [clip.attributes for clip in plain] == [{}, {}, {}]


def test_sub_folders_give_labels(tmp_path: Path) -> None:
    root = touch(
        tmp_path / "anomaly",  # the root's own name says nothing
        "a.wav", "normal/b.wav", "Anomaly/c.wav", "abnormal/day1/d.wav", "normal/anomaly/e.wav",
        "abnormally/f.wav",
    )  # fmt: skip
    clips = FolderDataset(root=root, machine="fan").clips("fan", Split.TEST)
    assert {clip.name: clip.label for clip in clips} == {
        "a.wav": None, "normal/b.wav": Label.NORMAL, "Anomaly/c.wav": Label.ANOMALY,
        "abnormal/day1/d.wav": Label.ANOMALY, "normal/anomaly/e.wav": Label.ANOMALY,
        "abnormally/f.wav": None,
    }  # fmt: skip


def test_long_recordings_are_cut(tmp_path: Path) -> None:
    lengths = {"short.wav": 7.0, "long.wav": 26.0, "other.wav": 22.0}
    dataset = FolderDataset(
        root=touch(tmp_path, *lengths),
        machine="fan",
        clip_seconds=10.0,
        read_duration=lambda path: lengths[path.name],
    )
    assert [clip.name for clip in dataset.clips("fan", Split.TRAIN)] == [
        "long.wav#t=0,10", "long.wav#t=10,20", "long.wav#t=20,26",
        "other.wav#t=0,10", "other.wav#t=10,20", "short.wav",
    ]  # fmt: skip


def test_recordings_that_cannot_be_read_are_all_listed(tmp_path: Path) -> None:
    def refuse(path: Path) -> float:
        if "bad" in path.name:
            raise DataError(f"{path} is no recording")
        return 30.0

    dataset = FolderDataset(
        root=touch(tmp_path, "bad1.wav", "good.wav", "bad2.wav"), machine="fan",
        clip_seconds=10.0, read_duration=refuse,
    )  # fmt: skip
    with pytest.raises(ProblemsError, match="2 of 3 recordings") as caught:
        dataset.clips("fan", Split.TRAIN)
    assert caught.value.problems == tuple(
        f"{tmp_path / name} is no recording" for name in ("bad1.wav", "bad2.wav")
    )
    assert "--skip-bad" in str(caught.value.hint)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file or folder"):
        FolderDataset(root=tmp_path / "none", machine="fan").clips("fan", Split.TRAIN)
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match="holds no recordings"):
        FolderDataset(root=tmp_path, machine="fan").clips("fan", Split.TRAIN)
    with pytest.raises(DataError, match="holds recordings of fan, not of pump") as caught:
        FolderDataset(root=tmp_path, machine="fan").clips("pump", Split.TRAIN)
    assert caught.value.hint == "name it: --machine fan"


def test_recordings_of_one_file_name_have_names_of_their_own(tmp_path: Path) -> None:
    touch(tmp_path, "monday/0700.wav", "tuesday/0700.wav")
    clips = FolderDataset(root=tmp_path, machine="fan").clips("fan", Split.TRAIN)
    assert [clip.name for clip in clips] == ["monday/0700.wav", "tuesday/0700.wav"]


def test_a_length_of_clips_that_cannot_be_applied_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read_duration"):
        FolderDataset(root=tmp_path, clip_seconds=10.0)
