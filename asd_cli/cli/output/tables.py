"""A table as a value, and its renderings: Rich, Markdown and LaTeX."""

from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Literal

from asd_cli.cli.console import Console

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

Style = Literal["", "best", "label", "worse"]
_RICH = {"": "", "best": "bold green", "label": "italic", "worse": "red"}
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--", "−": "$-$",
    "±": r"$\pm$",
}  # fmt: skip
_LONGEST_NAME = 24


@dataclass(frozen=True, slots=True)
class Cell:
    """Text and what it means: the best of its kind, a label, worse than the baseline.

    Details stand below it on a terminal, and behind it elsewhere.
    """

    text: str
    style: Style = ""
    details: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table.

    Attributes
    ----------
    title : str
        What it shows.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of (Cell or str), or None
        None is a rule between rows.
    left : int
        How many of the first columns hold words and not numbers.
    notes : tuple of str
        What must be read with it: signatures, sources.
    remark : str
        Follows the title.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...] | None, ...]
    left: int = 1
    notes: tuple[str, ...] = ()
    remark: str = ""

    @property
    def heading(self) -> str:
        """Title and remark."""
        return f"{self.title}: {self.remark}" if self.remark else self.title


def _cell(cell: Cell | str, console: Console) -> Cell:
    known = cell if isinstance(cell, Cell) else Cell(cell)
    return Cell(console.safe(known.text), known.style, console.safe(known.details))


def rich_table(sheet: Sheet, console: Console) -> "Table":
    """Draw a sheet for a terminal; its notes are left to the caller."""
    from rich.table import Table
    from rich.text import Text

    table = Table(
        title=Text(console.safe(sheet.heading), "bold"), title_justify="left", min_width=78
    )
    drawn = [None if row is None else [_cell(cell, console) for cell in row] for row in sheet.rows]
    longest = max((len(row[0].text) for row in drawn if row), default=0)
    for index, name in enumerate(sheet.columns):
        table.add_column(
            Text(console.safe(name)),
            justify="left" if index < sheet.left else "right",
            overflow="fold",
            # A name that is to be typed is not broken where it can be helped.
            no_wrap=index == 0 and longest <= _LONGEST_NAME,
        )
    for cells in drawn:
        if cells is None:
            table.add_section()
            continue
        table.add_row(*(_drawn(cell, width=max(longest, _LONGEST_NAME)) for cell in cells))
    return table


def _drawn(cell: Cell, width: int) -> "Text":
    from rich.text import Text

    drawn = Text(cell.text, _RICH[cell.style])
    for line in wrap(cell.details, width):
        drawn.append(f"\n{line}", "dim")
    return drawn


def markdown_cell(text: str) -> str:
    """Keep a name from becoming markup."""
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")


def markdown(sheet: Sheet, console: Console) -> str:
    """Write a sheet as a Markdown table, its title bold above and its notes as code below."""
    title = f"**{markdown_cell(console.safe(sheet.title))}**"
    remark = f": {markdown_cell(console.safe(sheet.remark))}" if sheet.remark else ""
    lines = [title + remark, ""]
    lines.append("| " + " | ".join(markdown_cell(name) for name in sheet.columns) + " |")
    lines.append("|" + "---|" * sheet.left + "--:|" * (len(sheet.columns) - sheet.left))
    for row in sheet.rows:
        if row is not None:
            cells = (_marked(_cell(cell, console)) for cell in row)
            lines.append("| " + " | ".join(cells) + " |")
    for note in sheet.notes:
        lines += ["", f"`{console.safe(note).replace('`', chr(39))}`"]
    return "\n".join(lines)


def _marked(cell: Cell) -> str:
    text = markdown_cell(cell.text)
    mark = {"best": "**", "label": "*"}.get(cell.style, "") if text else ""
    details = f": {markdown_cell(cell.details)}" if cell.details else ""
    return f"{mark}{text}{mark}{details}"


def latex(sheet: Sheet, console: Console) -> str:
    r"""Write a sheet as a LaTeX ``table`` with booktabs rules; notes are comments before it.

    The document needs ``\usepackage{booktabs}``.
    """
    lines = [f"% {console.safe(note)}".replace("\n", " ") for note in sheet.notes]
    align = "l" * sheet.left + "r" * (len(sheet.columns) - sheet.left)
    lines += [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(console.safe(sheet.heading))}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(latex_text(name) for name in sheet.columns) + r" \\",
        r"\midrule",
    ]
    for row in sheet.rows:
        if row is None:
            lines.append(r"\midrule")
        else:
            lines.append(" & ".join(_set(_cell(cell, console)) for cell in row) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}"])


def _set(cell: Cell) -> str:
    text = latex_text(cell.text)
    details = f": {latex_text(cell.details)}" if cell.details else ""
    command = {"best": "textbf", "label": "textit"}.get(cell.style)
    return (rf"\{command}{{{text}}}" if command and text else text) + details


def latex_text(text: str) -> str:
    """Keep a name from becoming a command."""
    return "".join(_LATEX.get(letter, letter) for letter in text.replace("\n", " "))
