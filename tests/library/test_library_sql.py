"""What may be asked, what may not, and how the library says no."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from library_city import DAY_MS, READING, START_MS, declared, readings
from sqlglot import exp

from citybrain.library import Library, LibraryError, analyse
from citybrain.library._offered import _KINDS, _PLAIN, FUNCTIONS
from citybrain.model import Declarations, read_declarations


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    folder = tmp_path_factory.mktemp("sql")
    declarations = declared(folder / "declarations")
    library = Library(folder / "library", declarations)
    rows = [(p, START_MS + n * 60_000, n) for n in range(30) for p in "ab"]
    library.append([readings(declarations, "b1", rows)], 1000)
    library.seal(START_MS + DAY_MS)
    library.append([readings(declarations, "b2", [("a", START_MS + DAY_MS, 30)])], 2000)
    return library


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT count(*) AS n FROM test.reading", [{"n": 61}]),
        ("FROM now.test.reading SELECT value ORDER BY ALL", [{"value": 29}, {"value": 30}]),
        ("SELECT max(r.value) AS m FROM test.reading AS r WHERE r.place = 'b'", [{"m": 29}]),
        ("SELECT max(test.reading.value) AS m FROM test.reading", [{"m": 30}]),
        ("WITH b AS (SELECT * FROM test.reading WHERE place = 'b') SELECT count(*) AS n FROM b", [{"n": 30}]),
        ("WITH reading AS (SELECT 1 AS one) SELECT one FROM reading", [{"one": 1}]),
        (
            "SELECT n.place, count(*) AS n FROM now.test.reading n JOIN test.reading h USING (place)"
            " GROUP BY ALL ORDER BY 1",
            [{"place": "a", "n": 31}, {"place": "b", "n": 30}],
        ),
        ("SELECT place FROM test.reading UNION SELECT 'c' ORDER BY place", [{"place": p} for p in "abc"]),
        (
            "SELECT place, value FROM test.reading"
            " QUALIFY row_number() OVER (PARTITION BY place ORDER BY time DESC) = 1 ORDER BY 1",
            [{"place": "a", "value": 30}, {"place": "b", "value": 29}],
        ),
        ("SELECT (SELECT max(value) FROM test.reading) - 1 AS m", [{"m": 29}]),
        ("SELECT count(*) FROM test.reading", [{"count(*)": 61}]),
        (
            "SELECT list_transform(list(value ORDER BY value), lambda v: v * 2)[1:3] AS l"
            " FROM test.reading WHERE place = 'b'",
            [{"l": [0, 2, 4]}],
        ),
        (
            "SELECT value FROM test.reading WHERE place = $$a$$ AND value IN (1, 2) ORDER BY value DESC",
            [{"value": 2}, {"value": 1}],
        ),
    ],
)  # fmt: skip
def test_offered(library: Library, sql: str, rows: list[dict[str, object]]) -> None:
    assert library.query(sql).to_pylist() == rows


def test_star_is_the_declared_fields(library: Library) -> None:
    assert library.query("SELECT * FROM test.reading LIMIT 1").column_names == ["place", "time", "value"]
    assert "received_at" in library.query("SELECT *, received_at FROM now.test.reading").column_names


def test_times_come_in_milliseconds_utc(library: Library) -> None:
    table = library.query("SELECT time, time_bucket(INTERVAL '1 hour', time) AS hour FROM test.reading LIMIT 1")
    assert {str(f.type) for f in table.schema} == {"timestamp[ms, tz=UTC]"}


ATTACKS = [
    "DROP TABLE test.reading",
    "DELETE FROM test.reading",
    "INSERT INTO test.reading VALUES (1)",
    "UPDATE test.reading SET value = 0",
    "CREATE TABLE x AS SELECT * FROM test.reading",
    "COPY test.reading TO 'x.csv'",
    "COPY (SELECT 1) TO 'x.csv'",
    "ATTACH 'other.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "PRAGMA database_list",
    "SET memory_limit = '100GB'",
    "RESET ALL",
    "CALL duckdb_tables()",
    "EXPLAIN ANALYZE SELECT 1",
    "SHOW ALL TABLES",
    "DESCRIBE test.reading",
    "SUMMARIZE test.reading",
    "CHECKPOINT",
    "SELECT 1; DROP TABLE test.reading",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_parquet('*.parquet')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"/etc/passwd\"",
    "FROM 'x.parquet'",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM duckdb_settings()",
    "SELECT * FROM duckdb_tables",
    "SELECT * FROM information_schema.tables",
    "SELECT * FROM pg_catalog.pg_tables",
    "SELECT * FROM sqlite_master",
    "SELECT * FROM main.batches",
    "SELECT * FROM batches",
    'SELECT * FROM rows."test.reading"',
    'SELECT * FROM latest."test.reading"',
    'SELECT * FROM "history__test__reading"',
    "SELECT * FROM (WITH batches AS (SELECT 1) SELECT 1), batches",
    "SELECT * FROM query('SELECT 1')",
    "SELECT * FROM query_table('batches')",
    "SELECT * FROM range(1000000000)",
    "SELECT * FROM test_all_types()",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM parquet_metadata('x')",
    "SELECT getenv('HOME')",
    "SELECT current_setting('memory_limit')",
    "SELECT read_text('/etc/passwd')",
    "SELECT nextval('x')",
    "SELECT getvariable('x')",
    "SELECT $1",
    "SELECT ?",
    "SELECT $name",
    "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT * FROM r",
    "SELECT * INTO x FROM test.reading",
    "SELECT * FROM test.reading FOR UPDATE",
    "SELECT * FROM test.reading AT (VERSION => 1)",
    "PIVOT test.reading ON place USING count(*)",
    "SELECT * FROM test.reading PIVOT (count(*) FOR place IN ('a'))",
    "SELECT COLUMNS('.*') FROM test.reading",
    "SELECT r FROM test.reading r",
    "SELECT rowid FROM test.reading",
    "SELECT superseded_at FROM test.reading",
    "SELECT * FROM other.test.reading",
    "SELECT * FROM now.test.reading.x",
    "SELECT * FROM test.frame",
    "SELECT " + "(" * 500 + "1" + ")" * 500,
    "SELECT " + "-" * 10_000 + "1",
    "SELECT '" + "x" * 30_000 + "'",
    "",
    ";",
    "-- nothing",
    "SELECT",
    "\x00",
    "VALUES (1)",
]  # fmt: skip


@pytest.mark.parametrize("sql", ATTACKS)
def test_refused_in_one_line(library: Library, sql: str) -> None:
    with pytest.raises(LibraryError) as e:
        library.query(sql)
    assert str(e.value)
    assert "\n" not in str(e.value)


def test_a_query_cannot_reach_a_file_even_past_the_checks(library: Library, tmp_path: Path) -> None:
    """The second wall: DuckDB itself is closed to everything outside the library's folder."""
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    with library._store._root.cursor() as cursor:
        for sql in (
            f"SELECT * FROM '{secret}'",
            f"COPY (SELECT 1) TO '{secret}'",
            "SET enable_external_access = true",
        ):
            with pytest.raises(Exception, match=r"(?i)permission|disabled|locked|read-only"):
                cursor.execute(sql).fetchall()
    assert secret.read_text() == "a\n1\n"


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM test.readin", "no dataset 'test.readin' at line 1, column 15: did you mean test.reading?"),
        (
            "SELECT * FROM now.test_reading",
            "no dataset 'now.test_reading' at line 1, column 15: did you mean now.test.reading?",
        ),
        ("SELECT * FROM reading", "no dataset 'reading' at line 1, column 15: did you mean test.reading?"),
        ("SELECT valu FROM test.reading", "unknown field 'valu' at line 1, column 8: did you mean value?"),
        (
            "SELECT place\nFROM test.reading\nWHERE r.xyz = 1",
            "unknown field 'xyz' at line 3, column 7: there are place, time, value",
        ),
        ("SELECT r.valu FROM test.reading r", "unknown field 'valu' at line 1, column 8: did you mean value?"),
        (
            "SELECT value FROM test.reading a, test.place b",
            "field 'value' is in several tables at line 1, column 8: write <table>.value",
        ),
        ("SELECT value FROM test.reading WHERE (value = 1", "syntax error at line 1, column 47: Expecting )"),
        ("DROP TABLE x", "only SELECT is offered"),
        ("SELECT getenv('x')", "function getenv is not offered (see docs/query.md)"),
        ("SELECT * FROM test.frame", "test.frame passes by live and is never stored"),
    ],
)  # fmt: skip
def test_errors_say_what_to_do(library: Library, sql: str, says: str) -> None:
    with pytest.raises(LibraryError) as e:
        library.query(sql)
    assert str(e.value) == says


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="SELECT FROM test.reading now()*,'\"\\;-/$@:=<>[]{}%\n\x00é", max_size=80))
def test_no_text_breaks_the_reader(sql_declarations: Declarations, text: str) -> None:
    for sql in (text, f"SELECT {text} FROM test.reading"):
        try:
            asked = analyse(sql, sql_declarations)
        except LibraryError:
            continue
        assert asked.datasets <= {"test.reading", "test.place"}


@pytest.fixture(scope="module")
def sql_declarations(tmp_path_factory: pytest.TempPathFactory) -> Declarations:
    return declared(tmp_path_factory.mktemp("declarations"))


@pytest.mark.parametrize(
    ("sql", "fields"),
    [
        ("SELECT * FROM test.reading", {"place", "time", "value"}),
        ("SELECT place FROM test.reading WHERE value > 1", {"place", "value"}),
        ("SELECT count(*) FROM test.reading", set()),
        ("SELECT x FROM (SELECT place AS x, value AS y FROM test.reading) ORDER BY y", {"place", "value"}),
        ("WITH a AS (SELECT * FROM test.reading) SELECT place FROM a", {"place", "time", "value"}),
        ("SELECT (SELECT max(value) FROM test.reading) AS m", {"value"}),
        ("SELECT max(time) AS t FROM test.reading GROUP BY place", {"place", "time"}),
        ("SELECT list_filter([1], lambda v: v > value) FROM test.reading", {"value"}),
        ("SELECT a.place FROM test.reading a JOIN test.reading b ON b.value = 1", {"place", "value"}),
    ],
)  # fmt: skip
def test_what_a_query_touches(sql_declarations: Declarations, sql: str, fields: set[str]) -> None:
    assert analyse(sql, sql_declarations).fields["test.reading"] == fields


def test_a_long_query_is_stopped(library: Library) -> None:
    cross = ", ".join(f"test.reading r{n}" for n in range(8))
    with pytest.raises(LibraryError, match=r"longer than 0\.2 s and was stopped"):
        library.query(f"SELECT sum(r0.value + r7.value) FROM {cross}", timeout_s=0.2)
    assert library.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_a_hungry_query_is_stopped(library: Library) -> None:
    cross = ", ".join(f"test.reading r{n}" for n in range(5))
    with pytest.raises(LibraryError, match="ask for less"):
        library.query(f"SELECT list(r0.value) FROM {cross}", timeout_s=20)
    assert library.query("SELECT 1 AS one").to_pylist() == [{"one": 1}]


def test_limit_says_when_there_is_more(library: Library) -> None:
    table = library.query(f"SELECT * FROM {READING} ORDER BY time", limit=10)
    assert (table.num_rows, table.schema.metadata[b"truncated"]) == (10, b"true")
    assert library.query(f"SELECT * FROM {READING}", limit=61).schema.metadata[b"truncated"] == b"false"
    with pytest.raises(LibraryError, match="limit must be"):
        library.query("SELECT 1", limit=0)
    for at in (-1, 10**18):
        with pytest.raises(LibraryError, match="not between the years 1970 and 9999"):
            library.query("SELECT 1", as_of_ms=at)


def test_examples_of_the_documentation_can_be_asked() -> None:
    root = Path(__file__).parents[2]
    declared_by_rooms = read_declarations(sorted((root / "src" / "citybrain").glob("*/datasets")))
    examples = re.findall(r"```sql\n(.*?)```", (root / "docs" / "query.md").read_text(encoding="utf-8"), re.S)
    assert len(examples) >= 2
    for sql in examples:
        assert analyse(sql, declared_by_rooms).datasets


def test_the_offered_kinds_are_what_the_offered_names_parse_to() -> None:
    kinds: set[type[exp.Expr]] = set()
    for name in {name for names in FUNCTIONS.values() for name in names}:
        for arguments in ("x", "x, y", "x, y, z", "", "'day', x", "'day', x, y", "year FROM x", "x IN y"):
            try:
                tree = sqlglot.parse_one(f"SELECT {name}({arguments})", dialect="duckdb")
            except sqlglot.errors.SqlglotError:
                continue
            kinds |= {type(n) for n in tree.find_all(exp.Func) if not isinstance(n, exp.Anonymous)}
    assert kinds <= {*_KINDS, *_PLAIN}
    assert set(_KINDS) <= kinds


def test_the_documentation_lists_every_function() -> None:
    page = (Path(__file__).parents[2] / "docs" / "query.md").read_text(encoding="utf-8")
    for kind, names in FUNCTIONS.items():
        for name in names:
            assert f"`{name}`" in page, f"docs/query.md lacks {name} ({kind})"
