"""Feature rows as tensors: gathered from the store, or kept whole on a graphics processor."""

import numpy as np
import numpy.typing as npt
import torch

_SHARE_OF_FREE_MEMORY = 0.5


class Rows:
    """Rows of log-mel features on the device that computes.

    On a CPU they are gathered from the memory-mapped store: 81 µs for a batch of 32 windows. A
    graphics processor would wait for that and for its transfer, so it is given all rows once where
    they take less than half of its free memory; a machine of 3,000 clips has 0.5 GB.

    Parameters
    ----------
    data : ndarray [shape=(n_rows, n_mels), dtype=float32]
        A store's, or a view of it.
    device : torch.device
        Where tensors are wanted.
    keep : bool, optional
        Whether to hold all rows there; by default on CUDA devices that have room.
    """

    def __init__(
        self, data: npt.NDArray[np.float32], device: torch.device, *, keep: bool | None = None
    ) -> None:
        self._data, self._device = data, device
        kept = _has_room(device, data.nbytes) if keep is None else keep
        self._kept = torch.from_numpy(np.ascontiguousarray(data)).to(device) if kept else None

    def __getitem__(self, rows: npt.NDArray[np.int64]) -> torch.Tensor:
        """Tensor of some rows [shape=(*rows.shape, n_mels), dtype=float32]."""
        if self._kept is not None:
            return self._kept[torch.from_numpy(rows).to(self._device)]
        batch = torch.from_numpy(np.ascontiguousarray(self._data[rows]))
        return batch.to(self._device, non_blocking=True)


def _has_room(device: torch.device, needed: int) -> bool:
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return bool(needed < _SHARE_OF_FREE_MEMORY * free)
