"""`asd select`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from asd_cli.cli import options
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import Format
from asd_cli.cli.output.records import show_records
from asd_cli.cli.output.tables import Cell, Table
from asd_cli.cli.session import begin

if TYPE_CHECKING:
    from asd_cli.services.select import Selection

_KINDS = ("section", "machine", "attribute")


@exits
def select(
    *,
    config: options.Config = None,
    set_: options.Set = None,
    mode: options.ModeOption = None,
    dev: options.Dev = False,
    eval_: options.Eval = False,
    machine: options.Machines = None,
    edition: options.Edition = None,
    candidate: Annotated[
        list[str] | None,
        typer.Option("--candidate", metavar="NAME[:KEY=VALUE]", help="What to try; repeatable."),
    ] = None,
    device: options.Device = "auto",
    jobs: options.Jobs = None,
    format_: options.FormatOption = Format.TEXT,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Rank detectors by the normal recordings alone.

    Clips of sections, machines and attributes that are left out of training stand for anomalies.
    The first is chosen, and asd train --detector auto trains it: robust, unless another is better
    beyond chance.
    """
    with begin(
        config, set_, choose=(mode, dev, eval_), machines=machine, jobs=jobs, force=False,
        skip_bad=False, quiet=quiet, verbose=verbose, device=device,
        flags={"edition": edition, "select.candidates": candidate or None},
    ) as job:  # fmt: skip
        from asd_cli.services import select as service

        selections = service.select(job.request, job.events)
    records = [_record(s, place) for s in selections for place in range(len(s.ranks))]
    table = Table(
        "candidates by machine",
        ("machine", "candidate", "score", *(f"{kind}s" for kind in _KINDS)),
        tuple(row for s in selections for row in (*_rows(s), None)),
        left=2,
        notes=(
            "score: harmonic mean of AUC and pAUC, held-out normal clips against clips of "
            "sections and machines that were left out of training (of attributes where there is "
            "neither); a dash: could not be trained without it",
            "first: robust (or the first candidate) unless another is better beyond chance; "
            "=: chance explains the distance from the first",
        ),
    )
    show_records(
        records,
        table,
        schema="asd.select/1",
        key="candidates",
        format_=format_,
        console=job.console,
    )


def _record(selection: "Selection", place: int) -> dict[str, Any]:
    rank = selection.ranks[place]
    return {
        "machine": selection.machine,
        "rank": place + 1,
        "candidate": rank.candidate,
        "score": rank.score,
        **{f"by_{kind}": rank.by_kind.get(kind) for kind in _KINDS},
        "trials": selection.trials,
        "seconds": rank.seconds,
        "reason": rank.reason,
        "tied": rank.tied,
        "outcome": selection.outcome.value,
    }


def _rows(selection: "Selection") -> list[tuple[Cell | str, ...]]:
    rows: list[tuple[Cell | str, ...]] = []
    for place, rank in enumerate(selection.ranks):
        values = [rank.score, *(rank.by_kind.get(kind) for kind in _KINDS)]
        cells = ["–" if value is None else f"{100 * value:.2f}" for value in values]
        cells[0] += " =" if rank.tied and place else ""
        first = Cell(cells[0], "best" if place == 0 else "")
        machine = selection.machine if place == 0 else ""
        rows.append((machine, rank.candidate, first, *cells[1:]))
    return rows
