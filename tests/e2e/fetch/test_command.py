"""Exit statuses and messages of the command `asd fetch`."""

import json
from pathlib import Path

import pytest

from tests.support.command import asd
from tests.support.zenodo_server import ZenodoServer

FAN = ("fetch", "--stage", "dev", "--machine", "fan")
DCASE_2021 = {
    "arXiv:2106.04492": (
        "Kawaguchi, Imoto, Koizumi, Harada, Niizumi, Dohi, Tanabe, Purohit, Endo",
        "Description and Discussion on DCASE 2021 Challenge Task 2: Unsupervised Anomalous Sound "
        "Detection for Machine Condition Monitoring under Domain Shifted Conditions",
    ),
    "arXiv:2106.02369": (
        "Harada, Niizumi, Takeuchi, Ohishi, Yasuda, Saito",
        "ToyADMOS2: Another Dataset of Miniature-Machine Operating Sounds for Anomalous Sound "
        "Detection under Domain Shift Conditions",
    ),
    "arXiv:2105.02702": (
        "Tanabe, Purohit, Dohi, Endo, Nikaido, Nakamura, Kawaguchi",
        "MIMII DUE: Sound Dataset for Malfunctioning Industrial Machine Investigation and "
        "Inspection with Domain Shifts due to Changes in Operational and Environmental Conditions",
    ),
}


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("options", [(), ("--format", "json")], ids=["text", "json"])
def test_citations_are_printed_in_full_after_a_fetch(
    zenodo: ZenodoServer, options: tuple[str, ...]
) -> None:
    result = asd(*FAN, *options)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("cite: ")]
    assert len(lines) == len(DCASE_2021)
    for line, (number, parts) in zip(lines, DCASE_2021.items(), strict=True):
        assert number in line
        assert all(part in line for part in parts)
    if options:
        assert len(json.loads(result.stdout)["citations"]) == len(DCASE_2021)
    again = asd(*FAN, *options)
    assert "cite: " not in again.stderr


def test_7_is_the_status_of_a_file_of_the_users_own(zenodo: ZenodoServer, tmp_path: Path) -> None:
    first = asd(*FAN)
    assert first.exit_code == 0, first.output
    own = min((tmp_path / "dev_data" / "fan").rglob("*.wav"))
    for record in (tmp_path / "dev_data" / ".asd-fetch" / "receipts").iterdir():
        record.unlink()
    own.write_bytes(b"mine")
    result = asd(*FAN)
    assert result.exit_code == 7, result.output
    assert own.name in result.stderr
    assert own.read_bytes() == b"mine"


@pytest.mark.parametrize("more", [(), ("--dry-run",), ("--check",), ("--stage", "all")])
def test_2_is_the_status_of_an_unknown_machine(tmp_path: Path, more: tuple[str, ...]) -> None:
    result = asd("fetch", "--stage", "dev", "--machine", "luefter", *more)
    assert result.exit_code == 2, result.output
    assert "luefter is not a machine of dcase2021" in result.stderr
    assert not list(tmp_path.iterdir())


def test_unverified_archives_are_marked(zenodo: ZenodoServer, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for files in zenodo.records.values():
        for name, content in files.items():
            if name == "dev_data_fan.zip":
                data = content if isinstance(content, bytes) else content.read_bytes()
                (given / name).write_bytes(data)
    result = asd(*FAN, "--from", str(given), "--format", "json")
    assert result.exit_code == 0, result.output
    (file,) = json.loads(result.stdout)["files"]
    assert file["verified"] is False
    assert "not verified: 'dev_data_fan.zip'" in result.stderr
    assert not zenodo.requests
