"""What stands in a data folder already: files of the user's own, and files of earlier versions."""

import json
from pathlib import Path

import pytest

from asd_cli.core.errors import IntegrityError, StorageError
from tests.support.archives import (
    DEV,
    EVAL_TEST,
    EVAL_TRAIN,
    dev_files,
    eval_files,
    label_files,
    records_of,
    zip_bytes,
)
from tests.support.disk import snapshot
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import ZenodoServer

CLIP = next(iter(dev_files()))
OWN = b"a recording of the user's own"


def put(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [len(OWN), len(dev_files()[CLIP])], ids=["shorter", "as long"])
def test_a_file_of_the_users_own_is_never_overwritten(sandbox: Sandbox, size: int) -> None:
    own = put(sandbox.dev / "fan" / CLIP, OWN.ljust(size, b"."))
    before = sandbox.seen()
    with ZenodoServer(records_of(("fan",))) as server:
        with pytest.raises(StorageError, match="was not installed by asd fetch") as caught:
            sandbox.fetch(server)
        assert str(own) in caught.value.message
        assert sandbox.seen() == before
        # The hint's command is all there is to do; the archive is not transferred again.
        own.rename(f"{own}.own")
        server.requests.clear()
        sandbox.fetch(server)
        assert not server.requests
    assert Path(f"{own}.own").read_bytes() == OWN.ljust(size, b".")
    assert own.read_bytes() == dev_files()[CLIP]


@pytest.mark.parametrize("loose", [False, True])
def test_labels_of_the_users_own_are_never_overwritten(sandbox: Sandbox, loose: bool) -> None:
    own = put(sandbox.eval / "ground_truth" / next(iter(label_files(("fan",)))), OWN)
    with (
        ZenodoServer(records_of(("fan",), loose_labels=loose)) as server,
        pytest.raises(StorageError, match="was not installed by asd fetch"),
    ):
        sandbox.fetch(server, stages=("ground-truth",))
    assert own.read_bytes() == OWN


def test_an_archive_of_the_users_own_is_never_overwritten(sandbox: Sandbox) -> None:
    own = put(sandbox.dev / ".asd-fetch" / "archives" / "dev_data_fan.zip", OWN)
    with ZenodoServer(records_of(("fan",))) as server:
        with pytest.raises(StorageError, match="was not put there by asd fetch"):
            sandbox.fetch(server, keep_archives=True)
        assert not server.asked(".zip")
    assert own.read_bytes() == OWN


def test_a_folder_where_a_file_belongs_stops_before_anything_is_installed(
    sandbox: Sandbox,
) -> None:
    last = max(dev_files())
    (sandbox.dev / "fan" / last).mkdir(parents=True)
    with (
        ZenodoServer(records_of(("fan",))) as server,
        pytest.raises(StorageError, match="stands where a fetched file belongs"),
    ):
        sandbox.fetch(server)
    assert not sandbox.seen()


def test_equal_files_are_adopted(sandbox: Sandbox) -> None:
    put(sandbox.dev / "fan" / CLIP, dev_files()[CLIP])
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    assert len(sandbox.seen()) == len(dev_files())
    assert sandbox.fetch(check=True).nothing_to_do


def test_files_next_to_the_fetched_ones_are_left_alone(sandbox: Sandbox) -> None:
    own = put(sandbox.dev / "fan" / "train" / "my_own.wav", OWN)
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
    assert own.read_bytes() == OWN


def test_a_file_that_two_archives_hold_is_known_to_both(sandbox: Sandbox) -> None:
    records = {
        record: {
            f"eval_data_fan_{part}.zip": zip_bytes(
                {**eval_files(part), "readme.txt": part.encode()}, top="fan/"
            )
        }
        for record, part in ((EVAL_TRAIN, "train"), (EVAL_TEST, "test"))
    }
    with ZenodoServer(records) as server:
        sandbox.fetch(server, stages=("eval-train", "eval-test"))
    assert (sandbox.eval / "fan" / "readme.txt").read_bytes() == b"test"


def test_install_records_of_version_0_1_are_read(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
        (record,) = (sandbox.dev / ".asd-fetch" / "receipts").iterdir()
        content = json.loads(record.read_text())
        # These names and this place are what version 0.1 wrote.
        assert record.name.startswith("dev_data_fan.zip.")
        assert content["schema"] == "asd.receipt/1"
        assert set(content) == {"schema", "record", "name", "size", "md5", "files"}
        assert (content["record"], content["name"]) == (DEV, "dev_data_fan.zip")
        assert sandbox.fetch().nothing_to_do


def test_a_file_found_damaged_may_be_replaced(sandbox: Sandbox) -> None:
    with ZenodoServer(records_of(("fan",))) as server:
        sandbox.fetch(server)
        good = sandbox.seen()
        (sandbox.dev / "fan" / CLIP).write_bytes(b"damaged")
        with pytest.raises(IntegrityError, match="missing or damaged"):
            sandbox.fetch(check=True)
        sandbox.fetch(server)
    assert sandbox.seen() == good
    assert not [name for name in snapshot(sandbox.dev) if name.endswith(".damaged")]
