"""What recordings of a machine are worth: levels, faults of recording, copies, states, outliers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.audio.decoding import decode_part_unresampled, full_scale_1
from asd_cli.audio.formats import AudioFormat
from asd_cli.audio.quality import Suspicion, suspicions
from asd_cli.core.errors import DataError
from asd_cli.core.events import Events
from asd_cli.features.similarity import near_copies
from asd_cli.features.store import FeatureStore
from asd_cli.pipeline.own.intake import Recording

# A recording is looked at in pieces of this length.
_PIECE_SECONDS = 300.0
_SILENCE_DB = -120.0
# A step of gain: the level changes by so much and stays so, with so many recordings on each side.
_STEP_DB = 6.0
_STEP_SPREADS = 4.0
_MIN_SIDE = 3
_MIN_SPREAD_DB = 0.5
# Two states: clips of a state are so much nearer to each other than to the other state's.
_MIN_SILHOUETTE = 0.5
_MIN_STATE_FRACTION = 0.05
_ROUNDS = 50
_RANGE_DB = 60.0
_LOSSY = {".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingQuality:
    """One recording.

    Attributes
    ----------
    name : str
        Of the recording.
    path : Path
        Its file.
    seconds : float
        Length.
    level_db : float
        Root mean square, in decibels below full scale (so 0 is full scale).
    suspicions : tuple of Suspicion
        Signs that it is not what a microphone picked up.
    problem : str
        Why it cannot be decoded; empty where it can.
    """

    name: str
    path: Path
    seconds: float = 0.0
    level_db: float = _SILENCE_DB
    suspicions: tuple[Suspicion, ...] = ()
    problem: str = ""


def look_at(recording: Recording, _: Events) -> RecordingQuality:
    """Decode a recording and look for signs that something is wrong with it.

    Of several channels the first is looked at. Picklable work for an executor.
    """
    whole = recording.whole
    known = RecordingQuality(name=whole.name, path=whole.path, seconds=recording.seconds)
    found: dict[str, Suspicion] = {}
    power, count = 0.0, 0
    try:
        for start, seconds in _pieces(whole.start, recording.seconds):
            samples, info = decode_part_unresampled(
                whole.path, AudioFormat(channel=0), start=start, duration=seconds
            )
            for sign in suspicions(samples, info.sample_rate, info):
                found.setdefault(sign.kind, sign)
            wave = full_scale_1(samples)
            power += float(np.dot(wave, wave))
            count += len(wave)
    except DataError as error:
        return replace(known, problem=error.message)
    level = 10 * np.log10(max(power / max(count, 1), 10 ** (_SILENCE_DB / 10)))
    return replace(known, level_db=float(level), suspicions=tuple(found.values()))


def _pieces(start: float, seconds: float) -> Iterator[tuple[float, float | None]]:
    """Cut a recording for reading; the last piece goes to the end where the file ends with it."""
    if seconds <= _PIECE_SECONDS:
        yield start, (None if start == 0.0 else seconds)
        return
    for begin in np.arange(0.0, seconds, _PIECE_SECONDS):
        length = min(_PIECE_SECONDS, seconds - float(begin))
        if length > 0.001:
            yield start + float(begin), length


def gain_step(qualities: Sequence[RecordingQuality]) -> str:
    """Say where the level of recordings changes and stays so; empty where it does not.

    The change is where the two sides' means explain most of the variance (one change point; Hinkley
    1970, "Inference about the change-point in a sequence of random variables").
    """
    usable = [q for q in qualities if not q.problem and q.level_db > _SILENCE_DB]
    levels = np.array([quality.level_db for quality in usable])
    splits = range(_MIN_SIDE, len(levels) - _MIN_SIDE + 1)
    if not splits:
        return ""
    gains = [
        split * (len(levels) - split) * (levels[:split].mean() - levels[split:].mean()) ** 2
        for split in splits
    ]
    where = splits[int(np.argmax(gains))]
    before, after = levels[:where], levels[where:]
    step = float(np.median(after) - np.median(before))
    rest = np.concatenate([before - np.median(before), after - np.median(after)])
    spread = max(1.4826 * float(np.median(np.abs(rest))), _MIN_SPREAD_DB)
    if abs(step) < max(_STEP_DB, _STEP_SPREADS * spread):
        return ""
    return (
        f"from {usable[where].name} on recordings are {abs(step):.0f} dB "
        f"{'louder' if step > 0 else 'quieter'}: was the gain changed?"
    )


def copies_of(store: FeatureStore) -> list[str]:
    """Say which recordings are nearly the same."""
    pairs: dict[tuple[str, str], int] = {}
    for first, second in near_copies(store):
        names = tuple(store.clips[i].recording or store.clips[i].path.name for i in (first, second))
        pairs[names[0], names[1]] = pairs.get((names[0], names[1]), 0) + 1
    return [f"{second} holds the sound of {first}" for first, second in sorted(pairs)]


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Clips that fall into two kinds of sound.

    Attributes
    ----------
    sizes : (int, int)
        Clips of each state.
    examples : (str, str)
        The clip nearest to the middle of each.
    silhouette : float
        How well they separate, from 0 to 1 (Rousseeuw 1987).
    by_codec : bool
        Whether one of them is just the recordings of lossy codecs.
    """

    sizes: tuple[int, int]
    examples: tuple[str, str]
    silhouette: float
    by_codec: bool = False

    @property
    def sentence(self) -> str:
        """What was found, in words."""
        first, second = self.sizes
        clips = f"{first} and {second} clips, as {self.examples[0]} and {self.examples[1]}"
        if self.by_codec:
            return (
                f"lossy recordings (MP3, Ogg) differ from the others, as by their missing upper "
                f"frequencies: {clips}; use one kind"
            )
        return f"two operating states: {clips}; record enough of each"


def operating_states(store: FeatureStore) -> States | None:
    """Find two operating states, where the average spectra of clips fall into two groups.

    K-means with two centres (Lloyd 1982), begun at the two clips that are farthest apart.
    """
    means = np.stack([store[index].mean(axis=0) for index in range(len(store))]).astype(np.float64)
    # What a lossy codec leaves out has no level; it would count more than everything there is.
    points = np.maximum(means, means.max(axis=1, keepdims=True) - _RANGE_DB)
    if len(points) < 2 * _MIN_SIDE:
        return None
    numbers = _two_means(points)
    sizes = np.bincount(numbers, minlength=2)
    if sizes.min() < max(2, _MIN_STATE_FRACTION * len(points)):
        return None
    centres = np.stack([points[numbers == state].mean(axis=0) for state in (0, 1)])
    away = np.linalg.norm(points[:, None] - centres[None], axis=2)
    own, other = away[np.arange(len(points)), numbers], away[np.arange(len(points)), 1 - numbers]
    silhouette = float(np.mean((other - own) / np.maximum(np.maximum(own, other), 1e-12)))
    if silhouette < _MIN_SILHOUETTE:
        return None
    middle = [int(np.argmin(np.where(numbers == state, own, np.inf))) for state in (0, 1)]
    names = [store.clips[index].name for index in middle]
    lossy = np.array([clip.path.suffix.lower() in _LOSSY for clip in store.clips], int)
    by_codec = np.array_equal(lossy, numbers) or np.array_equal(1 - lossy, numbers)
    return States(
        sizes=(int(sizes[0]), int(sizes[1])),
        examples=(names[0], names[1]),
        silhouette=silhouette,
        by_codec=bool(by_codec),
    )


def _two_means(points: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    first = int(np.argmax(np.linalg.norm(points - points.mean(axis=0), axis=1)))
    second = int(np.argmax(np.linalg.norm(points - points[first], axis=1)))
    centres = points[[first, second]]
    numbers = np.zeros(len(points), np.int64)
    for _ in range(_ROUNDS):
        away = np.linalg.norm(points[:, None] - centres[None], axis=2)
        now = np.argmin(away, axis=1)
        if np.array_equal(now, numbers) and _ > 0:
            break
        numbers = now
        for state in (0, 1):
            if np.any(numbers == state):
                centres[state] = points[numbers == state].mean(axis=0)
    return numbers
