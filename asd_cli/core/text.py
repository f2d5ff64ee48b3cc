"""Text from outside made harmless: for terminals, and for spreadsheets."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def printable(text: object) -> str:
    """Make control characters visible, so that a file name cannot steer a terminal."""
    known = str(text).encode("utf-8", "backslashreplace").decode("utf-8")
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", known)


def inert_cell(text: str) -> str:
    """Keep a spreadsheet from running a name as a formula, and a terminal from obeying it."""
    return f"'{printable(text)}" if text.startswith(_FORMULA_STARTS) else printable(text)
