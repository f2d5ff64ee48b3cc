import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from asd_cli.core.errors import DataError
from asd_cli.detectors.base import FitContext
from asd_cli.detectors.discriminative.adacos import SubClusterAdaCos, exchange_features
from asd_cli.detectors.discriminative.detector import DiscriminativeDetector
from asd_cli.detectors.discriminative.dual_branch import DualBranch
from asd_cli.detectors.discriminative.learning import mix
from asd_cli.detectors.discriminative.options import DiscriminativeOptions, NetworkOptions
from asd_cli.detectors.discriminative.segments import (
    Recordings,
    class_names,
    repeat_to,
    usual_frames,
)
from asd_cli.detectors.options import FitOptions
from asd_cli.features.recipe import FeatureParameters
from asd_cli.testing import make_recordings

OPTIONS = DiscriminativeOptions(
    fit=FitOptions(lr=1e-3, epochs=1, batch_size=8, validation_split=0.0),
    features=FeatureParameters(n_mels=64),
    network=NetworkOptions(resolutions=(256,), sub_clusters=2, min_batches=4),
    seed=5,
    device="cpu",
)


def test_adacos_against_a_slow_version() -> None:
    torch.manual_seed(0)
    loss = SubClusterAdaCos(4, n_classes=3, sub_clusters=2)
    embeddings, labels = torch.randn(5, 4), torch.rand(5, 3)
    scale = math.sqrt(2) * math.log(3 * 2 - 1)
    centres = loss.centres.detach().numpy().reshape(3, 2, 4)
    total = 0.0
    for row, label in zip(embeddings.numpy(), labels.numpy(), strict=True):
        weights = np.zeros((3, 2))
        for c in range(3):
            for k in range(2):
                centre = centres[c, k]
                cosine = row @ centre / np.linalg.norm(row) / np.linalg.norm(centre)
                weights[c, k] = math.exp(scale * cosine)
        probabilities = weights.sum(axis=1) / weights.sum()
        total -= float((label * np.log(probabilities)).sum())
    assert loss(embeddings, labels).item() == pytest.approx(total / 5, rel=1e-5)


def test_feature_exchange_against_a_slow_version() -> None:
    first, second, labels = torch.randn(4, 2), torch.randn(4, 3), torch.eye(4)[:, :2]
    partner = torch.tensor([2, 0, 3, 1])
    exchanged = torch.tensor([True, False, True, False])
    embeddings, classes = exchange_features(first, second, labels, partner, exchanged)
    for i in range(4):
        other = int(partner[i]) if exchanged[i] else i
        assert torch.equal(embeddings[i], torch.cat([first[i], second[other]]))
        own = labels[i].tolist()
        expected = (
            [0.0, 0.0, *(0.5 * labels[i]).tolist(), *(0.5 * labels[other]).tolist()]
            if exchanged[i]
            else [*own, 0.0, 0.0, 0.0, 0.0]
        )
        assert classes[i].tolist() == expected


def test_mixing_keeps_the_sum_of_labels_and_the_unmixed() -> None:
    waveforms, labels = torch.randn(200, 3), torch.eye(200)
    mixed, classes = mix(waveforms, labels, share=0.5, generator=np.random.default_rng(0))
    torch.testing.assert_close(classes.sum(dim=1), torch.ones(200))
    torch.testing.assert_close(classes @ waveforms, mixed)
    untouched = (classes.max(dim=1).values > 1 - 1e-6).sum().item()
    assert 70 <= untouched <= 130
    same, _ = mix(waveforms, labels, share=0.0, generator=np.random.default_rng(0))
    torch.testing.assert_close(same, waveforms)


def test_an_excerpt_can_be_played_faster(tmp_path: Path) -> None:
    recordings = Recordings([make_recordings(tmp_path)], FeatureParameters(n_mels=64))
    own, faster = (recordings.excerpt(0, 16000, 0.0, speed) for speed in (1.0, 1.25))
    assert own.shape == faster.shape == (16000,)
    loudest = [
        int(np.abs(np.fft.rfft(wave * np.hanning(16000))).argmax()) for wave in (own, faster)
    ]
    assert loudest[1] == pytest.approx(1.25 * loudest[0], abs=2)  # the pitch, in Hz


def test_training_clips_are_played_at_random_speeds(tmp_path: Path) -> None:
    train = make_recordings(tmp_path)

    def weights(speed: float) -> dict[str, np.ndarray]:
        own = replace(OPTIONS, network=replace(OPTIONS.network, speed=speed))
        detector = DiscriminativeDetector(own)
        detector.fit(train, FitContext())
        return dict(detector.network_state().tensors)

    still, moved, again = weights(0.0), weights(0.1), weights(0.1)
    assert any(not np.array_equal(still[name], moved[name]) for name in still)
    for name, tensor in moved.items():
        np.testing.assert_array_equal(tensor, again[name])


@pytest.mark.parametrize("n_samples", [8000, 40000, 160000])
def test_the_network_takes_segments_of_any_length(n_samples: int) -> None:
    network = DualBranch(n_samples, 16000, (1024, 256)).eval()
    with torch.inference_mode():
        embeddings = network(torch.randn(2, n_samples))
    assert embeddings.shape == (2, 3 * 128)
    assert network.embedding_size == 3 * 128
    assert torch.isfinite(embeddings).all()


def test_the_network_has_no_biases() -> None:
    names = dict(DualBranch(16000, 16000, (1024,)).named_parameters())
    assert not [name for name in names if name.endswith("bias")]


def test_low_sample_rates_leave_bins() -> None:
    assert DualBranch(1000, 300, (64,)).spectrograms[0].norm.num_features > 1


def test_segments_cover_a_clip(tmp_path: Path) -> None:
    store = make_recordings(tmp_path, source=1, target=0, sections=("00",))
    recordings = Recordings([store], OPTIONS.features)
    waveform = recordings[0]
    segments = recordings.segments(0, 10000)
    assert segments.shape == (3, 10000)
    np.testing.assert_array_equal(segments[0], waveform[:10000])
    np.testing.assert_array_equal(segments[-1], waveform[-10000:])
    long = recordings.segments(0, 30000)
    assert long.shape == (1, 30000)
    np.testing.assert_array_equal(long[0, 24000:], waveform[:6000])
    np.testing.assert_array_equal(recordings.excerpt(0, 10000, 0.0), waveform[:10000])
    np.testing.assert_array_equal(recordings.excerpt(0, 10000, 1 - 1e-9), waveform[-10000:])


def test_repeating_and_the_usual_length() -> None:
    assert repeat_to(np.array([1, 2, 3], np.float32), 7).tolist() == [1, 2, 3, 1, 2, 3, 1]
    assert usual_frames([5, 7, 7, 5, 3]) == 7


def test_classes_are_machine_section_domain_and_attributes(tmp_path: Path) -> None:
    store = make_recordings(tmp_path, source=2, target=1, sections=("01",))
    assert class_names(store.clips) == [
        "fan/01/source/speed_0",
        "fan/01/source/speed_1",
        "fan/01/target/speed_0",
    ]


def test_one_network_serves_all_machines(tmp_path: Path) -> None:
    fan, pump = (make_recordings(tmp_path, machine=name, seed=7) for name in ("fan", "pump"))
    first = DiscriminativeDetector(OPTIONS)
    first.fit(fan, FitContext(others={"pump": pump}))
    second = DiscriminativeDetector(OPTIONS)
    second.fit(pump, FitContext(others={"fan": fan}))
    assert first.network_state().tensors.keys() == second.network_state().tensors.keys()
    for name, tensor in first.network_state().tensors.items():
        np.testing.assert_array_equal(tensor, second.network_state().tensors[name])
    third = DiscriminativeDetector(OPTIONS)
    assert third.fit(pump, FitContext(bases={"discriminative": first})) == []
    np.testing.assert_array_equal(third.score(pump).clips, second.score(pump).clips)


def test_several_networks_are_joined(tmp_path: Path) -> None:
    store = make_recordings(tmp_path)
    options = replace(OPTIONS, network=replace(OPTIONS.network, members=2))
    detector = DiscriminativeDetector(options)
    history = detector.fit(store, FitContext())
    assert [row["network"] for row in history] == [1, 2]
    embeddings = detector.embed(store)
    assert embeddings.shape == (len(store), 2 * 256)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), math.sqrt(2), rtol=1e-5)


def test_mixed_precision_takes_the_same_course(tmp_path: Path) -> None:
    store = make_recordings(tmp_path)

    def losses(precision: Literal["fp32", "bf16"]) -> list[float]:
        detector = DiscriminativeDetector(
            replace(OPTIONS, fit=replace(OPTIONS.fit, epochs=3, precision=precision))
        )
        return [row["loss"] for row in detector.fit(store, FitContext())]

    exact, mixed = losses("fp32"), losses("bf16")
    assert mixed != exact
    np.testing.assert_allclose(mixed, exact, rtol=0.1)


def test_a_single_class_is_refused_in_words(tmp_path: Path) -> None:
    store = make_recordings(tmp_path, source=1, target=0, sections=("00",))
    with pytest.raises(DataError, match="all 1 training clips are of one class") as caught:
        DiscriminativeDetector(OPTIONS).fit(store, FitContext())
    assert "pooled-knn" in str(caught.value.hint)
