"""Extract, train and score in several processes: the bytes of one alone, and nothing twice."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import asd_cli as asd
from asd_cli.core.errors import DataError
from asd_cli.core.types import Split
from asd_cli.execution.dask_executor import DaskExecutor
from asd_cli.execution.executor import Engine
from asd_cli.execution.ranks import Rank
from asd_cli.features import units as units_module
from asd_cli.services.extract import ExtractResult, extract
from asd_cli.services.score import score
from asd_cli.services.train import train
from tests.support.recordings import write_machine
from tests.unit.services.test_several_machines import outputs

MACHINES = ("fan", "pump", "valve")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    for machine in MACHINES:
        write_machine(folder, machine)
    return folder


@pytest.fixture(autouse=True)
def _small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(units_module, "CLIPS_PER_UNIT", 5)


def request(recordings: Path, folder: Path, **changes: object) -> asd.RunRequest:
    places = [
        f"{name}_directory={folder / name}" for name in ("cache", "model", "result", "eval")
    ] + [f"dev_directory={recordings}", "detector=pooled-knn", "feature.n_mels=32"]
    loaded = asd.load_settings(overrides=places)
    return asd.RunRequest(settings=loaded.settings, jobs=1, **changes)  # type: ignore[arg-type]


def results(folder: Path) -> dict[str, bytes]:
    """What a run leaves, without the markers of its units."""
    return {
        name: content
        for name, content in outputs(folder).items()
        if ".units" not in name and not name.endswith(".claim")
    }


def everything(recordings: Path, folder: Path, **changes: object) -> None:
    asked = request(recordings, folder, **changes)
    extract(asked)
    asd.train(asked)
    asd.score(asked)


@pytest.fixture(scope="module")
def alone(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("alone")
    everything(recordings, folder)
    return results(folder)


def test_ranks_leave_the_bytes_of_one_process(
    recordings: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    ranks = [Rank(number, 2) for number in range(2)]
    for step in (extract, asd.train, asd.score):
        for rank in ranks:
            step(request(recordings, tmp_path, rank=rank))
    found = results(tmp_path)
    assert found.keys() == alone.keys()
    assert [name for name in alone if found[name] != alone[name]] == []
    for rank in ranks:
        again = extract(request(recordings, tmp_path, rank=rank))
        assert all(part.extraction.up_to_date for part in again.parts)
        trained = asd.train(request(recordings, tmp_path, rank=rank))
        assert {machine.state for machine in trained.machines} == {"up to date"}
    assert [m.machine for m in asd.train(request(recordings, tmp_path, rank=ranks[0])).machines] == [
        "fan", "valve"
    ]  # fmt: skip


def test_the_first_rank_says_what_is_unfinished_and_the_last_one_joins_it(
    recordings: Path, tmp_path: Path
) -> None:
    first = extract(request(recordings, tmp_path, rank=Rank(0, 2)))
    assert not first.parts
    assert first.unfinished == tuple(f"{m} {split}" for m in MACHINES for split in Split)
    last = extract(request(recordings, tmp_path, rank=Rank(1, 2)))
    assert not last.unfinished
    assert computed(last) == len(MACHINES) * (16 + 24)


def computed(result: ExtractResult) -> int:
    return sum(part.extraction.computed for part in result.parts)


def test_what_one_process_extracted_is_not_extracted_in_units(
    recordings: Path, tmp_path: Path
) -> None:
    extract(request(recordings, tmp_path))
    for number in range(2):
        again = extract(request(recordings, tmp_path, rank=Rank(number, 2)))
        assert computed(again) == 0
        assert not again.unfinished


_VICTIM = """
import sys
from pathlib import Path
from asd_cli.execution.ranks import Rank
from asd_cli.features import units
from asd_cli.services.extract import extract
from tests.unit.services.test_ranks import request
units.CLIPS_PER_UNIT = 5
extract(request(Path(sys.argv[1]), Path(sys.argv[2]), rank=Rank(int(sys.argv[3]), 2)))
"""


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _VICTIM, *map(str, arguments)])


def seconds_of_markers(folder: Path) -> dict[str, float]:
    markers = folder.glob("cache/*/*.units/*.done.json")
    return {p.name: p.stat().st_mtime_ns for p in markers if not p.name.startswith("merged")}


@pytest.mark.slow
def test_a_rank_that_is_killed_is_resumed_and_ranks_may_be_started_twice(
    recordings: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    victim = start(recordings, tmp_path, 0)
    while not seconds_of_markers(tmp_path) and victim.poll() is None:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    victim.wait(60)
    before = seconds_of_markers(tmp_path)
    assert before
    running = [start(recordings, tmp_path, rank) for rank in (0, 0, 1, 1)]
    assert [process.wait(120) for process in running] == [0] * 4
    after = seconds_of_markers(tmp_path)
    assert {name: after[name] for name in before} == before, "units that were done are not touched"
    found = results(tmp_path)
    features = [name for name in alone if name.startswith("cache")]
    assert [name for name in features if found.get(name) != alone[name]] == []
    assert set(found) == set(features), "nothing else is left"


_TRAINER = """
import sys
from pathlib import Path
import asd_cli as asd
from asd_cli.execution.ranks import Rank
from tests.unit.services.test_ranks import request
asked = request(Path(sys.argv[1]), Path(sys.argv[2]), rank=Rank(int(sys.argv[3]), 2))
states = [machine.state for machine in asd.train(asked).machines]
scored = [machine.clips for machine in asd.score(asked).machines]
print(*states)
"""


@pytest.mark.slow
def test_ranks_of_training_may_be_started_twice_over_each_other(
    recordings: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    extract(request(recordings, tmp_path))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _TRAINER, str(recordings), str(tmp_path), rank],
            stdout=subprocess.PIPE, text=True,
        )
        for rank in ("0", "0", "1", "1")
    ]  # fmt: skip
    states = [word for process in running for word in process.communicate(timeout=120)[0].split()]
    assert [process.returncode for process in running] == [0] * 4
    assert states.count("trained") == len(MACHINES), "each machine is trained once"
    found = results(tmp_path)
    assert found.keys() == alone.keys()
    assert [name for name in alone if found[name] != alone[name]] == []


def test_a_recording_that_changes_is_extracted_again(tmp_path: Path) -> None:
    data, folder = tmp_path / "data", tmp_path / "out"
    path = write_machine(data, "fan") / "train"
    ranks = [Rank(number, 2) for number in range(2)]
    for rank in ranks:
        extract(request(data, folder, rank=rank))
    first, second = sorted(path.iterdir())[:2]
    first.write_bytes(second.read_bytes())
    found = [extract(request(data, folder, rank=rank)) for rank in ranks]
    assert sum(map(computed, found)) == 1
    everything(data, folder)
    everything(data, tmp_path / "other")
    one, other = results(folder), results(tmp_path / "other")
    assert [name for name in other if one[name] != other[name]] == []


def test_bad_recordings_are_listed_by_the_rank_that_joins_and_may_be_left_out(
    tmp_path: Path,
) -> None:
    data, folder = tmp_path / "data", tmp_path / "out"
    bad = sorted((write_machine(data, "fan") / "train").iterdir())[3]
    bad.write_bytes(b"RIFF")
    extract(request(data, folder, rank=Rank(0, 2)))
    with pytest.raises(DataError, match="1 of 16 recordings"):
        extract(request(data, folder, rank=Rank(1, 2)))
    result = extract(request(data, folder, rank=Rank(1, 2), skip_bad=True))
    assert len(result.skipped) == 1
    assert bad.name in result.skipped[0]


def test_features_of_a_unit_that_are_damaged_are_computed_again(
    recordings: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    extract(request(recordings, tmp_path, rank=Rank(0, 2)))
    part = min(tmp_path.glob("cache/*/fan_train*.units/*.npy"))
    content = bytearray(part.read_bytes())
    content[-1] ^= 1
    part.write_bytes(content)
    with pytest.raises(DataError, match="fan train . of 4 .* damaged") as caught:
        extract(request(recordings, tmp_path, rank=Rank(1, 2)))
    assert "again" in str(caught.value.hint)
    for number in range(2):
        extract(request(recordings, tmp_path, rank=Rank(number, 2)))
    found = results(tmp_path)
    assert all(found[name] == alone[name] for name in alone if name.startswith("cache"))


def test_markers_say_what_a_unit_took(recordings: Path, tmp_path: Path) -> None:
    asked = request(recordings, tmp_path, rank=Rank(0, 2))
    extract(asked)
    content = json.loads(min(tmp_path.glob("cache/*/fan_train*.units/*.done.json")).read_text())
    assert content["size"] == content["computed"] == 5
    assert content["label"].startswith("fan train ")
    assert content["seconds"] > 0


@pytest.mark.slow
def test_a_dask_cluster_whose_worker_is_killed_leaves_the_bytes_of_one_process(
    recordings: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    asked = request(recordings, tmp_path, engine=Engine.DASK)
    executor = DaskExecutor(workers=2)
    victim = min(executor._client.run(os.getpid).values())

    def kill() -> None:
        end = time.monotonic() + 60
        while not seconds_of_markers(tmp_path) and time.monotonic() < end:
            time.sleep(0.005)
        os.kill(victim, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        train(asked, executor=executor)
        score(asked, executor=executor)
        assert victim not in executor._client.run(os.getpid).values()
    finally:
        killer.join()
        executor.close()
    found = results(tmp_path)
    assert found.keys() == alone.keys()
    assert [name for name in alone if found[name] != alone[name]] == []
