"""Batch-norm statistics of the whole training set, in one pass without a momentum."""

from collections.abc import Callable, Iterable
from typing import Any


def recalibrate(model: Any, forward: Callable[[Any], object], batches: Iterable[Any]) -> None:
    """Replace running means and variances by averages over some batches.

    With Keras' momentum of 0.999 the running statistics are still near their initial values after
    a few hundred steps, and a model that scores with them gives every clip about the same score.

    Parameters
    ----------
    model : torch.nn.Module
        Its batch-norm layers are changed; momentum and mode are left as they were.
    forward : callable
        Runs the model on one batch.
    batches : iterable
        The batches; each counts the same, whatever its size.
    """
    import torch
    from torch.nn.modules.batchnorm import _BatchNorm

    layers = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = [layer.momentum for layer in layers]
    was_training = model.training
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch: a cumulative average
    model.train()
    with torch.no_grad():
        for batch in batches:
            forward(batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(was_training)
