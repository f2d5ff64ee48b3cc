from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from asd_cli.core.errors import ConfigError
from asd_cli.detectors.ensemble_options import EnsembleDetectorOptions
from asd_cli.detectors.registry import all_detectors
from asd_cli.features.recipe import FeatureParameters
from asd_cli.pipeline.options import detector_options
from asd_cli.settings.keys import shared_keys
from asd_cli.settings.layers import in_force, load_settings
from asd_cli.settings.model import RUN_FIELDS, Settings
from asd_cli.settings.render import render_changes, render_yaml
from asd_cli.settings.yaml_file import parse_scalar

TOP = Path(__file__).resolve().parents[3]

REFERENCE = """\
dev_directory: ../dev_data
eval_directory: ../eval_data
model_directory: ./model
result_directory: ./result
result_file: result.csv

max_fpr: 0.1
decision_threshold: 0.9

feature:
  n_mels: 128
  n_frames: {n_frames}
  n_hop_frames: {n_hop_frames}
  n_fft: 1024
  hop_length: 512
  power: 2.0

fit:
{fit}
  shuffle: True
  validation_split: 0.1
  verbose: 1
"""
MOBILENETV2 = REFERENCE.format(
    n_frames=64, n_hop_frames=8, fit="  lr: 0.00001\n  epochs: 20\n  batch_size: 32"
)
AUTOENCODER = REFERENCE.format(
    n_frames=5,
    n_hop_frames=1,
    fit="  compile:\n    optimizer: adam\n  epochs: 100\n  batch_size: 512",
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str) -> Path:
    path = Path("settings.yaml")
    path.write_text(text)
    return path


def test_the_file_at_the_top_is_the_defaults() -> None:
    assert (TOP / "baseline.yaml").read_text() == render_yaml()
    loaded = load_settings(TOP / "baseline.yaml", environment={})
    assert in_force(loaded.settings) == in_force(Settings())


def test_the_baselines_own_file_loads_and_means_what_it_says() -> None:
    settings = load_settings(write(MOBILENETV2)).settings
    expected = Settings(dev_directory=Path("../dev_data"), eval_directory=Path("../eval_data"))
    assert in_force(settings) == in_force(expected)


def test_the_autoencoders_file_loads_with_keras_learning_rate() -> None:
    loaded = load_settings(write(AUTOENCODER))
    assert loaded.settings.value("fit.lr") == 0.001
    assert loaded.settings.value("fit.epochs") == 100
    assert loaded.settings.value("feature.n_frames") == 5
    assert "Keras" in loaded.origins["fit.lr"]


def test_the_later_source_wins_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("baseline.yaml").write_text("fit:\n  lr: 1e-5\n  epochs: 1\nseed: 1\n")
    monkeypatch.setenv("ASD__FIT__EPOCHS", "2")
    monkeypatch.setenv("ASD__SEED", "2")
    loaded = load_settings(overrides=["fit.epochs=3", "seed=3"], flags={"seed": ("--seed", 4)})
    assert (loaded.settings.value("fit.lr"), loaded.settings.value("fit.epochs")) == (1e-5, 3)
    assert loaded.settings.seed == 4
    origins = loaded.origins
    assert origins["fit.lr"] == "baseline.yaml:2"
    assert origins["fit.epochs"] == "--set fit.epochs"
    assert origins["seed"] == "--seed"
    assert origins["max_fpr"] == "default"
    assert load_settings(environment={"asd__fit__epochs": "7"}).settings.value("fit.epochs") == 7


@pytest.mark.parametrize("text", ["1e-5", "1E-05", "0.00001", ".00001", "+1e-5"])
def test_numbers_as_people_write_them(text: str) -> None:
    assert load_settings(write(f"fit:\n  lr: {text}\n")).settings.value("fit.lr") == pytest.approx(
        1e-5
    )
    assert parse_scalar(text) == pytest.approx(1e-5)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("fit:\n  epoch: 5\n", "settings.yaml:2", "'fit.epoch' is not a setting"),
        ("seed: 1\nfit:\n  lr: 1.0\n  lr: 2.0\n", "settings.yaml:4", "there twice; first in line 3"),
        ("max_fpr: 0.1\nmax_fpr: 0.2\n", "settings.yaml:2", "there twice"),
        ("\ndecision_threshold: 90\n", "settings.yaml:2", "is 90: Input should be less than 1"),
        ("feature:\n  n_frames: 0\n", "settings.yaml:2", "feature.n_frames is 0"),
        ("seed: !!python/object:os.system x\n", "settings.yaml:1", "tags are not allowed"),
        ("seed: !secret x\n", "settings.yaml:1", "tags are not allowed"),
        ("fit:\n  lr: .nan\n", "settings.yaml:2", "a finite number is needed"),
        ("fit:\n  lr: .inf\n", "settings.yaml:2", "a finite number is needed"),
        ("fit:\n  epochs: yes\n", "settings.yaml:2", "fit.epochs is True"),
        ("fit:\n  epochs: 1.5\n", "settings.yaml:2", "fit.epochs is 1.5"),
        ("max_fpr: yes\n", "settings.yaml:1", "max_fpr is True"),
        ("result_file: ../../etc/passwd\n", "settings.yaml:1", "result_file"),
        ("result_file: manifest.json\n", "settings.yaml:1", "result_file"),
        ("result_file: anomaly_score_fan_section_00_source_test.csv\n", "settings.yaml:1",
         "place of a file of scores"),
        ("fit: &f {lr: 0.1, x: *f}\n", "settings.yaml:1", "anchors and aliases"),
        ("seed: " + "[" * 3000, "settings.yaml", "not valid YAML"),
        ("? [a, b]\n: 1\n", "settings.yaml:1", "a key must be one word"),
        ("seed: 2020-99-99\n", "settings.yaml:1", "seed is '2020-99-99'"),
        ("seed: 010\n", "settings.yaml:1", "seed is '010'"),
        ("seed: 1:30\n", "settings.yaml:1", "seed is '1:30'"),
        ("seed: " + "9" * 5000 + "\n", "settings.yaml", "a value cannot be read"),
        ('seed: !!int "5"\n', "settings.yaml:1", "tags are not allowed"),
        ("feature:\n  n_mels: 1000000000\n", "settings.yaml:2", "less than or equal to 4096"),
        ("fit: 5\n", "settings.yaml:1", "'fit' is a section, not a setting"),
        ("- a\n- b\n", "settings.yaml:1", "not a list of 'key: value' lines"),
        ("fit:\n  lr: [1\n", "settings.yaml:3", "not valid YAML"),
        ("feature:\n  hop_length: 2048\n", "", "hop_length (2048) is longer"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line(text: str, place: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(write(text))
    assert place in caught.value.message
    assert words in caught.value.message


def test_the_nearest_key_is_suggested() -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(overrides=["fit.epcohs=5"])
    assert "did you mean 'fit.epochs'?" in str(caught.value.hint)


@pytest.mark.parametrize("override", ["fit.epochs", "=5", "fit=1"])
def test_malformed_overrides(override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load_settings(overrides=[override])


def test_a_missing_file_and_an_empty_one() -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(Path("none.yaml"))
    assert load_settings(write("# nothing\n")).settings == Settings()


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().seed = 5  # type: ignore[misc]


def test_flat_keys_are_the_keys_of_the_file() -> None:
    assert {*in_force(Settings())} == {*RUN_FIELDS, *shared_keys()}
    assert in_force(Settings())["dev_directory"] == "dev_data"


def test_a_detector_has_a_preset_of_its_own(tmp_path: Path) -> None:
    loaded = load_settings(overrides=["detector=autoencoder"], environment={})
    assert loaded.settings.value("fit.lr") == 0.001
    assert loaded.settings.value("feature.n_frames") == 5
    assert loaded.origins["fit.epochs"] == "preset autoencoder"
    assert load_settings(environment={}).settings.value("fit.lr") == 1e-5


def test_what_is_set_goes_over_the_preset(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("fit:\n  epochs: 7\n")
    chosen = ["detector=autoencoder", "fit.batch_size=9"]
    settings = load_settings(path, overrides=chosen, environment={}).settings
    assert (
        settings.value("fit.epochs"),
        settings.value("fit.batch_size"),
        settings.value("fit.lr"),
    ) == (7, 9, 0.001)


def test_a_file_that_names_its_detector_speaks_of_that_one(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("detector: autoencoder\nfit:\n  epochs: 7\n  batch_size: 100\nseed: 3\n")
    own = load_settings(path, environment={}).settings
    assert (own.value("fit.epochs"), own.value("fit.batch_size"), own.value("fit.lr")) == (
        7,
        100,
        0.001,
    )
    other = load_settings(path, overrides=["fit.batch_size=9"], environment={},
                          flags={"detector": ("--detector", "discriminative")})  # fmt: skip
    assert (other.settings.value("fit.epochs"), other.settings.value("fit.batch_size")) == (16, 9)
    assert other.settings.seed == 3
    assert other.origins["fit.epochs"] == "preset discriminative"
    plain = load_settings(path, environment={}, flags={"detector": ("--detector", "mobilenetv2")})
    assert plain.settings.value("fit.epochs") == 20
    assert plain.origins["fit.epochs"] == "default"


def test_a_file_speaks_for_its_detector_wherever_that_is_used(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("detector: mobilenetv2\nthreshold: gamma\nfit:\n  epochs: 7\n")
    built_on_it = load_settings(
        path, overrides=["detector=mobilenetv2-knn"], environment={}
    ).settings
    assert built_on_it.value("threshold") == "interval"
    base = built_on_it.with_detector("mobilenetv2")
    assert (base.value("fit.epochs"), base.value("threshold")) == (7, "gamma")
    own = load_settings(path, environment={}).settings
    other = own.with_detector("pooled-knn", {"fit.epochs": 3})
    assert (other.value("threshold"), other.value("fit.epochs")) == ("interval", 3)
    assert other.with_detector("mobilenetv2").value("fit.epochs") == 3


def test_every_preset_is_valid() -> None:
    for name in all_detectors():
        assert load_settings(overrides=[f"detector={name}"], environment={}).settings


def test_a_list_is_read_from_the_command_line_and_written_on_one_line() -> None:
    settings = load_settings(
        overrides=["discriminative.resolutions=[256, 1024]"], environment={}
    ).settings
    assert settings.value("discriminative.resolutions") == (256, 1024)
    assert "resolutions: [256, 1024]" in render_yaml(settings)


@pytest.mark.parametrize(
    "name", [*all_detectors(), "auto", "pooled-speed+texture", "pooled-knn,mobilenetv2"]
)
def test_settings_from_python_and_from_overrides_are_the_same(name: str) -> None:
    own = Settings(detector=name)
    loaded = load_settings(overrides=[f"detector={name}"], environment={}).settings
    assert own.for_detector() == loaded.for_detector()
    assert in_force(own) == in_force(loaded)


def test_a_preset_is_in_force_however_settings_are_made() -> None:
    settings = Settings(detector="pooled-speed")
    assert settings.value("backend.distance") == "whitened"
    assert settings.value("pooling.speeds") == (0.95, 0.975, 1.025, 1.05)
    assert settings.parameters == {}


def test_a_changed_seed_reaches_every_member() -> None:
    settings = Settings(detector="pooled-speed+texture").model_copy(update={"seed": 2})
    options = detector_options(settings, features=FeatureParameters(), device="cpu")
    assert isinstance(options, EnsembleDetectorOptions)
    assert [options.seed, *(own.seed for _, own in options.members)] == [2, 2, 2]


@pytest.mark.parametrize("name", ["mobilenetv2", "auto", "pooled-speed+texture"])
def test_settings_survive_the_way_through_plain_values(name: str) -> None:
    sections: dict[str, Any] = {"fit": {"epochs": 3}}
    own = {"texture.pooling.speeds": (0.9,)}
    settings = Settings(detector=name, seed=5, parameters=own, **sections)
    assert settings.value("fit.epochs") == 3
    again = Settings(**settings.model_dump())
    assert again == settings
    assert in_force(again) == in_force(settings)
    assert again.for_detector("texture").values["pooling.speeds"] == (0.9,)
    assert Settings.model_validate_json(settings.model_dump_json()) == settings


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("discriminative.resolutions=256", "discriminative.resolutions"),
        ("pooling.speeds='0.9'", "pooling.speeds"),
        ("texture.pooling.speeds=fast", "texture.pooling.speeds"),
        ("select.candidates=pooled-knn", "select.candidates"),
        ("backend.kind=nonsense", "backend.kind"),
        ("fit.validation=nonsense", "fit.validation"),
        ("feature.pad_mode=nonsense", "feature.pad_mode"),
        ("pooling.kind=nonsense", "pooling.kind"),
        ("ensemble.normalization=nonsense", "ensemble.normalization"),
        ("threshold=nonsense", "threshold"),
        ("score=nonsense", "score"),
        ("detector=", "detector"),
        ("edition=", "edition"),
        ("result_file=", "result_file"),
    ],
)
def test_wrong_values_are_named_with_their_key(override: str, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(overrides=[override], environment={})
    assert f"--set {key}: {key} is " in caught.value.message


@pytest.mark.parametrize(
    "wrong",
    [{"backend": {"kind": "nonsense"}}, {"pooling": {"speeds": "0.9"}}, {"fit": {"epochs": "3"}},
     {"fit": {"epoch": 3}}, {"seed": "3"}],
)  # fmt: skip
def test_wrong_values_are_refused_in_python_too(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_a_parameter_can_be_set_for_one_member_alone() -> None:
    settings = load_settings(
        overrides=["detector=pooled-speed+texture", "texture.pooling.speeds=[]"], environment={}
    ).settings
    assert settings.for_detector("texture").values["pooling.speeds"] == ()
    assert settings.for_detector("pooled-speed").values["pooling.speeds"] == (
        0.95, 0.975, 1.025, 1.05,
    )  # fmt: skip
    options = detector_options(settings, features=FeatureParameters(), device="cpu")
    assert isinstance(options, EnsembleDetectorOptions)
    speeds = {name: getattr(own, "pooling").speeds for name, own in options.members}  # noqa: B009
    assert speeds == {"pooled-speed": (0.95, 0.975, 1.025, 1.05), "texture": ()}


@pytest.mark.parametrize("key", ["mobilenetv2.fit.lr", "fit.lr"])
def test_a_later_value_for_all_goes_over_a_files_for_one(key: str) -> None:
    section, _, _ = key.rpartition("fit.lr")
    nested = "mobilenetv2:\n  fit:\n    lr: 0.5\n" if section else "fit:\n  lr: 0.5\n"
    path = write(f"detector: mobilenetv2\n{nested}")
    assert load_settings(path, environment={}).settings.value("fit.lr") == 0.5
    loaded = load_settings(path, overrides=["fit.lr=0.25"], environment={})
    assert loaded.settings.value("fit.lr") == 0.25
    assert loaded.origin("fit.lr") == "--set fit.lr"
    variable = load_settings(path, environment={"ASD__FIT__LR": "0.125"})
    assert variable.settings.value("fit.lr") == 0.125


def test_a_file_of_one_detector_says_nothing_of_what_it_does_not_read() -> None:
    path = write(render_yaml())
    loaded = load_settings(path, overrides=["detector=pooled-speed"], environment={})
    assert loaded.settings.value("backend.distance") == "whitened"
    assert loaded.origin("backend.distance") == "preset pooled-speed"


def test_a_file_of_a_later_baseline_is_named_as_one(tmp_path: Path) -> None:
    path = tmp_path / "baseline.yaml"
    path.write_text("--dataset_directory: ./data\n--n_mels: 128\n-lr: 0.001\n")
    with pytest.raises(ConfigError, match="baselines of 2023 to 2026") as caught:
        load_settings(path, environment={})
    assert caught.value.hint is not None
    assert "--n_mels is feature.n_mels" in caught.value.hint
    assert "-lr is fit.lr" in caught.value.hint


def test_what_was_set_is_written_alone_and_read_again(tmp_path: Path) -> None:
    given = {"detector": "robust", "seed": 3, "threshold": "gamma"}
    settings = Settings.model_validate({**given, "fit": {"lr": 0.001, "epochs": 6}})
    text = render_changes(settings, "of a test")
    assert len(text.splitlines()) == 7, text
    (tmp_path / "baseline.yaml").write_text(text)
    again = load_settings(tmp_path / "baseline.yaml", environment={}).settings
    assert again == settings
    assert render_changes(Settings(), "nothing").splitlines() == ["# nothing"]


def test_the_year_of_an_edition_is_enough() -> None:
    assert Settings(edition="2023").edition == "dcase2023"
    assert load_settings(overrides=["edition=2024"], environment={}).settings.edition == "dcase2024"
