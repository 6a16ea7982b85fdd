"""Docs are tested: every setting, command, dataset and exit code has its line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import typer.main

from citybrain.city.dataset_page import dataset_page
from citybrain.city.settings import Settings
from citybrain.cli import app

DOCS = Path(__file__).parent.parent / "docs"


def _settings(struct: Any, prefix: str = "") -> list[str]:
    names: list[str] = []
    for field in msgspec.structs.fields(struct):
        table = _struct_in(field.type)
        if table is None:
            names.append(prefix + field.name)
        else:
            names += _settings(table, f"{prefix}{field.name}.")
    return names


def _struct_in(kind: Any) -> Any:
    """The settings struct that a type is, or is a list of."""
    if isinstance(kind, type):
        return kind if issubclass(kind, msgspec.Struct) else None
    return next((found for part in get_args(kind) if (found := _struct_in(part))), None)


def test_every_setting_has_its_line_and_no_line_is_dead() -> None:
    rows = [r for r in (DOCS / "city-toml.md").read_text().splitlines() if r.startswith("| `")]
    documented = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row.split("|")[1])}
    assert documented == set(_settings(Settings))


def test_the_example_in_the_settings_page_reads() -> None:
    import tomllib

    text = (DOCS / "city-toml.md").read_text()
    example = re.search(r"```toml\n(.*?)```", text, re.S)
    assert example
    assert msgspec.convert(tomllib.loads(example[1]), Settings).timezone == "Europe/Berlin"


def _commands(command: Any, prefix: str = "citybrain") -> list[tuple[str, Any]]:
    if hasattr(command, "commands"):
        return [c for name, sub in command.commands.items() for c in _commands(sub, f"{prefix} {name}")]
    return [(prefix, command)]


def test_every_command_and_option_has_its_line() -> None:
    text = (DOCS / "cli.md").read_text()
    for name, command in _commands(typer.main.get_command(app)):
        section = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, re.S | re.M)
        assert section, f"docs/cli.md lacks a section {name!r}"
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else []:
                assert f"`{option}" in section[1], f"docs/cli.md, {name}: {option} is missing"


def test_the_page_of_datasets_is_true() -> None:
    assert (DOCS / "datasets.md").read_text() == dataset_page(), (
        "make it again: python -m citybrain.city.dataset_page > docs/datasets.md"
    )


def test_links_between_docs_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), DOCS.parent / "README.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
