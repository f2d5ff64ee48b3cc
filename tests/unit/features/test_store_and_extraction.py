import errno
import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asd_cli.audio.decoding import decode, read_file
from asd_cli.core.errors import ProblemsError, StorageError
from asd_cli.core.types import Clip, Mode
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.dcase.folders import list_clips
from asd_cli.execution.executor import SerialExecutor
from asd_cli.execution.processes import ProcessExecutor
from asd_cli.features import computation
from asd_cli.features import store as store_module
from asd_cli.features.extraction import Extraction, extract_features
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import find_stores, open_store, read_index, write_store
from asd_cli.features.store_index import StoreIndex
from tests.support.recordings import tone, write_machine, write_wav

RECIPE = FeatureParameters(n_mels=32)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    write_machine(tmp_path / "data", train=3)
    return list_clips(tmp_path / "data", "fan", "train", mode=Mode.DEV, edition=load_edition())


def run(
    clips: list[Clip], path: Path, recipe: FeatureParameters = RECIPE, **kwargs: Any
) -> Extraction:
    return extract_features(clips, path, recipe=recipe, executor=SerialExecutor(), **kwargs)


def stored(extraction: Extraction) -> Path:
    """Path of the store, which there must be."""
    assert extraction.path is not None
    return extraction.path


def index_of(path: Path) -> StoreIndex:
    index = read_index(path)
    assert index is not None
    return index


def test_the_store_holds_what_each_clip_gives_alone(clips: list[Clip], tmp_path: Path) -> None:
    write_wav(clips[1].path, tone(500.0, seconds=2.7))  # clips of unequal length
    result = run(clips, tmp_path / "s")
    store = open_store(stored(result), clips)
    assert (result.computed, result.reused, len(store)) == (len(clips), 0, len(clips))
    for index, clip in enumerate(clips):
        alone = log_mel(
            decode(read_file(clip.path), clip.path, RECIPE.audio_format), RECIPE, mel_basis(RECIPE)
        )
        np.testing.assert_array_equal(store[index], alone)
    assert isinstance(store.data, np.memmap)
    part = store.select([2, 0])
    np.testing.assert_array_equal(part[0], store[2])
    assert part.names == (clips[2].name, clips[0].name)


def test_processes_give_the_same_bytes(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stored(run(clips, tmp_path / "one"))
    monkeypatch.setattr(computation, "_CLIPS_PER_JOB", 2)
    with closing(ProcessExecutor(2, start_seconds=0.0)) as executor:
        found = extract_features(clips, tmp_path / "two", recipe=RECIPE, executor=executor)
    assert one.read_bytes() == stored(found).read_bytes()
    assert not list(tmp_path.glob(".*")), "what workers handed over is removed"


def test_processes_take_known_and_bad_clips_as_one_does(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "_CLIPS_PER_JOB", 3)
    write_wav(clips[1].path, tone(500.0, seconds=2.7))
    with closing(ProcessExecutor(2, start_seconds=0.0)) as executor:
        given: dict[str, Any] = {"recipe": RECIPE, "executor": executor, "skip_bad": True}
        extract_features(clips, tmp_path / "two", **given)
        clips[2].path.write_bytes(b"RIFF")
        write_wav(clips[0].path, tone(700.0, seconds=1.9))
        again = extract_features(clips, tmp_path / "two", **given)
    assert (again.computed, again.reused, len(again.skipped)) == (1, len(clips) - 2, 1)
    good = [clip for clip in clips if clip != clips[2]]
    one = stored(run(good, tmp_path / "one"))
    assert one.read_bytes() == stored(again).read_bytes()


def test_a_reader_that_stops_leaves_nothing_of_the_workers_behind(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "_CLIPS_PER_JOB", 1)

    def stop(_: int, name: str = "") -> None:
        if name == clips[1].name:
            raise KeyboardInterrupt

    with closing(ProcessExecutor(2, start_seconds=0.0)) as executor:
        given: dict[str, Any] = {"recipe": RECIPE, "executor": executor}
        with pytest.raises(KeyboardInterrupt):
            extract_features(clips, tmp_path / "s", **given, advance=stop)
        assert not list(tmp_path.glob(".*.tmp"))
        assert not extract_features(clips, tmp_path / "s", **given).up_to_date


def test_a_second_run_is_up_to_date_and_a_touch_changes_nothing(
    clips: list[Clip], tmp_path: Path
) -> None:
    path = stored(run(clips, tmp_path / "s"))
    before = path.stat().st_mtime_ns
    os.utime(clips[0].path, (1, 1))
    again = run(clips, tmp_path / "s")
    assert again.up_to_date
    assert again.reused == len(clips)
    assert path.stat().st_mtime_ns == before


def test_one_changed_byte_with_the_old_time_is_computed_again(
    clips: list[Clip], tmp_path: Path
) -> None:
    path = stored(run(clips, tmp_path / "s"))
    old = open_store(path, clips)
    old_rows, old_fingerprint = old[3].copy(), old.fingerprint
    status = clips[3].path.stat()
    content = bytearray(clips[3].path.read_bytes())
    content[-1] ^= 0x40
    clips[3].path.write_bytes(content)
    os.utime(clips[3].path, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = run(clips, tmp_path / "s")
    assert (result.computed, result.reused) == (1, len(clips) - 1)
    new = open_store(stored(result), clips)
    assert not np.array_equal(new[3], old_rows)
    assert new.fingerprint != old_fingerprint


def test_changed_parameters_compute_everything(clips: list[Clip], tmp_path: Path) -> None:
    run(clips, tmp_path / "s")
    assert run(clips, tmp_path / "s", FeatureParameters(n_mels=32, power=1.0)).computed == len(
        clips
    )
    assert run(clips, tmp_path / "s", force=True).computed == len(clips)


@pytest.mark.parametrize("damage", ["rows", "short", "index", "no index"])
def test_a_damaged_store_is_made_again(clips: list[Clip], tmp_path: Path, damage: str) -> None:
    path = stored(run(clips, tmp_path / "s"))
    good = path.read_bytes()
    if damage == "rows":
        path.write_bytes(good[:-5] + b"\x00\x01\x02\x03\x04")
    elif damage == "short":
        path.write_bytes(good[:-500])
    elif damage == "index":
        path.with_suffix(".json").write_text("{")
    else:
        path.with_suffix(".json").unlink()
    again = run(clips, tmp_path / "s")
    assert again.computed == len(clips)
    assert stored(again).read_bytes() == good


def test_clips_that_came_and_went_cost_only_themselves(clips: list[Clip], tmp_path: Path) -> None:
    run(clips[:-1], tmp_path / "s")
    result = run(clips[1:], tmp_path / "s")
    assert (result.computed, result.reused) == (1, len(clips) - 2)
    assert find_stores(tmp_path / "s") == [stored(result)]
    names = [entry.name for entry in index_of(stored(result)).entries]
    assert names == [clip.name for clip in clips[1:]]


def test_a_killed_run_is_resumed(clips: list[Clip], tmp_path: Path) -> None:
    whole = stored(run(clips, tmp_path / "whole"))
    store = tmp_path / "s"
    with write_store(store, parameters=RECIPE.fingerprint, n_mels=RECIPE.n_mels) as writer:
        entries = index_of(whole).by_name
        for index in range(3):
            name = clips[index].name
            writer.append(name, entries[name].sha256, open_store(whole, clips)[index])
        writer.data.write(b"half a row of the fourth")
        writer.journal.write(b'{"name": "sect')
    result = run(clips, tmp_path / "s")
    assert (result.computed, result.reused) == (len(clips) - 3, 3)
    assert stored(result).read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_a_recording_that_changed_since_the_kill_is_computed_again(
    clips: list[Clip], tmp_path: Path
) -> None:
    store = tmp_path / "s"
    with write_store(store, parameters=RECIPE.fingerprint, n_mels=RECIPE.n_mels) as writer:
        writer.append(clips[0].name, "another hash", np.zeros((4, 32), np.float32))
    again = run(clips, store)
    assert again.computed == len(clips)
    assert open_store(stored(again), clips)[0].any()


def test_bad_recordings_are_all_named_and_the_others_kept(
    clips: list[Clip], tmp_path: Path
) -> None:
    clips[1].path.write_bytes(b"")
    clips[4].path.write_bytes(b"<html>")
    with pytest.raises(ProblemsError, match="2 of 10 recordings cannot be used") as caught:
        run(clips, tmp_path / "s")
    assert [str(clips[i].path) in caught.value.problems[k] for k, i in ((0, 1), (1, 4))] == [
        True
    ] * 2
    result = run(clips, tmp_path / "s", skip_bad=True)
    assert (result.computed, result.reused, len(result.skipped)) == (0, len(clips) - 2, 2)
    write_wav(clips[1].path, tone(300.0))
    write_wav(clips[4].path, tone(300.0))
    assert run(clips, tmp_path / "s").computed == 2


def test_samples_whose_energy_overflows_are_named(clips: list[Clip], tmp_path: Path) -> None:
    write_wav(clips[2].path, np.full(16000, 1e30), subtype="FLOAT")
    with pytest.raises(ProblemsError) as caught:
        run(clips, tmp_path / "s")
    assert "is too loud" in caught.value.problems[0]


def test_an_index_with_wrong_offsets_is_made_again(clips: list[Clip], tmp_path: Path) -> None:
    path = stored(run(clips, tmp_path / "s"))
    index = path.with_suffix(".json")
    index.write_text(index.read_text().replace('"offset": 0', '"offset": 999999'))
    assert run(clips, tmp_path / "s").computed == len(clips)


def test_too_short_for_a_transform(clips: list[Clip], tmp_path: Path) -> None:
    write_wav(clips[0].path, np.zeros(100))
    with pytest.raises(ProblemsError) as caught:
        run(clips, tmp_path / "s")
    assert "100 samples, fewer than half a transform" in caught.value.problems[0]


def test_a_full_disk_is_an_error_and_the_next_run_finishes(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = 0
    original = store_module._write_all

    def full_after_some(stream, content) -> None:  # type: ignore[no-untyped-def]
        nonlocal written
        written += len(content)
        if written > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(stream, content)

    monkeypatch.setattr(store_module, "_write_all", full_after_some)
    with pytest.raises(StorageError, match="no space left"):
        run(clips, tmp_path / "s")
    assert not find_stores(tmp_path / "s")
    monkeypatch.setattr(store_module, "_write_all", original)
    assert run(clips, tmp_path / "s").reused > 0
    shutil.rmtree(tmp_path / "data")


def test_the_store_is_a_plain_numpy_file(clips: list[Clip], tmp_path: Path) -> None:
    path = stored(run(clips, tmp_path / "s"))
    array = np.load(path, allow_pickle=False)
    assert array.dtype == np.float32
    assert array.shape == (len(open_store(path, clips).data), 32)


def test_clips_that_share_a_name_are_refused(clips: list[Clip], tmp_path: Path) -> None:
    other = tmp_path / "other" / clips[0].path.name
    write_wav(other, tone(900.0, seconds=1.5))
    with pytest.raises(ProblemsError) as caught:
        run([*clips, replace(clips[0], path=other)], tmp_path / "s")
    assert [line.partition(": ")[2] for line in caught.value.problems] == [
        str(clips[0].path),
        str(other),
    ]
    assert not list(tmp_path.glob("s*"))


def test_recordings_with_the_same_faults_are_one_line_with_all_faults(
    clips: list[Clip], tmp_path: Path
) -> None:
    for clip in clips:
        write_wav(clip.path, np.zeros((8000, 2)), rate=8000)
    with pytest.raises(ProblemsError, match=f"{len(clips)} of {len(clips)} recordings") as caught:
        run(clips, tmp_path / "store")
    (line,) = caught.value.problems
    assert line.startswith(f"{len(clips)} of {len(clips)}: has 8000 Hz and 16000 Hz is expected")
    assert "2 channels and one is expected" in line
    assert "--resample" in line
    assert "--channel 0" in line
    assert line.endswith(f"first: {clips[0].path}")
