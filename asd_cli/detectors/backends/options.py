"""What a back end can be told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendOptions:
    """How the distance of an embedding from those of normal clips is measured.

    Attributes
    ----------
    kind : str
        ``knn``, ``lof``, ``gmm``, ``mahalanobis`` or ``kmeans``.
    distance : str
        ``cosine`` (embeddings are scaled to length 1 first), ``euclidean`` or ``whitened``
        (Euclidean, after whitening by the normal clips of the group).
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
        Target clips are made up to this share of the source clips; 0 for none.
    density : int
        Neighbours over which each reference's own distance is averaged, to divide by it (local
        density normalisation of ``knn`` and ``kmeans``); 0 for none.
    """

    kind: str = "knn"
    distance: str = "cosine"
    neighbors: int = 1
    components: int = 16
    references: str = "section"
    domains: str = "pooled"
    smote: float = 0.0
    density: int = 0
