"""`asd alarms`, `asd watch`, `asd status`, `asd update --responses` as they are typed."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import monitored
from tests.support.command import asd, start


@pytest.fixture(autouse=True)
def _inside(hall: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(hall)


def finish(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """Run in this process; exit status, stdout, stderr."""
    assert Path.cwd() == folder
    done = asd(*arguments)
    return done.exit_code, done.stdout, done.stderr


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model and recordings of a machine that breaks."""
    root = tmp_path_factory.mktemp("hall")
    monitored.train(root)
    for number in range(12):
        monitored.write(root / "in" / f"{number:03}.wav", number, loud=1 if number < 6 else 4)
    return root


def watch(hall: Path, *more: str, name: str = "result") -> tuple[int, str, str]:
    return finish("watch", "in", "-m", "pump", "--once", "--settle", "0", "--false-alarms", "1/hour",
                  "--set", f"result_directory={name}", *more, folder=hall)  # fmt: skip


def status(hall: Path, *more: str, name: str = "result") -> tuple[int, str, str]:
    return finish("status", "--set", f"result_directory={name}", *more, folder=hall)


def test_alarms_shows_what_would_have_rung(hall: Path) -> None:
    code, out, err = finish(
        "alarms", "-m", "pump", "--data", "in", "--false-alarms", "1/hour", folder=hall
    )
    assert code == 0, err
    assert "at most 1/hour false alarms, from 240 independent normal clips" in out
    assert "240 normal clips (4 min) replayed: alarms: 0" in out
    assert "ALARM" in out
    assert "louder everywhere" in out
    assert "12 files, 12 clips (12 s): alarms: 1;" in out
    code, out, _ = finish("alarms", "-m", "pump", "--data", "in", "--format", "json", folder=hall)
    found = json.loads(out)
    assert (found["schema"], found["promised"], found["replay"]["clips"]) == (
        "asd.alarms/1",
        True,
        12,
    )
    assert finish("alarms", "-m", "pump", "--false-alarms", "often", folder=hall)[0] == 2
    assert finish("alarms", "-m", "none", folder=hall)[0] == 3
    code, out, _ = finish("alarms", "-m", "pump", "--rule", "3of5", "--data", "in", folder=hall)
    assert "without a promise" in out


def test_watch_status_acknowledge_and_shelve(hall: Path) -> None:
    assert status(hall, name="first")[0] == 3
    code, out, err = watch(hall, "--latch", name="first")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["state"] for row in rows] == ["normal"] * 7 + ["warning"] + ["alarm"] * 4
    assert watch(hall, name="first")[1] == ""
    code, out, _ = status(hall, name="first")
    assert code == 11
    assert "pump: ALARM" in out
    code, out, _ = status(hall, "--shelve", "8h", "--acknowledge", "--format", "json", name="first")
    assert (code, json.loads(out)["machines"][0]["state"]) == (11, "alarm")
    monitored.write(hall / "in" / "999.wav", 5)
    watch(hall, "--latch", name="first")
    (hall / "in" / "999.wav").unlink()
    code, out, _ = status(hall, "--format", "json", name="first")
    found = json.loads(out)["machines"][0]
    assert (code, found["state"], found["acknowledged"]) == (0, "normal", True)
    assert found["shelved_until"] is not None
    assert status(hall, "--shelve", "soon", name="first")[0] == 2


def test_a_folder_without_new_sound_is_stale_and_silence_a_fault_of_the_sensor(hall: Path) -> None:
    (hall / "quiet").mkdir()
    for number in range(3):
        monitored.write(hall / "quiet" / f"{number}.wav", number, loud=0)
    code, _, err = finish("watch", "quiet", "-m", "pump", "--once", "--stale-after", "2",
                          "--set", "result_directory=second", folder=hall)  # fmt: skip
    assert code == 0, err
    assert status(hall, name="second")[0] == 12
    time.sleep(2.0)
    code, out, _ = status(hall, name="second")
    assert code == 13
    assert "no sound for" in out


def test_responses_of_the_page_teach_the_model(hall: Path) -> None:
    code, _, err = watch(hall, "--page", "page/status.html", name="third")
    assert code == 0, err
    page = (hall / "page" / "status.html").read_text(encoding="utf-8")
    assert "Content-Security-Policy" in page
    events = sorted((hall / "third" / "own" / "pump" / "events").iterdir())
    assert len(events) == 2
    assert all(event.stem in page for event in events)
    responses = [{"id": e.stem, "response": "normal", "sound": str(e)} for e in events]
    document = {"schema": "asd.responses/1", "machine": "pump", "responses": responses}
    (hall / "responses.json").write_text(json.dumps(document))
    # A copy of the models: other tests use them as they are.
    update = ("update", "-m", "pump", "--responses", "responses.json")
    code, _, err = finish(*update, folder=hall)
    assert code == 0, err
    assert "242 clips" in err
    assert finish("models", "rollback", "pump", folder=hall)[0] == 0
    (hall / "responses.json").write_text(json.dumps({**document, "machine": "fan"}))
    assert finish(*update, folder=hall)[0] == 3
    (hall / "responses.json").write_text("[]")
    assert finish(*update, folder=hall)[0] == 3


def test_watch_ends_when_it_is_asked_to_and_a_unit_is_printed(hall: Path) -> None:
    process = start("watch", "in", "-m", "pump", "--set", "result_directory=fourth", folder=hall)
    until = time.monotonic() + 30
    while finish("status", "--set", "result_directory=fourth", folder=hall)[0] == 3:
        assert time.monotonic() < until
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 143
    printing = start("watch", "in", "-m", "pump", "--move-to", "done", "--print-unit", folder=hall)
    out, _ = printing.communicate(timeout=20)
    assert printing.returncode == 0
    assert "-m asd_cli watch in -m pump --move-to done" in out
    assert f"ReadWritePaths={hall}/result/own/pump {hall}/done {hall}/in" in out


@pytest.mark.parametrize(
    "options",
    [("--keep", "some"), ("--keep-days", "3"), ("--keep-days", "-1", "--move-to", "x"),
     ("--serve", "127.0.0.1:0"), ("--webhook", "ftp://x"), ("--rule", "5of3"), ("--spacing", "-1")],
)  # fmt: skip
def test_what_cannot_be_done_is_a_usage_error(hall: Path, options: tuple[str, ...]) -> None:
    code, _, err = watch(hall, *options, name="fifth")
    assert code == 2, err
    assert "hint:" in err


def test_nothing_heavy_is_loaded(hall: Path) -> None:
    program = (
        "import sys\n"
        "sys.argv = ['asd', 'watch', 'in', '-m', 'pump', '--once', '--quiet', '--set', "
        "'result_directory=sixth', '--page', 'page/sixth.html']\n"
        "from asd_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'librosa', 'sklearn', 'pandas', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(["python", "-c", program], cwd=hall, capture_output=True, check=False,
                          text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
    assert done.returncode == 0, done.stderr
