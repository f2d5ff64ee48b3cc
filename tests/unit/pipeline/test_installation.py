"""What is wrong with an installation comes first, with what to do."""

from collections.abc import Mapping
from typing import Any

import pytest

from asd_cli.pipeline.installation import judge

WELL: Mapping[str, Mapping[str, Any]] = {
    "versions": {"asd": "1", "python": "3.11", "numpy": "2", "torch": "2.10"},
    "torch": {"available": True, "threads": 2, "cuda": None, "mps": False},
    "system": {"cores": 2, "memory_gib": 8.0},
    "audio": {
        "libsndfile": "1.2",
        "formats": ["FLAC", "MP3", "OGG", "WAV"],
        "ffmpeg": "/bin/ffmpeg",
    },
    "disk": {"free_gib": 50.0, "writable": True},
}


def with_fact(topic: str, name: str, value: object) -> dict[str, Mapping[str, Any]]:
    return {**WELL, topic: {**WELL[topic], name: value}}


def test_nothing_is_wrong_with_a_good_one() -> None:
    findings = judge(WELL)
    assert len(findings) >= 6
    assert all(finding.ok and not finding.advice for finding in findings)


@pytest.mark.parametrize(
    ("topic", "name", "value", "words", "advice"),
    [
        ("torch", "available", False, "torch cannot be loaded", "pip install"),
        ("torch", "threads", 8, "8 threads, and 2 core(s)", "OMP_NUM_THREADS=2"),
        ("audio", "formats", ["WAV", "FLAC"], "cannot read OGG, MP3", "soundfile"),
        ("audio", "ffmpeg", None, "no ffmpeg", "apt install ffmpeg"),
        ("disk", "free_gib", 1.0, "1 GiB of disk", "30 GiB"),
        ("disk", "writable", False, "cannot be written", "one of your own"),
        ("system", "memory_gib", 1.0, "1 GiB of memory", "--jobs 1"),
    ],
)
def test_each_thing_that_is_wrong_is_said_first_with_what_to_do(
    topic: str, name: str, value: object, words: str, advice: str
) -> None:
    first, *others = judge(with_fact(topic, name, value))
    assert not first.ok
    assert words in first.text
    assert advice in first.advice
    assert all(finding.ok for finding in others)
