"""Names of strangers and addresses of users."""

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.core.errors import DataError, IntegrityError, UsageError
from asd_cli.fetching.http import Site, is_loopback, redact
from asd_cli.fetching.paths import safe_path, shorten
from asd_cli.fetching.records import RecordFile
from asd_cli.fetching.sources import Origin, file_addresses, parse_origin


@given(st.text())
def test_an_accepted_name_stays_inside(name: str) -> None:
    try:
        path = safe_path(name, where="here")
    except IntegrityError:
        return
    assert path.parts
    assert not path.is_absolute()
    assert ".." not in path.parts
    folder = Path("/data/folder")
    assert (folder / path).resolve().is_relative_to(folder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a/b.wav", "a/b.wav"), ("./a//b.wav", "a/b.wav"), ("..a/b..", "..a/b.."), ("é/音", "é/音")],
)
def test_good_names_are_kept(name: str, expected: str) -> None:
    assert safe_path(name, where="here") == PurePosixPath(expected)


@pytest.mark.parametrize(
    "name", ["", ".", "//", "/a", "../a", "a/..", "a\\b", "c:a", "a\x00", "\ud800"]
)
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(IntegrityError, match="here holds the name"):
        safe_path(name, where="here")


def test_names_are_shown_without_their_tricks() -> None:
    assert shorten("\x1b[31m") == "'\\x1b[31m'"
    assert len(shorten("x" * 1000)) == 60


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:80/x", True),
        ("http://127.8.8.8", True),
        ("http://localhost", True),
        ("http://[::1]:8", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://10.0.0.1", False),
        ("nonsense", False),
    ],
)
def test_loopback(url: str, expected: bool) -> None:
    assert is_loopback(url) is expected


def test_passwords_are_hidden() -> None:
    assert redact("at https://me:hush@host/x?y") == "at https://***@host/x?y"
    assert redact("https://host/a@b") == "https://host/a@b"


def test_origins(tmp_path: Path) -> None:
    spaced = tmp_path / "a b"
    spaced.mkdir()
    zenodo = Site(base="https://zenodo.org")
    assert parse_origin(None) == Origin(home=zenodo)
    assert parse_origin(str(spaced)).folder == spaced
    assert parse_origin(spaced.as_uri()).folder == spaced
    mirror = parse_origin("http://mirror.example/asd/").mirror
    assert mirror == Site(base="http://mirror.example/asd", mirror=True)


@pytest.mark.parametrize("text", ["ftp://x/y", "file://server/y", "http://", "s3://bucket"])
def test_other_origins_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="cannot be fetched from"):
        parse_origin(text)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        parse_origin(str(tmp_path / "none"))


@pytest.mark.parametrize("url", ["http://zenodo.org", "ftp://127.0.0.1", "zenodo.org", "https://"])
def test_zenodo_is_asked_by_https_only(url: str) -> None:
    with pytest.raises(UsageError, match="not an https address"):
        parse_origin(None, base_url=url)


def test_addresses_are_quoted_and_the_resumable_one_comes_first() -> None:
    file = RecordFile(record=7, path=PurePosixPath("a/b #1.zip"), size=1, md5="0" * 32)
    home, mirror = "https://zenodo.org", "https://mirror.example"
    origin = parse_origin(None)
    assert [url for _, url in file_addresses(origin, file)] == [
        f"{home}/records/7/files/a/b%20%231.zip",
        f"{home}/api/records/7/files/a/b%20%231.zip/content",
    ]
    found = file_addresses(parse_origin(mirror), file)
    assert found[0][1] == f"{mirror}/a/b%20%231.zip"
    assert all(site.mirror for site, _ in found)


@pytest.mark.parametrize(
    ("base", "expected"),
    [("https://m.example", True), ("http://127.0.0.1:1", True), ("http://m.example", False)],
)
def test_sums_are_believed_only_where_nobody_can_change_them(base: str, expected: bool) -> None:
    assert Site(base=base, mirror=True).is_trusted is expected
