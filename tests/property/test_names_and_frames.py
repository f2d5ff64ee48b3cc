"""Names go both ways, windows equal a slow loop, and fingerprints change when they should."""

import string
from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.core.types import Domain, Label, Split
from asd_cli.datasets.dcase.names import format_clip_name, parse_clip_name, read_name
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.windows import frame_windows

attributes = st.text(string.ascii_letters + string.digits + "._-é ", min_size=1, max_size=30).filter(
    lambda text: not {"normal", "anomaly"} & {*text.split("_")}
)  # fmt: skip


@given(
    section=st.integers(0, 99).map("{:02d}".format),
    domain=st.sampled_from(Domain),
    split=st.sampled_from(Split),
    label=st.sampled_from([*Label, None]),
    number=st.integers(0, 9999),
    attributes=st.one_of(st.just(""), attributes),
)
def test_names_round_trip(
    section: str, domain: Domain, split: Split, label: Label | None, number: int, attributes: str
) -> None:
    name = format_clip_name(
        section=section, domain=domain, split=split, label=label, number=number,
        attributes=attributes,
    )  # fmt: skip
    clip = parse_clip_name(Path("folder") / name, machine="fan")
    assert (clip.section, clip.domain, clip.split, clip.label, read_name(clip.name).number, clip.condition or "") == (
        section, domain, split, label, number, attributes,
    )  # fmt: skip
    assert clip.name == name


@given(
    lengths=st.lists(st.integers(5, 40), min_size=1, max_size=6),
    n_frames=st.integers(1, 5),
    hop=st.integers(1, 7),
)
def test_windows_equal_a_slow_loop(lengths: list[int], n_frames: int, hop: int) -> None:
    offsets = [sum(lengths[:i]) for i in range(len(lengths))]
    windows = frame_windows(
        offsets, lengths, n_frames=n_frames, hop=hop, names=["x"] * len(lengths)
    )
    data = np.arange(sum(lengths))
    expected = []
    for clip, (offset, length) in enumerate(zip(offsets, lengths, strict=True)):
        start = 0
        while start + n_frames <= length:
            expected.append((clip, data[offset + start : offset + start + n_frames].tolist()))
            start += hop
    gathered = data[windows.rows(np.arange(len(windows)))]
    assert [
        (c, r) for c, r in zip(windows.clips.tolist(), gathered.tolist(), strict=True)
    ] == expected


recipes = st.builds(
    FeatureParameters,
    n_fft=st.sampled_from([512, 1024]), hop_length=st.sampled_from([256, 512]),
    n_mels=st.sampled_from([64, 128]), power=st.sampled_from([1.0, 2.0]),
    channel=st.sampled_from([None, 0, 1]), resample=st.booleans(),
)  # fmt: skip


@given(recipes, recipes)
def test_fingerprints_are_equal_if_and_only_if_recipes_are(
    first: FeatureParameters, second: FeatureParameters
) -> None:
    # How the sample rate is reached does not change the numbers.
    same = replace(first, resample=False) == replace(second, resample=False)
    assert (first.fingerprint == second.fingerprint) == same
    assert replace(first).fingerprint == first.fingerprint
