"""What work on several machines costs: engines, object storage, memory of a rank, overhead of units.

    python -m tests.benchmarks.scale_out                # ten minutes
    python -m tests.benchmarks.scale_out --only units   # engines, storage, memory or units

Clips are one recording under many names. S3 is moto's server in a process of its own, on loopback:
what it takes is most of what reading single objects takes, and no network is measured.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from asd_cli.core.events import SILENT, Events
from asd_cli.core.remote import forget_listings
from asd_cli.core.types import Clip, Split
from asd_cli.datasets.folder import FolderDataset
from asd_cli.execution.executor import Engine, Executor, SerialExecutor, make_executor
from asd_cli.execution.processes import ProcessExecutor
from asd_cli.execution.units import Unit, do_units
from asd_cli.features.extraction import extract_features
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.units import StoreUnits, extract_part
from asd_cli.services.pack import PackRequest, pack
from tests.benchmarks.comparison import recordings
from tests.benchmarks.processes import measure_python
from tests.support.object_store import BUCKET, files, upload

ROWS = (1_000, 10_000, 100_000, 1_000_000)
UNIT_SECONDS = 60.0
_WORKERS = 2
_SERVER = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
time.sleep(3600)
"""
_RANK = """
import sys
from pathlib import Path
from asd_cli.core.events import SILENT
from asd_cli.execution.executor import SerialExecutor
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import Unit, do_units
from asd_cli.pipeline.own.index import index_parts, recordings_of
def job(part, _):
    return {"files": len(recordings_of(part))}
path = Path(sys.argv[1])
units = [Unit(p.digest[:32], str(p.offset), p.rows, path.parent / "m", p) for p in index_parts(path)]
do_units(job, Rank(0, 8).of(units), executor=SerialExecutor(), events=SILENT)
"""

Figures = dict[str, float]


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _clips(paths: Sequence[Path]) -> tuple[Clip, ...]:
    return tuple(Clip(path=path, machine="fan", split=Split.TRAIN) for path in paths)


def _in_units(clips: tuple[Clip, ...], folder: Path, executor: Executor, size: int) -> None:
    stored = StoreUnits(title="fan train", clips=clips, name=folder / "s",
                        recipe=FeatureParameters(), clips_per_unit=size)  # fmt: skip
    do_units(extract_part, stored.units, executor=executor, events=SILENT)
    if stored.merge() is None:
        raise RuntimeError("units are missing")


def engines(*, clips: int = 4_000, per_unit: int = 500, seconds: float = 10.0, rounds: int = 3
            ) -> Figures:  # fmt: skip
    """Clips a second of two workers that were started before: processes, Dask, and as by default."""
    found: dict[str, list[float]] = {"processes": [], "dask": [], "processes, no units": []}
    with recordings(clips, seconds) as paths:
        every = _clips(paths)
        made: dict[str, Executor] = {
            "processes": ProcessExecutor(_WORKERS, start_seconds=0.0),
            "dask": make_executor(_WORKERS, engine=Engine.DASK),
        }
        for executor in made.values():  # libraries are loaded, workers are there
            with tempfile.TemporaryDirectory() as folder:
                _in_units(every[: 4 * _WORKERS], Path(folder), executor, 1)
        for _ in range(rounds):
            for name, executor in made.items():
                with tempfile.TemporaryDirectory() as folder:
                    took = _seconds(lambda: _in_units(every, Path(folder), executor, per_unit))  # noqa: B023
                    found[name].append(clips / took)
            with tempfile.TemporaryDirectory() as folder:
                took = _seconds(lambda: extract_features(
                    every, Path(folder) / "s", recipe=FeatureParameters(),
                    executor=made["processes"],
                ))  # fmt: skip
                found["processes, no units"].append(clips / took)
        for executor in made.values():
            executor.close()
    return {f"{name}, clips a second": max(rates) for name, rates in found.items()}


@contextmanager
def s3_process() -> Iterator[None]:
    """Run S3 in another process, so that it computes on another core."""
    words = [sys.executable, "-c", _SERVER]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        port = server.stdout.readline().strip() if server.stdout else ""
        environment = {
            "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        }  # fmt: skip
        try:
            with mock.patch.dict(os.environ, environment):
                files().mkdir(BUCKET)
                yield
        finally:
            server.kill()


def storage(*, clips: int = 600, seconds: float = 10.0, rounds: int = 3) -> Figures:
    """Clips a second of one process: local files, local shards, objects and shards in S3."""
    with s3_process(), recordings(clips, seconds) as paths, tempfile.TemporaryDirectory() as shards:
        folder = paths[0].parent
        url = upload(folder, "clips")
        for output in (f"{shards}/{{000..}}.tar", f"s3://{BUCKET}/shards/{{000..}}.tar"):
            pack(PackRequest(sources=(folder,), output=output, shard_bytes=64_000_000, jobs=1))
        roots = {"local files": folder, "local shards": Path(shards), "S3 objects": Path(url),
                 "S3 shards": Path(f"s3://{BUCKET}/shards")}  # fmt: skip
        found: dict[str, list[float]] = {name: [] for name in roots}
        for _ in range(rounds):
            for name, root in roots.items():
                forget_listings()
                took = _seconds(lambda: _extract(root))  # noqa: B023
                found[name].append(clips / took)
    return {f"{name}, clips a second": max(rates) for name, rates in found.items()}


def _extract(root: Path) -> None:
    """List and extract, as a unit does."""
    clips = FolderDataset(root=root, machine="fan").clips("fan", Split.TRAIN)
    with tempfile.TemporaryDirectory() as folder:
        extract_features(
            clips, Path(folder) / "s", recipe=FeatureParameters(), executor=SerialExecutor()
        )


def memory(*, rows: Sequence[int] = ROWS) -> Figures:
    """Peak memory in megabytes, and seconds, of one rank of eight over a list of recordings."""
    found: Figures = {}
    for count in rows:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "list.csv"
            with path.open("w", encoding="utf-8") as stream:
                stream.write("path\n")
                stream.writelines(f"day/{number:012d}.wav\n" for number in range(count))
            seconds, peak = measure_python(["-c", _RANK, str(path)], Path.cwd())
            found[f"{count:,} rows, MB"] = peak / 1e6
            found[f"{count:,} rows, s"] = seconds
    return found


def _empty(_: int, __: Events) -> Mapping[str, Any]:
    return {}


def units(*, count: int = 100_000) -> Figures:
    """Milliseconds that a unit costs, marking and looking again, and its part of a minute."""
    with tempfile.TemporaryDirectory() as folder:
        every = [Unit(f"{n:032d}", str(n), 1, Path(folder) / "m", n) for n in range(count)]
        first = _seconds(lambda: do_units(_empty, every, executor=SerialExecutor(), events=SILENT))
        again = _seconds(every[0].markers.keys)
    each = first / count
    return {
        "ms a unit": 1e3 * each,
        "% of a unit of a minute": 100 * each / UNIT_SECONDS,
        "s to find that all are done": again,
    }


PARTS: dict[str, Callable[..., Figures]] = {
    "engines": engines, "storage": storage, "memory": memory, "units": units,
}  # fmt: skip
_TINY: dict[str, dict[str, Any]] = {
    "engines": {"clips": 8, "per_unit": 4, "seconds": 1.0, "rounds": 1},
    "storage": {"clips": 8, "seconds": 1.0, "rounds": 1},
    "memory": {"rows": (100,)},
    "units": {"count": 20},
}


def run(names: Sequence[str] = tuple(PARTS), *, tiny: bool = False) -> dict[str, Figures]:
    """Measure some parts."""
    return {name: PARTS[name](**(_TINY[name] if tiny else {})) for name in names}


def as_markdown(figures: Mapping[str, Figures]) -> str:
    """Give one table."""
    rows = [
        f"| {part} | {name} | {value:.4g} |"
        for part, own in figures.items()
        for name, value in own.items()
    ]
    return "\n".join(["| part | figure | value |", "|---|---|---|", *rows])


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", choices=tuple(PARTS))
    given = parser.parse_args()
    for name in given.only or PARTS:
        figures = run((name,))
        print(as_markdown(figures), json.dumps(figures), sep="\n", flush=True)


if __name__ == "__main__":
    main()
