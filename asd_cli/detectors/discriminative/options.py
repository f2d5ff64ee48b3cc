"""Parameters of the discriminative detector."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from annotated_types import Ge, Le, Len

from asd_cli.core.structures import Structure
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.options import DetectorOptions, FitOptions, option


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions(Structure):
    """Shape and training of the dual-branch network.

    Attributes
    ----------
    resolutions : tuple of int
        Samples in the Fourier transforms of the spectrogram branches, one branch each; the hop is
        half of it.
    sub_clusters : int
        Centres of each class.
    mixup : float
        Fraction of the clips of a batch that are mixed with another.
    speed : float
        Largest change of speed: each training clip is played at a random one in ``1 ± speed``.
    feature_exchange : bool
        Whether to train a second head on embeddings whose branches are from different clips.
    min_batches : int
        Batches in an epoch, at least: the clips of a small set are used several times.
    members : int
        Networks with seeds of their own whose embeddings are joined.
    """

    SECTION: ClassVar[str] = "discriminative"

    resolutions: Annotated[tuple[Annotated[int, Ge(64), Le(65536)], ...], Len(1, 8)] = option(
        (1024,), "samples in the transforms"
    )
    sub_clusters: Annotated[int, Ge(1), Le(1024)] = option(16, "centres of each class")
    mixup: Annotated[float, Ge(0), Le(1)] = option(0.5, "fraction of clips mixed with another")
    speed: Annotated[float, Ge(0), Le(0.5)] = option(
        0.0, "training clips are played up to this much slower or faster"
    )
    feature_exchange: bool = option(True, "train on exchanged branches as well")
    min_batches: Annotated[int, Ge(1), Le(10000)] = option(32, "batches in an epoch, at least")
    members: Annotated[int, Ge(1), Le(64)] = option(1, "networks with seeds of their own, joined")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminativeOptions(DetectorOptions):
    """Network, training and a back end."""

    network: NetworkOptions = field(default_factory=NetworkOptions)
    fit: FitOptions = field(default_factory=FitOptions)
    backend: BackendOptions = field(default_factory=BackendOptions)
