"""Bytes of an open file, by slices, also where the file changes meanwhile."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio import content as content_module
from asd_cli.audio.content import FileContent
from asd_cli.audio.decoding import decode_part
from asd_cli.audio.formats import AudioFormat
from asd_cli.core.errors import DataError
from tests.support.recordings import tone, write_wav


@contextmanager
def opened(path: Path) -> Iterator[FileContent]:
    with path.open("rb") as file:
        yield FileContent(file.fileno(), path)


def test_slices_are_those_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(bytes(range(100)))
    with opened(path) as content:
        for asked in (slice(0, 4), slice(90, 200), slice(-10, None), slice(7, 3), slice(None)):
            assert content[asked] == bytes(range(100))[asked]
        assert bytes(content) == bytes(range(100))


@pytest.mark.parametrize("window", [4, 5, 7, 64])
def test_the_last_place_is_that_of_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(content_module, "_WINDOW", window)
    generator = np.random.default_rng(3)
    for number in range(200):
        text = bytes(generator.choice([65, 66], size=generator.integers(0, 40)).astype(np.uint8))
        pattern = bytes(generator.choice([65, 66], size=3).astype(np.uint8))
        path = tmp_path / str(number)
        path.write_bytes(text)
        with opened(path) as content:
            assert content.rfind(pattern) == text.rfind(pattern)
            assert content.rfind(pattern, 2, 20) == text.rfind(pattern, 2, 20)


def test_a_recording_that_another_program_cuts_meanwhile_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_wav(tmp_path / "x.wav", tone(440.0, seconds=2.0))
    known, pread = path.stat().st_size, os.pread

    def cut_first(descriptor: int, size: int, position: int) -> bytes:
        if position > 1000:
            os.truncate(path, known // 4)
        return pread(descriptor, size, position)

    monkeypatch.setattr(os, "pread", cut_first)
    with pytest.raises(DataError, match="became shorter while it was read"):
        decode_part(path, AudioFormat(), start=1.0, duration=0.5)
