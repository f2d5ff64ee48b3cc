"""The whole of an edition, and what a second fetch does."""

import socket
import stat
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, IntegrityError, StorageError, UsageError
from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.dcase.folders import find_machines, list_clips
from asd_cli.fetching.plan import FileState
from tests.support.archives import (
    DEV,
    EVAL_TRAIN,
    GROUND_TRUTH,
    dev_files,
    eval_files,
    label_files,
    records_of,
    zip_bytes,
)
from tests.support.disk import snapshot
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import ZenodoServer

MACHINES = ("fan", "pump")


@pytest.mark.parametrize("loose", [False, True])
def test_all_stages_come_into_the_layout_that_training_reads(sandbox: Sandbox, loose: bool) -> None:
    with ZenodoServer(records_of(MACHINES, loose_labels=loose)) as server:
        result = sandbox.fetch(server, stages=("all",), machines=MACHINES)
    expected = {f"dev_data/{machine}/{name}" for machine in MACHINES for name in dev_files()}
    for part in ("train", "test"):
        expected |= {f"eval_data/{one}/{name}" for one in MACHINES for name in eval_files(part)}
    expected |= {f"eval_data/ground_truth/{name}" for name in label_files(MACHINES)}
    assert set(sandbox.seen()) == expected
    assert {row.state for row in result.rows} == {FileState.FETCHED}
    assert not result.nothing_to_do
    edition = load_edition()
    assert find_machines(sandbox.dev, edition) == MACHINES
    assert find_machines(sandbox.eval, edition) == MACHINES
    assert len(list_clips(sandbox.eval, "fan", "train", mode=Mode.EVAL, edition=edition)) == 2


def test_content_is_that_of_the_archive(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    for name, content in dev_files().items():
        assert (sandbox.dev / "fan" / name).read_bytes() == content


def test_only_named_machines_and_stages_are_fetched(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(MACHINES)) as server:
        result = sandbox.fetch(server, stages=("eval-train",), machines=("pump",))
        assert [row.name for row in result.rows] == ["eval_data_pump_train.zip"]
        assert not server.asked("dev_data_pump.zip")
        assert not server.asked(str(DEV))
    assert all(name.startswith("eval_data/pump/train/") for name in sandbox.seen())


@pytest.mark.parametrize("order", [("eval-train", "eval-test"), ("eval-test", "eval-train")])
def test_train_and_test_archives_merge_in_either_order(
    sandbox: Sandbox, order: tuple[str, ...]
) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        for stage in order:
            sandbox.fetch(server, stages=(stage,))
    folders = {name.split("/")[2] for name in sandbox.seen()}
    assert folders == {"train", "source_test", "target_test"}


def test_swapped_words_in_archive_names_are_understood(sandbox: Sandbox) -> None:
    content = zip_bytes(eval_files("train"), top="fan/")
    with ZenodoServer({EVAL_TRAIN: {"eval_data_train_fan.zip": content}}) as server:
        sandbox.fetch(server, stages=("eval-train",))
    assert len(sandbox.seen()) == len(eval_files("train"))


def test_second_fetch_opens_no_socket_and_writes_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZenodoServer(records_of(MACHINES)) as server:
        sandbox.fetch(server, stages=("all",), machines=MACHINES)
    before = _stamps(sandbox.root)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    result = sandbox.fetch(stages=("all",), machines=MACHINES)
    assert result.nothing_to_do
    assert result.transfer_bytes == result.disk_needed == 0
    assert {row.state for row in result.rows} == {FileState.PRESENT}
    assert _stamps(sandbox.root) == before


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for path in [folder, *folder.rglob("*")]
    }


def test_complete_data_on_a_read_only_disk_is_enough(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    _read_only(sandbox.root, monkeypatch)
    assert sandbox.fetch().nothing_to_do
    assert {row.state for row in sandbox.fetch(check=True).rows} == {FileState.VERIFIED}


def test_incomplete_data_on_a_read_only_disk_is_an_error(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.root.mkdir()
    _read_only(sandbox.root, monkeypatch)
    with (
        ZenodoServer(records_of(("fan",))) as server,
        pytest.raises(StorageError, match="not permitted to use"),
    ):
        sandbox.fetch(server)


def _read_only(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every way of writing: permissions alone do not hold the superuser back."""
    import builtins
    import errno
    import os

    for path in [folder, *folder.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))

    def refuse(path: object, *_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    for name in ("mkdir", "rename", "replace", "unlink", "rmdir", "link", "symlink", "utime"):
        monkeypatch.setattr(os, name, refuse)
    real_open = os.open

    def careful_open(path: str, flags: int, *more: int, **named: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            refuse(path)
        return real_open(path, flags, *more, **named)

    monkeypatch.setattr(os, "open", careful_open)
    real = builtins.open

    def careful(file: object, mode: str = "r", *more: object, **named: object) -> object:
        if set(mode) & set("wax+"):
            refuse(file)
        return real(file, mode, *more, **named)  # type: ignore[call-overload]

    monkeypatch.setattr(builtins, "open", careful)
    monkeypatch.setattr("io.open", careful)


def test_a_deleted_recording_is_fetched_again(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
        whole = sandbox.seen()
        (sandbox.root / next(iter(whole))).unlink()
        assert not sandbox.fetch(server).nothing_to_do
    assert sandbox.seen() == whole


def test_dry_run_says_everything_and_writes_nothing(sandbox: Sandbox) -> None:
    records = records_of(MACHINES)
    with ZenodoServer(records) as server:
        result = sandbox.fetch(server, dry_run=True, machines=MACHINES)
        assert not server.asked(".zip")
    assert not sandbox.root.exists()
    sizes = [len(content) for content in records[DEV].values()]
    assert [row.size for row in result.rows] == sizes
    assert result.total_bytes == result.transfer_bytes == sum(sizes)
    assert result.disk_needed > sum(sizes)
    assert result.urls[0] == f"{server.url}/records/{DEV}/files/dev_data_fan.zip"
    assert "CC BY-NC-SA 4.0" in result.licence
    assert len(result.citations) == 3


def test_dry_run_counts_what_is_there(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(MACHINES)) as server:
        sandbox.fetch(server, machines=("fan",))
        result = sandbox.fetch(server, machines=MACHINES, dry_run=True)
    assert [row.state for row in result.rows] == [FileState.PRESENT, FileState.MISSING]
    assert result.transfer_bytes == result.rows[1].size


def test_archives_are_kept_only_on_request(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(MACHINES)) as server:
        sandbox.fetch(server, machines=("fan",))
        assert not list(sandbox.dev.rglob("*.zip"))
        sandbox.fetch(server, machines=("pump",), keep_archives=True)
        (kept,) = sandbox.dev.rglob("*.zip")
        server.requests.clear()
        # A kept archive serves when recordings were lost.
        (sandbox.dev / "pump" / next(iter(dev_files()))).unlink()
        sandbox.fetch(server, machines=("pump",))
        assert not server.requests
    assert kept.name == "dev_data_pump.zip"


def test_archives_fetched_by_other_means_need_no_server(sandbox: Sandbox) -> None:
    records = records_of(MACHINES)
    given = sandbox.base / "given"
    given.mkdir()
    with ZenodoServer(records) as server:
        _save(given, server, records[DEV], DEV)
        _save(given, server, records[GROUND_TRUTH], GROUND_TRUTH)
    for origin in (str(given), given.as_uri()):
        result = sandbox.fetch(origin=origin, stages=("dev", "ground-truth"), machines=MACHINES)
    assert result.nothing_to_do
    assert len(sandbox.seen()) == 2 * len(dev_files()) + len(label_files(MACHINES))


def _save(folder: Path, server: ZenodoServer, files: dict[str, bytes], record: int) -> None:
    import json

    (folder / f"{record}.json").write_text(json.dumps(server.describe(record, listing=False)))
    for name, content in files.items():
        (folder / Path(name).name).write_bytes(content)


def test_archives_missing_in_the_given_folder_are_listed_before_anything_is_done(
    sandbox: Sandbox,
) -> None:
    records = records_of(MACHINES)
    given = sandbox.base / "given"
    given.mkdir()
    with ZenodoServer(records) as server:
        _save(given, server, {"dev_data_fan.zip": records[DEV]["dev_data_fan.zip"]}, DEV)
        with pytest.raises(DataError, match="lacks 1 archive"):
            sandbox.fetch(origin=str(given), machines=MACHINES)
    assert not sandbox.root.exists()


def test_damaged_archive_in_the_given_folder_is_refused_and_left_alone(sandbox: Sandbox) -> None:
    records = records_of(("fan",))
    given = sandbox.base / "given"
    given.mkdir()
    with ZenodoServer(records) as server:
        _save(given, server, {"dev_data_fan.zip": records[DEV]["dev_data_fan.zip"][:-1]}, DEV)
    with pytest.raises(IntegrityError, match="the record says"):
        sandbox.fetch(origin=str(given))
    assert (given / "dev_data_fan.zip").exists()


@pytest.mark.parametrize("path", ["", "/mirror"])
def test_a_mirror_serves_archives(sandbox: Sandbox, path: str) -> None:
    records = records_of(("fan",))
    with ZenodoServer(records) as zenodo, ZenodoServer(records) as mirror:
        sandbox.fetch(zenodo, origin=f"{mirror.url}{path}")
        assert not zenodo.asked(".zip")
        # Laid out like Zenodo it describes records too; otherwise Zenodo does.
        assert bool(zenodo.requests) == bool(path)
    assert len(sandbox.seen()) == len(dev_files())


def test_check_finds_what_sizes_do_not_show(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(MACHINES)) as server:
        sandbox.fetch(server, machines=MACHINES)
        good = sandbox.seen()
        victim = sandbox.dev / "fan" / next(iter(dev_files()))
        content = bytearray(victim.read_bytes())
        content[-1] ^= 1
        victim.write_bytes(content)
        assert sandbox.fetch(machines=MACHINES).nothing_to_do
        with pytest.raises(IntegrityError, match="changed") as caught:
            sandbox.fetch(check=True, machines=MACHINES)
        assert caught.value.hint is not None
        assert "--stage dev --machine fan" in caught.value.hint
        assert str(victim) in caught.value.message
        # The command of the hint mends it.
        sandbox.fetch(server, machines=("fan",))
    assert sandbox.seen() == good
    assert sandbox.fetch(check=True).rows[0].state is FileState.VERIFIED


def test_check_names_missing_and_shortened_files(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    first, second = (sandbox.dev / "fan" / name for name in list(dev_files())[:2])
    first.unlink()
    second.write_bytes(b"RIFF")
    with pytest.raises(IntegrityError, match="2 of 10 files") as caught:
        sandbox.fetch(check=True)
    assert f"{first}: missing" in caught.value.message
    assert f"{second}: 4 bytes instead of" in caught.value.message


def test_check_without_data_says_so(sandbox: Sandbox) -> None:
    with pytest.raises(DataError, match="nothing of this has been fetched"):
        sandbox.fetch(check=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"stages": ("dve",)}, "there is no stage 'dve'"),
        ({"stages": ()}, "no stage was named"),
        ({"machines": ("fam",)}, "fam is not a machine of dcase2021"),
        ({"machines": ("luefter",)}, "luefter is not a machine of dcase2021"),
        ({"machines": ("luefter",), "stages": ("all",)}, "luefter is not a machine"),
        ({"machines": ("luefter",), "dry_run": True}, "luefter is not a machine"),
        ({"machines": ("luefter",), "check": True}, "luefter is not a machine"),
        ({"edition": "dcase1999"}, "there is no edition"),
        ({"origin": "ftp://example.org/x"}, "cannot be fetched from"),
        ({"base_url": "http://example.org"}, "not an https address"),
    ],
)
def test_wrong_requests_are_refused_before_anything_happens(
    sandbox: Sandbox, options: dict[str, object], message: str
) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        with pytest.raises(UsageError, match=message):
            sandbox.fetch(server, **options)
        assert not server.asked(".zip")
    assert not sandbox.root.exists()


def test_an_unknown_machine_is_named_with_the_nearest(sandbox: Sandbox) -> None:
    for given, nearest in (("toycar", "ToyCar"), ("vlave", "valve")):
        with pytest.raises(UsageError) as caught:
            sandbox.fetch(machines=(given,))
        assert f"did you mean {nearest}" in str(caught.value.hint)
    with pytest.raises(UsageError) as caught:
        sandbox.fetch(machines=("luefter",), stages=("eval-train", "eval-test"))
    assert "there are ToyCar, ToyTrain, fan" in str(caught.value.hint)


def test_a_record_without_a_machine_lists_what_it_holds(sandbox: Sandbox) -> None:
    records = {DEV: {f"dev_data_{number:02}.zip": b"x" for number in range(12)}}
    with (
        ZenodoServer(records) as server,
        pytest.raises(DataError, match=r"has no file for pump .*dev_data_pump\.zip") as caught,
    ):
        sandbox.fetch(server, machines=("pump",))
    assert "it holds 'dev_data_00.zip', " in caught.value.message
    assert caught.value.message.endswith("'dev_data_09.zip' and 2 more")


def test_an_archive_published_only_as_a_revision_is_found(sandbox: Sandbox) -> None:
    (content,) = records_of(("fan",))[DEV].values()
    files = {f"dev_data_fan_r{number}.zip": content for number in (2, 10, 9)}
    with ZenodoServer({DEV: {**files, "dev_data_fan_readme.zip": b"x"}}) as server:
        result = sandbox.fetch(server)
    assert [row.name for row in result.rows] == ["dev_data_fan_r10.zip"]


def test_progress_adds_up(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    events = sandbox.events
    assert sorted(events.ended) == sorted(events.tasks)
    for kind in ("fetching", "unpacking"):
        task = f"{kind} dev_data_fan.zip"
        assert events.amounts[task] == events.totals[task]


def test_nothing_is_left_of_the_work(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    hidden = {
        name
        for name, kind in snapshot(sandbox.dev / ".asd-fetch").items()
        if kind != "folder" and name != "lock"
    }
    assert f"record-{DEV}.json" in hidden
    assert all(name.startswith(("record-", "receipts/dev_data_fan.zip")) for name in hidden)
    assert len(hidden) == 2
