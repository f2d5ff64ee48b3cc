"""User-visible text is plain technical English: no word of the private language of version 0.1."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
BANNED = {
    r"gone on with|goes on with|go on with": "resumed, continues",
    r"broken off": "interrupted",
    r"\banew\b": "again, from scratch",
    r"tak(e|en|es) [\w ]{1,30}up again": "restore(d)",
    r"\bmend(s|ed)?\b": "fix, repair",
    r"\btold apart|tells? [\w ,]{1,40} apart": "distinguishes, classifies",
    r"\bhears?\b|\bheard\b": "uses, trained on",
    r"\bat hand\b": "available",
    r"\bheld back\b": "held out",
    r"\bfresh\b": "up to date, new",
    r"\bstrata\b": "groups",
    r"\bdoubt\b": "uncertainty",
    r"\bshelf\b|\bcrew\b": "store, workers",
    r"\bof the house\b|\brooms\b": "layers, modules",
    r"[Gg]enerali[sz]ed weighted rank": "global weighted rank pooling",
}
# Names in files that earlier versions wrote, and the seeds of draws, must not change.
ALLOWED = {"held back", "discriminative.fewest_batches"}
MODULES = sorted((TOP / "asd_cli").rglob("*.py"))
TEMPLATES = sorted((TOP / "asd_cli").rglob("*.jinja")) + sorted((TOP / "asd_cli").rglob("*.js"))
PLACEHOLDER = re.compile(r"@[A-Z][A-Z_]+@|\bTODO\b|\bXXX\b|\bFIXME\b")


def texts_of(path: Path) -> Iterator[tuple[int, str]]:
    """String constants of a module, docstrings among them, and comments."""
    content = path.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value
    for number, line in enumerate(content.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            yield number, line


def violations(text: str) -> Iterator[str]:
    for pattern, use in BANNED.items():
        for match in re.finditer(pattern, text):
            yield f"{match[0]!r}: use {use}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(TOP)))
def test_no_module_has_a_banned_word(path: Path) -> None:
    found = [
        f"{path.name}:{line}: {problem}"
        for line, text in texts_of(path)
        if text not in ALLOWED
        for problem in violations(text)
    ]
    assert found == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_has_a_banned_word(path: Path) -> None:
    assert list(violations(path.read_text(encoding="utf-8"))) == []


def test_the_check_finds_what_it_looks_for() -> None:
    assert len(list(violations("A run that was broken off is gone on with, anew."))) == 3
    assert PLACEHOLDER.search("in blocks @FPR@")


DOCUMENTS = [
    TOP / "README.md",
    *sorted((TOP / ".github").glob("*.md")),
    *sorted((TOP / "asd_cli" / "cli" / "topics").glob("*.md")),
]


@pytest.mark.parametrize("path", [*DOCUMENTS, TOP / "CHANGELOG.md"], ids=lambda path: path.name)
def test_no_placeholder_is_left(path: Path) -> None:
    assert not PLACEHOLDER.findall(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_no_document_has_a_banned_word(path: Path) -> None:
    assert list(violations(path.read_text(encoding="utf-8"))) == []
