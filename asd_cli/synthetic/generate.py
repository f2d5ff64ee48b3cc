"""Make a synthetic set on disk: resumable, kept when complete, never over other data."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from asd_cli.core.events import SILENT, Events, progress
from asd_cli.core.files import require_free_space, write_bytes, write_text
from asd_cli.core.hashing import fingerprint as fingerprint_of
from asd_cli.core.types import Mode
from asd_cli.execution.executor import Executor
from asd_cli.synthetic.folder import (
    FolderState,
    companion_texts,
    inspect_folder,
    missing_clips,
    remove_left_overs,
    write_manifest,
)
from asd_cli.synthetic.plan import (
    DEMO_PLAN,
    PlannedClip,
    SyntheticPlan,
    describe_plan,
    plan_clips,
)
from asd_cli.synthetic.rendering import encode_wav, render_clip, wav_size


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticResult:
    """A synthetic set that is complete.

    Attributes
    ----------
    root : Path
        Its folder.
    mode : Mode
        Dev or eval.
    clips : int
        How many it holds.
    written : int
        How many were made now.
    up_to_date : bool
        Whether there was nothing to do; then nothing was written.
    fingerprint : str
        Of plan, mode and version of the generator.
    """

    root: Path
    mode: Mode
    clips: int
    written: int
    up_to_date: bool
    fingerprint: str


def generate(
    root: Path,
    plan: SyntheticPlan = DEMO_PLAN,
    *,
    mode: Mode = Mode.DEV,
    executor: Executor,
    events: Events = SILENT,
) -> SyntheticResult:
    """Make a synthetic set, or what is missing of it.

    Parameters
    ----------
    root : Path
        Its folder: the one that will hold the machines' folders, ``dev_data``.
    plan : SyntheticPlan
        Size and seed.
    mode : Mode
        Dev: sections from 00, labels in the names. Eval: sections from 03, labels in
        ``ground_truth/``.
    executor : Executor
        Where clips are rendered; the bytes do not depend on it.
    events : Events
        Told of the progress.

    Returns
    -------
    SyntheticResult

    Raises
    ------
    UsageError
        When `root` holds something else.
    StorageError
        When the disk is full or may not be written.
    """
    description = describe_plan(plan, mode)
    fingerprint = fingerprint_of(description)
    state = inspect_folder(root, fingerprint)
    clips = plan_clips(plan, mode)
    missing = missing_clips(root, clips, wav_size(plan))
    texts = _missing_texts(root, companion_texts(plan, mode, clips))
    up_to_date = state is FolderState.COMPLETE and not missing and not texts
    if up_to_date:
        events.note(f"up to date: the synthetic set in {root} is complete, nothing to do")
    else:
        require_free_space(root, len(missing) * wav_size(plan))
        write_manifest(root, description, fingerprint=fingerprint, complete=False)
        remove_left_overs(root, clips)
        for path, text in texts.items():
            write_text(root / path, text)
        _write_clips(root, plan, missing, executor, events)
        write_manifest(root, description, fingerprint=fingerprint, complete=True)
    return SyntheticResult(
        root=root,
        mode=mode,
        clips=len(clips),
        written=len(missing),
        up_to_date=up_to_date,
        fingerprint=fingerprint,
    )


def _missing_texts(root: Path, texts: dict[str, str]) -> dict[str, str]:
    return {path: text for path, text in texts.items() if not _holds(root / path, text)}


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode("utf-8")


def _write_clips(
    root: Path,
    plan: SyntheticPlan,
    clips: Sequence[PlannedClip],
    executor: Executor,
    events: Events,
) -> None:
    job = partial(_write_clip, root, plan)
    with (
        progress(events, "synthesize", total=len(clips), unit="clips") as advance,
        closing(executor.submit(job, clips)) as outcomes,
    ):
        for outcome in outcomes:
            advance(1, outcome.result)


def _write_clip(root: Path, plan: SyntheticPlan, clip: PlannedClip, _: Events) -> str:
    write_bytes(root / clip.path, encode_wav(render_clip(plan, clip).y))
    return clip.path
