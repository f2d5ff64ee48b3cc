"""Time and peak memory of a process, by the operating system's accounting."""

import json
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

# A process begins with the peak of the one that started it, so a small one must start it.
_LAUNCHER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
seconds = time.perf_counter() - start
process.returncode = os.waitstatus_to_exitcode(status)
unit = 1 if sys.platform == "darwin" else 1024
computed = usage.ru_utime + usage.ru_stime
print(json.dumps([process.returncode, seconds, computed, usage.ru_maxrss * unit]))
"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and those that it started took.

    Attributes
    ----------
    seconds, computed : float
        From start to end, and of computing on all cores.
    peak_bytes : int
        Most memory of one process.
    """

    seconds: float
    computed: float
    peak_bytes: int


def measure_process(
    arguments: Sequence[str], folder: Path, *, allowed: Collection[int] = (0,)
) -> Usage:
    """Run Python with arguments to its end.

    Raises
    ------
    RuntimeError
        When it ends with another status than the allowed ones.
    """
    launched = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, sys.executable, *arguments],
        cwd=folder, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    status, passed, computed, peak = json.loads(launched.stdout)
    if status not in allowed:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {status}")
    return Usage(passed, computed, peak)


def measure_python(
    arguments: Sequence[str], folder: Path, *, computing: bool = False
) -> tuple[float, int]:
    """Run Python with arguments to its end; seconds, or those of computing, and peak bytes."""
    usage = measure_process(arguments, folder)
    return usage.computed if computing else usage.seconds, usage.peak_bytes
