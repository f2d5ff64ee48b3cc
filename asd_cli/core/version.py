"""The version of this package, as it is installed."""

from functools import cache


@cache
def package_version() -> str:
    """Give the version; it is read from the installed files when first asked for.

    Examples
    --------
    >>> package_version().split(".")[0]
    '0'
    """
    from importlib.metadata import version

    return version("asd-cli")
