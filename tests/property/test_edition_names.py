"""The names of every edition go both ways."""

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asd_cli.artifacts.score_files import ScoreFileKey, find_score_files
from asd_cli.core.types import Domain, Label, Split
from asd_cli.datasets.dcase.editions import edition_names, load_edition
from asd_cli.datasets.dcase.names import format_clip_name, parse_clip_name, read_name

attributes = st.text(string.ascii_letters + string.digits + "._-é ", max_size=20).filter(
    lambda text: not {"normal", "anomaly"} & {*text.split("_")}
)


@pytest.mark.parametrize("name", edition_names())
@given(
    section=st.integers(0, 99).map("{:02d}".format),
    domain=st.sampled_from(Domain),
    split=st.sampled_from(Split),
    label=st.sampled_from([*Label, None]),
    number=st.integers(0, 9999),
    attributes=attributes,
)
def test_names_of_every_edition_round_trip(
    name: str, section: str, domain: Domain, split: Split, label: Label | None, number: int,
    attributes: str,
) -> None:  # fmt: skip
    edition = load_edition(name)
    has_domains = edition.rows != "machine"
    hidden = label is None and edition.rows != "by-domain"
    written = format_clip_name(
        section=section, domain=domain if has_domains and not hidden else None, split=split,
        label=label, number=number, attributes=attributes, names=edition.names,
    )  # fmt: skip
    clip = parse_clip_name(
        Path("folder") / written, machine="fan", names=edition.names, split=split
    )
    assert (clip.section, clip.split, clip.label, read_name(clip.name, edition.names).number) == (
        section,
        split,
        label,
        number,
    )
    assert clip.domain == (domain if has_domains and not hidden else None)
    assert (clip.condition or "") == (attributes if has_domains and not hidden else "")
    assert clip.name == written


@pytest.mark.parametrize("name", edition_names())
@given(
    machine=st.text(string.ascii_letters + string.digits, min_size=1, max_size=12),
    section=st.integers(0, 99).map("{:02d}".format),
    domain=st.sampled_from(["source", "target"]),
)
def test_score_files_are_found_by_the_name_they_are_written_with(
    tmp_path_factory: pytest.TempPathFactory, name: str, machine: str, section: str, domain: str
) -> None:
    forms = load_edition(name).score_files
    key = ScoreFileKey(machine, section, domain if "{domain}" in forms[0] else None)
    folder = tmp_path_factory.mktemp("scores")
    (folder / key.file_name("anomaly_score", forms[0])).touch()
    (folder / key.file_name("decision_result", forms[0])).touch()
    assert list(find_score_files(folder, forms)) == [key]
