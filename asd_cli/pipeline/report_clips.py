"""Find what the report shows of its clips: recordings, features, window scores, normal clips."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.manifest import read_manifest
from asd_cli.audio.decoding import decode, read_file
from asd_cli.core.errors import AsdError
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.types import Clip
from asd_cli.datasets.dcase.folders import TRAIN_ROLE, list_clips
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore, StoreEntry, open_store, read_index
from asd_cli.pipeline.layout import Workspace
from asd_cli.reporting.cards import ClipCard
from asd_cli.reporting.clips import ClipMaterial, WindowGrid, make_cards
from asd_cli.reporting.content import MachineContent
from asd_cli.reporting.explain import Explanation, NormalReference, explain, learn_normal
from asd_cli.reporting.selection import ChosenClip, choose_clips
from asd_cli.reporting.sound import Waveform

# More normal clips hardly give a nearer one, and cost time; without a cache each is computed.
_MOST_STORED, _MOST_COMPUTED = 200, 40
_FEWEST_NORMAL = 4

LogMel = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class MachineCards:
    """Cards of a machine (false alarms, misses, hits), and remarks on them."""

    cards: tuple[tuple[ClipCard, ...], ...]
    remarks: tuple[str, ...] = ()


def machine_cards(workspace: Workspace, machine: MachineContent, *, audio: bool) -> MachineCards:
    """Make the cards of a machine; what is not at hand is left out and said.

    Parameters
    ----------
    workspace : Workspace
        Where recordings, features and window scores lie.
    machine : MachineContent
        Its scores.
    audio : bool
        Whether to embed sound.

    Returns
    -------
    MachineCards
    """
    groups = choose_clips(machine)
    chosen = list(chain.from_iterable(groups))
    shelf = _Shelf(workspace, machine.name)
    windows = _window_scores(workspace, machine.name, [clip.name for clip in chosen])
    material = {
        (clip.domain, clip.name): _material(shelf, clip, windows.get(clip.name), audio=audio)
        for clip in chosen
    }
    cards, gain = make_cards(
        chosen,
        material,
        recipe=shelf.recipe,
        grid=_window_grid(workspace),
        threshold=machine.threshold,
    )
    heard = any(part.waveform is not None for part in material.values())
    return MachineCards(
        tuple(tuple(cards[clip.domain, clip.name] for clip in group) for group in groups),
        tuple(_remarks(machine.name, gain if heard else None)),
    )


def _remarks(machine: str, gain: float | None) -> Iterator[str]:
    if gain is not None:
        yield (
            f"All sounds of {machine} are played {20 * math.log10(gain):+.0f} dB from how they "
            "were recorded, the same for every clip."
        )


@dataclass
class _Shelf:
    """The recordings and features of a machine, looked up once."""

    workspace: Workspace
    machine: str
    clips: dict[str, dict[str, Clip]] = field(default_factory=dict)
    entries: dict[str, Mapping[str, StoreEntry]] = field(default_factory=dict)
    references: dict[str, tuple[NormalReference, Sequence[Clip]] | None] = field(
        default_factory=dict
    )
    _basis: Any = None

    @property
    def recipe(self) -> FeatureParameters:
        return self.workspace.recipe()

    def role(self, role: str) -> dict[str, Clip]:
        """Clips of a folder by name; none where the folder is not at hand."""
        if role not in self.clips:
            try:
                found = list_clips(
                    self.workspace.data_directory,
                    self.machine,
                    role,
                    mode=self.workspace.mode,
                    edition=self.workspace.edition,
                )
            except AsdError:
                found = []
            self.clips[role] = {clip.name: clip for clip in found}
        return self.clips[role]

    def stored(self, role: str) -> Mapping[str, StoreEntry]:
        """Look up what the feature store holds of a folder, if the present recipe made it."""
        if role not in self.entries:
            index = read_index(self.workspace.store(self.machine, role))
            usable = index is not None and index.recipe == self.recipe.fingerprint
            self.entries[role] = index.by_name if usable and index is not None else {}
        return self.entries[role]

    def waveform(self, clip: Clip) -> Waveform:
        return decode(read_file(clip.path), clip.path, self.recipe.audio_format)

    def features(self, clip: Clip, role: str) -> LogMel:
        """Features of a clip: stored if they were made from the bytes that are there now."""
        entry = self.stored(role).get(clip.name)
        if entry is not None and entry.sha256 == hash_bytes(read_file(clip.path)):
            return np.asarray(open_store(self.workspace.store(self.machine, role), [clip])[0])
        if self._basis is None:
            self._basis = mel_basis(self.recipe)
        return log_mel(self.waveform(clip), self.recipe, self._basis)

    def reference(self, section: str) -> tuple[NormalReference, Sequence[Clip]] | None:
        """Give the normal clips of a section; None where there are too few."""
        if section not in self.references:
            self.references[section] = self._learn(section)
        return self.references[section]

    def _learn(self, section: str) -> tuple[NormalReference, Sequence[Clip]] | None:
        clips = [clip for clip in self.role(TRAIN_ROLE).values() if clip.section == section]
        stored = self.stored(TRAIN_ROLE)
        try:
            if clips and all(clip.name in stored for clip in clips):
                kept = _spread(clips, _MOST_STORED)
                store: FeatureStore = open_store(
                    self.workspace.store(self.machine, TRAIN_ROLE), kept
                )
                features = [np.asarray(store[index]) for index in range(len(kept))]
            else:
                kept = _spread(clips, _MOST_COMPUTED)
                features = [self.features(clip, TRAIN_ROLE) for clip in kept]
        except (AsdError, OSError, ValueError):
            return None
        if len(features) < _FEWEST_NORMAL:
            return None
        return learn_normal(features), kept


def _spread(clips: Sequence[Clip], count: int) -> list[Clip]:
    """Take clips evenly from each domain: all of a domain that has few."""
    kept: list[Clip] = []
    for domain in dict.fromkeys(clip.domain for clip in clips):
        own = [clip for clip in clips if clip.domain == domain]
        chosen = np.unique(np.linspace(0, len(own) - 1, min(len(own), count)).astype(int))
        kept.extend(own[index] for index in chosen)
    return kept


def _material(
    shelf: _Shelf, chosen: ChosenClip, windows: npt.NDArray[np.float32] | None, *, audio: bool
) -> ClipMaterial:
    roles = shelf.workspace.edition.test_roles
    role = next((r for r in roles if chosen.name in shelf.role(r)), None)
    if role is None:
        return ClipMaterial(missing="The recording is not at hand.")
    clip = shelf.role(role)[chosen.name]
    try:
        features = shelf.features(clip, role)
        waveform = shelf.waveform(clip) if audio else None
    except AsdError as error:
        return ClipMaterial(missing=f"The recording cannot be shown: {error.message}")
    known = shelf.reference(chosen.section)
    if known is None or known[0].means.shape[1] != features.shape[1]:
        return ClipMaterial(features=features, waveform=waveform, windows=windows)
    reference, normal = known
    explanation: Explanation = explain(features, reference, shelf.recipe)
    nearest = normal[explanation.nearest]
    return ClipMaterial(
        features=features,
        waveform=waveform,
        windows=windows,
        explanation=explanation,
        nearest=(nearest.name, _heard(shelf, nearest) if audio else None),
    )


def _heard(shelf: _Shelf, clip: Clip) -> Waveform | None:
    try:
        return shelf.waveform(clip)
    except AsdError:
        return None


def _window_grid(workspace: Workspace) -> WindowGrid:
    """Window length and hop of the scores: those of the manifest, or the present ones."""
    manifest = read_manifest(workspace.manifest) or {}
    recorded = manifest.get("settings")
    settings = recorded if isinstance(recorded, dict) else {}
    feature = workspace.settings.feature
    return WindowGrid(
        n_frames=int(settings.get("feature.n_frames", feature.n_frames)),
        hop=int(settings.get("feature.score_hop_frames", feature.score_hop_frames)),
    )


def _window_scores(
    workspace: Workspace, machine: str, names: Sequence[str]
) -> dict[str, npt.NDArray[np.float32]]:
    """Read the window scores of some clips; none where the file is not there or damaged."""
    from safetensors import SafetensorError, safe_open

    path = workspace.window_scores(machine)
    if not path.is_file():
        return {}
    try:
        with safe_open(path, framework="np") as file:
            present = set(file.keys())
            return {name: file.get_tensor(name) for name in names if name in present}
    except (SafetensorError, OSError, ValueError):
        return {}
