"""How help and usage errors look: named groups, examples, one style of errors."""

import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from asd_cli.cli.examples import EXAMPLES

_OTHER_COMMANDS, _OTHER_OPTIONS = "Other commands", "Options"
_LAST = "Output"
# Typer's own name for what every usage error derives from.
UsageProblem: type[Exception] = typer.BadParameter.__mro__[1]


class Command(TyperCommand):
    """A command whose options stand in named groups and whose help ends with examples."""

    def format_options(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write arguments, then options by the group that they name."""
        arguments: list[tuple[str, str]] = []
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is None:
                continue
            if parameter.param_type_name == "argument":
                arguments.append(record)
            else:
                name = getattr(parameter, "rich_help_panel", None) or _OTHER_OPTIONS
                groups.setdefault(name, []).append(record)
        _sections(formatter, {"Arguments": arguments} if arguments else {})
        _sections(formatter, dict(sorted(groups.items(), key=lambda item: item[0] == _LAST)))

    def format_epilog(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write examples that can be copied."""
        _examples(ctx, formatter)


class Group(TyperGroup):
    """Commands in named groups; what was typed wrongly is said as every other error is."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write the commands by the group that they name, whole summaries."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for name, command in self.commands.items():
            group = getattr(command, "rich_help_panel", None) or _OTHER_COMMANDS
            groups.setdefault(group, []).append((name, command.get_short_help_str(1000)))
        if len(groups) == 1:
            groups = {"Commands": next(iter(groups.values()))}
        _sections(formatter, groups)

    def format_epilog(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write examples that can be copied."""
        _examples(ctx, formatter)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command and end the process with its status."""
        given = (args, prog_name, complete_var)
        if not standalone_mode:
            return super().main(*given, False, windows_expand_args, **extra)
        try:
            status = super().main(*given, False, windows_expand_args, **extra)
        except UsageProblem as problem:
            sys.exit(_show(problem))
        except typer.Abort:
            sys.exit(130)
        sys.exit(status if isinstance(status, int) else 0)


def _sections(formatter: Any, groups: dict[str, list[tuple[str, str]]]) -> None:
    for name, rows in groups.items():
        with formatter.section(name):
            formatter.write_dl(rows)


def _examples(ctx: typer.Context, formatter: Any) -> None:
    known = EXAMPLES.get(ctx.command_path.partition(" ")[2], ())
    if known:
        with formatter.section("Examples"):
            for remark, command in known:
                formatter.write(f"{'':>{formatter.current_indent}}# {remark}\n")
                formatter.write(f"{'':>{formatter.current_indent}}{command}\n")


def _show(problem: Any) -> int:
    """Print a usage error with a hint; gives the exit status."""
    ctx = getattr(problem, "ctx", None)
    if type(problem).__name__ == "NoArgsIsHelpError":
        typer.echo(problem.format_message())
        return 0
    path = ctx.command_path if ctx is not None else "asd"
    message = str(problem.format_message()).strip().rstrip(".")
    message = message.replace("Value error, ", "").partition(" (Possible options")[0]
    near = _nearest(problem, ctx)
    hint = f"did you mean {near}? " if near and "did you mean" not in message.lower() else ""
    typer.echo(f"error: {message[:1].lower()}{message[1:]}", err=True)
    typer.echo(f"hint: {hint}see what there is: {path} --help", err=True)
    return int(getattr(problem, "exit_code", 2))


def _nearest(problem: Any, ctx: Any) -> str:
    """Name what was probably meant, among the options of the command."""
    wrong = getattr(problem, "option_name", None)
    if wrong is None or ctx is None:
        return ""
    options = [name for parameter in ctx.command.params for name in parameter.opts]
    return next(iter(get_close_matches(wrong, options, n=1)), "")
