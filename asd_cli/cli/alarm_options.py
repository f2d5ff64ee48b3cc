"""Options of the alarm rule, that the commands of monitoring share."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from asd_cli.pipeline.monitoring.rule_making import AlarmOptions

PANEL = "Alarm rule"

FalseAlarms = Annotated[
    str,
    typer.Option(
        "--false-alarms", metavar="N/TIME", help="False alarms that are allowed: 1/month, 2/day.",
        rich_help_panel=PANEL,
    ),
]  # fmt: skip
ClearAfter = Annotated[
    int,
    typer.Option("--clear-after", min=1, help="Normal clips that end an alarm.",
                 rich_help_panel=PANEL),
]  # fmt: skip
RingAfter = Annotated[
    int,
    typer.Option("--ring-after", min=1, help="Clips for which the limit must be held.",
                 rich_help_panel=PANEL),
]  # fmt: skip
Latch = Annotated[
    bool,
    typer.Option("--latch", help="Alarms stay until acknowledged: asd status --acknowledge.",
                 rich_help_panel=PANEL),
]  # fmt: skip
Rule = Annotated[
    str,
    typer.Option("--rule", metavar="sum|KofM", help="The rule; 3of5 counts clips, no promise.",
                 rich_help_panel=PANEL),
]  # fmt: skip
Spacing = Annotated[
    float | None,
    typer.Option("--spacing", metavar="SECONDS", help="Time between clips [their length].",
                 rich_help_panel=PANEL),
]  # fmt: skip


def alarm_options(
    *,
    false_alarms: str,
    clear_after: int,
    ring_after: int,
    latch: bool,
    rule: str,
    spacing: float | None,
) -> "AlarmOptions":
    """Collect the options of the rule."""
    from asd_cli.pipeline.monitoring.rule_making import AlarmOptions

    return AlarmOptions(
        false_alarms=false_alarms, clear_after=clear_after, ring_after=ring_after, latch=latch,
        rule=rule, spacing_seconds=spacing,
    )  # fmt: skip
