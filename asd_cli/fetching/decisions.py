"""What to do for a file, and what an answer is good for: decided here, done in `download`."""

import re
from collections.abc import Mapping
from enum import Enum, auto

from asd_cli.core.errors import IntegrityError
from asd_cli.fetching.patience import PassingError


class Step(Enum):
    """What to do next for a file."""

    PROVE_ARCHIVE = auto()
    PROVE_PART = auto()
    RESUME = auto()
    START = auto()


class Verdict(Enum):
    """What an answer's body is good for."""

    APPEND = auto()
    START_OVER = auto()
    ASK_WHOLE = auto()


def plan_download(*, size: int, archive: int | None, part: int | None) -> Step:
    """Decide what to do for a file of a known size.

    Parameters
    ----------
    size : int
        Bytes, from the record.
    archive, part : int or None
        Bytes of what is on the disk under the final and the temporary name.

    Returns
    -------
    Step
        A file of the right size is proven, a shorter part is resumed, anything else starts.
    """
    if archive == size:
        return Step.PROVE_ARCHIVE
    if part == size:
        return Step.PROVE_PART
    return Step.RESUME if part is not None and 0 < part < size else Step.START


def judge_answer(
    *, status: int, headers: Mapping[str, str], offset: int, size: int, name: str
) -> Verdict:
    """Decide what the body of an answer may be used for.

    Only the status and ``Content-Range`` count: servers announce ranges they do not honour, and
    honour ranges they do not announce.

    Parameters
    ----------
    status : int
        200, 206 or 416.
    headers : mapping
        Of the answer.
    offset : int
        First byte that was asked for; 0 when the whole file was.
    size : int
        Bytes of the file, from the record.
    name : str
        Of the file, for messages.

    Returns
    -------
    Verdict
        A 206 is appended only when it begins exactly at `offset`.

    Raises
    ------
    IntegrityError
        When the server holds a file of another size.
    PassingError
        When a part came though none was asked for.
    """
    if status == 200:
        _require_size(_whole_number(headers.get("Content-Length")), size, name)
        return Verdict.START_OVER
    found = re.fullmatch(
        r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", headers.get("Content-Range", "").strip()
    )
    _require_size(_whole_number(found[2]) if found else None, size, name)
    if status == 206 and found is not None and found[1] is not None and int(found[1]) == offset:
        return Verdict.APPEND
    if offset == 0:
        raise PassingError(f"the server sent a wrong part of {name}")
    return Verdict.ASK_WHOLE


def _whole_number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,18}", text) else None


def _require_size(held: int | None, size: int, name: str) -> None:
    if held is not None and held != size:
        raise IntegrityError(
            f"{name}: the server holds {held:,} bytes, the record says {size:,}",
            hint="fetch it from elsewhere: asd fetch --from URL",
        )
