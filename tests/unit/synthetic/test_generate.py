"""Sets on disk: the same bytes however they are made, resumed, kept, refused."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Iterable
from dataclasses import replace
from pathlib import Path

import pytest

from asd_cli.core.errors import UsageError
from asd_cli.core.events import SILENT, Events, SilentEvents
from asd_cli.core.types import Label, Mode, Split
from asd_cli.execution.executor import Item, Job, Outcome, Result, SerialExecutor
from asd_cli.execution.processes import ProcessExecutor
from asd_cli.synthetic.generate import generate
from asd_cli.synthetic.plan import SyntheticPlan, plan_clips

PLAN = SyntheticPlan(
    machines=("valve", "fan"),
    sections=1,
    source_train=3,
    target_train=1,
    test_normal=2,
    test_anomaly=2,
    duration_s=2.0,
)
CLIPS_IN_PLAN = 2 * (3 + 1 + 2 * 4)


class NotingEvents(SilentEvents):
    """Events that keep what they are told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.moved = 0.0

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        self.moved += amount

    def note(self, message: str) -> None:
        self.notes.append(message)


class BackwardExecutor(SerialExecutor):
    """Runs jobs last to first."""

    def submit(
        self,
        job: Job[Item, Result],
        items: Iterable[Item],
        *,
        events: Events = SILENT,
        long: bool = False,
    ) -> Generator[Outcome[Result], None, None]:
        for index, item in reversed(list(enumerate(items))):
            yield Outcome(index, job(item, events))


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def dev_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("synthetic") / "dev_data"
    generate(root, PLAN, executor=SerialExecutor())
    return root


def test_the_set_holds_the_planned_files(dev_set: Path) -> None:
    expected = {clip.path for clip in plan_clips(PLAN, Mode.DEV)}
    assert set(contents(dev_set)) == expected | {"SYNTHETIC.txt", "synthetic.json"}
    assert len(expected) == CLIPS_IN_PLAN


def test_it_says_that_it_is_synthetic(dev_set: Path) -> None:
    assert "SYNTHETIC" in (dev_set / "SYNTHETIC.txt").read_text(encoding="utf-8")
    manifest = json.loads((dev_set / "synthetic.json").read_text(encoding="utf-8"))
    assert manifest["schema"] == "asd.synthetic/1"
    assert manifest["synthetic"] is True
    assert manifest["complete"] is True
    assert manifest["plan"]["source_train"] == 3


@pytest.mark.parametrize("executor", [BackwardExecutor(), ProcessExecutor(2, start_seconds=0.0)])
def test_bytes_do_not_depend_on_the_executor(
    executor: BackwardExecutor | ProcessExecutor, dev_set: Path, tmp_path: Path
) -> None:
    result = generate(tmp_path, PLAN, executor=executor)
    assert result.written == CLIPS_IN_PLAN
    assert contents(tmp_path) == contents(dev_set)


def test_a_second_run_is_up_to_date_and_writes_nothing(dev_set: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in dev_set.rglob("*")}
    events = NotingEvents()
    result = generate(dev_set, PLAN, executor=SerialExecutor(), events=events)
    assert result.up_to_date
    assert (result.clips, result.written) == (CLIPS_IN_PLAN, 0)
    assert len(events.notes) == 1
    assert events.notes[0].startswith("up to date")
    assert {path: path.stat().st_mtime_ns for path in dev_set.rglob("*")} == before


def test_lost_and_cut_files_are_made_again(dev_set: Path, tmp_path: Path) -> None:
    generate(tmp_path, PLAN, executor=SerialExecutor())
    wavs = sorted(tmp_path.rglob("*.wav"))
    wavs[3].unlink()
    wavs[5].write_bytes(wavs[5].read_bytes()[:100])
    (tmp_path / "SYNTHETIC.txt").unlink()
    events = NotingEvents()
    result = generate(tmp_path, PLAN, executor=SerialExecutor(), events=events)
    assert (result.up_to_date, result.written, events.moved) == (False, 2, 2)
    assert contents(tmp_path) == contents(dev_set)


KILLED = """
import os, signal, sys
from pathlib import Path
from asd_cli.core import files
from asd_cli.synthetic.generate import generate
from asd_cli.execution.executor import Item, Job, Outcome, Result, SerialExecutor
from tests.unit.synthetic.test_generate import PLAN

flush, left = files.flush_to_disk, int(sys.argv[2])

def flush_or_die(path):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    flush(path)

files.flush_to_disk = flush_or_die
generate(Path(sys.argv[1]), PLAN, executor=SerialExecutor())
"""


@pytest.mark.parametrize("flushes", [1, 5, 21, 2 * (CLIPS_IN_PLAN + 3) - 1])
def test_a_killed_run_is_finished_by_the_next(flushes: int, dev_set: Path, tmp_path: Path) -> None:
    repository = Path(__file__).parents[4]
    root = tmp_path / "dev_data"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(root), str(flushes)],
        env={**os.environ, "PYTHONPATH": str(repository)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert any(path.suffix == ".tmp" for path in root.rglob("*")), "killed within a write"
    result = generate(root, PLAN, executor=SerialExecutor())
    assert not result.up_to_date
    assert result.written <= CLIPS_IN_PLAN
    assert contents(root) == contents(dev_set)


def test_eval_labels_are_in_the_ground_truth_alone(tmp_path: Path) -> None:
    generate(tmp_path, PLAN, mode=Mode.EVAL, executor=SerialExecutor())
    planned = [clip for clip in plan_clips(PLAN, Mode.EVAL) if clip.split is Split.TEST]
    files = sorted((tmp_path / "ground_truth").iterdir())
    assert [path.name for path in files] == [
        f"ground_truth_{machine}_section_03_{domain}_test.csv"
        for machine in ("fan", "valve")
        for domain in ("source", "target")
    ]
    for path in files:
        machine, domain = path.name.split("_")[2], path.name.split("_")[5]
        rows = [line.split(",") for line in path.read_bytes().decode().splitlines()]
        assert [name for name, _ in rows] == [
            f"section_03_{domain}_test_{k:04d}.wav" for k in range(4)
        ]
        truth = {
            clip.name: clip.label
            for clip in planned
            if clip.machine == machine and clip.domain == domain
        }
        assert {name: label == "1" for name, label in rows} == {
            name: label is Label.ANOMALY for name, label in truth.items()
        }
        assert (tmp_path / machine / f"{domain}_test" / rows[0][0]).is_file()


def test_other_data_is_refused(tmp_path: Path) -> None:
    real = tmp_path / "fan" / "train" / "section_00_source_train_normal_0000.wav"
    real.parent.mkdir(parents=True)
    real.write_bytes(b"real")
    with pytest.raises(UsageError, match="holds something else"):
        generate(tmp_path, PLAN, executor=SerialExecutor())
    assert contents(tmp_path) == {str(real.relative_to(tmp_path)): b"real"}


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dev_data").write_text("", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file"):
        generate(tmp_path / "dev_data", PLAN, executor=SerialExecutor())


@pytest.mark.parametrize(
    "manifest", ["{", "[]", '{"fingerprint": "0"}', "\N{GREEK SMALL LETTER PI}"]
)
def test_a_foreign_manifest_is_refused(manifest: str, tmp_path: Path) -> None:
    (tmp_path / "synthetic.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(UsageError, match="synthetic"):
        generate(tmp_path, PLAN, executor=SerialExecutor())


def test_another_plan_is_refused_with_the_way_out(dev_set: Path) -> None:
    with pytest.raises(UsageError, match="another plan") as caught:
        generate(dev_set, replace(PLAN, seed=1), executor=SerialExecutor())
    assert caught.value.hint is not None
    assert "rm -r" in caught.value.hint
    with pytest.raises(UsageError, match="another plan"):
        generate(dev_set, PLAN, mode=Mode.EVAL, executor=SerialExecutor())


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    plan = replace(PLAN, machines=("fan",), source_train=1, test_normal=0, test_anomaly=0)
    assert generate(tmp_path / "empty", plan, executor=SerialExecutor()).written == 2
