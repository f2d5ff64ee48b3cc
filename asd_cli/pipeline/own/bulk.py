"""Scores of any number of recordings of one machine, in units that any number of processes do.

A unit is a shard, some rows of a list, or some files of a folder. Each has a table of its own; the
process that does the last one joins them. Nothing that grows with the number of recordings is in
memory, but the names of recordings of a plain folder.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from asd_cli.core.errors import UsageError
from asd_cli.core.events import Events, progress
from asd_cli.core.hashing import fingerprint, hash_file
from asd_cli.core.places import place_signature
from asd_cli.core.recordings import is_recording_name
from asd_cli.core.shards import read_index
from asd_cli.datasets.trees import shards_of
from asd_cli.execution.executor import Engine, Executor, make_executor
from asd_cli.execution.markers import Markers
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import Unit, do_units
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.index import ROWS_PER_UNIT, IndexPart, index_parts, recordings_of
from asd_cli.pipeline.own.request import model_path, require_rate
from asd_cli.pipeline.own.score_request import OwnScoreRequest
from asd_cli.pipeline.own.score_table import TableForm, form_of, join_parts, rows_of, write_part
from asd_cli.pipeline.own.scoring import FileScorer, Status, find_files
from asd_cli.pipeline.planning import PlannedWork, WorkPlan

_KEY_DIGITS = 32
_TABLE = ".csv"

Source = Path | IndexPart | tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkRequest:
    """Recordings to score into one table.

    Attributes
    ----------
    scores : OwnScoreRequest
        What to score, and by which model.
    output : Path
        The table: ``.csv`` or ``.parquet``.
    engine : Engine
        What runs the units.
    scheduler : str or None
        Address of the scheduler of Dask.
    jobs : int or None
        Worker processes.
    rank : Rank
        Which part of the units this process does.
    """

    scores: OwnScoreRequest
    output: Path
    engine: Engine = Engine.PROCESSES
    scheduler: str | None = None
    jobs: int | None = None
    rank: Rank = Rank()


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkScores:
    """What came of it.

    Attributes
    ----------
    units, left : int
        How many there are, and how many other ranks have to do.
    files, anomalous, not_scored : int
        Of the units that are done.
    """

    units: int
    left: int
    files: int
    anomalous: int
    not_scored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkUnit:
    """Some recordings, the model, and the table of their scores."""

    source: Source
    model: Path
    rate: float
    device: str
    part: Path
    form: TableForm


def score_in_bulk(request: BulkRequest, events: Events) -> BulkScores:
    """Score what is not scored yet, and join the tables when all are there.

    Raises
    ------
    UsageError
        When the output is no table, or it is not clear which model is meant.
    DataError
        When there is no model, no folder of a name, or no recording in one.
    AsdError
        Of units that failed, when all others are done.
    """
    units = bulk_units(request)
    markers = Markers(_folder(request.output))
    missing = _missing(units, request, markers)
    for key in markers.keys() & missing:  # its table is gone
        markers.remove(key)
    todo = [unit for unit in request.rank.of(units) if unit.key in missing]
    if todo:
        executor = make_executor(request.jobs, engine=request.engine, scheduler=request.scheduler)
        try:
            _do(todo, executor, events)
        finally:
            executor.close()
    left = len(_missing(units, request, markers))
    if not left:
        _join(units, request, markers)
    return _summary(units, markers, left)


def _do(todo: Sequence[Unit[BulkUnit]], executor: Executor, events: Events) -> None:
    with progress(events, "score", total=len(todo), unit="units") as advance:
        do_units(
            score_unit, todo, executor=executor, events=events,
            each=lambda unit, _: advance(1, unit.label),
        )  # fmt: skip


def plan_of_bulk(request: BulkRequest) -> WorkPlan:
    """Say how many units there are, and how many of them are done."""
    units = bulk_units(request)
    markers = Markers(_folder(request.output))
    missing = _missing(units, request, markers)
    own = sum(unit.key in missing for unit in request.rank.of(units))
    timed = [markers.read(unit.key) for unit in units if unit.key not in missing]
    seconds = [content["seconds"] for content in timed if content is not None]
    each = sum(seconds) / len(seconds) if seconds else None
    work = PlannedWork(
        label=f"score {request.output}", units=len(units), done=len(units) - len(missing),
        own=own, clips=0, seconds=None if each is None and missing else (each or 0) * len(missing),
    )  # fmt: skip
    return WorkPlan((work,), len(missing))


def bulk_units(request: BulkRequest) -> tuple[Unit[BulkUnit], ...]:
    """List the units, the same in every process."""
    asked = request.scores
    form = form_of(request.output)
    path = model_path(asked.settings, asked.machine, asked.model)
    model = Model.load(path, device="cpu")
    rate = asked.false_alarm_rate
    if rate is None:
        rate = round(1.0 - model.threshold.quantile, 12)
    require_rate(rate)
    FileScorer(model, rate)  # refuses models of challenge sets
    digest, folder = hash_file(path), _folder(request.output)
    found = []
    for label, key, source, size in _sources(asked.paths):
        full = fingerprint([key, digest, rate, form])[:_KEY_DIGITS]
        unit = BulkUnit(
            source=source, model=path, rate=rate, device=asked.device,
            part=folder / f"{full}{form}", form=form,
        )  # fmt: skip
        found.append(Unit(full, label, size, folder, unit))
    if not found:
        raise UsageError("there is nothing to score", hint="name folders, shards or a list")
    return tuple(found)


def _folder(output: Path) -> Path:
    return output.with_name(f"{output.name}.units")


def _sources(paths: Sequence[Path]) -> Iterator[tuple[str, object, Source, int]]:
    """Give label, what decides the content, source and number of recordings of each unit."""
    for path in paths:
        shards = list(shards_of(path))
        if path.suffix.lower() == _TABLE:
            for part in index_parts(path):
                yield f"{path} from byte {part.offset}", part.digest, part, part.rows
        elif shards:
            for shard in shards:
                yield str(shard), [str(shard), place_signature(shard)], shard, 0
        else:
            files = list(dict.fromkeys(find_files([path])))
            for start in range(0, len(files), ROWS_PER_UNIT):
                some = tuple(files[start : start + ROWS_PER_UNIT])
                listed = [[str(file), place_signature(file)] for file in some]
                yield f"{path} from {some[0].name}", listed, some, len(some)


def score_unit(unit: BulkUnit, _: Events) -> dict[str, Any]:
    """Score the recordings of one unit; may run in a worker."""
    scorer = FileScorer(_model(unit.model, hash_file(unit.model), unit.device), unit.rate)
    scored = [scorer.score(path) for path in _recordings(unit.source)]
    write_part(unit.part, [row for file in scored for row in rows_of(file)], unit.form)
    return {
        "files": len(scored),
        "anomalous": sum(file.status is Status.ANOMALOUS for file in scored),
        "not_scored": sum(file.status is Status.NOT_SCORED for file in scored),
    }


def _recordings(source: Source) -> Sequence[Path]:
    if isinstance(source, IndexPart):
        return recordings_of(source)
    if isinstance(source, tuple):
        return source
    index = read_index(source)
    return [source / found.member for name, found in index.items() if is_recording_name(Path(name))]


@lru_cache(maxsize=1)
def _model(path: Path, _digest: str, device: str) -> Model:
    """Load a model once in each process."""
    return Model.load(path, device=device)


def _missing(
    units: Sequence[Unit[BulkUnit]], request: BulkRequest, markers: Markers
) -> frozenset[str]:
    """Give the keys of units whose tables are not there, nor joined."""
    if _is_joined(units, request, markers):
        return frozenset()
    done = markers.keys()
    return frozenset(u.key for u in units if u.key not in done or not u.item.part.is_file())


def _join(units: Sequence[Unit[BulkUnit]], request: BulkRequest, markers: Markers) -> None:
    key = _joined_key(units)
    with markers.claimed(key, wait=True):
        if _is_joined(units, request, markers):
            return
        join_parts(request.output, [unit.item.part for unit in units], units[0].item.form)
        markers.write(key, {"table": list(place_signature(request.output))})
        for unit in units:
            unit.item.part.unlink(missing_ok=True)


def _is_joined(units: Sequence[Unit[BulkUnit]], request: BulkRequest, markers: Markers) -> bool:
    """Whether the table that is there is that of these units."""
    content = markers.read(_joined_key(units))
    return content is not None and content["table"] == list(place_signature(request.output))


def _joined_key(units: Sequence[Unit[BulkUnit]]) -> str:
    return f"joined.{fingerprint([unit.key for unit in units])[:_KEY_DIGITS]}"


def _summary(units: Sequence[Unit[BulkUnit]], markers: Markers, left: int) -> BulkScores:
    total = BulkScores(units=len(units), left=left, files=0, anomalous=0, not_scored=0)
    for unit in units:
        content = markers.read(unit.key)
        if content is not None:
            total = replace(
                total, files=total.files + content["files"],
                anomalous=total.anomalous + content["anomalous"],
                not_scored=total.not_scored + content["not_scored"],
            )  # fmt: skip
    return total
