"""Adam as Keras computes it, on torch's fused kernel."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

_BETAS = (0.9, 0.999)
# Keras adds it to the uncorrected root of the second moment, torch to the corrected one.
_EPSILON = 1e-7


def keras_adam(parameters: Iterable[Any], lr: float) -> "torch.optim.Adam":
    """Make the optimiser; `set_epsilon` is to be called before each step.

    Parameters
    ----------
    parameters : iterable
        Tensors, or groups with their own ``lr``.
    lr : float
        Learning rate of what has none of its own.
    """
    import torch

    return torch.optim.Adam(parameters, lr=lr, betas=_BETAS, fused=True)


def set_epsilon(optimizer: "torch.optim.Optimizer", step: int) -> None:
    """Give torch's Adam the epsilon that makes step number `step`, from 1, Keras'."""
    for group in optimizer.param_groups:
        group["eps"] = _EPSILON / (1.0 - _BETAS[1] ** step) ** 0.5
