"""The examples in the docstrings of fetching are right."""

import doctest
from importlib import import_module
from pkgutil import iter_modules

import pytest

from asd_cli import fetching

MODULES = [module.name for module in iter_modules(fetching.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    found = doctest.testmod(import_module(f"asd_cli.fetching.{name}"))
    assert found.failed == 0


def test_most_modules_have_examples() -> None:
    with_examples = [
        name
        for name in MODULES
        if doctest.testmod(import_module(f"asd_cli.fetching.{name}")).attempted
    ]
    assert len(with_examples) >= len(MODULES) - 1
