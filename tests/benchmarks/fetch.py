"""Our fetch against ``curl``, ``md5sum`` and ``unzip`` on one archive over loopback.

    python -m tests.benchmarks.fetch --size 1000000000

Both are processes of their own, started in turn against the same server on the same disk. The
archive holds recordings of noise of the real length and format, deflated as the real ones are.
``TMPDIR`` chooses the disk.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import wave
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.archives import DEV
from tests.support.zenodo_server import ZenodoServer

NAME = "dev_data_fan.zip"
_CLIP_FRAMES = 160_000
_REPEATS = 3
_FETCH = """
import sys
from pathlib import Path
from asd_cli.services.fetch import FetchRequest, fetch
root, url = sys.argv[1:]
fetch(FetchRequest(stages=("dev",), machines=("fan",), root=Path(root), base_url=url))
"""


@dataclass(frozen=True)
class Cost:
    """What a process took."""

    seconds: float
    peak_bytes: int


def make_archive(path: Path, size: int) -> int:
    """Write an archive of about `size` bytes; gives the bytes of its recordings."""
    noise = random.Random(0)
    clip = path.with_suffix(".wav")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        number = unpacked = 0
        while archive.fp is not None and archive.fp.tell() < size:
            _write_clip(clip, noise)
            # Drawing noise costs more than packing it: turned round, it is other noise.
            content = clip.read_bytes()
            for _ in range(8):
                start = 44 + 2 * noise.randrange(_CLIP_FRAMES)
                turned = content[:44] + content[start:] + content[44:start]
                name = f"fan/train/section_00_source_train_normal_{number:04d}_strength_1.wav"
                archive.writestr(name, turned)
                number += 1
                unpacked += len(turned)
    clip.unlink()
    return unpacked


def _write_clip(path: Path, noise: random.Random) -> None:
    """Noise of 12 bits in 16, which deflates to about five sixths as real recordings do."""
    raw = bytearray(noise.randbytes(2 * _CLIP_FRAMES))
    raw[1::2] = bytes((value & 0x0F) - 8 & 0xFF for value in raw[1::2])
    with wave.open(str(path), "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16000)
        recording.writeframes(bytes(raw))


def measure(command: Sequence[str]) -> Cost:
    """Run a command to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return Cost(time.perf_counter() - start, usage.ru_maxrss * unit)


def measure_tools(url: str, folder: Path) -> dict[str, Cost]:
    """Transfer, check and unpack with those of the usual tools that exist."""
    archive = folder / NAME
    steps = {
        "curl": ["curl", "-sSf", "-o", str(archive), url],
        "md5sum": ["md5sum", str(archive)],
        "unzip": ["unzip", "-q", str(archive), "-d", str(folder)],
    }
    return {tool: measure(step) for tool, step in steps.items() if shutil.which(tool)}


def run(size_bytes: int) -> dict[str, object]:
    """Measure both, the fastest of three runs each, taken in turn.

    Parameters
    ----------
    size_bytes : int
        Of the archive, about.

    Returns
    -------
    dict
        Seconds, their ratio, and peak memory of our process in bytes.
    """
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        archive = base / "served.zip"
        unpacked = make_archive(archive, size_bytes)
        ours: list[Cost] = []
        theirs: list[dict[str, Cost]] = []
        with ZenodoServer({DEV: {NAME: archive}}) as server:
            server.describe(DEV, listing=False)
            for _ in range(_REPEATS):
                with tempfile.TemporaryDirectory(dir=base) as place:
                    theirs.append(
                        measure_tools(f"{server.url}/records/{DEV}/files/{NAME}", Path(place))
                    )
                with tempfile.TemporaryDirectory(dir=base) as place:
                    ours.append(measure([sys.executable, "-c", _FETCH, place, server.url]))
        best = min(theirs, key=lambda costs: sum(cost.seconds for cost in costs.values()))
        seconds = sum(cost.seconds for cost in best.values())
        mine = min(cost.seconds for cost in ours)
        return {
            "archive_bytes": archive.stat().st_size,
            "unpacked_bytes": unpacked,
            "ours_seconds": round(mine, 2),
            "tools_seconds": round(seconds, 2),
            "tools": {tool: round(cost.seconds, 2) for tool, cost in best.items()},
            "all_ours": [round(cost.seconds, 2) for cost in ours],
            "all_tools": [
                round(sum(cost.seconds for cost in costs.values()), 2) for costs in theirs
            ],
            "ratio": round(mine / seconds, 3),
            "ours_peak_bytes": max(cost.peak_bytes for cost in ours),
        }


def main() -> None:
    """Print the measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000_000)
    sys.stdout.write(json.dumps(run(parser.parse_args().size), indent=1) + "\n")


if __name__ == "__main__":
    main()
