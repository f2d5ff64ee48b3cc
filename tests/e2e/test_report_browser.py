"""The report in a real browser: Debian's Chromium, driven by Playwright; nothing is downloaded."""

import functools
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from asd_cli.services.report import report
from tests.support.report_runs import invent_window_scores, make_run

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
    return {"report": own, "comparison": compared}


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
    button = page.locator("#everything thead button", has_text="AUC").first
    button.click()
    assert page.evaluate(values) == sorted(page.evaluate(values))
    assert page.locator("#everything th[aria-sort=ascending]").count() == 1
    button.focus()
    page.keyboard.press("Enter")
    assert page.evaluate(values) == sorted(page.evaluate(values), reverse=True)


def test_filters_narrow_tables_and_clips(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("input[data-filters=everything]").fill("fan target")
    rows = page.locator("#everything tbody tr:visible")
    assert rows.count() == 2
    assert "fan" in rows.first.inner_text()
    cards = page.locator("#machine-fan-cards .clip")
    every = cards.count()
    page.locator("input[data-filters=machine-fan-cards]").fill("anomalous")
    shown = page.locator("#machine-fan-cards .clip:visible").count()
    assert 0 < shown < every
    assert page.locator("#machine-fan-clips ~ .tools output").inner_text().startswith(f"{shown} of")


def test_a_clip_plays_and_only_one_at_a_time(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"]).page
    page.locator("#machine-fan audio").first.scroll_into_view_if_needed()
    # Promises, not wait_for_function: the page's policy forbids the evaluation of text.
    page.evaluate(PLAY_FIRST)
    duration = page.evaluate("document.querySelectorAll('#machine-fan audio')[0].duration")
    assert duration == pytest.approx(2.0, abs=0.3)
    assert page.locator("#machine-fan .playhead").first.get_attribute("visibility") == "visible"
    assert page.evaluate(PLAY_SECOND), "the first stops when the second begins"


def test_it_can_be_read_without_javascript(pages: dict[str, Path], chromium: Any) -> None:
    page = visit(chromium, pages["report"], java_script_enabled=False).page
    assert page.locator("#everything tbody tr").count() >= 8
    assert page.locator("svg").count() > 10
    assert page.locator(".tools:visible").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("which", ["report", "comparison"])
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
