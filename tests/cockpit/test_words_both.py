"""Every word of the page stands in both languages, with the same places to fill in."""

from __future__ import annotations

import re
from pathlib import Path

from small_city import declarations

from citybrain.model import Control, Why

WEB = Path(__file__).parents[2] / "web" / "src"
DICTIONARIES = ("words_city.ts", "words_signal.ts")
TEXT = r"'((?:[^'\\]|\\.)*)'"
ENTRY = re.compile(rf"'([a-z_.]+)': \[\s*{TEXT},\s*{TEXT},?\s*\]")
APART = {
    "unit.index",
    "unit.percent",
    "app.language",
    "app.language.title",
    "movement.name",
    "switch.by",
    "switch.line",
    "confirm.what",
}
"""Without words, or in the other language by intent."""


def _words() -> dict[str, tuple[str, str]]:
    texts = [(WEB / name).read_text(encoding="utf-8") for name in DICTIONARIES]
    block = "".join(text[text.index("WORDS = {") : text.index("} as const")] for text in texts)
    found = {key: (en, zh) for key, en, zh in ENTRY.findall(block)}
    assert len(found) == len(re.findall(r"^  '[a-z_.]+': \[", block, re.MULTILINE))
    return found


def test_every_word_has_both_languages() -> None:
    for key, (en, zh) in _words().items():
        if key in APART:
            continue
        assert re.search("[A-Za-z]", en), key
        assert re.search("[\u4e00-\u9fff]", zh), key


def test_both_languages_fill_in_the_same() -> None:
    for key, (en, zh) in _words().items():
        assert set(re.findall(r"\{\w+\}", en)) == set(re.findall(r"\{\w+\}", zh)), key


def test_every_word_said_exists_and_every_word_is_said() -> None:
    words = _words()
    sources = {f.name: f.read_text(encoding="utf-8") for f in WEB.glob("*.ts") if f.name not in DICTIONARIES}
    code = "\n".join(sources.values())
    plain = set(re.findall(r"'([a-z_]+(?:\.[a-z_]+)+)'", code))
    families = set(re.findall(r"`([a-z_]+)\.\$\{", code)) | set(re.findall(r"sayOf\('([a-z_]+)'", code))
    said = re.findall(r"say\('([a-z_.]+)'", code)
    assert set(said) <= set(words)
    unsaid = {w for w in words if w not in plain and w.split(".")[0] not in families}
    assert unsaid == set()


def test_every_reason_to_choose_a_stage_has_words() -> None:
    words = _words()
    assert {f"why.{why}" for why in Why} <= set(words)
    assert {f"control.{control}" for control in Control} <= set(words)
    others = set(Control) - {Control.BRAIN, Control.APPROVED}
    assert {f"why_not.{control}" for control in others} <= set(words)


def test_every_state_of_a_detector_has_words() -> None:
    fields = {f.name: f.values for f in declarations()["traffic.detector_health"].fields}
    words = _words()
    assert {f"detector.{state}" for state in fields["state"]} <= set(words)
    assert {f"detector_reason.{reason}" for reason in fields["reason"]} <= set(words)
