"""Detectors of the demonstration side by side: what each found."""

from collections.abc import Sequence

from asd_cli.cli.output.numbers import UNDEFINED, figure
from asd_cli.cli.output.tables import Cell, Table
from asd_cli.services.evaluate import System


def demo_table(systems: Sequence[System]) -> Table:
    """Give a table of at most eight lines: AUC of each machine, score and decisions.

    Parameters
    ----------
    systems : sequence of System
        One for each detector, evaluated on the same clips.
    """
    machines = systems[0].evaluation.machines
    rows: list[tuple[Cell | str, ...]] = [
        (f"AUC of {machine}", *(_auc(system, machine) for system in systems))
        for machine in machines
    ]
    scores = [figure(system.evaluation.official_score) for system in systems]
    rows.append((Cell("official score", "label"), *scores))
    rows.append(("faults found", *(_share(system, anomalous=True) for system in systems)))
    rows.append(("false alarms", *(_share(system, anomalous=False) for system in systems)))
    return Table("synthetic set", ("", *(system.name for system in systems)), tuple(rows))


def _auc(system: System, machine: str) -> str:
    return figure(system.evaluation.mean(machine, None, "harmonic").metrics.auc)


def _share(system: System, *, anomalous: bool) -> str:
    """Count the clips of one label that were flagged."""
    flagged = total = 0
    for part in system.scores:
        if part.decisions is None:
            return UNDEFINED
        chosen = part.own & (part.truth == anomalous)
        flagged += int(part.decisions[chosen].sum())
        total += int(chosen.sum())
    return f"{flagged} of {total}"
