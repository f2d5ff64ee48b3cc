"""Learning what a record holds: from the frozen copy, a folder, a mirror or Zenodo."""

from pathlib import Path

from asd_cli.core.errors import IntegrityError, NetworkError
from asd_cli.core.events import Events, progress
from asd_cli.fetching.addresses import (
    Origin,
    Site,
    find_record_in_folder,
    record_addresses,
    redact,
)
from asd_cli.fetching.http import AbsentError, Web, blocks, refuse_page
from asd_cli.fetching.patience import Budget, PassingError
from asd_cli.fetching.record import Record, parse_record

_LONGEST_ANSWER = 16 << 20


def look_up(record: int, *, origin: Origin, web: Web, events: Events) -> tuple[Record, str]:
    """Ask what a record holds.

    Sums are taken from a mirror only when nobody on the way to it can have changed them;
    otherwise, and when it does not describe records, Zenodo is asked.

    Returns
    -------
    record : Record
        What was said.
    source : str
        Who said it, without credentials.

    Raises
    ------
    NetworkError
        When nobody answers, or not with a record.
    IntegrityError
        When the answer is unsafe.
    """
    if origin.folder is not None and (path := find_record_in_folder(origin.folder, record)):
        found = parse_record(path.read_bytes(), record=record, where=str(path))
        if found is not None:
            return found, str(path)
    if origin.mirror is not None and origin.mirror.vouches:
        try:
            return _ask(record, origin.mirror, web, events), redact(origin.mirror.base)
        except AbsentError:
            events.note(f"{redact(origin.mirror.base)} has no sums; asking {origin.home.base}")
    try:
        return _ask(record, origin.home, web, events), redact(origin.home.base)
    except NetworkError as error:
        if origin.folder is not None:
            error.hint = _save_beside(origin.folder, origin.home, record)
        raise


def _save_beside(folder: Path, home: Site, record: int) -> str:
    address = record_addresses(home, record)[0]
    return (
        "sizes and MD5 sums come from the record; save it beside the archives: "
        f"curl -o '{folder / f'{record}.json'}' {address}"
    )


def _ask(record: int, site: Site, web: Web, events: Events) -> Record:
    for address in record_addresses(site, record):
        text = _read(site, address, web, events)
        found = parse_record(text, record=record, where=redact(address))
        if found is not None:
            return found
    raise NetworkError(
        f"record {record} at {redact(site.base)} lists no files",
        hint="it may be restricted: set ZENODO_TOKEN to an access token",
    )


def _read(site: Site, address: str, web: Web, events: Events) -> bytes:
    budget = Budget(web.patience, events)
    with progress(events, f"asking {redact(site.base)}", total=None, unit="bytes"):
        while True:
            try:
                return _read_once(site, address, web)
            except PassingError as error:
                budget.spend(error)


def _read_once(site: Site, address: str, web: Web) -> bytes:
    text = bytearray()
    with web.get(site, address, headers={"Accept": "application/json"}) as response:
        for block in blocks(response, address):
            text += block
            if len(text) > _LONGEST_ANSWER:
                raise IntegrityError(
                    f"{redact(address)} answered without end", hint="check the address"
                )
        refuse_page(response, bytes(text[:512]), address)
    return bytes(text)
