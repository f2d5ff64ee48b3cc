"""Row 8 of the fault list: two at once, kill -9 anywhere, a disk that is too small."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections import namedtuple
from contextlib import suppress
from pathlib import Path

import pytest

from asd_cli.core.errors import StorageError
from tests.support.archives import DEV, dev_files, records_of
from tests.support.fetch_victim import SYSTEM_CALLS
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import Fault, ZenodoServer

NAME = "dev_data_fan.zip"
PROJECT = Path(__file__).parents[3]
CONTENT = records_of(("fan",))[DEV][NAME]
Usage = namedtuple("Usage", "total used free")


def serve() -> ZenodoServer:
    return ZenodoServer({DEV: {NAME: CONTENT}})


def start(
    sandbox: Sandbox, server: ZenodoServer, moment: str = "never", count: int = 1
) -> "subprocess.Popen[str]":
    """Start a fetch in a process of its own, from the source tree."""
    command = [sys.executable, "-m", "tests.support.fetch_victim"]
    return subprocess.Popen(
        [*command, str(sandbox.root), server.url, moment, str(count)],
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


EXPECTED = {f"dev_data/fan/{name}" for name in dev_files()}


@pytest.mark.parametrize(
    ("moment", "count"),
    [
        ("fetching", 1),
        ("fetching", 2),
        ("unpacking", 1),
        ("unpacking", 5),
        ("unpacking", 10),
        ("files for", 1),
        *(("replace", count) for count in range(1, 5)),
        *(("rename", count) for count in range(1, 5)),
        *(("unlink", count) for count in range(1, 9)),
        *(("mkdir", count) for count in range(1, 9)),
    ],
)
def test_killed_anywhere_the_next_run_finishes(sandbox: Sandbox, moment: str, count: int) -> None:
    if moment == "rename":
        # What is new is renamed as one folder; into this one file by file.
        (sandbox.dev / "fan" / "train").mkdir(parents=True)
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.5))
        victim = start(sandbox, server, moment, count)
        _, err = victim.communicate(timeout=60)
        assert victim.returncode == -signal.SIGKILL, err
        # What is in place is whole, or nothing is.
        for name, content in dev_files().items():
            path = sandbox.dev / "fan" / name
            assert not path.exists() or path.read_bytes() == content
        sandbox.fetch(server)
        assert set(sandbox.seen()) == EXPECTED
        assert sandbox.fetch(check=True).nothing_to_do
        assert not list((sandbox.dev / ".asd-fetch").rglob("*.wav"))
        assert not list(sandbox.dev.rglob("*.part"))


def test_killed_over_and_over_it_still_ends_well(sandbox: Sandbox) -> None:
    with serve() as server:
        for call in SYSTEM_CALLS:
            for count in (2, 4, 6):
                start(sandbox, server, call, count).communicate(timeout=60)
        finish(start(sandbox, server))
        assert set(sandbox.seen()) == EXPECTED
        assert sandbox.fetch(check=True).nothing_to_do


def test_a_killed_transfer_keeps_its_bytes(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(silent=True))
        process = start(sandbox, server)
        assert server.started.wait(60)
        part = _wait_for_part(sandbox, process)
        process.kill()
        process.communicate(timeout=60)
        server.release()
        kept = part.stat().st_size
        sandbox.fetch(server)
        assert server.ranges(NAME) == [None, f"bytes={kept}-"]
        assert kept > 0


def _wait_for_part(sandbox: Sandbox, process: "subprocess.Popen[str]") -> Path:
    while process.poll() is None:
        for part in sandbox.dev.rglob("*.part"):
            with suppress(FileNotFoundError):  # a transfer that begins makes an empty one anew
                if part.stat().st_size:
                    return part
    raise AssertionError("the fetch ended by itself")


def test_two_at_once_make_one_transfer_and_both_are_right(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(silent=True), Fault(cut=1.0))
        with start(sandbox, server) as first:
            assert server.started.wait(60)
            with start(sandbox, server) as second:
                assert second.stdout is not None
                assert "another asd fetch is running" in second.stdout.readline()
                server.release()
                finish(first)
                assert "nothing_to_do=False" in finish(second)
        assert server.bytes_sent == len(CONTENT)
    assert set(sandbox.seen()) == EXPECTED


def test_waiting_for_another_fetch_is_said(sandbox: Sandbox) -> None:
    import threading

    from filelock import FileLock

    work_folder = sandbox.dev / ".asd-fetch"
    work_folder.mkdir(parents=True)
    lock = FileLock(work_folder / "lock")
    released = threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            released.wait(60)

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(60)
    notes: list[str] = []

    def note(message: str) -> None:
        notes.append(message)
        released.set()

    sandbox.events.note = note  # type: ignore[method-assign]
    with serve() as server:
        sandbox.fetch(server)
    holder.join()
    assert "another asd fetch is running" in notes[0]
    assert set(sandbox.seen()) == EXPECTED


def free_space(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - size, size))


def test_a_disk_too_small_is_said_before_the_first_byte(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as server:
        needed = sandbox.fetch(server, dry_run=True).disk_needed
        free_space(monkeypatch, needed - 1)
        with pytest.raises(StorageError, match=f"needs {needed:,} bytes"):
            sandbox.fetch(server)
        assert not server.asked(NAME)
        assert not sandbox.root.exists()
        free_space(monkeypatch, needed)
        sandbox.fetch(server)


def test_two_data_folders_on_one_disk_are_added_up(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = ("dev", "eval-train")
    with ZenodoServer(records_of(("fan",))) as server:
        result = sandbox.fetch(server, stages=stages, dry_run=True)
        free_space(monkeypatch, result.disk_needed - 1)
        with pytest.raises(StorageError, match=r"and the disk has .* free"):
            sandbox.fetch(server, stages=stages)
        assert not server.asked(".zip")


def test_an_archive_that_unpacks_to_more_than_fits_is_not_begun(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asd_cli.fetching import plan as stages

    monkeypatch.setattr(stages, "_UNPACKED_RATIO", 0.0)
    with serve() as server:
        size = len(CONTENT)
        free_space(monkeypatch, size)
        with pytest.raises(StorageError, match="free"):
            sandbox.fetch(server)
        assert not sandbox.seen()
        # The archive was good and stays, so that freeing space is all there is to do.
        free_space(monkeypatch, 10**9)
        sandbox.fetch(server)
        assert len(server.asked(NAME)) == 1
    assert set(sandbox.seen()) == EXPECTED


@pytest.mark.parametrize("suffix", [".part", ".wav"])
def test_a_disk_that_fills_up_meanwhile_is_said(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    real = Path.open

    class Full:
        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def careful(self: Path, mode: str = "r", *more: object, **named: object) -> object:
        if self.suffix == suffix and set(mode) & set("wax"):
            return Full()
        return real(self, mode, *more, **named)  # type: ignore[call-overload]

    with serve() as server:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", careful)
            with pytest.raises(StorageError, match="no space left"):
                sandbox.fetch(server)
        assert not sandbox.seen()
        sandbox.fetch(server)
    assert set(sandbox.seen()) == EXPECTED


def test_an_interrupted_unpacking_leaves_nothing(sandbox: Sandbox) -> None:
    real = sandbox.events.advanced

    def interrupt(task: str, amount: float, detail: str = "") -> None:
        if task.startswith("unpacking") and sandbox.events.amounts[task] > 0:
            raise KeyboardInterrupt
        real(task, amount, detail)

    with serve() as server:
        sandbox.events.advanced = interrupt  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            sandbox.fetch(server)
        assert not sandbox.seen()
        assert not list(sandbox.dev.rglob("*.wav"))
        sandbox.events.advanced = real  # type: ignore[method-assign]
        sandbox.fetch(server)
        assert len(server.asked(NAME)) == 1
    assert set(sandbox.seen()) == EXPECTED
