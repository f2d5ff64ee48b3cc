"""`asd extract`: bring the feature store up to date."""

from contextlib import closing
from dataclasses import dataclass

from asd_cli.core.events import SILENT, Events
from asd_cli.core.types import Split
from asd_cli.features.extraction import Extraction
from asd_cli.pipeline.extraction import ExtractionContext
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.request import RunRequest


@dataclass(frozen=True, slots=True)
class ExtractedClips:
    """Features of a machine's training or test clips.

    Attributes
    ----------
    machine : str
        Whose: ``fan``.
    split : Split
        Which clips.
    extraction : Extraction
        What was computed, kept and left out.
    """

    machine: str
    split: Split
    extraction: Extraction


@dataclass(frozen=True, slots=True)
class ExtractResult:
    """Features of all machines.

    Attributes
    ----------
    parts : tuple of ExtractedClips
        What is complete.
    unfinished : tuple of str
        What other ranks have units of that are not done: ``fan train``.
    """

    parts: tuple[ExtractedClips, ...]
    unfinished: tuple[str, ...] = ()

    @property
    def skipped(self) -> tuple[str, ...]:
        """Why each bad clip was left out."""
        return tuple(text for part in self.parts for text in part.extraction.skipped)


def extract(request: RunRequest, events: Events = SILENT) -> ExtractResult:
    """Compute the log-mel features of all clips, keeping what is still right.

    Raises
    ------
    DataError, ProblemsError
        When folders or recordings are missing or unusable.
    StorageError
        When the store cannot be written.
    """
    layout = Layout(request.settings, request.mode)
    machines = layout.machines(request.machines)
    every = [(m, split) for m in machines for split in Split if layout.dataset.has(m, split)]
    parts, unfinished = [], []
    with closing(request.make_executor()) as executor:
        context = ExtractionContext.of(layout, request, executor, events)
        context.fill(every, rank=request.rank, force=request.force)
        for machine, split in every:
            if request.rank.is_one_of_several and context.is_unfinished(machine, split):
                unfinished.append(f"{machine} {split}")
                continue
            force = request.force and not request.in_units
            extraction = context.extract(machine, split, force=force)
            parts.append(ExtractedClips(machine, split, extraction))
        for machine in machines:
            own = {part.split: part.extraction for part in parts if part.machine == machine}
            context.warn_of_tested(machine, own)
    return ExtractResult(tuple(parts), tuple(unfinished))
