"""Fetching every edition from a server on this machine: archive names, layouts, what is refused."""

import io
import zipfile
from pathlib import Path

import pytest

from asd_cli.core.errors import UsageError
from asd_cli.core.types import Mode
from asd_cli.datasets.dcase.editions import Edition, edition_names, load_edition
from asd_cli.datasets.dcase.folders import find_machines, list_clips
from tests.support.editions import write_edition
from tests.support.fetching import Sandbox
from tests.support.zenodo_server import ZenodoServer


def archive(root: Path, *folders: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as written:
        for folder in folders:
            for path in sorted((root / folder).rglob("*")):
                if path.is_file():
                    written.write(path, path.relative_to(root))
    return stream.getvalue()


def records_of(edition: Edition, folder: Path, *, again: str = "") -> dict[int, dict[str, bytes]]:
    """One machine of each set, in archives as the records name them; `again` follows the name."""
    records: dict[int, dict[str, bytes]] = {}
    for mode in Mode:
        machine = edition.machines_of[mode][0]
        write_edition(folder / mode, edition, mode)
        tests = [f"{machine}/{edition.folders[role]}" for role in edition.test_roles]
        others = [f"{machine}/{name}" for name in edition.other_folders]
        parts = (
            {"dev": [machine]}
            if mode is Mode.DEV
            else {"eval-train": [f"{machine}/train", *others], "eval-test": tests}
        )
        for stage, folders in parts.items():
            known = edition.stages[stage]
            # The last pattern without a star is the plainest name.
            name = known.archives[-1 if stage != "eval-train" or len(known.archives) < 3 else 1]
            name = name.format(machine=machine).replace(".zip", f"{again}.zip")
            records.setdefault(known.record, {})[name] = archive(folder / mode, *folders)
    return records


@pytest.mark.parametrize("name", edition_names())
def test_every_edition_is_fetched_into_its_layout(
    name: str, sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    edition = load_edition(name)
    records = records_of(edition, tmp_path_factory.mktemp("made"))
    with ZenodoServer(records) as server:
        for mode, stages in ((Mode.DEV, ("dev",)), (Mode.EVAL, ("eval-train", "eval-test"))):
            machine = edition.machines_of[mode][0]
            result = sandbox.fetch(server, edition=name, stages=stages, machines=(machine,))
            assert result.edition == name
            assert len(result.rows) == len(stages)
            folder = sandbox.dev if mode is Mode.DEV else sandbox.eval
            assert find_machines(folder, edition) == (machine,)
            for role in edition.folders:
                assert list_clips(folder, machine, role, mode=mode, edition=edition)
        for other in edition.other_folders:
            assert list((sandbox.eval / edition.machines_of[Mode.EVAL][0] / other).glob("*.wav"))


def test_an_archive_that_was_published_again_goes_before_the_first(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    edition = load_edition("dcase2024")
    folder = tmp_path_factory.mktemp("made")
    records = records_of(edition, folder)
    newer = records_of(edition, folder, again="_r2")
    for record, files in newer.items():
        records[record].update(files)
    with ZenodoServer(records) as server:
        machine = edition.machines_of[Mode.EVAL][0]
        result = sandbox.fetch(
            server, edition="dcase2024", stages=("eval-train",), machines=(machine,)
        )
    assert [row.name for row in result.rows] == [f"eval_data_{machine}_train_r2.zip"]


@pytest.mark.parametrize("name", [name for name in edition_names() if name != "dcase2021"])
def test_labels_that_may_not_be_fetched_say_where_they_are(name: str, sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="labels of .* are in no record") as caught:
        sandbox.fetch(edition=name, stages=("ground-truth",), machines=())
    assert load_edition(name).ground_truth in str(caught.value.hint)
    assert "--ground-truth DIR" in str(caught.value.hint)


def test_a_machine_of_the_other_set_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(UsageError, match="the stage dev of dcase2023 has no bandsaw") as caught:
        sandbox.fetch(edition="dcase2023", stages=("dev",), machines=("bandsaw",))
    assert "ToyCar, ToyTrain, bearing" in str(caught.value.hint)


def test_two_editions_do_not_share_a_data_folder(
    sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> None:
    records: dict[int, dict[str, bytes]] = {}
    for name in ("dcase2022", "dcase2023"):
        records |= records_of(load_edition(name), tmp_path_factory.mktemp(name))
    with ZenodoServer(records) as server:
        wanted = {"stages": ("dev",), "machines": ("ToyCar",)}
        sandbox.fetch(server, edition="dcase2022", **wanted)
        before = sandbox.seen()
        with pytest.raises(
            UsageError, match="holds recordings of dcase2022, and dcase2023"
        ) as caught:
            sandbox.fetch(server, edition="dcase2023", **wanted)
        assert "--root dcase2023" in str(caught.value.hint)
        assert sandbox.seen() == before
