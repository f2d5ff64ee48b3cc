"""Options that several commands share, and settings made from them."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from asd_cli.cli import completion
from asd_cli.core.errors import UsageError
from asd_cli.core.types import Mode

if TYPE_CHECKING:
    from asd_cli.settings.layers import SettingsLayers


# Groups of options in help texts.
WHAT, HOW, OUTPUT = "What", "How", "Output"

ChannelValue = int | Literal["mean"] | None


class Format(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    MD = "md"
    LATEX = "latex"


class ScoreFormat(StrEnum):
    """How decisions on files are printed."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


class LineFormat(StrEnum):
    """How clips are printed as they are taken."""

    TEXT = "text"
    JSONL = "jsonl"


class ShortFormat(StrEnum):
    """How facts are printed that are no table."""

    TEXT = "text"
    JSON = "json"


Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="Settings file [default: ./baseline.yaml if there].",
        rich_help_panel=HOW,
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set one setting, as fit.epochs=5.",
        rich_help_panel=HOW,
        autocompletion=completion.settings_keys,
    ),
]
ModeOption = Annotated[
    Mode | None,
    typer.Option(
        "--mode", help="Development or evaluation set [default: dev].", rich_help_panel=WHAT
    ),
]
Dev = Annotated[bool, typer.Option("--dev", "-d", help="Same as --mode dev.", rich_help_panel=WHAT)]
Eval = Annotated[
    bool, typer.Option("--eval", "-e", help="Same as --mode eval.", rich_help_panel=WHAT)
]
Machines = Annotated[
    list[str] | None,
    typer.Option(
        "--machine",
        "-m",
        metavar="NAME",
        help="Machine type; repeatable [all].",
        rich_help_panel=WHAT,
        autocompletion=completion.machines,
    ),
]
Edition = Annotated[
    str | None,
    typer.Option(
        "--edition",
        metavar="NAME",
        help="dcase2020 to dcase2026 [dcase2021].",
        rich_help_panel=WHAT,
        autocompletion=completion.editions,
    ),
]
Detector = Annotated[
    str | None,
    typer.Option(
        "--detector",
        metavar="NAME",
        help="See asd detectors; a+b: both [mobilenetv2].",
        rich_help_panel=WHAT,
        autocompletion=completion.detectors,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", metavar="N", help="Seed of all random numbers.", rich_help_panel=HOW),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        metavar="NAME",
        help="auto, cpu, cuda or mps: where to compute.",
        rich_help_panel=HOW,
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        "-j",
        min=1,
        metavar="N",
        help="Worker processes [one for each core].",
        rich_help_panel=HOW,
    ),
]
Force = Annotated[
    bool, typer.Option("--force", help="Recompute even if up to date.", rich_help_panel=HOW)
]
SkipBad = Annotated[
    bool,
    typer.Option(
        "--skip-bad", help="Leave out recordings that cannot be used; exit 4.", rich_help_panel=HOW
    ),
]
Resample = Annotated[
    bool | None,
    typer.Option("--resample", help="Resample recordings of another rate.", rich_help_panel=HOW),
]
Channel = Annotated[
    int | None,
    typer.Option(
        "--channel",
        min=0,
        metavar="N",
        help="Channel to take of several, from 0.",
        rich_help_panel=HOW,
    ),
]
ChannelOrMean = Annotated[
    str | None,
    typer.Option(
        "--channel",
        metavar="N|mean",
        help="Channel to take of several, from 0; mean.",
        rich_help_panel=HOW,
    ),
]
FalseAlarmRate = Annotated[
    float | None,
    typer.Option(
        "--false-alarm-rate",
        metavar="RATE",
        help="Own: fraction of normal sound that may be called anomalous.",
        rich_help_panel=WHAT,
    ),
]
GroundTruth = Annotated[
    Path | None,
    typer.Option(
        "--ground-truth",
        metavar="PATH",
        help="Official labels: a folder or a file.",
        rich_help_panel=WHAT,
    ),
]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notes.", rich_help_panel=OUTPUT)
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Show more.", rich_help_panel=OUTPUT)
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="How to print the result.", rich_help_panel=OUTPUT)
]
LineFormatOption = Annotated[
    LineFormat | None,
    typer.Option(
        "--format",
        help="How to print clips [text on a terminal, else jsonl].",
        rich_help_panel=OUTPUT,
    ),
]
ShortFormatOption = Annotated[
    ShortFormat, typer.Option("--format", help="How to print the result.", rich_help_panel=OUTPUT)
]


def read_channel(text: str | None) -> ChannelValue:
    """Read ``--channel``: a number from 0, or mean; UsageError otherwise."""
    if text is None:
        return None
    if text == "mean":
        return "mean"
    if not text.isascii() or not text.isdigit():
        raise UsageError(
            f"--channel {text} is no channel", hint="give a number from 0, or mean: --channel 0"
        )
    return int(text)


def choose_mode(mode: Mode | None, dev: bool, evaluation: bool) -> Mode:
    """Settle --mode, --dev and --eval; UsageError when they contradict each other."""
    asked = {mode} if mode is not None else set()
    asked |= {Mode.DEV} if dev else set()
    asked |= {Mode.EVAL} if evaluation else set()
    if len(asked) > 1:
        raise UsageError("--mode, --dev and --eval contradict each other", hint="give one of them")
    return asked.pop() if asked else Mode.DEV


def load(
    config: Path | None, overrides: list[str] | None, flags: Mapping[str, Any] | None = None
) -> "SettingsLayers":
    """Load settings; `flags` maps a dotted key to a flag's value, None where it was not given."""
    from asd_cli.core.mirror import open_mirror
    from asd_cli.settings.layers import load_settings

    given = {
        key: (f"--{key.rpartition('.')[2]}", value)
        for key, value in (flags or {}).items()
        if value is not None
    }
    return load_settings(config, overrides=overrides or (), flags=given, copy=open_mirror)
