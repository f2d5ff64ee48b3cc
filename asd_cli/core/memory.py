"""How freed memory is kept for the next piece of the same work."""

import ctypes
import os

# From <malloc.h>.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_KEPT_BYTES = 512 * 1024 * 1024


def keep_freed_memory() -> None:
    """Keep what the GNU C library would return to the system after every step.

    It gives freed blocks of some size back at once, and each clip or batch faults its arrays in
    page by page again: scoring and extraction took two to three times as long. The most that is
    held at once, which is what a machine must have, does not change. Elsewhere it does nothing.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None:
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
