"""Text for terminals, spreadsheets and shells; text from outside is made harmless."""

import json
import math
import re

# C0 and C1 controls, line and paragraph separators, and characters that change the direction of
# writing: a file name must not steer a terminal, write a line of its own or reverse one.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]"
)
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# `float` also takes `1_000`, digits of other scripts, `nan` and `inf`.
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)


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
