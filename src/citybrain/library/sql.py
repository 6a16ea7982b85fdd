"""The SQL that the library reads: one SELECT over declared datasets, and what it touches.

What is run is never the text that came in: the statement is parsed, every table in it is found to be a declared
dataset or a name of its own WITH, every function to be one that is offered, and SQL is written anew from that.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, SqlglotError, TokenError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from citybrain.library._offered import refusal
from citybrain.library._schema import TYPES
from citybrain.library.error import LibraryError
from citybrain.model import Dataset, Declarations

LONGEST = 20_000
DEEPEST = 100
ADDED = ("received_at", "batch_id")
"""Columns of every table beside the declared fields; `*` leaves them out."""
_UNRESOLVED = re.compile(r"(?:Column '|Unknown column: )([^'\s]+?)'?(?: could|$)")


@dataclass(frozen=True, slots=True)
class Source:
    """A table of a query: a dataset's history or its current state."""

    dataset: str
    now: bool

    @property
    def flat(self) -> str:
        return ("now__" if self.now else "history__") + self.dataset.replace(".", "__")


@dataclass(frozen=True, slots=True)
class Asked:
    """An analysed query: its tables, and by dataset the fields that it touches anywhere."""

    tree: exp.Query
    sources: frozenset[Source]
    fields: Mapping[str, frozenset[str]]

    @property
    def datasets(self) -> frozenset[str]:
        return frozenset(s.dataset for s in self.sources)


def analyse(sql: str, declarations: Declarations) -> Asked:
    """What a query asks for. Raises LibraryError with one line: syntax, an unknown dataset or field, or something
    that is not offered."""
    if len(sql) > LONGEST:
        raise LibraryError(f"a query of {len(sql)} letters, at most {LONGEST}")
    try:
        tree = _parsed(sql)
        sources = _flattened(tree, declarations)
        _name_columns(tree)
        tree = _qualified(tree, sources, declarations)
        return Asked(tree, frozenset(sources), _touched(tree, sources))
    except RecursionError:
        raise LibraryError("the query is nested too deeply") from None
    except SqlglotError as e:
        raise LibraryError(f"not a query that can be read: {e}") from None


def rendered(asked: Asked, views: Mapping[Source, str]) -> str:
    """DuckDB SQL of the query, each table written out as its view."""
    tree = asked.tree.copy()
    by_name = {source.flat: view for source, view in views.items()}
    for table in list(tree.find_all(exp.Table)):
        if table.name in by_name:
            inner = exp.Subquery(this=exp.Var(this=by_name[table.name]), alias=table.args.get("alias"))
            for name in ("joins", "sample"):
                inner.set(name, table.args.get(name))
            table.replace(inner)
    return tree.sql(dialect="duckdb")


def _parsed(sql: str) -> exp.Query:
    try:
        statements = [s for s in sqlglot.parse(sql, dialect="duckdb") if s is not None]
    except ParseError as e:
        fault = e.errors[0] if e.errors else {}
        where = f" at line {fault['line']}, column {fault['col']}" if fault.get("line") else ""
        raise LibraryError(f"syntax error{where}: {fault.get('description') or e}") from None
    except TokenError as e:
        raise LibraryError(f"syntax error: {str(e).splitlines()[0]}") from None
    if len(statements) != 1:
        raise LibraryError("write one SELECT")
    (tree,) = statements
    if not isinstance(tree, (exp.Select, exp.SetOperation, exp.Subquery)):
        raise LibraryError("only SELECT is offered")
    for node in tree.walk():
        if why := refusal(node):
            raise LibraryError(f"{why}{_position(node)}")
        if node.depth > DEEPEST:
            raise LibraryError("the query is nested too deeply")
    return tree


def _flattened(tree: exp.Query, declarations: Declarations) -> dict[Source, Dataset]:
    """Replace every dataset by a table of one plain name; what is not a dataset or a WITH name is refused."""
    found: dict[Source, Dataset] = {}
    named = {id(node) for scope in traverse_scope(tree) for node in _with_names(scope)}
    for table in list(tree.find_all(exp.Table)):
        if id(table) in named:
            continue
        source = _source(table, declarations)
        found[source] = declarations[source.dataset]
        for key, value in table.args.items():
            if value and key not in ("this", "db", "catalog", "alias", "joins", "sample"):
                raise LibraryError(f"{key} is not offered after a table{_position(table)}")
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("this", exp.to_identifier(source.flat))
        table.set("db", None)
        table.set("catalog", None)
    for column in tree.find_all(exp.Column):
        if column.args.get("db") is not None and f"{column.db}.{column.table}" in declarations:
            column.set("db", None)
            column.set("catalog", None)
    return found


def _with_names(scope: Scope) -> Iterator[exp.Expr]:
    """The table nodes of a scope that stand for a name of a WITH."""
    for table in scope.tables:
        if not table.db and isinstance(scope.sources.get(table.alias_or_name), Scope):
            yield table


def _source(table: exp.Table, declarations: Declarations) -> Source:
    if not isinstance(table.this, exp.Identifier):
        raise LibraryError(f"table functions are not offered{_position(table)}")
    parts = [p.name.lower() for p in table.parts]
    now = len(parts) == 3 and parts[0] == "now"
    name = ".".join(parts[1:] if now else parts)
    dataset = declarations.get(name)
    if dataset is None or (len(parts) == 3 and not now):
        raise LibraryError(f"no dataset {'.'.join(parts)!r}{_position(table)}{_meant(parts, declarations)}")
    if dataset.transient:
        raise LibraryError(f"{name} passes by live and is never stored")
    return Source(name, now)


def _meant(parts: list[str], declarations: Declarations) -> str:
    kept = [name for name, d in declarations.items() if not d.transient]
    current = parts[0] == "now" and len(parts) > 1
    word = ".".join(parts[1:] if current else parts)
    alike = {name: name for name in kept} | {n.replace(".", "_"): n for n in kept}
    alike |= {n.split(".", 1)[1]: n for n in kept}
    close = difflib.get_close_matches(word, alike, 1, 0.6)
    return f": did you mean {'now.' if current else ''}{alike[close[0]]}?" if close else ""


def _name_columns(tree: exp.Query) -> None:
    """Give a result column without a name the text of its expression."""
    for select in (tree, *tree.find_all(exp.Select)):
        if isinstance(select, exp.Select) and (
            select.parent is None or isinstance(select.parent, exp.SetOperation)
        ):
            for column in list(select.expressions):
                if not isinstance(column, (exp.Alias, exp.Column, exp.Star, exp.Explode, exp.Dot)):
                    text = column.sql(dialect="duckdb").lower()
                    column.replace(exp.alias_(column.copy(), text[:60], quoted=True))


def _qualified(tree: exp.Query, sources: Mapping[Source, Dataset], declarations: Declarations) -> exp.Query:
    schema: dict[str, object] = {}
    visible: dict[str, object] = {}
    for source, dataset in sources.items():
        columns = {f.name: TYPES[f.type] for f in dataset.fields}
        schema[source.flat] = columns | {"received_at": "TIMESTAMPTZ", "batch_id": "VARCHAR"}
        visible[source.flat] = list(columns)
    known = MappingSchema(schema, visible=visible, dialect="duckdb")
    try:
        result = qualify(tree.copy(), schema=known, dialect="duckdb")
    except OptimizeError as e:
        raise LibraryError(_unresolved(str(e), tree, sources.values())) from None
    if row := result.find(exp.TableColumn):
        raise LibraryError(f"{row.name!r} is a table: name its fields")
    return result


def _unresolved(message: str, tree: exp.Query, datasets: Iterable[Dataset]) -> str:
    found = _UNRESOLVED.search(message)
    if found is None:
        return message
    name = found[1].lower()
    where = next((_position(c) for c in tree.find_all(exp.Column) if c.name.lower() == name), "")
    held = [d.id for d in datasets if name in (*(f.name for f in d.fields), *ADDED)]
    if len(held) > 1:
        return f"field {name!r} is in several tables{where}: write <table>.{name}"
    if held:
        return f"field {name!r} cannot be reached{where}: is its table named so in FROM?"
    known = [f.name for d in datasets for f in d.fields]
    close = difflib.get_close_matches(name, known, 1, 0.6)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(dict.fromkeys(known))}"
    return f"unknown field {name!r}{where}: {hint}"


def _touched(tree: exp.Query, sources: Mapping[Source, Dataset]) -> dict[str, frozenset[str]]:
    """The fields touched, by dataset. A name that could be a field of a dataset is counted as one."""
    by_flat = {source.flat: source.dataset for source in sources}
    touched: dict[str, set[str]] = {source.dataset: set() for source in sources}
    for scope in traverse_scope(tree):
        names = {
            alias: by_flat[table.name]
            for alias, table in scope.sources.items()
            if isinstance(table, exp.Table) and table.name in by_flat
        }
        for column in scope.columns:
            if column.table in names:
                touched[names[column.table]].add(column.name)
    loose = {c.name for c in tree.find_all(exp.Column) if not c.table}
    for source, dataset in sources.items():
        touched[source.dataset] |= loose & {f.name for f in dataset.fields}
    return {name: frozenset(fields) for name, fields in touched.items()}


def _position(node: exp.Expr) -> str:
    """Where a node begins in the text that came in."""
    metas = [(part.meta, part.name) for part in node.find_all(exp.Identifier) if "line" in part.meta]
    places = [(meta["line"], meta["col"] - len(name) + 1) for meta, name in metas]
    return " at line {}, column {}".format(*min(places)) if places else ""
