import errno
import os
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asd_cli.audio.decoding import decode, read_file
from asd_cli.core.errors import ProblemsError, StorageError
from asd_cli.core.types import Clip, Mode
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.dcase.folders import list_clips
from asd_cli.execution.executor import ProcessExecutor, SerialExecutor
from asd_cli.features import computation
from asd_cli.features import store as store_module
from asd_cli.features.extraction import Extraction, extract_features
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import open_store, read_index, write_store
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


def test_the_store_holds_what_each_clip_gives_alone(clips: list[Clip], tmp_path: Path) -> None:
    write_wav(clips[1].path, tone(500.0, seconds=2.7))  # clips of unequal length
    result = run(clips, tmp_path / "s.npy")
    store = open_store(result.path, clips)
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
    run(clips, tmp_path / "one.npy")
    monkeypatch.setattr(computation, "_WORTH_A_WORKER", 0)
    monkeypatch.setattr(computation, "_CLIPS_PER_JOB", 2)
    with closing(ProcessExecutor(2)) as executor:
        extract_features(clips, tmp_path / "two.npy", recipe=RECIPE, executor=executor)
    assert (tmp_path / "one.npy").read_bytes() == (tmp_path / "two.npy").read_bytes()
    assert not list(tmp_path.glob(".*")), "what workers handed over is removed"


def test_processes_take_known_and_bad_clips_as_one_does(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "_WORTH_A_WORKER", 0)
    monkeypatch.setattr(computation, "_CLIPS_PER_JOB", 3)
    write_wav(clips[1].path, tone(500.0, seconds=2.7))
    with closing(ProcessExecutor(2)) as executor:
        given: dict[str, Any] = {"recipe": RECIPE, "executor": executor, "skip_bad": True}
        path = extract_features(clips, tmp_path / "two.npy", **given).path
        clips[2].path.write_bytes(b"RIFF")
        write_wav(clips[0].path, tone(700.0, seconds=1.9))
        again = extract_features(clips, path, **given)
    assert (again.computed, again.reused, len(again.skipped)) == (1, len(clips) - 2, 1)
    good = [clip for clip in clips if clip != clips[2]]
    run(good, tmp_path / "one.npy")
    assert (tmp_path / "one.npy").read_bytes() == path.read_bytes()


def test_a_reader_that_stops_leaves_nothing_of_the_workers_behind(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computation, "_WORTH_A_WORKER", 0)
    monkeypatch.setattr(computation, "_CLIPS_PER_JOB", 1)

    def stop(_: int, name: str = "") -> None:
        if name == clips[1].name:
            raise KeyboardInterrupt

    with closing(ProcessExecutor(2)) as executor:
        given: dict[str, Any] = {"recipe": RECIPE, "executor": executor}
        with pytest.raises(KeyboardInterrupt):
            extract_features(clips, tmp_path / "s.npy", **given, advance=stop)
        assert not list(tmp_path.glob(".*.tmp"))
        assert not extract_features(clips, tmp_path / "s.npy", **given).up_to_date


def test_a_second_run_is_fresh_and_a_touch_changes_nothing(
    clips: list[Clip], tmp_path: Path
) -> None:
    path = run(clips, tmp_path / "s.npy").path
    before = path.stat().st_mtime_ns
    os.utime(clips[0].path, (1, 1))
    again = run(clips, path)
    assert again.up_to_date
    assert again.reused == len(clips)
    assert path.stat().st_mtime_ns == before


def test_one_changed_byte_with_the_old_time_is_computed_again(
    clips: list[Clip], tmp_path: Path
) -> None:
    path = run(clips, tmp_path / "s.npy").path
    old = open_store(path, clips)
    old_rows, old_fingerprint = old[3].copy(), old.fingerprint
    status = clips[3].path.stat()
    content = bytearray(clips[3].path.read_bytes())
    content[-1] ^= 0x40
    clips[3].path.write_bytes(content)
    os.utime(clips[3].path, ns=(status.st_atime_ns, status.st_mtime_ns))
    result = run(clips, path)
    assert (result.computed, result.reused) == (1, len(clips) - 1)
    new = open_store(path, clips)
    assert not np.array_equal(new[3], old_rows)
    assert new.fingerprint != old_fingerprint


def test_a_changed_recipe_computes_everything(clips: list[Clip], tmp_path: Path) -> None:
    path = run(clips, tmp_path / "s.npy").path
    assert run(clips, path, FeatureParameters(n_mels=32, power=1.0)).computed == len(clips)
    assert run(clips, path, force=True).computed == len(clips)


@pytest.mark.parametrize("damage", ["rows", "short", "index", "no index"])
def test_a_damaged_store_is_made_anew(clips: list[Clip], tmp_path: Path, damage: str) -> None:
    path = run(clips, tmp_path / "s.npy").path
    good = path.read_bytes()
    if damage == "rows":
        path.write_bytes(good[:-5] + b"\x00\x01\x02\x03\x04")
    elif damage == "short":
        path.write_bytes(good[:-500])
    elif damage == "index":
        path.with_suffix(".json").write_text("{")
    else:
        path.with_suffix(".json").unlink()
    assert run(clips, path).computed == len(clips)
    assert path.read_bytes() == good


def test_clips_that_came_and_went_cost_only_themselves(clips: list[Clip], tmp_path: Path) -> None:
    path = run(clips[:-1], tmp_path / "s.npy").path
    result = run(clips[1:], path)
    assert (result.computed, result.reused) == (1, len(clips) - 2)
    assert [entry.name for entry in read_index(path).entries] == [c.name for c in clips[1:]]  # type: ignore[union-attr]


def test_a_killed_run_goes_on_where_it_was(clips: list[Clip], tmp_path: Path) -> None:
    whole = run(clips, tmp_path / "whole.npy").path
    path = tmp_path / "s.npy"
    with write_store(path, recipe=RECIPE.fingerprint, n_mels=RECIPE.n_mels) as writer:
        entries = read_index(whole).by_name  # type: ignore[union-attr]
        for index in range(3):
            name = clips[index].name
            writer.append(name, entries[name].sha256, open_store(whole, clips)[index])
        writer.data.write(b"half a row of the fourth")
        writer.journal.write(b'{"name": "sect')
    result = run(clips, path)
    assert (result.computed, result.reused) == (len(clips) - 3, 3)
    assert path.read_bytes() == whole.read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_a_recording_that_changed_since_the_kill_is_computed_again(
    clips: list[Clip], tmp_path: Path
) -> None:
    path = tmp_path / "s.npy"
    with write_store(path, recipe=RECIPE.fingerprint, n_mels=RECIPE.n_mels) as writer:
        writer.append(clips[0].name, "another hash", np.zeros((4, 32), np.float32))
    assert run(clips, path).computed == len(clips)
    assert open_store(path, clips)[0].any()


def test_bad_recordings_are_all_named_and_the_others_kept(
    clips: list[Clip], tmp_path: Path
) -> None:
    clips[1].path.write_bytes(b"")
    clips[4].path.write_bytes(b"<html>")
    path = tmp_path / "s.npy"
    with pytest.raises(ProblemsError, match="2 of 10 recordings cannot be used") as caught:
        run(clips, path)
    assert [str(clips[i].path) in caught.value.problems[k] for k, i in ((0, 1), (1, 4))] == [
        True
    ] * 2
    result = run(clips, path, skip_bad=True)
    assert (result.computed, result.reused, len(result.skipped)) == (0, len(clips) - 2, 2)
    write_wav(clips[1].path, tone(300.0))
    write_wav(clips[4].path, tone(300.0))
    assert run(clips, path).computed == 2


def test_samples_whose_energy_overflows_are_named(clips: list[Clip], tmp_path: Path) -> None:
    write_wav(clips[2].path, np.full(16000, 1e30), subtype="FLOAT")
    with pytest.raises(ProblemsError) as caught:
        run(clips, tmp_path / "s.npy")
    assert "is too loud" in caught.value.problems[0]


def test_an_index_with_wrong_offsets_is_made_anew(clips: list[Clip], tmp_path: Path) -> None:
    path = run(clips, tmp_path / "s.npy").path
    index = path.with_suffix(".json")
    index.write_text(index.read_text().replace('"offset": 0', '"offset": 999999'))
    assert run(clips, path).computed == len(clips)


def test_too_short_for_a_transform(clips: list[Clip], tmp_path: Path) -> None:
    write_wav(clips[0].path, np.zeros(100))
    with pytest.raises(ProblemsError) as caught:
        run(clips, tmp_path / "s.npy")
    assert "100 samples, fewer than half a transform" in caught.value.problems[0]


def test_a_full_disk_is_an_error_and_the_next_run_finishes(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, written = tmp_path / "s.npy", 0
    original = store_module._write_all

    def full_after_some(stream, content) -> None:  # type: ignore[no-untyped-def]
        nonlocal written
        written += len(content)
        if written > 20_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        original(stream, content)

    monkeypatch.setattr(store_module, "_write_all", full_after_some)
    with pytest.raises(StorageError, match="no space left"):
        run(clips, path)
    assert not path.exists()
    monkeypatch.setattr(store_module, "_write_all", original)
    assert run(clips, path).reused > 0
    shutil.rmtree(tmp_path / "data")


def test_the_store_is_a_plain_numpy_file(clips: list[Clip], tmp_path: Path) -> None:
    path = run(clips, tmp_path / "s.npy").path
    array = np.load(path, allow_pickle=False)
    assert array.dtype == np.float32
    assert array.shape == (len(open_store(path, clips).data), 32)
