"""The page is built into the package: by the Node there is or by the one the build brings; never by halves."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
WEB = ROOT / "web"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["hatch_build"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a page of one line, and an `npm` that does what its file `plan` says."""
    web = tmp_path / "web"
    web.mkdir()
    (web / "package.json").write_text("{}")
    (web / "package-lock.json").write_text("{}")
    (web / "index.html").write_text("<p>")
    (web / "node_modules").mkdir()
    return tmp_path


def _npm(hook: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """Put a stand-in for npm on the hook's way that runs a shell script and keeps a list of its calls."""
    npm = repository / "npm"
    calls = repository / "calls"
    npm.write_text(f'#!/bin/sh\necho "$1 $2" >> {calls}\n{script}\n')
    npm.chmod(0o755)
    monkeypatch.setattr(hook, "find_node", lambda: hook.Node((str(npm),), repository))
    return calls


WRITES = """mkdir -p ../src/citybrain/cockpit/static
[ "$1" = ci ] || cp index.html ../src/citybrain/cockpit/static/"""


def test_it_builds_once_and_again_when_the_sources_change(
    hook: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _npm(hook, repository, monkeypatch, WRITES)
    assert hook.build_page(repository) is True
    assert hook.build_page(repository) is False
    (repository / "web" / "index.html").write_text("<p>other")
    assert hook.build_page(repository) is True
    (repository / hook.PAGE / "index.html").unlink()
    assert hook.build_page(repository) is True
    assert calls.read_text().split("\n")[:-1] == ["ci --no-audit", "run build", "run build", "run build"]


def test_a_failing_npm_is_told_with_its_last_words(
    hook: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _npm(hook, repository, monkeypatch, "echo the registry is away; exit 3")
    with pytest.raises(hook.PageError, match=r"ended with 3:\nthe registry is away"):
        hook.build_page(repository)
    assert hook.built_digest(repository / hook.PAGE) is None


def test_a_build_without_a_page_is_no_build(
    hook: ModuleType, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _npm(hook, repository, monkeypatch, "true")
    with pytest.raises(hook.PageError, match=r"no index\.html"):
        hook.build_page(repository)


def test_without_sources_a_built_page_is_needed(hook: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(hook.PageError, match="missing"):
        hook.build_page(tmp_path)
    page = tmp_path / hook.PAGE
    page.mkdir(parents=True)
    (page / "index.html").write_text("<p>")
    assert hook.build_page(tmp_path) is False


@pytest.mark.parametrize(
    ("version", "fits"),
    [
        ("v20.19.0", True),
        ("v20.18.3", False),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v22.12.0\n", True),
        ("v24.1.0", True),
        ("v18.20.0", False),
        ("", False),
    ],
)
def test_which_node_fits_vite(hook: ModuleType, version: str, fits: bool) -> None:
    assert hook.fits_vite(version) is fits


def _with_old_node(folder: Path) -> str:
    """A PATH on which a Node too old for Vite comes first."""
    folder.mkdir(exist_ok=True)
    for name in ("node", "npm"):
        (folder / name).write_text("#!/bin/sh\necho v18.0.0\n")
        (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_an_old_node_on_the_path_gives_way_to_the_one_that_the_build_brings(
    hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", _with_old_node(tmp_path))
    node = hook.find_node()
    assert node.folder != tmp_path
    asked = subprocess.run([*node.npm, "--version"], capture_output=True, text=True, check=True)
    assert re.match(r"\d+\.", asked.stdout)


def test_the_lock_file_names_no_registry_and_fixes_every_package() -> None:
    lock = json.loads((WEB / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: p for name, p in lock["packages"].items() if name}
    assert len(packages) > 20
    assert not [name for name, p in packages.items() if "resolved" in p]
    assert not [name for name, p in packages.items() if "integrity" not in p]


def test_the_built_page_is_whole(hook: ModuleType) -> None:
    """What lies in the package is whole: its page, its script, its style, the map's worker."""
    page = ROOT / hook.PAGE
    if not (page / "index.html").is_file():
        pytest.skip("the page is not built: run python hatch_build.py")
    text = (page / "index.html").read_text(encoding="utf-8")
    for name in re.findall(r'(?:src|href)="\./(assets/[^"]+)"', text):
        assert (page / name).is_file()
    assert "assets/" in text
    assert list(page.glob("assets/*worker*.mjs"))
    assert not re.findall(r'(?:src|href)="https?:', text)


@pytest.mark.long
def test_the_wheel_holds_the_page(tmp_path: Path) -> None:
    """A wheel built from a copy of the sources alone, without a Node that fits, carries the whole page."""
    copy = tmp_path / "source"
    for name in ("src", "web"):
        away = shutil.ignore_patterns("node_modules", "static", "__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=away)
    for name in ("hatch_build.py", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).is_file():
            shutil.copy(ROOT / name, copy / name)
    (copy / "README.md").touch()
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "out"), str(copy)],
        check=True,
        env=os.environ | {"PATH": _with_old_node(tmp_path / "old")},
    )
    (wheel,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        names = packed.namelist()
        page = packed.read("citybrain/cockpit/static/index.html").decode()
    for asset in re.findall(r'"\./(assets/[^"]+)"', page):
        assert f"citybrain/cockpit/static/{asset}" in names
    assert any(re.search(r"static/assets/maplibre-gl-worker.*\.mjs$", name) for name in names)
    assert not [name for name in names if "node_modules" in name]
