"""Tables between markers of a page, written by the benchmark that a marker names."""

import os
import platform
import re
from pathlib import Path

from asd_cli.core.files import write_text

PAGE = Path(__file__).with_name("README.md")


def write_table(name: str, table: str, page: Path = PAGE) -> None:
    """Replace what stands between the markers of a table.

    Raises
    ------
    ValueError
        When the page has no such markers.
    """
    command = f"python -m tests.benchmarks.{name}"
    markers = re.compile(
        rf"(<!-- table {re.escape(name)}: {re.escape(command)} -->\n).*?(<!-- end -->)", re.DOTALL
    )
    text, count = markers.subn(
        lambda found: f"{found[1]}\n{table}\n\n{found[2]}", page.read_text(encoding="utf-8")
    )
    if count != 1:
        raise ValueError(f"{page} has {count} places for the table {name}, and needs one")
    write_text(page, text)


def machine() -> str:
    """Name the processor, its cores, and how busy it was."""
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}{load}"


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = re.search(r"^model name\s*: (.+)$", text, re.MULTILINE)
    flags = re.search(r"^flags\s*: (.+)$", text, re.MULTILINE)
    widest = next(
        (f for f in ("avx512f", "avx2") if flags is not None and f in flags[1].split()), "no AVX2"
    )
    return f"{names[1] if names else platform.machine()} ({widest})"
