"""Small sets of recordings in the layout of every edition, with official labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from asd_cli.core.types import Domain, Label, Mode, Split
from asd_cli.datasets.dcase.editions import Edition
from asd_cli.datasets.dcase.names import format_clip_name
from tests.support.recordings import tone, write_wav

TRAIN, TEST = 4, 2
_SECONDS = 0.8


@dataclass(frozen=True)
class WrittenClip:
    """A test clip, what it is, and what an official list calls it."""

    machine: str
    section: str
    domain: Domain | None
    label: Label
    name: str
    full_name: str


def write_edition(
    root: Path,
    edition: Edition,
    mode: Mode,
    *,
    machines: Sequence[str] = (),
    seconds: float = _SECONDS,
) -> list[WrittenClip]:
    """Write training and test clips of all machines and sections, attributes and labels."""
    clips: list[WrittenClip] = []
    for machine in machines or edition.machines_of[mode]:
        for section in edition.sections_of(machine, mode):
            _write_training_clips(root / machine, edition, section, seconds)
            clips += _write_test_clips(root / machine, edition, section, mode, seconds)
            if edition.hides_domains:
                _write_attributes(root / machine, section)
        for folder in edition.other_folders:
            write_wav(root / machine / folder / "section_00_machine_0001_.wav", _sound(1))
    if mode is Mode.EVAL:
        write_ground_truth(root / "ground_truth", edition, clips)
    return clips


def domains_of(edition: Edition) -> tuple[Domain | None, ...]:
    return (None,) if edition.rows == "machine" else tuple(Domain)


def _write_training_clips(folder: Path, edition: Edition, section: str, seconds: float) -> None:
    for domain in domains_of(edition):
        for number in range(TRAIN if domain is not Domain.TARGET else 2):
            name = format_clip_name(
                section=section, domain=domain, split=Split.TRAIN, label=Label.NORMAL,
                number=number, attributes="m-n_A" if domain else "", names=edition.names,
            )  # fmt: skip
            if folder.name == "RoboticArm":
                name = name.replace("_train_", "_")
            _write(
                folder / "train" / name,
                edition,
                _sound(hash_of(section, domain, number), seconds=seconds),
            )


def _write_test_clips(
    folder: Path, edition: Edition, section: str, mode: Mode, seconds: float
) -> list[WrittenClip]:
    clips = []
    position = 0
    for number in range(TEST):
        for label in Label:
            for domain in domains_of(edition):
                full = format_clip_name(
                    section=section, domain=domain, split=Split.TEST, label=label, number=number,
                    names=edition.names,
                )  # fmt: skip
                hidden = None if edition.hides_domains else domain
                held_back = format_clip_name(
                    section=section, domain=hidden, split=Split.TEST, label=None, number=position,
                    names=edition.names,
                )  # fmt: skip
                position += 1
                name = full if mode is Mode.DEV else held_back
                role = f"{domain}_test" if "source_test" in edition.folders else "test"
                place = folder / edition.folders[role] / name
                faulty = label is Label.ANOMALY
                sound = _sound(100 + position, faulty=faulty, shift=number, seconds=seconds)
                # The far microphone hears no fault.
                _write(place, edition, sound, far=_sound(100 + position, seconds=seconds))
                clips.append(WrittenClip(folder.name, section, domain, label, name, full))
    return clips


def hash_of(section: str, domain: Domain | None, number: int) -> int:
    return int(section) * 100 + (domain is Domain.TARGET) * 50 + number


def _sound(
    seed: int, *, faulty: bool = False, shift: int = 0, seconds: float = _SECONDS
) -> npt.NDArray[np.float64]:
    samples = tone(400.0 + 30 * shift, seconds=seconds, seed=seed)
    if faulty:
        samples += 0.2 * tone(3100.0, seconds=seconds, seed=seed, noise=0.0)
    return 0.5 * samples


def _write(
    path: Path,
    edition: Edition,
    samples: npt.NDArray[np.float64],
    *,
    far: npt.NDArray[np.float64] | None = None,
) -> None:
    if edition.channel is not None:
        samples = np.stack([samples, samples if far is None else far], axis=1)
    write_wav(path, samples)


def _write_attributes(folder: Path, section: str) -> None:
    rows = [
        f"{folder.name}/{path.parent.name}/{path.name},m-n,A"
        for path in sorted(folder.rglob(f"section_{section}_*.wav"))
    ]
    (folder / f"attributes_{section}.csv").write_text(
        "file_name,d1p,d1v\n" + "\n".join(rows) + "\n"
    )


def write_ground_truth(folder: Path, edition: Edition, clips: list[WrittenClip]) -> None:
    """Write labels as the edition's official evaluator reads them."""
    texts: dict[str, str] = {}

    def add(name: str, row: str) -> None:
        texts[name] = texts.get(name, "") + row + "\n"

    for machine in dict.fromkeys(clip.machine for clip in clips):
        if edition.rows == "machine":
            add("eval_data_list.csv", machine)
        for clip in (clip for clip in clips if clip.machine == machine):
            label = int(clip.label is Label.ANOMALY)
            stem = f"ground_truth_{machine}_section_{clip.section}"
            if edition.rows == "machine":
                add("eval_data_list.csv", f"{clip.name},{clip.full_name},{label}")
            elif edition.rows == "by-domain":
                add(f"{stem}_{clip.domain}_test.csv", f"{clip.name},{label}")
            else:
                target = int(clip.domain is Domain.TARGET)
                add(f"ground_truth_data/{stem}_test.csv", f"{clip.name},{label}")
                add(f"ground_truth_domain/{stem}_test.csv", f"{clip.name},{target}")
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
