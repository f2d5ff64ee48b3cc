"""Scores of many recordings: units of shards, lists and folders, and one table in the end."""

import csv
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import asd_cli as asd
from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SILENT
from asd_cli.execution.ranks import Rank
from asd_cli.pipeline.own import bulk as module
from asd_cli.pipeline.own import index as index_module
from asd_cli.pipeline.own.bulk import BulkRequest, bulk_units, plan_of_bulk, score_in_bulk
from asd_cli.pipeline.own.index import index_parts, recordings_of
from asd_cli.pipeline.own.score_request import OwnScoreRequest
from asd_cli.services.pack import PackRequest, pack
from tests.support.command import asd as command
from tests.support.recordings import tone, write_wav

COUNT = 9


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, recordings, shards and a list of them."""
    place = tmp_path_factory.mktemp("own")
    for number in range(COUNT):
        whistle = 0.3 * tone(3100.0, seconds=2, noise=0.0) if number == 4 else 0.0
        samples = tone(440.0, seconds=2, seed=number) + whistle
        write_wav(place / "new" / f"{number}.wav", 0.5 * samples)
        write_wav(
            place / "normal" / f"{number}.wav", 0.5 * tone(440.0, seconds=2, seed=50 + number)
        )
    (place / "new" / "bad.wav").write_bytes(b"nothing")
    settings = asd.load_settings(
        overrides=[f"{n}_directory={place / n}" for n in ("cache", "model", "result")]
    ).settings
    asd.train(place / "normal", machine="fan-3", settings=settings, detector="robust")
    names = sorted(path.name for path in (place / "new").iterdir())
    (place / "list.csv").write_text(
        "path,remark\n" + "".join(f'new/{name},"a\n""b"""\n' for name in names)
    )
    output = f"{place}/shards/{{00..}}.tar"
    pack(PackRequest(sources=(place / "new",), output=output, shard_bytes=200_000, jobs=1))
    return place


@pytest.fixture(autouse=True)
def _small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_PER_UNIT", 4)
    monkeypatch.setattr(module, "index_parts", lambda path: index_parts(path, 4))


def request(folder: Path, source: str, output: Path, rank: Rank = Rank()) -> BulkRequest:
    settings = asd.load_settings(
        overrides=[f"{n}_directory={folder / n}" for n in ("cache", "model", "result")]
    ).settings
    scores = OwnScoreRequest(paths=(folder / source,), machine="fan-3", settings=settings)
    return BulkRequest(scores=scores, output=output, jobs=1, rank=rank)


@pytest.mark.parametrize("source", ["new", "list.csv", "shards"])
def test_ranks_leave_the_table_of_one_process(folder: Path, tmp_path: Path, source: str) -> None:
    alone = score_in_bulk(request(folder, source, tmp_path / "alone.csv"), SILENT)
    assert (alone.files, alone.not_scored, alone.left) == (COUNT + 1, 1, 0)
    assert 1 <= alone.anomalous < COUNT
    assert alone.units >= 3
    first = score_in_bulk(request(folder, source, tmp_path / "two.csv", Rank(0, 2)), SILENT)
    assert first.left == alone.units // 2
    assert not (tmp_path / "two.csv").exists()
    plan = plan_of_bulk(request(folder, source, tmp_path / "two.csv", Rank(1, 2)))
    assert [(w.units, w.done, w.own) for w in plan.work] == [
        (alone.units, alone.units - first.left, first.left)
    ]
    assert score_in_bulk(request(folder, source, tmp_path / "two.csv", Rank(1, 2)), SILENT) == alone
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
    assert not list((tmp_path / "two.csv.units").glob("*.csv"))
    before = (tmp_path / "two.csv").stat().st_mtime_ns
    assert score_in_bulk(request(folder, source, tmp_path / "two.csv"), SILENT) == alone
    assert (tmp_path / "two.csv").stat().st_mtime_ns == before


def test_the_table_is_that_of_score_and_parquet_has_the_same_numbers(
    folder: Path, tmp_path: Path
) -> None:
    words = [
        "score",
        str(folder / "new"),
        "--machine",
        "fan-3",
        f"--set=model_directory={folder}/model",
    ]
    printed = command(*words, "--format", "csv")
    assert printed.exit_code == 4
    written = command(*words, "-o", str(tmp_path / "scores.csv"), "--jobs", "1")
    assert written.exit_code == 4
    assert written.stdout.endswith(f" 1 not scored: 10 files in {tmp_path}/scores.csv\n")
    assert (tmp_path / "scores.csv").read_text() == printed.stdout
    assert command(*words, "-o", str(tmp_path / "a.csv"), "--fail-on-anomaly").exit_code == 9
    command(*words, "-o", str(tmp_path / "scores.parquet"), "--jobs", "1")
    frame = pd.read_parquet(tmp_path / "scores.parquet")
    with (tmp_path / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(frame["file"]) == [row["file"] for row in rows]
    scores = [float(row["score"]) if row["score"] else None for row in rows]
    assert [None if pd.isna(value) else value for value in frame["score"]] == scores
    assert list(frame["anomalous"].dropna()) == [
        row["anomalous"] == "True" for row in rows if row["anomalous"]
    ]


def test_a_table_that_is_lost_or_replaced_is_made_again(folder: Path, tmp_path: Path) -> None:
    asked = request(folder, "new", tmp_path / "scores.csv")
    score_in_bulk(asked, SILENT)
    content = asked.output.read_bytes()
    asked.output.write_bytes(b"another table")
    score_in_bulk(asked, SILENT)
    assert asked.output.read_bytes() == content
    asked.output.unlink()
    score_in_bulk(asked, SILENT)
    assert asked.output.read_bytes() == content


def test_alarms_replay_shards_by_name_and_not_by_time(folder: Path) -> None:
    words = ("alarms", "--machine", "fan-3", "--data", str(folder / "shards"),
             f"--set=model_directory={folder}/model")  # fmt: skip
    assert command(*words, "--format", "json").exit_code == 0
    refused = command(*words, "--by-time")
    assert refused.exit_code == 2
    assert "have no times" in refused.stderr


def test_another_model_or_rate_makes_other_units(folder: Path, tmp_path: Path) -> None:
    asked = request(folder, "new", tmp_path / "scores.csv")
    keys = {unit.key for unit in bulk_units(asked)}
    other = replace(asked, scores=replace(asked.scores, false_alarm_rate=0.5))
    assert not keys & {unit.key for unit in bulk_units(other)}


@pytest.mark.parametrize("name", ["scores.txt", "scores"])
def test_what_is_no_table_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"neither \.csv nor \.parquet"):
        score_in_bulk(request(folder, "new", tmp_path / name), SILENT)


def test_parquet_without_pyarrow_is_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        score_in_bulk(request(folder, "new", tmp_path / "scores.parquet"), SILENT)
    assert "asd-cli[parquet]" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\na.wav\n", "no column called path"),
        ("path,start\na.wav,1\n", "the column start is of parts"),
    ],
)
def test_a_list_that_cannot_be_used_is_said(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DataError, match=message):
        list(index_parts(tmp_path / "list.csv"))


def test_parts_of_a_list_hold_all_its_rows_and_notice_a_change(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\ufeffpath\n" + "".join(f"{n}.wav\n" for n in range(10)))
    parts = list(index_parts(path, 3))
    assert [part.rows for part in parts] == [3, 3, 3, 1]
    found = [name for part in parts for name in recordings_of(part)]
    assert found == [tmp_path / f"{n}.wav" for n in range(10)]
    assert len({part.digest for part in parts}) == 4
    path.write_text("\ufeffpath\n" + "".join(f"{n}.flac\n" for n in range(10)))
    with pytest.raises(DataError, match="changed while it was read"):
        recordings_of(parts[0])


def test_memory_does_not_grow_with_the_rows_of_a_list(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as stream:
            stream.write("path\n")
            stream.writelines(f"day/{n:08d}.wav\n" for n in range(rows))
        tracemalloc.start()
        count = sum(part.rows for part in index_parts(path))
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == rows
        return size

    assert peak(40_000) < 2 * peak(2_000)
    assert index_module.ROWS_PER_UNIT <= 2_000
