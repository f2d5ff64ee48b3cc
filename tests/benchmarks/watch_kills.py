"""Kill `asd watch` again and again while recordings arrive in every way there is.

    python -m tests.benchmarks.watch_kills
    python -m tests.benchmarks.watch_kills --kills 60 --seed 2
    python -m tests.benchmarks.watch_kills --exported   # scores by a file of asd export

A writer puts recordings into a folder: written slowly, closed and opened again, renamed in, moved in
from outside, below a new folder, sent twice, and removed before they are complete. Meanwhile the
watching process is killed at random moments and at each of its commit points in turn, and started
again. Then everything must be there once: a row for each recording, an id for each alarm, and each
file moved away. Exits with 1 otherwise.
"""

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from asd_cli.services.export import AlarmOptions, Description, ExportRequest, export
from tests.support import monitored

CHECKPOINTS = ("hashed", "scored", "begun", "written", "committed", "moved", "shown")
WAYS = ("slow", "twice open", "renamed", "moved in", "new folder", "sent twice", "removed")
_DEADLINE_SECONDS = 60.0


class Writer(threading.Thread):
    """Writes recordings, each in another way, until it is told to stop."""

    def __init__(self, root: Path, seed: int) -> None:
        super().__init__(daemon=True)
        self.root, self.random = root, random.Random(seed)
        self.ending = threading.Event()
        self.complete: set[str] = set()

    def run(self) -> None:
        """Write until it is over."""
        number = 0
        while not self.ending.is_set():
            self._write(number, WAYS[number % len(WAYS)])
            number += 1
            self.ending.wait(self.random.uniform(0.01, 0.3))

    def _write(self, number: int, way: str) -> None:
        outside = self.root / "outside"
        source = monitored.write(outside / f"{number:05}.wav", number, loud=1 if number < 40 else 4)
        os.utime(source)
        content = source.read_bytes()
        target = self.root / "in" / source.name
        if way == "new folder":
            target = self.root / "in" / f"day {number}" / source.name
            target.parent.mkdir(parents=True)
        if way in {"slow", "new folder", "removed"}:
            with target.open("wb") as file:
                for part in range(5):
                    file.write(content[part * len(content) // 5 : (part + 1) * len(content) // 5])
                    file.flush()
                    time.sleep(0.05)
                    if way == "removed" and part == 2:
                        break
            if way == "removed":
                target.unlink()
                return
        elif way == "twice open":
            target.write_bytes(content[:1000])
            time.sleep(0.1)
            with target.open("ab") as file:
                file.write(content[1000:])
        elif way == "renamed":
            hidden = target.with_name(f".{target.name}.part")
            hidden.write_bytes(content)
            hidden.rename(target)
        else:
            shutil.copy(source, source.with_suffix(".copy"))
            source.with_suffix(".copy").rename(target)
        if way == "sent twice":
            time.sleep(0.8)
            target.write_bytes(content)
        self.complete.add(target.name)


def start(root: Path, checkpoint: str, count: int) -> "subprocess.Popen[bytes]":
    """Start the watching process, which kills itself at a checkpoint."""
    return subprocess.Popen([sys.executable, "-m", "tests.support.watch_victim", str(root), checkpoint,
                             str(count), "on"])  # fmt: skip


def problems(root: Path, writer: Writer) -> list[str]:
    """Say what is not as it must be."""
    database = sqlite3.connect(root / "result" / "own" / monitored.MACHINE / "state.sqlite")
    rows = Counter(Path(path).name for (path,) in database.execute("SELECT path FROM files"))
    clips = Counter(Path(s).name for (s,) in database.execute("SELECT source FROM clips"))
    events = [row[0] for row in database.execute("SELECT id FROM events")]
    database.close()
    told = {line.split()[0] for line in (root / "ids").read_text(encoding="ascii").splitlines()}
    moved = Counter(path.name for path in (root / "done").rglob("*.wav"))
    found = []
    for what, counted in (("rows", rows), ("scored clips", clips), ("moved files", moved)):
        if counted != Counter(writer.complete):
            found.append(
                f"{what}: {(counted - Counter(writer.complete)) + (Counter(writer.complete) - counted)}"
            )
    if len(set(events)) != len(events) or set(events) != told:
        found.append(f"events: {len(events)} kept, {len(told)} told")
    return found


def _exported(root: Path) -> Path:
    file = root / "model.onnx"
    asked = AlarmOptions(false_alarms="1/hour")
    export(
        ExportRequest(
            machine=monitored.MACHINE, output=file, settings=monitored.settings(root),
            description=Description(alarms=asked),
        )
    )  # fmt: skip
    return file


def main() -> None:
    """Kill, and look at what is left."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--exported", action="store_true")
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        monitored.train(root)
        if given.exported:
            os.environ["WATCH_MODEL"] = str(_exported(root))
        (root / "in").mkdir()
        (root / "told").write_text(f'#!/bin/sh\necho "$ASD_ID $ASD_STATE" >> "{root}/ids"\n')
        (root / "told").chmod(0o755)
        writer = Writer(root, given.seed)
        writer.start()
        for number in range(given.kills):
            if number % 2:
                process = start(
                    root, CHECKPOINTS[number // 2 % len(CHECKPOINTS)], draw.randint(1, 3)
                )
            else:
                process = start(root, "never", 1)
                time.sleep(draw.uniform(1.0, 6.0))
                process.kill()
            if process.wait(_DEADLINE_SECONDS) != -signal.SIGKILL:
                raise SystemExit(f"kill {number} did not happen")
        writer.ending.set()
        writer.join()
        last = start(root, "never", 1)
        until = time.monotonic() + _DEADLINE_SECONDS
        while problems(root, writer) and time.monotonic() < until:
            time.sleep(1.0)
        last.terminate()
        last.wait()
        left = problems(root, writer)
    print(
        f"{given.kills} kills, {len(writer.complete)} recordings: {'; '.join(left) or 'each once'}"
    )
    sys.exit(bool(left))


if __name__ == "__main__":
    main()
