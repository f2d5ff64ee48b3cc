"""What the documents for contributors name is there."""

import re
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
PLACE = TOP / ".github"
DOCUMENTS = sorted(PLACE.glob("*.md"))
_PATH = re.compile(r"`((?:asd_cli|tests|\.ci)/?[\w./-]*)`")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_that_are_named_are_there(document: Path) -> None:
    named = _PATH.findall(document.read_text(encoding="utf-8"))
    assert [path for path in named if not (TOP / path).exists()] == []


def test_every_layer_is_described() -> None:
    text = (PLACE / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = [path.name for path in (TOP / "asd_cli").iterdir() if (path / "__init__.py").exists()]
    assert [name for name in folders if f"`asd_cli/{name}`" not in text] == []
