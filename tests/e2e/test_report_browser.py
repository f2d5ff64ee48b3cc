"""The report in a real browser: Debian's Chromium, driven by Playwright; nothing is downloaded."""

import functools
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from asd_cli.services.report import report
from tests.support.report_runs import invent_window_scores, make_run, make_unlabelled_run

playwright = pytest.importorskip(
    "playwright.sync_api", reason="the report's browser tests need the test extra (playwright)"
)
axe = pytest.importorskip("axe_core_python.sync_playwright", reason="needs axe-core-python")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]
HOSTILE = '<script>window.stolen=1</script><img src=x onerror="window.stolen=1">=cmd[red]'
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}}
PLAY_FIRST = """async () => {
  const sound = document.querySelectorAll("#machine-fan audio")[0];
  const moved = new Promise((resolve) => sound.addEventListener("timeupdate", () => {
    if (sound.currentTime > 0.1) resolve();
  }));
  await sound.play();
  await moved;
}"""
PLAY_SECOND = """async () => {
  const [first, second] = document.querySelectorAll("#machine-fan audio");
  await second.play();
  return first.paused;
}"""


@dataclass
class Visit:
    """A page that was opened, and what it did."""

    page: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A report with a hostile machine, its comparison page, and nothing else in their folder."""
    root = tmp_path_factory.mktemp("browser")
    request = make_run(root)
    folder = request.settings.result_directory / "dev" / "pooled-knn"
    names = [path.name for path in request.settings.dev_directory.glob("fan/*_test/*.wav")]
    invent_window_scores(folder, "fan", names)
    hostile = HOSTILE.replace("/", "⁄")
    for path in sorted(folder.glob("*_valve_*.csv")):
        shutil.copy(path, folder / path.name.replace("_valve_", f"_{hostile}_"))
    own = report(request).path
    assert own is not None
    other = root / hostile
    shutil.copytree(folder, other)
    compared = report(type(request)(settings=request.settings, folders=(folder, other))).path
    assert compared is not None
    unlabelled = report(make_unlabelled_run(root)).path
    assert unlabelled is not None
    return {"report": own, "comparison": compared, "unlabelled": unlabelled}


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def visit(browser: Any, path: Path, **context: Any) -> Visit:
    """Open a file as a user would, from the disk, with the network cut off."""
    place = browser.new_context(offline=True, **context)
    seen = Visit(place.new_page())
    seen.page.on("request", lambda request: seen.requests.append(request.url))
    seen.page.on(
        "console",
        lambda message: seen.errors.append(message.text) if message.type != "log" else None,
    )
    seen.page.on("pageerror", lambda error: seen.errors.append(str(error)))
    seen.page.goto(path.as_uri())
    return seen


@pytest.mark.parametrize("which", ["report", "comparison"])
def test_no_request_no_error_no_script(which: str, pages: dict[str, Path], chromium: Any) -> None:
    seen = visit(chromium, pages[which])
    seen.page.wait_for_timeout(300)
    fetched = [address for address in seen.requests if not address.startswith("data:")]
    assert fetched == [pages[which].as_uri()]
    assert seen.errors == []
    assert seen.page.evaluate("document.scripts.length") == 1
    assert seen.page.evaluate("typeof window.stolen") == "undefined"
    assert seen.page.evaluate("document.querySelectorAll('[onerror]').length") == 0


def test_the_policy_stops_what_would_get_past(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    page.evaluate(
        "const s = document.createElement('script'); s.textContent = 'window.stolen = 1';"
        "document.body.append(s)"
    )
    assert page.evaluate("typeof window.stolen") == "undefined"


def test_tables_sort_both_ways(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    rows = "[...document.querySelectorAll('#everything tbody tr')]"
    values = f"{rows}.map(row => Number(row.cells[3].dataset.value))"
    page.locator("details:has(#everything) > summary").click()
    button = page.locator("#everything thead button", has_text="AUC").first
    button.click()
    assert page.evaluate(values) == sorted(page.evaluate(values))
    assert page.locator("#everything th[aria-sort=ascending]").count() == 1
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(values) == sorted(page.evaluate(values), reverse=True)


def test_filters_narrow_tables_and_clips(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("details:has(#everything) > summary").click()
    page.locator("input[data-filters=everything]").fill("fan target")
    rows = page.locator("#everything tbody tr:visible")
    assert rows.count() == 2
    assert "fan" in rows.first.inner_text()
    cards = page.locator("#machine-fan-cards .clip")
    every = cards.count()
    page.locator("input[data-filters=machine-fan-cards]").fill("anomalous")
    shown = page.locator("#machine-fan-cards .clip:visible").count()
    assert 0 < shown < every
    assert page.locator("#machine-fan-clips + .tools output").inner_text().startswith(f"{shown} of")


def test_a_clip_plays_and_only_one_at_a_time(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("#machine-fan audio").first.scroll_into_view_if_needed()
    # Promises, not wait_for_function: the page's policy forbids the evaluation of text.
    page.evaluate(PLAY_FIRST)
    duration = page.evaluate("document.querySelectorAll('#machine-fan audio')[0].duration")
    assert duration == pytest.approx(2.0, abs=0.3)
    assert page.locator("#machine-fan .playhead").first.get_attribute("visibility") == "visible"
    assert page.evaluate(PLAY_SECOND), "the first stops when the second begins"


LIST = "#machine-fan-list"


def test_the_slider_counts_what_other_thresholds_decide(
    pages: dict[str, Path], chromium: Any
) -> None:
    page = visit(chromium, pages["report"]).page
    counts = page.locator("#machine-fan-counts td[data-count] b")
    decided = [int(text) for text in counts.all_text_contents()]
    rows = f"[...document.querySelectorAll('{LIST} tbody tr')].map(r => r.cells[5].textContent)"
    shown = page.evaluate(rows)
    assert decided == [shown.count(word) for word in ("found", "missed", "false alarm", "passed")]
    slider = page.locator("#machine-fan .slider input")
    slider.fill(slider.get_attribute("max"))
    assert [int(text) for text in counts.all_text_contents()] == [
        0, decided[0] + decided[1], 0, decided[2] + decided[3],
    ]  # fmt: skip
    slider.fill(slider.get_attribute("min"))
    left = [int(text) for text in counts.all_text_contents()]
    assert left[1] + left[3] <= 1, "the lowest clip alone lies on the limit"
    page.locator("#machine-fan .slider button").click()
    assert [int(text) for text in counts.all_text_contents()] == decided


def test_every_clip_has_a_row_a_link_a_picture_and_a_sound(
    pages: dict[str, Path], chromium: Any
) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("#machine-fan details.all > summary").click()
    rows = page.locator(f"{LIST} tbody tr")
    assert rows.count() == len({*page.evaluate(
        f"[...document.querySelectorAll('{LIST} th a')].map(a => a.hash)"
    )})  # fmt: skip
    page.locator("input[data-filters=machine-fan-list]").fill("anomalous target")
    assert 0 < page.locator(f"{LIST} tbody tr:visible").count() < rows.count()
    page.locator("input[data-filters=machine-fan-list]").fill("")
    assert page.locator(f"{LIST} img").count() == 0, "pictures are made when asked for"
    link = page.locator(f"{LIST} tbody th a").nth(3)
    link.click()
    assert page.locator(f"{LIST} img").count() == 1
    assert page.locator(f"{LIST} audio").count() == 1
    address = page.evaluate("location.hash")
    again = visit(chromium, pages["report"]).page
    again.goto(pages["report"].as_uri() + address)
    assert again.locator(f"{LIST} tr[data-open]").get_attribute("id") == address[1:]
    assert again.locator("#machine-fan details.all").get_attribute("open") is not None


def test_the_list_can_be_downloaded(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("#machine-fan details.all > summary").click()
    with page.expect_download() as download:
        page.locator("#machine-fan .download").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("clip,section,domain,")
    assert len(lines) == 1 + page.locator(f"{LIST} tbody tr").count()


def test_a_clip_and_its_nearest_normal_one_are_switched_at_the_same_instant(
    pages: dict[str, Path], chromium: Any
) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("#machine-fan .clip").first.focus()
    state = "[...document.activeElement.querySelectorAll('audio')]"
    page.evaluate(PLAY_FIRST)
    page.keyboard.press("x")
    page.wait_for_timeout(100)
    first, second = page.evaluate(f"{state}.map(a => [a.paused, a.currentTime])")
    assert first[0] is True
    assert second[0] is False
    assert second[1] >= first[1] > 0.1
    assert second[1] == pytest.approx(first[1], abs=0.5)
    levels = page.evaluate(f"{state}.map(a => a.volume * Number(a.dataset.level))")
    assert levels[0] == pytest.approx(levels[1], rel=1e-3)
    page.keyboard.press("p")
    assert page.evaluate(f"{state}.every(a => a.paused)")


def test_keys_go_from_clip_to_clip(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    names = page.locator(".clip h5").all_text_contents()
    focused = "document.activeElement.querySelector('h5')?.textContent"
    seen = []
    for key in ("n", "n", "n", "b"):
        page.keyboard.press(key)
        seen.append(page.evaluate(focused))
    assert seen == [names[0], names[1], names[2], names[1]]
    page.locator("input[data-filters=machine-fan-cards]").focus()
    page.keyboard.press("n")
    assert page.locator("input[data-filters=machine-fan-cards]").input_value() == "n"


def test_dragging_enlarges_both_pictures(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    picture = page.locator("#machine-fan .clip svg.mel").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 80, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 90, steps=4)
    page.mouse.up()
    views = "[...document.querySelector('#machine-fan .clip').querySelectorAll('.view')]"
    boxes = page.evaluate(f"{views}.map(v => v.getAttribute('viewBox'))")
    assert len(boxes) == 2
    assert boxes[0] == boxes[1] != "40 6 312 168"
    picture.dblclick()
    assert set(page.evaluate(f"{views}.map(v => v.getAttribute('viewBox'))")) == {"40 6 312 168"}


def test_printing_takes_two_pages_and_one_a_machine(
    pages: dict[str, Path], chromium: Any, tmp_path: Path
) -> None:
    page = visit(chromium, pages["report"]).page
    machines = page.locator("section.machine").count()
    page.pdf(path=str(tmp_path / "page.pdf"), format="A4")
    content = (tmp_path / "page.pdf").read_bytes()
    assert len(re.findall(rb"/Type\s*/Page[^s]", content)) <= 2 + machines


def test_it_can_be_read_without_javascript(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"], java_script_enabled=False).page
    assert page.locator("#everything tbody tr").count() >= 8
    assert page.locator("svg").count() > 10
    assert page.locator(".tools:visible").count() == 0


@pytest.mark.parametrize(
    ("which", "width", "scheme"),
    [
        *product(("report", "comparison"), (1280, 390), ("light", "dark")),
        ("unlabelled", 390, "light"),
        ("unlabelled", 1280, "dark"),
    ],
)
def test_it_is_accessible(
    which: str, width: int, scheme: str, pages: dict[str, Path], chromium: Any
) -> None:
    seen = visit(
        chromium, pages[which], color_scheme=scheme, viewport={"width": width, "height": 900}
    )
    seen.page.add_style_tag(content=".machine{content-visibility:visible!important}")
    seen.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = axe.Axe().run(seen.page, options=RULES)
    problems = [
        f"{violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in found["violations"]
    ]
    assert problems == []
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_the_same_from_a_server(pages: dict[str, Path], chromium: Any) -> None:
    """Opened over HTTP it asks for itself alone."""
    folder = pages["report"].parent
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None  # type: ignore[attr-defined]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = chromium.new_page()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto(f"http://127.0.0.1:{server.server_port}/report.html")
        page.wait_for_timeout(300)
        server.shutdown()
    assert len([address for address in requests if not address.startswith("data:")]) == 1
