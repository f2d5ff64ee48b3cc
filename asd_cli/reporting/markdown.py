"""A report as Markdown, for a pull request or a lab book."""

import re
from collections.abc import Iterator, Sequence

from asd_cli.reporting.comparison import ComparisonPage
from asd_cli.reporting.page import HEADINGS, ReportPage, TableRow, shown

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_INERT_IN_CODE = str.maketrans({"`": "'", "<": "‹", ">": "›"})


def report_markdown(page: ReportPage) -> str:
    """Write one system's figures, what is wrong with the run, and its signature."""
    return "\n".join(_report_lines(page)) + "\n"


def _report_lines(page: ReportPage) -> Iterator[str]:
    system = page.system
    yield f"## {cell(system.name)}: {cell(system.edition)}, {system.mode}"
    yield ""
    if system.synthetic:
        yield "> **Synthetic recordings**: not results on the challenge data."
        yield ""
    yield from _problem_lines(system.problems)
    official = f"**Official score {shown(system.evaluation.official_score)}**"
    if page.interval:
        official += f" (95 % interval {page.interval.low:.4f} to {page.interval.high:.4f})"
    yield official
    yield ""
    yield from table(("machine", *HEADINGS), page.means)
    yield ""
    yield from table(
        ("machine", "section", "domain", *HEADINGS, "normal", "anomalous"), page.everything
    )
    yield ""
    for note in map(str, system.evaluation.notes):
        yield f"- {cell(note)}"
    if system.evaluation.notes:
        yield ""
    yield code(system.signature)


def comparison_markdown(page: ComparisonPage) -> str:
    """Write several systems side by side."""
    lines = [*_problem_lines(page.problems)]
    ranking = [
        TableRow(
            (entry.system.name,),
            (
                (shown(entry.system.evaluation.official_score), None),
                (
                    f"{entry.interval.low:.3f} to {entry.interval.high:.3f}"
                    if entry.interval
                    else "–",
                    None,
                ),
                (versus, None),
            ),
        )
        for entry, versus in page.ranking
    ]
    lines += table(("system", "official score", "95 % interval", "against the first"), ranking)
    lines += ["", *table(("machine", "figure", *page.names), page.by_machine)]
    lines += ["", *table(("machine", "section", "domain", *page.names), page.by_section), ""]
    lines += [f"{code(entry.system.signature)}  " for entry in page.pages]
    return "\n".join(lines) + "\n"


def _problem_lines(problems: Sequence[str]) -> Iterator[str]:
    if problems:
        yield "> **This run is not whole.**"
        for problem in problems:
            yield f"> - {cell(problem)}"
        yield ""


def table(headings: Sequence[str], rows: Sequence[TableRow]) -> Iterator[str]:
    """Write a table; the last columns are figures and stand right."""
    yield "| " + " | ".join(cell(heading) for heading in headings) + " |"
    figures = len(rows[0].figures) if rows else 0
    yield "|" + "---|" * (len(headings) - figures) + "--:|" * figures
    for row in rows:
        words = [f"*{cell(word)}*" if row.mean else cell(word) for word in row.words]
        words += [""] * (len(headings) - len(words) - len(row.figures))
        yield "| " + " | ".join([*words, *(cell(text) for text, _ in row.figures)]) + " |"


def code(text: str) -> str:
    """Write text as code; nothing in it is read as anything else."""
    return f"`{_CONTROL.sub(' ', text).translate(_INERT_IN_CODE)}`"


def cell(text: str) -> str:
    """Keep a name from being read as Markdown, HTML or a control sequence."""
    visible = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)
    visible = visible.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([|`*\[\]])", r"\\\1", visible)
