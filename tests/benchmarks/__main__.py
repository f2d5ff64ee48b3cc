"""All benchmarks, one after the other; tables as Markdown and figures as JSON in a folder.

python -m tests.benchmarks --output FOLDER           # two hours
python -m tests.benchmarks --only memory --only growth
python -m tests.benchmarks --tiny                    # a minute; only shows that they run
python -m tests.benchmarks --full                    # growth to 100,000 clips
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from asd_cli.artifacts.manifest import library_versions
from asd_cli.core.files import write_text
from asd_cli.synthetic.plan import SyntheticPlan
from tests.benchmarks import (
    accuracy,
    compute,
    detectors,
    evaluate,
    fetch,
    growth,
    lite,
    memory,
    report,
    scale_out,
    startup,
)

Figures = tuple[object, str]


def _compute(tiny: bool, _: bool) -> Figures:
    found = compute.run(tiny=tiny)
    return compute.as_json(found), compute.as_markdown(found)


def _memory(tiny: bool, _: bool) -> Figures:
    # A process for each detector: one of them shows that the benchmark runs.
    small = (
        memory.run(train=6, test=3, extract=2, steps=2, others=("pooled-knn",)) if tiny else None
    )
    found = small or memory.run()
    return found, memory.as_markdown(found)


def _accuracy(tiny: bool, _: bool) -> Figures:
    found = accuracy.run(tiny=tiny)
    return found, accuracy.as_markdown(found)


def _growth(tiny: bool, full: bool) -> Figures:
    sizes = (2,) if tiny else (*growth.SIZES, *((growth.FULL_SIZE,) if full else ()))
    found = growth.run(sizes, seconds=1.0 if tiny else 10.0)
    return found, growth.as_markdown(found)


def _listed(figures: object) -> Figures:
    return figures, f"```json\n{json.dumps(figures, indent=1)}\n```"


def _evaluate(tiny: bool, _: bool) -> Figures:
    small: dict[str, Any] = {"repeats": 1, "clips": 6, "resamples": 10, "peers": False}
    return _listed(evaluate.run(**(small if tiny else {})))


def _fetch(tiny: bool, _: bool) -> Figures:
    return _listed(fetch.run(2_000_000 if tiny else 1_000_000_000))


def _report(tiny: bool, _: bool) -> Figures:
    small: dict[str, Any] = {"machines": 1, "clips": 4, "train": 2, "duration_s": 2.5}
    return _listed(report.run(**(small if tiny else {})))


def _startup(tiny: bool, _: bool) -> Figures:
    found = (
        startup.run(rounds=1, plan=replace(startup.PLAN, duration_s=2.5)) if tiny else startup.run()
    )
    return found, startup.as_markdown(found)


def _detectors(tiny: bool, _: bool) -> Figures:
    plan = SyntheticPlan(
        machines=("fan",), sections=2, source_train=4, target_train=1, test_normal=2,
        test_anomaly=2, duration_s=2.5,
    )  # fmt: skip
    small: dict[str, Any] = {"names": ("pooled-knn",), "seeds": (1,), "plan": plan}
    with tempfile.TemporaryDirectory() as folder:
        found = detectors.run(Path(folder), **(small if tiny else {}))
    return detectors.as_json(found), detectors.as_markdown(found)


def _lite(tiny: bool, _: bool) -> Figures:
    small: dict[str, Any] = {"clips": 2, "train": 3, "python": Path(sys.executable)}
    found = lite.run(**({**small, "detector": "level-octave"} if tiny else {}))
    return found, lite.as_markdown(found)


def _scale_out(tiny: bool, _: bool) -> Figures:
    found = scale_out.run(tiny=tiny)
    return found, scale_out.as_markdown(found)


BENCHMARKS: dict[str, Callable[[bool, bool], Figures]] = {
    "compute": _compute,
    "memory": _memory,
    "accuracy": _accuracy,
    "growth": _growth,
    "startup": _startup,
    "evaluate": _evaluate,
    "fetch": _fetch,
    "report": _report,
    "detectors": _detectors,
    "lite": _lite,
    "scale_out": _scale_out,
}


def run(
    names: tuple[str, ...] = tuple(BENCHMARKS),
    *,
    output: Path,
    tiny: bool = False,
    full: bool = False,
) -> None:
    """Run some benchmarks and write ``benchmarks.json`` and ``benchmarks.md`` after each."""
    machine = {
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "versions": library_versions(torch=True),
        "load_before": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }
    figures: dict[str, object] = {"schema": "asd.benchmarks/1", "machine": machine}
    tables = [
        f"# Benchmarks\n\n{machine['cores']} cores, torch {library_versions(torch=True)['torch']}"
    ]
    for name in names:
        figures[name], table = BENCHMARKS[name](tiny, full)
        tables.append(f"## {name}\n\n{table}")
        write_text(output / "benchmarks.json", json.dumps(figures, indent=1) + "\n")
        write_text(output / "benchmarks.md", "\n\n".join(tables) + "\n")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path("benchmarks"))
    parser.add_argument("--only", action="append", choices=tuple(BENCHMARKS))
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--full", action="store_true")
    given = parser.parse_args()
    names = tuple(given.only or BENCHMARKS)
    run(names, output=given.output, tiny=given.tiny, full=given.full)
    print((given.output / "benchmarks.md").read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
