"""What recordings are worth: text for people, JSON for programs."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from asd_cli.cli.console import Console
from asd_cli.cli.own import length
from asd_cli.detectors.normal_scores import BLOCKS

if TYPE_CHECKING:
    from asd_cli.pipeline.own.findings import Inspection

SCHEMA = "asd.inspect/1"
_SHOWN = 10


def show_inspection(found: "Inspection", console: Console) -> None:
    """Print everything that is worth knowing, what is wrong first."""
    for line in _lines(found):
        console.out.print(console.safe(line), soft_wrap=True)


def _lines(found: "Inspection") -> Iterator[str]:
    levels = sorted(r.level_db for r in found.recordings if not r.problem)
    yield (
        f"{len(found.recordings)} recordings, {length(found.seconds)}: "
        f"{_counts(found.containers)}; {_counts(found.rates, ' Hz')}; "
        f"{_counts(found.channels, ' channel(s)')}"
    )
    if levels:
        yield (
            f"level {levels[0]:.0f} to {levels[-1]:.0f} dB of full scale, half of them below "
            f"{levels[len(levels) // 2]:.0f} dB"
        )
    yield from _section("cannot be read", found.unreadable)
    yield from _section(
        "suspicious",
        [
            f"{r.name}: {r.problem or '; '.join(sign.text for sign in r.suspicions)}"
            for r in found.suspicious
        ],
    )
    yield from _section("the same sound twice: leave one out", found.copies)
    if found.gain:
        yield f"level step: {found.gain}"
    if found.states is not None:
        yield found.states.sentence
    yield from _section(
        "least like the others: listen to them",
        [f"{o.clip}: score {o.score:.2f}, p {o.p_value:.2g}" for o in found.outliers],
    )
    yield from _promise(found)
    yield from (f"note: {note}" for note in found.notes)


def _promise(found: "Inspection") -> Iterator[str]:
    if not found.clips:
        return
    yield (
        f"a model would use {found.sample_rate} Hz and {found.clips} clips of {found.units} "
        f"independent recordings, in {min(found.units, BLOCKS)} blocks"
    )
    yield "false-alarm rates, and what they may really be (95 % bound): " + ", ".join(
        f"{rate.asked:g} up to {rate.bound:.2g}" for rate in found.supported
    )
    yield from (f"limit: {limit}" for limit in found.limits)


def _section(title: str, lines: "tuple[str, ...] | list[str]") -> Iterator[str]:
    if not lines:
        return
    yield f"{title} ({len(lines)}):"
    yield from (f"  {line}" for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield f"  and {len(lines) - _SHOWN} more (--format json lists all)"


def _counts(counts: Mapping[Any, int], unit: str = "") -> str:
    if len(counts) == 1:
        return f"{next(iter(counts))}{unit}"
    return ", ".join(f"{count} × {value}{unit}" for value, count in counts.items())


def inspection_json(found: "Inspection") -> str:
    """Give the JSON document."""
    plain = asdict(found)
    plain["rates"] = {str(rate): count for rate, count in found.rates.items()}
    plain["channels"] = {str(number): count for number, count in found.channels.items()}
    for recording in plain["recordings"]:
        recording["path"] = str(recording["path"])
        recording["suspicions"] = [
            {"kind": str(sign["kind"]), "text": sign["text"]} for sign in recording["suspicions"]
        ]
    for outlier in plain["outliers"]:
        outlier["path"] = str(outlier["path"])
    return json.dumps({"schema": SCHEMA, **plain}, indent=2)
