import errno
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from asd_cli.core.errors import AsdError, DataError, ProblemsError, StorageError
from asd_cli.core.events import SilentEvents, progress
from asd_cli.core.files import (
    atomic_path,
    remove_abandoned,
    require_free_space,
    storage_errors,
    write_text,
)
from asd_cli.core.hashing import combine, fingerprint, hash_bytes, hash_file
from asd_cli.core.interrupts import Terminated, deferred_interrupts
from asd_cli.core.seeds import derive_seed


def test_errors_keep_their_hint_and_problems_across_processes() -> None:
    error = ProblemsError("two files", ["a: bad", "b: bad"], hint="remove them")
    again = pickle.loads(pickle.dumps(error))
    assert (again.message, again.hint, again.problems) == (
        "two files", "remove them", ("a: bad", "b: bad"),
    )  # fmt: skip
    assert isinstance(again, DataError)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "old")
    write_text(path, "new")
    assert path.read_text() == "new"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


def test_only_the_temporary_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    abandoned = tmp_path / f".model.{dead.pid}-00ff.tmp"
    alive = tmp_path / f".model.{os.getpid()}-00ff.tmp"
    foreign = tmp_path / ".somebody.else.tmp"
    for path in (abandoned, alive, foreign):
        path.touch()
    remove_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([alive, foreign])


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError, match="half-way"), atomic_path(path) as temporary:
        temporary.write_text("ne")
        raise RuntimeError("half-way")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EROFS, "not permitted"),
        (errno.EACCES, "not permitted"),
        (errno.ENOTDIR, "a file stands|cannot write"),
        (errno.ENAMETOOLONG, "cannot use"),
    ],
)
def test_operating_system_errors_become_storage_errors(number: int, words: str) -> None:
    with pytest.raises(StorageError, match=words), storage_errors(Path("there/file")):
        raise OSError(number, "system's words")


def test_other_operating_system_errors_pass() -> None:
    with pytest.raises(BlockingIOError), storage_errors(Path("x")):
        raise BlockingIOError(errno.EAGAIN, "again")


def test_a_file_in_the_place_of_a_folder_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "place").write_text("a file")
    with pytest.raises(StorageError, match="cannot write"):
        write_text(tmp_path / "place" / "file.txt", "x")


def test_too_little_space_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"needs 1,\d{3}.* bytes"):
        require_free_space(tmp_path / "not" / "yet", 10**18 + 10**15)
    require_free_space(tmp_path, 1)


def test_fingerprints_do_not_depend_on_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert combine([("x", "1"), ("y", "2")]) == combine({"y": "2", "x": "1"})
    assert combine([("x", "1")]) != combine([("x", "2")])


def test_hash_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 3_000_000)
    seen: list[int] = []
    assert hash_file(path, advance=seen.append) == hash_bytes(b"x" * 3_000_000)
    assert sum(seen) == 3_000_000


def test_seeds_of_parts_differ_and_repeat() -> None:
    seeds = {derive_seed(1, "fan"), derive_seed(1, "pump"), derive_seed(2, "fan"), derive_seed(1)}
    assert len(seeds) == 4
    assert derive_seed(1, "fan", 3) == derive_seed(1, "fan", 3)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_a_task_ends_even_when_its_body_fails() -> None:
    class Recorder(SilentEvents):
        def __init__(self) -> None:
            self.calls: list[str] = []

        def started(self, task: str, total: float | None, unit: str) -> None:
            self.calls.append(f"started {task} {total} {unit}")

        def finished(self, task: str) -> None:
            self.calls.append(f"finished {task}")

    recorder = Recorder()
    with pytest.raises(AsdError), progress(recorder, "t", total=2, unit="clips") as advance:
        advance(1)
        raise AsdError("no")
    assert recorder.calls == ["started t 2 clips", "finished t"]


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_signals_wait_until_the_work_asks(
    number: signal.Signals, raised: type[BaseException]
) -> None:
    before = signal.getsignal(number)
    steps = []
    with pytest.raises(raised), deferred_interrupts() as stop:
        signal.raise_signal(number)
        steps.append("went on")
        assert stop.received
        stop.act()
    assert steps == ["went on"]
    assert signal.getsignal(number) == before


def test_the_second_signal_does_not_wait() -> None:
    with pytest.raises(KeyboardInterrupt), deferred_interrupts():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on")
