"""Models and results in an object store, from the command line."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from asd_cli.core import remote
from asd_cli.core.errors import UsageError
from asd_cli.core.files import write_text
from asd_cli.core.mirror import Mirror, join_json, open_mirror, publish_all
from asd_cli.core.remote import list_below, read_object, write_object
from tests.support.command import finish
from tests.support.object_store import BUCKET, s3_server
from tests.support.recordings import write_machine

STORE = f"s3://{BUCKET}"


@pytest.fixture(scope="module")
def _server() -> Iterator[None]:
    with s3_server():
        yield


@pytest.fixture(autouse=True)
def _new_lists() -> None:
    remote.forget_listings()


@pytest.mark.slow
@pytest.mark.usefixtures("_server")
def test_two_machines_share_models_and_results_in_a_store(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "alone")]
    for folder in folders:
        for machine in ("fan", "pump"):
            write_machine(folder / "dev_data", machine, train=3, test=1, seconds=1.0)
    words = ("--detector", "pooled-knn", "--set=feature.n_mels=32")
    places = (f"--set=model_directory={STORE}/model", f"--set=result_directory={STORE}/result")
    for verb in ("train", "score"):
        for rank, folder in enumerate(folders[:2]):
            ranks = ("--rank", str(rank), "--ranks", "2")
            code, _, err = finish(verb, *words, *places, *ranks, folder=folder)
            assert code == 0, err
        code, _, err = finish(verb, *words, folder=folders[2])
        assert code == 0, err
    code, _, err = finish("evaluate", *words, *places, folder=folders[0])
    assert code == 0, err
    assert not (folders[0] / "s3:").exists()
    found = list_below(Path(STORE))
    for place in ("model", "result"):
        for path in (folders[2] / place).rglob("*"):
            if path.is_file() and path.name not in {"manifest.json", ".manifest.lock"}:
                name = path.relative_to(folders[2]).as_posix()
                assert read_object(Path(STORE) / name) == path.read_bytes(), name
    assert "result/dev/pooled-knn/result.csv" in found
    assert not [name for name in found if name.endswith((".tmp", ".lock", ".claim"))]
    manifest = json.loads(read_object(Path(f"{STORE}/result/dev/pooled-knn/manifest.json")))
    assert set(manifest["machines"]) == {"fan", "pump"}


@pytest.fixture
def url(tmp_path: Path) -> Path:
    return Path(f"memory://{tmp_path.name}")


def test_what_changed_is_copied_and_nothing_else(url: Path, tmp_path: Path) -> None:
    write_object(url / "a" / "one.txt", b"1")
    write_object(url / "two.txt", b"2")
    local = open_mirror(url, tmp_path)
    assert (local / "a" / "one.txt").read_bytes() == b"1"
    before = dict(list_below(url))
    (local / "two.txt").write_bytes(b"22")
    (local / "three.txt").write_bytes(b"3")
    (local / "a" / "one.txt").unlink()
    (local / "x.lock").touch()
    publish_all()
    assert {name: read_object(url / name) for name in list_below(url)} == {
        "two.txt": b"22", "three.txt": b"3"
    }  # fmt: skip
    assert before
    stamps = dict(list_below(url))
    assert open_mirror(url, tmp_path) == local
    publish_all()
    remote.forget_listings()
    assert dict(list_below(url)) == stamps
    write_object(url / "two.txt", b"222")
    os.utime(local / "three.txt")
    open_mirror(url, tmp_path)
    assert (local / "two.txt").read_bytes() == b"222"
    publish_all()


def test_what_a_killed_process_left_is_copied_by_the_next(url: Path, tmp_path: Path) -> None:
    mirror = Mirror.below(url, tmp_path)
    mirror.pull()
    (mirror.local / "model.bin").write_bytes(b"weights")
    assert Mirror.below(url, tmp_path) == mirror
    open_mirror(url, tmp_path)
    assert read_object(url / "model.bin") == b"weights"
    publish_all()


def test_changes_of_two_machines_to_one_list_are_joined(url: Path, tmp_path: Path) -> None:
    write_object(url / "manifest.json", b'{\n  "machines": {\n    "a": 1\n  }\n}\n')
    mirrors = [Mirror.below(url, tmp_path / name) for name in ("one", "two")]
    for mirror, name in zip(mirrors, "bc", strict=True):
        mirror.pull()
        content = json.loads((mirror.local / "manifest.json").read_text())
        content["machines"][name] = 2
        write_text(mirror.local / "manifest.json", json.dumps(content, indent=2) + "\n")
    for mirror in mirrors:
        mirror.push()
    assert json.loads(read_object(url / "manifest.json"))["machines"] == {"a": 1, "b": 2, "c": 2}
    assert read_object(url / "manifest.json").startswith(b'{\n  "machines"')


@pytest.mark.parametrize(
    ("before", "ours", "theirs", "joined"),
    [
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": 2}),
        ({"a": 1, "b": 1}, {"a": 1}, {"a": 1, "b": 1}, {"a": 1}),
        ({"a": 1, "b": 1}, {"a": 1, "b": 1}, {"a": 1}, {"a": 1}),
        ({"m": {"x": 1}}, {"m": {"x": 1, "y": 2}}, {"m": {"x": 5}}, {"m": {"x": 5, "y": 2}}),
        ([1], [1, 2], [3], [1, 2]),
    ],
)
def test_entries_that_we_did_not_change_are_theirs(
    before: object, ours: object, theirs: object, joined: object
) -> None:
    contents = [json.dumps(value).encode() for value in (before, ours, theirs)]
    assert json.loads(join_json(*contents)) == joined


def test_other_files_are_not_written_to_stores(url: Path) -> None:
    with pytest.raises(UsageError, match="is in a store"):
        write_text(url / "page.html", "text")
