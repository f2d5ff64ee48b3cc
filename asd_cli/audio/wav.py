"""The header of a WAV file: what it claims, compared with the bytes that are there.

libsndfile accepts a file that was cut short, that claims fewer bytes than there are, or that has a
second data chunk, and returns some of the samples. Each of these is refused here.

References
----------
Microsoft and IBM, "Multimedia Programming Interface and Data Specifications 1.0", 1991 (RIFF).
EBU Tech 3306, "RF64: An extended file format for audio data", 2009.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

from asd_cli.audio.content import Content, unpack
from asd_cli.core.errors import DataError

HINT = "copy or fetch it again"
_SIZE_UNKNOWN = 0xFFFFFFFF
_LONG_SIZE_UNKNOWN = 0xFFFFFFFFFFFFFFFF
# Programs that write into a pipe claim the largest size, signed or not, less some header.
_PIPE_SIZES = (range(0x7FFFF000, 0x80000001), range(0xFFFFF000, 0x100000000))
# Tag, channels, sample rate, bytes a second, bytes a frame, bits a sample.
_FORMAT = "HHIIHH"
_FORMAT_BYTES = 16
_EXTENSIBLE = 0xFFFE
_CHUNK_HEADER = 8
# Chunks of text and marks; one that is cut costs no sample.
_KNOWN_CHUNKS = {
    b"LIST", b"id3 ", b"ID3 ", b"bext", b"cue ", b"smpl", b"fact", b"PEAK", b"JUNK", b"junk",
    b"FLLR", b"PAD ", b"iXML", b"_PMX", b"afsp", b"DISP", b"inst", b"plst", b"axml", b"acid",
    b"cart", b"LGWV", b"umid", b"minf", b"elm1", b"regn", b"strc", b"levl", b"SAUR", b"wamd",
    b"guan",
}  # fmt: skip
_TAGS = (b"TAG", b"ID3", b"APETAGEX")


@dataclass(frozen=True, slots=True, kw_only=True)
class WavHeader:
    """Facts about a WAV file.

    Attributes
    ----------
    form : str
        ``RIFF``, ``RIFX`` (big-endian) or ``RF64``.
    tag, channels, sample_rate, frame_bytes, bits : int
        From the format chunk; 0 without one. The tag is the sub-format's where the format is
        extensible: 1 is PCM, 3 is float.
    data_position : int or None
        Where the samples begin; None without a data chunk.
    claimed : int or None
        Bytes of samples that the data chunk claims; None where it gives no length.
    present : int
        Bytes from `data_position` to the end of the file.
    more_data : int
        Data chunks after the first.
    trailing : int
        Bytes after the last chunk that are no chunk.
    """

    form: str = "RIFF"
    tag: int = 0
    channels: int = 0
    sample_rate: int = 0
    frame_bytes: int = 0
    bits: int = 0
    data_position: int | None = None
    claimed: int | None = None
    present: int = 0
    more_data: int = 0
    trailing: int = 0

    @property
    def size_unknown(self) -> bool:
        """Whether the samples reach to the end of the file because no length was written."""
        return self.data_position is not None and self.claimed is None

    @property
    def data_bytes(self) -> int:
        """Bytes of samples; without a part of a frame at the end where no length was written."""
        if self.claimed is not None:
            return self.claimed
        return self.present - self.present % max(1, self.frame_bytes)


def check_wav(content: Content, path: Path) -> WavHeader:
    """Compare the sizes in a RIFF, RIFX or RF64 header with the bytes that are there.

    A header without a length is accepted: the samples reach to the end of the file then.

    Raises
    ------
    DataError
        When the file has no samples, was cut short, or has bytes that its header does not explain.
    """
    try:
        header = read_header(content)
    except struct.error as error:
        raise DataError(
            f"{path} has a damaged header: a chunk is shorter than it must be", hint=HINT
        ) from error
    if header.data_position is None:
        raise DataError(f"{path} has no samples: its data chunk is missing", hint=HINT)
    if header.data_bytes == 0:
        raise DataError(f"{path} has no samples (0 frames)", hint=HINT)
    if header.data_bytes > header.present:
        raise cut_short(path, claimed=header.data_bytes, present=header.present)
    repair = f"write it again: ffmpeg -ignore_length 1 -i '{path}' repaired.wav"
    if header.more_data:
        raise DataError(
            f"{path} has {1 + header.more_data} data chunks and one is expected; readers would "
            "drop all samples but the first chunk's",
            hint="write it again with one data chunk, or leave it out",
        )
    if header.trailing:
        raise DataError(
            f"{path} has {header.trailing:,} bytes after the {header.data_bytes:,} bytes of "
            "samples that its header claims, and they are no chunk",
            hint=repair,
        )
    return header


def cut_short(
    path: Path, *, claimed: int, present: int, unit: str = "bytes of samples"
) -> DataError:
    """Describe a recording that has less than its header promises."""
    return DataError(
        f"{path} is cut short: its header promises {claimed:,} {unit} and {present:,} are there",
        hint=HINT,
    )


def read_header(content: Content) -> WavHeader:
    """Read the chunks of a WAV file; `struct.error` where one is shorter than it must be."""
    form = content[:4].decode("ascii", "replace")
    order = ">" if form == "RIFX" else "<"
    facts: dict[str, int] = {}
    long_size: int | None = None
    position, end = 12, len(content)
    while position + _CHUNK_HEADER <= end:
        name, size = unpack(f"{order}4sI", content, position)
        begin = position + _CHUNK_HEADER
        if name == b"ds64":
            (long_size,) = unpack("<Q", content, begin + 8)
        elif name == b"fmt ":
            facts = _read_format(content, order, begin, size)
        elif name == b"data":
            claimed = long_size if size == _SIZE_UNKNOWN and long_size is not None else size
            return _with_data(content, form, facts, begin, claimed)
        position = begin + size + size % 2
    return WavHeader(form=form, **facts)


def _read_format(content: Content, order: str, begin: int, size: int) -> dict[str, int]:
    tag, channels, rate, _, frame_bytes, bits = unpack(order + _FORMAT, content, begin)
    if tag == _EXTENSIBLE and size >= _FORMAT_BYTES + 10:
        # The first two bytes of the sub-format's identifier are the tag that it would have.
        (tag,) = unpack(f"{order}H", content, begin + _FORMAT_BYTES + 8)
    return {
        "tag": tag,
        "channels": channels,
        "sample_rate": rate,
        "frame_bytes": frame_bytes,
        "bits": bits,
    }


def _with_data(
    content: Content, form: str, facts: dict[str, int], begin: int, claimed: int
) -> WavHeader:
    """Finish a header at its data chunk, with the length of the samples and what follows them."""
    present = len(content) - begin
    order = ">" if form == "RIFX" else "<"
    more_data, trailing = 0, 0
    if claimed < present:
        # A chunk of odd length is filled up with one byte, but some programs leave it out.
        places = {begin + claimed + claimed % 2, begin + claimed}
        more_data, trailing = min((_rest(content, order, p) for p in places), key=lambda r: r[1])
    unknown = trailing > 0 if claimed == 0 else claimed > present and _of_a_pipe(claimed)
    return WavHeader(
        form=form,
        data_position=begin,
        claimed=None if unknown else claimed,
        present=present,
        more_data=0 if unknown else more_data,
        trailing=0 if unknown else trailing,
        **facts,
    )


def _of_a_pipe(claimed: int) -> bool:
    return claimed == _LONG_SIZE_UNKNOWN or any(claimed in sizes for sizes in _PIPE_SIZES)


def _rest(content: Content, order: str, position: int) -> tuple[int, int]:
    """Walk what follows the samples: the number of data chunks, and of bytes that are no chunk.

    A single byte that is left over is the one that fills up a chunk of odd length.
    """
    end, more_data = len(content), 0
    while position + _CHUNK_HEADER <= end:
        name, size = unpack(f"{order}4sI", content, position)
        after = position + _CHUNK_HEADER + size
        if name == b"data" and size:
            # Whether it fits or not: there are samples that a reader would drop.
            return more_data + 1, 0
        if name in _KNOWN_CHUNKS:
            position = min(end, after + size % 2)
        elif name.isascii() and name.decode().isprintable() and after <= end:
            position = after + size % 2
        else:
            break
    left = end - position
    if left <= 1 or content[position : position + 8].startswith(_TAGS):
        return more_data, 0
    return more_data, left
