"""Where torch computes, and with how many threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from asd_cli.core.errors import UsageError
from asd_cli.core.memory import keep_freed_memory

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")


def require_device_name(name: str) -> None:
    """Refuse a device that does not exist, without loading torch.

    Raises
    ------
    UsageError
        Names the devices.
    """
    if name.partition(":")[0] not in DEVICES:
        raise UsageError(f"there is no device {name!r}", hint=f"choose of {', '.join(DEVICES)}")


def resolve_device(name: str) -> "torch.device":
    """Choose the device: the one asked for, or with ``auto`` the fastest there is.

    Raises
    ------
    UsageError
        When the device is unknown or not there.
    """
    import torch

    require_device_name(name)
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if name == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if available[kind]))
    if not available[name.partition(":")[0]]:
        raise UsageError(
            f"this machine has no {name} device that torch can use",
            hint="let it choose: --device auto; look at what it sees: asd doctor",
        )
    return torch.device(name)


def use_deterministic_kernels(threads: int | None = None) -> int:
    """Make torch repeat itself bit by bit, and set its number of threads.

    Parameters
    ----------
    threads : int, optional
        Number of threads; torch's own choice by default. Sums are taken in another order with
        another number, so that results agree bit by bit only for the same number.

    Returns
    -------
    int
        Number of threads in force.
    """
    # GNU OpenMP's threads spin for long while they wait, and run ten times slower when another
    # program needs a core as well; asleep at once they lose half their speed on a quiet machine. A
    # short spin loses neither. Read when torch is first imported.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # cuBLAS reads it when it starts; without it the deterministic mode refuses to multiply.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    # The same as use_deterministic_algorithms(True, warn_only=True), which loads torch's compiler
    # besides, and that takes as long as all of torch.
    torch.set_deterministic_debug_mode("warn")
    # Filling new memory with NaN finds bugs in kernels; it costs a sixth of the speed.
    torch.utils.deterministic.fill_uninitialized_memory = False
    torch.backends.cudnn.benchmark = False
    if threads is not None:
        torch.set_num_threads(threads)
    return int(torch.get_num_threads())


@contextmanager
def deterministic_kernels(threads: int | None) -> Iterator[int]:
    """Use deterministic kernels and some threads in the body, as many threads as before after it.

    Yields
    ------
    int
        Number of threads in force.
    """
    before = use_deterministic_kernels()
    keep_freed_memory()
    try:
        yield use_deterministic_kernels(threads)
    finally:
        use_deterministic_kernels(before)
