"""Made-up clips of the domain that has too few (SMOTE)."""

import numpy as np

from asd_cli.detectors.backends.neighbours import FloatArray, Mask, distances

_NEIGHBOURS = 2


def oversample_target(
    embeddings: FloatArray, target: Mask, *, ratio: float, kind: str, seed: int
) -> tuple[FloatArray, Mask]:
    """Add target clips until there are `ratio` times as many as source clips.

    A new one lies at a random place between a target clip and one of its two nearest target clips:
    SMOTE (Chawla et al. 2002).

    Parameters
    ----------
    embeddings : ndarray [shape=(n, d), dtype=float64]
        Source and target clips.
    target : ndarray [shape=(n,), dtype=bool]
        Which are of the target domain.
    ratio : float
        In [0, 1]. Nothing is added where target clips are as many already, or fewer than two.
    kind : str
        Distance: ``cosine`` or ``euclidean``.
    seed : int
        Of the random places.

    Returns
    -------
    embeddings : ndarray [shape=(n + n_new, d), dtype=float64]
    target : ndarray [shape=(n + n_new,), dtype=bool]
    """
    few = embeddings[target]
    missing = int(ratio * np.count_nonzero(~target)) - len(few)
    if missing <= 0 or len(few) < 2:
        return embeddings, target
    pairs = distances(few, few, kind)
    np.fill_diagonal(pairs, np.inf)
    nearest = np.argsort(pairs, axis=1, kind="stable")[:, : min(_NEIGHBOURS, len(few) - 1)]
    generator = np.random.default_rng(seed)
    base = generator.integers(len(few), size=missing)
    other = nearest[base, generator.integers(nearest.shape[1], size=missing)]
    place = generator.random((missing, 1))
    made = few[base] + place * (few[other] - few[base])
    return np.concatenate([embeddings, made]), np.concatenate([target, np.ones(missing, bool)])
