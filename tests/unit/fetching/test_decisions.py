"""What to do for a file, and what an answer is good for."""

import pytest

from asd_cli.core.errors import IntegrityError
from asd_cli.fetching.download import Step, plan_download
from asd_cli.fetching.retry import ResponseAction, TransientError, choose_response_action


@pytest.mark.parametrize(
    ("archive", "part", "expected"),
    [
        (None, None, Step.START),
        (None, 0, Step.START),
        (None, 1, Step.RESUME),
        (None, 99, Step.RESUME),
        (None, 100, Step.VERIFY_PART),
        (None, 101, Step.START),
        (100, 50, Step.VERIFY_ARCHIVE),
        (99, 50, Step.RESUME),
        (101, None, Step.START),
    ],
)
def test_plan(archive: int | None, part: int | None, expected: Step) -> None:
    assert plan_download(size=100, archive=archive, part=part) is expected


def test_an_empty_file_needs_no_transfer() -> None:
    assert plan_download(size=0, archive=None, part=0) is Step.VERIFY_PART


@pytest.mark.parametrize(
    ("status", "headers", "offset", "expected"),
    [
        (200, {}, 0, ResponseAction.RESTART),
        (200, {"Content-Length": "100"}, 0, ResponseAction.RESTART),
        (200, {"Content-Length": "100"}, 40, ResponseAction.RESTART),
        (200, {"Content-Length": "nonsense"}, 40, ResponseAction.RESTART),
        (206, {"Content-Range": "bytes 40-99/100"}, 40, ResponseAction.APPEND),
        (206, {"Content-Range": "bytes 40-99/*"}, 40, ResponseAction.APPEND),
        (206, {"Content-Range": "bytes 40-49/100"}, 40, ResponseAction.APPEND),
        (206, {"Content-Range": "bytes 0-99/100"}, 0, ResponseAction.APPEND),
        (206, {"Content-Range": "bytes 41-99/100"}, 40, ResponseAction.REQUEST_COMPLETE),
        (206, {"Content-Range": "bytes 0-99/100"}, 40, ResponseAction.REQUEST_COMPLETE),
        (206, {"Content-Range": "40-99"}, 40, ResponseAction.REQUEST_COMPLETE),
        (206, {"Content-Type": "multipart/byteranges"}, 40, ResponseAction.REQUEST_COMPLETE),
        (416, {"Content-Range": "bytes */100"}, 40, ResponseAction.REQUEST_COMPLETE),
        (416, {}, 40, ResponseAction.REQUEST_COMPLETE),
    ],
)
def test_answer(
    status: int, headers: dict[str, str], offset: int, expected: ResponseAction
) -> None:
    found = choose_response_action(
        status=status, headers=headers, offset=offset, size=100, name="x.zip"
    )
    assert found is expected


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (200, {"Content-Length": "99"}),
        (206, {"Content-Range": "bytes 40-100/101"}),
        (416, {"Content-Range": "bytes */40"}),
    ],
)
def test_another_size_is_refused(status: int, headers: dict[str, str]) -> None:
    with pytest.raises(IntegrityError, match="the record says 100"):
        choose_response_action(status=status, headers=headers, offset=40, size=100, name="x.zip")


@pytest.mark.parametrize("status", [206, 416])
def test_a_part_that_nobody_asked_for_is_not_used(status: int) -> None:
    with pytest.raises(TransientError, match="wrong part"):
        choose_response_action(status=status, headers={}, offset=0, size=100, name="x.zip")
