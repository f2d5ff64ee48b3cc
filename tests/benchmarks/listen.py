"""Listening at real speed and faster: times of clips, memory, share of a core.

    python -m tests.benchmarks.listen                     # ten minutes, then the same 20 times as fast
    python -m tests.benchmarks.listen --speed 20 --seconds 600

A model of synthetic recordings is trained (`robust`, 16 kHz, clips of 10 s), and a process of
`asd listen --stdin` gets sound at a multiple of real speed. Printed: how far clip times are from
where they belong, resident memory after a minute and at the end, and the share of a core.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from asd_cli.core.events import SILENT
from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.services.own_train import train_machine
from asd_cli.settings.model import Settings
from asd_cli.synthetic.recordings import (
    RecordingPlan,
    plan_recordings,
    render_recording,
    write_recordings,
)

RATE = 16000
CLIP_SECONDS = 10.0
_BLOCK_SECONDS = 0.1
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured."""

    speed: float
    clips: int
    expected: int
    worst_time_error: float
    memory_early_mb: float
    memory_late_mb: float
    memory_peak_mb: float
    core_share: float


def train(root: Path) -> None:
    """Train a model of 12 recordings of a minute."""
    write_recordings(root / "own", RecordingPlan(normal=12, faulty=0, seconds=60.0))
    settings = Settings(
        model_directory=root / "model", result_directory=root / "result",
        cache_directory=root / "cache", detector="robust",
    )  # fmt: skip
    request = OwnTrainRequest(sources=(root / "own",), machine="engine", settings=settings, jobs=1)
    train_machine(request, SILENT)


def listen(root: Path, speed: float, seconds: float) -> Figures:
    """Feed a process of `asd listen`."""
    plan = RecordingPlan(normal=1, faulty=0, seconds=60.0, seed=2021)
    wave = render_recording(plan, plan_recordings(plan)[0])
    minute = (np.clip(wave, -1, 1) * 32767).astype("<i2").tobytes()
    command = [sys.executable, "-m", "asd_cli", "listen", "--stdin", "--rate", str(RATE),
               "--machine", "engine", "--format", "jsonl"]  # fmt: skip
    with subprocess.Popen(
        command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        memory: list[tuple[float, float]] = []
        rows: list[bytes] = []
        reader = threading.Thread(target=lambda: rows.extend(process.stdout or ()), daemon=True)
        reader.start()
        if process.stdin is None:
            raise RuntimeError("no pipe")
        begin, size = time.monotonic(), round(_BLOCK_SECONDS * RATE) * 2
        for number in range(round(seconds / _BLOCK_SECONDS)):
            at = number * size % len(minute)
            process.stdin.write(minute[at : at + size])
            process.stdin.flush()
            late = begin + (number + 1) * _BLOCK_SECONDS / speed - time.monotonic()
            if late > 0:
                time.sleep(late)
            if number % 50 == 0:
                memory.append((number * _BLOCK_SECONDS, memory_mb(process.pid)))
        wall = time.monotonic() - begin
        cpu = _cpu_seconds(process.pid)
        process.stdin.close()
        reader.join()
    return _figures(rows, memory, speed, seconds, cpu / wall)


def _figures(
    rows: list[bytes], memory: list[tuple[float, float]], speed: float, seconds: float, share: float
) -> Figures:
    times = np.array([datetime.fromisoformat(json.loads(row)["time"]).timestamp() for row in rows])
    errors = times - times[0] - CLIP_SECONDS * np.arange(len(times))
    return Figures(
        speed=speed, clips=len(rows), expected=int(seconds // CLIP_SECONDS),
        worst_time_error=float(np.abs(errors).max()),
        memory_early_mb=next(mb for at, mb in memory if at >= 0.4 * seconds),
        memory_late_mb=memory[-1][1], memory_peak_mb=max(mb for _, mb in memory), core_share=share,
    )  # fmt: skip


def memory_mb(process: int) -> float:
    """Give the resident memory of a process; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()
    except OSError:
        return 0.0
    return int(fields[1]) * _PAGE / 1e6


def _cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speed", action="append", type=float)
    parser.add_argument("--seconds", type=float, default=600.0)
    given = parser.parse_args()
    print("| speed | clips (expected) | worst time error | memory at 40 %, end, peak | of a core |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder))
        for speed in given.speed or (1.0, 20.0):
            found = listen(Path(folder), speed, given.seconds)
            print(
                f"| {speed:g} | {found.clips} ({found.expected}) | {found.worst_time_error:.3f} s | "
                f"{found.memory_early_mb:.0f}, {found.memory_late_mb:.0f}, "
                f"{found.memory_peak_mb:.0f} MB | {found.core_share:.1%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
