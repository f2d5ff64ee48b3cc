"""What the discriminative detector can be told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscriminativeOptions:
    """Shape and training of the dual-branch network.

    Attributes
    ----------
    resolutions : tuple of int
        Samples in the Fourier transforms of the spectrogram branches, one branch each; the hop is
        half of it.
    sub_clusters : int
        Centres of each class.
    mixup : float
        Share of the clips of a batch that are mixed with another.
    speed : float
        Largest change of speed: each training clip is played at a random one in ``1 ± speed``.
    feature_exchange : bool
        Whether to train a second head on embeddings whose branches are from different clips.
    fewest_batches : int
        Batches in an epoch, at least: the clips of a small set are gone through several times.
    members : int
        Networks with seeds of their own whose embeddings are joined.
    """

    resolutions: tuple[int, ...] = (1024,)
    sub_clusters: int = 16
    mixup: float = 0.5
    speed: float = 0.0
    feature_exchange: bool = True
    fewest_batches: int = 32
    members: int = 1
