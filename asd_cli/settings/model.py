"""Every setting there is: its type, range, default and meaning.

The defaults are those of the DCASE 2021 Task 2 MobileNetV2 baseline (Kawaguchi et al. 2021),
except that data lie below the working folder. `baseline.yaml` is written from this module by
``asd config init``; a test holds the two equal.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class _Numbers(_Section):
    model_config = ConfigDict(strict=True)  # "yes" is no number, nor is 1.5 a count


class FeatureSettings(_Numbers):
    """Log-mel spectrogram and its windows."""

    sample_rate: Annotated[int, Field(gt=0, le=1_000_000)] = Field(
        16000, description="Hz; recordings must have it unless resample is true"
    )
    n_mels: int = Field(128, ge=1, le=4096, description="mel bands")
    n_frames: int = Field(64, ge=1, le=65536, description="frames in a window")
    n_hop_frames: int = Field(8, ge=1, description="frames between windows in training")
    score_hop_frames: int = Field(1, ge=1, description="frames between windows in scoring")
    n_fft: int = Field(1024, ge=16, le=65536, description="samples in a Fourier transform")
    hop_length: int = Field(512, ge=1, description="samples between frames")
    power: float = Field(2.0, gt=0, le=4, description="exponent of the magnitude: 2.0 is power")
    pad_mode: Literal["reflect", "constant"] = Field(
        "reflect", description="reflect (librosa before 0.9) or constant (zeros)"
    )
    resample: bool = Field(False, description="resample recordings of another rate")
    channel: int | None = Field(
        None, ge=0, description="channel to take of several, from 0; null: the edition's"
    )
    scale: Literal["mel", "linear"] = Field(
        "mel", description="bands evenly spread in mel, or linear in Hz"
    )


class CompileSettings(_Section):
    """What the autoencoder baseline's file says of its optimiser."""

    optimizer: Literal["adam"] = Field("adam", description="accepted for compatibility")


class FitSettings(_Numbers):
    """Training."""

    lr: float = Field(0.00001, gt=0, description="Adam's learning rate")
    epochs: int = Field(20, ge=1, description="passes over the training windows")
    batch_size: int = Field(32, ge=1, le=65536, description="windows in a batch")
    shuffle: bool = Field(True, description="shuffle windows before each epoch")
    validation_split: float = Field(0.1, ge=0, lt=1, description="share held back")
    validation: Literal["tail", "stratified"] = Field(
        "tail", description="tail (Keras: the last windows) or stratified (whole clips)"
    )
    batch_norm: Literal["reference", "recalibrate"] = Field(
        "reference",
        description="reference, or recalibrate after training (small sets need it)",
    )
    precision: Literal["fp32", "bf16"] = Field(
        "fp32", description="fp32, or bf16 (mixed: faster, other results)"
    )
    verbose: int = Field(1, ge=0, le=2, description="accepted for compatibility; use -q or -v")
    compile: CompileSettings | None = Field(None, description="accepted for compatibility")


class PoolingSettings(_Numbers):
    """How the pooled detectors and texture hear a clip."""

    kind: Literal["mean", "max", "mean_max", "gwrp", "mean_gwrp"] = Field(
        "mean_gwrp", description="mean, max, gwrp (weighted by rank), mean_max or mean_gwrp (both)"
    )
    decay: float = Field(0.9, ge=0, le=1, description="of gwrp: 0 is the maximum, 1 the mean")
    speeds: list[Annotated[float, Field(ge=0.5, le=2)]] = Field(
        default=[], max_length=16, description="training clips are heard at these speeds as well"
    )


class BackendSettings(_Numbers):
    """How the detectors with an embedding compare it with those of normal clips."""

    kind: Literal["knn", "lof", "gmm", "mahalanobis", "kmeans"] = Field(
        "knn", description="knn, lof, gmm, mahalanobis or kmeans"
    )
    distance: Literal["cosine", "euclidean", "whitened"] = Field(
        "cosine", description="cosine, euclidean, or whitened (euclidean after whitening)"
    )
    neighbors: int = Field(1, ge=1, le=1000, description="nearest clips that count")
    components: int = Field(16, ge=1, le=1000, description="of gmm, and centres of kmeans")
    references: Literal["section", "machine"] = Field(
        "section", description="compare with clips of the section or of the machine"
    )
    domains: Literal["pooled", "minimum", "own"] = Field(
        "pooled", description="source and target clips pooled, or the nearer, or the clip's own"
    )
    smote: float = Field(0.0, ge=0, le=1, description="target clips made up, per source clip")
    density: int = Field(
        0, ge=0, le=1000, description="neighbours of density normalisation; 0: off"
    )


class DiscriminativeSettings(_Numbers):
    """The network of the discriminative detector."""

    resolutions: list[Annotated[int, Field(ge=64, le=65536)]] = Field(
        default=[1024], min_length=1, max_length=8, description="samples in the transforms"
    )
    sub_clusters: int = Field(16, ge=1, le=1024, description="centres of each class")
    mixup: float = Field(0.5, ge=0, le=1, description="share of clips mixed with another")
    speed: float = Field(
        0.0, ge=0, le=0.5, description="training clips are played up to this much slower or faster"
    )
    feature_exchange: bool = Field(True, description="train on exchanged branches as well")
    fewest_batches: int = Field(32, ge=1, le=10000, description="batches in an epoch, at least")
    members: int = Field(1, ge=1, le=64, description="networks with seeds of their own, joined")


class EncoderSettings(_Numbers):
    """The encoder of the pretrained detector."""

    checkpoint: str = Field(
        "", max_length=4096, description="file of torch.export.save: waveforms to embeddings"
    )


class EnsembleSettings(_Numbers):
    """How the scores of several detectors become one."""

    weights: list[Annotated[float, Field(ge=0)]] = Field(
        default=[], max_length=32, description="one a detector; empty for equal ones"
    )
    normalization: Literal["z", "rank"] = Field(
        "z", description="z (deviations from the normal mean) or rank (among normal clips)"
    )
    groups: Literal["machine", "section", "domain"] = Field(
        "section", description="clips normalised together: of a machine, section or domain"
    )


class SelectSettings(_Numbers):
    """What asd select and the detector auto choose from."""

    candidates: list[str] = Field(
        default=[
            "pooled-speed,texture",
            "pooled-speed",
            "texture",
            "pooled-knn",
            "pooled-knn:pooling.kind=mean",
            "pooled-knn:pooling.kind=max",
            "pooled-knn:pooling.kind=gwrp",
            "pooled-knn:backend.distance=euclidean",
            "pooled-gmm",
        ],
        min_length=1,
        description="detector, or detector:key=value:key=value; of equals the first",
    )


class Settings(_Section):
    """All settings of a run."""

    _given: dict[str, Any] | None = PrivateAttr(default=None)
    _own_of: str | None = PrivateAttr(default=None)
    _own: dict[str, Any] = PrivateAttr(default_factory=dict)

    dev_directory: Path = Field(Path("./dev_data"), description="development set")
    eval_directory: Path = Field(Path("./eval_data"), description="evaluation set")
    cache_directory: Path = Field(Path("./cache"), description="features; safe to delete")
    model_directory: Path = Field(Path("./model"), description="trained models")
    result_directory: Path = Field(Path("./result"), description="scores, tables, report")
    result_file: str = Field(
        "result.csv",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]*\.csv$",
        max_length=100,
        description="table of metrics",
    )
    edition: str = Field("dcase2021", description="challenge edition: dcase2020 to dcase2026")
    detector: str = Field(
        "mobilenetv2", description="one, or several with commas; see asd detectors"
    )
    seed: int = Field(13711, strict=True, ge=0, lt=2**63, description="of all random numbers")
    max_fpr: float = Field(
        0.1, strict=True, gt=0, le=1, description="false-positive rate up to which pAUC goes"
    )
    decision_threshold: float = Field(
        0.9, strict=True, gt=0, lt=1, description="quantile of the training scores that decides"
    )
    threshold: Literal["gamma", "quantile"] = Field(
        "gamma", description="gamma (fitted distribution) or quantile (of the scores themselves)"
    )
    threshold_groups: Literal["machine", "section", "domain"] = Field(
        "machine", description="clips that share a threshold: of a machine, section or domain"
    )
    score: Literal["reference", "log_odds", "paper"] = Field(
        "reference", description="reference (the baseline's code) or paper (log_odds: the same)"
    )
    feature: FeatureSettings = Field(default_factory=FeatureSettings)
    fit: FitSettings = Field(default_factory=FitSettings)
    pooling: PoolingSettings = Field(default_factory=PoolingSettings)
    backend: BackendSettings = Field(default_factory=BackendSettings)
    discriminative: DiscriminativeSettings = Field(default_factory=DiscriminativeSettings)
    encoder: EncoderSettings = Field(default_factory=EncoderSettings)
    ensemble: EnsembleSettings = Field(default_factory=EnsembleSettings)
    select: SelectSettings = Field(default_factory=SelectSettings)

    @field_validator("result_file")
    @classmethod
    def _is_no_score_file(cls, name: str) -> str:
        if name.startswith(("anomaly_score_", "decision_result_")):
            raise ValueError("it would take the place of a file of scores")
        return name

    def __eq__(self, other: object) -> bool:
        """Compare the values; where they came from does not count."""
        return isinstance(other, Settings) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @property
    def given(self) -> Mapping[str, Any]:
        """What was set by whoever made the settings, by dotted key: no defaults, no recipe."""
        return dict(_set_fields(self, "")) if self._given is None else self._given

    @property
    def own_of(self) -> str | None:
        """The detector that the settings file names, and that its recipe's keys are for."""
        return self._own_of

    @property
    def own(self) -> Mapping[str, Any]:
        """What the file sets for that detector alone, by dotted key."""
        return self._own

    def remember_given(
        self, given: Mapping[str, Any], *, own_of: str | None, own: Mapping[str, Any]
    ) -> None:
        """Keep what was set apart from what a recipe added."""
        self._given, self._own_of, self._own = dict(given), own_of, dict(own)

    @model_validator(mode="after")
    def _transform_holds_a_hop(self) -> "Settings":
        if self.feature.hop_length > self.feature.n_fft:
            raise ValueError(
                f"feature.hop_length ({self.feature.hop_length}) is longer than feature.n_fft "
                f"({self.feature.n_fft}): samples between frames would be lost"
            )
        return self


def _set_fields(section: BaseModel, prefix: str) -> Iterator[tuple[str, Any]]:
    for name in section.model_fields_set:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _set_fields(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
