import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asd_cli.audio import AudioFormat
from asd_cli.audio.decoding import audio_info, decode, read_file
from asd_cli.audio.reading import Span, _plain_pcm16, check_recording
from asd_cli.audio.wav import check_wav
from asd_cli.core.errors import DataError
from tests.support.recordings import tone, write_wav

FORMAT = AudioFormat(sample_rate=16000)


def read(path: Path, audio_format: AudioFormat = FORMAT) -> np.ndarray:
    return decode(read_file(path), path, audio_format)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "PCM_U8"])
def test_sample_formats_read_as_what_was_written(tmp_path: Path, subtype: str) -> None:
    samples = tone(440.0)
    path = write_wav(tmp_path / "x.wav", samples, subtype=subtype)
    assert np.abs(read(path) - samples).max() < (0.01 if subtype == "PCM_U8" else 4e-5)
    assert audio_info(read_file(path), path).subtype == subtype


@pytest.mark.parametrize("container", ["WAVEX", "RF64"])
def test_extended_containers_are_read(tmp_path: Path, container: str) -> None:
    samples = tone(440.0)
    path = tmp_path / "x.wav"
    soundfile.write(path, samples, 16000, subtype="PCM_16", format=container)
    assert np.abs(read(path) - samples).max() < 4e-5


def test_sixteen_bits_are_scaled_as_libsndfile_does(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0))
    expected, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_array_equal(read(path), expected)


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("chunk", [b"", b"LIST\x04\0\0\0abcd", b"junk\x03\0\0\0abc\0"])
def test_sixteen_bits_are_read_as_libsndfile_reads_them(
    tmp_path: Path, channels: int, chunk: bytes
) -> None:
    samples = np.stack([tone(440.0, seed=seed) for seed in range(channels)], axis=1)
    content = write_wav(tmp_path / "x.wav", samples).read_bytes()
    content = content[:36] + chunk + content[36:] + chunk
    expected, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    found = _plain_pcm16(check_recording(content, tmp_path), Span())
    assert found is not None
    assert found[1].sample_rate == rate
    np.testing.assert_array_equal(found[0], expected)


@pytest.mark.parametrize(
    ("offset", "damage"),
    [(20, b"\x03\0"), (22, b"\0\0"), (24, bytes(4)), (32, b"\x04\0"), (34, b"\x18\0")],
    ids=["float", "no channels", "no rate", "frame size", "24 bits"],
)
def test_a_header_that_is_not_plain_is_left_to_libsndfile(
    tmp_path: Path, offset: int, damage: bytes
) -> None:
    content = bytearray(write_wav(tmp_path / "x.wav", tone(440.0)).read_bytes())
    content[offset : offset + len(damage)] = damage
    assert _plain_pcm16(check_recording(bytes(content), tmp_path), Span()) is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 bytes"),
        (b"<!DOCTYPE html><html>Not found</html>", "is not a recording: it begins with '<!DOCTYPE"),
        (b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(16), "data chunk is missing"),
        (b"RIFF\x24\0\0\0WAVEdata\0\0\0\0", "0 frames"),
        (b"RF64\xff\xff\xff\xffWAVEds64\x04\0\0\0abcd", "damaged header"),
    ],
)
def test_what_is_no_recording_is_named(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read(path)
    assert str(path) in caught.value.message


def test_a_cut_file_is_refused_although_libraries_read_it(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0))
    path.write_bytes(path.read_bytes()[:-1000])
    assert len(soundfile.read(path)[0]) > 0
    with pytest.raises(DataError, match=r"cut short: its header promises 48,000 bytes .* 47,000"):
        read(path)


def test_a_cut_rf64_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, tone(440.0), 16000, subtype="PCM_16", format="RF64")
    content = bytearray(path.read_bytes())
    position = content.index(b"data")
    assert struct.unpack_from("<I", content, position + 4)[0] in {0xFFFFFFFF, 48000}
    with pytest.raises(DataError, match="cut short"):
        check_wav(bytes(content[:-2]), path)


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0))
    content = bytearray(path.read_bytes())
    content[20:24] = b"\x99\x77\x00\x00"  # an unknown codec with 0 channels
    path.write_bytes(content)
    with pytest.raises(DataError, match="cannot be decoded"):
        read(path)
    with pytest.raises(DataError, match="cannot be decoded"):
        audio_info(bytes(content), path)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    samples = tone(440.0)
    samples[100] = value
    path = write_wav(tmp_path / "x.wav", samples, subtype="FLOAT")
    with pytest.raises(DataError, match="NaN or infinite"):
        read(path)


def test_fifos_folders_and_forbidden_files_are_refused(tmp_path: Path) -> None:
    fifo, folder = tmp_path / "fifo.wav", tmp_path / "folder.wav"
    os.mkfifo(fifo)
    folder.mkdir()
    for path in (fifo, folder):
        with pytest.raises(DataError, match="not a regular file"):
            read_file(path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.wav")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0))
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        read_file(path)


def test_another_rate_needs_a_word(tmp_path: Path) -> None:
    samples = tone(440.0, noise=0.0)
    path = write_wav(tmp_path / "x.wav", samples, rate=44100)
    with pytest.raises(DataError, match="44100 Hz and 16000 Hz") as caught:
        read(path)
    assert "--resample" in str(caught.value.hint)
    resampled = read(path, AudioFormat(sample_rate=16000, resample=True))
    assert len(resampled) == pytest.approx(len(samples) * 16000 / 44100, abs=2)


def test_several_channels_need_a_choice(tmp_path: Path) -> None:
    both = np.stack([tone(440.0), tone(880.0)], axis=1)
    path = write_wav(tmp_path / "x.wav", both)
    with pytest.raises(DataError, match="2 channels and one") as caught:
        read(path)
    assert "--channel 0" in str(caught.value.hint)
    chosen = read(path, AudioFormat(sample_rate=16000, channel=1))
    assert np.abs(chosen - both[:, 1]).max() < 4e-5
    with pytest.raises(DataError, match="has 2 channels and channel 2"):
        read(path, AudioFormat(sample_rate=16000, channel=2))


def test_the_published_eight_channel_recording(shared: Path) -> None:
    path = shared / "recordings" / "raw" / "mimii_fan_8ch.wav"
    assert audio_info(read_file(path), path).channels == 8
    assert len(read(path, AudioFormat(sample_rate=16000, channel=7))) == 160000
