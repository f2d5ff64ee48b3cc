"""Recordings of own machines: found, grouped, cut."""

from pathlib import Path

import pytest

from asd_cli.audio.formats import AudioInfo
from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.types import GROUP, Label, Split
from asd_cli.pipeline.own.groups import Groups
from asd_cli.pipeline.own.intake import (
    common_rate,
    cut,
    require_usable,
    take_in,
    unfit,
)
from tests.support.fan import fan, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "Halle 3"
    write(root / "Montag" / "früh 1.wav", fan(2.0, 16000, 1), 16000)
    write(root / "Montag" / "spät.FLAC", fan(3.0, 22050, 2), 22050, stereo=True)
    write(root / "Dienstag" / "früh 1.ogg", fan(2.5, 16000, 3), 16000)
    write(root / "anomaly" / "kaputt.mp3", fan(2.0, 16000, 4), 16000)
    return root


def test_any_name_depth_and_container_is_found(folder: Path) -> None:
    found = take_in([folder], "fan", split=Split.TRAIN)
    names = [recording.whole.recording for recording in found.recordings]
    assert names == [
        "Dienstag/früh 1.ogg", "Montag/früh 1.wav", "Montag/spät.FLAC", "anomaly/kaputt.mp3",
    ]  # fmt: skip
    assert [round(r.seconds, 1) for r in found.recordings] == [2.5, 2.0, 3.0, 2.0]
    assert not found.problems


def test_recordings_of_faults_are_not_trained_on(folder: Path) -> None:
    found = take_in([folder], "fan", split=Split.TRAIN).only(Label.NORMAL)
    assert all(r.whole.path.name != "kaputt.mp3" for r in found.recordings)
    assert len(found.recordings) == 3


def test_an_unreadable_file_is_a_problem_and_not_left_out_silently(folder: Path) -> None:
    (folder / "Montag" / "leer.wav").write_bytes(b"")
    found = take_in([folder], "fan", split=Split.TRAIN)
    assert [p for p in found.problems if "leer.wav" in p]
    with pytest.raises(ProblemsError) as caught:
        require_usable(found, [], skip_bad=False)
    assert any("leer.wav" in problem for problem in caught.value.problems)
    assert require_usable(found, [], skip_bad=True) == found.problems


def test_files_of_several_sources_keep_names_apart(folder: Path) -> None:
    found = take_in([folder / "Montag", folder / "Dienstag"], "fan", split=Split.TRAIN)
    names = {recording.whole.recording for recording in found.recordings}
    assert names == {"Montag/früh 1.wav", "Montag/spät.FLAC", "Dienstag/früh 1.ogg"}


def test_groups_by_folder_and_by_table(folder: Path, tmp_path: Path) -> None:
    by_folder = take_in([folder], "fan", split=Split.TRAIN, groups=Groups.read("folders"))
    assert len({r.whole.attributes[GROUP] for r in by_folder.recordings}) == 3
    table = tmp_path / "groups.csv"
    table.write_text("path,group\nMontag/früh 1.wav,cold\nspät.FLAC,warm\n", encoding="utf-8")
    found = take_in([folder], "fan", split=Split.TRAIN, groups=Groups.read(str(table)))
    groups = {r.whole.path.name: r.whole.attributes.get(GROUP) for r in found.recordings}
    assert groups["spät.FLAC"] == "warm"
    assert groups["kaputt.mp3"] is None


@pytest.mark.parametrize("content", ["", "path\na.wav\n"])
def test_a_table_of_groups_without_its_columns_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "groups.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="path and group"):
        Groups.read(str(path))
    with pytest.raises(DataError, match="cannot be read"):
        Groups.read(str(tmp_path / "none.csv"))


def test_a_table_names_parts_and_its_single_machine_may_be_called_otherwise(folder: Path) -> None:
    table = folder / "clips.csv"
    table.write_text(
        "path,start,duration,machine\nMontag/früh 1.wav,0.5,1,M7\nMontag/spät.FLAC,,,M7\n",
        encoding="utf-8",
    )
    found = take_in([table], "fan-3", split=Split.TRAIN)
    assert [r.seconds for r in found.recordings] == [1.0, pytest.approx(3.0, abs=0.01)]
    assert {r.whole.machine for r in found.recordings} == {"fan-3"}


def info(rate: int, channels: int = 1) -> AudioInfo:
    return AudioInfo(
        container="WAV", subtype="PCM_16", sample_rate=rate, channels=channels, n_samples=rate
    )


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ([16000] * 5, 16000),
        ([48000] * 19 + [16000], 48000),  # 95 % have it: the other one lacks what is above 8 kHz
        ([48000] * 18 + [16000] * 2, 16000),
        ([44100, 48000], 44100),
    ],
)
def test_the_rate_is_the_highest_that_nearly_all_have(rates: list[int], expected: int) -> None:
    assert common_rate([info(rate) for rate in rates]) == expected


def test_recordings_of_a_lower_rate_or_without_the_channel_are_named(folder: Path) -> None:
    found = take_in([folder], "fan", split=Split.TRAIN)
    assert sum(bool(unfit(recording, 22050, "mean")) for recording in found.recordings) == 3
    reasons = [unfit(recording, 8000, 1) for recording in found.recordings]
    assert any("früh 1.wav has 1 channel" in reason for reason in reasons)
    assert not any(unfit(recording, 8000, "mean") for recording in found.recordings)


def test_what_is_left_over_is_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", fan(5.0, 16000, 1), 16000)
    found = take_in([tmp_path], "fan", split=Split.TRAIN)
    cuts = cut(found, 2.2)
    assert [clip.name for clip in cuts.clips] == ["a.wav#t=0,2.2", "a.wav#t=2.2,4.4"]
    assert (cuts.ends, round(cuts.left_out_seconds, 2)) == (1, 0.6)
    whole = cut(found, 2.2, cover_end=True)
    assert whole.clips[-1].name == "a.wav#t=2.8,5"
    assert whole.ends == 0


def test_no_source_is_refused() -> None:
    with pytest.raises(UsageError, match="no recordings are named"):
        take_in([], "fan", split=Split.TRAIN)
