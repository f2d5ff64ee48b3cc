"""The dual-branch network with the losses it is trained by."""

from torch import nn

from asd_cli.detectors.discriminative.adacos import SubClusterAdaCos
from asd_cli.detectors.discriminative.dual_branch import DualBranch


class Heads(nn.Module):
    """The network and what it is trained by.

    Parameters
    ----------
    network : DualBranch
        Gives the embeddings.
    n_classes : int
        Classes of clips.
    sub_clusters : int
        Centres of each class.
    exchanges : bool
        Whether exchanged branches are learnt from as well.
    """

    def __init__(
        self, network: DualBranch, n_classes: int, *, sub_clusters: int, exchanges: bool
    ) -> None:
        super().__init__()
        size = network.embedding_size
        self.network = network
        self.whole = SubClusterAdaCos(size, n_classes, sub_clusters)
        self.exchanged = SubClusterAdaCos(size, 3 * n_classes, sub_clusters) if exchanges else None
