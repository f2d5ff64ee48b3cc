"""The official score of each edition: arrays of figures in, floats out.

What a row of figures is of depends on the edition: see `asd_cli.evaluation.rules`.
Figures that a row does not have are NaN and left out. All functions take one value a row, or one a
row and draw of a bootstrap, and average over the first axis.
"""

from collections.abc import Sequence

import numpy as np

from asd_cli.evaluation.means import FloatArray, arithmetic, harmonic


def official_score_2020(machines: Sequence[str], auc: FloatArray, pauc: FloatArray) -> FloatArray:
    """Arithmetic mean over machine types of the arithmetic mean of AUC and pAUC over ids.

    ``1/M * sum_m (mean_i AUC_mi + mean_i pAUC_mi) / 2`` (the averages per machine type of
    Koizumi et al. 2020). The challenge ranked systems by their average rank
    instead: see `average_ranks`.

    Parameters
    ----------
    machines : sequence of str
        Machine type of each row.
    auc, pauc : ndarray [shape=(n_rows, ...)]
        NaN where undefined.

    Returns
    -------
    ndarray [shape=(...)]
        In [0, 1]; NaN where nothing is defined.
    """
    kinds = np.array(machines)
    averages = [
        arithmetic(figures[kinds == machine])
        for machine in dict.fromkeys(machines)
        for figures in (auc, pauc)
    ]
    return arithmetic(np.array(averages))


def official_score_2021(auc: FloatArray, pauc: FloatArray) -> FloatArray:
    """Harmonic mean of AUC and pAUC over machine types, sections and domains.

    ``n / sum(1 / max(x, 2.22e-16))`` over the n values of both that are defined (Kawaguchi et al.
    2021, section 2.3).

    Parameters
    ----------
    auc, pauc : ndarray [shape=(n_rows, ...)]
        A row a machine type, section and domain; NaN where undefined.

    Returns
    -------
    ndarray [shape=(...)]
        In [0, 1]; NaN where nothing is defined.
    """
    return harmonic(np.concatenate([auc, pauc]))


def official_score_2022(
    auc_source: FloatArray, auc_target: FloatArray, pauc: FloatArray
) -> FloatArray:
    """Harmonic mean of source AUC, target AUC and pAUC over machine types and sections.

    ``n / sum(1 / max(x, 2.22e-16))`` over the n values of the three that are defined. The AUC of a
    domain is of its normal clips against all anomalous clips of the section, the pAUC of all clips
    (Dohi et al. 2022; the same in 2023 and later).

    Parameters
    ----------
    auc_source, auc_target, pauc : ndarray [shape=(n_rows, ...)]
        NaN where undefined.

    Returns
    -------
    ndarray [shape=(...)]
        In [0, 1]; NaN where nothing is defined.
    """
    return harmonic(np.concatenate([auc_source, auc_target, pauc]))


def average_ranks(figures: Sequence[Sequence[float | None]]) -> tuple[float, ...]:
    """Average rank of each system over several figures, as DCASE 2020 ranked its systems.

    The rank of a system in a figure is 1 plus the number of systems that are higher; undefined
    figures come last.

    Parameters
    ----------
    figures : sequence of sequence of float or None
        For each system the same figures: average AUC and average pAUC of each machine type.

    Returns
    -------
    tuple of float
        At least 1; lower is better.
    """
    known = np.array([[-np.inf if v is None else v for v in values] for values in figures])
    ranks = 1 + (known[None, :, :] > known[:, None, :]).sum(axis=1)
    return tuple(float(rank) for rank in ranks.mean(axis=1))
