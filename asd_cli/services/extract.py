"""`asd extract`: bring the feature store up to date."""

from contextlib import closing
from dataclasses import dataclass

from asd_cli.core.errors import DataError
from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.types import Clip
from asd_cli.datasets.dcase.folders import TRAIN_ROLE, list_clips
from asd_cli.execution.executor import Executor, make_executor
from asd_cli.features.extraction import Extraction, extract_features
from asd_cli.features.store import FeatureStore, open_store, read_index
from asd_cli.pipeline.layout import RunRequest, Workspace


@dataclass(frozen=True, slots=True)
class ExtractedFolder:
    """One folder's features.

    Attributes
    ----------
    machine, role : str
        Whose: ``fan``, ``train``.
    extraction : Extraction
        What was computed, kept and left out.
    """

    machine: str
    role: str
    extraction: Extraction


@dataclass(frozen=True, slots=True)
class ExtractResult:
    """Features of all folders."""

    folders: tuple[ExtractedFolder, ...]

    @property
    def skipped(self) -> tuple[str, ...]:
        """Why each bad clip was left out."""
        return tuple(text for folder in self.folders for text in folder.extraction.skipped)


def extract(request: RunRequest, events: Events = SILENT) -> ExtractResult:
    """Compute the log-mel features of all clips, keeping what is still right.

    Raises
    ------
    DataError, ProblemsError
        When folders or recordings are missing or unusable.
    StorageError
        When the store cannot be written.
    """
    workspace = Workspace(request.settings, request.mode)
    folders = []
    with closing(make_executor(request.jobs)) as executor:
        for machine in workspace.machines(request.machines):
            roles = (
                *((TRAIN_ROLE,) if _has_train(workspace, machine) else ()),
                *workspace.test_roles(machine),
            )
            for role in roles:
                extraction = _extract_folder(
                    workspace,
                    machine,
                    role,
                    executor=executor,
                    force=request.force,
                    skip_bad=request.skip_bad,
                    events=events,
                )
                folders.append(ExtractedFolder(machine, role, extraction))
    return ExtractResult(tuple(folders))


def require_features(
    workspace: Workspace,
    machine: str,
    role: str,
    *,
    executor: Executor,
    skip_bad: bool,
    events: Events,
) -> tuple[FeatureStore, tuple[str, ...]]:
    """Open the features of a folder, extracting what is missing.

    Returns
    -------
    store : FeatureStore
        The features of the clips that can be used.
    skipped : tuple of str
        Why each other clip was left out.

    Raises
    ------
    DataError, ProblemsError, StorageError
        As in `extract`; also when no clip of the folder can be used.
    """
    extraction = _extract_folder(
        workspace, machine, role, executor=executor, force=False, skip_bad=skip_bad, events=events
    )
    clips = _clips(workspace, machine, role)
    index = read_index(extraction.path)
    usable = set(index.by_name) if index is not None else set()
    kept = [clip for clip in clips if clip.name in usable]
    if not kept:
        raise DataError(f"none of the {len(clips)} recordings in {clips[0].path.parent} is usable")
    return open_store(extraction.path, kept), extraction.skipped


def _clips(workspace: Workspace, machine: str, role: str) -> list[Clip]:
    return list_clips(
        workspace.data_directory, machine, role, mode=workspace.mode, edition=workspace.edition
    )


def _has_train(workspace: Workspace, machine: str) -> bool:
    return (workspace.data_directory / machine / workspace.edition.folders[TRAIN_ROLE]).is_dir()


def _extract_folder(
    workspace: Workspace,
    machine: str,
    role: str,
    *,
    executor: Executor,
    force: bool,
    skip_bad: bool,
    events: Events,
) -> Extraction:
    clips = _clips(workspace, machine, role)
    task = f"extract {machine} {role}"
    with progress(events, task, total=len(clips), unit="clips") as advance:
        return extract_features(
            clips,
            workspace.store(machine, role),
            recipe=workspace.recipe(),
            executor=executor,
            skip_bad=skip_bad,
            force=force,
            advance=advance,
        )
