"""Events as Rich progress bars and messages on stderr; in a pipe, a line now and then."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Column
from rich.text import Text

from asd_cli.cli.console import Console

# A stage that took less leaves no line; a longer one says in a pipe how far it is every minute.
_SHORT_SECONDS = 2.0
_HEARTBEAT_SECONDS = 60.0
# Bar, counts, rate and time left take so many columns, and a name what is left over.
_OTHER_COLUMNS = 76
_SHORTEST_DETAIL = 12


class _Amount(ProgressColumn):
    """Bytes with their speed for tasks that count bytes, done/total for all others."""

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True, min_width=16))
        self._bytes, self._speed = DownloadColumn(), TransferSpeedColumn()
        self._count = MofNCompleteColumn()

    def render(self, task: Task) -> Text:
        """Draw the amount of one task."""
        if task.fields.get("unit") != "bytes":
            return Text.assemble(self._count.render(task), " ", str(task.fields.get("unit", "")))
        return Text.assemble(self._bytes.render(task), " ", self._speed.render(task))


@dataclass(slots=True)
class _Stage:
    """What is under way, and when it was last spoken of."""

    bar: int
    total: float | None
    unit: str
    began: float
    said: float
    done: float = 0.0
    running: int = 1

    def line(self, task: str, now: float) -> str:
        """Say how far it is."""
        of = f" of {self.total:g}" if self.total and self.done < self.total else ""
        unit = "MB" if self.unit == "bytes" else self.unit
        scale = 1e6 if self.unit == "bytes" else 1.0
        amount = f"{self.done / scale:.3g}" if scale > 1 else f"{self.done:g}"
        if scale > 1:
            of = f" of {(self.total or 0) / scale:.3g}" if of else ""
        return f"{task}: {amount}{of} {unit}, {_duration(now - self.began)}"


def _duration(seconds: float) -> str:
    """Write a time as ``12 s`` or ``3 min 5 s``."""
    whole = round(seconds)
    return f"{whole} s" if whole < 120 else f"{whole // 60} min {whole % 60} s"


class RichEvents:
    """Events shown to a person.

    Parameters
    ----------
    console : Console
        Where.
    progress : rich.progress.Progress
        The live display.
    quiet : bool
        Leave notes out.
    """

    def __init__(self, console: Console, progress: Progress, *, quiet: bool) -> None:
        self._console, self._progress, self._quiet = console, progress, quiet
        self._stages: dict[str, _Stage] = {}
        self._warned: set[str] = set()

    def started(self, task: str, total: float | None, unit: str) -> None:
        """Show a bar; tasks of one name, in several workers, share it."""
        known = self._stages.get(task)
        if known is not None:
            known.running += 1
            known.total = None if known.total is None or total is None else known.total + total
            self._progress.update(TaskID(known.bar), total=known.total)
            return
        bar = self._progress.add_task(self._console.safe(task), total=total, unit=unit, detail="")
        now = time.monotonic()
        self._stages[task] = _Stage(int(bar), total, unit, began=now, said=now)

    def advanced(self, task: str, amount: float, detail: str = "") -> None:
        """Move the bar; in a pipe, say every minute how far it is."""
        stage = self._stages.get(task)
        if stage is None:  # a worker's last words may come after its end
            return
        stage.done += amount
        self._progress.update(
            TaskID(stage.bar), advance=amount, detail=self._shortened(self._console.safe(detail))
        )
        now = time.monotonic()
        if self._progress.disable and now - stage.said >= _HEARTBEAT_SECONDS:
            stage.said = now
            self._say(stage.line(task, now))

    def finished(self, task: str) -> None:
        """Take the bar away; a long stage leaves a line."""
        stage = self._stages.get(task)
        if stage is None:
            return
        stage.running -= 1
        if stage.running:
            return
        del self._stages[task]
        self._progress.remove_task(TaskID(stage.bar))
        now = time.monotonic()
        if now - stage.began >= _SHORT_SECONDS:
            self._say(stage.line(task, now))

    def _say(self, line: str) -> None:
        if not self._quiet:
            self._progress.console.print(self._console.safe(line), style="dim")

    def _shortened(self, detail: str) -> str:
        """Keep the end of a name, which differs from clip to clip."""
        room = max(self._progress.console.width - _OTHER_COLUMNS, _SHORTEST_DETAIL)
        return detail if len(detail) <= room else f"…{detail[1 - room :]}"

    def note(self, message: str) -> None:
        """Print a message unless quiet."""
        if not self._quiet:
            self._progress.console.print(self._console.safe(message))

    def warning(self, message: str) -> None:
        """Print a warning, once: several steps of a command may look at the same recordings."""
        if message in self._warned:
            return
        self._warned.add(message)
        self._progress.console.print(
            f"warning: {self._console.safe(message)}", style="bold magenta"
        )


@contextmanager
def shown_events(console: Console, *, quiet: bool) -> Iterator[RichEvents]:
    """Show events while the body runs; piped, messages only."""
    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        _Amount(),
        TimeRemainingColumn(),
        TextColumn(
            "{task.fields[detail]}",
            markup=False,
            table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
        ),
        console=console.err,
        transient=True,
        disable=quiet or not console.err.is_interactive,
    )
    with progress:
        yield RichEvents(console, progress, quiet=quiet)
