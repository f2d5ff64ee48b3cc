"""The page of scored files."""

import re
from pathlib import Path

import pytest

from asd_cli.pipeline.own.request import OwnTrainRequest
from asd_cli.services.own_score import OwnScoreRequest, OwnScores, score_files
from asd_cli.services.own_train import train_machine
from asd_cli.settings.model import Settings
from tests.support.fan import Fault, fan, write

RATE = 16000


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> tuple[OwnScores, str]:
    root = tmp_path_factory.mktemp("page")
    settings = Settings(
        detector="pooled-knn", model_directory=root / "model", cache_directory=root / "cache"
    )
    for number in range(8):
        write(root / "train" / f"{number}.wav", fan(4.0, RATE, number), RATE)
    write(root / "new" / "normal" / "a <b>&.wav", fan(4.0, RATE, 20), RATE)
    write(root / "new" / "anomaly" / "c.wav", fan(4.0, RATE, 21, Fault(level=0.1)), RATE)
    (root / "new" / "d.wav").write_text("hello")
    request = OwnTrainRequest(
        sources=(root / "train",), machine="fan <3>", settings=settings, clip_seconds=2.0, jobs=1
    )
    train_machine(request)
    page = root / "page.html"
    scores = score_files(OwnScoreRequest(paths=(root / "new",), settings=settings, report=page))
    return scores, page.read_text(encoding="utf-8")


def test_the_page_says_what_was_found_and_promised(scored: tuple[OwnScores, str]) -> None:
    scores, page = scored
    assert "1 of 2 files sound anomalous; 1 could not be scored." in page
    assert f"{100 * scores.rate:.2g} %" in page
    assert f"{100 * scores.bound:.2g} %" in page
    assert "is not a recording" in page
    assert "by the folders' names" in page
    assert "not whole" not in page


def test_anomalous_files_come_first_with_sound_picture_and_nearest_normal(
    scored: tuple[OwnScores, str],
) -> None:
    _, page = scored
    cards = re.findall(r"<article.*?</article>", page, re.DOTALL)
    assert len(cards) == 2
    assert "c.wav" in cards[0]
    assert "louder than" in cards[0]
    assert cards[0].count("data:audio/mpeg") == 2
    assert cards[0].count("data:image/png") == 2
    assert "Nearest normal: " in cards[0]
    assert 'class="box' in cards[0]
    assert 'class="box' not in cards[1]  # normal clips differ among themselves


def test_names_are_escaped_and_nothing_is_loaded_from_elsewhere(
    scored: tuple[OwnScores, str],
) -> None:
    _, page = scored
    assert "a <b>&.wav" not in page
    assert "a &lt;b&gt;&amp;.wav" in page
    assert "<h1>fan &lt;3&gt;</h1>" in page
    assert not re.search(r'(src|href)="https?:', page)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_the_same_scores_give_the_same_page(scored: tuple[OwnScores, str], tmp_path: Path) -> None:
    scores, page = scored
    root = scores.model.parents[3]
    settings = Settings(model_directory=root / "model", cache_directory=root / "cache")
    again = tmp_path / "again.html"
    score_files(OwnScoreRequest(paths=(root / "new",), settings=settings, report=again))
    assert again.read_text(encoding="utf-8") == page
