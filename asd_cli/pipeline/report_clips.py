"""Find what the report shows of its clips: recordings, features, window scores, normal clips."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.manifest import read_manifest
from asd_cli.audio.decoding import read_file
from asd_cli.core.errors import AsdError
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.types import Clip, Split
from asd_cli.detectors.ensemble import EnsembleDetector
from asd_cli.detectors.spec import Runtime
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import find_stores, read_index
from asd_cli.features.store_index import StoreEntry
from asd_cli.features.waveforms import read_waveform
from asd_cli.pipeline.identity import plan_of
from asd_cli.pipeline.layout import Layout
from asd_cli.pipeline.model import Model
from asd_cli.reporting.cards import ClipMedia
from asd_cli.reporting.clip_list import ListedClip
from asd_cli.reporting.clips import (
    ClipMaterial,
    Nearest,
    WindowGrid,
    colour_limits,
    make_cards,
    make_sound,
)
from asd_cli.reporting.explain import NormalReference, explain, learn_normal
from asd_cli.reporting.explanation import Explanation
from asd_cli.reporting.png import data_address, small_spectrogram_png
from asd_cli.reporting.shown import ShownClips
from asd_cli.reporting.sound import Waveform, common_gain

# More normal clips hardly give a nearer one, and cost time; without a cache each is computed.
_MAX_STORED, _MAX_COMPUTED = 200, 40
_MIN_NORMAL = 4
# So many clips give the range of colours of the list.
_FOR_LIMITS = 60
# Encoding a sound takes 30 ms.
_LIST_SOUNDS = 30

LogMel = npt.NDArray[np.float32]


def with_pictures(
    layout: Layout, machine: str, shown: ShownClips, *, audio: bool, budget: int
) -> ShownClips:
    """Add pictures and sounds to the clips of a machine; what is not available is named.

    Parameters
    ----------
    layout : Layout
        Where recordings, features and window scores lie.
    machine : str
        Machine type.
    shown : ShownClips
        Its clips.
    audio : bool
        Whether to embed sound.
    budget : int
        Bytes for pictures and sounds of the list of all clips.
    """
    chosen = list(chain.from_iterable(group.clips for group in shown.groups))
    clip_store = _ClipStore(layout, machine)
    windows = _window_scores(layout, machine, [clip.name for clip in chosen])
    material = {
        clip.key: _material(clip_store, clip, windows.get(clip.name), audio=audio)
        for clip in chosen
    }
    cards, gain = make_cards(chosen, material, recipe=clip_store.recipe, grid=_window_grid(layout))
    playable = any(part.waveform is not None for part in material.values())
    media = _list_media(clip_store, shown.clips, audio=audio, budget=budget)
    remarks = _remarks(machine, gain if playable else None, len(media), len(shown.clips))
    return replace(shown, cards=cards, media=media, remarks=tuple(remarks))


def _remarks(machine: str, gain: float | None, pictures: int, clips: int) -> Iterator[str]:
    if gain is not None:
        yield (
            f"The sounds of the cards of {machine} are played {20 * math.log10(gain):+.0f} dB from "
            "how they were recorded, the same for all; those of the list each as loud as they can."
        )
    if gain is not None and clips > _LIST_SOUNDS:
        yield (
            f"The list of {machine} has sounds of {_LIST_SOUNDS} clips: wrong decisions and those "
            "nearest to a threshold."
        )
    if 0 < pictures < clips:
        yield (
            f"The list of {machine} has pictures of {pictures} of {clips} clips, wrong decisions "
            "and those near a threshold first: more would make the page too large, or recordings "
            "cannot be read."
        )


def _list_media(
    clip_store: "_ClipStore", clips: Sequence[ListedClip], *, audio: bool, budget: int
) -> dict[str, ClipMedia]:
    """Draw small pictures and encode sounds for the list, as many as the budget holds."""
    order = sorted(clips, key=lambda clip: (not clip.wrong, abs(clip.margin or 0.0)))
    readable = _readable(clip_store, order)
    # Features are read one by one: those of all clips of a large set do not fit into memory.
    first = list(islice(readable, _FOR_LIMITS))
    limits = colour_limits([features for _, features, _ in first])
    media: dict[str, ClipMedia] = {}
    used = 0
    for clip, features, waveform in chain(first, readable):
        image, sound = data_address(small_spectrogram_png(features, limits), "image/png"), ""
        samples = waveform() if audio and len(media) < _LIST_SOUNDS else None
        if samples is not None:
            gain = common_gain([samples])
            sound = make_sound("", samples, clip_store.recipe.sample_rate, gain).address
        used += len(image) + len(sound)
        if used > budget:
            break
        media[clip.anchor] = ClipMedia(image, sound)
    return media


def _readable(
    clip_store: "_ClipStore", clips: Sequence[ListedClip]
) -> Iterator[tuple[ListedClip, LogMel, Callable[[], Waveform | None]]]:
    """Give clips that can be read, with their features and a way to their sound."""
    found = clip_store.of_split(Split.TEST)
    for clip in clips:
        if clip.name not in found:
            continue
        try:
            features = clip_store.features(found[clip.name], Split.TEST)
        except AsdError:
            continue
        yield clip, features, partial(_waveform_or_none, clip_store, found[clip.name])


@dataclass
class _ClipStore:
    """The recordings and features of a machine, looked up once."""

    layout: Layout
    machine: str
    clips: dict[Split, dict[str, Clip]] = field(default_factory=dict)
    stores: dict[Split, tuple[Mapping[str, StoreEntry], LogMel] | None] = field(
        default_factory=dict
    )
    references: dict[str, tuple[NormalReference, Sequence[Clip]] | None] = field(
        default_factory=dict
    )
    _basis: Any = None
    _ensemble: tuple[tuple[Model, EnsembleDetector] | None] | None = None

    @property
    def recipe(self) -> FeatureParameters:
        return self.layout.features()

    def of_split(self, split: Split) -> dict[str, Clip]:
        """Clips of a split by name; none where the folders are not available."""
        if split not in self.clips:
            try:
                found = self.layout.dataset.clips(self.machine, split)
            except AsdError:
                found = ()
            self.clips[split] = {clip.name: clip for clip in found}
        return self.clips[split]

    def stored(self, split: Split) -> Mapping[str, StoreEntry]:
        """List what the feature store holds that was made with the present parameters."""
        if split not in self.stores:
            self.stores[split] = self._open(split)
        known = self.stores[split]
        return {} if known is None else known[0]

    def _open(self, split: Split) -> tuple[Mapping[str, StoreEntry], LogMel] | None:
        for path in find_stores(self.layout.store(self.machine, split)):
            index = read_index(path)
            if index is not None and index.parameters == self.recipe.fingerprint:
                with suppress(OSError, ValueError):  # removed, or cut short, since it was listed
                    return index.by_name, np.load(path, mmap_mode="r", allow_pickle=False)
        return None

    def _rows(self, split: Split, entry: StoreEntry) -> LogMel:
        known = self.stores[split]
        if known is None:
            raise RuntimeError("only what is stored can be read")
        return np.asarray(known[1][entry.offset : entry.offset + entry.frames])

    def waveform(self, clip: Clip) -> Waveform:
        return read_waveform(clip, self.recipe)

    def features(self, clip: Clip, split: Split) -> LogMel:
        """Features of a clip: stored if they were made from the bytes that are there now."""
        entry = self.stored(split).get(clip.name)
        if entry is not None and entry.sha256 == hash_bytes(read_file(clip.path)):
            return self._rows(split, entry)
        if self._basis is None:
            self._basis = mel_basis(self.recipe)
        return log_mel(self.waveform(clip), self.recipe, self._basis)

    def decisive_member(self, clip: Clip) -> str:
        """Name the member of an ensemble that finds a clip most unusual; empty where unknown."""
        if self._ensemble is None:
            self._ensemble = (_load_ensemble(self.layout, self.machine),)
        (known,) = self._ensemble
        if known is None:
            return ""
        model, detector = known
        try:
            return detector.contributions(model.prepare([clip])).decisive(0)
        except AsdError:
            return ""

    def reference(self, section: str) -> tuple[NormalReference, Sequence[Clip]] | None:
        """Give the normal clips of a section; None where there are too few."""
        if section not in self.references:
            self.references[section] = self._learn(section)
        return self.references[section]

    def _learn(self, section: str) -> tuple[NormalReference, Sequence[Clip]] | None:
        clips = [c for c in self.of_split(Split.TRAIN).values() if c.section == section]
        stored = self.stored(Split.TRAIN)
        try:
            if clips and all(clip.name in stored for clip in clips):
                kept = _spread(clips, _MAX_STORED)
                features = [self._rows(Split.TRAIN, stored[clip.name]) for clip in kept]
            else:
                kept = _spread(clips, _MAX_COMPUTED)
                features = [self.features(clip, Split.TRAIN) for clip in kept]
        except (AsdError, OSError, ValueError):
            return None
        if len(features) < _MIN_NORMAL:
            return None
        return learn_normal(features), kept


def _load_ensemble(layout: Layout, machine: str) -> tuple[Model, EnsembleDetector] | None:
    """Load the model of a machine if it is an ensemble that needs no torch."""
    try:
        model = Model.load(layout.model(machine))
        if plan_of(model.facts.training.detector).runtime is not Runtime.NUMPY:
            return None
        detector = model.restore()
    except AsdError:
        return None
    return (model, detector) if isinstance(detector, EnsembleDetector) else None


def _spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Take clips evenly from each domain: all of a domain that has few."""
    kept: list[Clip] = []
    for domain in dict.fromkeys(clip.domain for clip in clips):
        own = [clip for clip in clips if clip.domain == domain]
        chosen = np.unique(np.linspace(0, len(own) - 1, min(len(own), count)).astype(int))
        kept.extend(own[index] for index in chosen)
    return kept


def _material(
    clip_store: _ClipStore,
    chosen: ListedClip,
    windows: npt.NDArray[np.float32] | None,
    *,
    audio: bool,
) -> ClipMaterial:
    clip = clip_store.of_split(Split.TEST).get(chosen.name)
    if clip is None:
        return ClipMaterial(missing="The recording is not available.")
    try:
        features = clip_store.features(clip, Split.TEST)
        waveform = clip_store.waveform(clip) if audio else None
    except AsdError as error:
        return ClipMaterial(missing=f"The recording cannot be shown: {error.message}")
    known = clip_store.reference(chosen.section)
    if known is None or known[0].means.shape[1] != features.shape[1]:
        return ClipMaterial(features=features, waveform=waveform, windows=windows)
    reference, normal = known
    explanation: Explanation = replace(
        explain(features, reference, clip_store.recipe), member=clip_store.decisive_member(clip)
    )
    nearest = normal[explanation.nearest]
    return ClipMaterial(
        features=features,
        waveform=waveform,
        windows=windows,
        explanation=explanation,
        nearest=Nearest(
            nearest.name,
            clip_store.features(nearest, Split.TRAIN),
            _waveform_or_none(clip_store, nearest) if audio else None,
        ),
    )


def _waveform_or_none(clip_store: _ClipStore, clip: Clip) -> Waveform | None:
    try:
        return clip_store.waveform(clip)
    except AsdError:
        return None


def _window_grid(layout: Layout) -> WindowGrid:
    """Window length and hop of the scores: those of the model, or the present ones."""
    manifest = read_manifest(layout.manifest)
    values = layout.settings.for_detector().values
    length, hop = values["feature.n_frames"], values["feature.score_hop_frames"]
    for record in () if manifest is None else manifest.machines.values():
        length = record.training.settings.get("feature.n_frames", length)
        hop = record.inputs.get("score_hop_frames", hop)
    return WindowGrid(n_frames=int(length), hop=int(hop))


def _window_scores(
    layout: Layout, machine: str, names: Sequence[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """Read the window scores of some clips; none where the file is not there or damaged."""
    from safetensors import SafetensorError, safe_open

    path = layout.window_scores(machine)
    if not path.is_file():
        return {}
    try:
        with safe_open(path, framework="np") as file:
            present = set(file.keys())
            return {name: file.get_tensor(name) for name in names if name in present}
    except (SafetensorError, OSError, ValueError):
        return {}
