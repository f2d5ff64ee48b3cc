"""How long one waits for an answer: help, evaluation, the score of one clip with a trained model.

    python -m tests.benchmarks.startup

Each is a process of its own, in turn with one that only imports torch.
"""

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from asd_cli.execution.executor import make_executor
from asd_cli.synthetic.generate import generate
from asd_cli.synthetic.plan import SyntheticPlan
from tests.benchmarks.processes import measure_python

PLAN = SyntheticPlan(
    machines=("fan",), sections=2, source_train=3, target_train=1, test_normal=1, test_anomaly=1,
    duration_s=10.0,
)  # fmt: skip
_IMPORT = "importing torch"
_SETTINGS = ("--machine", "fan", "--quiet", "--jobs", "1")


def run(*, rounds: int = 7, plan: SyntheticPlan = PLAN) -> dict[str, dict[str, float]]:
    """Measure all in turn: median seconds, and peak memory in bytes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with closing(make_executor(1)) as executor:
            generate(folder / "dev_data", plan, executor=executor)
        one = ("--set", "fit.epochs=1", *_SETTINGS)
        for verb in ("train", "score"):
            _asd(folder, [verb, *one])
        # A run with one test clip has no complete evaluation, so it has a folder of its own.
        single = folder / "single"
        shutil.copytree(folder, single, ignore=shutil.ignore_patterns("single"))
        _leave_one_test_clip(single)
        _asd(single, ["score", *one, "--force"])  # extracts the single clip again
        works = {
            _IMPORT: (["-c", "import torch"], folder),
            "asd --help": (_asd_command(["--help"]), folder),
            "asd evaluate": (_asd_command(["evaluate", "result/dev/mobilenetv2"]), folder),
            "asd score, one clip": (_asd_command(["score", *one, "--force"]), single),
        }
        took: dict[str, list[tuple[float, int]]] = {what: [] for what in works}
        for _ in range(rounds):
            for what, (command, place) in works.items():
                took[what].append(measure_python(command, place))
    return {
        what: {
            "seconds": round(statistics.median(seconds for seconds, _ in each), 3),
            "peak_bytes": max(peak for _, peak in each),
        }
        for what, each in took.items()
    }


def _leave_one_test_clip(folder: Path) -> None:
    """Keep one recording of those that are to be scored."""
    shutil.rmtree(folder / "dev_data" / "fan" / "target_test")
    for path in sorted(folder.glob("dev_data/fan/source_test/*.wav"))[1:]:
        path.unlink()


def _asd_command(arguments: Sequence[str]) -> list[str]:
    return ["-m", "asd_cli", *arguments]


def _asd(folder: Path, arguments: Sequence[str]) -> None:
    measure_python(_asd_command(arguments), folder)


def as_markdown(found: dict[str, dict[str, float]]) -> str:
    """One row a command."""
    lines = ["| process | seconds | against importing torch | peak |", "|---|--:|--:|--:|"]
    for what, figures in found.items():
        ratio = figures["seconds"] / found[_IMPORT]["seconds"]
        peak = f"{figures['peak_bytes'] / 1e6:.0f} MB"
        lines.append(f"| {what} | {figures['seconds']:.2f} | {ratio:.1f} | {peak} |")
    return "\n".join(lines)


def main() -> None:
    """Print the table, then the figures as JSON."""
    found = run()
    sys.stdout.write(f"{as_markdown(found)}\n{json.dumps(found, indent=1)}\n")


if __name__ == "__main__":
    main()
