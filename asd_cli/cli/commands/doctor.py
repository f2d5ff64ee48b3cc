"""`asd doctor`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from asd_cli.cli import options
from asd_cli.cli.console import Console, make_console
from asd_cli.cli.exit_codes import exits
from asd_cli.cli.options import ShortFormat, load

if TYPE_CHECKING:
    from asd_cli.pipeline.installation import Finding


@exits
def doctor(
    *,
    reference: Annotated[
        bool, typer.Option("--reference", help="Compare features with librosa's instead.")
    ] = False,
    config: options.Config = None,
    set_: options.Set = None,
    format_: options.ShortFormatOption = ShortFormat.TEXT,
    verbose: options.Verbose = False,
) -> None:
    """Say what works here, what does not, and what to do.

    All versions, codecs, folders and models with -v or --format json.
    """
    console = make_console()
    if reference:
        _show_reference(console, format_)
        return
    loaded = load(config, set_)
    from asd_cli.pipeline.installation import judge
    from asd_cli.services.doctor import diagnose

    diagnosis = diagnose(loaded.settings)
    findings = judge(diagnosis.facts)
    if format_ is ShortFormat.JSON:
        known = {**diagnosis.facts, "findings": [asdict(finding) for finding in findings]}
        console.data(json.dumps({"schema": "asd.doctor/1", **known}, indent=2))
        return
    _show_findings(console, findings)
    if not verbose:
        return
    for topic, facts in diagnosis.facts.items():
        console.data(topic)
        for name, value in facts.items():
            console.data(console.safe(f"  {name:<14} {_shown(value)}"))


def _show_findings(console: Console, findings: "Sequence[Finding]") -> None:
    """Print the verdict, then what is wrong, then what is right."""
    wrong = sum(not finding.ok for finding in findings)
    verdict = f"{wrong} thing{'s' * (wrong > 1)} to look at" if wrong else "all is well"
    console.out.print(verdict, style="bold magenta" if wrong else "bold green")
    for finding in findings:
        word = "ok" if finding.ok else "warning"
        console.data(console.safe(f"{word:<8} {finding.text}"))
        if finding.advice:
            console.data(console.safe(f"{'':<8} {finding.advice}"))


def _show_reference(console: Console, format_: ShortFormat) -> None:
    from asd_cli.features.reference import compare_with_reference

    differences = compare_with_reference()
    largest = max(differences.values())
    if format_ is ShortFormat.JSON:
        content = {"largest_difference_db": largest, "differences_db": differences}
        console.data(json.dumps({"schema": "asd.doctor.reference/1", **content}, indent=2))
        return
    for name, difference in differences.items():
        console.data(f"{name:<40} {difference:.1e} dB")
    console.data(f"{'largest difference from librosa':<40} {largest:.1e} dB")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return "–" if value in ("", None) else str(value)
