"""The shapes of a record, and what is not one."""

import json
from pathlib import Path

import pytest

from asd_cli.core.errors import IntegrityError, NetworkError
from asd_cli.fetching.records import Record, parse_record, read_saved_record, save_record

MD5 = "0123456789abcdef0123456789abcdef"
NEW = {"key": "x.zip", "size": 3, "checksum": f"md5:{MD5}"}
OLD = {"filename": "x.zip", "filesize": 3, "checksum": MD5.upper()}


def parse(answer: object) -> Record | None:
    return parse_record(json.dumps(answer), record=7, where="there")


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 7, "files": [NEW]},
        {"id": "7", "files": [NEW]},
        {"files": [OLD]},
        {"entries": [NEW]},
        {"files": {"enabled": True, "entries": {"x.zip": NEW}}},
        {"files": {"entries": {"x.zip": {"size": 3, "checksum": f"md5:{MD5}"}}}},
        {"files": {"entries": [NEW]}},
    ],
)
def test_every_shape_gives_the_same(answer: object) -> None:
    found = parse(answer)
    assert found is not None
    (file,) = found.files
    assert (file.record, file.name, file.size, file.md5) == (7, "x.zip", 3, MD5)


@pytest.mark.parametrize("answer", [{"id": 7}, {"id": 7, "files": []}, {"files": {"enabled": 1}}])
def test_a_record_may_list_its_files_elsewhere(answer: object) -> None:
    assert parse(answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "text",
        {"files": ["x.zip"]},
        {"files": [{**NEW, "key": 5}]},
        {"files": [{**NEW, "size": None}]},
        {"files": [{**NEW, "size": -1}]},
        {"files": [{**NEW, "size": True}]},
        {"files": [{**NEW, "size": "3"}]},
        {"files": [{**NEW, "checksum": "sha256:00"}]},
        {"files": [{"key": "x.zip", "size": 3}]},
    ],
)
def test_what_is_not_a_record_is_said(answer: object) -> None:
    with pytest.raises(NetworkError, match="there did not answer with a record"):
        parse(answer)


@pytest.mark.parametrize("text", [b"", b"<html>", b"\xff\xfe", b"[" * 100_000])
def test_what_is_not_json_is_said(text: bytes) -> None:
    with pytest.raises(NetworkError, match="JSON was expected"):
        parse_record(text, record=7, where="there")


def test_another_record_is_refused() -> None:
    with pytest.raises(IntegrityError, match="instead of 7"):
        parse({"id": 8, "files": [NEW]})


def test_files_of_one_name_in_different_folders_do_not_meet() -> None:
    found = parse({"files": [{**NEW, "key": "a/x.zip"}, {**NEW, "key": "b/x.zip"}]})
    assert found is not None
    assert len({file.slug for file in found.files}) == 2
    assert all(file.slug.startswith("x.zip.") for file in found.files)


def test_the_first_answer_is_frozen(tmp_path: Path) -> None:
    first, second = parse({"files": [NEW]}), parse({"files": [{**NEW, "size": 4}]})
    assert first is not None
    assert second is not None
    assert read_saved_record(tmp_path, 7) is None
    save_record(tmp_path, first, origin="https://zenodo.org")
    save_record(tmp_path, second, origin="https://zenodo.org")
    assert read_saved_record(tmp_path, 7) == first
