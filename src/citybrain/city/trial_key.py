"""What a run depends on, as a key: who has run this very run before need not run it again."""

from __future__ import annotations

import ast
import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

import citybrain
from citybrain.city.trial_plan import MODES, TrialPlan

FORMAT = 2
"""Counted up when outputs of a run are added or mean something else."""
ROOT = Path(citybrain.__file__).parent
_SUMO = ("model", *(f"city/trial{part}.py" for part in ("", "_arterial", "_city", "_output", "_plan")))
_GUARDED = ("guard", "cloud/graph.py", "city/second.py", "city/loop.py")
_CITY = (ROOT / "network" / "simulated_city.py", ROOT / "network" / "scenario.py")
_RULES = ROOT / "network" / "own_program.py"
_SCORE = ROOT / "network" / "traffic_score.py"
"""For the page only: a trial has no use for it."""
_INCLUDED = re.compile(rb"""<include\s+href\s*=\s*["']([^"']+)["']""")
_BASELINE = ROOT / "brain" / "baseline.py"
_FIELD_ONLY = {ROOT / "network" / f"{name}.py" for name in ("field_fault", "lane_fusion", "detector_vote")}


def run_key(plan: TrialPlan) -> str:
    """32 hex digits that name the run: contents of the scenario's files, its settings, controller, seed, sensors,
    begin and end, the rules of its city, the code that senses, decides and guards (formatting and comments aside),
    SUMO's version.

    Raises OSError where a file cannot be read.
    """
    scenario = plan.settled()
    files = (scenario.net_file, *scenario.route_files, *scenario.additional_files, *scenario.detector_files)
    said = {
        "format": FORMAT,
        "sumo": version("libsumo"),
        "files": [_content(f) for f in files],
        "begin_s": scenario.begin_s,
        "end_s": scenario.end_s,
        "step_s": scenario.step_s,
        "options": sorted(scenario.options),
        "scale": scenario.scale,
        "seed": scenario.seed,
        "controller": plan.controller,
        "sensors": plan.seen,
        "emissions": plan.emissions,
        "code": code_digest(tuple(sorted(deciding_code(plan)))),
    }
    if plan.rules or scenario.days is not None or scenario.timezone != "UTC":
        said |= {"epoch": scenario.epoch, "timezone": scenario.timezone, "rules": plan.rules}
    return hashlib.sha256(msgspec.json.encode(said, order="deterministic")).hexdigest()[:32]


def deciding_code(plan: TrialPlan) -> set[Path]:
    """The source files on which the outcome of a run depends."""
    found = {f for part in _SUMO for f in _sources(ROOT / part)}
    for begin in (*_CITY, *((_RULES,) if plan.rules else ())):
        found |= _reached(begin)
    found.discard(_SCORE)
    if plan.seen == "clean":
        found -= _FIELD_ONLY
    if MODES[plan.controller] != "guard":
        return found
    found |= {f for part in _GUARDED for f in _sources(ROOT / part)}
    brain = _sources(ROOT / "brain") if plan.controller == "brain" else _reached(_BASELINE)
    return found | set(brain)


def _sources(path: Path) -> Iterable[Path]:
    return (path,) if path.is_file() else path.rglob("*.py")


def _reached(file: Path) -> set[Path]:
    """The file and the files of its own room that it imports, and so on."""
    found, left = set[Path](), [file]
    while left:
        at = left.pop()
        if at not in found:
            found.add(at)
            left += [f for f in _imports(at) if f.parent == file.parent]
    return found


def _imports(file: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("citybrain."):
            yield ROOT.joinpath(*str(node.module).split(".")[1:]).with_suffix(".py")


@cache
def code_digest(files: tuple[Path, ...]) -> str:
    """Digest of what the files do: neither comments, nor formatting, nor docstrings count. Raises OSError."""
    h = hashlib.sha256()
    for file in files:
        tree = ast.parse(file.read_bytes())
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                node.body = [n for n in node.body if not _is_text(n)]
        h.update(f"{file.parent.name}/{file.name}\n{ast.dump(tree)}\n".encode())
    return h.hexdigest()


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    )


@cache
def _content(file: Path) -> str:
    """Digest of the file and of those that it includes (<include href="…"/>). Raises OSError."""
    text = file.read_bytes()
    h = hashlib.sha256(text)
    plain = gzip.decompress(text) if file.suffix == ".gz" else text
    for href in _INCLUDED.findall(plain) if b"<include" in plain else ():
        h.update(_content(file.parent / href.decode()).encode())
    return h.hexdigest()
