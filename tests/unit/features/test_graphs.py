"""Front ends as graphs give the decibels of the front ends."""

from dataclasses import replace

import numpy as np
import pytest

from asd_cli.features.band_power import band_power
from asd_cli.features.graphs import ClipInputs, band_power_graph, log_mel_graph
from asd_cli.features.logmel import log_mel, mel_basis
from asd_cli.features.recipe import FeatureParameters
from asd_cli.features.transform_graph import energies_graph
from asd_cli.graphs.builder import Graph
from tests.support.fan import fan
from tests.support.graphs import run

RECIPE = FeatureParameters()
EDGES = ((20.0, 200.0), (150.0, 4000.0))


def clip_inputs(
    recipe: FeatureParameters, sections: tuple[str | None, ...] = (None,)
) -> ClipInputs:
    graph = Graph()
    wave = graph.input("wave", np.float32, ["clips", "samples"])
    return ClipInputs(graph, wave, sections, recipe)


@pytest.mark.parametrize(
    ("changes", "samples"),
    [
        ({}, 16000),
        ({}, 513),
        ({"n_fft": 400, "hop_length": 160, "n_mels": 40, "pad_mode": "constant"}, 5001),
        ({"power": 1.0, "scale": "linear"}, 9000),
        ({"sample_rate": 22050}, 30000),
    ],
)
def test_log_mel_of_any_length_is_equal_to_a_thousandth_of_a_decibel(
    changes: dict[str, object], samples: int
) -> None:
    recipe = replace(RECIPE, **changes)  # type: ignore[arg-type]
    waves = np.stack([fan(2.0, recipe.sample_rate, seed)[:samples] for seed in (1, 2)])
    clips = clip_inputs(recipe)
    found = run(clips.graph, log_mel_graph(clips, recipe), 3, wave=waves)
    expected = np.stack([log_mel(wave, recipe, mel_basis(recipe)) for wave in waves])
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-3
    assert clips.min_samples == recipe.n_fft // 2 + 1


@pytest.mark.parametrize("length", [1, 2, 7, 12, 15, 64, 353, 400, 706])
@pytest.mark.parametrize("hop", [1, 5, 16])
def test_transforms_of_any_length_and_hop(length: int, hop: int) -> None:
    """Also of odd and prime lengths, whose factors are uneven."""
    rng = np.random.default_rng(length)
    wave = rng.standard_normal((2, length + 37)).astype(np.float32)
    window = rng.uniform(0.5, 1.0, length).astype(np.float32)
    graph = Graph()
    energies = energies_graph(graph.input("wave", np.float32, ["clips", "n"]), window, hop)
    found = run(graph, energies.in_bands(np.eye(length // 2 + 1)), 3, wave=wave)
    frames = np.lib.stride_tricks.sliding_window_view(wave, length, axis=1)[:, ::hop]
    expected = np.abs(np.fft.rfft(frames * window)) ** 2
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * length)


@pytest.mark.parametrize("samples", [16000, 4096, 900])
def test_powers_of_bands_are_equal_also_of_clips_shorter_than_a_frame(samples: int) -> None:
    wave = fan(1.0, 16000, 3)[:samples]
    clips = clip_inputs(RECIPE)
    value = band_power_graph(clips, EDGES, n_fft=4096, sample_rate=16000)
    found = run(clips.graph, value, 3, wave=wave[None])[0]
    expected = band_power(wave, EDGES, n_fft=4096, sample_rate=16000)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_values_are_chosen_by_section_and_domain_and_inputs_exist_only_where_they_matter() -> None:
    clips = clip_inputs(RECIPE, ("00", "01"))
    table = {("00", None): 1.0, ("00", "source"): 2.0, ("00", "target"): 3.0,
             ("01", None): 4.0, ("01", "source"): 5.0, ("01", "target"): 6.0}  # fmt: skip
    both = clips.choose(lambda section, domain: table[str(section), domain])
    by_section = clips.choose(lambda section, _: 10.0 * int(section or 0))
    found = run(
        clips.graph, both + by_section, 1,
        wave=np.zeros((3, 1), np.float32),
        section=np.array([0, 1, 1]), domain=np.array([2, 0, 1]),
    )  # fmt: skip
    assert found.tolist() == [3.0, 14.0, 15.0]
    alone = clip_inputs(RECIPE)
    value = alone.choose(lambda *_: 7.0)
    wave = np.zeros((1, 1), np.float32)
    assert run(alone.graph, value, 1, wave=wave).tolist() == [7.0]
