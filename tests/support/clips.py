"""Clips for tests, as the reader of DCASE makes them."""

from pathlib import Path

from asd_cli.core.types import CONDITION, DOMAIN, SECTION, Clip, Domain, Label, Split


def make_clip(
    *,
    path: Path,
    machine: str = "fan",
    section: str | None = "00",
    domain: Domain | None = Domain.SOURCE,
    split: Split = Split.TRAIN,
    label: Label | None = Label.NORMAL,
    condition: str = "",
) -> Clip:
    known = {SECTION: section, DOMAIN: domain and domain.value, CONDITION: condition or None}
    return Clip(
        path=path,
        machine=machine,
        split=split,
        label=label,
        attributes={name: value for name, value in known.items() if value is not None},
    )
