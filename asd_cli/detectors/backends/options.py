"""Parameters of a back end."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from asd_cli.core.structures import Structure
from asd_cli.detectors.options import option


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions(Structure):
    """How the distance of an embedding from those of normal clips is measured.

    Attributes
    ----------
    kind : str
        ``knn``, ``lof``, ``gmm``, ``mahalanobis`` or ``kmeans``.
    distance : str
        ``cosine`` (embeddings are scaled to length 1 first), ``euclidean``, ``whitened``
        (Euclidean, after whitening by the normal clips of the group), ``zscore`` (Euclidean, each
        dimension in standard deviations of these clips) or ``adaptive`` (between the two, the
        nearer to whitened the more clips there are for the dimensions).
    neighbors : int
        Nearest references that count, of ``knn``, ``lof`` and ``kmeans``.
    components : int
        Gaussians of ``gmm``, centres of ``kmeans``; fewer where there are fewer clips.
    references : str
        Compare with clips of the same ``section``, or of the whole ``machine``.
    domains : str
        ``pooled``: source and target clips together; ``minimum``: apart, and the smaller score
        counts; ``own``: apart, and the clip's own domain counts where it is known.
    smote : float
        Target clips are made up to this fraction of the source clips; 0 for none.
    density : int
        Neighbours over which each reference's own distance is averaged, to divide by it (local
        density normalisation of ``knn`` and ``kmeans``); 0 for none.
    """

    SECTION: ClassVar[str] = "backend"

    kind: Literal["knn", "lof", "gmm", "mahalanobis", "kmeans"] = option(
        "knn", "knn, lof, gmm, mahalanobis or kmeans"
    )
    distance: Literal["cosine", "euclidean", "whitened", "zscore", "adaptive"] = option(
        "cosine", "cosine, euclidean, whitened, zscore, or adaptive (by number of clips)"
    )
    neighbors: Annotated[int, Ge(1), Le(1000)] = option(1, "nearest clips that count")
    components: Annotated[int, Ge(1), Le(1000)] = option(16, "of gmm, and centres of kmeans")
    references: Literal["section", "machine"] = option(
        "section", "compare with clips of the section or of the machine"
    )
    domains: Literal["pooled", "minimum", "own"] = option(
        "pooled", "source and target clips pooled, or the nearer, or the clip's own"
    )
    smote: Annotated[float, Ge(0), Le(1)] = option(0.0, "target clips made up, per source clip")
    density: Annotated[int, Ge(0), Le(1000)] = option(
        0, "neighbors of density normalization; 0: off"
    )
