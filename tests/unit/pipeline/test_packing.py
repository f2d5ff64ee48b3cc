"""Shards: what is packed is what was there, and it is read as the folder was."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio.decoding import decode, read_file
from asd_cli.audio.formats import AudioFormat
from asd_cli.core.errors import DataError, ProblemsError, UsageError
from asd_cli.core.places import place_signature
from asd_cli.core.shards import index_path, read_index
from asd_cli.core.types import Label, Mode, Split
from asd_cli.datasets.dcase.dataset import DcaseDataset
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.folder import FolderDataset
from asd_cli.services.pack import PackedShards, PackRequest, pack
from tests.support.editions import write_edition
from tests.support.recordings import tone, write_machine, write_wav

FORMAT = AudioFormat(sample_rate=16000)


def packed(
    source: Path, folder: Path, *, megabytes: float = 0.3, **changes: object
) -> PackedShards:
    request = PackRequest(
        sources=(source,), output=f"{folder}/{{000000..}}.tar",
        shard_bytes=int(megabytes * 1e6), jobs=1, **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    return pack(request)


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_members_are_pairs_and_their_bytes_are_those_of_the_files(tmp_path: Path) -> None:
    data = write_machine(tmp_path / "data", "fan").parent
    found = packed(data, tmp_path / "shards")
    files = {p.relative_to(data).as_posix(): p.read_bytes() for p in data.rglob("*.wav")}
    assert found.files == len(files)
    assert len(found.shards) > 2
    members: dict[str, bytes] = {}
    for shard in found.shards:
        with tarfile.open(shard) as archive:
            members |= {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]
        index = read_index(shard)
        content = shard.read_bytes()
        for name, member in index.items():
            assert content[member.offset : member.offset + member.size] == files[name]
            assert read_file(shard / member.member) == files[name]
    assert {name: c for name, c in members.items() if name.endswith(".wav")} == files
    facts = json.loads(members["fan/train/section_00_source_train_normal_0000_speed_1.json"])
    assert facts["name"] == "fan/train/section_00_source_train_normal_0000_speed_1.wav"
    assert len(members) == 2 * len(files)


def test_the_same_recordings_give_the_same_bytes_and_what_is_there_is_kept(tmp_path: Path) -> None:
    data = write_machine(tmp_path / "data", "fan").parent
    first = packed(data, tmp_path / "shards")
    before = bytes_in(tmp_path / "shards")
    assert packed(data, tmp_path / "shards").written == 0
    first.shards[1].unlink()
    index_path(first.shards[2]).unlink()
    again = packed(data, tmp_path / "shards")
    assert (again.written, again.shards) == (2, first.shards)
    assert bytes_in(tmp_path / "shards") == before


def test_shards_of_another_packing_are_not_left_between_those_of_this_one(tmp_path: Path) -> None:
    data = write_machine(tmp_path / "data", "fan").parent
    packed(data, tmp_path / "shards")
    with pytest.raises(UsageError, match=r"000001\.tar is of another packing"):
        packed(data, tmp_path / "shards", megabytes=100)


def test_a_shard_is_read_without_its_index(tmp_path: Path) -> None:
    data = write_machine(tmp_path / "data", "fan").parent
    found = packed(data, tmp_path / "shards", flac=True)
    with_index = [read_index(shard) for shard in found.shards]
    for shard in found.shards:
        index_path(shard).unlink()
        shard.touch()
    assert [read_index(shard) for shard in found.shards] == with_index


@pytest.mark.parametrize("flac", [False, True])
def test_a_data_set_of_shards_is_that_of_the_folder(tmp_path: Path, flac: bool) -> None:
    edition = load_edition("dcase2024")
    write_edition(tmp_path / "data", edition, Mode.DEV, machines=("fan",), seconds=0.5)
    (tmp_path / "data" / "fan" / "attributes_00.csv").write_text("file_name,d1p,d1v\n")
    packed(tmp_path / "data", tmp_path / "shards", flac=flac)
    folder, shards = (
        DcaseDataset(tmp_path / name, edition, Mode.DEV) for name in ("data", "shards")
    )
    assert shards.machines() == folder.machines() == ("fan",)
    for split in Split:
        assert shards.has("fan", split)
        one, other = folder.clips("fan", split), shards.clips("fan", split)
        assert [clip.name for clip in one] == [clip.name for clip in other]
        assert [clip.attributes for clip in one] == [clip.attributes for clip in other]
        for a, b in zip(one, other, strict=True):
            first, second = (decode(read_file(c.path), c.path, FORMAT) for c in (a, b))
            np.testing.assert_array_equal(first, second)
            assert place_signature(b.path)[0] > 0


def test_own_recordings_in_shards_have_the_names_and_labels_of_the_folder(tmp_path: Path) -> None:
    for name in ("monday/a.wav", "monday/b.wav", "anomaly/c.wav"):
        write_wav(tmp_path / "data" / name, tone(440.0))
    packed(tmp_path / "data", tmp_path / "shards")
    one, other = (
        FolderDataset(root=tmp_path / name, machine="fan", group_by_folder=True).clips(
            "fan", Split.TRAIN
        )
        for name in ("data", "shards")
    )
    assert [(c.name, c.label, c.attributes) for c in one] == [
        (c.name, c.label, c.attributes) for c in other
    ]
    assert other[0].label is Label.ANOMALY


def test_a_tar_file_next_to_recordings_is_none_of_them(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", tone(440.0))
    with tarfile.open(tmp_path / "backup.tar", "w") as archive:
        archive.add(tmp_path / "a.wav", "old/a.wav")
    clips = FolderDataset(root=tmp_path, machine="fan").clips("fan", Split.TRAIN)
    assert [clip.name for clip in clips] == ["a.wav"]


def test_float_recordings_are_not_made_flac(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "data" / "a.wav", tone(440.0), subtype="FLOAT")
    (shard,) = packed(tmp_path / "data", tmp_path / "shards", flac=True).shards
    assert read_file(shard / "a.wav") == path.read_bytes()


def test_what_cannot_be_packed_is_said(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_wav(data / "a.wav", tone(440.0))
    (data / "a.flac").write_bytes((data / "a.wav").read_bytes())
    with pytest.raises(ProblemsError, match="1 of 2 files share a key") as caught:
        packed(data, tmp_path / "shards")
    assert caught.value.problems == ("a.wav and a.flac have one key, a",)
    (data / "a.flac").rename(data / "b.wav")
    (data / "b.wav").write_bytes(b"not a recording")
    with pytest.raises(DataError, match=r"b\.wav is not a recording"):
        packed(data, tmp_path / "shards", flac=True)
    assert not (tmp_path / "shards" / "000000.tar").exists()


@pytest.mark.parametrize("output", ["shards.tar", "{000..}.zip", "{a..b}.tar"])
def test_an_output_that_names_no_shards_is_refused(tmp_path: Path, output: str) -> None:
    write_wav(tmp_path / "a.wav", tone(440.0))
    with pytest.raises(UsageError, match="does not name shards"):
        pack(PackRequest(sources=(tmp_path,), output=output, shard_bytes=1000))


def test_numbers_that_do_not_suffice_are_refused(tmp_path: Path) -> None:
    for name in "abc":
        write_wav(tmp_path / "data" / f"{name}.wav", tone(440.0))
    with pytest.raises(UsageError, match="fewer shards than are needed"):
        pack(PackRequest(sources=(tmp_path / "data",), output="{0..1}.tar", shard_bytes=1000))


@pytest.mark.parametrize("damage", ["cut", "index", "no tar", "lost"])
def test_a_damaged_shard_is_named(tmp_path: Path, damage: str) -> None:
    write_wav(tmp_path / "data" / "a.wav", tone(440.0))
    (shard,) = packed(tmp_path / "data", tmp_path / "shards").shards
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:2000])
    elif damage == "index":
        index_path(shard).write_text('{"format": "asd.shard/1", "members": [["a.wav"]]}')
    elif damage == "no tar":
        index_path(shard).unlink()
        shard.write_bytes(b"\0" * 100 + b"x" * 1000)
    expected = {
        "cut": "000000.tar is cut short", "index": "000000.index.json is damaged",
        "no tar": "000000.tar is no tar file", "lost": "there is no b.wav",
    }  # fmt: skip
    with pytest.raises(DataError, match=expected[damage]):
        read_file(shard / ("b.wav" if damage == "lost" else "a.wav"))


def test_a_recording_in_two_shards_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.addfile(tarfile.TarInfo("a.wav"))
        (tmp_path / f"{number}.tar").write_bytes(content.getvalue())
    with pytest.raises(DataError, match=r"a\.wav is in .*0\.tar and in .*1\.tar"):
        FolderDataset(root=tmp_path, machine="fan").clips("fan", Split.TRAIN)
