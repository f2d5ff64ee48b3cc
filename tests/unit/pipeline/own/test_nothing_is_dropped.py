"""Own recordings are used as they were named, or named as not used; no number is made of none."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asd_cli as asd
from asd_cli.core.errors import AsdError, DataError, ProblemsError
from asd_cli.core.types import GROUP, Split
from asd_cli.datasets.recordings import find_recordings
from asd_cli.pipeline.own.groups import Groups
from asd_cli.pipeline.own.intake import take_in
from asd_cli.pipeline.own.registry import Registry
from asd_cli.services.models import ModelSummary, list_models, show_model
from asd_cli.services.own_train import OwnTrainRequest, train_machine
from asd_cli.services.own_update import UpdateRequest, rebaseline, update
from tests.support.fan import fan, write
from tests.support.recordings import write_wav

RATE = 16000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        write(tmp_path / "rec" / f"{number}.wav", fan(2.0, RATE, number), RATE)
    return tmp_path / "rec"


def train(*paths: Path, **options: Any) -> asd.Model:
    settings = asd.load_settings(overrides=["detector=pooled-knn"]).settings
    return asd.train(list(paths), machine="fan", clip_seconds=2.0, settings=settings, **options)


class TestFolders:
    def test_a_link_that_leads_nowhere_is_named(self, folder: Path) -> None:
        (folder / "gone.wav").symlink_to("nowhere.wav")
        (folder / "loop.wav").symlink_to("loop.wav")
        found = take_in([folder], "fan", split=Split.TRAIN)
        assert len(found.recordings) == 6
        assert ["gone.wav" in found.problems[0], "loop.wav" in found.problems[1]] == [True, True]

    def test_a_pipe_is_named(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe.wav")
        (problem,) = take_in([folder], "fan", split=Split.TRAIN).problems
        assert "not a regular file" in problem

    def test_links_to_folders_are_followed_and_loops_end(self, folder: Path) -> None:
        write(folder.parent / "elsewhere" / "x.wav", fan(2.0, RATE, 9), RATE)
        (folder / "more").symlink_to(folder.parent / "elsewhere")
        (folder / "loop").symlink_to(folder)
        assert folder / "more" / "x.wav" in find_recordings(folder)
        assert len(find_recordings(folder)) == 7

    def test_a_folder_whose_listing_fails_is_named(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / "closed").mkdir()
        real = os.scandir

        def scandir(path: str) -> object:
            if str(path).endswith("closed"):
                raise PermissionError(13, "Permission denied", str(path))
            return real(path)

        monkeypatch.setattr(os, "scandir", scandir)
        with pytest.raises(DataError, match="closed cannot be read"):
            find_recordings(folder)

    def test_two_folders_of_one_name_are_kept_apart(self, folder: Path) -> None:
        other = write(folder.parent / "later" / "rec" / "0.wav", fan(2.0, RATE, 20), RATE).parent
        model = train(folder, other)
        assert model.facts.own is not None
        assert model.facts.own.recordings == 7
        files = take_in([folder / "0.wav", other / "0.wav"], "fan", split=Split.TRAIN)
        assert len({recording.whole.name for recording in files.recordings}) == 2

    def test_a_name_that_another_one_begins_with_is_not_mistaken_for_it(self, folder: Path) -> None:
        write(folder / "0.wav copy.wav", fan(2.0, 8000, 30), 8000)
        for number in range(20):  # the machine keeps its rate
            write(folder / f"x{number}.wav", fan(2.0, RATE, 40 + number), RATE)
        settings = asd.load_settings(overrides=["detector=pooled-knn"]).settings
        trained = train_machine(
            OwnTrainRequest(
                sources=(folder,), machine="fan", settings=settings, clip_seconds=2.0,
                skip_bad=True, jobs=1,
            )
        )  # fmt: skip
        assert (trained.recordings, len(trained.skipped)) == (26, 1)

    def test_only_unreadable_recordings_are_all_named(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"")
        (tmp_path / "b.wav").write_text("text")
        with pytest.raises(ProblemsError) as caught:
            train(tmp_path)
        assert len(caught.value.problems) == 2


class TestTables:
    def take(self, folder: Path, text: str) -> list[str]:
        table = folder.parent / "clips.csv"
        table.write_text(text, encoding="utf-8")
        found = take_in([table], "fan", split=Split.TRAIN)
        return [*found.problems, *found.notes, *(str(r.whole.label) for r in found.recordings)]

    def test_columns_are_known_in_capitals(self, folder: Path) -> None:
        found = self.take(folder, "Path,Label\nrec/0.wav,normal\nrec/1.wav,anomaly\n")
        assert found == ["normal", "anomaly"]

    def test_columns_of_challenges_mean_nothing_here(self, folder: Path) -> None:
        table = folder.parent / "clips.csv"
        rows = "".join(f"rec/{n}.wav,workshop,7,new,dry\n" for n in range(3))
        table.write_text(f"path,domain,section,baseline,floor\n{rows}", encoding="utf-8")
        found = take_in([table], "fan", split=Split.TRAIN)
        assert {tuple(r.whole.attributes.items()) for r in found.recordings} == {
            (("floor", "dry"),)
        }
        assert "not used: baseline, domain, section" in found.notes[0]

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("path,label\nrec/0.wav,normal,anomaly\n", ":2: more cells than columns"),
            ("path,Path\nrec/0.wav,rec/1.wav\n", "two columns are called path"),
            ("path,start\nrec/0.wav,1_0\n", "rows"),
            ("path,start\nrec/0.wav,\u0661\n", "rows"),
            ("path,start\nrec/0.wav,nan\n", "rows"),
            ("path\n", "no rows"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, folder: Path, text: str, words: str) -> None:
        with pytest.raises(AsdError, match=words):
            self.take(folder, text)

    def test_a_part_outside_of_its_recording_is_a_problem(self, folder: Path) -> None:
        rows = "path,start,duration\nrec/0.wav,0,1000\nrec/1.wav,50,1\nrec/2.wav,0.5,1.5\n"
        found = self.take(folder, rows)
        assert "0.wav has 2 s, and the part from 0 s to 1000 s is asked for" in found[0]
        assert "1.wav has 2 s, and the part from 50 s to 51 s is asked for" in found[1]
        assert found[2:] == ["None"]

    def test_rows_of_another_split_or_machine_are_counted(self, folder: Path) -> None:
        rows = "path,split,machine\nrec/0.wav,,\nrec/1.wav,test,\nrec/2.wav,,pump\n"
        notes = self.take(folder, rows)
        assert any("1 rows" in note and "for test" in note for note in notes)
        assert any("1 rows" in note and "machine pump" in note for note in notes)

    def test_a_name_with_a_zero_byte_is_a_problem(self, folder: Path) -> None:
        (problem, _) = self.take(folder, "path\nre\0c/0.wav\nrec/1.wav\n")
        assert "is no name of a file" in problem


class TestGroups:
    def groups(self, folder: Path, text: str) -> Groups:
        table = folder.parent / "groups.csv"
        table.write_text(text, encoding="utf-8")
        return Groups.read(str(table))

    @pytest.mark.parametrize("name", ["0.wav", "rec/0.wav", "./rec/0.wav", "absolute"])
    def test_a_recording_is_named_by_the_end_of_its_path(self, folder: Path, name: str) -> None:
        named = str(folder / "0.wav") if name == "absolute" else name
        groups = self.groups(folder, f"path,group\n{named},a\n")
        for sources in ([folder], [folder, folder.parent / "rec" / "1.wav"]):
            found = take_in(sources, "fan", split=Split.TRAIN, groups=groups)
            assert found.recordings[0].whole.attributes == {GROUP: "a"}
            assert GROUP not in found.recordings[1].whole.attributes

    def test_a_row_that_names_no_recording_is_refused(self, folder: Path) -> None:
        self.groups(folder, "path,group\n0.wav,a\nnone.wav,a\n")
        with pytest.raises(ProblemsError, match="name no recording") as caught:
            train(folder, groups=str(folder.parent / "groups.csv"))
        assert list(caught.value.problems) == ["none.wav"]

    @pytest.mark.parametrize(
        "rows", ["0.wav,a\n0.wav,b\n", "0.wav\n", "0.wav,a,b\n", ",a\n", "0.wav,\n"]
    )
    def test_malformed_rows_are_refused_with_their_lines(self, folder: Path, rows: str) -> None:
        with pytest.raises(ProblemsError) as caught:
            self.groups(folder, f"path,group\n{rows}")
        assert ":2: " in caught.value.problems[0] or ":3: " in caught.value.problems[0]

    def test_a_quotation_mark_that_is_not_closed_is_refused(self, folder: Path) -> None:
        with pytest.raises(DataError, match="cannot be read"):
            self.groups(folder, 'path,group\n"0.wav,a\n1.wav,b\n')


class TestNumbers:
    def test_samples_beyond_all_measure_are_not_scored_as_normal(self, folder: Path) -> None:
        model = train(folder)
        loud = write_wav(folder.parent / "loud.wav", 1e30 * fan(2.0, RATE, 7), subtype="FLOAT")
        with pytest.raises(DataError, match="too loud"):
            model.score([loud])
        settings = asd.load_settings().settings
        found = asd.score_files(
            asd.OwnScoreRequest(paths=(loud,), machine="fan", settings=settings)
        )
        assert found.files[0].status == "not scored"
        assert found.files[0].score is None
        with pytest.raises(DataError, match="too loud"):
            model.score([np.full(2 * RATE, 1e30, np.float32)])

    def test_a_score_that_is_no_number_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from asd_cli.detectors.base import Scores

        model = train(folder)
        detector = model._detector
        monkeypatch.setattr(
            detector, "score", lambda store: Scores(np.array([np.nan], np.float32), ())
        )
        with pytest.raises(DataError, match="which is no number"):
            model.score([folder / "0.wav"])

    def test_a_silent_recording_and_another_rate_are_said(self, folder: Path) -> None:
        write_wav(folder / "silent.wav", np.zeros(2 * RATE))
        write(folder / "high.wav", fan(2.0, 48000, 8), 48000)
        settings = asd.load_settings(overrides=["detector=pooled-knn"]).settings
        trained = train_machine(
            OwnTrainRequest(
                sources=(folder,), machine="fan", settings=settings, clip_seconds=2.0, jobs=1
            )
        )
        assert any("fan: 1 of 8 clips is silent: silent.wav" in w for w in trained.warnings)
        assert any("1 of 8 recordings have 48000 Hz" in note for note in trained.notes)


class TestRegistry:
    """What is damaged in the folder of models is named, and nothing of it crashes or is hidden."""

    @pytest.fixture
    def registry(self, folder: Path) -> Registry:
        train(folder)
        train(folder, false_alarm_rate=0.2)
        return Registry(Path("model/own"))

    def listed(self) -> tuple[ModelSummary, ...]:
        return list_models(asd.load_settings().settings)

    @pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"../../x.safetensors\n", b"", None])
    def test_a_pointer_to_nothing(self, registry: Registry, content: bytes | None) -> None:
        pointer = registry.root / "fan" / "current"
        pointer.unlink()
        if content is not None:
            pointer.write_bytes(content)
        (summary,) = self.listed()
        assert (summary.machine, summary.current) == ("fan", False)
        assert "choose one: asd models rollback 'fan'" in summary.problem
        with pytest.raises(DataError, match="names no version of fan"):
            registry.load("fan")
        assert registry.rollback("fan").number == 2
        assert self.listed()[0].problem == ""

    def test_files_that_are_no_versions(self, registry: Registry) -> None:
        for name in (
            "v\u00b21.safetensors",
            "vx.safetensors",
            "v\u0661.safetensors",
            "v.safetensors",
        ):
            (registry.root / "fan" / name).touch()
        (registry.root / "bad\nname").mkdir()
        (registry.root / "bad\nname" / "v0001.safetensors").touch()
        assert [version.number for version in registry.versions("fan")] == [1, 2]
        assert [summary.machine for summary in self.listed()] == ["fan"]

    def test_a_version_that_is_a_folder_is_a_problem_of_its_own(self, registry: Registry) -> None:
        path = registry.path("fan")
        path.unlink()
        path.mkdir()
        first, second = show_model(asd.load_settings().settings, "fan")
        assert (first.problem, second.current) == ("", True)
        assert "v0002" in second.problem


class TestNewVersions:
    def change(self, paths: list[Path], **options: Any) -> UpdateRequest:
        settings = asd.load_settings().settings
        return UpdateRequest(
            machine="fan", paths=tuple(paths), settings=settings, jobs=1, **options
        )

    def test_recordings_of_faults_alone_are_no_new_normal_ones(self, folder: Path) -> None:
        train(folder)
        bad = write(folder.parent / "later" / "anomaly" / "x.wav", fan(2.0, RATE, 9), RATE)
        for verb, options in ((update, {}), (rebaseline, {"reason": "bearing"})):
            with pytest.raises(DataError, match="are of faults"):
                verb(self.change([bad.parent.parent], **options))

    def test_recordings_that_are_gone_are_said(self, folder: Path) -> None:
        train(folder)
        new = write(folder.parent / "new.wav", fan(2.0, RATE, 9), RATE)
        assert not any("not there any more" in w for w in update(self.change([new])).warnings)
        (folder / "0.wav").unlink()
        newer = write(folder.parent / "newer.wav", fan(2.0, RATE, 10), RATE)
        warnings = update(self.change([newer])).warnings
        assert any(w.startswith("1 of the clips that the version before") for w in warnings)

    def test_recordings_that_were_known_already_are_the_new_baseline(self, folder: Path) -> None:
        after = folder.parent / "after"
        for number in range(3):
            write(after / f"{number}.wav", 3 * fan(2.0, RATE, 60 + number), RATE)
        train(folder, after)
        trained = rebaseline(self.change([after], reason="bearing"))
        names = [clip for clip in trained.notes if "are copies" in clip]
        assert "is the same as new/" in names[0]
        assert asd.Model.load(trained.path).score([after / "0.wav"])[0].p_value > 0.05


class TestArrays:
    def test_a_lower_rate_is_refused_by_files_and_arrays_alike(self, folder: Path) -> None:
        model = train(folder)
        low = write(folder.parent / "low.wav", fan(2.0, 8000, 7), 8000)
        cases = ((low, None), (fan(2.0, 8000, 7), 8000), (fan(2.0, RATE, 7), 0))
        for given, rate in cases:
            with pytest.raises(DataError, match="the model needs 16000 Hz or more"):
                model.score([given], sr=rate)
        assert len(model.score([fan(2.0, 48000, 7)], sr=48000)) == 1

    @pytest.mark.parametrize(
        ("arrays", "rate", "words"),
        [
            ([], RATE, "no arrays"),
            ([np.zeros(RATE)], 0, "sample rate"),
            ([np.zeros((RATE, 2))], RATE, "shape"),
            ([np.full(RATE, np.nan)] * 3, RATE, "cannot be used"),
        ],
    )
    def test_an_estimator_refuses_what_it_cannot_learn(
        self, arrays: list[np.ndarray], rate: int, words: str
    ) -> None:
        with pytest.raises(AsdError, match=words):
            asd.SoundAnomalyDetector("pooled-knn").fit(arrays, sr=rate)


def test_a_new_version_leaves_out_what_the_first_one_did_and_knows_its_groups(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bad.wav").write_bytes(b"")
    Path("groups.csv").write_text("path,group\n0.wav,a\n1.wav,a\n", encoding="utf-8")
    settings = asd.load_settings(overrides=["detector=pooled-knn"]).settings
    first = OwnTrainRequest(
        sources=(folder,), machine="fan", settings=settings, clip_seconds=2.0, jobs=1,
        skip_bad=True, groups="groups.csv",
    )  # fmt: skip
    assert len(train_machine(first).skipped) == 1
    new = write(folder.parent / "elsewhere" / "new.wav", fan(2.0, RATE, 9), RATE)
    registry = Path("model").absolute()
    monkeypatch.chdir(new.parent)
    moved = asd.load_settings(overrides=[f"model_directory={registry}"]).settings
    request = UpdateRequest(machine="fan", paths=(new,), settings=moved, jobs=1)
    with pytest.raises(ProblemsError, match="cannot be used"):
        update(request)
    trained = update(replace(request, skip_bad=True))
    assert (trained.recordings, len(trained.skipped)) == (7, 1)
    assert trained.model.facts.calibration is not None
    assert len(set(trained.model.facts.calibration.units)) == 6


@pytest.mark.parametrize("detector", ["mobilenetv2", "mobilenetv2-knn", "pooled-knn+mobilenetv2"])
def test_a_detector_that_needs_sections_is_refused(folder: Path, detector: str) -> None:
    with pytest.raises(asd.UsageError, match="own recordings have none"):
        asd.train(folder, machine="fan", clip_seconds=2.0, detector=detector)
