"""One seed for a run, and independent seeds for its parts."""

import hashlib


def derive_seed(seed: int, *names: str | int) -> int:
    """Give a part of a run its own seed.

    Hashing keeps the parts independent of each other and of the order they are asked for, so that
    leaving one machine out does not change another's result.

    Parameters
    ----------
    seed : int
        The run's seed.
    *names : str or int
        What the part is: a machine, an epoch.

    Returns
    -------
    int
        In [0, 2**63).
    """
    text = "\x1f".join(str(part) for part in (seed, *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
