"""Spectrograms as small PNG files: one byte a pixel and a palette, nothing but zlib needed."""

import base64
import struct
import zlib

import numpy as np
import numpy.typing as npt

_LEVELS = 40
_MAX_COLUMNS = 420
# Dark violet over magenta and orange to pale yellow: lightness rises evenly, so the picture reads
# in grey and for the colour-blind (after matplotlib's "inferno", CC0).
_ANCHORS = np.array(
    [
        [0, 0, 4], [27, 12, 65], [74, 12, 107], [120, 28, 109], [165, 44, 96],
        [207, 68, 70], [237, 105, 37], [251, 155, 6], [247, 209, 61], [252, 255, 164],
    ],
    float,
)  # fmt: skip


def palette(levels: int = _LEVELS) -> npt.NDArray[np.uint8]:
    """Colours from quiet to loud [shape=(levels, 3)]."""
    place = np.linspace(0, len(_ANCHORS) - 1, levels)
    columns = [np.interp(place, np.arange(len(_ANCHORS)), channel) for channel in _ANCHORS.T]
    return np.asarray(np.rint(np.stack(columns, axis=1)), np.uint8)


def shorten(clip: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Average neighbouring frames of a long clip, so that its picture stays small."""
    return _averaged(clip, _MAX_COLUMNS)


def _averaged(clip: npt.NDArray[np.float32], most: int) -> npt.NDArray[np.float32]:
    step = -(-len(clip) // most)
    starts = np.arange(0, len(clip), step)
    counts = np.diff(np.append(starts, len(clip)))[:, None]
    return np.asarray(np.add.reduceat(clip, starts, axis=0) / counts, np.float32)


def small_spectrogram_png(clip: npt.NDArray[np.float32], limits: tuple[float, float]) -> bytes:
    """Draw a spectrogram a few kilobytes large: 120 columns and 48 rows at most."""
    return spectrogram_png(_averaged(_averaged(clip, 120).T, 48).T, limits)


def spectrogram_png(clip: npt.NDArray[np.float32], limits: tuple[float, float]) -> bytes:
    """Draw a log-mel spectrogram, time to the right and frequency up.

    Parameters
    ----------
    clip : ndarray [shape=(n_frames, n_mels)]
        In dB.
    limits : (float, float)
        Levels in dB of the darkest and the brightest colour.

    Returns
    -------
    bytes
        PNG; the same clip gives the same bytes.
    """
    low, high = limits
    share = (shorten(clip).T[::-1] - low) / max(high - low, 1e-6)
    pixels = np.clip(np.rint(share * (_LEVELS - 1)), 0, _LEVELS - 1).astype(np.uint8)
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter: none
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", palette().tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def data_address(content: bytes, kind: str) -> str:
    """Put bytes into a ``data:`` address of a media type."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
