"""Whole processes of `asd evaluate` on full sets: wall time and peak memory.

    python -m tests.benchmarks.evaluate

Measured are peers' result files of DCASE 2021 where they are at hand (8,621 and 8,635 clips), else
a generated set of as many files: 7 machines, 3 sections, 2 domains, 200 clips each. Each command
runs several times; the fastest is given, and all of them beside it.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.processes import measure_python
from tests.support.recordings import SHARED
from tests.support.score_sets import write_score_set

RESAMPLES = 1000
# design targets, in seconds of wall clock
TARGETS = {"figures": 2.0, "intervals": 10.0}


def measure(arguments: Sequence[str], folder: Path) -> tuple[float, int]:
    """Run `asd` with arguments to its end; seconds and peak memory in bytes."""
    return measure_python(["-m", "asd_cli", *arguments], folder)


def find_sets(folder: Path, *, clips: int, peers: bool = True) -> dict[str, tuple[str, ...]]:
    """Name the sets to measure, each with its arguments; two are generated where no peers are."""
    if peers and (SHARED / "peers").is_dir():
        known = {
            path.name: (str(path),)
            for path in sorted((SHARED / "peers").iterdir())
            if (path / "result.csv").is_file()
        }
        example = SHARED / "peers" / "eval_2021_example"
        truth = str(SHARED / "ground_truth_2021")
        return {**known, example.name: (str(example), "--eval", "--ground-truth", truth)}
    return {
        name: (str(write_score_set(folder / name, clips=clips // 2, seed=seed)),)
        for seed, name in enumerate(("generated_a", "generated_b"))
    }


def run(
    *, repeats: int = 3, clips: int = 200, resamples: int = RESAMPLES, peers: bool = True
) -> dict[str, object]:
    """Measure figures alone, with intervals, and a paired comparison.

    Parameters
    ----------
    repeats : int
        How often each command runs.
    clips : int
        Clips of each file of a generated set.
    resamples : int
        Draws of the bootstrap.
    peers : bool
        Whether peers' files are used where they are at hand.

    Returns
    -------
    dict
        For each set and command: seconds (fastest and all) and peak memory in bytes.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets = find_sets(folder, clips=clips, peers=peers)
        draws = ("--confidence", "0.95", "--resamples", str(resamples))
        commands = {
            f"{known}: {kind}": ("evaluate", *arguments, *more)
            for known, arguments in sets.items()
            for kind, more in (("figures", ()), ("intervals", draws))
        }
        alike = [arguments[0] for arguments in sets.values() if len(arguments) == 1]
        if len(alike) > 1:
            commands["comparison of two"] = ("evaluate", *alike, "--baseline", alike[0], *draws)
        measured = {
            command: [measure(arguments, folder) for _ in range(repeats)]
            for command, arguments in commands.items()
        }
    return {
        "targets_seconds": TARGETS,
        "resamples": resamples,
        **{
            command: {
                "seconds": round(min(seconds for seconds, _ in costs), 2),
                "all_seconds": [round(seconds, 2) for seconds, _ in costs],
                "peak_bytes": max(peak for _, peak in costs),
            }
            for command, costs in measured.items()
        },
    }


def main() -> None:
    """Print the measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--generated", action="store_true", help="leave peers' files out")
    given = parser.parse_args()
    figures = run(repeats=given.repeats, clips=given.clips, peers=not given.generated)
    sys.stdout.write(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
