"""Which files are recordings: by the ending of their name, and by their first bytes."""

from enum import StrEnum

# Bytes that `container_of` looks at, behind a tag that an MP3 may begin with.
HEAD_BYTES = 64

_W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_ASF = bytes.fromhex("3026b2758e66cf11")
_ID3_HEADER_BYTES = 10


class Container(StrEnum):
    """A container of audio; `by_ffmpeg` holds those that libsndfile cannot read."""

    WAV = "WAV"
    FLAC = "FLAC"
    OGG = "OGG"
    MP3 = "MP3"
    AIFF = "AIFF"
    CAF = "CAF"
    W64 = "W64"
    AU = "AU"
    MP4 = "MP4 (m4a)"
    WMA = "WMA"
    MATROSKA = "Matroska (mka, webm)"
    AAC = "AAC"
    AMR = "AMR"
    BW64 = "BW64"
    WAVPACK = "WavPack"
    MONKEY = "Monkey's Audio"
    DSF = "DSF"

    @property
    def by_ffmpeg(self) -> bool:
        """Whether decoding it needs ffmpeg."""
        return self not in _BY_LIBSNDFILE


_BY_LIBSNDFILE = {
    Container.WAV, Container.FLAC, Container.OGG, Container.MP3, Container.AIFF, Container.CAF,
    Container.W64, Container.AU,
}  # fmt: skip

_FORMS = {
    (b"RIFF", b"WAVE"): Container.WAV,
    (b"RIFX", b"WAVE"): Container.WAV,
    (b"RF64", b"WAVE"): Container.WAV,
    (b"BW64", b"WAVE"): Container.BW64,
    (b"FORM", b"AIFF"): Container.AIFF,
    (b"FORM", b"AIFC"): Container.AIFF,
}
_MAGIC = (
    (b"fLaC", Container.FLAC),
    (b"OggS", Container.OGG),
    (b"caff", Container.CAF),
    (_W64_RIFF, Container.W64),
    (b".snd", Container.AU),
    (b"dns.", Container.AU),
    (_ASF, Container.WMA),
    (b"\x1a\x45\xdf\xa3", Container.MATROSKA),
    (b"#!AMR", Container.AMR),
    (b"wvpk", Container.WAVPACK),
    (b"MAC ", Container.MONKEY),
    (b"DSD ", Container.DSF),
)


def container_of(content: bytes) -> Container | None:
    """Recognise a container by its bytes; the name of a file does not count.

    Parameters
    ----------
    content : bytes
        The file, or its first `HEAD_BYTES` bytes.

    Returns
    -------
    Container or None
        None for what is no recording.

    Examples
    --------
    >>> container_of(b"RIFF....WAVEfmt ")
    <Container.WAV: 'WAV'>
    """
    head = content[:HEAD_BYTES]
    if form := _FORMS.get((head[:4], head[8:12])):
        return form
    if head[4:8] == b"ftyp":
        return Container.MP4
    for magic, container in _MAGIC:
        if head.startswith(magic):
            return container
    if head.startswith(b"ID3"):
        begin = after_id3(content)
        # Only MP3 begins with such a tag, but for FLAC files of careless programs.
        return Container.FLAC if content[begin : begin + 4] == b"fLaC" else Container.MP3
    return _mpeg(head)


def after_id3(content: bytes) -> int:
    """Position of the first byte after an ID3v2 tag; 0 where there is none."""
    if content[:3] != b"ID3" or len(content) < _ID3_HEADER_BYTES:
        return 0
    # Four bytes of seven bits each.
    size = 0
    for byte in content[6:_ID3_HEADER_BYTES]:
        size = size << 7 | byte & 0x7F
    return _ID3_HEADER_BYTES + size


def _mpeg(head: bytes) -> Container | None:
    """Recognise the header of an MPEG audio frame: eleven set bits, then version and layer."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:
        return Container.AAC if version in {2, 3} else None
    known = version != 1 and head[2] >> 4 not in {0, 15} and head[2] >> 2 & 3 != 3
    return Container.MP3 if known else None
