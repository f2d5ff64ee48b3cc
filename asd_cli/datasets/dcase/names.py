"""The grammar of clip names, both ways.

A template is written as a name is, with fields in braces: ``{section}`` (two digits), ``{domain}``,
``{split}``, ``{label}``, ``{number:04}`` (so many digits) and, in brackets because it may be
missing, ``[_{attributes}]``. An edition has several, in `catalogue/*.toml`; those of DCASE 2021
are::

    section_{section}_{domain}_{split}_{label}_{number:04}[_{attributes}].wav
    section_{section}_{domain}_{split}_{number:04}[_{attributes}].wav

The label is missing in test clips of evaluation sets, the domain in those of 2022 and later.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asd_cli.core.recordings import is_recording_name
from asd_cli.core.types import CONDITION, DOMAIN, SECTION, Clip, Domain, Label, Split

_FIELD = re.compile(r"\{(?P<name>\w+)(?::0(?P<width>[0-9]+))?\}")
_OPTIONAL = "[_{attributes}]"
_FORMS = {
    "section": "[0-9]{2}",
    "domain": "|".join(Domain),
    "split": "|".join(Split),
    "label": "|".join(Label),
}


@dataclass(frozen=True, slots=True)
class ClipNames:
    """How clips of an edition are named.

    Attributes
    ----------
    templates : tuple of str
        The first that a name follows, or that has all facts of a clip, counts.
    """

    templates: tuple[str, ...]

    @property
    def example(self) -> str:
        """A name that follows the first template, for messages."""
        example = self.templates[0].replace(_OPTIONAL, "_<attributes>")
        facts = {"section": "00", "domain": "source", "split": "train", "label": "normal"}
        return _FIELD.sub(
            lambda field: "0" * int(field["width"]) if field["width"] else facts[field["name"]],
            example,
        )


CLIP_NAMES = ClipNames(
    (
        "section_{section}_{domain}_{split}_{label}_{number:04}[_{attributes}].wav",
        "section_{section}_{domain}_{split}_{number:04}[_{attributes}].wav",
    )
)
"""Names of DCASE 2021."""


@dataclass(frozen=True, slots=True)
class ParsedName:
    """What a file name says of a clip; None where it does not say it.

    Attributes
    ----------
    section : str
        Two digits.
    domain, split, label : enumeration or None
        As written.
    number : int
        Running number within section, domain, split and label.
    condition : str
        What follows the number, without the joining underscore; may be empty.
    """

    section: str
    domain: Domain | None
    split: Split | None
    label: Label | None
    number: int
    condition: str


def parse_clip_name(
    path: Path, *, machine: str, names: ClipNames = CLIP_NAMES, split: Split = Split.TEST
) -> Clip:
    """Read what a file name says about a clip.

    Parameters
    ----------
    path : Path
        The file; only its last part is read.
    machine : str
        Machine type, which the name does not hold.
    names : ClipNames
        The edition's.
    split : Split
        What the clip is for, where the name does not say it.

    Returns
    -------
    Clip
        With `path` as given; `domain` and `label` are None where the name does not hold them.

    Raises
    ------
    ValueError
        When the name does not follow the grammar; the message says how one looks.

    Examples
    --------
    >>> path = Path("section_00_source_train_normal_0000_speed_1.wav")
    >>> clip = parse_clip_name(path, machine="fan")
    >>> clip.section, clip.condition
    ('00', 'speed_1')
    """
    found = read_name(path.name, names)
    attributes = {SECTION: found.section}
    if found.domain is not None:
        attributes[DOMAIN] = found.domain.value
    if found.condition:
        attributes[CONDITION] = found.condition
    return Clip(
        path=path,
        machine=machine,
        split=found.split or split,
        label=found.label,
        attributes=attributes,
    )


def read_name(name: str, names: ClipNames = CLIP_NAMES) -> ParsedName:
    """Read what a file name says; ValueError when it does not follow the grammar.

    Recordings in other containers than WAV are named alike: ``….flac``, ``….WAV``.
    """
    known = Path(name)
    plain = known.stem + ".wav" if is_recording_name(known) else name
    found = next(_matches(plain, names), None)
    if found is None:
        raise ValueError(f"{name!r} is not a clip name like {names.example}")
    condition = found.get("attributes") or ""
    if found.get("label") and re.search(r"(^|_)(normal|anomaly)(_|$)", condition):
        raise ValueError(f"{name!r} has more than one label")
    return ParsedName(
        section=str(found["section"]),
        domain=Domain(found["domain"]) if "domain" in found else None,
        split=Split(found["split"]) if "split" in found else None,
        label=Label(found["label"]) if "label" in found else None,
        number=int(found["number"]),
        condition=condition,
    )


def _matches(name: str, names: ClipNames) -> Iterator[dict[str, str]]:
    for template in names.templates:
        match = _pattern(template).fullmatch(name)
        if match is not None:
            yield match.groupdict()


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """Turn a template into a regular expression with a group for each field."""
    start, optional, end = template.partition(_OPTIONAL)
    attributes = "(?:_(?P<attributes>.*))?" if optional else ""
    return re.compile(_fields(start) + attributes + _fields(end), re.DOTALL)


def _fields(text: str) -> str:
    pattern, position = "", 0
    for field in _FIELD.finditer(text):
        form = f"[0-9]{{{field['width']}}}" if field["width"] else _FORMS[field["name"]]
        pattern += re.escape(text[position : field.start()]) + f"(?P<{field['name']}>{form})"
        position = field.end()
    return pattern + re.escape(text[position:])


def format_clip_name(
    *,
    section: str,
    domain: Domain | None,
    split: Split,
    label: Label | None,
    number: int,
    attributes: str = "",
    names: ClipNames = CLIP_NAMES,
) -> str:
    """Write a clip name; the inverse of `parse_clip_name`.

    A domain and a split are left out where the edition's names do not hold them.

    Raises
    ------
    ValueError
        When the edition has no name for a clip without a label.
    """
    facts = {"section": section, "split": split.value}
    facts |= {} if label is None else {"label": label.value}
    facts |= {} if domain is None else {"domain": domain.value}
    for template in names.templates:
        fields = {field["name"] for field in _FIELD.finditer(template)} - {"number", "attributes"}
        if fields <= facts.keys() and ("label" in fields) == (label is not None):
            ending = f"_{attributes}" if attributes else ""
            return template.replace(_OPTIONAL, ending).format(number=number, **facts)
    raise ValueError(f"no name like {names.example} is of a clip without its label")
