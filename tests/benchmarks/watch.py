"""How fast `asd watch` catches up with a folder of recordings.

    python -m tests.benchmarks.watch
    python -m tests.benchmarks.watch --files 1000

Recordings of 10 s, all different, lie in a folder; one process of ``asd watch --once`` scores them
with a model of `robust`. Printed: files a second, share of a core, peak memory.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from asd_cli.synthetic.recordings import RecordingPlan, plan_recordings, render_recording
from asd_cli.synthetic.rendering import encode_wav
from tests.benchmarks.listen import RATE, memory_mb, train

_SHIFT = 12_347


def write_files(folder: Path, count: int) -> None:
    """Write recordings of 10 s that differ: one of a minute, begun elsewhere each time."""
    folder.mkdir()
    plan = RecordingPlan(normal=1, faulty=0, seconds=60.0, seed=2021)
    wave = render_recording(plan, plan_recordings(plan)[0])
    for number in range(count):
        part = np.roll(wave, -number * _SHIFT)[: 10 * RATE].copy()
        part[0] = number / count
        path = folder / f"{number:06}.wav"
        path.write_bytes(encode_wav(part))
        os.utime(path, (1.7e9 + 10 * number, 1.7e9 + 10 * number))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--files", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        train(root)
        write_files(root / "in", given.files)
        command = [sys.executable, "-m", "asd_cli", "watch", "in", "--machine", "engine", "--once",
                   "--format", "jsonl"]  # fmt: skip
        begin = time.monotonic()
        with (
            (root / "rows").open("wb") as rows,
            subprocess.Popen(command, cwd=root, stdout=rows) as process,
        ):
            memory = 0.0
            while process.poll() is None:
                memory = max(memory, memory_mb(process.pid))
                time.sleep(0.5)
        seconds = time.monotonic() - begin
        lines = (root / "rows").read_text(encoding="utf-8").splitlines()
        sources = {json.loads(line)["source"] for line in lines}
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print("| files | rows | seconds | files/s | of a core | peak memory |")
    print("|---|---|---|---|---|---|")
    print(
        f"| {len(sources)} of {given.files} | {len(lines)} | {seconds:.0f} | "
        f"{given.files / seconds:.0f} | {(used.ru_utime + used.ru_stime) / seconds:.0%} | "
        f"{memory:.0f} MB |"
    )


if __name__ == "__main__":
    main()
