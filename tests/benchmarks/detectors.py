"""Every detector on synthetic sets and on real recordings: official score, time, memory.

    python -m tests.benchmarks.detectors --recordings FOLDER --output FOLDER
    python -m tests.benchmarks.detectors --only pooled-knn --only pooled-knn,pooled-gmm --seed 1
    python -m tests.benchmarks.detectors --only discriminative --clips 300
    python -m tests.benchmarks.detectors --seed 4 --machine pump --machine slider
    python -m tests.benchmarks.detectors --recordings FOLDER --write

Each command runs in a process of its own, on features that are extracted already. What a detector
builds on is trained once, and its time counts for each that builds on it. The time is that of a
core computing (other work on the machine does not count): training and calibration of all machines
of a set, with one worker and one thread. What was measured is not measured again while its folder
is there.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from asd_cli.core.files import write_text
from asd_cli.detectors import measured
from asd_cli.detectors.plans import parse_detector
from asd_cli.execution.executor import make_executor
from asd_cli.synthetic.generate import generate
from asd_cli.synthetic.plan import DEMO_PLAN, SyntheticPlan
from tests.benchmarks.processes import measure_python

DETECTORS = (
    "mobilenetv2",
    "mobilenetv2-knn",
    "mobilenetv2-lof",
    "mobilenetv2-gmm",
    "mobilenetv2-mahalanobis",
    "autoencoder",
    "autoencoder-mahalanobis",
    "pooled-knn",
    "pooled-gmm",
    "pooled-speed",
    "texture",
    "level-octave",
    "level",
    "fingerprint",
    "robust",
    "pooled-knn,pooled-gmm",
    "pooled-speed,pooled-gmm",
    "pooled-speed,texture",
    "pooled-knn,autoencoder-mahalanobis",
    "auto",
    "discriminative",
    "pooled-knn,discriminative",
    "pooled-speed,discriminative",
)
SEEDS = (1, 2, 3)
REAL = "recordings"
TOP = Path(__file__).resolve().parents[2]
MEASURED = TOP / "asd_cli" / "detectors" / "measured.toml"
# The classifier's own settings are for thousands of clips; this is what `asd demo` does on few.
_SETTINGS = """\
detector: mobilenetv2
fit: {lr: 0.001, epochs: 6, batch_norm: recalibrate, validation: stratified}
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one detector did on one set.

    Attributes
    ----------
    official : float
        Official score of DCASE 2021.
    seconds : float
        Of a core, for training and calibration, with what it builds on.
    peak : int
        Bytes of memory of its training or scoring, whichever is more.
    """

    official: float
    seconds: float
    peak: int


def prepare(folder: Path, *, plan: SyntheticPlan | None, recordings: Path | None = None) -> None:
    """Make a set, or link to one, and extract its features."""
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / "baseline.yaml", _SETTINGS)
    if plan is not None:
        with closing(make_executor(1)) as executor:
            generate(folder / "dev_data", plan, executor=executor)
    elif recordings is not None and not (folder / "dev_data").exists():
        _link(folder / "dev_data", recordings.resolve())
    _asd(folder, "extract", seed=0)


def _link(data: Path, recordings: Path) -> None:
    """Lay recordings out as a data folder: of machines, or of one machine."""
    if (recordings / "train").is_dir():
        data.mkdir()
        data /= recordings.name
    data.symlink_to(recordings)


def measure(folder: Path, name: str, *, seed: int, extra: Sequence[str] = ()) -> Figures:
    """Train, score and evaluate one detector on a set, after what it builds on."""
    kept = folder / "figures" / f"{name}.json"
    if kept.exists():
        return Figures(**json.loads(kept.read_text(encoding="utf-8")))
    plan = parse_detector(name)
    bases = [measure(folder, base, seed=seed, extra=extra) for base in plan.bases]
    chosen = ("--detector", name, *extra)
    seconds, train_peak = _asd(folder, "train", *chosen, seed=seed)
    _, score_peak = _asd(folder, "score", *chosen, seed=seed)
    found = Figures(
        official=_official_score(folder, name),
        seconds=seconds + sum(base.seconds for base in bases),
        peak=max(train_peak, score_peak, *(base.peak for base in bases), 0),
    )
    write_text(kept, json.dumps(asdict(found)) + "\n")
    return found


def _asd(folder: Path, verb: str, *options: str, seed: int) -> tuple[float, int]:
    seeded = ("--set", f"seed={seed}")
    return measure_python(
        ["-m", "asd_cli", verb, *options, *seeded, "--jobs", "1", "--quiet"],
        folder,
        computing=True,
    )


def _official_score(folder: Path, name: str) -> float:
    command = [sys.executable, "-m", "asd_cli", "evaluate", "--detector", name, "--format", "json"]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, check=True)
    return float(json.loads(done.stdout)["systems"][0]["official_score"])


def run(
    folder: Path,
    *,
    names: Sequence[str] = DETECTORS,
    seeds: Sequence[int] = SEEDS,
    recordings: Path | None = None,
    plan: SyntheticPlan = DEMO_PLAN,
    extra: Sequence[str] = (),
) -> dict[str, dict[str, Figures]]:
    """Measure detectors on synthetic sets of some seeds, and on real recordings if given.

    Returns
    -------
    dict of dict of Figures
        By detector, then by set.
    """
    sets: dict[str, int] = {}
    for seed in seeds:
        sets[f"seed {seed}"] = seed
        prepare(folder / f"seed {seed}", plan=replace(plan, seed=seed))
    if recordings is not None:
        sets[REAL] = seeds[0]
        prepare(folder / REAL, plan=None, recordings=recordings)
    found: dict[str, dict[str, Figures]] = {}
    for name in names:
        found[name] = {
            each: measure(folder / each, name, seed=seed, extra=extra)
            for each, seed in sets.items()
        }
        write_text(folder / "detectors.md", as_markdown(found))
        write_text(folder / "detectors.json", json.dumps(as_json(found), indent=1) + "\n")
    return found


def as_json(found: dict[str, dict[str, Figures]]) -> dict[str, object]:
    """Plain values."""
    return {
        name: {each: asdict(figures) for each, figures in sets.items()}
        for name, sets in found.items()
    }


def as_markdown(found: dict[str, dict[str, Figures]]) -> str:
    """Lay the figures out as a table, the best on the synthetic sets first."""
    real = any(REAL in sets for sets in found.values())
    lines = [
        f"| detector | synthetic |{' real fans |' if real else ''} training, core s | memory, MB |",
        f"|---|---|{'---|' if real else ''}---|---|",
    ]
    for name, sets in sorted(found.items(), key=lambda item: -_scores(item[1])[0]):
        made = [figures for each, figures in sets.items() if each != REAL]
        mean, deviation = _scores(sets)
        varied = f" ± {deviation:.3f}" if len(made) > 1 else ""
        fans = f" {sets[REAL].official:.3f} |" if real else ""
        seconds = statistics.fmean(figures.seconds for figures in made)
        peak = max(figures.peak for figures in sets.values())
        lines.append(
            f"| `{name}` | {mean:.3f}{varied} |{fans} {seconds:,.0f} | {peak / 1e6:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def _scores(sets: dict[str, Figures]) -> tuple[float, float]:
    made = [figures.official for each, figures in sets.items() if each != REAL]
    return statistics.fmean(made), statistics.stdev(made) if len(made) > 1 else 0.0


def measured_by(found: Mapping[str, Mapping[str, Figures]]) -> dict[str, measured.Measured]:
    """Give what ``measured.toml`` holds: those in it stay where they were not measured now.

    Parameters
    ----------
    found : mapping of str to mapping of str to Figures
        By detector, then by set; each has real recordings.
    """
    known = dict(measured.measured_scores())
    for name, sets in found.items():
        mean, deviation = _scores(dict(sets))
        known[parse_detector(name).name] = measured.Measured(
            synthetic_mean=round(100 * mean, 1),
            synthetic_sd=round(100 * deviation, 1),
            real_fans=round(100 * sets[REAL].official, 1),
        )
    return known


def main() -> None:
    """Measure what the command line asks for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", help="a detector, or several with commas")
    parser.add_argument("--seed", action="append", type=int)
    parser.add_argument("--machine", action="append", help="of the synthetic sets")
    parser.add_argument(
        "--clips",
        type=int,
        default=DEMO_PLAN.source_train,
        help="source clips that a section of a synthetic set has to train with [%(default)s]",
    )
    parser.add_argument(
        "--recordings", type=Path, help="a data folder of DCASE 2021, or a machine's"
    )
    parser.add_argument("--output", type=Path, help="keep sets, models and tables there")
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"write the scores into {MEASURED.relative_to(TOP)}; needs --recordings",
    )
    given = parser.parse_args()
    if given.write and given.recordings is None:
        parser.error("--write needs --recordings")
    with tempfile.TemporaryDirectory() as scratch:
        found = run(
            given.output or Path(scratch),
            names=given.only or DETECTORS,
            seeds=given.seed or SEEDS,
            recordings=given.recordings,
            plan=replace(
                DEMO_PLAN,
                source_train=given.clips,
                machines=tuple(given.machine or DEMO_PLAN.machines),
            ),
        )
    print(as_markdown(found))
    if given.write:
        write_text(MEASURED, measured.render_measured(measured_by(found)))


if __name__ == "__main__":
    main()
