"""The catalogue of challenge editions: facts, kept as data in `catalogue/*.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from asd_cli.core.errors import UsageError
from asd_cli.core.types import Mode

DEFAULT_EDITION = "dcase2021"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One part of an edition that can be fetched.

    Attributes
    ----------
    name : str
        Name on the command line: ``dev``, ``eval-train``, ``eval-test``, ``ground-truth``.
    record : int
        Zenodo record id.
    holds : str
        What it holds: ``dev`` or ``eval`` recordings, or ``ground-truth``.
    archives : tuple of str
        Patterns of the file names in the record; ``{machine}`` stands for a machine type and
        ``*`` for anything.
    """

    name: str
    record: int
    holds: str
    archives: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One year's task.

    Attributes
    ----------
    name, title : str
        ``dcase2021`` and its name in full.
    sample_rate : int
        Of every recording, in Hz.
    machines : tuple of str
        Machine types, in the order the official evaluator lists them.
    sections : mapping of Mode to tuple of str
        Section indices of each mode.
    folders : mapping of str to str
        Role (``train``, ``source_test``, ``target_test``) to folder name.
    stages : mapping of str to Stage
        What can be fetched.
    licence : str
        Of the recordings and labels.
    citations : tuple of str
        What to cite when using them.
    """

    name: str
    title: str
    sample_rate: int
    machines: tuple[str, ...]
    sections: Mapping[Mode, tuple[str, ...]]
    folders: Mapping[str, str]
    stages: Mapping[str, Stage]
    licence: str
    citations: tuple[str, ...]


def edition_names() -> tuple[str, ...]:
    """Names of all editions in the catalogue, oldest first."""
    catalogue = files("asd_cli.data") / "catalogue"
    return tuple(
        sorted(
            entry.name.removesuffix(".toml")
            for entry in catalogue.iterdir()
            if entry.name.endswith(".toml")
        )
    )


@cache
def load_edition(name: str = DEFAULT_EDITION) -> Edition:
    """Read one edition from the catalogue.

    Raises
    ------
    UsageError
        When there is no such edition.
    """
    if name not in edition_names():
        raise UsageError(
            f"there is no edition {name!r}", hint=f"choose one of: {', '.join(edition_names())}"
        )
    text = (files("asd_cli.data") / "catalogue" / f"{name}.toml").read_text(encoding="utf-8")
    facts = tomllib.loads(text)
    return Edition(
        name=facts["name"],
        title=facts["title"],
        sample_rate=facts["sample_rate"],
        machines=tuple(facts["machines"]),
        sections={Mode(mode): tuple(indices) for mode, indices in facts["sections"].items()},
        folders=dict(facts["folders"]),
        stages={
            stage: Stage(
                name=stage,
                record=entry["record"],
                holds=entry["holds"],
                archives=tuple(entry["archives"]),
            )
            for stage, entry in facts["stages"].items()
        },
        licence=facts["licence"],
        citations=tuple(facts["citations"]),
    )
