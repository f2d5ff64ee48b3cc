"""Warnings about recordings: odd ones, ones that are there twice, ones that a model is not of.

The same audio is recognised by its features, so that a copy in another container, or with other
texts in its header, counts as the same.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.artifacts.value_files import join_names
from asd_cli.audio.decoding import hash_recording
from asd_cli.audio.quality import Suspicion, SuspicionKind
from asd_cli.core.hashing import hash_bytes
from asd_cli.core.places import changed_at
from asd_cli.core.types import Clip
from asd_cli.features.store import FeatureStore

# Of the training folder so many recordings are compared with those of a model; all would be read
# at each scoring otherwise. Recordings that changed since are compared as well.
_MAX_COMPARED = 32
_DIGITS = 16
_ROW_BITS = 32
_NO_AUDIO = 0
TRAINING_CLIPS = "training_clips"
"""Name of a model's tensor of the `identities` of the clips it is of."""
_HEADLINES = {
    SuspicionKind.SILENT: "silent",
    SuspicionKind.CONSTANT: "constant",
    SuspicionKind.DROPOUT: "silent in part",
    SuspicionKind.FROZEN: "constant in part",
    SuspicionKind.CLIPPED: "clipped",
    SuspicionKind.BEYOND_FULL_SCALE: "beyond full scale",
    SuspicionKind.DC_OFFSET: "not centred on zero (DC offset)",
    SuspicionKind.COARSE_CODING: "coded coarsely",
    SuspicionKind.NO_LENGTH: "without a length in the header",
}

Identities = npt.NDArray[np.uint64]
Suspicions = Mapping[str, tuple[Suspicion, ...]]
# Columns of `identities`.
CONTENT, _AUDIO = 1, 2


def odd_recordings(
    title: str, found: Suspicions, total: int, noun: str = "recordings"
) -> Iterator[str]:
    """Describe suspicious recordings, those of one kind together.

    Parameters
    ----------
    title : str
        Whose: ``fan train``.
    found : mapping of str to tuple of Suspicion
        What is odd, by the clip's name.
    total : int
        How many recordings there are.
    noun : str
        What `found` and `total` count.
    """
    kinds: dict[SuspicionKind, list[tuple[str, str]]] = defaultdict(list)
    for name, every in found.items():
        for odd in every:
            kinds[odd.kind].append((name, odd.text))
    for kind in SuspicionKind:
        members = kinds.get(kind, [])
        if members:
            first, text = members[0]
            names = join_names([name for name, _ in members])
            yield (
                f"{title}: {len(members)} of {total} {noun} {_are(members)} "
                f"{_HEADLINES[kind]}: {names} ({first}: {text})"
            )


def _are(members: Sequence[object]) -> str:
    return "is" if len(members) == 1 else "are"


def identities(store: FeatureStore) -> Identities:
    """Give short hashes of clips: of their names, of the files' bytes and of the audio.

    Returns
    -------
    ndarray [shape=(n_clips, 3), dtype=uint64]
        Empty where features were not read from a store.
    """
    rows = [
        (_name_hash(clip.name), int(sha256[:_DIGITS], 16), _audio_hash(store[index], checksum))
        for index, (clip, sha256, checksum) in enumerate(
            zip(store.clips, store.hashes, store.checksums, strict=False)
        )
    ]
    return np.array(rows, np.uint64).reshape(-1, 3)


def _name_hash(name: str) -> int:
    return int(hash_bytes(name.encode("utf-8", "surrogateescape"))[:_DIGITS], 16)


def _audio_hash(rows: npt.NDArray[np.float32], checksum: int) -> int:
    # Silent recordings are all alike; that they are silent is said elsewhere.
    if (rows[0] == rows[-1]).all() and (rows == rows[0]).all():
        return _NO_AUDIO
    # A checksum of 32 bits alone would be shared by two of a million pairs of clips now and then.
    total = zlib.crc32(rows.sum(dtype=np.float64).tobytes())
    return checksum << _ROW_BITS | total


def same_audio(store: FeatureStore) -> Iterator[str]:
    """Describe training or test clips that hold the same audio, those of opposite labels first."""
    groups: dict[int, list[Clip]] = defaultdict(list)
    for clip, audio in zip(store.clips, identities(store)[:, _AUDIO].tolist(), strict=True):
        if audio != _NO_AUDIO:
            groups[audio].append(clip)
    repeated = [clips for clips in groups.values() if len(clips) > 1]
    opposite = [clips for clips in repeated if len({clip.label for clip in clips}) > 1]
    plain = [clips for clips in repeated if clips not in opposite]
    if opposite:
        yield _repeated(opposite, "the same audio has opposite labels")
    if plain:
        yield _repeated(plain, f"the same audio is more than once in {plain[0][0].split}")


def _repeated(groups: Sequence[Sequence[Clip]], what: str) -> str:
    pairs = [" = ".join(clip.name for clip in clips) for clips in groups]
    count = "" if len(groups) == 1 else f" ({len(groups)} cases)"
    return f"{groups[0][0].machine}: {what}{count}: {join_names(pairs)}"


def trained_and_tested(
    machine: str, trained: Identities, test: FeatureStore, names: Mapping[int, str]
) -> Iterator[str]:
    """Describe test clips whose audio a model is of: they look normal, whatever they are.

    Parameters
    ----------
    machine : str
        Whose.
    trained : ndarray [shape=(n_clips, 3)]
        Of the training clips, from `identities`.
    test : FeatureStore
        The test clips.
    names : mapping of int to str
        From `names_by_hash`, of training clips that are known.
    """
    known = {audio: name for name, _, audio in trained.tolist() if audio != _NO_AUDIO}
    found = []
    for clip, audio in zip(test.clips, identities(test)[:, _AUDIO].tolist(), strict=True):
        if audio in known:
            other = names.get(known[audio])
            found.append(clip.name if other is None else f"{clip.name} = {other}")
    if found:
        clips = "1 test clip looks" if len(found) == 1 else f"{len(found)} test clips look"
        yield (
            f"{machine}: the same audio is in training and in test, so {clips} normal: "
            f"{join_names(found)}"
        )


def names_by_hash(clips: Sequence[Clip]) -> dict[int, str]:
    """Give the names of clips by the hashes that `identities` has of them."""
    return {_name_hash(clip.name): clip.name for clip in clips}


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """What a model file knows of the clips it is of.

    Attributes
    ----------
    path : Path
        The model file.
    clips : ndarray [shape=(n_clips, 3), dtype=uint64]
        From `identities`.
    """

    path: Path
    clips: Identities


def other_recordings(
    machine: str,
    model: TrainedOn,
    clips: Sequence[Clip],
    *,
    train: str,
    hash_of: Callable[[Path], str] = hash_recording,
) -> Iterator[str]:
    """Say where the training clips in the folder are not those that a model is of.

    All names are compared, and the bytes of a sample of the recordings and of those that are newer
    than the model.

    Parameters
    ----------
    machine : str
        Whose.
    model : TrainedOn
        The model.
    clips : sequence of Clip
        Training clips in the folder next to the test clips.
    train : str
        Command that trains another model, for the message.
    hash_of : callable
        SHA-256 of a file.
    """
    if not len(model.clips) or not clips:
        return
    content = {name: sha for name, sha, _ in model.clips.tolist()}
    here = names_by_hash(clips)
    added = [name for key, name in here.items() if key not in content]
    lost = len(content.keys() - here.keys())
    compared = _compared([clip for clip in clips if _name_hash(clip.name) in content], model.path)
    changed = [
        clip.name
        for clip in compared
        if int(hash_of(clip.path)[:_DIGITS], 16) != content[_name_hash(clip.name)]
    ]
    parts = []
    if changed:
        parts.append(f"{len(changed)} of {len(compared)} compared have other bytes "
                     f"({join_names(changed)})")  # fmt: skip
    if added:
        parts.append(f"{len(added)} are not in the model ({join_names(added)})")
    if lost:
        parts.append(f"{lost} of the model are not there")
    if parts:
        yield (
            f"{machine}: {model.path} was trained on other recordings than those in "
            f"{clips[0].path.parent}: {'; '.join(parts)} (train again: {train})"
        )


def _compared(clips: Sequence[Clip], model: Path) -> list[Clip]:
    """Choose some clips evenly, and all that may have changed since the model was written."""
    complete = [clip for clip in clips if not clip.is_part]
    if not complete:
        return []
    count = min(len(complete), _MAX_COMPARED)
    chosen = set(np.linspace(0, len(complete) - 1, count).astype(int).tolist())
    moment = model.stat().st_mtime
    return [
        clip
        for number, clip in enumerate(complete)
        if number in chosen or changed_at(clip.path) > moment
    ]
