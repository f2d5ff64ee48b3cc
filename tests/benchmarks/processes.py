"""Time and peak memory of a process, by the operating system's accounting."""

import json
import subprocess
import sys
from collections.abc import Sequence
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


def measure_python(
    arguments: Sequence[str], folder: Path, *, computing: bool = False
) -> tuple[float, int]:
    """Run Python with arguments to its end; seconds, or those of computing, and peak bytes."""
    launched = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCHER, sys.executable, *arguments],
        cwd=folder, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    status, passed, computed, peak = json.loads(launched.stdout)
    if status != 0:
        raise RuntimeError(f"python {' '.join(arguments)} ended with {status}")
    return computed if computing else passed, peak
