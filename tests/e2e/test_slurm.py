"""The whole way through Slurm itself, on a cluster of one node: opt in with ASD_TEST_SLURM=1.

Needs root and Debian's packages: ``apt-get install slurm-wlm munge``.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.command import finish
from tests.support.recordings import write_machine

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("ASD_TEST_SLURM") != "1" or shutil.which("slurmctld") is None,
        reason="set ASD_TEST_SLURM=1 where slurm-wlm and munge are installed, as root",
    ),
]
CONFIGURATION = """ClusterName=asd
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES State=UP MaxTime=INFINITE
"""


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    folder = tmp_path / "slurm"
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    (folder / "munge.key").write_bytes(os.urandom(1024))
    (folder / "munge.key").chmod(0o600)
    text = CONFIGURATION.format(host=socket.gethostname(), folder=folder, ports=_free_ports())
    (folder / "slurm.conf").write_text(text)
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    places = {"key-file": "key", "socket": "sock", "pid-file": "pid", "log-file": "log",
              "seed-file": "seed"}  # fmt: skip
    munge = [f"--{option}={folder}/munge.{name}" for option, name in places.items()]
    subprocess.run(["munged", "--force", *munge], check=True)
    subprocess.run(["slurmctld"], check=True)
    subprocess.run(["slurmd"], check=True)
    yield
    for name in ("slurmd", "slurmctld", "munge"):
        with suppress(OSError, ValueError):
            os.kill(int((folder / f"{name}.pid").read_text()), 15)


def _wait_for_the_queue() -> None:
    end = time.monotonic() + 240
    while time.monotonic() < end:
        time.sleep(1)
        if not subprocess.run(["squeue", "-h"], capture_output=True, check=True).stdout:
            return
    raise TimeoutError("jobs are still queued")


def test_extract_train_and_score_as_arrays_of_jobs(slurm: None, tmp_path: Path) -> None:
    for machine in ("fan", "pump"):
        write_machine(tmp_path / "data", machine)
    common = ["--set=dev_directory=data", "--set=feature.n_mels=32"]
    knn = ["--detector", "pooled-knn"]
    for number, words in enumerate((["extract"], ["train", *knn], ["score", *knn]), start=1):
        code, _, err = finish(
            *words, *common, "--executor", "slurm", "--slurm-options", "--time=10",
            folder=tmp_path,
        )  # fmt: skip
        assert code == 0, err
        assert "Submitted batch job" in err
        _wait_for_the_queue()
        assert len({p.name.split("_")[0] for p in tmp_path.glob("asd-*.log")}) == number
    alone = [*common, "--set=model_directory=m", "--set=result_directory=r",
             "--set=cache_directory=c"]  # fmt: skip
    for words in (["train", *knn], ["score", *knn]):
        code, _, err = finish(*words, *alone, folder=tmp_path)
        assert code == 0, err
    for one, other in (("model", "m"), ("result", "r")):
        files = {
            path.relative_to(tmp_path / other): path.read_bytes()
            for path in (tmp_path / other).rglob("*")
            if path.suffix in {".safetensors", ".csv"}
        }
        assert files
        assert all((tmp_path / one / name).read_bytes() == files[name] for name in files)
