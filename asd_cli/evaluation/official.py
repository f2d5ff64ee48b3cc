"""The official score of each edition: arrays of figures in, floats out.

A row is what an edition takes one AUC or pAUC of:

- ``machine-average`` (2020): the clips of a machine id.
- ``by-domain`` (2021): the clips of a section and domain.
- ``shared-anomalies`` (2022 and later): of a section, the normal clips of one domain against the
  anomalous clips of *both* domains (AUC only), and all clips (pAUC only). Precision, recall and F1
  are of the clips of one domain.

Figures that a row does not have are NaN and left out. All functions take one value a row, or one a
row and draw of a bootstrap, and average over the first axis.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from asd_cli.datasets.dcase.editions import Scoring
from asd_cli.evaluation.metrics import EPSILON

FloatArray = npt.NDArray[np.float64]


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
        _arithmetic(figures[kinds == machine])
        for machine in dict.fromkeys(machines)
        for figures in (auc, pauc)
    ]
    return _arithmetic(np.array(averages))


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
    return _harmonic(np.concatenate([auc, pauc]))


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
    return _harmonic(np.concatenate([auc_source, auc_target, pauc]))


def official_score(
    scoring: Scoring,
    rows: Sequence[tuple[str, str | None]],
    auc: FloatArray,
    pauc: FloatArray,
) -> FloatArray:
    """Compute the official score that goes with a way of scoring.

    Parameters
    ----------
    scoring : str
        ``machine-average``, ``by-domain`` or ``shared-anomalies``.
    rows : sequence of (str, str or None)
        Machine type and domain of each row.
    auc, pauc : ndarray [shape=(n_rows, ...)]
        NaN where a row has none.

    Returns
    -------
    ndarray [shape=(...)]
        NaN where nothing is defined.
    """
    if scoring == "machine-average":
        return official_score_2020([machine for machine, _ in rows], auc, pauc)
    if scoring == "by-domain":
        return official_score_2021(auc, pauc)
    domains = np.array([domain or "" for _, domain in rows])
    return official_score_2022(auc[domains == "source"], auc[domains == "target"], pauc)


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


def _arithmetic(figures: FloatArray) -> FloatArray:
    defined = figures[_defined(figures)]
    return _nothing(figures) if not len(defined) else np.asarray(np.mean(defined, axis=0))


def _harmonic(figures: FloatArray) -> FloatArray:
    defined = figures[_defined(figures)]
    if not len(defined):
        return _nothing(figures)
    return np.asarray(len(defined) / np.sum(1.0 / np.maximum(defined, EPSILON), axis=0))


def _defined(figures: FloatArray) -> npt.NDArray[np.bool_]:
    """Which rows are defined; a figure is so in all draws or in none."""
    return np.array([not np.isnan(figure).any() for figure in figures], bool)


def _nothing(figures: FloatArray) -> FloatArray:
    return np.full(figures.shape[1:], np.nan)
