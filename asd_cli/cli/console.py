"""Where output goes: data to stdout, everything else to stderr, and no escape byte into a pipe."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from asd_cli.core.text import printable

if TYPE_CHECKING:
    import rich.console

_PIPED_WIDTH = 100


@dataclass(frozen=True)
class Console:
    """The two streams of a command.

    Attributes
    ----------
    out, err : rich.console.Console
        stdout for data, stderr for progress and messages. Markup is off: a file may be called
        ``[red]``.
    """

    out: "rich.console.Console"
    err: "rich.console.Console"

    @staticmethod
    def safe(text: object) -> str:
        """Make control characters visible, so that a file name cannot steer the terminal."""
        return printable(text)

    def tell_place(self, what: str, path: Path) -> None:
        """Say on stderr where something is; terminals that can make the path a link do."""
        from rich.text import Text

        link = f"link {path.absolute().as_uri()}"
        self.err.print(Text.assemble(f"{what} ", (self.safe(path), link)))

    def data(self, text: str) -> None:
        """Write text to stdout as it is, with one line end."""
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def make_console() -> Console:
    """Make the consoles of this process; Rich honours NO_COLOR and TERM=dumb."""
    from rich.console import Console as RichConsole

    if sys.stdout is None or sys.stdout.closed:
        sys.stdout = open("/dev/null", "w", encoding="utf-8")  # noqa: SIM115, PTH123

    class Streams(RichConsole):
        """Leaves it to `exits` what the end of a pipe means; Rich calls it a failure."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    # Rich follows COLUMNS by itself, on a terminal and in a pipe.
    asked = os.environ.get("COLUMNS", "").isdecimal()
    width = None if sys.stdout.isatty() or asked else _PIPED_WIDTH
    return Console(
        out=Streams(markup=False, highlight=False, emoji=False, width=width),
        err=Streams(markup=False, highlight=False, emoji=False, stderr=True, soft_wrap=True),
    )
