"""The page, the comparison and the Markdown, from made-up systems and hostile names."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from asd_cli.reporting.cards import ClipCard, ClipMedia
from asd_cli.reporting.comparison import compare_pages
from asd_cli.reporting.content import MachineContent
from asd_cli.reporting.markdown import comparison_markdown, report_markdown
from asd_cli.reporting.page import ReportPage, build_page
from asd_cli.reporting.published import published_figures
from asd_cli.reporting.render import content_policy, render_comparison, render_report
from asd_cli.reporting.shown import shown_clips
from tests.unit.reporting.builders import make_system, random_parts

HOSTILE = "<script>alert(1)</script>\"'=cmd|[red]\x1b[31m"


class Outline(HTMLParser):
    """Collects tags and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(**facts: object) -> ReportPage:
    return build_page(make_system(random_parts(), limit=0.5, **facts))  # type: ignore[arg-type]


def test_the_page_needs_nothing_else() -> None:
    text = render_report(page_of())
    outline = Outline(text)
    addresses = [
        value
        for _, attributes in outline.tags
        for key, value in attributes.items()
        if key in {"src", "href", "srcset", "action", "poster"} and value
    ]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "@import" not in text
    assert "url(" not in text
    assert "http" not in re.sub(r"http-equiv", "", text)


def test_ids_are_unique_and_links_lead_somewhere() -> None:
    outline = Outline(render_report(page_of()))
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert {str(a["href"])[1:] for a in outline.all("a")} <= set(ids)
    for attributes in outline.all("svg"):
        if attributes.get("aria-labelledby"):
            assert set(str(attributes["aria-labelledby"]).split()) <= set(ids)


def test_hostile_names_are_text() -> None:
    parts = random_parts(HOSTILE)
    system = make_system(
        parts,
        name=HOSTILE,
        limit=0.5,
        signature=HOSTILE,
        problems=(HOSTILE,),
        settings=((HOSTILE, HOSTILE, HOSTILE, True),),
        manifest={HOSTILE: HOSTILE},
    )
    card = ClipCard(
        name=HOSTILE, section="00", domain="source", anomalous=True, flagged=True, score=1.0,
        why=HOSTILE, missing=HOSTILE,
    )  # fmt: skip
    shown = shown_clips(system.machines[0])
    key = shown.groups[0].clips[0].key
    media = {clip.anchor: ClipMedia("data:,", "data:,") for clip in shown.clips}
    known = replace(shown, cards={key: card}, media=media, remarks=(HOSTILE,))
    page = build_page(system, {HOSTILE: known}, command=HOSTILE)
    for text in (render_report(page), render_comparison(compare_pages([page, page]))):
        assert len(Outline(text).all("script")) == 1
        assert "<script>alert" not in text
        assert not any(key.startswith("on") for _, a in Outline(text).tags for key in a)
    assert "<script>" not in report_markdown(page)
    assert "\x1b" not in report_markdown(page)
    assert "\x1b" not in comparison_markdown(compare_pages([page]))


def test_the_policy_names_the_script_of_the_page() -> None:
    text = render_report(page_of())
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    assert Outline(text).all("meta")[1]["content"] == content_policy(script[1])
    assert "default-src 'none'" in content_policy("")


def test_problems_stand_on_top() -> None:
    text = render_report(page_of(problems=("fan: half of it is missing",)))
    assert text.index("half of it is missing") < text.index("<nav")
    assert "half of it is missing" in report_markdown(page_of(problems=("half of it is missing",)))


def test_synthetic_recordings_are_called_so() -> None:
    assert "Synthetic recordings" in render_report(page_of(synthetic=True))
    assert "Synthetic" in report_markdown(page_of(synthetic=True))
    assert "Synthetic recordings" not in render_report(page_of())


def test_a_zero_does_not_hide_behind_a_mean() -> None:
    parts = {**random_parts(), ("fan", "02", "source"): ([1.0, 2.0], [0.0, 0.5])}
    page = build_page(make_system(parts))
    assert page.collapsed
    text = render_report(page)
    assert "(1 of 5 are 0)" in text
    assert "0*" in text
    assert "A harmonic mean with a 0 in it is 0" in text


def test_undefined_figures_are_dashes() -> None:
    page = build_page(make_system({("fan", "00", "source"): ([1.0], [])}))
    text = render_report(page)
    assert page.interval is None
    assert ">nan" not in text.lower()
    assert "–" in text


def test_the_same_inputs_give_the_same_bytes() -> None:
    assert render_report(page_of()) == render_report(page_of())


def test_conditions_are_broken_down() -> None:
    system = make_system(random_parts(), limit=0.5)
    names = [name for part in system.scores for name in part.names]
    speeds = {name: f"{index % 3} rpm" for index, name in enumerate(names)}
    machine = MachineContent(name="fan", scores=system.scores, attributes={"speed": speeds})
    page = build_page(make_system(random_parts(), limit=0.5, machines={"fan": machine}))
    table = page.machines[0].attributes[0]
    assert [row.value for row in table.rows] == ["0 rpm", "1 rpm", "2 rpm"]
    assert sum(row.normal + row.anomaly for row in table.rows) == 80 * 3
    assert "fan by speed" in render_report(page)


def test_published_figures_stand_beside_ours() -> None:
    system = make_system(random_parts("fan"))
    published = published_figures(system)
    assert published is not None
    row = published.rows[0]
    assert (row.machine, row.section, row.domain, row.auc) == ("fan", "00", "source", 0.4749)
    assert row.our_auc == system.evaluation.rows[0].metrics.auc
    assert "57.6–58.0" in render_report(build_page(system))


@pytest.mark.parametrize(
    "facts", [{"synthetic": True}, {"edition": "dcase2099"}, {"edition": "../x"}]
)
def test_no_published_figures_of_other_data(facts: dict[str, object]) -> None:
    assert published_figures(make_system(random_parts(), **facts)) is None  # type: ignore[arg-type]
    assert published_figures(make_system(random_parts("mimii_fan"))) is None


def test_systems_are_compared_on_the_same_clips() -> None:
    parts = random_parts()
    better = {key: (normal, [s + 2 for s in anomaly]) for key, (normal, anomaly) in parts.items()}
    pages = [build_page(make_system(p, name=n)) for p, n in ((parts, "a"), (better, "b"))]
    page = compare_pages(pages)
    assert page.same_data
    assert page.ranking[0][1] == "–"
    assert page.ranking[1][1].startswith("better (+")
    assert compare_pages(pages[::-1]).ranking[1][1].startswith("worse (")
    text = render_comparison(page)
    assert "2 systems side by side" in text
    assert "| a | b |" in comparison_markdown(page)


def test_systems_on_other_clips_are_not_compared() -> None:
    pages = [build_page(make_system(random_parts(m), name=m)) for m in ("fan", "pump")]
    page = compare_pages(pages)
    assert not page.same_data
    assert page.ranking[1][1] == "not the same clips"
    assert "not scored on the same clips" in render_comparison(page)


def test_what_changed_since_an_earlier_run_is_named_by_machine() -> None:
    key = ("fan", "00", "source")
    before = {key: ([0.1, 0.2, 0.9], [0.3, 0.8]), ("pump", "00", "source"): ([0.1], [0.9])}
    after = {key: ([0.1, 0.7, 0.4], [0.9, 0.45]), ("pump", "00", "source"): ([0.1], [0.9])}
    pages = [
        build_page(make_system(p, name=n, limit=0.5))
        for p, n in ((before, "last week"), (after, "today"))
    ]
    fan, pump = compare_pages(pages).changes
    assert (fan.system, fan.machine, pump.machine, pump.clips) == ("today", "fan", "pump", ())
    assert fan.before == pytest.approx(4 / 6)
    assert fan.after == pytest.approx(5 / 6)
    assert fan.difference is not None
    assert fan.difference == pytest.approx(1 / 6)
    assert {each.kind: each.names for each in fan.clips} == {
        "now found": ("section_00_source_test_anomaly_0000.wav",),
        "now missed": ("section_00_source_test_anomaly_0001.wav",),
        "new false alarms": ("section_00_source_test_normal_0001.wav",),
        "false alarms gone": ("section_00_source_test_normal_0002.wav",),
    }
    text = render_comparison(compare_pages(pages))
    assert "What changed from last week" in text
    assert "1 now missed" in text
    undecided = [build_page(make_system(p)) for p in (before, after)]
    assert [change.decided for change in compare_pages(undecided).changes] == [False, False]
