"""Feature stores made of numbers, for tests of what comes after extraction."""

from pathlib import Path

import numpy as np

from asd_cli.audio.decoding import decode, read_file
from asd_cli.core.types import Clip, Domain, Label, Split
from asd_cli.datasets.dcase.names import format_clip_name, parse_clip_name
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.store import FeatureStore
from tests.support.clips import make_clip
from tests.support.recordings import tone, write_wav


def make_store(
    *,
    sections: tuple[str, ...] = ("00", "01"),
    source: int = 6,
    target: int = 2,
    n_frames: int = 40,
    n_mels: int = 64,
    seed: int = 0,
    shift: float = 0.0,
) -> FeatureStore:
    """Clips whose sections differ in which bands are loud; `shift` moves all bands, in dB."""
    generator = np.random.default_rng(seed)
    clips: list[Clip] = []
    rows: list[np.ndarray] = []
    for section in sections:
        profile = np.roll(np.linspace(-40.0, -10.0, n_mels), 10 * int(section))
        for domain, count in ((Domain.SOURCE, source), (Domain.TARGET, target)):
            for number in range(count):
                clips.append(
                    make_clip(
                        path=Path(f"section_{section}_{domain}_train_normal_{number:04d}.wav"),
                        machine="fan",
                        section=section,
                        domain=domain,
                        split=Split.TRAIN,
                        label=Label.NORMAL,
                    )
                )
                noise = generator.normal(0, 2.0, (n_frames, n_mels))
                rows.append(profile + shift + 3.0 * (domain is Domain.TARGET) + noise)
    lengths = np.full(len(clips), n_frames, np.int64)
    return FeatureStore(
        clips=tuple(clips),
        data=np.concatenate(rows).astype(np.float32),
        offsets=np.cumsum(lengths) - lengths,
        frames=lengths,
        fingerprint=f"made {seed} {sections}",
    )


def make_recordings(
    folder: Path,
    *,
    machine: str = "fan",
    sections: tuple[str, ...] = ("00", "01"),
    source: int = 6,
    target: int = 2,
    seconds: float = 1.5,
    seed: int = 0,
    fault: bool = False,
) -> FeatureStore:
    """Clips on disk whose sections hum at different pitches, with their features.

    With `fault` each rattles as well.
    """
    recipe = FeatureParameters(n_mels=64)
    basis = mel_basis(recipe)
    clips: list[Clip] = []
    rows: list[np.ndarray] = []
    for section in sections:
        for domain, count in ((Domain.SOURCE, source), (Domain.TARGET, target)):
            for number in range(count):
                name = format_clip_name(
                    section=section, domain=domain, split=Split.TRAIN, label=Label.NORMAL, attributes=f"speed_{number % 2}",
                )  # fmt: skip
                seed += 1
                pitch = (400.0 + 600.0 * int(section)) * (1.0 if domain is Domain.SOURCE else 1.1)
                wave = tone(pitch, seconds=seconds, seed=seed) * (0.8 + 0.2 * (number % 2))
                if fault:
                    rattle = np.random.default_rng(seed).standard_normal(len(wave))
                    wave[len(wave) // 3 :: 4000] += 0.6
                    wave += 0.2 * rattle
                path = write_wav(folder / machine / "train" / name, 0.4 * wave)
                rows.append(
                    log_mel(decode(read_file(path), path, recipe.audio_format), recipe, basis)
                )
                clips.append(parse_clip_name(path, machine=machine))
    lengths = np.array([len(row) for row in rows], np.int64)
    return FeatureStore(
        clips=tuple(clips),
        data=np.concatenate(rows),
        offsets=np.cumsum(lengths) - lengths,
        frames=lengths,
        fingerprint=f"recorded {machine} {sections} {source} {target} {seed}",
    )
