"""Small recordings in the layout of DCASE 2021, for tests."""

import io
import struct
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from asd_cli.core.types import Domain, Label, Split
from asd_cli.datasets.dcase.names import format_clip_name

SAMPLE_RATE = 16000
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def tone(
    frequency: float, *, seconds: float = 1.5, seed: int = 0, noise: float = 0.05
) -> npt.NDArray[np.float64]:
    """A tone in noise, full scale 1."""
    generator = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return 0.3 * np.sin(2 * np.pi * frequency * time) + noise * generator.standard_normal(len(time))


def write_wav(
    path: Path,
    samples: npt.NDArray[np.floating],
    *,
    rate: int = SAMPLE_RATE,
    subtype: str = "PCM_16",
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()  # soundfile cannot open names that are not UTF-8
    soundfile.write(content, samples, rate, subtype=subtype, format="WAV")
    path.write_bytes(content.getvalue())
    return path


def write_machine(
    root: Path,
    machine: str = "fan",
    *,
    sections: tuple[str, ...] = ("00", "01"),
    train: int = 6,
    test: int = 3,
    seconds: float = 1.5,
    labels: bool = True,
) -> Path:
    """Write a machine whose sections hum at different pitches and whose faults whistle."""
    seed = 0
    for section in sections:
        pitch = 400.0 + 600.0 * int(section)
        for domain in Domain:
            shift = 1.0 if domain is Domain.SOURCE else 1.1
            for number in range(train if domain is Domain.SOURCE else 2):
                seed += 1
                name = format_clip_name(
                    section=section, domain=domain, split=Split.TRAIN, label=Label.NORMAL,
                    number=number, attributes="speed_1",
                )  # fmt: skip
                samples = tone(pitch * shift, seconds=seconds, seed=seed)
                write_wav(root / machine / "train" / name, samples)
            for label in Label:
                for number in range(test):
                    seed += 1
                    name = format_clip_name(
                        section=section, domain=domain, split=Split.TEST,
                        label=label if labels else None,
                        number=number + (test if not labels and label is Label.ANOMALY else 0),
                    )  # fmt: skip
                    samples = tone(pitch * shift, seconds=seconds, seed=seed)
                    if label is Label.ANOMALY:
                        samples += tone(3100.0, seconds=seconds, seed=seed, noise=0.0)
                    write_wav(root / machine / f"{domain}_test" / name, 0.5 * samples)
    return root / machine


def encode(
    samples: npt.NDArray[np.floating],
    *,
    container: str = "WAV",
    subtype: str | None = None,
    rate: int = SAMPLE_RATE,
    endian: str | None = None,
) -> bytes:
    """Encode samples with libsndfile; through a real file, for some containers need to seek."""
    with tempfile.NamedTemporaryFile() as file:
        soundfile.write(file.name, samples, rate, subtype=subtype, format=container, endian=endian)
        return Path(file.name).read_bytes()


def riff(*chunks: tuple[bytes, bytes], form: bytes = b"RIFF") -> bytes:
    """Put chunks together to a WAV file, each filled up to an even length."""
    order = ">" if form == b"RIFX" else "<"
    parts = [
        name + struct.pack(f"{order}I", len(body)) + body + bytes(len(body) % 2)
        for name, body in chunks
    ]
    content = b"WAVE" + b"".join(parts)
    return form + struct.pack(f"{order}I", len(content)) + content


def pcm_format(*, channels: int = 1, rate: int = SAMPLE_RATE, bits: int = 16) -> bytes:
    """Body of the format chunk of integer samples."""
    frame = channels * bits // 8
    return struct.pack("<HHIIHH", 1, channels, rate, rate * frame, frame, bits)
