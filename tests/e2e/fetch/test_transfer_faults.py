"""Rows 1 to 4 of the fault list: what a network and a server can do to a transfer."""

import hashlib
import time
from email.utils import formatdate
from pathlib import Path

import pytest

from asd_cli.core.errors import IntegrityError, NetworkError
from asd_cli.fetching import retry as retry_module
from asd_cli.fetching.retry import RetryPolicy
from tests.support.archives import DEV, dev_files, records_of
from tests.support.fetching import QUICK, Sandbox
from tests.support.zenodo_server import Fault, ZenodoServer

NAME = "dev_data_fan.zip"
CONTENT = records_of(("fan",))[DEV][NAME]
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()

# After a transfer that broke, so many more failures end the run.
FAIL = [Fault(status=503)] * (QUICK.attempts - 1)


def serve(**options: object) -> ZenodoServer:
    return ZenodoServer({DEV: {NAME: CONTENT}}, **options)  # type: ignore[arg-type]


def parts(sandbox: Sandbox) -> list[Path]:
    return list(sandbox.dev.rglob("*.part"))


def complete(sandbox: Sandbox) -> bool:
    return all(
        (sandbox.dev / "fan" / name).read_bytes() == content
        for name, content in dev_files().items()
    )


# Row 1


def test_a_cut_transfer_is_resumed_where_it_broke(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4))
        sandbox.fetch(server)
        resumed = int(len(CONTENT) * 0.4)
        assert server.ranges(NAME) == [None, f"bytes={resumed}-"]
        assert server.asked(NAME)[1].headers["if-range"] == f'"{MD5}"'
        assert server.bytes_sent == len(CONTENT)
    assert complete(sandbox)


def test_a_transfer_is_resumed_by_the_next_run(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4), *FAIL)
        with pytest.raises(NetworkError, match="503") as caught:
            sandbox.fetch(server)
        assert "resumes the transfer" in str(caught.value.hint)
        assert [part.stat().st_size for part in parts(sandbox)] == [int(len(CONTENT) * 0.4)]
        assert sandbox.fetch(server, dry_run=True).rows[0].state == "partial"
        sandbox.fetch(server)
        assert server.bytes_sent == len(CONTENT)
    assert complete(sandbox)


def test_cut_without_a_declared_length_is_noticed(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4, chunked=True))
        sandbox.fetch(server)
    assert complete(sandbox)


def test_many_cuts_do_not_use_up_the_tries_while_bytes_arrive(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, *[Fault(cut=0.15)] * 9)
        sandbox.fetch(server, retry=RetryPolicy(attempts=2, pause=0, renewal_bytes=16))
        assert server.bytes_sent == len(CONTENT)
    assert complete(sandbox)


def test_whole_file_in_answer_to_a_range_starts_again(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4), Fault(ignore_range=True))
        sandbox.fetch(server)
        assert server.bytes_sent > len(CONTENT)
    assert complete(sandbox)
    assert sandbox.events.amounts[f"fetching {NAME}"] == len(CONTENT)


def test_a_server_that_always_breaks_and_ignores_ranges_is_given_up(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4, ignore_range=True, forever=True))
        with pytest.raises(NetworkError, match="broke"):
            sandbox.fetch(server)
        # The first try brings bytes and gives the tries back; the later ones bring no new ones.
        assert len(server.asked(NAME)) == QUICK.attempts
    assert not sandbox.seen()


def test_a_part_at_a_wrong_offset_is_never_spliced(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4), Fault(shift=7))
        sandbox.fetch(server)
        assert server.ranges(NAME)[2] is None
    assert complete(sandbox)
    assert not sandbox.events.warnings


def test_a_part_that_lies_about_its_offset_is_found_by_its_sum(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4), Fault(shift=7, mislabel=True))
        with pytest.raises(IntegrityError, match="its MD5 is"):
            # Seven bytes short: the rest comes by one more request, and the sum is wrong.
            sandbox.fetch(server)
        assert not parts(sandbox)
        sandbox.fetch(server)
    assert complete(sandbox)


def test_a_changed_file_is_not_continued(sandbox: Sandbox) -> None:
    with serve(etag='"one"') as server:
        server.misbehave(NAME, Fault(cut=0.4), *FAIL)
        with pytest.raises(NetworkError):
            sandbox.fetch(server)
        server.etag = '"two"'
        sandbox.fetch(server)
        assert server.asked(NAME)[-1].headers["if-range"] == '"one"'
    assert complete(sandbox)


def test_a_damaged_part_of_an_earlier_run_is_thrown_away(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4), *FAIL)
        with pytest.raises(NetworkError):
            sandbox.fetch(server)
        (part,) = parts(sandbox)
        part.write_bytes(b"x" * part.stat().st_size)
        sandbox.fetch(server)
        assert server.ranges(NAME)[-2:] == [f"bytes={int(len(CONTENT) * 0.4)}-", None]
    assert complete(sandbox)
    assert "starting again" in sandbox.events.warnings[0]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 5], ids=["full", "longer"])
def test_a_part_as_long_as_the_file_is_proven_not_continued(sandbox: Sandbox, size: int) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(cut=0.4), *FAIL)
        with pytest.raises(NetworkError):
            sandbox.fetch(server)
        (part,) = parts(sandbox)
        part.write_bytes((CONTENT + b"xxxxx")[:size])
        server.requests.clear()
        sandbox.fetch(server)
        assert len(server.asked(NAME)) == (size > len(CONTENT))
    assert complete(sandbox)


def test_weak_entity_tags_are_not_sent_back(sandbox: Sandbox) -> None:
    with serve(etag='W/"weak"') as server:
        server.misbehave(NAME, Fault(cut=0.4))
        sandbox.fetch(server)
        assert "if-range" not in server.asked(NAME)[1].headers
    assert complete(sandbox)


# Row 2


def test_one_wrong_bit_is_refused_with_both_sums(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(flip=1000))
        with pytest.raises(IntegrityError, match=MD5) as caught:
            sandbox.fetch(server)
        damaged = bytearray(CONTENT)
        damaged[1000] ^= 1
        assert hashlib.md5(damaged, usedforsecurity=False).hexdigest() in caught.value.message
        assert not sandbox.seen()
        assert not parts(sandbox)
        sandbox.fetch(server)
    assert complete(sandbox)


def test_a_bad_transfer_leaves_good_recordings_and_archives_alone(sandbox: Sandbox) -> None:
    with serve() as server:
        sandbox.fetch(server, keep_archives=True)
        good = sandbox.seen()
        (archive,) = sandbox.dev.rglob(NAME)
        content = bytearray(CONTENT)
        content[0] ^= 1
        archive.write_bytes(content)
        lost = next(iter(good))
        (sandbox.root / lost).unlink()
        server.misbehave(NAME, Fault(flip=1000))
        with pytest.raises(IntegrityError):
            sandbox.fetch(server, keep_archives=True)
        assert archive.read_bytes() == content
    assert sandbox.seen() == {name: text for name, text in good.items() if name != lost}


def test_a_file_longer_than_the_record_says_is_refused(sandbox: Sandbox) -> None:
    with serve() as server:
        server.describe(DEV, listing=False)  # sums are those of the published content
        server.records[DEV][NAME] = CONTENT
        listed = server.describe(DEV, listing=False)
        listed["files"][0]["size"] -= 10
        server.describe = lambda *_, **__: listed  # type: ignore[method-assign]
        server.misbehave(NAME, Fault(chunked=True))
        with pytest.raises(IntegrityError, match="sent more than"):
            sandbox.fetch(server)
        with pytest.raises(IntegrityError, match=r"the server holds .* the record says"):
            sandbox.fetch(server)
        assert all(part.stat().st_size <= len(CONTENT) - 10 for part in parts(sandbox))
    assert not sandbox.seen()


def test_a_file_shorter_than_the_record_says_is_refused(sandbox: Sandbox) -> None:
    with serve() as server:
        listed = server.describe(DEV, listing=False)
        listed["files"][0]["size"] += 10
        server.describe = lambda *_, **__: listed  # type: ignore[method-assign]
        server.misbehave(NAME, Fault(chunked=True))
        # All bytes came; the request for the missing ten is answered 416.
        with pytest.raises(IntegrityError, match="the server holds"):
            sandbox.fetch(server)


# Row 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault(page=b"<!DOCTYPE html><html>unusual traffic</html>"),
        Fault(page=b" " * 100 + b"<HTML>" + b"x" * len(CONTENT)),
        Fault(page=b"plain text under a type of html"),
        Fault(page=b"\n<html>no type", headers={"Content-Type": "application/octet-stream"}),
    ],
)
@pytest.mark.parametrize("where", [NAME, str(DEV)])
def test_a_web_page_is_never_saved_as_an_archive(
    sandbox: Sandbox, fault: Fault, where: str
) -> None:
    with serve() as server:
        server.misbehave(where, fault)
        with pytest.raises(NetworkError, match="web page") as caught:
            sandbox.fetch(server)
        assert "--from DIR" in str(caught.value.hint)
        assert not list(sandbox.base.rglob("*.zip"))
        assert all(part.stat().st_size == 0 for part in parts(sandbox))
        sandbox.fetch(server)
    assert complete(sandbox)


@pytest.mark.parametrize("where", [NAME, str(DEV)])
def test_a_refusal_is_not_repeated_and_comes_with_advice(sandbox: Sandbox, where: str) -> None:
    with serve() as server:
        server.misbehave(where, Fault(status=403, forever=True))
        with pytest.raises(NetworkError, match=r"refused \(403") as caught:
            sandbox.fetch(server)
        assert len(server.asked(where)) == 1
    assert "ZENODO_TOKEN" in str(caught.value.hint)
    assert "--print-urls" in str(caught.value.hint)


PAGE = b"""<!DOCTYPE html><html><head><title>t</title><style>b {color: red}</style></head><body>
<h1>Access denied</h1> due to <b>unusual traffic</b> &amp; more. Reference \x1b[31m18.ab<script>
track()</script><!-- hidden --></body></html>"""


@pytest.mark.parametrize("where", [NAME, str(DEV)])
def test_the_text_of_a_refusal_is_shown(sandbox: Sandbox, where: str) -> None:
    with serve() as server:
        server.misbehave(where, Fault(status=403, page=PAGE, forever=True))
        with pytest.raises(
            NetworkError, match="Access denied due to unusual traffic & more"
        ) as error:
            sandbox.fetch(server)
    shown = error.value.message
    assert "Reference \\x1b[31m18.ab" in shown
    assert not {"\x1b", "\n", "<"} & set(shown)
    assert not [word for word in ("color", "track", "hidden") if word in shown]


def test_the_text_of_a_page_in_place_of_a_file_is_shown(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(page=PAGE))
        with pytest.raises(NetworkError, match="web page.*unusual traffic"):
            sandbox.fetch(server)


@pytest.mark.parametrize("page", [b"x" * 10**6, b"<" * 10**5, b"<html><script>" + b"y" * 10**5])
def test_a_long_refusal_is_shortened(sandbox: Sandbox, page: bytes) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(status=403, page=page))
        with pytest.raises(NetworkError, match="refused \\(403") as error:
            sandbox.fetch(server)
    assert len(error.value.message) < 600


def test_a_refusal_whose_page_does_not_end_is_still_shown(sandbox: Sandbox) -> None:
    with serve() as server:
        headers = {"Content-Length": "5000"}
        server.misbehave(NAME, Fault(status=403, page=b"no access", headers=headers))
        with pytest.raises(NetworkError, match="no access"):
            sandbox.fetch(server, retry=RetryPolicy(pause=0, read=0.5))


def test_an_absent_file_is_said_after_all_addresses(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(status=404, forever=True))
        server.misbehave("/content", Fault(status=404, forever=True))
        with pytest.raises(NetworkError, match="does not exist"):
            sandbox.fetch(server)
        assert len(server.asked(NAME)) == len(server.asked("/content")) == 1


def test_the_other_address_serves_when_the_first_is_gone(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(status=404, forever=True))
        sandbox.fetch(server)
    assert complete(sandbox)


# Row 4


@pytest.mark.parametrize("where", [NAME, str(DEV)])
@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Retry-After": "7"},
        {"Retry-After": formatdate(time.time() + 3600, usegmt=True)},
        {"Retry-After": "soon"},
        {"Retry-After": "-5"},
        {"Retry-After": "99999999999999999999"},
    ],
    ids=["absent", "seconds", "date", "nonsense", "negative", "huge"],
)
def test_passing_faults_are_waited_for_within_bounds(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
    status: int,
    headers: dict[str, str],
) -> None:
    waits = record_waits(monkeypatch)
    with serve() as server:
        server.misbehave(where, Fault(status=status, headers=headers), Fault(status=status))
        sandbox.fetch(server, retry=RetryPolicy(retry_after_limit=20.0, pause=1.0))
    assert complete(sandbox)
    asked = headers.get("Retry-After", "")
    first = 7.0 if asked == "7" else 20.0 if asked.endswith("GMT") or len(asked) > 9 else None
    if first is None:
        assert 0.5 <= waits[0] <= 1.0
    else:
        assert waits[0] == first
    assert 1.0 <= waits[1] <= 2.0
    assert f"answered {status}; trying again" in sandbox.events.notes[0]


def record_waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Take the place of waiting."""
    waits: list[float] = []
    real = retry_module.RetryBudget.__init__

    def initialise(self: retry_module.RetryBudget, *given: object, **named: object) -> None:
        real(self, *given, **{**named, "sleep": waits.append})  # type: ignore[arg-type]

    monkeypatch.setattr(retry_module.RetryBudget, "__init__", initialise)
    return waits


@pytest.mark.parametrize("where", [NAME, str(DEV)])
def test_lasting_trouble_is_given_up(sandbox: Sandbox, where: str) -> None:
    with serve() as server:
        server.misbehave(where, Fault(status=503, forever=True))
        with pytest.raises(NetworkError, match="answered 503"):
            sandbox.fetch(server)
        assert len(server.asked(where)) == QUICK.attempts


def test_nobody_there(sandbox: Sandbox) -> None:
    with pytest.raises(NetworkError, match=r"the connection to 127\.0\.0\.1 broke"):
        sandbox.fetch()
    assert not sandbox.root.exists()


def test_a_trickle_is_cut_off_and_resumed(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(trickle=2))
        sandbox.fetch(server, retry=RetryPolicy(pause=0, stall=0.2, stall_bytes=4000))
        (note,) = sandbox.events.notes
        assert "stalled" in note
        # What had trickled in was kept.
        assert str(server.ranges(NAME)[1]).startswith("bytes=")
    assert complete(sandbox)


def test_an_endless_trickle_is_given_up(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(trickle=1, forever=True))
        with pytest.raises(NetworkError, match="stalled"):
            sandbox.fetch(
                server,
                retry=RetryPolicy(attempts=3, pause=0, stall=0.1, stall_bytes=4000),
            )
        assert len(server.asked(NAME)) == 3


def test_silence_is_ended_by_the_deadline_and_resumed(sandbox: Sandbox) -> None:
    with serve() as server:
        server.misbehave(NAME, Fault(silent=True))
        sandbox.fetch(server, retry=RetryPolicy(pause=0, read=0.3))
        assert server.ranges(NAME)[1] == f"bytes={len(CONTENT) // 2}-"
        assert not server.outwaited
    assert complete(sandbox)
