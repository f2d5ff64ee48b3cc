"""Own machines on the command line: inspect, train, score, update, models."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.command import asd, finish
from tests.support.fan import Fault, fan, write

RATE = 16000
TRAIN = ("train", "--data", "normal", "--machine", "fan-3", "--clip", "2", "--detector", "pooled-knn",
         "--jobs", "1")  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of recordings with a trained model."""
    root = tmp_path_factory.mktemp("own")
    for number in range(8):
        write(
            root / "normal" / f"day {number // 4}" / f"{number}.wav", fan(4.0, RATE, number), RATE
        )
    write(root / "new" / "good.wav", fan(4.0, RATE, 20), RATE)
    write(root / "new" / "shift.flac", fan(9.0, RATE, 21, Fault(start=4, end=6, level=0.1)), RATE)
    status, _, err = finish(*TRAIN, folder=root)
    assert status == 0, err
    assert "fan-3: trained on 8 recordings, 16 clips (32 s) at 16000 Hz by pooled-knn" in err
    assert "of 100 normal clips may be called anomalous; at most" in err
    return root


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def test_text_has_one_line_a_file_and_reasons_below(here: Path) -> None:
    result = asd("score", "new", "--machine", "fan-3")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:2] == ["normal", "new/good.wav"]
    assert lines[1].split()[:2] == ["ANOMALOUS", "new/shift.flac"]
    assert "1 of 5 parts, most of all 4–6 s" in lines[2]
    assert "louder than" in lines[3]
    assert lines[-2] == "1 anomalous, 1 normal: 2 files"
    assert "95 % bound from 16 normal clips" in lines[-1]


def test_the_only_machine_need_not_be_named_and_stdin_lists_files(here: Path) -> None:
    from typer.testing import CliRunner

    from asd_cli.cli.main import app

    result = CliRunner().invoke(app, ["score", "-"], input="new/good.wav\n\n")
    assert result.exit_code == 0, result.output
    assert "1 normal: 1 file" in result.stdout


def test_json_lists_files_and_their_parts(here: Path) -> None:
    document = json.loads(asd("score", "new", "--format", "json").stdout)
    assert document["schema"] == "asd.score/1"
    assert document["false_alarm_rate"] == 0.1
    assert 0 < document["false_alarm_bound"] <= 1
    good, shift = document["files"]
    assert (good["status"], shift["status"]) == ("normal", "anomalous")
    assert [part["anomalous"] for part in shift["parts"]] == [False, False, True, False, False]
    assert shift["parts"][2]["start"] == 4.0


def test_json_lines_and_csv_have_a_row_for_each_clip(here: Path) -> None:
    rows = [
        json.loads(line) for line in asd("score", "new", "--format", "jsonl").stdout.splitlines()
    ]
    table = list(csv.DictReader(io.StringIO(asd("score", "new", "--format", "csv").stdout)))
    assert [row["file"] for row in rows] == ["new/good.wav"] * 2 + ["new/shift.flac"] * 5
    assert [row["file"] for row in table] == [row["file"] for row in rows]
    assert [float(row["score"]) for row in table] == [row["score"] for row in rows]


def test_exit_9_where_it_was_asked_for(here: Path) -> None:
    assert asd("score", "new", "--fail-on-anomaly").exit_code == 9
    assert asd("score", "new/good.wav", "--fail-on-anomaly").exit_code == 0


def test_a_file_that_cannot_be_scored_is_named_and_the_others_are_scored(
    here: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("hello")
    result = asd("score", "new/good.wav", str(bad), str(tmp_path / "none.wav"))
    assert result.exit_code == 4
    assert "not scored" in result.stdout
    assert "is not a recording" in result.stdout
    assert "none.wav cannot be read" in result.stdout
    assert "1 normal, 2 not scored: 3 files" in result.stdout
    assert asd("score", str(bad)).exit_code == 3


def test_a_name_that_steers_a_terminal_is_escaped(here: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "a\x1b[31m\u202ewav.wav", fan(2.0, RATE, 30), RATE)
    result = asd("score", str(path))
    assert "\x1b" not in result.stdout
    assert "\u202e" not in result.stdout


def test_a_model_file_is_enough(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "fan.safetensors"
    model.write_bytes((here / "model/own/fan-3/v0001.safetensors").read_bytes())
    sound = write(tmp_path / "x.wav", fan(4.0, RATE, 31), RATE)
    monkeypatch.chdir(tmp_path)
    result = asd("score", str(sound), "--model", str(model))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "new", "--mode", "dev"), "--mode cannot be used with files"),
        (("score", "--fail-on-anomaly"), "without files or folders"),
        (("score", "new", "--false-alarm-rate", "2"), "not between 0 and 1"),
        (("score", "new", "--machine", "other"), "there is no model of other"),
        (("score", "new", "--machine", "a", "--machine", "b"), "one machine"),
        (("train", "--data", "normal"), "needs a name"),
        (("train", "--clip", "3"), "--clip cannot be used without --data"),
        (("train", "--data", "normal", "--machine", "x", "--mode", "eval"), "with --data"),
        (("train", "--data", "normal", "--machine", "../x"), "cannot be the name"),
        (("train", "--data", "nowhere", "--machine", "x"), "there is no file or folder nowhere"),
        (("train", "--data", "normal", "--machine", "x", "--channel", "left"), "is no channel"),
        (("train", "--data", "normal", "--machine", "x", "--clip", "0"), "too short"),
        (("update", "--machine", "fan-3"), "no recordings are named"),
        (("rebaseline", "--machine", "fan-3", "--data", "new"), "needs a reason"),
        (("models", "show", "none"), "no model of none"),
        (("models", "remove", "fan-3"), "say what to remove"),
        (("inspect", "nowhere"), "there is no file or folder nowhere"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_hint(
    here: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = asd(*arguments)
    assert result.exit_code in {2, 3}, result.output
    assert message in result.stderr
    assert "hint:" in result.stderr


def test_several_machines_must_be_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        folder = tmp_path / "model" / "own" / name
        folder.mkdir(parents=True)
        (folder / "current").write_text("v0001.safetensors")
        (folder / "v0001.safetensors").touch()
    write(tmp_path / "x.wav", fan(1.0, RATE, 1), RATE)
    result = asd("score", "x.wav")
    assert result.exit_code == 2
    assert "models of 2 machines: a, b" in result.stderr


def test_versions_are_listed_shown_rolled_back_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        write(tmp_path / "normal" / f"{number}.wav", fan(4.0, RATE, number), RATE)
    odd = write(tmp_path / "odd.wav", fan(4.0, RATE, 9, Fault(level=0.03)), RATE)
    assert asd("models", "list").stdout.startswith("no models yet")
    assert asd(*TRAIN).exit_code == 0
    assert "up to date" in asd(*TRAIN).stderr
    assert "ANOMALOUS" in asd("score", str(odd)).stdout
    assert asd("update", "--machine", "fan-3", "--normal", str(odd), "--jobs", "1").exit_code == 0
    assert "ANOMALOUS" not in asd("score", str(odd)).stdout
    shown = json.loads(asd("models", "show", "fan-3", "--format", "json").stdout)["models"]
    assert [(m["version"], m["current"], m["recordings"]) for m in shown] == [
        (1, False, 6), (2, True, 7),
    ]  # fmt: skip
    assert "version 1 is in use" in asd("models", "rollback", "fan-3").stderr
    assert "ANOMALOUS" in asd("score", str(odd)).stdout
    few = asd(
        "rebaseline",
        "--machine",
        "fan-3",
        "--data",
        str(odd),
        "--reason",
        "new belt",
        "--jobs",
        "1",
    )
    assert few.exit_code == 0, few.output
    assert "they give the centre of normal sound" in few.stderr
    listed = asd("models", "list").stdout
    assert "new belt" in listed
    assert asd("models", "remove", "fan-3", "--version", "3").exit_code == 2
    assert asd("models", "remove", "fan-3", "--version", "2").exit_code == 0
    assert asd("models", "remove", "fan-3", "--all").exit_code == 0
    assert asd("models", "list").stdout.startswith("no models yet")


def test_inspect_says_what_is_wrong_and_what_is_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "data"
    for number in range(8):
        write(data / f"{number}.wav", fan(4.0, RATE, number), RATE)
    write(data / "again.flac", fan(4.0, RATE, 3), RATE)
    write(data / "odd.wav", fan(4.0, RATE, 50, Fault(level=0.05)), RATE)
    write(data / "silent.wav", np.zeros(4 * RATE, np.float32), RATE)
    write(data / "slow.wav", fan(4.0, 8000, 51), 8000)
    (data / "bad.wav").write_text("hello")
    asked = ("inspect", "data", "--clip", "2", "--set", "detector=pooled-knn", "--jobs", "1")
    result = asd(*asked, "--report", "page.html")
    assert result.exit_code == 4
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "12 recordings" in page
    assert "bad.wav is not a recording" in page
    assert "all samples are zero" in page
    assert page.count("data:audio/mpeg") == 3
    text = result.stdout
    assert "12 recordings" in text
    assert "11 × 16000 Hz, 1 × 8000 Hz" in text
    assert "bad.wav is not a recording" in text
    assert "silent.wav: all samples are zero" in text
    assert "again.flac holds the sound of 3.wav" in text or "3.wav holds the sound of" in text
    unlike = text[text.index("least like the others") :]
    assert "silent.wav" in unlike or "odd.wav" in unlike
    assert "independent recordings" in text
    assert "0.01 up to" in text
    document = json.loads(
        asd("inspect", "data", "--clip", "2", "--set", "detector=pooled-knn", "--jobs", "1",
            "--format", "json").stdout
    )  # fmt: skip
    assert document["schema"] == "asd.inspect/1"
    assert len(document["recordings"]) == 12
    assert document["supported"][0]["asked"] == 0.1


def test_inspect_finds_a_step_of_gain_and_two_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        loud = 1.0 if number < 6 else 3.0
        write(tmp_path / "data" / f"{number:02}.wav", loud * fan(3.0, RATE, number), RATE)
    result = asd("inspect", "data", "--clip", "3", "--set", "detector=pooled-knn", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "from 06.wav on recordings are 10 dB louder" in result.stdout or (
        "from 06.wav on recordings are 9 dB louder" in result.stdout
    )
    assert "two operating states: 6 and 6 clips" in result.stdout


def test_inspect_tells_codecs_from_operating_states(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        write(
            tmp_path / "data" / f"{number:02}.{('wav', 'mp3')[number % 2]}",
            fan(3.0, 44100, number),
            44100,
        )
    result = asd("inspect", "data", "--clip", "3", "--set", "detector=pooled-knn", "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "operating states" not in result.stdout
    assert "lossy recordings" in result.stdout


def test_scoring_a_file_loads_nothing_that_it_does_not_compute_with(here: Path) -> None:
    program = (
        "import sys\n"
        "sys.argv = ['asd', 'score', 'new/good.wav', '--machine', 'fan-3']\n"
        "from asd_cli.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'librosa', 'sklearn', 'pandas', 'yaml', 'scipy.spatial', 'scipy.stats'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert 'numpy' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=here)
