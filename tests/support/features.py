"""Feature stores made of numbers, for tests of what comes after extraction."""

from pathlib import Path

import numpy as np

from asd_cli.core.types import Clip, Domain, Label, Split
from asd_cli.features.store import FeatureStore
from tests.support.clips import make_clip


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
