"""Published reference results of an edition, to stand beside any system's; data in `published/`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from asd_cli.reporting.published import Anchor


@dataclass(frozen=True, slots=True)
class ReferenceSystem:
    """A system whose figures were published machine by machine.

    Attributes
    ----------
    name, source : str
        Which, and where it was published.
    machines : mapping of str to (float, float)
        Harmonic means of AUC and of pAUC over a machine's sections and domains, in [0, 1].
    """

    name: str
    source: str
    machines: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class References:
    """What was published of an edition and mode.

    Attributes
    ----------
    machines : tuple of str
        The edition's machine types: official scores are over all of them.
    anchors : tuple of Anchor
        Official scores in percent.
    systems : tuple of ReferenceSystem
        Figures per machine type.
    """

    machines: tuple[str, ...]
    anchors: tuple[Anchor, ...]
    systems: tuple[ReferenceSystem, ...]


def published_references(edition: str, mode: str) -> References | None:
    """Look up what was published of an edition and mode.

    Parameters
    ----------
    edition : str
        Name of an edition in the catalogue.
    mode : str
        ``dev`` or ``eval``.

    Returns
    -------
    References or None
        None where nothing is known.
    """
    path = files("asd_cli.reporting") / "published" / f"{edition}.toml"
    if not path.is_file():
        return None
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    known = facts["modes"].get(mode, {})
    anchors = tuple(Anchor(*entry) for entry in known.get("anchors", ()))
    systems = tuple(
        ReferenceSystem(
            entry["name"],
            entry["source"],
            {m: (auc / 100, pauc / 100) for m, (auc, pauc) in entry["machines"].items()},
        )
        for entry in known.get("systems", ())
    )
    if not anchors and not systems:
        return None
    return References(tuple(known.get("machines") or facts["machines"]), anchors, systems)
