"""kill -9 anywhere; the next run finishes, and its outputs are those of an undisturbed run."""

import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import QUICK, asd_in, finish, start
from tests.support.recordings import write_machine

pytestmark = pytest.mark.slow

RUN = ("run", "--jobs=1", *QUICK, "--set=fit.epochs=4")
# What needs no network is tried without one: torch takes seconds to load.
PLAIN = ("run", "--jobs=1", "--detector=pooled-speed")
Command = tuple[str, ...]


def outputs(folder: Path) -> dict[str, bytes]:
    """Every output but the manifest, which holds a time, and what may differ by design."""
    return {
        # Without the part of a store's name that stands for the folder of the recordings.
        re.sub(r"^(cache/.*)\.[0-9a-f]{8}\.", r"\1.", str(path.relative_to(folder))): path.read_bytes()
        for part in ("model", "result", "cache")
        for path in sorted((folder / part).rglob("*"))
        if path.is_file() and path.name != "manifest.json" and path.suffix != ".lock"
        and path.name != "report.html"
    }  # fmt: skip


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing broke off."""

    folder: Path
    outputs: dict[str, bytes]


def undisturbed(folder: Path, command: Command) -> Undisturbed:
    write_machine(folder / "dev_data")
    status, _, err = asd_in(folder, *command)
    assert status == 0, err
    return Undisturbed(folder, outputs(folder))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[Command, Undisturbed]:
    return {each: undisturbed(tmp_path_factory.mktemp("whole"), each) for each in (RUN, PLAIN)}


def appears(pattern: str, *, lines: int = 0) -> Callable[[Path], bool]:
    def there(folder: Path) -> bool:
        for path in folder.glob(pattern):
            try:
                if lines == 0 or path.read_bytes().count(b"\n") > lines:
                    return True
            except FileNotFoundError:  # renamed meanwhile
                continue
        return False

    return there


MOMENTS = {
    "extraction": (PLAIN, appears("cache/**/*.jsonl.partial", lines=3)),
    "an epoch": (RUN, appears("model/**/checkpoint_fan.safetensors")),
    "a checkpoint write": (RUN, appears("model/**/.checkpoint_fan*.tmp")),
    "before the last rename": (RUN, appears("model/**/.model_fan*.tmp")),
    "between model and threshold": (RUN, appears("model/**/history_fan.png")),
    "scoring": (PLAIN, appears("result/**/anomaly_score_*.csv")),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_next_run_finishes_what_a_kill_broke_off(
    tmp_path: Path, whole: dict[Command, Undisturbed], moment: str
) -> None:
    write_machine(tmp_path / "dev_data")
    command, reached = MOMENTS[moment]
    process = start(*command, folder=tmp_path)
    deadline = time.monotonic() + 120
    while not reached(tmp_path) and process.poll() is None:
        assert time.monotonic() < deadline
    process.send_signal(signal.SIGKILL)
    process.communicate()
    status, _, err = asd_in(tmp_path, *command)
    assert status == 0, err
    ours = outputs(tmp_path)
    expected = whole[command].outputs
    assert ours.keys() == expected.keys()
    assert [name for name in ours if ours[name] != expected[name]] == []


@pytest.mark.parametrize("command", [RUN, PLAIN], ids=["network", "plain"])
def test_the_same_command_twice_gives_the_same_bytes(
    whole: dict[Command, Undisturbed], command: Command
) -> None:
    first = whole[command]
    status, _, err = finish(*command, "--force", folder=first.folder)
    assert status == 0, err
    assert outputs(first.folder) == first.outputs


TOGETHER = (
    "train", "--jobs=2", *QUICK, "--set=feature.n_hop_frames=16", "--set=fit.epochs=25"
)  # fmt: skip


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("together")
    for machine in ("fan", "pump"):
        write_machine(folder / "dev_data", machine, test=1)
    status, _, err = finish(*TOGETHER, folder=folder)
    assert status == 0, err
    return outputs(folder)


@pytest.mark.parametrize(
    # SIGTERM of a single machine: tests/cli/test_exit_codes.py.
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGKILL, -9)],
)
def test_machines_trained_at_once_are_gone_on_with(
    tmp_path: Path, together: dict[str, bytes], number: signal.Signals, status: int
) -> None:
    for machine in ("fan", "pump"):
        write_machine(tmp_path / "dev_data", machine, test=1)
    process = start(*TOGETHER, folder=tmp_path)
    begun = [appears(f"model/**/checkpoint_{machine}.safetensors") for machine in ("fan", "pump")]
    deadline = time.monotonic() + 120
    while not all(there(tmp_path) for there in begun) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate()
    assert process.returncode == status, err
    assert ("resumes from here" in err) == (number != signal.SIGKILL)
    assert "Traceback" not in err
    assert not list(tmp_path.glob("model/**/model_*"))
    status, _, err = finish(*TOGETHER, folder=tmp_path)
    assert status == 0, err
    assert outputs(tmp_path) == together


CHOSEN = (
    "train", "--jobs=1", "--detector=auto", "--set=select.candidates=[autoencoder]",
    "--set=fit.epochs=12", "--set=fit.batch_size=64",
)  # fmt: skip


def test_what_auto_has_chosen_is_gone_on_with(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for folder in (whole, broken):
        write_machine(folder / "dev_data", test=1)
    status, _, err = asd_in(whole, *CHOSEN)
    assert status == 0, err
    process = start(*CHOSEN, folder=broken)
    begun, deadline = appears("model/**/checkpoint_fan.safetensors"), time.monotonic() + 120
    while not begun(broken) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(broken.glob("model/**/model_fan*")), "it was over before it could be killed"
    status, _, err = asd_in(broken, *CHOSEN)
    assert status == 0, err
    assert outputs(broken) == outputs(whole)
