"""A table as a value, and its renderings: Rich, Markdown and LaTeX."""

from dataclasses import dataclass, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Literal, TypeVar

from asd_cli.cli.console import Console

if TYPE_CHECKING:
    from rich.table import Table as RichTable
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

    Details stand below it on a terminal, and behind it elsewhere; `short` takes its place where
    the terminal is narrow.
    """

    text: str
    style: Style = ""
    details: str = ""
    short: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes
    ----------
    title : str
        What it shows.
    columns : tuple of str
        Headings.
    rows : tuple of tuple of (Cell or str), or None
        None is a space between rows.
    left : int
        How many of the first columns hold words and not numbers.
    notes : tuple of str
        What must be read with it: signatures, sources.
    remark : str
        Follows the title.
    secondary : tuple of str
        Headings of columns that a narrow terminal can do without, the least important first.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell | str, ...] | None, ...]
    left: int = 1
    notes: tuple[str, ...] = ()
    remark: str = ""
    secondary: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """Title and remark."""
        return f"{self.title}: {self.remark}" if self.remark else self.title

    def shortened(self) -> "Table":
        """Give the table with the short form of every cell that has one."""
        return replace(
            self,
            rows=tuple(
                None if row is None else tuple(_short(cell) for cell in row) for row in self.rows
            ),
        )

    def without(self, column: str) -> "Table":
        """Give the table without a column."""
        place = self.columns.index(column)
        return replace(
            self,
            columns=_dropped(self.columns, place),
            rows=tuple(None if row is None else _dropped(row, place) for row in self.rows),
            left=self.left - (place < self.left),
        )


Item = TypeVar("Item")


def _dropped(items: tuple[Item, ...], place: int) -> tuple[Item, ...]:
    return (*items[:place], *items[place + 1 :])


def _short(cell: Cell | str) -> Cell | str:
    return replace(cell, text=cell.short) if isinstance(cell, Cell) and cell.short else cell


def _cell(cell: Cell | str, console: Console) -> Cell:
    known = cell if isinstance(cell, Cell) else Cell(cell)
    return Cell(console.safe(known.text), known.style, console.safe(known.details))


def print_table(table: Table, console: Console) -> None:
    """Print a table to a terminal so that no number is cut.

    Where it is too wide, cells take their short form and secondary columns go, which is said
    below. What is too wide even so runs over the edge.
    """
    width = console.out.width
    fitted, dropped = table, []
    if _width(fitted, console) > width:
        fitted = fitted.shortened()
    for column in table.secondary:
        if _least_width(fitted, console) <= width:
            break
        if column in fitted.columns:
            fitted = fitted.without(column)
            dropped.append(column)
    console.out.print(console.safe(table.heading), style="bold")
    needed = max(width, _least_width(fitted, console))
    console.out.print(_drawn(fitted, console), width=needed, crop=False)
    if dropped:
        names = ", ".join(dropped)
        console.out.print(f"  without {names}: the terminal is {width} columns wide", style="dim")


def _width(table: Table, console: Console) -> int:
    """Columns that a table takes where no cell is broken."""
    wide = console.out.options.update(width=1000, max_width=1000)
    return _drawn(table, console).__rich_measure__(console.out, wide).maximum


def _least_width(table: Table, console: Console) -> int:
    """Columns that a table takes where words are broken and numbers are not."""
    wide = console.out.options.update(width=1000, max_width=1000)
    return _drawn(table, console).__rich_measure__(console.out, wide).minimum


def _drawn(table: Table, console: Console) -> "RichTable":
    """Draw a table with one rule, below its headings; title and notes are left to the caller."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
    )
    rows = [None if row is None else [_cell(cell, console) for cell in row] for row in table.rows]
    longest = max((len(row[0].text) for row in rows if row), default=0)
    for index, name in enumerate(table.columns):
        words = index < table.left
        # A name that is to be typed is not broken where it can be helped; a number never is.
        unbroken = not words or (index == 0 and longest <= _LONGEST_NAME)
        drawn.add_column(
            Text(console.safe(name)),
            justify="left" if words else "right",
            overflow="fold",
            no_wrap=unbroken,
            min_width=max((len(row[index].text) for row in rows if row), default=0)
            if unbroken
            else max(map(len, name.split()), default=0),
        )
    for cells in rows:
        if cells is None:
            drawn.add_section()
            continue
        drawn.add_row(*(_text(cell, width=max(longest, _LONGEST_NAME)) for cell in cells))
    return drawn


def _text(cell: Cell, width: int) -> "Text":
    from rich.text import Text

    drawn = Text(cell.text, _RICH[cell.style])
    for line in wrap(cell.details, width):
        drawn.append(f"\n{line}", "dim")
    return drawn


def markdown_cell(text: str) -> str:
    """Keep a name from becoming markup."""
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")


def markdown(table: Table, console: Console) -> str:
    """Write a table as a Markdown table, its title bold above and its notes as code below."""
    title = f"**{markdown_cell(console.safe(table.title))}**"
    remark = f": {markdown_cell(console.safe(table.remark))}" if table.remark else ""
    lines = [title + remark, ""]
    lines.append("| " + " | ".join(markdown_cell(name) for name in table.columns) + " |")
    lines.append("|" + "---|" * table.left + "--:|" * (len(table.columns) - table.left))
    for row in table.rows:
        if row is not None:
            cells = (_marked(_cell(cell, console)) for cell in row)
            lines.append("| " + " | ".join(cells) + " |")
    for note in table.notes:
        lines += ["", f"`{console.safe(note).replace('`', chr(39))}`"]
    return "\n".join(lines)


def _marked(cell: Cell) -> str:
    text = markdown_cell(cell.text)
    mark = {"best": "**", "label": "*"}.get(cell.style, "") if text else ""
    details = f": {markdown_cell(cell.details)}" if cell.details else ""
    return f"{mark}{text}{mark}{details}"


def latex(table: Table, console: Console) -> str:
    r"""Write a table as a LaTeX ``table`` with booktabs rules; notes are comments before it.

    The document needs ``\usepackage{booktabs}``.
    """
    lines = [f"% {console.safe(note)}".replace("\n", " ") for note in table.notes]
    align = "l" * table.left + "r" * (len(table.columns) - table.left)
    lines += [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{latex_text(console.safe(table.heading))}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        " & ".join(latex_text(name) for name in table.columns) + r" \\",
        r"\midrule",
    ]
    for row in table.rows:
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
