"""Whether an exported file decides as the model does: both score the same clips."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from asd_cli.audio.decoding import read_info
from asd_cli.core.errors import DataError, IntegrityError
from asd_cli.core.events import Events, progress
from asd_cli.core.recordings import is_recording_name
from asd_cli.core.types import Clip, Split
from asd_cli.datasets.base import Dataset
from asd_cli.datasets.cutting import cut_recording
from asd_cli.datasets.dcase.editions import load_edition
from asd_cli.datasets.dcase.names import CLIP_NAMES, parse_clip_name
from asd_cli.datasets.recordings import find_recordings
from asd_cli.detectors.plans import parse_detector
from asd_cli.detectors.spec import Runtime
from asd_cli.features.waveforms import read_waveform
from asd_cli.pipeline.exporting.assemble import default_alpha
from asd_cli.pipeline.model import Model

T = TypeVar("T")

# Networks compute in single precision throughout, and elsewhere spectra do: in bands without sound,
# as those that MP3 leaves out, levels are logarithms of rounding.
_TOLERANCES = {Runtime.NUMPY: 1e-3, Runtime.TORCH: 1e-3}
_MAX_CLIPS = 12


@dataclass(frozen=True, slots=True)
class ExportCheck:
    """How far an exported file is from its model.

    Attributes
    ----------
    clips : int
        Compared.
    difference : float
        Largest difference of scores, relative to the score or to how much scores of normal clips
        vary, whichever is larger.
    tolerance : float
        Largest that is accepted.
    decisions : tuple of str
        Clips whose decision differs.
    """

    clips: int
    difference: float
    tolerance: float
    decisions: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the file may be used in place of the model."""
        return not self.decisions and self.difference <= self.tolerance

    def require(self) -> None:
        """Refuse a file that decides otherwise.

        Raises
        ------
        IntegrityError
            Says how far it is from the model.
        """
        if self.passed:
            return
        others = f"; decisions differ for {', '.join(self.decisions)}" if self.decisions else ""
        raise IntegrityError(
            f"the exported file is not written: on {self.clips} clips its scores differ by up to "
            f"{self.difference:.1e} (accepted: {self.tolerance:.0e}){others}",
            hint="check with other recordings: --check FOLDER; and report it, with the versions "
            "that asd doctor prints",
        )


def check_export(
    content: bytes, model: Model, clips: Sequence[Clip], events: Events
) -> ExportCheck:
    """Score clips by an exported file and by its model.

    Parameters
    ----------
    content : bytes
        Of the file.
    model : Model
        What it was made from.
    clips : sequence of Clip
        To score; not shorter than the model takes.
    events : Events
        Told of every clip.

    Raises
    ------
    DataError
        When there are no clips, or one cannot be scored.
    """
    from asd_cli.lite import Model as LiteModel

    if not clips:
        raise DataError("there are no recordings to check the exported file on")
    lite, alpha = LiteModel(content), default_alpha(model)
    usual = float(np.std(np.asarray(model.training_scores, np.float64)))
    differences, decisions = [], []
    with progress(events, "check", total=len(clips), unit="clips") as advance:
        for clip in clips:
            wave = read_waveform(clip, replace(model.features, resample=True))
            (own,) = model.score([clip])
            found = lite.score(wave, section=own.clip.section or "", domain=own.clip.domain or "")
            anomalous = own.p_value <= alpha if alpha else own.anomalous
            if found["anomalous"] != anomalous:
                decisions.append(clip.name)
            scale = max(abs(own.score), usual, np.finfo(np.float32).tiny)
            differences.append(abs(found["score"] - own.score) / scale)
            advance(1, clip.name)
    runtime = parse_detector(model.facts.training.detector).runtime
    worst = float(np.max(differences))
    return ExportCheck(len(clips), worst, _TOLERANCES[runtime], tuple(decisions))


def clips_to_check(
    model: Model, paths: Sequence[Path], training: Dataset | None = None
) -> tuple[Clip, ...]:
    """Choose clips to check a file on, evenly among those there are.

    Parameters
    ----------
    model : Model
        Says how long clips are.
    paths : sequence of Path
        Files and folders; what the model was trained on where there are none, as far as it is
        there.
    training : Dataset, optional
        Where the training clips of a challenge set are.

    Raises
    ------
    DataError
        When a named file or folder is not there, or the name of a challenge's clip says nothing.
    """
    if not paths and training is not None:
        return _evenly(_training_clips(model, training))
    files = list(_files(paths)) if paths else list(_own_files(model))
    return _evenly([clip for path in _evenly(files) for clip in _cut(model, path)])


def _evenly(found: Sequence[T]) -> tuple[T, ...]:
    return tuple(found[:: max(1, -(-len(found) // _MAX_CLIPS))])


def _training_clips(model: Model, training: Dataset) -> tuple[Clip, ...]:
    """List the training clips of a challenge set, as far as they are there."""
    if model.machine in set(training.machines()):
        return training.clips(model.machine, Split.TRAIN)
    return ()


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from find_recordings(path)
        elif path.is_file():
            yield path
        else:
            raise DataError(f"there is no recording {path}", hint="name files or folders")


def _own_files(model: Model) -> Iterator[Path]:
    """List what is left of the recordings of a machine of one's own."""
    own = model.facts.own
    for source in map(Path, own.sources if own else ()):
        if source.is_dir():
            yield from find_recordings(source)
        elif is_recording_name(source) and source.is_file():
            yield source


def _cut(model: Model, path: Path) -> list[Clip]:
    """Cut a recording as the model takes it; those too short for it are left out."""
    own = model.facts.own
    if own is None:
        return [_of_challenge(model, path)]
    seconds = read_info(path).duration
    if seconds < 0.5 * own.min_seconds:
        return []
    clip = Clip(path=path, machine=model.machine)
    return cut_recording(clip, seconds, own.clip_seconds, cover_end=True)


def _of_challenge(model: Model, path: Path) -> Clip:
    """Take section and domain from a name."""
    names = load_edition(model.facts.edition).names if model.facts.edition else CLIP_NAMES
    try:
        return parse_clip_name(path, machine=model.machine, names=names)
    except ValueError as error:
        raise DataError(
            f"{path}: {error}", hint="the model distinguishes sections; check on clips that say it"
        ) from error
