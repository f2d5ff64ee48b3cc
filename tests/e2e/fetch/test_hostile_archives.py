"""Rows 5 to 7 of the fault list: what names and archives can do."""

import random
import stat
import zipfile
from pathlib import Path

import pytest

from asd_cli.core.errors import AsdError, IntegrityError, StorageError
from tests.support.archives import (
    DEV,
    EVAL_TEST,
    EVAL_TRAIN,
    GROUND_TRUTH,
    bomb,
    dev_files,
    encrypted,
    eval_files,
    label_files,
    overlapping,
    renamed,
    special_member,
    wav_bytes,
    zip_bytes,
    zip_with,
)
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import ZenodoServer

NAME = "dev_data_fan.zip"
GOOD = zip_bytes(dev_files(), top="fan/")
CLIP = "train/section_00_source_train_normal_0000.wav"

BAD_NAMES = {
    "climbing": "../../evil.wav",
    "climbing inside": "fan/train/../../../evil.wav",
    "absolute": "/tmp/evil.wav",
    "drive": "C:/evil.wav",
    "backslash": "..\\evil.wav",
    "NUL": "fan/train/ev\0il.wav",
    "newline": "fan/train/ev\nil.wav",
    "escape code": "fan/train/\x1b[31mevil.wav",
    "too long": f"fan/train/{'e' * 300}.wav",
    "too long in bytes": f"fan/train/{'é' * 150}.wav",
    "too deep": "e/" * 600 + "evil.wav",
}


def refused(
    sandbox: Sandbox, content: bytes, message: str, error: type[AsdError] = IntegrityError
) -> None:
    """Require that an archive is refused whole, and the destination stays as it was."""
    with ZenodoServer({DEV: {NAME: content, "dev_data_pump.zip": PUMP}}) as server:
        sandbox.fetch(server, machines=("pump",))
        before = sandbox.seen()
        with pytest.raises(error, match=message) as caught:
            sandbox.fetch(server)
    assert caught.value.hint
    assert sandbox.seen() == before
    assert not list(sandbox.dev.rglob(NAME))
    assert not list((sandbox.dev / ".asd-fetch" / "staging").iterdir())


PUMP = zip_bytes(dev_files(), top="pump/")


# Row 5


@pytest.mark.parametrize("name", BAD_NAMES.values(), ids=BAD_NAMES)
def test_unsafe_names_in_an_archive_are_refused(sandbox: Sandbox, name: str) -> None:
    raw = name.encode()
    neutral = "n" * len(raw)
    content = zip_with(zipfile.ZipInfo(neutral))
    content = renamed(content, neutral.encode(), raw)
    # Names beyond ASCII are UTF-8 only with this flag.
    if not name.isascii():
        for signature, offset in ((b"PK\x03\x04", 7), (b"PK\x01\x02", 9)):
            at = content.rfind(signature)
            content = content[: at + offset] + b"\x08" + content[at + offset + 1 :]
    refused(sandbox, content, "nothing of it was written")


@pytest.mark.parametrize("name", [*BAD_NAMES.values(), "", "."], ids=[*BAD_NAMES, "empty", "dot"])
def test_unsafe_names_in_a_record_are_refused(sandbox: Sandbox, name: str) -> None:
    with ZenodoServer({DEV: {NAME: GOOD, name: b"x"}}) as server:
        with pytest.raises(IntegrityError, match="nothing of it was written"):
            sandbox.fetch(server)
        assert not server.asked(".zip")
    assert not sandbox.root.exists()


def test_a_record_with_one_name_twice_is_refused(sandbox: Sandbox) -> None:
    with (
        ZenodoServer({DEV: {NAME: GOOD, NAME.upper(): b"x"}}) as server,
        pytest.raises(IntegrityError, match=f"'{NAME}' and '{NAME.upper()}'"),
    ):
        sandbox.fetch(server)


def test_a_record_with_two_spellings_of_one_name_is_refused(sandbox: Sandbox) -> None:
    with (
        ZenodoServer({DEV: {"\u00e9.zip": GOOD, "e\u0301.zip": b"x"}}) as server,
        pytest.raises(IntegrityError, match="twice"),
    ):
        sandbox.fetch(server)


@pytest.mark.parametrize(
    "kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK]
)
def test_links_and_devices_in_an_archive_are_refused(sandbox: Sandbox, kind: int) -> None:
    content = zip_with(special_member("fan/train/link.wav", kind), b"/etc/passwd")
    refused(sandbox, content, "link or a device")


@pytest.mark.parametrize("place", ["fan", "fan/train", f"fan/{next(iter(dev_files()))}"])
@pytest.mark.parametrize("dangling", [False, True])
def test_links_in_the_destination_are_refused(sandbox: Sandbox, place: str, dangling: bool) -> None:
    outside = sandbox.base / "outside"
    if not dangling:
        outside.mkdir()
    link = sandbox.dev / place
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with (
        ZenodoServer({DEV: {NAME: GOOD}}) as server,
        pytest.raises(IntegrityError, match="is a symbolic link"),
    ):
        sandbox.fetch(server)
    assert link.is_symlink()
    assert not list(sandbox.base.rglob("*.wav")) or link.suffix == ".wav"


@pytest.mark.parametrize("name", ["", "/parts", "/archives", "/staging", "/receipts"])
def test_links_in_our_own_folder_are_refused(sandbox: Sandbox, name: str) -> None:
    outside = sandbox.base / "outside"
    outside.mkdir()
    link = Path(f"{sandbox.dev}/.asd-fetch{name}")
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    with ZenodoServer({DEV: {NAME: GOOD}}) as server:
        with pytest.raises(IntegrityError, match="is a symbolic link"):
            sandbox.fetch(server)
        assert not server.asked(NAME)
    assert not list(outside.iterdir())


def test_the_data_folder_itself_may_be_a_link(sandbox: Sandbox) -> None:
    disk = sandbox.root / "big_disk"
    disk.mkdir(parents=True)
    sandbox.dev.symlink_to(disk)
    with ZenodoServer({DEV: {NAME: GOOD}}) as server:
        sandbox.fetch(server)
    assert len(list(disk.rglob("*.wav"))) == len(dev_files())


def test_a_file_where_a_folder_belongs_is_said(sandbox: Sandbox) -> None:
    sandbox.dev.mkdir(parents=True)
    (sandbox.dev / "fan").write_text("mine")
    with (
        ZenodoServer({DEV: {NAME: GOOD}}) as server,
        pytest.raises(StorageError, match="stands where"),
    ):
        sandbox.fetch(server)
    assert (sandbox.dev / "fan").read_text() == "mine"


# Row 6


def wrong_crc() -> bytes:
    content = zip_bytes(dev_files(), method=zipfile.ZIP_STORED, top="fan/")
    return content.replace(wav_bytes(1)[-20:], bytes(20))


HOSTILE = {
    "bomb": (bomb(), "zip bomb"),
    "overlapping": (overlapping(GOOD), "overlap"),
    "wrong CRC": (wrong_crc(), "Bad CRC-32"),
    "truncated": (GOOD[: len(GOOD) // 2], "not a valid zip"),
    "cut at the end": (GOOD[:-3], "not a valid zip"),
    "cut at the front": (GOOD[100:], "not a valid zip"),
    "encrypted": (encrypted(GOOD), r"is encrypted \('"),
    "empty file": (b"", "not a valid zip"),
    "empty archive": (zip_bytes({}), "is empty"),
    "only junk": (zip_bytes({"__MACOSX/._x.wav": b"x"}), "is empty"),
    "no recordings": (
        zip_bytes({f"fan/README{number}": b"x" for number in range(7)}),
        "no recordings, but 'fan/README0', .*'fan/README4' and 2 more",
    ),
    "HTML": (b"<!DOCTYPE html>" + b"x" * 500, "web page|not a valid zip"),
    "packed by LZMA": (zip_bytes(dev_files(), method=zipfile.ZIP_LZMA), "unknown way"),
    "another machine": (zip_bytes(dev_files(), top="valve/"), "belongs to valve"),
    "lost recording": (zip_bytes({"fan/x.wav": b"x"}), "is in none of"),
    "one place twice": (
        zip_bytes({f"a/{CLIP}": b"x", f"b/{CLIP}": b"y"}),
        f"two entries for one path, 'a/{CLIP}' and 'b/{CLIP}'",
    ),
    "differing in case": (
        zip_bytes({CLIP: b"x", CLIP.upper().replace("TRAIN/", "train/"): b"y"}),
        f"'{CLIP}' and 'train/SECTION_00_SOURCE_TRAIN_NORMAL_0000.WAV'",
    ),
    "file and folder": (
        zip_bytes({CLIP: b"x", f"{CLIP}/train.wav": b"y"}),
        f"'{CLIP}' and '{CLIP}/train.wav'",
    ),
    "folder and file": (
        zip_bytes({f"{CLIP}/train.wav": b"y", CLIP: b"x"}),
        f"'{CLIP}/train.wav' and '{CLIP}'",
    ),
    "differing in the form of letters": (
        zip_bytes({"train/\u00e9.wav": b"x", "train/e\u0301.wav": b"y"}),
        r"'train/\\xe9\.wav' and 'train/e\\u0301\.wav'",
    ),
}


@pytest.mark.parametrize(("content", "message"), HOSTILE.values(), ids=HOSTILE)
def test_bad_archives_are_refused_whole(sandbox: Sandbox, content: bytes, message: str) -> None:
    given = sandbox.base / "given"
    given.mkdir()
    with ZenodoServer({DEV: {NAME: content}}) as server:
        (given / NAME).write_bytes(content)
        # From a folder, so that the look of a web page is met by the archive's own check.
        with pytest.raises(IntegrityError, match=message):
            sandbox.fetch(server, origin=str(given))
    assert not sandbox.seen()
    assert (given / NAME).read_bytes() == content


@pytest.mark.parametrize("case", ["bomb", "wrong CRC", "encrypted", "truncated"])
def test_a_refused_archive_leaves_nothing_behind(sandbox: Sandbox, case: str) -> None:
    content, message = HOSTILE[case]
    refused(sandbox, content, message)


def test_any_damage_is_found_or_harmless(sandbox: Sandbox) -> None:
    """Whatever bytes change, the archive is refused or its recordings are right."""
    chance = random.Random(0)
    given = sandbox.base / "given"
    given.mkdir()
    for _ in range(60):
        content = bytearray(GOOD)
        # The directory at the end is where damage does most.
        for _ in range(chance.randrange(1, 4)):
            at = len(GOOD) - 1 - int(chance.random() ** 3 * len(GOOD))
            content[at] = chance.randrange(256)
        (given / NAME).write_bytes(content)
        with ZenodoServer({DEV: {NAME: bytes(content)}}) as server:
            sandbox.root.mkdir(exist_ok=True)
            one = sandbox.root / "one"
            try:
                sandbox.fetch(server, origin=str(given), dev_directory=one)
            except IntegrityError:
                assert not list(one.rglob("*.wav"))
            else:
                for path in one.rglob("*.wav"):
                    assert path.read_bytes() in dev_files().values()
            for path in sorted(one.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()


# Row 7


@pytest.mark.parametrize("top", ["", "fan/", "dev_data_fan/fan/", "./fan/", "a/b/c/fan/"])
def test_top_folders_make_no_difference(sandbox: Sandbox, top: str) -> None:
    with ZenodoServer({DEV: {NAME: zip_bytes(dev_files(), top=top)}}) as server:
        sandbox.fetch(server)
    assert set(sandbox.seen()) == {f"dev_data/fan/{name}" for name in dev_files()}


def test_what_operating_systems_leave_behind_is_skipped(sandbox: Sandbox) -> None:
    junk = {
        f"__MACOSX/fan/{CLIP}": b"x",
        "fan/train/._section_00_source_train_normal_0000.wav": b"x",
        "fan/.DS_Store": b"x",
        "fan/train/Thumbs.db": b"x",
    }
    files = {f"fan/{name}": content for name, content in dev_files().items()}
    with ZenodoServer({DEV: {NAME: zip_bytes({**junk, **files})}}) as server:
        sandbox.fetch(server)
    assert set(sandbox.seen()) == {f"dev_data/{name}" for name in files}


def test_unsafe_names_of_junk_are_refused_too(sandbox: Sandbox) -> None:
    refused(sandbox, zip_bytes({"__MACOSX/../../../evil": b"x"}), "climbs out")


def test_other_files_come_along(sandbox: Sandbox) -> None:
    files = {**dev_files(), "attributes_00.csv": b"file,attribute\n"}
    with ZenodoServer({DEV: {NAME: zip_bytes(files, top="fan/")}}) as server:
        sandbox.fetch(server)
    assert "dev_data/fan/attributes_00.csv" in sandbox.seen()


def test_archives_of_different_tops_merge(sandbox: Sandbox) -> None:
    records = {
        EVAL_TRAIN: {"eval_data_fan_train.zip": zip_bytes(eval_files("train"), top="fan/")},
        EVAL_TEST: {"eval_data_fan_test.zip": zip_bytes(eval_files("test"), top="x/fan/")},
    }
    with ZenodoServer(records) as server:
        sandbox.fetch(server, stages=("eval-test", "eval-train"))
    assert {name.split("/")[2] for name in sandbox.seen()} == {
        "train",
        "source_test",
        "target_test",
    }


def test_of_a_repository_with_labels_only_the_labels_are_taken(sandbox: Sandbox) -> None:
    labels = label_files(("fan",))
    name = next(iter(labels))
    content = zip_bytes(
        {f"top/data/{name}": labels[name], "top/evaluator.py": b"x", "LICENSE": b""}
    )
    with ZenodoServer({GROUND_TRUTH: {"owner/evaluator.zip": content}}) as server:
        sandbox.fetch(server, stages=("ground-truth",))
    assert set(sandbox.seen()) == {f"eval_data/ground_truth/{name}"}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"top/evaluator.py": b"x"}, "holds no ground truth, but 'top/evaluator.py'"),
        (
            {f"{top}/{next(iter(label_files(('fan',))))}": top.encode() for top in "ab"},
            r"'b/ground_truth_fan_\S+ and 'a/ground_truth_fan_\S+ differ in content",
        ),
    ],
)
def test_archives_without_clear_labels_are_refused(
    sandbox: Sandbox, files: dict[str, bytes], message: str
) -> None:
    with (
        ZenodoServer({GROUND_TRUTH: {"labels.zip": zip_bytes(files)}}) as server,
        pytest.raises(IntegrityError, match=message),
    ):
        sandbox.fetch(server, stages=("ground-truth",))
    assert not sandbox.seen()
