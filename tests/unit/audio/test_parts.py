"""Parts of recordings, channels and rates."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asd_cli.audio import AudioFormat
from asd_cli.audio.decoding import decode, decode_part, read_file, read_info
from asd_cli.core.errors import DataError, UsageError
from tests.support.recordings import encode, pcm_format, tone, write_wav

FORMAT = AudioFormat(sample_rate=16000)
HOURS = 6


def sparse_recording(path: Path, *, seconds: float, bits: int) -> Path:
    """A recording of zeros, which takes no place on the disk, with ten samples at `seconds`."""
    size = HOURS * 3600 * 16000 * bits // 8
    header = b"RIFF" + (size + 36).to_bytes(4, "little") + b"WAVEfmt \x10\0\0\0"
    header += pcm_format(bits=bits) + b"data" + size.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(header)
        file.seek(44 + int(seconds * 16000) * bits // 8)
        file.write(b"\x40" * (10 * bits // 8))
        file.truncate(44 + size)
    return path


@pytest.mark.parametrize("bits", [16, 24])
def test_a_part_of_hours_is_read_alone(tmp_path: Path, bits: int) -> None:
    path = sparse_recording(tmp_path / "long.wav", seconds=15000.0, bits=bits)
    tracemalloc.start()
    part = decode_part(path, FORMAT, start=14999.0, duration=2.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000  # the file has 0.7 GB or more
    assert len(part) == 32000
    assert (np.flatnonzero(part) == np.arange(16000, 16010)).all()
    assert read_info(path).duration == HOURS * 3600


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
def test_parts_put_together_are_the_whole(tmp_path: Path, container: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(encode(tone(440.0, seconds=2.0), container=container, subtype="PCM_16"))
    parts = [decode_part(path, FORMAT, start=0.1 * i, duration=0.1) for i in range(20)]
    assert {len(part) for part in parts} == {1600}
    np.testing.assert_array_equal(np.concatenate(parts), decode(read_file(path), path, FORMAT))


def test_positions_are_rounded_in_the_rate_of_the_file(tmp_path: Path) -> None:
    samples = tone(440.0, seconds=2.0)
    path = write_wav(tmp_path / "x.wav", samples, rate=44100)
    own = decode(read_file(path), path, AudioFormat())
    part = decode_part(path, AudioFormat(), start=0.10001, duration=0.20001)
    np.testing.assert_array_equal(part, own[4410 : 4410 + 8820])
    resampled = decode_part(path, AudioFormat(sample_rate=16000, resample=True), duration=0.5)
    assert len(resampled) == 8000


def test_a_part_may_pass_the_end_by_the_sample_that_rounding_costs(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0)[:16001])
    assert len(decode_part(path, FORMAT, start=0.5, duration=16002 / 16000 - 0.5)) == 8001
    with pytest.raises(DataError, match=r"has 1\.00006 s, and the part from 0\.5 s to 1\.1 s"):
        decode_part(path, FORMAT, start=0.5, duration=0.6)
    with pytest.raises(DataError, match="from 2 s to its end"):
        decode_part(path, FORMAT, start=2.0)


@pytest.mark.parametrize(
    ("start", "duration"), [(-1.0, None), (0.0, 0.0), (0.0, -1.0), (float("nan"), 1.0)]
)
def test_what_is_no_part(tmp_path: Path, start: float, duration: float | None) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0))
    with pytest.raises(UsageError, match="is no part"):
        decode_part(path, FORMAT, start=start, duration=duration)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    for name, words in (("none", "No such file"), (".", "not a regular"), ("empty.wav", "0 bytes")):
        for read in (lambda p: decode_part(p, FORMAT), read_info):
            with pytest.raises(DataError, match=words):
                read(tmp_path / name)


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_the_mean_of_channels(tmp_path: Path, subtype: str) -> None:
    both = np.stack([tone(440.0), tone(880.0)], axis=1)
    path = write_wav(tmp_path / "x.wav", both, subtype=subtype)
    mean = decode(read_file(path), path, AudioFormat(channel="mean"))
    assert mean.dtype == np.float32
    assert np.abs(mean - both.mean(axis=1)).max() < 4e-5
    np.testing.assert_array_equal(
        decode_part(path, AudioFormat(channel="mean"), start=0.5), mean[8000:]
    )
    mono = write_wav(tmp_path / "mono.wav", both[:, 0], subtype=subtype)
    for channel in ("mean", 0, None):
        assert len(decode(read_file(mono), mono, AudioFormat(channel=channel))) == len(both)


@pytest.mark.parametrize("channels", [2, 3, 7, 8, 11])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_the_mean_of_channels_has_the_bits_of_numpys(
    tmp_path: Path, channels: int, subtype: str
) -> None:
    sound = np.random.default_rng(channels).uniform(-1, 1, (3000, channels))
    path = write_wav(tmp_path / "x.wav", sound, subtype=subtype)
    written, _ = soundfile.read(path, dtype="float32", always_2d=True)
    mean = decode(read_file(path), path, AudioFormat(channel="mean"))
    expected = written.mean(axis=1, dtype=np.float32)
    np.testing.assert_array_equal(mean, expected)


def test_the_rate_of_the_file_is_kept_when_none_is_asked_for(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0), rate=44100)
    assert len(decode(read_file(path), path, AudioFormat())) == len(tone(440.0))
