"""How cost grows with the number of clips: extraction and evaluation.

    python -m tests.benchmarks.growth            # 100, 1,000 and 10,000 clips
    python -m tests.benchmarks.growth --full     # and 100,000

Clips of extraction are one recording under many names, so that the disk holds it once.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.comparison import recordings
from tests.benchmarks.evaluate import measure
from tests.benchmarks.processes import measure_python
from tests.support.score_sets import write_score_set

SIZES = (100, 1_000, 10_000)
FULL_SIZE = 100_000
_FILES = 42  # seven machines, three sections, two domains
_PROGRAM = """
import sys
from pathlib import Path
from tests.support.clips import make_clip
from asd_cli.core.types import Clip, Domain, Split
from asd_cli.execution.executor import SerialExecutor
from asd_cli.features.extraction import extract_features
from asd_cli.features.recipe import FeatureParameters
clips = [
    make_clip(path=path, machine="fan", section="00", domain=Domain.SOURCE, split=Split.TRAIN,
         label=None)
    for number, path in enumerate(sorted(Path(sys.argv[1]).glob("clip_*.wav")))
]
extract_features(
    clips, Path(sys.argv[1]) / "s.npy", recipe=FeatureParameters(), executor=SerialExecutor()
)
"""


def measure_extraction(clips: int, seconds: float) -> tuple[float, int]:
    """Extract in a process of its own; seconds and peak memory in bytes."""
    with recordings(clips, seconds) as paths:
        return measure_python(["-c", _PROGRAM, str(paths[0].parent)], paths[0].parent)


def measure_evaluation(clips: int) -> tuple[float, int]:
    """Evaluate about so many clips of one system; seconds and peak memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        scores = write_score_set(Path(folder) / "s", clips=max(1, clips // (2 * _FILES)), seed=0)
        return measure(["evaluate", str(scores)], Path(folder))


def run(sizes: tuple[int, ...] = SIZES, *, seconds: float = 10.0) -> list[dict[str, float]]:
    """Measure both for every number of clips; seconds and bytes."""
    rows = []
    for clips in sizes:
        extracted, evaluated = measure_extraction(clips, seconds), measure_evaluation(clips)
        rows.append(
            {
                "clips": clips,
                "extraction_s": round(extracted[0], 2),
                "extraction_peak_bytes": extracted[1],
                "evaluation_s": round(evaluated[0], 2),
                "evaluation_peak_bytes": evaluated[1],
            }
        )
    return rows


def as_markdown(rows: list[dict[str, float]]) -> str:
    """One row a size."""
    head = ["| clips | extraction | peak | evaluation | peak |", "|--:|--:|--:|--:|--:|"]
    body = [
        f"| {row['clips']:,} | {row['extraction_s']} s | "
        f"{row['extraction_peak_bytes'] / 1e6:.0f} MB | {row['evaluation_s']} s | "
        f"{row['evaluation_peak_bytes'] / 1e6:.0f} MB |"
        for row in rows
    ]
    return "\n".join([*head, *body])


def main() -> None:
    """Print the measurement as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    sizes = (*SIZES, FULL_SIZE) if parser.parse_args().full else SIZES
    sys.stdout.write(json.dumps(run(sizes), indent=1) + "\n")


if __name__ == "__main__":
    main()
