"""The catalogue of challenge editions: facts, kept as data in `catalogue/*.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from asd_cli.core.errors import UsageError
from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.names import ClipNames

Rows = Literal["machine", "by-domain", "shared-anomalies"]
LabelForm = Literal["files", "list-2020"]
DEFAULT_EDITION = "dcase2021"
TRAIN_ROLE = "train"


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

    @property
    def mode(self) -> Mode:
        """The set whose machines it is about."""
        return Mode.DEV if self.holds == "dev" else Mode.EVAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """One year's task.

    Attributes
    ----------
    name, title : str
        ``dcase2021`` and its name in full.
    sample_rate : int
        Of every recording, in Hz.
    channel : int or None
        Which channel of its recordings is used unless another is asked for; None where they
        have one.
    machines : tuple of str
        Machine types of both sets, in the order the official evaluator lists them.
    machines_of : mapping of Mode to tuple of str
        Machine types of each set.
    sections : mapping of Mode to tuple of str
        Section indices (2020: machine ids) of each set.
    own_sections : mapping of str to mapping of Mode to tuple of str
        Those of machine types that have others.
    names : ClipNames
        How clips are named.
    folders : mapping of str to str
        Role (``train``, ``test``, ``source_test``, ``target_test``) to folder name.
    other_folders : tuple of str
        Folders with recordings that are neither trained on nor tested.
    score_files : tuple of str
        Names of score files as `asd_cli.artifacts.score_files` reads them; the first is written.
    decisions : bool
        Whether systems decide as well as score.
    rows : str
        What a row of figures is of, as in `asd_cli.evaluation.rules`: all clips of a ``machine``
        id, the clips of a section ``by-domain``, or normal clips of a domain with
        ``shared-anomalies``.
    labels : str
        How official labels are published: ``files``, one for each file of scores, or
        ``list-2020``, one list of all clips.
    result_csv : str
        Whose layout ``result.csv`` has, as in `asd_cli.evaluation.result_csv`.
    ground_truth : str
        Where official labels are published.
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
    channel: int | None
    machines: tuple[str, ...]
    machines_of: Mapping[Mode, tuple[str, ...]]
    sections: Mapping[Mode, tuple[str, ...]]
    own_sections: Mapping[str, Mapping[Mode, tuple[str, ...]]]
    names: ClipNames
    folders: Mapping[str, str]
    other_folders: tuple[str, ...]
    score_files: tuple[str, ...]
    decisions: bool
    rows: Rows
    labels: LabelForm
    result_csv: str
    ground_truth: str
    stages: Mapping[str, Stage]
    licence: str
    citations: tuple[str, ...]

    @property
    def test_roles(self) -> tuple[str, ...]:
        """Roles of the folders with test clips."""
        return tuple(role for role in self.folders if role != TRAIN_ROLE)

    @property
    def hides_domains(self) -> bool:
        """Whether a file of scores holds clips of both domains."""
        return self.rows == "shared-anomalies"

    @property
    def option(self) -> str:
        """What a command needs to be about this edition, with a space before; or nothing."""
        return "" if self.name == DEFAULT_EDITION else f" --edition {self.name}"

    def sections_of(self, machine: str, mode: Mode) -> tuple[str, ...]:
        """Section indices of a machine type."""
        return self.own_sections.get(machine, self.sections)[mode]

    def fetch_command(self, stage: str, machine: str | None = None) -> str:
        """Write the command that fetches a stage, for hints."""
        chosen = "" if machine is None else f" --machine {machine}"
        return f"asd fetch{self.option} --stage {stage}{chosen}"


def edition_names() -> tuple[str, ...]:
    """Names of all editions in the catalogue, oldest first."""
    catalogue = files("asd_cli.datasets.dcase") / "catalogue"
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
    text = (files("asd_cli.datasets.dcase") / "catalogue" / f"{name}.toml").read_text(
        encoding="utf-8"
    )
    facts = tomllib.loads(text)
    machines_of = _by_mode(facts["machines"])
    return Edition(
        name=facts["name"],
        title=facts["title"],
        sample_rate=facts["sample_rate"],
        channel=facts.get("channel"),
        machines=tuple(dict.fromkeys(m for every in machines_of.values() for m in every)),
        machines_of=machines_of,
        sections=_by_mode(facts["sections"]),
        own_sections={
            machine: _by_mode(sections)
            for machine, sections in facts.get("own_sections", {}).items()
        },
        names=ClipNames(tuple(facts["names"])),
        folders=dict(facts["folders"]),
        other_folders=tuple(facts.get("other_folders", ())),
        score_files=tuple(facts["score_files"]),
        decisions=facts["decisions"],
        rows=facts["rows"],
        labels=facts["labels"],
        result_csv=facts["result_csv"],
        ground_truth=facts["ground_truth"],
        stages={stage: _stage(stage, entry) for stage, entry in facts["stages"].items()},
        licence=facts["licence"],
        citations=tuple(facts["citations"]),
    )


def _by_mode(facts: Mapping[str, list[str]]) -> dict[Mode, tuple[str, ...]]:
    return {Mode(mode): tuple(values) for mode, values in facts.items()}


def _stage(name: str, entry: Mapping[str, Any]) -> Stage:
    return Stage(
        name=name,
        record=entry["record"],
        holds=entry["holds"],
        archives=tuple(entry["archives"]),
    )
