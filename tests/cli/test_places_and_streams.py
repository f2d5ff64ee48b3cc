"""Odd places and streams have an exit status of their own, whoever reads or removed them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import asd
from tests.support.fan import fan, write
from tests.support.recordings import write_machine
from tests.support.score_sets import write_score_set

KNN = ("--set", "detector=pooled-knn")
RATE = 16000


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of one's own with a model, and recordings to score."""
    monkeypatch.chdir(tmp_path)
    for number in range(5):
        write(tmp_path / "rec" / f"{number}.wav", fan(1.0, RATE, number), RATE)
        write(tmp_path / "new" / f"{number}.wav", fan(1.0, RATE, 20 + number), RATE)
    words = ("train", "--data", "rec", "--machine", "fan", "--clip", "1", "-j", "1", "-q", *KNN)
    found = asd(*words)
    assert found.exit_code == 0, found.output
    return tmp_path


def run(command: str, folder: Path) -> tuple[int, str]:
    """Run a line of bash with `asd` as a process of its own; exit status and stderr."""
    line = f'asd() {{ "{sys.executable}" -m asd_cli "$@"; }}; {command}'
    done = subprocess.run(
        ["bash", "-c", line], cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_scores_into_a_full_or_closed_stream(trained: Path, form: str) -> None:
    score = f"asd score new --machine fan --format {form}"
    status, said = run(f"{score} > /dev/full", trained)
    assert (status, "no space left" in said) == (7, True)
    assert run(f"{score} | true; exit ${{PIPESTATUS[0]}}", trained) == (0, "")


@pytest.mark.parametrize("words", ["demo", "fetch --stage demo", "config init"])
def test_a_working_folder_that_was_removed(tmp_path: Path, words: str) -> None:
    status, said = run(f"mkdir gone && cd gone && rmdir ../gone && asd {words}", tmp_path)
    assert status == 7
    assert "the working folder was removed" in said


@pytest.mark.parametrize(
    ("listed", "status", "named"),
    [
        (b"new/0.wav\n\n  \nnew/1.wav\r\n", 0, []),
        (b"new/0.wav\nn\xff.wav\n", 4, ["n\\udcff.wav"]),
        (b"new/0.wav\nn\0.wav\n", 4, ["n\\x00.wav"]),
        (b"a\x1cb\x0c.wav\n", 3, ["a\\x1cb\\x0c.wav"]),
        (b"\n", 3, []),
    ],
)
def test_a_list_from_stdin(trained: Path, listed: bytes, status: int, named: list[str]) -> None:
    (trained / "list").write_bytes(listed)
    (trained / "out").touch()
    assert run("asd score - --machine fan < list > out", trained)[0] == status
    shown = (trained / "out").read_text(encoding="utf-8")
    assert all(f"not scored {name}" in shown for name in named)
    assert shown.count("not scored") == (2 * len(named))


def test_names_in_a_table_of_scores_steer_no_terminal(trained: Path) -> None:
    name = os.fsdecode(b"x\xff\n\x1b[31m.wav")
    (trained / "new" / "0.wav").rename(trained / "new" / name)
    assert run("asd score new --machine fan --format csv > out", trained)[0] == 0
    shown = (trained / "out").read_text(encoding="utf-8")
    assert "new/x\\udcff\\x0a\\x1b[31m.wav" in shown
    assert "\x1b" not in shown


def test_a_pipe_that_is_named_as_a_file_of_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_score_set(tmp_path / "team", machines=("fan",), clips=3)
    os.mkfifo(tmp_path / "team" / "anomaly_score_fan_section_03_source_test.csv")
    status, said = run("asd evaluate team", tmp_path)
    assert (status, "is not a regular file" in said) == (3, True)


def test_a_test_clip_that_result_files_cannot_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = write_machine(tmp_path / "dev_data", seconds=0.8) / "source_test"
    assert asd("train", *KNN, "-q", "--jobs", "1").exit_code == 0
    first = folder / "section_00_source_test_normal_0000.wav"
    odd = os.fsencode(folder) + b"/section_00_source_test_normal_0099_\xff.wav"
    Path(os.fsdecode(odd)).write_bytes(first.read_bytes())
    found = asd("score", *KNN, "--jobs", "1")
    assert found.exit_code == 3
    assert "normal_0099_\\udcff.wav: its name is not in UTF-8" in found.stderr


@pytest.mark.parametrize(("mode", "stage"), [("dev", "dev"), ("eval", "eval-train")])
def test_what_to_fetch_is_of_the_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, stage: str
) -> None:
    monkeypatch.chdir(tmp_path)
    for words in (("train",), ("extract",), ("score", "--machine", "fan")):
        found = asd(*words, "--mode", mode)
        assert found.exit_code == 3
        assert f"asd fetch --stage {stage};" in found.stderr
    (tmp_path / f"{mode}_data").mkdir()
    assert f"asd fetch --stage {stage}" in asd("train", "--mode", mode).stderr
