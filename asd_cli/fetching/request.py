"""What to fetch, and what was found and done."""

from dataclasses import dataclass, field
from pathlib import Path

from asd_cli.datasets.dcase.editions import DEFAULT_EDITION, Stage
from asd_cli.fetching.plan import FileReport
from asd_cli.fetching.retry import RetryPolicy
from asd_cli.fetching.sources import ZENODO


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchRequest:
    """What to fetch.

    Attributes
    ----------
    stages : tuple of str
        Stages of the edition; ``all`` for every one.
    machines : tuple of str
        Machine types; empty for all.
    root : Path
        Folder that relative data folders are relative to.
    dev_directory, eval_directory : Path
        Data folders.
    edition : str
        Name in the catalogue.
    origin : str or None
        Folder, ``file://`` address or mirror that has the archives; None for Zenodo.
    dry_run : bool
        Only find out what would be done; nothing is written.
    check : bool
        Only verify what is there, byte for byte, without the network.
    keep_archives : bool
        Keep archives in the data folder's ``.asd-fetch/archives``.
    base_url : str
        Zenodo, or what stands for it.
    token : str or None
        Zenodo access token; None for the one in ``ZENODO_TOKEN``.
    retry : RetryPolicy
        Timeouts and retries.

    Examples
    --------
    >>> from asd_cli.datasets.dcase.editions import load_edition
    >>> request = FetchRequest(stages=("dev",), machines=("fan",), root=Path("data"))
    >>> request.data_folder(load_edition().stages["dev"]).as_posix()
    'data/dev_data'
    """

    stages: tuple[str, ...]
    machines: tuple[str, ...] = ()
    root: Path = field(default_factory=Path)
    dev_directory: Path = Path("dev_data")
    eval_directory: Path = Path("eval_data")
    edition: str = DEFAULT_EDITION
    origin: str | None = None
    dry_run: bool = False
    check: bool = False
    keep_archives: bool = False
    base_url: str = ZENODO
    token: str | None = field(default=None, repr=False)
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def data_folder(self, stage: Stage) -> Path:
        """Give the data folder that takes what a stage holds."""
        of_dev = stage.holds == "dev"
        return self.root / (self.dev_directory if of_dev else self.eval_directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchResult:
    """What was found and done.

    Attributes
    ----------
    edition : str
        Name in the catalogue.
    rows : tuple of FileReport
        One for each file, in the order of stages and machines.
    transfer_bytes : int
        What was still to come over the network at the start.
    disk_needed : int
        What the disk had to have free at the start; estimated.
    licence : str
        Of recordings and labels.
    citations : tuple of str
        What to cite.
    nothing_to_do : bool
        Whether everything was up to date at the start.
    """

    edition: str
    rows: tuple[FileReport, ...]
    transfer_bytes: int
    disk_needed: int
    licence: str
    citations: tuple[str, ...]
    nothing_to_do: bool

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return sum(row.size for row in self.rows)

    @property
    def urls(self) -> tuple[str, ...]:
        """Addresses of all files, for other downloaders."""
        return tuple(row.url for row in self.rows)
