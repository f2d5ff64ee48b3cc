"""Where everything of a run lies, and settings in the words of the lower floors."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import Edition, load_edition
from asd_cli.datasets.dcase.folders import find_machines
from asd_cli.detectors.backends.options import BackendOptions
from asd_cli.detectors.base import DetectorOptions, EnsembleOptions
from asd_cli.detectors.discriminative.options import DiscriminativeOptions
from asd_cli.detectors.registry import DetectorSpec, detector_spec
from asd_cli.features.recipe import FeatureParameters
from asd_cli.settings.load import settings_for
from asd_cli.settings.model import Settings
from asd_cli.settings.render import flatten

# The file counts, not where it lies.
_ENCODER = "encoder.checkpoint"
# Settings of training that change no weight.
_INDECISIVE = ("feature.score_hop_frames", "fit.verbose", "fit.compile")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What to extract, train, score or run.

    Attributes
    ----------
    settings : Settings
        Folders, features, detector, training.
    mode : Mode
        Development or evaluation set.
    machines : tuple of str
        Machine types; empty means all.
    device : str
        Where to train and score: ``auto``, ``cpu``, ``cuda`` or ``mps``.
    jobs : int or None
        Worker processes, for clips in extraction and for machine types in training and scoring;
        None means one for each core.
    force : bool
        Do again what is fresh.
    skip_bad : bool
        Leave out recordings that cannot be used, and list them.
    """

    settings: Settings
    mode: Mode = Mode.DEV
    machines: tuple[str, ...] = ()
    device: str = "auto"
    jobs: int | None = None
    force: bool = False
    skip_bad: bool = False


@dataclass(frozen=True, slots=True)
class Workspace:
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
    def detector(self) -> DetectorSpec:
        """The detector; UsageError when there is none of that name."""
        return detector_spec(self.settings.detector)

    @property
    def data_directory(self) -> Path:
        """Recordings of the mode."""
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
        return self.settings.result_directory / self.mode / self.detector.name

    @property
    def result_csv(self) -> Path:
        """The table of metrics."""
        return self.result_directory / self.settings.result_file

    @property
    def manifest(self) -> Path:
        """What the results were made from."""
        return self.result_directory / "manifest.json"

    def command(self, verb: str, machine: str | None = None) -> str:
        """Write the command that does something with this mode and detector, for hints."""
        words = ["asd", verb, "--mode", self.mode.value, "--detector", self.detector.name]
        words += self.edition.option.split()
        return " ".join([*words, "--machine", machine] if machine else words)

    def machines(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Machine types in the data folder; errors as in `find_machines`."""
        return find_machines(self.data_directory, self.edition, wanted)

    def test_roles(self, machine: str) -> tuple[str, ...]:
        """Test folders that the machine has."""
        folder = self.data_directory / machine
        folders = self.edition.folders
        return tuple(r for r in self.edition.test_roles if (folder / folders[r]).is_dir())

    def store(self, machine: str, role: str) -> Path:
        """Feature store of one machine's folder."""
        folder = self.settings.cache_directory / self.mode / self.recipe().fingerprint[:12]
        return folder / f"{machine}_{role}.npy"

    @property
    def report(self) -> Path:
        """The page that shows everything."""
        return self.result_directory / "report.html"

    def window_scores(self, machine: str) -> Path:
        """Scores of all windows of a machine's test clips."""
        return self.result_directory / f"window_scores_{machine}.safetensors"

    @property
    def model_directory(self) -> Path:
        """Models, their histories and the state of unfinished training."""
        return self.settings.model_directory / self.mode / self.detector.name

    def _model_file(self, name: str) -> Path:
        return self.model_directory / name

    def model(self, machine: str) -> Path:
        """Model bundle of a machine."""
        return self._model_file(f"model_{machine}.safetensors")

    @property
    def network(self) -> Path:
        """Bundle of the network that all machines share."""
        return self._model_file("network.safetensors")

    @property
    def network_checkpoint(self) -> Path:
        """State of that network's unfinished training."""
        return self._model_file("network.checkpoint.safetensors")

    def checkpoint(self, machine: str) -> Path:
        """State of a machine's unfinished training."""
        return self._model_file(f"checkpoint_{machine}.safetensors")

    def history(self, machine: str, suffix: str) -> Path:
        """Losses of a machine's training, as ``.csv`` or ``.png``."""
        return self._model_file(f"history_{machine}{suffix}")

    def recipe(self) -> FeatureParameters:
        """How features are computed; the edition says which channel where the settings do not."""
        feature = self.settings.feature
        channel = self.edition.channel if feature.channel is None else feature.channel
        return FeatureParameters(
            sample_rate=feature.sample_rate,
            n_fft=feature.n_fft,
            hop_length=feature.hop_length,
            n_mels=feature.n_mels,
            power=feature.power,
            pad_mode=feature.pad_mode,
            resample=feature.resample,
            channel=channel,
            scale=feature.scale,
        )

    def detector_options(self, device: str) -> DetectorOptions:
        """Give the settings that detectors read."""
        feature, fit = self.settings.feature, self.settings.fit
        return DetectorOptions(
            n_mels=feature.n_mels,
            n_frames=feature.n_frames,
            n_hop_frames=feature.n_hop_frames,
            score_hop_frames=feature.score_hop_frames,
            lr=fit.lr,
            epochs=fit.epochs,
            batch_size=fit.batch_size,
            shuffle=fit.shuffle,
            validation_split=fit.validation_split,
            validation=fit.validation,
            batch_norm=fit.batch_norm,
            precision=fit.precision,
            score=self.settings.score,
            pooling=self.settings.pooling.kind,
            pooling_decay=self.settings.pooling.decay,
            pooling_speeds=tuple(self.settings.pooling.speeds),
            backend=BackendOptions(**self.settings.backend.model_dump()),
            discriminative=DiscriminativeOptions(
                **{
                    **self.settings.discriminative.model_dump(),
                    "resolutions": tuple(self.settings.discriminative.resolutions),
                }
            ),
            encoder=self.settings.encoder.checkpoint,
            recipe=self.recipe(),
            members=tuple(
                (name, self.member(name).detector_options(device)) for name in self._members
            ),
            ensemble=EnsembleOptions(
                weights=tuple(self.settings.ensemble.weights),
                normalization=self.settings.ensemble.normalization,
                groups=self.settings.ensemble.groups,
            ),
            seed=self.settings.seed,
            device=device,
        )

    @property
    def _members(self) -> tuple[str, ...]:
        return self.detector.bases if self.detector.is_ensemble else ()

    def member(self, detector: str, overrides: Mapping[str, Any] | None = None) -> "Workspace":
        """Give the workspace of another detector in the same run, with a recipe of its own."""
        return Workspace(settings_for(self.settings, detector, overrides), self.mode)

    def training_settings(self) -> dict[str, Any]:
        """Give the settings that decide a model's weights, by dotted key."""
        if self._members:
            values = {
                key: value
                for key, value in flatten(self.settings).items()
                if key.startswith("ensemble.")
            }
            for name in self._members:
                own = self.member(name).training_settings()
                values.update({f"{name}: {key}": value for key, value in own.items()})
            return values
        decisive = {"feature", *self.detector.settings}
        values = {
            key: value
            for key, value in flatten(self.settings).items()
            if (key == "seed" or key.partition(".")[0] in decisive)
            and not key.startswith(_INDECISIVE)
        }
        if _ENCODER in values:
            # Loads torch, as whatever uses an encoder does.
            from asd_cli.detectors.pretrained.encoders import encoder_fingerprint

            values[_ENCODER] = encoder_fingerprint(Path(self.settings.encoder.checkpoint))
        return values

    def calibration_settings(self) -> dict[str, Any]:
        """Give the settings that decide a model's threshold, by dotted key."""
        return self.settings.model_dump(
            mode="json", include={"score", "threshold", "threshold_groups", "decision_threshold"}
        )
