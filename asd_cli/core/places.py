"""Where bytes are: a file of this machine, an object in a store, a member of a tar shard."""

from pathlib import Path

from asd_cli.core.remote import list_below, read_object, url_of
from asd_cli.core.shards import TAR, read_member, signature_of, split_member


def is_ordinary(path: Path) -> bool:
    """Whether a path is of a file that the operating system opens.

    Examples
    --------
    >>> [is_ordinary(Path(text)) for text in ("a/b.wav", "s3://a/b.wav", "000000.tar/b.wav")]
    [True, False, False]
    """
    text = path.as_posix()
    if ":/" not in text and f"{TAR}/" not in text:
        return True
    # A folder may be called x.tar, and one whose name ends with a colon is no URL.
    member = split_member(path)
    return url_of(path) is None and (member is None or member[0].is_dir())


def read_place(path: Path) -> bytes:
    """Read what is not an ordinary file.

    Raises
    ------
    DataError
        When there is no such object or member, or its shard is damaged.
    NetworkError, StorageError
        When its store cannot be reached or may not be read.
    """
    member = split_member(path)
    return read_object(path) if member is None else read_member(*member)


def place_signature(path: Path) -> tuple[int, str]:
    """Give what a listing shows of a file's content: bytes, and a tag or time; nothing is read.

    A file that is not there has the size -1. One in a shard has the signature of the shard.
    """
    member = None if is_ordinary(path) else split_member(path)
    return signature_of(path if member is None else member[0])


def changed_at(path: Path) -> float:
    """Give when a file or its shard may have changed, in seconds since 1970.

    Copies with an old date have a new time of status change. Of files in a store it is 0: whoever
    asks compares a sample of them all the same, and clocks of stores are not ours.
    """
    member = None if is_ordinary(path) else split_member(path)
    place = path if member is None else member[0]
    if url_of(place) is not None:
        return 0.0
    status = place.stat()
    return max(status.st_mtime, status.st_ctime)


def is_folder(path: Path) -> bool:
    """Whether files can be listed below a path."""
    if url_of(path) is None:
        return path.is_dir()
    below = list_below(path)
    return bool(below) and set(below) != {""}
