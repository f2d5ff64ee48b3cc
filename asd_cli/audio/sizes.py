"""Recordings other than WAV that were cut short: what their headers promise.

libsndfile reads such files as far as they go and reports that length as their own, so what the
header or the last page says is compared with the bytes that are there. FLAC needs no look: its
header gives the number of samples, which the decoder checks.
"""

import struct
from pathlib import Path

from asd_cli.audio.containers import Container, after_id3
from asd_cli.audio.content import Content, unpack
from asd_cli.audio.wav import HINT, cut_short
from asd_cli.core.errors import DataError

_UNKNOWN_32 = 0xFFFFFFFF
_OGG_HEADER_BYTES = 27
_OGG_LAST_PAGE = 4
_W64_CHUNK_HEADER = 24
_XING_FRAMES, _XING_BYTES = 1, 2

Sizes = tuple[int, int] | None


def check_size(content: Content, container: Container, path: Path) -> None:
    """Refuse a recording that has fewer bytes than its header promises.

    Raises
    ------
    DataError
        When it was cut short, or its header is damaged.
    """
    try:
        if container is Container.OGG:
            _check_ogg(content, path)
            return
        measure = _MEASURES.get(container)
        sizes = measure(content) if measure is not None else None
    except struct.error as error:
        raise DataError(
            f"{path} has a damaged header: a chunk is shorter than it must be", hint=HINT
        ) from error
    if sizes is not None and sizes[0] > sizes[1]:
        raise cut_short(path, claimed=sizes[0], present=sizes[1])


def _aiff(content: Content) -> Sizes:
    position = 12
    while position + 8 <= len(content):
        name, size = unpack(">4sI", content, position)
        if name == b"SSND":
            return size, len(content) - position - 8
        position += 8 + size + size % 2
    return None


def _caf(content: Content) -> Sizes:
    position = 8
    while position + 12 <= len(content):
        name, size = unpack(">4sq", content, position)
        if name == b"data" or size < 0:  # -1: the samples reach to the end of the file
            return size, len(content) - position - 12
        position += 12 + size
    return None


def _w64(content: Content) -> Sizes:
    position = 40
    while position + _W64_CHUNK_HEADER <= len(content):
        name, size = unpack("<4s12xQ", content, position)
        if name == b"data" or size < _W64_CHUNK_HEADER:
            return size, len(content) - position
        position += size + -size % 8
    return None


def _au(content: Content) -> Sizes:
    order = ">" if content[:4] == b".snd" else "<"
    begin, size = unpack(f"{order}II", content, 4)
    return None if size == _UNKNOWN_32 else (size, len(content) - begin)


def _mp3(content: Content) -> Sizes:
    """Read the bytes of the stream from the information frame that most encoders write first."""
    begin = after_id3(content[:10])
    tag = _xing(content, begin)
    if tag is None:
        return None
    (flags,) = unpack(">I", content, tag + 4)
    if not flags & _XING_BYTES:
        return None
    (size,) = unpack(">I", content, tag + 8 + 4 * (flags & _XING_FRAMES))
    return size, len(content) - begin


def promises_length(content: Content, container: Container) -> bool:
    """Say whether a file's header gives its number of samples, and not a guess of the decoder."""
    if container is not Container.MP3:
        return True
    return _xing(content, after_id3(content[:10])) is not None


def _xing(content: Content, begin: int) -> int | None:
    """Find the information in the first frame of an MP3: after its header and side information."""
    frame = content[begin : begin + 64]
    if len(frame) < 44:
        return None
    first_version, mono = frame[1] >> 3 & 3 == 3, frame[3] >> 6 == 3
    side = (17 if mono else 32) if first_version else (9 if mono else 17)
    name = frame[4 + side : 8 + side]
    return begin + 4 + side if name in {b"Xing", b"Info"} else None


_MEASURES = {
    Container.AIFF: _aiff,
    Container.CAF: _caf,
    Container.W64: _w64,
    Container.AU: _au,
    Container.MP3: _mp3,
}


def _check_ogg(content: Content, path: Path) -> None:
    """Require the last page of an Ogg stream to be whole and to be marked as the last."""
    end = len(content)
    position = content.rfind(b"OggS")
    while position >= 0:
        version, kind = content[position + 4 : position + 5], content[position + 5 : position + 6]
        if version == b"\0" and kind and kind[0] < 2 * _OGG_LAST_PAGE:
            break
        position = content.rfind(b"OggS", 0, position)  # four bytes of sound that look like it
    header = content[position : position + _OGG_HEADER_BYTES]
    if position >= 0 and len(header) == _OGG_HEADER_BYTES:
        body = position + _OGG_HEADER_BYTES
        lengths = content[body : body + header[-1]]
        if body + header[-1] + sum(lengths) <= end and header[5] & _OGG_LAST_PAGE:
            return
    raise DataError(
        f"{path} is cut short: the last page of its Ogg stream is missing or incomplete", hint=HINT
    )
