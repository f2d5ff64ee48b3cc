"""Sound as it arrives: clips and their times, formats, dropped sound, broken streams."""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asd_cli.core.errors import DataError, UsageError
from asd_cli.core.events import SILENT
from asd_cli.pipeline.monitoring.listening import ClipQueue, Cut, Cutter
from asd_cli.pipeline.monitoring.pcm import Encoding, PcmFormat, read_wav_head, to_samples
from asd_cli.pipeline.monitoring.setup import MonitoringRequest
from asd_cli.pipeline.monitoring.sources import Block, FfmpegSource, StdinSource
from asd_cli.services.listen import ListenRequest
from tests.support import monitored

RAW = PcmFormat(sample_rate=8000)


def cuts(cutter: Cutter, content: bytes, sizes: list[int], now: float = 1000.0) -> list[Cut]:
    """Push bytes in blocks of some sizes, as fast as they were recorded."""
    found: list[Cut] = []
    at = number = 0
    while at < len(content):
        part = content[at : at + sizes[number % len(sizes)]]
        at += len(part)
        found += cutter.push(Block(part, RAW, new=number == 0), now + at / 16000)
        number += 1
    return found


def test_clips_are_cut_at_exact_times_whatever_the_blocks_are() -> None:
    content = np.arange(8000 * 7, dtype="<i2").tobytes()
    found = cuts(Cutter(1.0, 0.7, live=False), content, [3000, 1702, 10])
    assert [round(cut.begin - found[0].begin, 9) for cut in found] == [
        round(0.7 * n, 9) for n in range(9)
    ]
    for number, cut in enumerate(found):
        start = round(number * 0.7 * 8000) * 2
        assert cut.content == content[start : start + 16000]


def test_sound_between_clips_that_are_far_apart_is_left_out() -> None:
    content = np.arange(8000 * 7, dtype="<i2").tobytes()
    found = cuts(Cutter(1.0, 2.5, live=False), content, [1000])
    assert [cut.content[:2] for cut in found] == [
        content[n * 40000 : n * 40000 + 2] for n in range(3)
    ]


def test_a_gap_begins_a_new_clip_and_the_clock_of_a_card_is_set_again() -> None:
    cutter = Cutter(1.0, 1.0, live=True)
    half = bytes(8000)
    assert list(cutter.push(Block(half, RAW, new=True), 100.5)) == []
    assert list(cutter.push(Block(half, RAW, new=True), 200.5)) == []
    (cut,) = cutter.push(Block(half, RAW), 201.0)
    assert cut.begin == pytest.approx(200.0)
    list(cutter.push(Block(half, RAW), 301.5))
    (late,) = cutter.push(Block(half, RAW), 302.0)
    assert late.begin == pytest.approx(301.0)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_wav_streams_of_all_kinds(subtype: str, form: str) -> None:
    content = io.BytesIO()
    wave = np.random.default_rng(0).uniform(-0.5, 0.5, (1000, 2))
    soundfile.write(content, wave, 8000, subtype=subtype, format=form)
    content.seek(0)
    found = read_wav_head(content)
    assert (found.sample_rate, found.channels) == (8000, 2)
    samples = to_samples(content.read(1000 * found.frame_bytes), found, "mean")
    assert samples == pytest.approx(wave.mean(axis=1), abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"RIFFxxxxWAVE", b"RIFFxxxxWAVEdata\0\0\0\0", b"x" * 100])
def test_what_is_no_wav_stream_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="WAV"):
        read_wav_head(io.BytesIO(content))


def test_one_channel_of_raw_samples() -> None:
    content = np.array([[1, 2], [3, 4]], "<i2").tobytes()
    of = PcmFormat(sample_rate=8000, channels=2, encoding=Encoding.S16)
    assert to_samples(content, of, 1).tolist() == [2, 4]


class Burst:
    """A source that gives much at once."""

    name = "burst"

    def __init__(self, *, live: bool) -> None:
        self.live = live

    def blocks(self) -> Iterator[Block]:
        for number in range(10):
            yield Block(np.full(8000, number, "<i2").tobytes(), RAW, new=number == 0)

    def close(self) -> None:
        """Do nothing."""


def taken(clips: ClipQueue) -> list[int]:
    found: list[int] = []
    while True:
        try:
            cut = clips.get(1.0)
        except EOFError:
            return found
        if cut is not None:
            found.append(int(np.frombuffer(cut.content, "<i2")[0]))


def test_the_oldest_clips_are_dropped_and_counted_or_the_writer_waits() -> None:
    clips = ClipQueue(Burst(live=True), Cutter(1.0, 1.0, live=False), backlog=3)
    time.sleep(0.3)
    kept = taken(clips)
    assert kept[-1] == 9
    assert len(kept) + clips.dropped() == 10
    assert clips.dropped() == 0
    assert taken(ClipQueue(Burst(live=False), Cutter(1.0, 1.0, live=False), 3)) == list(range(10))


def test_an_error_of_the_source_is_raised_where_clips_are_taken() -> None:
    clips = ClipQueue(StdinSource(io.BytesIO(b"no"), None), Cutter(1.0, 1.0, live=False), 3)
    with pytest.raises(DataError, match="no WAV"):
        clips.get(2.0)


def test_a_stream_that_ends_or_is_silent_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg: apt-get install ffmpeg")
    monkeypatch.setattr("asd_cli.pipeline.monitoring.sources._FIRST_WAIT", 0.05)
    path = monitored.write(tmp_path / "a.wav", 1, seconds=2)
    source = FfmpegSource(("-i", str(path)), "file", SILENT)
    found = source.blocks()
    begins = 0
    for block in found:
        begins += block.new
        if begins == 3:
            break
    source.close()
    assert begins == 3
    # Nothing comes from a fifo that nobody writes to.
    os.mkfifo(tmp_path / "nothing")
    silent = FfmpegSource(
        ("-f", "s16le", "-i", str(tmp_path / "nothing")), "fifo", SILENT, no_data_seconds=0.5
    )
    clips = ClipQueue(silent, Cutter(1.0, 1.0, live=True), 3)
    time.sleep(2.5)
    assert silent._process is None or silent._process.poll() is None
    silent.close()
    assert clips.get(0.0) is None


@pytest.mark.parametrize("url", ["-i", "camera", "rtsp:///stream"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"no address|no ffmpeg"):
        FfmpegSource.of_url(url, SILENT)


def test_a_password_in_an_address_is_not_in_its_name() -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg: apt-get install ffmpeg")
    assert FfmpegSource.of_url("rtsp://me:secret@camera/s", SILENT).name == "rtsp://camera/s"


def test_exactly_one_source_is_needed(tmp_path: Path) -> None:
    asked = MonitoringRequest(machine="pump", settings=monitored.settings(tmp_path))
    with pytest.raises(UsageError, match="once"):
        ListenRequest(monitoring=asked)
    with pytest.raises(UsageError, match="once"):
        ListenRequest(monitoring=asked, stdin=True, url="rtsp://x/y")


def test_stdin_is_listened_to_and_rings(place: Path) -> None:
    wave = np.concatenate([monitored.sound(1, seconds=6), monitored.sound(2, seconds=10, loud=4)])
    raw = (wave * 32767).astype("<i2").tobytes()
    command = [sys.executable, "-m", "asd_cli", "listen", "--stdin", "--rate", "8000", "--machine", "pump",
               "--false-alarms", "1/hour", "--set", f"model_directory={place / 'model'}",
               "--set", f"result_directory={place / 'result'}", "--no-drop", "--quiet"]  # fmt: skip
    done = subprocess.run(command, input=raw, capture_output=True, check=False, cwd=place)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["state"] for row in rows[:6]] == ["normal"] * 6
    assert rows[-1]["state"] == "alarm"
    times = [np.datetime64(row["time"][:-6]) for row in rows]
    assert set(np.diff(times).astype(int)) <= {999, 1000, 1001}
