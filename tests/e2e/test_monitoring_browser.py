"""The status page as it is served, in Debian's Chromium: no request beyond it, responses saved."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from asd_cli.pipeline.monitoring.rule_making import AlarmOptions
from asd_cli.pipeline.monitoring.serving import PageServer
from asd_cli.pipeline.monitoring.setup import MonitoringRequest
from asd_cli.services.watch import WatchRequest, watch
from tests.support import monitored

playwright = pytest.importorskip(
    "playwright.sync_api", reason="browser tests need the test extra (playwright)"
)
axe = pytest.importorskip("axe_core_python.sync_playwright", reason="needs axe-core-python")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium: apt-get install chromium"),
]
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "best-practice"]}}
HOSTILE = '<script>window.stolen=1<⁄script><img src=x onerror="window.stolen=1">.wav'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    root = tmp_path_factory.mktemp("page")
    monitored.train(root)
    for number in range(12):
        name = f"{number:03}.wav" if number < 7 else f"{number:03}{HOSTILE}"
        monitored.write(root / "in" / name, number, loud=1 if number < 6 else 4)
    page = root / "page" / "status.html"
    watch(WatchRequest(
        folder=root / "in", once=True, settle_seconds=0.0,
        monitoring=MonitoringRequest(
            machine="pump", settings=monitored.settings(root), page=page,
            options=AlarmOptions(false_alarms="1/hour"),
        ),
    ))  # fmt: skip
    serving = PageServer("127.0.0.1:0", page)
    yield serving
    serving.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_shows_events_runs_nothing_foreign_and_saves_responses(
    server: PageServer, browser: Any, tmp_path: Path, scheme: str
) -> None:
    page = browser.new_context(color_scheme=scheme).new_page()
    requests: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on(
        "console", lambda message: errors.append(message.text) if message.type != "log" else None
    )
    page.on("pageerror", lambda error: errors.append(str(error)))
    address = f"http://127.0.0.1:{server.port}/"
    page.goto(address)
    assert page.locator("h1").inner_text() == "pump"
    assert page.locator(".lead .state").inner_text() in {"alarm", "stale"}
    assert page.locator("#events article").count() == 2
    assert page.locator("#events audio").count() == 4
    assert page.locator("#time svg circle").count() > 5
    assert page.evaluate("typeof window.stolen") == "undefined"
    found = axe.Axe().run(page, options=RULES)
    assert [violation["id"] for violation in found["violations"]] == []
    page.locator("[data-response=normal]").first.click()
    page.locator("[data-response=fault]").last.click()
    assert page.locator("#events output").inner_text() == "2 responses"
    with page.expect_download() as download:
        page.locator("#save").click()
    download.value.save_as(tmp_path / "responses.json")
    saved = json.loads((tmp_path / "responses.json").read_text(encoding="utf-8"))
    assert (saved["schema"], saved["machine"]) == ("asd.responses/1", "pump")
    assert [item["response"] for item in saved["responses"]] == ["normal", "fault"]
    assert all(Path(item["sound"]).is_file() for item in saved["responses"])
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [address]
    assert errors == []
    page.reload()
    assert page.locator("[aria-pressed=true]").count() == 2
