from pathlib import Path

import numpy as np
import pytest

from asd_cli.audio import AudioFormat, AudioInfo
from asd_cli.audio.decoding import decode_unresampled, read_file
from asd_cli.audio.quality import SuspicionKind, suspicions
from tests.support.recordings import tone, write_wav

RATE = 16000
NORMAL = tone(440.0, seconds=3.0)


def look(tmp_path: Path, samples: np.ndarray, subtype: str = "PCM_16") -> dict[str, str]:
    path = write_wav(tmp_path / "x.wav", samples, subtype=subtype)
    decoded, info = decode_unresampled(read_file(path), path, AudioFormat())
    return {found.kind: found.text for found in suspicions(decoded, info.sample_rate, info)}


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_an_ordinary_recording_is_not_suspicious(tmp_path: Path, subtype: str) -> None:
    assert look(tmp_path, NORMAL, subtype) == {}
    assert look(tmp_path, 0.001 * NORMAL, subtype) == {}
    # One loud event that reaches full scale once.
    loud = NORMAL.copy()
    loud[100:104] = 1.0
    assert look(tmp_path, loud, subtype) == {}


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_silence_constants_and_stretches_of_them(tmp_path: Path, subtype: str) -> None:
    assert look(tmp_path, 0 * NORMAL, subtype) == {"silent": "all samples are zero"}
    assert look(tmp_path, 0 * NORMAL + 0.25, subtype) == {
        "constant": "all samples have the value 0.25 of full scale"
    }
    gap = NORMAL.copy()
    gap[RATE : 2 * RATE] = 0.0
    assert look(tmp_path, gap, subtype) == {
        "dropout": "digital silence for 1.00 s in all, first at 1.00 s"
    }
    gap[RATE : 2 * RATE] = 0.125
    assert "one repeated sample for 1.00 s" in look(tmp_path, gap, subtype)["frozen"]
    gap = NORMAL.copy()
    gap[RATE : RATE + 4000] = 0.0
    assert look(tmp_path, gap, subtype) == {}


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "PCM_U8"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_clipping_at_either_end(tmp_path: Path, subtype: str, sign: float) -> None:
    hard = np.clip(4.0 * NORMAL, -0.5 if sign > 0 else -1.0, 1.0 if sign > 0 else 0.5)
    found = look(tmp_path, hard, subtype)
    assert "runs of samples at full scale" in found["clipped"]
    assert "clipped" not in look(tmp_path, 0.9 * np.clip(NORMAL, -1, 1), subtype)


def test_float_samples_beyond_full_scale(tmp_path: Path) -> None:
    found = look(tmp_path, NORMAL * (4.0 / np.abs(NORMAL).max()), "FLOAT")
    assert found == {"beyond-full-scale": "float samples reach 4 times full scale"}


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_an_offset(tmp_path: Path, subtype: str) -> None:
    assert "the mean is 0.200 of full scale" in look(tmp_path, NORMAL + 0.2, subtype)["dc-offset"]
    assert look(tmp_path, NORMAL + 0.005, subtype) == {}
    assert "dc-offset" in look(tmp_path, 0.05 * NORMAL + 0.02, subtype)


@pytest.mark.parametrize("subtype", ["PCM_U8", "ALAW", "ULAW", "MS_ADPCM", "GSM610"])
def test_coarse_codes(tmp_path: Path, subtype: str) -> None:
    assert set(look(tmp_path, NORMAL, subtype)) == {"coarse-coding"}


def test_a_header_without_a_length() -> None:
    info = AudioInfo(
        container="WAV", subtype="PCM_16", sample_rate=RATE, channels=1, n_samples=48000,
        size_unknown=True,
    )  # fmt: skip
    samples = (NORMAL * 32767).astype(np.int16)
    (found,) = suspicions(samples, RATE, info)
    assert found.kind is SuspicionKind.NO_LENGTH
    assert "the header gives no length" in found.text
