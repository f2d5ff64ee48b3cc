"""One back end for a machine: which references a clip is compared with, and how."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from asd_cli.core.errors import DataError
from asd_cli.core.grouping import GroupKey, Indices, blocked_folds, group_clips, group_key, sort_key
from asd_cli.core.seeds import derive_seed
from asd_cli.core.types import DOMAIN, SECTION, Clip, Domain
from asd_cli.detectors.backends.densities import GaussianMixture, Mahalanobis
from asd_cli.detectors.backends.neighbours import (
    Centres,
    FloatArray,
    LocalOutlierFactor,
    Mask,
    Neighbours,
    Tensors,
    unit_length,
)
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.backends.smote import oversample_target
from asd_cli.detectors.backends.whitening import Whitened, apply_factor, factor_for

if TYPE_CHECKING:
    from asd_cli.features.graphs import ClipInputs
    from asd_cli.graphs.values import Value

Embeddings = npt.NDArray[np.floating]
FOLDS = 5


class Scorer(Protocol):
    """Distance from one group of references.

    Attributes
    ----------
    min_clips : int
        References it needs.
    """

    min_clips: int

    def score(self, embeddings: FloatArray) -> FloatArray:
        """Score embeddings [shape=(n, d)]; higher is further from normal."""

    def tensors(self) -> Tensors:
        """Everything that `from_tensors` needs."""


# Distances of embeddings that are scaled by how much normal clips vary first.
SCALED_DISTANCES = frozenset({"whitened", "zscore", "adaptive"})

KINDS: Mapping[str, Any] = {
    "knn": Neighbours,
    "lof": LocalOutlierFactor,
    "gmm": GaussianMixture,
    "mahalanobis": Mahalanobis,
    "kmeans": Centres,
}


class Backend:
    """Anomaly scores of clips from their embeddings.

    Parameters
    ----------
    options : BackendOptions
        Kind, distance, references.
    seed : int
        Of clustering, mixtures, made-up clips.
    """

    def __init__(self, options: BackendOptions, seed: int) -> None:
        self._options, self._seed = options, seed
        self._scorers: dict[GroupKey, Scorer] = {}

    def fit(
        self,
        embeddings: Embeddings,
        clips: Sequence[Clip],
        perturbed: Sequence[Embeddings] = (),
        of: Indices | None = None,
    ) -> None:
        """Learn from normal clips.

        Parameters
        ----------
        embeddings : ndarray [shape=(n_clips, d)]
            One row a clip.
        clips : sequence of Clip
            Whose they are.
        perturbed : sequence of ndarray [shape=(n_perturbed, d)]
            The same clips as they might have sounded: references like the others.
        of : ndarray [shape=(n_perturbed,), dtype=int64], optional
            Which clips were perturbed, ascending; all by default.

        Raises
        ------
        DataError
            When a group of references is too small for the kind of back end.
        """
        self._scorers = {}
        groups = self._grouped(embeddings, clips, perturbed, of)
        for group, (values, target, count) in groups.items():
            if len(values) < self._kind.min_clips:
                whose = " ".join(filter(None, (clips[0].machine, *sort_key(group))))
                raise DataError(
                    f"{whose} has {len(values)} training clip, and the back end "
                    f"{self._options.kind} needs {self._kind.min_clips}",
                    hint="use another: --set backend.kind=knn",
                )
            self._scorers[group] = self._fit_group(group, values, target, count)

    @property
    def _kind(self) -> Any:
        return KINDS[self._options.kind]

    def _grouped(
        self,
        embeddings: Embeddings,
        clips: Sequence[Clip],
        perturbed: Sequence[Embeddings],
        of: Indices | None,
    ) -> dict[GroupKey, tuple[FloatArray, Mask, int]]:
        """Embeddings of each group, which of them are of the target domain, and of how many clips.

        The clips come first, then all of them at the first perturbation, and so on.
        """
        base, versions = self._scaled(embeddings), [self._scaled(each) for each in perturbed]
        chosen = np.arange(len(clips)) if of is None else of
        target = np.array([clip.domain is Domain.TARGET for clip in clips], bool)
        found = {}
        for group, own in group_clips(clips, self._grouped_by).items():
            rows = np.isin(chosen, own)
            values = np.concatenate([base[own], *(each[rows] for each in versions)])
            targets = np.tile(target[chosen[rows]], len(versions))
            found[group] = (values, np.concatenate([target[own], targets]), len(own))
        return found

    def _fit_group(self, group: GroupKey, values: FloatArray, target: Mask, clips: int) -> Scorer:
        options = self._options
        seed = derive_seed(self._seed, "backend", *self._seed_names(group))
        if options.smote:
            values, target = oversample_target(
                values, target, ratio=options.smote, kind=options.distance, seed=seed
            )
        if not self._whitens:
            plain: Scorer = self._kind.fit(values, target, options, seed)
            return plain
        factor = factor_for(values, options.distance, clips)
        return Whitened(factor, self._kind.fit(apply_factor(factor, values), target, options, seed))

    def _seed_names(self, group: GroupKey) -> tuple[str, str]:
        """Name a group as its section and domain, empty where they do not count."""
        names = dict(zip(self._grouped_by, sort_key(group), strict=True))
        return names.get(SECTION, ""), names.get(DOMAIN, "")

    @property
    def _whitens(self) -> bool:
        return self._options.distance in SCALED_DISTANCES

    def score(self, embeddings: Embeddings, clips: Sequence[Clip]) -> npt.NDArray[np.float32]:
        """Score clips of known sections; higher is more anomalous.

        Returns
        -------
        ndarray [shape=(n_clips,), dtype=float32]
        """
        values = self._scaled(embeddings)
        scores = np.empty(len(clips))
        wanted = [self._compared_with(clip) for clip in clips]
        for groups in dict.fromkeys(wanted):
            chosen = np.array([own == groups for own in wanted])
            of_groups = [self._scorers[group].score(values[chosen]) for group in groups]
            scores[chosen] = np.min(of_groups, axis=0)
        return scores.astype(np.float32)

    def cross_scores(
        self,
        embeddings: Embeddings,
        clips: Sequence[Clip],
        perturbed: Sequence[Embeddings] = (),
        of: Indices | None = None,
    ) -> npt.NDArray[np.float32]:
        """Score each training clip by a back end that was fitted without it and its neighbours.

        There are five folds, of blocks of every section, domain and attribute. What has too few
        clips to do without one is scored by a back end that knows it. A clip's perturbed versions
        go with it.

        Returns
        -------
        ndarray [shape=(n_clips,), dtype=float32]
        """
        folds = blocked_folds(clips, FOLDS)
        chosen = np.arange(len(clips)) if of is None else of
        scores = np.empty(len(clips), np.float32)
        for fold in np.unique(folds):
            held = np.flatnonzero(folds == fold).tolist()
            kept = np.flatnonzero(folds != fold)
            rows = np.flatnonzero(np.isin(chosen, kept))
            groups = self._grouped(
                embeddings[kept],
                [clips[i] for i in kept.tolist()],
                [each[rows] for each in perturbed],
                np.searchsorted(kept, chosen[rows]),
            )
            other = Backend(self._options, self._seed)
            other._scorers = dict(self._scorers)
            for group, (values, target, count) in groups.items():
                if len(values) >= self._kind.min_clips:
                    other._scorers[group] = self._fit_group(group, values, target, count)
            scores[held] = other.score(embeddings[held], [clips[i] for i in held])
        return scores

    def _scaled(self, embeddings: Embeddings) -> FloatArray:
        if self._options.distance == "cosine":
            return unit_length(embeddings)
        return np.asarray(embeddings, np.float64)

    @property
    def _grouped_by(self) -> tuple[str, ...]:
        section = (SECTION,) if self._options.references == "section" else ()
        return section if self._options.domains == "pooled" else (*section, DOMAIN)

    def graph(self, clips: "ClipInputs", embeddings: "Value") -> "Value":
        """Score embeddings [shape=(clips, d)] by nodes of a graph [shape=(clips,)]."""
        from asd_cli.detectors.backends.graphs import groups_graph

        def compared_with(section: str | None, domain: str | None) -> tuple[GroupKey, ...]:
            known = {SECTION: section, DOMAIN: domain}
            return self._groups_for(tuple(known[name] for name in self._grouped_by))

        return groups_graph(clips, embeddings, self._scorers, self._options, compared_with)

    def _compared_with(self, clip: Clip) -> tuple[GroupKey, ...]:
        """Find the groups of references that a clip is compared with; the nearest counts."""
        return self._groups_for(group_key(clip, self._grouped_by))

    def _groups_for(self, own: GroupKey) -> tuple[GroupKey, ...]:
        if self._options.domains != "minimum" and own in self._scorers:
            return (own,)
        section = own[:1] if self._options.references == "section" else ()
        return tuple(group for group in self._scorers if group[: len(section)] == section)

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], list[list[str | None]]]:
        """Give tensors, named ``<number of the group>.<name>``, and the groups."""
        groups = sorted(self._scorers, key=sort_key)
        tensors = {
            f"{number}.{name}": np.asarray(tensor)
            for number, group in enumerate(groups)
            for name, tensor in self._scorers[group].tensors().items()
        }
        return tensors, [list(group) for group in groups]

    def restore(
        self, tensors: Mapping[str, npt.NDArray[Any]], groups: Sequence[Sequence[str | None]]
    ) -> None:
        """Restore what `state` gave."""
        for number, group in enumerate(groups):
            prefix = f"{number}."
            own = {
                name.removeprefix(prefix): tensor
                for name, tensor in tensors.items()
                if name.startswith(prefix)
            }
            restore = self._kind.from_tensors
            if self._whitens:
                restore = partial(Whitened.from_tensors, self._kind)
            self._scorers[tuple(group)] = restore(own, self._options)
