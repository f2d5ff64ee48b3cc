"""Features of a machine's clips, brought up to date when they are needed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from asd_cli.core.events import Events, progress
from asd_cli.core.types import Clip, Split
from asd_cli.execution.executor import Executor
from asd_cli.execution.ranks import Rank
from asd_cli.execution.units import Unit, do_units
from asd_cli.features.extraction import (
    Extraction,
    extract_features,
    open_extraction,
    require_complete,
)
from asd_cli.features.units import StorePart, StoreUnits, extract_part
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import StoredClips
from asd_cli.pipeline.recording_checks import (
    identities,
    names_by_hash,
    odd_recordings,
    same_audio,
    trained_and_tested,
)
from asd_cli.pipeline.request import RunRequest


@dataclass(frozen=True, slots=True)
class ExtractionContext:
    """How features are extracted in one run.

    Attributes
    ----------
    layout : Layout
        Recordings, feature parameters and cache.
    executor : Executor
        Where to compute.
    events : Events
        Told of progress.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    in_units : bool
        Whether several processes may extract the same clips, each some of them.
    """

    layout: Layout
    executor: Executor
    events: Events
    skip_bad: bool = False
    in_units: bool = False

    @classmethod
    def of(
        cls, layout: Layout, request: RunRequest, executor: Executor, events: Events
    ) -> "ExtractionContext":
        """Extract as a request asks for."""
        return cls(layout, executor, events, request.skip_bad, request.in_units)

    def units_of(self, machine: str, split: Split) -> StoreUnits:
        """Divide a machine's training or test clips into units; errors as `Dataset.clips`."""
        clips, name = self.layout.dataset.clips(machine, split), self.layout.store(machine, split)
        return StoreUnits(
            title=f"{machine} {split}", clips=clips, name=name, recipe=self.layout.features()
        )

    def fill(
        self,
        parts: Sequence[tuple[str, Split]],
        *,
        rank: Rank = Rank(),
        force: bool = False,
    ) -> None:
        """Do a rank's units of several stores, all at once; nothing where work is not in units.

        Raises
        ------
        AsdError
            Of units that failed, when all others are done.
        """
        if not self.in_units:
            return
        every: list[Unit[StorePart]] = []
        missing: set[str] = set()
        for machine, split in parts:
            stored = self.units_of(machine, split)
            if force:
                stored.discard()
            stored.forget_lost()
            every += stored.units
            missing |= {unit.key for unit in stored.missing()}
        # Which units are whose does not depend on what is done.
        todo = [unit for unit in rank.of(every) if unit.key in missing]
        total = sum(unit.size for unit in todo)
        with progress(self.events, "extract", total=total, unit="clips") as advance:
            do_units(
                extract_part,
                todo,
                executor=self.executor,
                events=self.events,
                each=lambda unit, _: advance(unit.size, unit.label),
            )

    def is_unfinished(self, machine: str, split: Split) -> bool:
        """Whether units of a machine's clips are not done."""
        return bool(self.units_of(machine, split).missing())

    def merged(self, machine: str, split: Split) -> Extraction | None:
        """Make one store of the units of a machine; None while some are not done.

        Raises
        ------
        ProblemsError
            When recordings cannot be used.
        StorageError
            When the store cannot be written.
        """
        stored = self.units_of(machine, split)
        extraction = stored.merge()
        if extraction is not None:
            if not self.skip_bad:
                require_complete(extraction, stored.clips)
            self._warn(extraction, stored.clips, stored.title)
        return extraction

    def extract(self, machine: str, split: Split, *, force: bool = False) -> Extraction:
        """Bring the features of a machine's training or test clips up to date.

        Warns of suspicious recordings, and of clips that hold the same audio.

        Raises
        ------
        DataError, ProblemsError
            When folders or recordings are missing or unusable.
        StorageError
            When the store cannot be written.
        """
        extraction = self.merged(machine, split) if self.in_units and not force else None
        if extraction is not None:
            return extraction
        clips = self.layout.dataset.clips(machine, split)
        task = f"extract {machine} {split}"
        with progress(self.events, task, total=len(clips), unit="clips") as advance:
            extraction = extract_features(
                clips,
                self.layout.store(machine, split),
                recipe=self.layout.features(),
                executor=self.executor,
                skip_bad=self.skip_bad,
                force=force,
                advance=advance,
            )
        self._warn(extraction, clips, f"{machine} {split}")
        return extraction

    def _warn(self, extraction: Extraction, clips: Sequence[Clip], title: str) -> None:
        if extraction.path is None:
            return
        for text in odd_recordings(title, extraction.suspicions, len(clips)):
            self.events.warning(text)
        for text in same_audio(open_extraction(extraction, clips)):
            self.events.warning(text)

    def warn_of_tested(self, machine: str, found: Mapping[Split, Extraction]) -> None:
        """Warn of audio of a machine that is in training and in test."""
        if any(split not in found or found[split].path is None for split in Split):
            return
        clips = {split: self.layout.dataset.clips(machine, split) for split in Split}
        train, test = (open_extraction(found[s], clips[s]) for s in (Split.TRAIN, Split.TEST))
        names = names_by_hash(train.clips)
        for text in trained_and_tested(machine, identities(train), test, names):
            self.events.warning(text)

    def require(self, machine: str, split: Split) -> tuple[StoredClips, tuple[str, ...]]:
        """Extract what is missing.

        Returns
        -------
        clips : StoredClips
            Those that can be used; at least one.
        skipped : tuple of str
            Why each other clip was left out.

        Raises
        ------
        DataError, ProblemsError, StorageError
            As `extract`; also when no clip can be used.
        """
        extraction = self.extract(machine, split)
        store = open_extraction(extraction, self.layout.dataset.clips(machine, split))
        if extraction.path is None:
            raise RuntimeError("a store that was opened has a path")
        return StoredClips(extraction.path, store.clips), extraction.skipped
