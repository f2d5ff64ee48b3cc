"""Which commands there are, each loaded when it is asked for.

A command's module declares its options, and typer turns them into a parser. Doing this for all
commands takes longer than scoring a recording, and one run needs one of them.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from asd_cli.cli.help import Command, Group

# Group of commands -> name on the command line -> module of `asd_cli.cli.commands` and what
# it holds: a function, or a `typer.Typer` of further commands.
COMMANDS = {
    "Start": {"demo": "demo:demo", "doctor": "doctor:doctor", "help": "help:help_"},
    "Train and score": {"train": "train:train", "score": "score:score", "report": "report:report"},
    "Own machines": {
        "inspect": "inspect:inspect",
        "update": "update:update",
        "rebaseline": "update:rebaseline",
        "export": "export:export",
        "models": "models:app",
    },
    "Monitoring": {
        "alarms": "alarms:alarms",
        "watch": "watch:watch",
        "listen": "listen:listen",
        "status": "status:status",
    },
    "Challenge sets": {
        "fetch": "fetch:fetch",
        "extract": "extract:extract",
        "run": "run:run",
        "evaluate": "evaluate:evaluate",
        "submit": "submit:submit",
    },
    "Several machines": {"pack": "pack:pack", "sweep": "sweep:sweep"},
    "Detectors and settings": {
        "detectors": "detectors:detectors",
        "select": "select:select",
        "config": "config:app",
    },
}


class LazyCommands(Mapping[str, Any]):
    """Commands by name, in the order of help; a value is built when it is first read."""

    def __init__(self) -> None:
        self._places = {
            name: (panel, place)
            for panel, commands in COMMANDS.items()
            for name, place in commands.items()
        }
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            self._built[name] = _build(name, *self._places[name])
        return self._built[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


class RootGroup(Group):
    """`asd` itself: a group whose commands are loaded one by one."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = LazyCommands()  # type: ignore[assignment]  # nothing is added later


def _build(name: str, panel: str, place: str) -> Any:
    module, _, attribute = place.partition(":")
    held = getattr(import_module(f"asd_cli.cli.commands.{module}"), attribute)
    if not isinstance(held, typer.Typer):
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        app.command(name, cls=Command, rich_help_panel=panel)(held)
        return get_command(app)
    group: Any = get_command(held)
    group.name, group.rich_help_panel = name, panel
    return group
