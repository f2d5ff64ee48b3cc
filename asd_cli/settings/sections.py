"""Sections of settings that no single detector owns: features, decisions, selection."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Len, Lt

from asd_cli.core.structures import Structure
from asd_cli.detectors.options import option


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSettings(Structure):
    """The log-mel spectrogram; all detectors of a run share it."""

    SECTION: ClassVar[str] = "feature"

    sample_rate: Annotated[int, Gt(0), Le(1_000_000)] = option(
        16000, "Hz; recordings must have it unless resample is true"
    )
    n_mels: Annotated[int, Ge(1), Le(4096)] = option(128, "mel bands")
    n_fft: Annotated[int, Ge(16), Le(65536)] = option(1024, "samples in a Fourier transform")
    hop_length: Annotated[int, Ge(1)] = option(512, "samples between frames")
    power: Annotated[float, Gt(0), Le(4)] = option(2.0, "exponent of the magnitude: 2.0 is power")
    pad_mode: Literal["reflect", "constant"] = option(
        "reflect", "reflect (librosa before 0.9) or constant (zeros)"
    )
    resample: bool = option(False, "resample recordings of another rate")
    channel: Annotated[int, Ge(0)] | Literal["mean"] | None = option(
        None, "channel to take of several, from 0, or mean; null: the edition's"
    )
    scale: Literal["mel", "linear"] = option("mel", "bands evenly spread in mel, or linear in Hz")


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionSettings(Structure):
    """How a threshold is found from the scores of normal clips."""

    decision_threshold: Annotated[float, Gt(0), Lt(1)] = option(
        0.9, "quantile of the training scores that decides", key="decision_threshold"
    )
    threshold: Literal["gamma", "quantile", "interval"] = option(
        "gamma",
        "gamma (fitted distribution), quantile (of the scores) or interval (over recordings)",
        key="threshold",
    )
    threshold_groups: Literal["machine", "section", "domain"] = option(
        "machine",
        "clips that have one threshold: of a machine, section or domain",
        key="threshold_groups",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectSettings(Structure):
    """What asd select and the detector auto choose from."""

    SECTION: ClassVar[str] = "select"

    candidates: Annotated[tuple[str, ...], Len(1)] = option(
        (
            "robust",
            "pooled-speed+texture",
            "pooled-speed",
            "texture",
            "pooled-knn",
            "pooled-knn:pooling.kind=mean",
            "pooled-knn:pooling.kind=max",
            "pooled-knn:pooling.kind=gwrp",
            "pooled-knn:backend.distance=euclidean",
            "pooled-gmm",
        ),
        "detector, or detector:key=value:key=value; robust unless one is better",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CompatibleSettings(Structure):
    """What baseline files say and nothing here reads."""

    verbose: Annotated[int, Ge(0), Le(2)] = option(
        1, "accepted for compatibility; use -q or -v", key="fit.verbose"
    )
    optimizer: Literal["adam"] = option(
        "adam", "accepted for compatibility", key="fit.compile.optimizer"
    )
