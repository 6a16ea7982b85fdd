"""The data folder, its lock and format; logs; metrics."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Counter
from prometheus_client.parser import text_string_to_metric_families

from citybrain.cloud import (
    Bus,
    DataFolder,
    DataFolderError,
    Metrics,
    MetricsBoard,
    NatsServer,
    atomic_write,
    configure_log,
    hide,
)
from citybrain.cloud.rotation import RotatingFile
from citybrain.model import Declarations

Go = Callable[[Coroutine[Any, Any, None]], None]

HOLDER = """
import signal, sys
from pathlib import Path
from citybrain.cloud import DataFolder
with DataFolder(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def test_a_new_folder_is_made_and_opened_again(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "data") as folder:
        assert json.loads((folder.path / "format.json").read_text()) == {"format": 1}
        assert folder.bus == tmp_path / "data" / "bus"
        assert folder.bus.is_dir()
        assert folder.log("street") == tmp_path / "data" / "log" / "street.jsonl"
    with DataFolder(tmp_path / "data", create=False) as folder:
        assert folder.free_bytes() > 0


@pytest.mark.parametrize(
    ("content", "words"),
    [('{"format": 2}', "format 2, this City Brain reads 1: use the version"), ("{", "damaged"), ("[]", "damaged")],
)
def test_another_format_is_refused_in_one_line(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "format.json").write_text(content)
    with pytest.raises(DataFolderError, match=words) as told:
        DataFolder(tmp_path)
    assert "\n" not in str(told.value)


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataFolderError, match=r"not empty.*thesis\.txt"):
        DataFolder(tmp_path)
    with pytest.raises(DataFolderError, match="no data folder"):
        DataFolder(tmp_path, create=False)
    with pytest.raises(DataFolderError, match="choose another"):
        DataFolder(tmp_path / "thesis.txt" / "data")


def test_one_city_a_folder_and_the_lock_dies_with_its_holder(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataFolderError, match=f"process {holder.pid}"), DataFolder(tmp_path):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with DataFolder(tmp_path):
            pass


def test_too_little_space_is_told(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with pytest.raises(DataFolderError, match="free some space"):
        folder.check_space(1 << 62)


def test_a_write_is_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    atomic_write(file, b"old")
    writer = f"""
import resource, signal
from pathlib import Path
from citybrain.cloud import atomic_write
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
atomic_write(Path({str(file)!r}), b"n" * 5000)
"""
    done = subprocess.run([sys.executable, "-c", writer], capture_output=True, text=True, check=False)
    assert "File too large" in done.stderr
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]
    assert file.stat().st_mode & 0o777 == 0o600


FAILPOINT = """
import os, sys
from pathlib import Path
from citybrain.cloud import atomic_write
count, at = 0, int(sys.argv[2])
def or_die(call):
    def wrapped(*args, **kwargs):
        global count
        count += 1
        if count == at:
            os._exit(9)
        return call(*args, **kwargs)
    return wrapped
os.open, os.fsync, Path.replace = or_die(os.open), or_die(os.fsync), or_die(Path.replace)
atomic_write(Path(sys.argv[1]), b"n" * 5000)
"""


def test_a_writer_that_dies_at_any_point_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    found = []
    for at in range(1, 7):
        file = tmp_path / f"{at}"
        atomic_write(file, b"old")
        done = subprocess.run([sys.executable, "-c", FAILPOINT, str(file), str(at)], check=False)
        found.append((done.returncode, file.read_bytes()))
    old, new = b"old", b"n" * 5000
    # open, fsync, rename of the draft; open, fsync of the folder; the end.
    assert found == [(9, old), (9, old), (9, old), (9, new), (9, new), (0, new)]


@pytest.fixture
def root_log() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    for handler in handlers:
        root.removeHandler(handler)
    yield
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_log_line_is_json_without_secrets(tmp_path: Path, root_log: None) -> None:
    file = tmp_path / "log" / "street.jsonl"
    configure_log("street", file)
    hide("s3cret-token")
    logging.getLogger("citybrain.x").warning("with %s\nand 中", "s3cret-token")
    try:
        raise ValueError("s3cret-token broke")
    except ValueError:
        logging.getLogger("citybrain.x").exception("oh")
    first, second = (json.loads(line) for line in file.read_text().splitlines())
    assert (first["message"], first["level"], first["process"]) == ("with ***\nand 中", "warning", "street")
    assert first["time"].endswith("+00:00")
    assert second["error"] == "ValueError: *** broke"
    assert "s3cret" not in file.read_text()


def test_a_log_begins_anew_at_its_size(tmp_path: Path) -> None:
    with RotatingFile(tmp_path / "a.log", max_bytes=100, keep=2) as log:
        for n in range(50):
            log.write(b"line %02d\n" % n)
    files = sorted(p.name for p in tmp_path.iterdir())
    assert files == ["a.log", "a.log.1", "a.log.2"]
    assert all((tmp_path / f).stat().st_size <= 100 for f in files)
    assert b"line 49" in (tmp_path / "a.log").read_bytes()


def test_metrics_of_all_processes_meet_with_their_names(
    tmp_path: Path, declarations: Declarations, go: Go
) -> None:
    async def work() -> None:
        async with (
            NatsServer(tmp_path / "bus", log=tmp_path / "nats.log") as server,
            await Bus.connect(server.address, declarations, name="test") as bus,
        ):
            board = MetricsBoard()
            heard = await bus.listen("ops.metrics.*")
            tasks = [asyncio.create_task(board.listen(bus))]
            await bus.client.flush()
            for n, name in enumerate(("street", "brain")):
                metrics = Metrics(name)
                counter = Counter("ticks", "Ticks seen", ["kind"], registry=metrics.registry)
                counter.labels(kind="a").inc(n + 1)
                tasks.append(asyncio.create_task(metrics.tell(bus, every_s=0.05)))
            for _ in range(6):
                await anext(heard)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            families = {f.name: f for f in text_string_to_metric_families(board.exposition().decode())}
            found = {
                (s.labels["process"], s.labels["kind"]): s.value
                for s in families["ticks"].samples
                if s.name == "ticks_total"
            }
            assert found == {("street", "a"): 1.0, ("brain", "a"): 2.0}
            assert families["process_resident_memory_bytes"].type == "gauge"
            assert os.getpid() > 0

    go(work())
