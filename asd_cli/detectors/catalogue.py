"""The detectors of this package and their presets."""

from collections.abc import Mapping
from typing import Any

from asd_cli.detectors.autoencoder.options import AutoencoderOptions, MahalanobisOptions
from asd_cli.detectors.discriminative.options import DiscriminativeOptions
from asd_cli.detectors.fingerprint.options import FingerprintOptions
from asd_cli.detectors.level.options import LevelOptions
from asd_cli.detectors.mobilenetv2.options import MobileNetV2EmbeddingOptions, MobileNetV2Options
from asd_cli.detectors.pooled.options import PooledOptions
from asd_cli.detectors.pretrained.options import PretrainedOptions
from asd_cli.detectors.spec import DetectorSpec, Loss, NamedEnsemble, Preset, Runtime

# Leads in the mean of all measured sets (measured.toml).
BEST_ENSEMBLE = "pooled-speed+texture"

_KAWAGUCHI = "Kawaguchi et al. 2021, arXiv:2106.04492"
_TWO_SECTIONS = "two sections"
_CROSS_ENTROPY = Loss(
    "cross-entropy of the sections",
    "Validation uses running averages of the batch norms, which lag behind the weights in the "
    "first epochs. They are computed again after the last epoch, so that a high validation loss "
    "here does not mean a bad model.",
)
_SQUARED_ERROR = Loss("mean squared error")
_SPEEDS = (0.95, 0.975, 1.025, 1.05)
_AUTOENCODER: Mapping[str, Any] = {
    "feature.n_frames": 5,
    "feature.n_hop_frames": 1,
    "fit.lr": 0.001,
    "fit.epochs": 100,
    "fit.batch_size": 512,
}
# The baselines fit a gamma distribution to all scores of a machine; distances to few clips do not
# follow one, and differ between domains.
_DECISION: Mapping[str, Any] = {"threshold": "interval", "threshold_groups": "domain"}
_WHITENED: Mapping[str, Any] = {**_DECISION, "backend.distance": "whitened"}
_ADAPTIVE: Mapping[str, Any] = {**_DECISION, "backend.distance": "adaptive"}

DETECTORS = (
    DetectorSpec(
        name="mobilenetv2",
        summary="section classifier, the DCASE 2021 Task 2 baseline",
        source=_KAWAGUCHI,
        location="asd_cli.detectors.mobilenetv2.detector:MobileNetV2Detector",
        options=MobileNetV2Options,
        runtime=Runtime.TORCH,
        needs=_TWO_SECTIONS,
        needs_sections=True,
        cost="an hour a machine",
        published="57.6 / 56.4",
        loss=_CROSS_ENTROPY,
    ),
    DetectorSpec(
        name="mobilenetv2-embedding",
        summary="a back end on the embedding of mobilenetv2",
        source=_KAWAGUCHI,
        location="asd_cli.detectors.mobilenetv2.embedding:MobileNetV2EmbeddingDetector",
        options=MobileNetV2EmbeddingOptions,
        runtime=Runtime.TORCH,
        needs=_TWO_SECTIONS,
        needs_sections=True,
        bases=("mobilenetv2",),
        listed=False,
        cost="as mobilenetv2",
        preset=_DECISION,
        loss=_CROSS_ENTROPY,
    ),
    DetectorSpec(
        name="autoencoder",
        summary="reconstruction error, the other DCASE 2021 Task 2 baseline",
        source=_KAWAGUCHI,
        location="asd_cli.detectors.autoencoder.detector:AutoencoderDetector",
        options=AutoencoderOptions,
        runtime=Runtime.TORCH,
        distinguishes_sections=False,
        cost="minutes a machine",
        published="57.3 / -",
        preset=_AUTOENCODER,
        loss=_SQUARED_ERROR,
    ),
    DetectorSpec(
        name="autoencoder-mahalanobis",
        summary="selective Mahalanobis autoencoder, the baseline since 2023",
        source="Harada et al. 2023, EUSIPCO",
        location="asd_cli.detectors.autoencoder.mahalanobis:MahalanobisAutoencoderDetector",
        options=MahalanobisOptions,
        runtime=Runtime.TORCH,
        distinguishes_sections=False,
        bases=("autoencoder",),
        cost="as autoencoder",
        preset=_AUTOENCODER,
        loss=_SQUARED_ERROR,
    ),
    DetectorSpec(
        name="discriminative",
        summary="one network for all machines, trained on their attributes, on raw audio",
        source="Wilkinghoff 2023 and 2024, ICASSP; Fujimura et al. 2025, arXiv:2507.10264",
        location="asd_cli.detectors.discriminative.detector:DiscriminativeDetector",
        options=DiscriminativeOptions,
        runtime=Runtime.TORCH,
        needs="two sections, domains or attributes",
        needs_audio=True,
        distinguishes_sections=False,
        joint=True,
        cost="hours for all machines",
        published="69.2 / 67.4",
        preset={
            **_DECISION,
            "fit.lr": 0.001,
            "fit.epochs": 16,
            "fit.batch_size": 64,
            "fit.validation_split": 0.0,
            # As the published figures: the network distinguishes sections, its back end does not.
            "backend.references": "machine",
            "backend.smote": 0.2,
        },
        loss=Loss("sum of angular cross-entropies"),
    ),
    DetectorSpec(
        name="pretrained",
        summary="nearest neighbour on the embedding of an encoder of your own",
        source="Fujimura et al. 2025, arXiv:2507.10264",
        location="asd_cli.detectors.pretrained.detector:PretrainedDetector",
        options=PretrainedOptions,
        runtime=Runtime.TORCH,
        needs="an encoder's file",
        needs_audio=True,
        cost="seconds to minutes",
        published="57–60 / 57–60",
        preset=_DECISION,
    ),
    DetectorSpec(
        name="pooled",
        summary="a back end on log-mel pooled over time",
        source="after Guan et al. 2023, ICASSP",
        location="asd_cli.detectors.pooled.detector:PooledDetector",
        options=PooledOptions,
        preset=_WHITENED,
        listed=False,
    ),
    DetectorSpec(
        name="texture",
        summary="nearest neighbour on how the levels of bands are distributed and beat",
        source="after McDermott and Simoncelli 2011, Neuron",
        location="asd_cli.detectors.texture.detector:TextureDetector",
        options=PooledOptions,
        needs_audio=True,
        preset={**_WHITENED, "pooling.speeds": _SPEEDS},
    ),
    DetectorSpec(
        name="level",
        summary="nearest neighbour on the levels of octave and third-octave bands",
        source="bands of IEC 61260-1:2014",
        location="asd_cli.detectors.level.detector:LevelDetector",
        options=LevelOptions,
        needs_audio=True,
        preset=_ADAPTIVE,
    ),
    DetectorSpec(
        name="fingerprint",
        summary="nearest neighbour on a fine spectrum, for rotating machines",
        source="after Randall 2011, Vibration-based Condition Monitoring",
        location="asd_cli.detectors.fingerprint.detector:FingerprintDetector",
        options=FingerprintOptions,
        needs_audio=True,
        preset=_ADAPTIVE,
    ),
)

PRESETS = (
    Preset(
        name="mobilenetv2-knn",
        detector="mobilenetv2-embedding",
        summary="nearest neighbour on the embedding of mobilenetv2",
        options={"backend.kind": "knn"},
    ),
    Preset(
        name="mobilenetv2-lof",
        detector="mobilenetv2-embedding",
        summary="local outlier factor on the embedding of mobilenetv2",
        options={"backend.kind": "lof", "backend.neighbors": 4},
        published="63.0 / -",
    ),
    Preset(
        name="mobilenetv2-gmm",
        detector="mobilenetv2-embedding",
        summary="Gaussian mixture on the embedding of mobilenetv2",
        options={"backend.kind": "gmm", "backend.components": 2},
    ),
    Preset(
        name="mobilenetv2-mahalanobis",
        detector="mobilenetv2-embedding",
        summary="Mahalanobis distance on the embedding of mobilenetv2",
        options={"backend.kind": "mahalanobis"},
    ),
    Preset(
        name="pooled-knn",
        detector="pooled",
        summary="nearest neighbour on log-mel pooled over time",
        options={"backend.kind": "knn"},
    ),
    Preset(
        name="pooled-gmm",
        detector="pooled",
        summary="Gaussian mixture on log-mel pooled over time",
        options={"backend.kind": "gmm", "backend.components": 2},
    ),
    Preset(
        name="pooled-speed",
        detector="pooled",
        summary="pooled-knn to which a change of speed is normal",
        source="asd, after Simard et al. 1993 and Ko et al. 2015",
        options={"backend.kind": "knn", "pooling.speeds": _SPEEDS},
        needs_audio=True,
    ),
    Preset(
        name="level-octave",
        detector="level",
        summary="nearest neighbour on octave bands and the total level alone",
        options={"bands": "octave"},
    ),
)

ROBUST = NamedEnsemble(
    name="robust",
    summary="level, spectral shape, fine lines and rhythm; the default for own machines",
    source="asd",
    members=("level-octave", "level", "fingerprint", "pooled-speed", "texture"),
    options={"ensemble.normalization": "z", "ensemble.combination": "soft_maximum"},
)
NAMED_ENSEMBLES = (ROBUST,)
