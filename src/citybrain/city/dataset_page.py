"""The page of all datasets: `python -m citybrain.city.dataset_page > docs/datasets.md`."""

from __future__ import annotations

from citybrain.hub import load_catalogue
from citybrain.model import Dataset, Field

_HEAD = """# Datasets

Everything that the city knows, from the declarations in `src/citybrain/*/datasets/`. Made by
`python -m citybrain.city.dataset_page`; a test holds it against them.
"""


def dataset_page() -> str:
    """The page as Markdown."""
    declared = load_catalogue(None)
    return _HEAD + "".join(_section(declared[name]) for name in sorted(declared))


def _section(d: Dataset) -> str:
    cadence = "on change" if d.cadence_s is None else f"every {d.cadence_s:g} s"
    kept = "for ever" if d.retention_days is None else f"{d.retention_days} days"
    marks = [
        w for w, on in (("simulation truth", d.simulation_truth), ("live only, never stored", d.transient)) if on
    ]
    facts = [
        f"owner {d.owner}", f"truth {d.truth}", f"key {', '.join(d.key)}", cadence, f"kept {kept}",
        f"grade {d.grade}", f"shared {d.sharing}", "open" if d.open else "not open", *marks,
    ]  # fmt: skip
    lines = [
        f"\n## {d.id}\n",
        f"**{d.title.en} · {d.title.zh}**, version {d.version}. {d.description.en} {d.description.zh}\n",
        f"{'; '.join(facts)}.\n",
        "| field | type | unit | meaning | 含义 | grade |",
        "|---|---|---|---|---|---|",
        *(_row(f) for f in d.fields),
    ]
    return "\n".join(lines) + "\n"


def _row(f: Field) -> str:
    kind = f.type.value + ("?" if f.nullable else "")
    if f.values:
        kind += ": " + ", ".join(f.values)
    return f"| `{f.name}` | {kind} | {f.unit or ''} | {f.title.en} | {f.title.zh} | {f.grade} |"


if __name__ == "__main__":
    print(dataset_page(), end="")
