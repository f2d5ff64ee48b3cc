"""Every container and codec is read completely, or refused by name."""

import os
import stat
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asd_cli.audio import AudioFormat, reading
from asd_cli.audio.containers import Container, container_of
from asd_cli.audio.decoding import audio_info, decode, decode_part, read_file, read_info
from asd_cli.core.errors import DataError
from asd_cli.core.recordings import is_recording_name
from tests.support.recordings import encode, tone

FORMAT = AudioFormat(sample_rate=16000)
ANY = AudioFormat()
SAMPLES = tone(440.0, seconds=3.0, noise=0.01).astype(np.float32)

# Container, codec, and the largest error (root mean square) that the codec may make.
CODECS = [
    ("WAV", "PCM_16", 2e-5), ("WAV", "PCM_24", 1e-6), ("WAV", "PCM_32", 1e-6), ("WAV", "PCM_U8", 5e-3),
    ("WAV", "FLOAT", 0.0), ("WAV", "DOUBLE", 0.0), ("WAV", "ALAW", 1e-2), ("WAV", "ULAW", 1e-2),
    ("WAV", "MS_ADPCM", 2e-2), ("WAV", "IMA_ADPCM", 2e-2), ("WAV", "GSM610", 5e-2), ("WAV", "G721_32", 5e-2),
    ("WAVEX", "PCM_16", 2e-5), ("WAVEX", "PCM_24", 1e-6), ("WAVEX", "FLOAT", 0.0), ("RF64", "PCM_16", 2e-5),
    ("RF64", "FLOAT", 0.0), ("FLAC", "PCM_16", 2e-5), ("FLAC", "PCM_24", 1e-6), ("OGG", "VORBIS", 5e-2),
    ("OGG", "OPUS", 5e-2), ("MP3", "MPEG_LAYER_III", 5e-2), ("AIFF", "PCM_16", 2e-5), ("AIFF", "FLOAT", 0.0),
    ("AIFF", "ULAW", 1e-2), ("CAF", "PCM_16", 2e-5), ("CAF", "ALAC_16", 2e-5), ("W64", "PCM_16", 2e-5),
    ("W64", "FLOAT", 0.0), ("AU", "PCM_16", 2e-5), ("AU", "FLOAT", 0.0),
]  # fmt: skip
IDS = [f"{container}-{subtype}" for container, subtype, _ in CODECS]


@pytest.mark.parametrize(("container", "subtype", "error"), CODECS, ids=IDS)
def test_every_codec_is_read(tmp_path: Path, container: str, subtype: str, error: float) -> None:
    path = tmp_path / "clip"
    path.write_bytes(encode(SAMPLES, container=container, subtype=subtype))
    found = decode(read_file(path), path, FORMAT)
    assert found.dtype == np.float32
    assert len(SAMPLES) <= len(found) < len(SAMPLES) + 1000  # a last block that is filled up
    assert np.sqrt(np.mean((found[: len(SAMPLES)] - SAMPLES) ** 2)) <= error
    info = read_info(path)
    assert info == audio_info(read_file(path), path)
    assert (info.sample_rate, info.channels, info.n_samples) == (16000, 1, len(found))
    assert info.subtype == subtype
    assert info.container == {"WAVEX": "WAV", "RF64": "WAV"}.get(container, container)
    assert info.duration == len(found) / 16000


@pytest.mark.parametrize(("container", "subtype", "error"), CODECS, ids=IDS)
def test_a_part_is_what_the_whole_has_there(
    tmp_path: Path, container: str, subtype: str, error: float
) -> None:
    path = tmp_path / "clip"
    path.write_bytes(encode(SAMPLES, container=container, subtype=subtype))
    whole = decode(read_file(path), path, FORMAT)
    part = decode_part(path, FORMAT, start=1.00003, duration=0.5)
    assert len(part) == 8000
    np.testing.assert_array_equal(part, whole[16000:24000])
    np.testing.assert_array_equal(decode_part(path, FORMAT, start=2.5), whole[40000:])


@pytest.mark.parametrize(("container", "subtype", "error"), CODECS, ids=IDS)
@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_a_cut_recording_is_refused_by_name(
    tmp_path: Path, container: str, subtype: str, error: float, kept: float
) -> None:
    content = encode(SAMPLES, container=container, subtype=subtype)
    path = tmp_path / "clip"
    path.write_bytes(content[: int(kept * len(content))])
    with pytest.raises(DataError, match="is cut short|cannot be decoded") as caught:
        decode(read_file(path), path, FORMAT)
    assert str(path) in caught.value.message
    with pytest.raises(DataError, match="is cut short|cannot be decoded"):
        decode_part(path, FORMAT)


@pytest.mark.parametrize(("container", "subtype", "error"), CODECS, ids=IDS)
def test_damage_never_ends_in_another_error(container: str, subtype: str, error: float) -> None:
    content = encode(SAMPLES[:8000], container=container, subtype=subtype)
    generator = np.random.default_rng(0)
    for _ in range(40):
        damaged = np.frombuffer(content, np.uint8).copy()
        places = generator.integers(0, min(len(damaged), 200), 3)
        damaged[places] = generator.integers(0, 256, 3)
        try:
            decode(damaged.tobytes(), Path("clip"), AudioFormat(channel=0))
        except DataError as error_found:
            assert "clip" in error_found.message


def test_big_endian_wav() -> None:
    content = encode(SAMPLES, subtype="PCM_16", endian="BIG")
    assert content.startswith(b"RIFX")
    assert np.abs(decode(content, Path("x.wav"), FORMAT) - SAMPLES).max() < 4e-5


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really_flac.WAV"
    path.write_bytes(encode(SAMPLES, container="FLAC", subtype="PCM_16"))
    assert read_info(path).container == "FLAC"
    assert np.abs(decode_part(path, FORMAT) - SAMPLES).max() < 4e-5


def test_names_that_are_not_utf_8_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"daten\xff.flac")
    path.write_bytes(encode(SAMPLES, container="FLAC", subtype="PCM_16"))
    assert len(decode_part(path, FORMAT, start=1.0)) == 32000


def test_endings_of_names_in_any_case() -> None:
    assert all(is_recording_name(Path(f"a{s}")) for s in (".wav", ".WAV", ".Flac", ".aif", ".OPUS"))
    assert not any(is_recording_name(Path(f"a{s}")) for s in ("", ".txt", "wav"))


def test_an_mp3_behind_a_tag_is_an_mp3() -> None:
    tag = b"ID3\x04\0\0" + bytes([0, 0, 1, 0]) + bytes(128)
    content = tag + encode(SAMPLES, container="MP3")
    assert container_of(content) is Container.MP3
    assert len(decode(content, Path("x.mp3"), FORMAT)) == len(SAMPLES)
    with pytest.raises(DataError, match="cut short"):
        decode(content[:-2000], Path("x.mp3"), FORMAT)
    assert container_of(tag + b"fLaC") is Container.FLAC


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\0\0\0\x20ftypM4A ", Container.MP4), (b"\xff\xf1\x50\x80", Container.AAC),
        (b"\x1a\x45\xdf\xa3", Container.MATROSKA), (b"RIFF\0\0\0\0AVI ", None), (b"\xff\xff\xff\xff", None),
        (b"\xff\xfb\x90\x00", Container.MP3), (b"PK\x03\x04", None), (b"\xff", None),
    ],
)  # fmt: skip
def test_containers_by_their_first_bytes(head: bytes, container: Container | None) -> None:
    assert container_of(head) is container


def fake_ffmpeg(folder: Path, program: str) -> None:
    path = folder / "ffmpeg"
    path.write_text(f"#!{sys.executable}\n{program}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


M4A = b"\0\0\0\x20ftypM4A " + bytes(100)


def test_without_ffmpeg_it_says_how_to_convert(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/none")
    with pytest.raises(DataError, match=r"a\.m4a is MP4 .* there is no ffmpeg") as caught:
        decode(M4A, Path("a.m4a"), FORMAT)
    assert "ffmpeg -i 'a.m4a' 'a.wav'" in str(caught.value.hint)


def test_other_containers_go_through_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wav = bytearray(encode(SAMPLES, subtype="FLOAT"))
    position = wav.index(b"data")
    wav[position + 4 : position + 8] = struct.pack("<I", 0xFFFFFFFF)
    (tmp_path / "out.wav").write_bytes(wav)
    fake_ffmpeg(
        tmp_path,
        "import pathlib, sys\n"
        "given = pathlib.Path(sys.argv[sys.argv.index('-i') + 1].removeprefix('file:'))\n"
        f"assert given.read_bytes() == {M4A!r}\n"
        f"sys.stdout.buffer.write(pathlib.Path({str(tmp_path / 'out.wav')!r}).read_bytes())\n",
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    path = tmp_path / "a.m4a"
    path.write_bytes(M4A)
    np.testing.assert_array_equal(decode(M4A, path, FORMAT), SAMPLES)
    np.testing.assert_array_equal(decode_part(path, FORMAT, start=1.0), SAMPLES[16000:])
    assert read_info(path).container == "ffmpeg"
    assert not read_info(path).size_unknown


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('moov atom not found')", "ffmpeg says: moov atom not found"),
        ("", "ffmpeg says: exit status 0"),
        ("print('RIFF....WAVE')", "data chunk is missing"),
    ],
)
def test_what_ffmpeg_cannot_decode_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    fake_ffmpeg(tmp_path, program)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=words):
        decode(M4A, Path("a.m4a"), FORMAT)


def test_the_length_of_an_mp3_without_one_is_not_promised() -> None:
    content = encode(SAMPLES, container="MP3")
    first = content.index(b"Xing") if b"Xing" in content else content.index(b"Info")
    hidden = content[:first] + b"\0\0\0\0" + content[first + 4 :]
    assert len(decode(hidden, Path("x.mp3"), FORMAT)) > 0


def test_soundfile_is_the_reference_for_lossy_codecs(tmp_path: Path) -> None:
    for container in ("MP3", "OGG"):
        path = tmp_path / "clip"
        path.write_bytes(encode(SAMPLES, container=container))
        with soundfile.SoundFile(path) as sound:
            expected = sound.read(dtype="float32")
        np.testing.assert_array_equal(decode(read_file(path), path, ANY), expected)


@pytest.mark.parametrize("container", ["FLAC", "MP3", "OGG"])
def test_blocks_make_no_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, container: str
) -> None:
    content = encode(SAMPLES, container=container)
    whole = decode(content, Path("x"), FORMAT)
    monkeypatch.setattr(reading, "_BLOCK", 1000)
    np.testing.assert_array_equal(decode(content, Path("x"), FORMAT), whole)


@pytest.mark.parametrize("container", ["FLAC", "RF64"])
def test_other_containers_from_a_pipe(tmp_path: Path, container: str) -> None:
    right = encode(SAMPLES, container=container, subtype="PCM_16")
    piped = bytearray(right)
    if container == "FLAC":  # 36 bits: the number of samples
        piped[21] &= 0xF0
        piped[22:26] = bytes(4)
    else:  # 64 bits: the bytes of samples
        begin = piped.index(b"ds64") + 16
        piped[begin : begin + 8] = bytes(8)
    path = tmp_path / "clip"
    path.write_bytes(piped)
    assert read_info(path).n_samples == len(SAMPLES)
    assert read_info(path).size_unknown
    whole = decode(right, path, FORMAT)
    np.testing.assert_array_equal(decode(bytes(piped), path, FORMAT), whole)
    np.testing.assert_array_equal(decode_part(path, FORMAT, start=1.0), whole[16000:])
