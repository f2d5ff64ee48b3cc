"""Where everything of a run is."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from asd_cli.core.types import Mode, Split
from asd_cli.datasets.dcase.dataset import DcaseDataset
from asd_cli.datasets.dcase.editions import Edition, load_edition
from asd_cli.datasets.dcase.folders import find_machines
from asd_cli.detectors.plans import Plan
from asd_cli.features.recipe import FeatureParameters
from asd_cli.pipeline.options import feature_parameters
from asd_cli.settings.model import Settings

_SOURCE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one mode and detector.

    Attributes
    ----------
    settings : Settings
        What the run is set to.
    mode : Mode
        Development or evaluation set; models and results of the two never share a path.
    """

    settings: Settings
    mode: Mode

    @property
    def edition(self) -> Edition:
        """The challenge edition; UsageError when it is not in the catalogue."""
        return load_edition(self.settings.edition)

    @property
    def plan(self) -> Plan:
        """The detector, ensemble or choice; UsageError when there is none of that name."""
        return self.settings.plan

    @property
    def dataset(self) -> DcaseDataset:
        """Recordings of the mode."""
        return DcaseDataset(self.data_directory, self.edition, self.mode)

    @property
    def data_directory(self) -> Path:
        """Folder of the recordings of the mode."""
        if self.mode is Mode.DEV:
            return self.settings.dev_directory
        return self.settings.eval_directory

    @property
    def ground_truth_directory(self) -> Path:
        """Official labels of the evaluation set."""
        return self.settings.eval_directory / "ground_truth"

    @property
    def result_directory(self) -> Path:
        """Scores, tables and report."""
        return self._folder(self.settings.result_directory)

    @property
    def result_csv(self) -> Path:
        """The table of metrics."""
        return self.result_directory / self.settings.result_file

    @property
    def manifest(self) -> Path:
        """What the results were made from."""
        return self.result_directory / "manifest.json"

    @property
    def report(self) -> Path:
        """The page that shows everything."""
        return self.result_directory / "report.html"

    def window_scores(self, machine: str) -> Path:
        """Scores of all windows of a machine's test clips."""
        return self.result_directory / f"window_scores_{machine}.safetensors"

    def command(self, verb: str, machine: str | None = None) -> str:
        """Write the command that does something with this mode and detector, for hints."""
        words = ["asd", verb, "--mode", self.mode.value, "--detector", self.plan.name]
        words += self.edition.option.split()
        words += ["--set", "layout=flat"] if self.settings.layout == "flat" else []
        return " ".join([*words, "--machine", machine] if machine else words)

    def machines(self, requested: tuple[str, ...]) -> tuple[str, ...]:
        """Machine types in the data folder; errors as in `find_machines`."""
        return find_machines(self.data_directory, self.edition, requested, mode=self.mode)

    def features(self) -> FeatureParameters:
        """How features are computed; the edition says which channel where settings do not."""
        return feature_parameters(self.settings, channel=self.edition.channel)

    def store(self, machine: str, split: Split) -> Path:
        """Name of the feature store of a machine's training or test clips.

        Recordings of different folders have different names.
        """
        source = hashlib.sha256(
            str(self.data_directory.absolute()).encode("utf-8", "surrogateescape")
        )
        folder = self.settings.cache_directory / self.features().fingerprint[:12]
        return folder / f"{machine}_{split}.{source.hexdigest()[:_SOURCE_DIGITS]}"

    @property
    def model_directory(self) -> Path:
        """Models, their histories and the state of unfinished training."""
        return self._folder(self.settings.model_directory)

    def model(self, machine: str) -> Path:
        """Model file of a machine."""
        return self.model_directory / f"model_{machine}.safetensors"

    @property
    def network(self) -> Path:
        """Model file of the network that all machines share."""
        return self.model_directory / "network.safetensors"

    @property
    def network_checkpoint(self) -> Path:
        """State of that network's unfinished training."""
        return self.model_directory / "network.checkpoint.safetensors"

    def checkpoint(self, machine: str) -> Path:
        """State of a machine's unfinished training."""
        return self.model_directory / f"checkpoint_{machine}.safetensors"

    def history(self, machine: str, suffix: str) -> Path:
        """Losses of a machine's training, as ``.csv`` or ``.png``."""
        return self.model_directory / f"history_{machine}{suffix}"

    def member(self, detector: str) -> "Layout":
        """Give the layout of another detector in the same run.

        What a detector builds on has folders of its own, also where its own files are flat.
        """
        settings = self.settings.with_detector(detector)
        return Layout(settings.model_copy(update={"layout": "nested"}), self.mode)

    def _folder(self, root: Path) -> Path:
        return root if self.settings.layout == "flat" else root / self.mode / self.plan.name
