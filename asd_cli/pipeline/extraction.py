"""Features of a machine's clips, brought up to date when they are needed."""

from collections.abc import Sequence
from dataclasses import dataclass

from asd_cli.core.events import Events, progress
from asd_cli.core.types import Clip, Split
from asd_cli.execution.executor import Executor
from asd_cli.features.extraction import Extraction, extract_features, open_extraction
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.per_machine import StoredClips
from asd_cli.pipeline.recording_checks import odd_recordings, same_audio


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
    """

    layout: Layout
    executor: Executor
    events: Events
    skip_bad: bool = False

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
