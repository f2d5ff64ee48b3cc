"""The autoencoder of the DCASE 2021 Task 2 baseline, as a torch module."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

_HIDDEN = (128, 128, 128, 128, 8, 128, 128, 128, 128)
# Keras' defaults of BatchNormalization, in torch's sense of momentum.
_MOMENTUM, _EPSILON = 0.01, 1e-3

KerasWeights = dict[str, npt.NDArray[np.float32]]


class Autoencoder(nn.Module):
    """Nine dense layers with batch norm and ReLU, and a linear one back to the input's size.

    Parameters
    ----------
    n_inputs : int
        Values in a window: frames times bands.
    generator : torch.Generator, optional
        Source of the initial weights; without it they are left as torch makes them.
    """

    def __init__(self, n_inputs: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        widths = (n_inputs, *_HIDDEN, n_inputs)
        self.dense = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(
            nn.BatchNorm1d(width, eps=_EPSILON, momentum=_MOMENTUM) for width in _HIDDEN
        )
        if generator is not None:
            self._initialise(generator)

    def _initialise(self, generator: torch.Generator) -> None:
        """Draw weights as Keras does: Glorot uniform (Glorot & Bengio 2010), biases zero."""
        for layer in self.dense:
            nn.init.xavier_uniform_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, windows: Tensor) -> Tensor:
        """Reconstruct windows [shape=(n, n_inputs), dtype=float32], in decibels."""
        hidden = windows
        for dense, norm in zip(self.dense[:-1], self.norms, strict=True):
            hidden = nn.functional.relu(norm(dense(hidden)))
        reconstruction: Tensor = self.dense[-1](hidden)
        return reconstruction


def to_keras(model: Autoencoder) -> KerasWeights:
    """Write weights in Keras' shapes, ``dense_<n>/kernel`` and so on, to float32 arrays."""
    weights = {}
    for number, dense in enumerate(model.dense):
        weights[f"dense_{number}/kernel"] = _array(dense.weight.T)
        weights[f"dense_{number}/bias"] = _array(dense.bias)
    for number, norm in enumerate(model.norms):
        for key, tensor in _norm_tensors(norm).items():
            weights[f"norm_{number}/{key}"] = _array(tensor)
    return weights


def from_keras(model: Autoencoder, weights: Mapping[str, npt.NDArray[Any]]) -> None:
    """Load weights written by `to_keras`, or taken from a Keras model; KeyError where one lacks."""
    with torch.no_grad():
        for number, dense in enumerate(model.dense):
            dense.weight.copy_(torch.from_numpy(weights[f"dense_{number}/kernel"]).T)
            dense.bias.copy_(torch.from_numpy(weights[f"dense_{number}/bias"]))
        for number, norm in enumerate(model.norms):
            for key, tensor in _norm_tensors(norm).items():
                tensor.copy_(torch.from_numpy(weights[f"norm_{number}/{key}"]))


def _array(tensor: Tensor) -> npt.NDArray[np.float32]:
    return tensor.detach().cpu().clone().contiguous().numpy()


def _norm_tensors(norm: Any) -> dict[str, Tensor]:
    return {
        "gamma": norm.weight,
        "beta": norm.bias,
        "moving_mean": norm.running_mean,
        "moving_variance": norm.running_var,
    }
