"""How long each command of the README takes, against starting Python with numpy.

    python -m tests.benchmarks.waiting           # a quarter of an hour; writes the table
    python -m tests.benchmarks.waiting --print   # writes nothing

Commands follow each other as in the README, in one folder: recordings of somebody's own machine,
and the synthetic set of `asd demo`. What can be done with several workers is done with one as well.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from asd_cli.execution.executor import SerialExecutor
from asd_cli.synthetic.generate import generate
from asd_cli.synthetic.plan import DEMO_PLAN, SyntheticPlan
from tests.benchmarks.processes import Usage, measure_process
from tests.benchmarks.tables import machine, write_table
from tests.support.fan import fan, write

_BARE = "python -c 'import numpy'"
_OWN = ("--machine", "fan-3")
# Of `asd status`: normal, warning, alarm and its like are no failures.
_ALLOWED = (0, 9, 10, 11, 12, 13)


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, how it is called in the table, and whether its workers are compared."""

    name: str
    words: tuple[str, ...]
    workers: bool = False
    once: bool = False


COMMANDS = (
    Command("asd --help", ("--help",)),
    Command("asd inspect recordings/", ("inspect", "recordings")),
    Command(
        "asd train --data recordings/ --machine fan-3",
        ("train", "--data", "recordings", *_OWN, "--force"),
    ),
    Command("asd score new/ --machine fan-3", ("score", "new", *_OWN)),
    Command("asd score new/good.wav --machine fan-3", ("score", "new/good.wav", *_OWN)),
    Command(
        "asd alarms --machine fan-3 --data new/",
        ("alarms", *_OWN, "--data", "new", "--false-alarms", "1/month"),
    ),
    Command("asd watch new/ --machine fan-3 --once", ("watch", "new", *_OWN, "--once")),
    Command("asd status --machine fan-3", ("status", *_OWN)),
    Command("asd extract", ("extract", "--force"), workers=True),
    *(
        Command(
            f"asd {verb} --detector {name}", (verb, "--detector", name, "--force"), workers=True
        )
        for name in ("pooled-knn", "robust")
        for verb in ("train", "score")
    ),
    Command("asd evaluate --detector robust", ("evaluate", "--detector", "robust")),
    Command("asd report --detector robust", ("report", "--detector", "robust")),
    Command("asd demo", ("demo", "whole"), once=True),
)


def run(
    commands: Sequence[Command] = COMMANDS,
    *,
    rounds: int = 5,
    plan: SyntheticPlan = DEMO_PLAN,
    recordings: int = 60,
) -> dict[str, Usage]:
    """Run all in turn, some rounds; medians of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(recordings):
            write(folder / "recordings" / f"{number}.wav", fan(10.0, 16000, number), 16000)
        write(folder / "new" / "good.wav", fan(10.0, 16000, recordings), 16000)
        with closing(SerialExecutor()) as executor:
            generate(folder / "dev_data", plan, executor=executor)
        found: dict[str, list[Usage]] = {}
        for number in range(rounds):
            bare = measure_process(["-c", "import numpy"], folder)
            found.setdefault(_BARE, []).append(bare)
            for command in commands:
                if number == 0 or not command.once:
                    for words, label in _ways(command):
                        usage = measure_process(["-m", "asd_cli", *words], folder, allowed=_ALLOWED)
                        found.setdefault(label, []).append(usage)
    return {label: _median(usages) for label, usages in found.items()}


def _ways(command: Command) -> list[tuple[tuple[str, ...], str]]:
    ways = [(command.words, command.name)]
    if command.workers:
        ways.append(((*command.words, "--jobs", "1"), f"{command.name} --jobs 1"))
    return ways


def _median(usages: Sequence[Usage]) -> Usage:
    return Usage(
        statistics.median(usage.seconds for usage in usages),
        statistics.median(usage.computed for usage in usages),
        max(usage.peak_bytes for usage in usages),
    )


def as_markdown(found: dict[str, Usage], where: str) -> str:
    """One row a command."""
    bare = found[_BARE]
    lines = [
        f"{where}.",
        "",
        "| command | seconds | computing | against Python with numpy | peak |",
        "|---|--:|--:|--:|--:|",
    ]
    for label, usage in found.items():
        lines.append(
            f"| `{label}` | {usage.seconds:.2f} | {usage.computed:.2f} "
            f"| {usage.seconds / bare.seconds:.1f} | {usage.peak_bytes / 1e6:.0f} MB |"
        )
    return "\n".join(lines)


def main() -> None:
    """Write the table into the page, or print it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--print", action="store_true", dest="only_print")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    where = machine()
    table = as_markdown(run(rounds=given.rounds), where)
    sys.stdout.write(f"{table}\n")
    if not given.only_print:
        write_table("waiting", table)


if __name__ == "__main__":
    main()
