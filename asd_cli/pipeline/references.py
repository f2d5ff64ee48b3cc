"""The few normal clips that a model holds, so that it can explain new ones."""

import numpy as np
import numpy.typing as npt

from asd_cli.features.store import FeatureStore

REFERENCES = "normal."
_MAX_REFERENCES = 16


def normal_references(store: FeatureStore) -> dict[str, npt.NDArray[np.float16]]:
    """Choose a few normal clips, evenly, for `Model.explain`; half precision is 0.03 dB."""
    return {
        f"{REFERENCES}{number:03}": np.asarray(store[index], np.float16)
        for number, index in enumerate(reference_indices(store))
    }


def reference_indices(store: FeatureStore) -> list[int]:
    """Give the indices of the clips that `normal_references` keeps."""
    count = min(len(store), _MAX_REFERENCES)
    chosen: list[int] = np.unique(np.linspace(0, len(store) - 1, count).astype(int)).tolist()
    return chosen
