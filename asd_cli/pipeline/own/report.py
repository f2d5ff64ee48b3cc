"""The page of scored files: the worst ones to look at and to listen to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import decode_part
from asd_cli.core.errors import DataError
from asd_cli.core.text import printable
from asd_cli.core.types import Clip, Label, Split
from asd_cli.datasets.folder import label_of_folders
from asd_cli.evaluation.metrics import auc
from asd_cli.features.memory import Recording, features_in_memory
from asd_cli.features.recipe import FeatureParameters
from asd_cli.pipeline.model import Model
from asd_cli.pipeline.own.changes import require_own
from asd_cli.pipeline.own.intake import cut, take_in
from asd_cli.pipeline.own.scoring import ScoredFile, ScoredPart, Status
from asd_cli.pipeline.own.training import limits_of
from asd_cli.pipeline.references import REFERENCES
from asd_cli.reporting.cards import Picture
from asd_cli.reporting.clips import (
    ClipMaterial,
    WindowGrid,
    colour_limits,
    make_picture,
    make_sound,
)
from asd_cli.reporting.explanation import Explanation
from asd_cli.reporting.own_page import FileRow, OwnPage, PartCard, timeline
from asd_cli.reporting.sound import Waveform, common_gain

_MAX_CARDS = 24
_MIN_CARDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """A file whose worst part is shown."""

    file: ScoredFile
    part: ScoredPart
    waveform: Waveform
    features: npt.NDArray[np.float32]
    explanation: Explanation | None


def own_page(
    model: Model, path: Path, files: Sequence[ScoredFile], rate: float, command: str
) -> OwnPage:
    """Make the page of scored files.

    Parameters
    ----------
    model : Model
        What scored them.
    path : Path
        Its file.
    files : sequence of ScoredFile
        In their order.
    rate : float
        False-alarm rate that was asked for.
    command : str
        What is run to get the page again.
    """
    own = require_own(model)
    worst = sorted(files, key=lambda file: (file.p_value is None, file.p_value or 0.0))
    points = [(part.score, part.anomalous) for file in files for part in file.parts]
    return OwnPage(
        machine=printable(model.machine),
        detector=model.facts.training.detector,
        model=printable(path),
        version=own.version,
        reason=printable(own.reason),
        rate=rate,
        bound=model.normal_scores.bound(rate),
        normal_clips=len(model.training_scores),
        recordings=own.recordings,
        trained_seconds=own.seconds,
        sample_rate=model.features.sample_rate,
        clip_seconds=own.clip_seconds,
        limits=tuple(limits_of(model)),
        files=tuple(_row(file) for file in worst),
        cards=tuple(_cards(model, worst)),
        timeline=timeline(points, model.normal_scores.limit(rate)),
        auc=_auc(files),
        command=command,
    )


def _row(file: ScoredFile) -> FileRow:
    return FileRow(
        name=printable(file.path),
        status=str(file.status),
        seconds=file.seconds,
        score=file.score,
        p_value=file.p_value,
        text=printable("; ".join(text for text in (file.reason, *file.remarks) if text)),
    )


def _auc(files: Sequence[ScoredFile]) -> float | None:
    """AUC where folders called normal and anomaly say what files are; None otherwise."""
    scores: dict[Label, list[float]] = {Label.NORMAL: [], Label.ANOMALY: []}
    for file in files:
        label = label_of_folders(file.path.parts[:-1])
        if label is not None and file.score is not None:
            scores[label].append(file.score)
    return auc(np.array(scores[Label.NORMAL]), np.array(scores[Label.ANOMALY]))


def _cards(model: Model, worst: Sequence[ScoredFile]) -> Iterator[PartCard]:
    """Make cards of anomalous files, and of the least usual normal ones."""
    scored = [file for file in worst if file.status is not Status.NOT_SCORED]
    anomalous = sum(file.status is Status.ANOMALOUS for file in scored)
    shown = list(_shown(model, scored[: min(_MAX_CARDS, anomalous + _MIN_CARDS)]))
    if not shown:
        return
    gain = common_gain([each.waveform for each in shown])
    limits = colour_limits([each.features for each in shown])
    known = _training_clips(model)
    for each in shown:
        yield _card(model, each, gain, limits, known)


def _shown(model: Model, files: Sequence[ScoredFile]) -> Iterator[_Shown]:
    audio_format = replace(model.features.audio_format, resample=True)
    for file in files:
        part = file.worst
        if part is None:
            continue
        try:
            waveform = decode_part(
                file.path, audio_format, start=part.start, duration=part.end - part.start
            )
            store = model.prepare([waveform])
        except DataError:  # the file is gone since it was scored; its row says what it was
            continue
        try:
            explanation = model.explain_clip(store)
        except DataError:
            explanation = None
        yield _Shown(
            file=file, part=part, waveform=waveform, features=store[0], explanation=explanation
        )


def _card(
    model: Model,
    shown: _Shown,
    gain: float,
    limits: tuple[float, float],
    known: Mapping[str, Clip],
) -> PartCard:
    file, part = shown.file, shown.part
    several = len(file.parts) > 1
    # Normal clips differ among themselves: frames on one would be read as faults.
    framed = shown.explanation if file.status is Status.ANOMALOUS else None
    pictures = [("This clip", _picture(shown.features, framed, model.features, limits))]
    rate = model.features.sample_rate
    sounds = [make_sound("This clip", shown.waveform, rate, gain)]
    if shown.explanation is not None:
        number = shown.explanation.nearest
        normal = model.tensors[f"{REFERENCES}{number:03}"].astype(np.float32)
        name = printable(require_own(model).references[number])
        pictures.append((f"Nearest normal: {name}", _picture(normal, None, model.features, limits)))
        waveform = _normal_waveform(model, known.get(require_own(model).references[number]))
        if waveform is not None:
            sounds.append(make_sound("Nearest normal", waveform, rate, gain))
    return PartCard(
        name=printable(file.path) + (f", {part.start:g}–{part.end:g} s" if several else ""),
        anomalous=file.status is Status.ANOMALOUS,
        score=part.score,
        p_value=file.p_value or 0.0,
        why=printable(file.reason),
        pictures=tuple(pictures),
        sounds=tuple(sounds),
    )


@dataclass(frozen=True, slots=True)
class FileView:
    """A scored file as a notebook shows it: decision, reason, picture and player.

    Attributes
    ----------
    file : ScoredFile
        The decision.
    card : PartCard or None
        Its worst part; None where it was not scored.
    """

    file: ScoredFile
    card: PartCard | None

    def _repr_html_(self) -> str:
        from html import escape

        from asd_cli.reporting.render import render_view

        if self.card is None:
            return f"<p>{escape(printable(self.file.path))}: {escape(self.file.reason)}</p>"
        return render_view(self.card)


def view_file(model: Model, file: ScoredFile) -> FileView:
    """Show one scored file."""
    card = None
    for shown in _shown(model, [file]):
        gain, limits = common_gain([shown.waveform]), colour_limits([shown.features])
        card = _card(model, shown, gain, limits, _training_clips(model))
    return FileView(file, card)


def outlier_cards(
    clips: Sequence[tuple[Clip, float, float]], sample_rate: int
) -> Iterator[PartCard]:
    """Make cards of clips that sound unlike the others.

    Parameters
    ----------
    clips : sequence of (Clip, float, float)
        Each with its score and p-value.
    sample_rate : int
        Of the pictures and sounds, in Hz.
    """
    recipe = FeatureParameters(sample_rate=sample_rate, channel="mean", resample=True)
    shown: list[tuple[Clip, float, float, Waveform, npt.NDArray[np.float32]]] = []
    for clip, score, p_value in clips:
        try:
            waveform = decode_part(
                clip.path, recipe.audio_format, start=clip.start, duration=clip.duration
            )
            features = features_in_memory([Recording(clip, waveform)], recipe)[0]
        except DataError:  # gone since it was inspected; the text names it
            continue
        shown.append((clip, score, p_value, waveform, features))
    gain = common_gain([waveform for *_, waveform, _ in shown])
    limits = colour_limits([features for *_, features in shown])
    for clip, score, p_value, waveform, features in shown:
        yield PartCard(
            name=printable(clip.recording),
            anomalous=False,
            score=score,
            p_value=p_value,
            why="",
            pictures=(("This clip", _picture(features, None, recipe, limits)),),
            sounds=(make_sound("This clip", waveform, sample_rate, gain),),
        )


def _picture(
    features: npt.NDArray[np.float32],
    explanation: Explanation | None,
    recipe: FeatureParameters,
    limits: tuple[float, float],
) -> Picture:
    return make_picture(
        ClipMaterial(features=features, explanation=explanation),
        recipe,
        grid=WindowGrid(n_frames=1, hop=1),
        limits=limits,
        threshold=None,
    )


def _training_clips(model: Model) -> dict[str, Clip]:
    """Find the training clips by name, where their recordings are where they were."""
    own = require_own(model)
    sources = [Path(source) for source in own.sources if Path(source).exists()]
    if not sources:
        return {}
    try:
        found = take_in(sources, model.machine, split=Split.TRAIN)
    except DataError:
        return {}
    return {clip.name: clip for clip in cut(found, own.clip_seconds).clips}


def _normal_waveform(model: Model, clip: Clip | None) -> Waveform | None:
    """Read a normal clip again; None where it is not known or not readable any more."""
    if clip is None:
        return None
    audio_format = replace(model.features.audio_format, resample=True)
    try:
        return decode_part(clip.path, audio_format, start=clip.start, duration=clip.duration)
    except DataError:
        return None
