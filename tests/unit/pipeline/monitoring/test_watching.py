"""Files of a folder: each once, complete, in any way they arrive, and whatever kills the process."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, UsageError
from asd_cli.pipeline.monitoring.retention import Keep, Retention
from asd_cli.services.watch import watch
from tests.support import monitored
from tests.support.watch_victim import request

CHECKPOINTS = ("hashed", "scored", "begun", "written", "committed", "moved", "shown")


def arrive(root: Path, *, faulty: int = 14, normal: int = 6) -> None:
    """Normal recordings, then loud ones: an alarm."""
    for number in range(normal + faulty):
        monitored.write(root / "in" / f"{number:03}.wav", number, loud=1 if number < normal else 4)


def rows(root: Path, query: str) -> list[tuple[object, ...]]:
    database = sqlite3.connect(root / "result" / "own" / monitored.MACHINE / "state.sqlite")
    found = [tuple(row) for row in database.execute(query)]
    database.close()
    return found


def remembered(root: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything that must not depend on how often the process died."""
    where = str(root)
    return {
        "files": [
            (str(p).replace(where, ""), *rest)
            for p, *rest in rows(
                root, "SELECT path, size, mtime_ns, sha256, status, clips FROM files ORDER BY id"
            )
        ],
        "clips": rows(
            root, "SELECT time, start, score, p_value, condition, total FROM clips ORDER BY id"
        ),
        "events": rows(root, "SELECT id, time, condition FROM events ORDER BY number"),
        "state": rows(root, "SELECT value FROM facts WHERE name = 'state'"),
    }


def run(root: Path, checkpoint: str, count: int) -> int:
    command = [
        sys.executable,
        "-m",
        "tests.support.watch_victim",
        str(root),
        checkpoint,
        str(count),
    ]
    return subprocess.run(command, check=False).returncode


@pytest.mark.slow
def test_a_process_that_is_killed_at_each_point_does_the_same_as_one_that_is_not(
    place: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    arrive(place)
    watch(request(place))
    expected = remembered(place)
    told = set((place / "ids").read_text().split("\n"))
    assert [event[2] for event in expected["events"]] == ["warning", "alarm"]
    other = tmp_path_factory.mktemp("killed")
    monitored.with_model(other, models)
    shutil.copy(place / "told", other / "told")
    (other / "told").write_text((place / "told").read_text().replace(str(place), str(other)))
    (other / "in").mkdir()
    arrive(other)
    killed = [run(other, name, 2) for name in CHECKPOINTS]
    assert killed == [-signal.SIGKILL] * len(CHECKPOINTS)
    assert run(other, "never", 1) == 0
    assert remembered(other) == expected
    assert set((other / "ids").read_text().split("\n")) == told
    assert not list((other / "in").iterdir())
    assert len(list((other / "done").iterdir())) == 20


def test_each_file_is_taken_once_and_only_when_it_is_complete(place: Path) -> None:
    folder = place / "in"
    good = monitored.write(folder / "good.wav", 1)
    content = good.read_bytes()
    (folder / "cut.wav").write_bytes(content[: len(content) // 2])
    for name in (".hidden.wav", "copying.wav.part", "notes.txt"):
        (folder / name).write_bytes(content)
    monitored.write(folder / "deep" / "er" / "2.wav", 2)
    (folder / "broken.wav").write_bytes(b"no sound")
    os.utime(folder / "broken.wav", (0, 1_700_000_000))
    here = replace(request(place), move_to=None)
    watch(here)
    names = {
        Path(str(p)).name: status for p, status in rows(place, "SELECT path, status FROM files")
    }
    assert names == {"good.wav": "scored", "2.wav": "scored", "broken.wav": "not scored"}
    # Sent again under the same name, and under another; and the rest of the cut one.
    shutil.copy(good, folder / "again.wav")
    os.utime(good)
    monitored.write(folder / "cut.wav", 3)
    watch(here)
    found = rows(place, "SELECT path, status, clips FROM files ORDER BY id")
    assert len(found) == 5
    assert {(Path(str(p)).name, status, clips) for p, status, clips in found[3:]} == {
        ("again.wav", "repeated", 0), ("cut.wav", "scored", 1),
    }  # fmt: skip
    watch(here)
    assert len(rows(place, "SELECT id FROM files")) == 5


def test_other_bytes_under_a_name_are_another_recording(place: Path) -> None:
    here = replace(request(place), move_to=None)
    for seed in (1, 2):
        monitored.write(place / "in" / "latest.wav", seed)
        watch(here)
    assert rows(place, "SELECT COUNT(*) FROM clips") == [(2,)]


def test_the_same_silence_counts_each_time(place: Path) -> None:
    for number in range(4):
        monitored.write(place / "in" / f"{number}.wav", number, loud=0)
    watch(request(place))
    assert rows(place, "SELECT status, COUNT(*) FROM files GROUP BY 1") == [("not scored", 4)]
    assert [row[0] for row in rows(place, "SELECT condition FROM events")] == ["sensor"]


def test_done_files_are_moved_and_normal_ones_removed_where_asked(place: Path) -> None:
    arrive(place)
    (place / "done").mkdir()
    (place / "done" / "019.wav").write_bytes(b"another")
    watch(replace(request(place), retention=Retention(keep=Keep.ALARMS)))
    kept = sorted(path.name for path in (place / "done").iterdir())
    assert "000.wav" not in kept
    assert (place / "done" / "019.wav").read_bytes() == b"another"
    assert any(name.startswith("019-") for name in kept)
    with pytest.raises(UsageError, match="moved to"):
        replace(request(place), move_to=None, retention=Retention(days=1))


def test_a_changed_rate_and_a_missing_folder_are_said(place: Path) -> None:
    import soundfile

    for number in range(3):
        soundfile.write(place / "in" / f"{number}.wav", monitored.sound(number)[::2], 4000)
    watch(request(place))
    reasons = rows(place, "SELECT DISTINCT reason FROM clips")
    assert reasons == [("4000 Hz; the model needs 8000 Hz or more",)]
    with pytest.raises(DataError, match="no folder"):
        watch(replace(request(place), folder=place / "nowhere"))


def test_a_second_process_is_refused(place: Path) -> None:
    from asd_cli.pipeline.monitoring.session import only_one

    with (
        only_one(request(place).monitoring.folder, "pump"),
        pytest.raises(UsageError, match="another"),
    ):
        watch(request(place))
