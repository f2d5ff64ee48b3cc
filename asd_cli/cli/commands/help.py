"""`asd help`."""

from difflib import get_close_matches
from importlib.resources import files
from typing import Annotated, Any

import typer

from asd_cli.cli.console import make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.core.errors import UsageError

_TOPICS = "topics"


def topics() -> tuple[str, ...]:
    """Names of the topics, in order."""
    place = files("asd_cli.cli") / _TOPICS
    return tuple(sorted(f.name.removesuffix(".md") for f in place.iterdir() if f.name[0] != "."))


@exits
def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND|TOPIC]", help="What to explain.")
    ] = None,
) -> None:
    """Explain a command or a topic."""
    asked = list(words or ())
    if len(asked) == 1 and asked[0] in topics():
        text = files("asd_cli.cli") / _TOPICS / f"{asked[0]}.md"
        make_console().data(text.read_text(encoding="utf-8"))
        return
    root = ctx.find_root()
    command: Any = root.command
    place: Any = root
    for word in asked:
        commands = getattr(command, "commands", {})
        if word not in commands:
            every = (*commands, *(topics() if place is root else ()))
            near = get_close_matches(word, every, n=1)
            meant = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"there is no command or topic {word!r}",
                hint=f"{meant}topics: {', '.join(topics())}; commands: asd help",
            )
        command = commands[word]
        place = type(root)(command, info_name=word, parent=place)
    make_console().data(command.get_help(place))
    if not asked:
        make_console().data(f"\nTopics of asd help: {', '.join(topics())}")
