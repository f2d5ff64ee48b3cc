"""Archives in a folder, without a network and without the records they belong to."""

import json
import socket
from pathlib import Path

import pytest

from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.fetching.plan import FileState
from tests.support.archives import (
    DEV,
    EVAL_TEST,
    EVAL_TRAIN,
    GROUND_TRUTH,
    dev_files,
    label_files,
    records_of,
)
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import ZenodoServer

RECORDS = records_of(("fan", "pump"))


@pytest.fixture
def given(sandbox: Sandbox) -> Path:
    """All archives of two machines, and nothing else."""
    folder = sandbox.base / "given"
    folder.mkdir()
    for files in RECORDS.values():
        for name, content in files.items():
            (folder / Path(name).name).write_bytes(content)
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("no_network")
def test_archives_alone_are_enough_and_are_called_unverified(sandbox: Sandbox, given: Path) -> None:
    result = sandbox.fetch(origin=str(given), stages=("all",), machines=("fan", "pump"))
    assert {row.state for row in result.rows} == {FileState.FETCHED}
    assert not any(row.verified for row in result.rows)
    assert len(result.rows) == 7
    assert len(sandbox.seen()) > 2 * len(dev_files())
    assert len(list((sandbox.eval / "ground_truth").iterdir())) == len(label_files(("fan", "pump")))
    warned = "\n".join(sandbox.events.warnings)
    for record in (DEV, EVAL_TRAIN, EVAL_TEST, GROUND_TRUTH):
        assert f"{given / f'{record}.json'}" in warned
    assert "not verified: 'dev_data_fan.zip', 'dev_data_pump.zip'" in warned


@pytest.mark.usefixtures("no_network")
def test_a_second_fetch_from_the_folder_has_nothing_to_do(sandbox: Sandbox, given: Path) -> None:
    sandbox.fetch(origin=str(given))
    sandbox.events.warnings.clear()
    assert sandbox.fetch(origin=str(given)).nothing_to_do
    assert not sandbox.events.warnings
    assert sandbox.fetch(check=True).rows[0].state is FileState.VERIFIED


def test_what_was_unverified_is_recognised_once_the_record_is_known(
    sandbox: Sandbox, given: Path
) -> None:
    sandbox.fetch(origin=str(given))
    with ZenodoServer(RECORDS) as server:
        result = sandbox.fetch(server)
        assert not server.asked(".zip")
    assert result.nothing_to_do
    assert result.rows[0].verified


def test_check_covers_what_was_installed_without_a_record(sandbox: Sandbox, given: Path) -> None:
    sandbox.fetch(origin=str(given))
    (row,) = sandbox.fetch(check=True, machines=()).rows
    assert row.state is FileState.VERIFIED
    assert not row.verified
    (sandbox.dev / "fan" / next(iter(dev_files()))).write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match="1 of 10 files"):
        sandbox.fetch(check=True, machines=())
    sandbox.fetch(origin=str(given))
    assert sandbox.fetch(check=True).nothing_to_do


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("known", ["saved", "in the folder"])
def test_a_known_record_verifies_archives(sandbox: Sandbox, given: Path, known: str) -> None:
    entry = {"key": "dev_data_fan.zip", "size": 3, "checksum": "md5:" + "0" * 32}
    place = sandbox.dev / ".asd-fetch" / f"record-{DEV}.json"
    if known == "in the folder":
        place = given / f"{DEV}.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps({"id": DEV, "files": [entry]}))
    with pytest.raises(IntegrityError, match="the record says 3"):
        sandbox.fetch(origin=str(given))
    assert not sandbox.seen()


@pytest.mark.usefixtures("no_network")
def test_a_damaged_archive_without_record_is_still_refused(sandbox: Sandbox, given: Path) -> None:
    archive = given / "dev_data_fan.zip"
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(IntegrityError):
        sandbox.fetch(origin=str(given))
    assert not sandbox.seen()


@pytest.mark.usefixtures("no_network")
def test_an_archive_that_the_folder_lacks_is_named(sandbox: Sandbox, given: Path) -> None:
    (given / "dev_data_fan.zip").unlink()
    with pytest.raises(DataError, match=r"given has no file for fan .*'dev_data_pump\.zip'"):
        sandbox.fetch(origin=str(given))
    for path in given.iterdir():
        path.unlink()
    with pytest.raises(DataError, match="it holds no archive"):
        sandbox.fetch(origin=str(given))


@pytest.mark.usefixtures("no_network")
def test_two_editions_do_not_mix_without_records_either(sandbox: Sandbox, given: Path) -> None:
    sandbox.fetch(origin=str(given))
    with pytest.raises(UsageError, match="holds recordings of dcase2021, and dcase2020"):
        sandbox.fetch(origin=str(given), edition="dcase2020")
