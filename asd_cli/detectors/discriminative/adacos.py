"""An angular loss with several centres for each class."""

import math

import torch
from torch import Tensor, nn


class SubClusterAdaCos(nn.Module):
    """Cross-entropy over the angles between embeddings and the centres of classes.

    Sub-cluster AdaCos (Wilkinghoff 2021, "Sub-cluster AdaCos: learning representations for
    anomalous sound detection", IJCNN) with trainable centres and the fixed scale of AdaCos (Zhang
    et al. 2019), ``sqrt(2) * ln(n_centres - 1)``: the probability of a class is the sum over its
    centres of the softmax over all centres.

    Parameters
    ----------
    embedding_size : int
        Values in an embedding.
    n_classes, sub_clusters : int
        Classes, and centres of each.
    """

    def __init__(self, embedding_size: int, n_classes: int, sub_clusters: int) -> None:
        super().__init__()
        self.n_classes, self.sub_clusters = n_classes, sub_clusters
        self.centres = nn.Parameter(torch.empty(n_classes * sub_clusters, embedding_size))
        nn.init.xavier_uniform_(self.centres)
        self.scale = math.sqrt(2.0) * math.log(max(n_classes * sub_clusters - 1, 2))

    def log_probabilities(self, embeddings: Tensor) -> Tensor:
        """Logarithms of the probabilities of classes [shape=(n, n_classes)]."""
        cosines = nn.functional.normalize(embeddings) @ nn.functional.normalize(self.centres).T
        log_softmax = (self.scale * cosines).log_softmax(dim=1)
        return log_softmax.unflatten(1, (self.n_classes, self.sub_clusters)).logsumexp(dim=2)

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """Mean cross-entropy with soft labels [shape=(n, n_classes)], in nats."""
        return -(labels * self.log_probabilities(embeddings)).sum(dim=1).mean()


def exchange_features(
    first: Tensor, second: Tensor, labels: Tensor, partner: Tensor, exchanged: Tensor
) -> tuple[Tensor, Tensor]:
    """Join the first branch of some clips with the second of others.

    FeatEx (Wilkinghoff 2024, "Self-supervised learning for anomalous sound detection", ICASSP).
    The network learns to notice, which takes knowing what belongs together.

    Parameters
    ----------
    first, second : Tensor [shape=(n, d1)] and [shape=(n, d2)]
        Embeddings of the branches.
    labels : Tensor [shape=(n, n_classes)]
        Of the clips.
    partner : Tensor [shape=(n,), dtype=int64]
        Whose second branch each clip would take.
    exchanged : Tensor [shape=(n,), dtype=bool]
        Which clips take it.

    Returns
    -------
    embeddings : Tensor [shape=(n, d1 + d2)]
    labels : Tensor [shape=(n, 3 * n_classes)]
        ``(y, 0, 0)`` of what is whole, ``(0, y1 / 2, y2 / 2)`` of what is joined.
    """
    swapped = exchanged[:, None]
    embeddings = torch.cat([first, torch.where(swapped, second[partner], second)], dim=1)
    nothing = torch.zeros_like(labels)
    whole = torch.cat([labels, nothing, nothing], dim=1)
    joined = torch.cat([nothing, 0.5 * labels, 0.5 * labels[partner]], dim=1)
    return embeddings, torch.where(swapped, joined, whole)
