"""What a WAV header claims against what is there."""

import struct
from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio import AudioFormat
from asd_cli.audio.decoding import audio_info, decode, decode_part, read_info
from asd_cli.audio.wav import check_wav, read_header
from asd_cli.core.errors import DataError
from tests.support.recordings import encode, pcm_format, riff, tone

PATH = Path("x.wav")
FORMAT = AudioFormat(sample_rate=16000)
SAMPLES = (32000 * tone(440.0)).astype("<i2")
BODY = SAMPLES.tobytes()
FMT = (b"fmt ", pcm_format())


def with_size(content: bytes, size: int) -> bytes:
    position = content.index(b"data") + 4
    return content[:position] + struct.pack("<I", size) + content[position + 4 :]


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0xFFFFFFDB, 0x7FFFFFFF, 0x7FFFFFDB, 0x80000000, 0])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT", "PCM_24", "ALAW"])
def test_a_recording_from_a_pipe_is_read_to_its_end(
    tmp_path: Path, size: int, subtype: str
) -> None:
    right = encode(tone(440.0), subtype=subtype)
    # libsndfile writes a chunk of peaks before the samples of float, none behind them.
    begin = right.index(b"data") + 8
    piped = with_size(right, size)[: begin + len(tone(440.0)) * audio_bytes(subtype)]
    np.testing.assert_array_equal(decode(piped, PATH, FORMAT), decode(right, PATH, FORMAT))
    assert audio_info(piped, PATH).size_unknown
    assert not audio_info(right, PATH).size_unknown
    path = tmp_path / "x.wav"
    path.write_bytes(piped + b"\1" * (audio_bytes(subtype) - 1))  # cut inside a frame
    assert read_info(path).n_samples == len(SAMPLES)
    part = decode_part(path, FORMAT, start=0.5, duration=0.5)
    np.testing.assert_array_equal(part, decode(right, PATH, FORMAT)[8000:16000])


def audio_bytes(subtype: str) -> int:
    return {"PCM_16": 2, "FLOAT": 4, "PCM_24": 3, "ALAW": 1}[subtype]


def test_the_published_recordings_from_a_pipe(shared: Path) -> None:
    folder = shared / "reports" / "wav-from-a-pipe"
    right = (folder / "same_with_right_sizes.wav").read_bytes()
    piped = [p.read_bytes() for p in folder.rglob("section_*.wav") if read_info(p).size_unknown]
    assert piped
    for content in piped:
        np.testing.assert_array_equal(decode(content, PATH, FORMAT), decode(right, PATH, FORMAT))


def test_the_published_gsm_recordings(shared: Path) -> None:
    infos = [read_info(p) for p in (shared / "reports" / "wav-gsm").rglob("*.wav")]
    assert "GSM610" in {info.subtype for info in infos}
    for path in (shared / "reports" / "wav-gsm").rglob("*.wav"):
        info = read_info(path)
        whole = decode(path.read_bytes(), path, AudioFormat())
        assert len(whole) == info.n_samples
        assert 0.001 < whole.std() < 1


def test_bytes_behind_the_samples_that_are_no_chunk() -> None:
    content = riff(FMT, (b"data", BODY))
    with pytest.raises(DataError, match=r"24,000 bytes after the 24,000 bytes of samples"):
        decode(with_size(content, len(BODY) // 2), PATH, FORMAT)
    assert len(decode(content, PATH, FORMAT)) == len(SAMPLES)


def test_a_second_data_chunk() -> None:
    with pytest.raises(DataError, match="2 data chunks"):
        decode(riff(FMT, (b"data", BODY), (b"LIST", b"abcd"), (b"data", BODY)), PATH, FORMAT)


@pytest.mark.parametrize(
    "rest",
    [
        (b"LIST", b"INFO"), (b"id3 ", b"odd"), (b"abcd", bytes(20)), (b"data", b""),
    ],
)  # fmt: skip
def test_chunks_behind_the_samples_are_left_alone(rest: tuple[bytes, bytes]) -> None:
    content = riff(FMT, (b"data", BODY), rest)
    assert len(decode(content, PATH, FORMAT)) == len(SAMPLES)


@pytest.mark.parametrize("rest", [b"TAG" + bytes(125), b"\0", b"LIST\xff\0\0\0cut"])
def test_tags_and_cut_texts_behind_the_samples_are_left_alone(rest: bytes) -> None:
    assert len(decode(riff(FMT, (b"data", BODY)) + rest, PATH, FORMAT)) == len(SAMPLES)


def test_samples_of_odd_length_with_and_without_the_byte_that_fills_them_up() -> None:
    body = bytes(range(1, 102))
    eight = (b"fmt ", pcm_format(bits=8))
    full = riff(eight, (b"data", body), (b"LIST", b"abcd"))
    position = full.index(b"LIST") - 1
    for content in (
        full,
        full[:position] + full[position + 1 :],
        riff(eight, (b"data", body))[:-1],
    ):
        assert check_wav(content, PATH).data_bytes == 101


def test_the_facts_of_a_header() -> None:
    header = read_header(riff(FMT, (b"data", BODY)))
    assert (header.form, header.tag, header.channels, header.sample_rate) == ("RIFF", 1, 1, 16000)
    assert (header.frame_bytes, header.bits, header.claimed) == (2, 16, len(BODY))
    assert (header.present, header.more_data, header.trailing) == (len(BODY), 0, 0)
    assert header.data_position == 44
    extensible = read_header(encode(tone(440.0), container="WAVEX", subtype="FLOAT"))
    assert extensible.tag == 3


def test_no_frames() -> None:
    for content in (riff(FMT, (b"data", b"")), riff(FMT, (b"data", b""), (b"LIST", b"abcd"))):
        with pytest.raises(DataError, match="0 frames"):
            decode(content, PATH, FORMAT)
