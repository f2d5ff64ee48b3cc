"""Numbers that others published for the same data, beside ours; kept as data in `published/`."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from asd_cli.reporting.content import SystemContent


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """A published AUC and pAUC of a section and domain, beside ours."""

    machine: str
    section: str
    domain: str
    auc: float
    pauc: float
    our_auc: float | None
    our_pauc: float | None

    @property
    def difference(self) -> float | None:
        """Our AUC minus theirs."""
        return None if self.our_auc is None else self.our_auc - self.auc


@dataclass(frozen=True, slots=True)
class Anchor:
    """An official score that a system reached, in the words of its source."""

    system: str
    score: str
    source: str


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of the edition and mode."""

    source: str
    rows: tuple[PublishedRow, ...]
    anchors: tuple[Anchor, ...]


def published_figures(system: SystemContent) -> Published | None:
    """Look up published figures for a system's edition and mode.

    Returns
    -------
    Published or None
        None where there are none, or where the recordings are not those of the challenge: a
        synthetic set, or machines that the edition does not have.
    """
    path = files("asd_cli.reporting") / "published" / f"{system.edition}.toml"
    if system.synthetic or not path.is_file():
        return None
    facts = tomllib.loads(path.read_text(encoding="utf-8"))
    known = facts["modes"].get(system.mode, {})
    machines = known.get("machines") or facts["machines"]
    if not set(machines).intersection(system.evaluation.machines):
        return None
    ours = {(row.machine, row.section, row.domain): row.metrics for row in system.evaluation.rows}
    rows = []
    for machine, section, domain, auc, pauc in known.get("rows", ()):
        metrics = ours.get((machine, section, domain))
        if metrics is not None:
            rows.append(
                PublishedRow(machine, section, domain, auc, pauc, metrics.auc, metrics.pauc)
            )
    anchors = tuple(Anchor(*entry) for entry in known.get("anchors", ()))
    return Published(facts["source"], tuple(rows), anchors) if rows or anchors else None
