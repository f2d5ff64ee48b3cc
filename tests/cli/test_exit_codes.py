"""Every documented exit status, one by one, through real commands."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asd_cli.cli.exit_codes import ExitCode, exit_code, exits
from asd_cli.core.errors import AsdError, ConfigError, NetworkError, ProblemsError
from tests.support.command import QUICK, asd, finish, start
from tests.support.recordings import write_machine

KNN = ("--detector", "pooled-knn")


def test_0_ok(project: Path) -> None:
    for command in ("extract", "train", "score", "evaluate"):
        extra = () if command == "extract" else KNN
        assert asd(command, *extra).exit_code == 0


def test_1_a_bug(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    monkeypatch.setattr("asd_cli.services.doctor.diagnose", lambda _: 1 / 0)
    result = asd("doctor")
    assert result.exit_code == 1
    assert "this is a bug in asd: ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr
    monkeypatch.setenv("ASD_DEBUG", "1")
    assert "Traceback" in asd("doctor").stderr


def test_2_usage(project: Path) -> None:
    for arguments in (
        ("train", "--set", "fit.epoch=5"),
        ("train", "--machine", "fna"),
        ("train", "--detector", "mobilenet"),
        ("extract", "--dev", "--eval"),
        ("evaluate", "--edition", "dcase1999"),
    ):
        result = asd(*arguments)
        assert result.exit_code == 2, result.output
        assert "error: " in result.stderr
        assert "hint: " in result.stderr
        assert result.stdout == ""


@pytest.mark.parametrize("name", ["nope", "", "."])
def test_2_a_machine_that_is_not_there(project: Path, name: str) -> None:
    result = asd("train", "-m", name, *KNN)
    assert result.exit_code == 2
    assert "found: fan" in result.stderr


def test_2_a_device_that_does_not_exist(project: Path) -> None:
    assert asd("train", "--device", "foo", *KNN).exit_code == 2


def test_2_a_model_of_other_sections_or_settings(project: Path) -> None:
    assert asd("train", *KNN).exit_code == 0
    write_machine(project / "eval_data", sections=("03",), labels=False)
    (project / "model" / "eval").mkdir()
    shutil.copytree(
        project / "model" / "dev" / "pooled-knn", project / "model" / "eval" / "pooled-knn"
    )
    result = asd("score", "--eval", *KNN)
    assert result.exit_code == 2
    assert "is the model of fan in mode dev" in result.stderr
    result = asd("score", *KNN, "--set", "feature.n_mels=64")
    assert result.exit_code == 2
    assert "trained with feature.n_mels = 128, and it is 64 now" in result.stderr


def test_2_test_clips_of_a_section_without_training_write_no_csv(project: Path) -> None:
    assert asd("train", *KNN).exit_code == 0
    source = project / "dev_data" / "fan" / "source_test"
    for name in ("normal_0000", "anomaly_0000"):
        shutil.copy(source / f"section_00_source_test_{name}.wav",
                    source / f"section_07_source_test_{name}.wav")  # fmt: skip
    result = asd("score", *KNN)
    assert result.exit_code == 2
    assert "knows the sections 00, 01 and not 07" in result.stderr
    assert not list(project.glob("result/**/*.csv"))


def test_3_bad_data(project: Path) -> None:
    clip = next((project / "dev_data" / "fan" / "train").iterdir())
    clip.write_bytes(b"<html>")
    result = asd("train", *KNN)
    assert result.exit_code == 3
    assert str(clip.name) in result.stderr
    assert "--skip-bad" in result.stderr
    assert asd("score", *KNN).exit_code == 3  # there is no model
    assert asd("evaluate", *KNN).exit_code == 3  # there are no scores


def test_3_a_single_section_cannot_be_classified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_machine(tmp_path / "dev_data", sections=("00",))
    result = asd("train", *QUICK)
    assert result.exit_code == 3
    assert "--detector pooled-knn" in result.stderr


def test_4_incomplete(project: Path) -> None:
    asd("train", *KNN)
    clip = next((project / "dev_data" / "fan" / "source_test").iterdir())
    clip.write_bytes(b"")
    assert asd("score", *KNN).exit_code == 3
    result = asd("score", *KNN, "--skip-bad")
    assert result.exit_code == 4
    assert clip.name in result.stderr
    rows = "".join(path.read_text() for path in project.glob("result/**/anomaly_score_*.csv"))
    assert clip.name not in rows
    assert len(rows.splitlines()) == 23


def test_6_a_pickled_model_is_refused(project: Path) -> None:
    asd("train", *KNN)
    model = project / "model" / "dev" / "pooled-knn" / "model_fan.safetensors"
    model.write_bytes(b"\x80\x04\x95" + bytes(50))
    result = asd("score", *KNN)
    assert result.exit_code == 6
    assert "is not a model file" in result.stderr


def test_7_a_full_output(project: Path) -> None:
    # Help is Typer's own printing; it ends with a message too, but not with our status.
    for command, status in (("config show", 7), ("--help", 1)):
        done = subprocess.run(
            f"{sys.executable} -m asd_cli {command} >/dev/full", shell=True, cwd=project,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == status
        assert "Traceback" not in done.stderr


def test_7_a_name_that_is_too_long(project: Path) -> None:
    result = asd("train", *KNN, "--set", f"model_directory={'a' * 300}")
    assert result.exit_code == 7
    assert "File name too long" in result.stderr


def test_7_a_place_that_cannot_be_written(project: Path) -> None:
    (project / "cache").write_text("a file where a folder is needed")
    result = asd("extract")
    assert result.exit_code == 7
    assert "cache" in result.stderr


def test_8_the_quality_gate(project: Path) -> None:
    asd("train", *KNN)
    asd("score", *KNN)
    assert asd("evaluate", *KNN, "--fail-under", "0.1").exit_code == 0
    (next(project.glob("result/**/anomaly_score_fan_section_00_source*"))).write_text(
        "".join(
            f"section_00_source_test_{label}_000{n}.wav,{score}\n"
            for label, score in (("normal", 1), ("anomaly", 0))
            for n in range(3)
        )
    )
    changed = asd("evaluate", *KNN)
    assert changed.exit_code == 3
    assert "changed since fan was scored" in changed.stderr
    result = asd("evaluate", "result/dev/pooled-knn", "--fail-under", "0.9")
    assert result.exit_code == 8
    assert "is below 0.9" in result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_130_and_143_leave_a_checkpoint_and_the_next_run_finishes(
    project: Path, number: signal.Signals, status: int
) -> None:
    command = ("train", *QUICK, "--set=fit.epochs=400")
    process = start(*command, folder=project)
    checkpoint = project / "model" / "dev" / "mobilenetv2" / "checkpoint_fan.safetensors"
    wait_for(lambda: checkpoint.exists() or process.poll() is not None)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "resumes from here" in err
    assert checkpoint.exists()
    assert not list(project.glob("model/**/model_*"))
    refused = asd("train", *QUICK, "--set=fit.epochs=3")
    assert refused.exit_code == 2
    assert "fit.epochs was 400 and is 3" in refused.stderr
    assert asd("train", *QUICK, "--set=fit.epochs=3", "--force").exit_code == 0


@pytest.mark.slow
@pytest.mark.parametrize("delay", [0.0, 0.05, 0.15])
def test_130_a_terminals_interrupt_reaches_workers_too_and_shows_no_traceback(
    tmp_path: Path, delay: float
) -> None:
    write_machine(tmp_path / "dev_data", train=150, test=1)
    process = subprocess.Popen(
        [sys.executable, "-m", "asd_cli", "extract", "--jobs", "2"], cwd=tmp_path,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        # Where tests run in the background of a shell, processes inherit that it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )  # fmt: skip
    # The journal is opened just before the first workers start.
    wait_for(lambda: list(tmp_path.glob("cache/**/*.jsonl.partial")) or process.poll() is not None)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert finish("extract", folder=tmp_path)[0] == 0


def wait_for(condition, seconds: float = 120.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_table_gives_every_class_its_status() -> None:
    assert exit_code(ConfigError("x")) == ExitCode.USAGE
    assert exit_code(NetworkError("x")) == ExitCode.NETWORK
    assert exit_code(ProblemsError("x", [])) == ExitCode.BAD_DATA
    assert exit_code(AsdError("x")) == ExitCode.BUG


def test_256_problems_are_still_not_ok(capsys: pytest.CaptureFixture[str]) -> None:
    import typer

    @exits
    def command() -> None:
        raise ProblemsError("many", [f"problem {n}" for n in range(256)])

    with pytest.raises(typer.Exit) as caught:
        command()
    assert caught.value.exit_code == 3
    assert "… and 236 more" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_7_without_permission(project: Path) -> None:
    project.chmod(0o500)
    assert asd("extract").exit_code == 7
