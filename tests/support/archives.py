"""Zip archives in the names and folders of DCASE 2021, and hostile ones."""

import io
import random
import struct
import wave
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache

DEV = 4562016
EVAL_TRAIN = 4660992
EVAL_TEST = 4884786
GROUND_TRUTH = 5257674


@cache
def wav_bytes(seed: int = 0, *, frames: int = 1600) -> bytes:
    """A short recording of noise: mono, 16 bit, 16 kHz."""
    noise = random.Random(seed)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16000)
        values = [noise.randrange(-2000, 2000) for _ in range(frames)]
        recording.writeframes(struct.pack(f"<{frames}h", *values))
    return stream.getvalue()


def zip_bytes(
    files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED, top: str = ""
) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(f"{top}{name}", content)
    return stream.getvalue()


def dev_files(*, sections: Iterable[str] = ("00",), clips: int = 2) -> dict[str, bytes]:
    """Development recordings of one machine."""
    files = {}
    for section in sections:
        for number in range(clips):
            stem = f"section_{section}"
            seed = int(section) * 100 + number
            files[f"train/{stem}_source_train_normal_{number:04d}_strength_1.wav"] = wav_bytes(seed)
            for domain in ("source", "target"):
                for label in ("normal", "anomaly"):
                    name = f"{domain}_test/{stem}_{domain}_test_{label}_{number:04d}.wav"
                    files[name] = wav_bytes(seed + len(name))
    return files


def eval_files(part: str, *, sections: Iterable[str] = ("03",), clips: int = 2) -> dict[str, bytes]:
    """Recordings of one machine's additional training (``train``) or evaluation (``test``) set."""
    files = {}
    for section in sections:
        for number in range(clips):
            seed = int(section) * 100 + number
            if part == "train":
                name = f"train/section_{section}_source_train_normal_{number:04d}_strength_1.wav"
                files[name] = wav_bytes(seed)
                continue
            for domain in ("source", "target"):
                name = f"{domain}_test/section_{section}_{domain}_test_{number:04d}.wav"
                files[name] = wav_bytes(seed + len(domain))
    return files


def label_files(machines: Iterable[str], *, clips: int = 2) -> dict[str, bytes]:
    """Official labels of section 03."""
    return {
        f"ground_truth_{machine}_section_03_{domain}_test.csv": "".join(
            f"section_03_{domain}_test_{number:04d}.wav,{number % 2}\n" for number in range(clips)
        ).encode()
        for machine in machines
        for domain in ("source", "target")
    }


def records_of(
    machines: Iterable[str], *, loose_labels: bool = False
) -> dict[int, dict[str, bytes]]:
    """The four records of the 2021 edition with small archives."""
    machines = tuple(machines)
    labels = label_files(machines)
    return {
        DEV: {
            f"dev_data_{machine}.zip": zip_bytes(dev_files(), top=f"{machine}/")
            for machine in machines
        },
        EVAL_TRAIN: {
            f"eval_data_{machine}_train.zip": zip_bytes(eval_files("train"), top=f"{machine}/")
            for machine in machines
        },
        EVAL_TEST: {
            f"eval_data_{machine}_test.zip": zip_bytes(eval_files("test"), top=f"{machine}/")
            for machine in machines
        },
        GROUND_TRUTH: (
            dict(labels)
            if loose_labels
            else {
                "y-kawagu/evaluator-1.0.zip": zip_bytes(
                    {
                        **{f"ground_truth_data/{name}": text for name, text in labels.items()},
                        "evaluator.py": b"print()\n",
                    },
                    top="evaluator-1a2b3c/",
                )
            }
        ),
    }


def zip_with(info: zipfile.ZipInfo, content: bytes = b"x", *, good: bool = True) -> bytes:
    """A zip archive with one peculiar member after a good one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        if good:
            for name, text in dev_files().items():
                archive.writestr(f"fan/{name}", text)
        archive.writestr(info, content)
    return stream.getvalue()


def renamed(content: bytes, old: bytes, new: bytes) -> bytes:
    """Rename a member in both headers, to a name that the standard library would not write."""
    assert len(old) == len(new)
    assert content.count(old) == 2
    return content.replace(old, new)


def special_member(name: str, kind: int) -> zipfile.ZipInfo:
    """A member that is a link or a device: `kind` is one of `stat.S_IF…`."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (kind | 0o777) << 16
    return info


def encrypted(content: bytes) -> bytes:
    """Mark every member as encrypted."""
    marked = bytearray(content)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = marked.find(signature)
        while at >= 0:
            marked[at + offset] |= 1
            at = marked.find(signature, at + 4)
    return bytes(marked)


def overlapping(content: bytes) -> bytes:
    """Let every entry of the directory point to the first member (Fifield's bomb)."""
    marked = bytearray(content)
    at = marked.find(b"PK\x01\x02")
    while at >= 0:
        marked[at + 42 : at + 46] = bytes(4)
        at = marked.find(b"PK\x01\x02", at + 4)
    return bytes(marked)


def bomb(*, megabytes: int = 80) -> bytes:
    """One recording of zeros, a thousand times larger than its archive."""
    name = "fan/train/section_00_source_train_normal_0000.wav"
    return zip_bytes({name: bytes(megabytes << 20)})
