"""Make the cards of chosen clips from their features, recordings and window scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from asd_cli.features.mel import band_position
from asd_cli.features.recipe import FeatureParameters
from asd_cli.reporting.cards import AxisTick, Box, ClipCard, Picture, Sound
from asd_cli.reporting.chart import nice_ticks, tick_text
from asd_cli.reporting.clip_list import ListedClip
from asd_cli.reporting.drawing import polyline
from asd_cli.reporting.explanation import Explanation
from asd_cli.reporting.png import data_address, spectrogram_png
from asd_cli.reporting.sound import LONGEST_S, Waveform, common_gain, encode_mp3

# The template's picture: a view box 360 wide, the spectrogram at (40, 6), the strip below it.
_LEFT, _TOP, _WIDTH, _HEIGHT = 40.0, 6.0, 312.0, 168.0
_STRIP_TOP, _STRIP_BOTTOM = 212.0, 252.0
_OCTAVES_HZ = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)
_TICK_DISTANCE = 13.0
_DARK_QUANTILE, _BRIGHT_QUANTILE = 0.02, 0.998

LogMel = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The normal clip that a clip is compared with: its name, features, and samples if wanted."""

    name: str
    features: LogMel
    waveform: Waveform | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipMaterial:
    """What is available of a clip.

    Attributes
    ----------
    features : ndarray [shape=(n_frames, n_mels)] or None
        Log-mel in dB; None where the recording is not available.
    waveform : ndarray [shape=(n_samples,)] or None
        None without sound.
    windows : ndarray [shape=(n_windows,)] or None
        Scores of its windows.
    explanation : Explanation or None
        None where there are no normal clips to compare with.
    nearest : Nearest or None
        The nearest normal clip.
    missing : str
        Why something is not there.
    """

    features: LogMel | None = None
    waveform: Waveform | None = None
    windows: npt.NDArray[np.float32] | None = None
    explanation: Explanation | None = None
    nearest: Nearest | None = None
    missing: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowGrid:
    """Where windows lie: frames in a window, and between the starts of two."""

    n_frames: int
    hop: int


def make_cards(
    chosen: Sequence[ListedClip],
    material: Mapping[tuple[str, str], ClipMaterial],
    *,
    recipe: FeatureParameters,
    grid: WindowGrid,
) -> tuple[dict[tuple[str, str], ClipCard], float]:
    """Make the cards of a machine's clips.

    Parameters
    ----------
    chosen : sequence of ListedClip
        All that are shown.
    material : mapping
        Domain and name of a clip to what is available of it.
    recipe : FeatureParameters
        Of the features.
    grid : WindowGrid
        Of the window scores.

    Returns
    -------
    dict
        Domain and name to card.
    float
        The factor by which all sounds were made louder.
    """
    parts = [material[clip.domain, clip.name] for clip in chosen]
    waveforms = [part.waveform for part in parts if part.waveform is not None]
    near = [part.nearest for part in parts if part.nearest is not None]
    waveforms += [normal.waveform for normal in near if normal.waveform is not None]
    gain = common_gain(waveforms)
    limits = colour_limits([part.features for part in parts if part.features is not None])
    encoded: dict[str, Sound] = {}
    cards = {}
    for clip, part in zip(chosen, parts, strict=True):
        cards[clip.domain, clip.name] = ClipCard(
            name=clip.name,
            section=clip.section,
            domain=clip.domain,
            anomalous=clip.anomalous,
            flagged=clip.flagged,
            score=clip.score,
            threshold=clip.threshold,
            p_value=clip.p_value,
            rank=clip.rank,
            anchor=clip.anchor,
            why=part.explanation.sentence if part.explanation else "",
            pictures=_pictures(clip, part, recipe, grid=grid, limits=limits),
            sounds=_sounds(part, recipe.sample_rate, gain, encoded),
            missing=part.missing,
        )
    return cards, gain


def _pictures(
    clip: ListedClip,
    part: ClipMaterial,
    recipe: FeatureParameters,
    *,
    grid: WindowGrid,
    limits: tuple[float, float],
) -> tuple[tuple[str, Picture], ...]:
    """Draw the clip, and below it the normal clip that is nearest."""
    if part.features is None:
        return ()
    own = make_picture(part, recipe, grid=grid, limits=limits, threshold=clip.threshold)
    if part.nearest is None:
        return (("This clip", own),)
    plain = ClipMaterial(features=part.nearest.features)
    normal = make_picture(plain, recipe, grid=grid, limits=limits, threshold=None)
    return ("This clip", own), (f"Nearest normal clip: {part.nearest.name}", normal)


def colour_limits(features: Sequence[LogMel]) -> tuple[float, float]:
    """One range of levels for all pictures of a machine, so that they can be compared."""
    if not features:
        return (-80.0, 0.0)
    values = np.concatenate([clip.ravel() for clip in features])
    low, high = np.quantile(values, [_DARK_QUANTILE, _BRIGHT_QUANTILE])
    return float(low), float(high)


def _sounds(
    part: ClipMaterial, sample_rate: int, gain: float, encoded: dict[str, Sound]
) -> tuple[Sound, ...]:
    """Encode the clip and its nearest normal clip; a normal clip that is shared is encoded once."""
    if part.waveform is None:
        return ()
    cut = f", first {LONGEST_S:.0f} s" if len(part.waveform) > LONGEST_S * sample_rate else ""
    sounds = [make_sound(f"This clip{cut}", part.waveform, sample_rate, gain)]
    nearest = part.nearest
    if nearest is not None and nearest.waveform is not None:
        if nearest.name not in encoded:
            label = f"Nearest normal{cut}"
            encoded[nearest.name] = make_sound(label, nearest.waveform, sample_rate, gain)
        sounds.append(encoded[nearest.name])
    return tuple(sounds)


def make_sound(label: str, waveform: Waveform, sample_rate: int, gain: float) -> Sound:
    """Encode a recording for the page, and measure its level."""
    address = data_address(encode_mp3(waveform, sample_rate, gain=gain), "audio/mpeg")
    level = float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) * gain
    return Sound(label=label, address=address, level=round(level, 6))


def make_picture(
    part: ClipMaterial,
    recipe: FeatureParameters,
    *,
    grid: WindowGrid,
    limits: tuple[float, float],
    threshold: float | None,
) -> Picture:
    """Lay out a clip's spectrogram, frames and score over time."""
    features = part.features
    assert features is not None  # noqa: S101 - the caller asks only for clips that have them
    n_frames = len(features)
    seconds = recipe.seconds(max(n_frames - 1, 1))

    def across(frame_edge: float) -> float:
        return round(_LEFT + _WIDTH * frame_edge / n_frames, 1)

    curve, rule, text = _curve(part.windows, grid, across, threshold)
    regions = part.explanation.regions if part.explanation else ()
    return Picture(
        image=data_address(spectrogram_png(features, limits), "image/png"),
        seconds=round(seconds, 3),
        x_ticks=tuple(
            AxisTick(across(t * recipe.sample_rate / recipe.hop_length + 0.5), tick_text(t))
            for t in nice_ticks(0.0, seconds)
        ),
        y_ticks=_frequency_ticks(recipe),
        boxes=tuple(
            Box(
                across(region.frames[0]),
                _up(region.bands[1], recipe.n_mels),
                round(across(region.frames[1]) - across(region.frames[0]), 1),
                round(_up(region.bands[0], recipe.n_mels) - _up(region.bands[1], recipe.n_mels), 1),
            )
            for region in regions
        ),
        curve=curve,
        rule=rule,
        curve_text=text,
    )


def _up(band: float, n_mels: int) -> float:
    """Height of the border below a band."""
    return round(_TOP + _HEIGHT * (1.0 - band / n_mels), 1)


def _frequency_ticks(recipe: FeatureParameters) -> tuple[AxisTick, ...]:
    ticks: list[AxisTick] = []
    for hz in _OCTAVES_HZ:
        band = band_position(hz, n_mels=recipe.n_mels, sample_rate=recipe.sample_rate)
        at = _up(min(max(band, 0.0), recipe.n_mels), recipe.n_mels)
        if hz <= recipe.sample_rate / 2 and (not ticks or ticks[-1].at - at >= _TICK_DISTANCE):
            ticks.append(AxisTick(at, f"{hz // 1000}k" if hz >= 1000 else str(hz)))
    return tuple(ticks)


def _curve(
    windows: npt.NDArray[np.float32] | None,
    grid: WindowGrid,
    across: Callable[[float], float],
    threshold: float | None,
) -> tuple[str, float | None, str]:
    """Draw the scores of the windows at their centres; nothing where whole clips are scored."""
    if windows is None or len(windows) < 2:
        return "", None, ""
    low, high = float(windows.min()), float(windows.max())
    span = (high - low) or 1.0
    if threshold is not None and low - span <= threshold <= high + span:
        low, high = min(low, threshold), max(high, threshold)
    span = (high - low) or 1.0

    def up(score: float) -> float:
        return round(_STRIP_BOTTOM - (score - low) / span * (_STRIP_BOTTOM - _STRIP_TOP), 1)

    points = [
        (across(index * grid.hop + grid.n_frames / 2), up(float(score)))
        for index, score in enumerate(windows)
    ]
    rule = up(threshold) if threshold is not None and low <= threshold <= high else None
    said = f"from {windows.min():.3g} to {windows.max():.3g} over {len(windows)} windows"
    return polyline(points), rule, said
