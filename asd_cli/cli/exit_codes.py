"""From errors to exit statuses, and the one place where errors are shown."""

import functools
import os
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import ParamSpec, TypeVar

import typer

from asd_cli.cli.console import Console, make_console
from asd_cli.core.errors import (
    AnomaliesError,
    AsdError,
    DataError,
    IncompleteError,
    IntegrityError,
    NetworkError,
    ProblemsError,
    QualityGateError,
    ResourceError,
    UsageError,
)
from asd_cli.core.files import storage_errors
from asd_cli.core.interrupts import Terminated

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_PROBLEMS_SHOWN = 20


class ExitCode(IntEnum):
    """What the exit status of every command means."""

    OK = 0
    BUG = 1
    USAGE = 2
    BAD_DATA = 3
    INCOMPLETE = 4
    NETWORK = 5
    INTEGRITY = 6
    RESOURCE = 7
    QUALITY_GATE = 8
    ANOMALIES = 9
    INTERRUPTED = 130
    TERMINATED = 143


class StatusCode(IntEnum):
    """What the exit status of `asd status` means; the worst of several machines counts."""

    OK = 0
    WARNING = 10
    ALARM = 11
    SENSOR = 12
    STALE = 13


_CODES: dict[type[AsdError], ExitCode] = {
    UsageError: ExitCode.USAGE,
    DataError: ExitCode.BAD_DATA,
    IncompleteError: ExitCode.INCOMPLETE,
    NetworkError: ExitCode.NETWORK,
    IntegrityError: ExitCode.INTEGRITY,
    ResourceError: ExitCode.RESOURCE,
    QualityGateError: ExitCode.QUALITY_GATE,
    AnomaliesError: ExitCode.ANOMALIES,
}


def exit_code(error: AsdError) -> ExitCode:
    """Give the exit status of an error: that of the nearest class in the table."""
    for cls in type(error).__mro__:
        if cls in _CODES:
            return _CODES[cls]
    return ExitCode.BUG


def exits(command: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Make a command end with a documented exit status and one message, never a traceback.

    ``ASD_DEBUG=1`` shows the traceback as well.
    """

    @functools.wraps(command)
    def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with storage_errors(Path("the output")):
                try:
                    result = command(*args, **kwargs)
                finally:
                    _publish()
                sys.stdout.flush()
        except AsdError as error:
            show_error(make_console(), error)
            raise typer.Exit(exit_code(error)) from None
        except BrokenPipeError:
            # The reader of our output has seen enough (`| head`); that is no failure of ours.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(ExitCode.OK) from None
        except Terminated:
            make_console().err.print("terminated; the same command resumes from here")
            raise typer.Exit(ExitCode.TERMINATED) from None
        except KeyboardInterrupt:
            make_console().err.print("interrupted; the same command resumes from here")
            raise typer.Exit(ExitCode.INTERRUPTED) from None
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except MemoryError:
            too_large = ResourceError(
                "the machine has too little memory for that",
                hint="use fewer processes (--jobs 1) or smaller settings",
            )
            show_error(make_console(), too_large)
            raise typer.Exit(ExitCode.RESOURCE) from None
        except Exception as error:  # noqa: BLE001 - the last net: a bug has an exit status too
            _show_bug(make_console(), error)
            raise typer.Exit(ExitCode.BUG) from None
        return result

    return wrapped


def _publish() -> None:
    """Copy changed models and results to the stores that settings name, if any."""
    mirror = sys.modules.get("asd_cli.core.mirror")
    if mirror is not None:
        mirror.publish_all()


def show_error(console: Console, error: AsdError) -> None:
    """Print what is wrong and how to fix it."""
    _show_traceback(error)
    console.err.print(f"error: {console.safe(error.message)}", style="bold red")
    if isinstance(error, ProblemsError | IncompleteError):
        for problem in error.problems[:_PROBLEMS_SHOWN]:
            console.err.print(f"  {console.safe(problem)}")
        if len(error.problems) > _PROBLEMS_SHOWN:
            console.err.print(f"  … and {len(error.problems) - _PROBLEMS_SHOWN} more")
    if error.hint:
        console.err.print(f"hint: {console.safe(error.hint)}")


def _show_bug(console: Console, error: Exception) -> None:
    _show_traceback(error)
    message = console.safe(f"{type(error).__name__}: {error}")
    console.err.print(f"error: this is a bug in asd: {message}", style="bold red")
    console.err.print("hint: see where with ASD_DEBUG=1; report it with: asd doctor --format json")


def _show_traceback(error: BaseException) -> None:
    if os.environ.get("ASD_DEBUG", "") not in {"", "0"}:
        traceback.print_exception(error)
