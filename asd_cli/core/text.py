"""Text for terminals, spreadsheets and shells; text from outside is made harmless."""

import json
import math
import re
from collections.abc import Mapping

# C0 and C1 controls, line and paragraph separators, and characters that change the direction of
# writing: a file name must not steer a terminal, write a line of its own or reverse one.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# `float` also takes `1_000`, digits of other scripts, `nan` and `inf`.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


# Fewer files that have the same fault are listed one by one.
_MIN_GROUPED = 3


def printable(text: object) -> str:
    r"""Make control and direction characters visible, so that a name cannot steer a terminal.

    Examples
    --------
    >>> print(printable("bad\u202e\nerror: x.wav"))
    bad\u202e\x0aerror: x.wav
    """
    known = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return _CONTROL.sub(_escape, known)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def counted(number: int, what: str) -> str:
    """Write a number with its noun.

    Examples
    --------
    >>> counted(1, "shard"), counted(2, "shard"), counted(1200, "clip")
    ('1 shard', '2 shards', '1,200 clips')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def grouped_problems(problems: Mapping[str, str], total: int) -> list[str]:
    """Say once what is wrong with several files, with how many and the first of them.

    Parameters
    ----------
    problems : mapping of str to str
        Path of a file, to what is wrong with it; the path may stand in the text.
    total : int
        How many files there are.

    Examples
    --------
    >>> grouped_problems({n: f"{n} has 2 channels" for n in ("a.wav", "b.wav", "c.wav")}, 9)
    ['3 of 9: has 2 channels; first: a.wav']
    >>> grouped_problems({"a.wav": "a.wav is empty", "b.wav": "b.wav is empty"}, 9)
    ['a.wav is empty', 'b.wav is empty']
    """
    alike: dict[str, list[str]] = {}
    for path, text in problems.items():
        alike.setdefault(text.replace(path, "").strip(), []).append(path)
    lines: list[str] = []
    for text, paths in alike.items():
        if len(paths) < _MIN_GROUPED:
            lines.extend(problems[path] for path in paths)
        else:
            lines.append(f"{len(paths)} of {total}: {text}; first: {paths[0]}")
    return lines


def inert_cell(text: str) -> str:
    """Keep a spreadsheet from running a name as a formula, and a terminal from obeying it."""
    return f"'{printable(text)}" if text.startswith(_FORMULA_STARTS) else printable(text)


def setting_value(value: object) -> str:
    """Write a setting as `--set` takes it, without a blank that a shell would split at.

    Examples
    --------
    >>> setting_value([0.9, 1.1]), setting_value("gamma"), setting_value(True)
    ('[0.9,1.1]', 'gamma', 'true')
    """
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def parse_decimal(text: str) -> float:
    """Read a finite number written with ASCII digits; ValueError says what else the text is.

    Examples
    --------
    >>> parse_decimal("-1.5e-3")
    -0.0015
    >>> parse_decimal("1_000")
    Traceback (most recent call last):
    ValueError: not a number
    """
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("not a finite number")
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a number")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value
