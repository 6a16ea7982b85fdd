"""What of SQL the library offers: the functions by name, and which parts of a statement it never runs."""

from __future__ import annotations

from sqlglot import exp

FUNCTIONS: dict[str, tuple[str, ...]] = {
    "aggregates": (
        "any_value", "approx_count_distinct", "approx_quantile", "arg_max", "arg_min", "array_agg", "avg",
        "bool_and", "bool_or", "corr", "count", "count_if", "covar_pop", "covar_samp", "first", "histogram",
        "kurtosis", "last", "list", "mad", "max", "max_by", "median", "min", "min_by", "mode", "product",
        "quantile_cont", "quantile_disc", "regr_intercept", "regr_slope", "skewness", "stddev", "stddev_pop",
        "stddev_samp", "string_agg", "sum", "var_pop", "var_samp", "variance",
    ),
    "windows": (
        "cume_dist", "dense_rank", "first_value", "lag", "last_value", "lead", "nth_value", "ntile",
        "percent_rank", "rank", "row_number",
    ),
    "numbers": (
        "abs", "acos", "asin", "atan", "atan2", "cbrt", "ceil", "ceiling", "cos", "degrees", "exp", "floor",
        "greatest", "isfinite", "isinf", "isnan", "least", "ln", "log", "log10", "log2", "mod", "pi", "pow",
        "power", "radians", "round", "sign", "sin", "sqrt", "tan", "trunc",
    ),
    "texts": (
        "concat", "concat_ws", "contains", "ends_with", "left", "length", "lower", "lpad", "ltrim", "position",
        "regexp_extract", "regexp_matches", "regexp_replace", "replace", "right", "rpad", "rtrim", "split_part",
        "starts_with", "string_split", "strlen", "strpos", "substr", "substring", "trim", "upper",
    ),
    "times": (
        "date_diff", "date_part", "date_trunc", "day", "dayname", "dayofweek", "dayofyear", "epoch", "epoch_ms",
        "extract", "hour", "isodow", "last_day", "make_timestamp", "minute", "month", "monthname", "quarter",
        "second", "strftime", "strptime", "time_bucket", "timezone", "to_days", "to_hours", "to_minutes",
        "to_seconds", "to_timestamp", "week", "weekday", "year",
    ),
    "choices": (
        "coalesce", "if", "ifnull", "nullif",
    ),
    "lists and objects": (
        "json_array_length", "json_extract", "json_extract_string", "json_keys", "json_type", "json_valid", "len",
        "list_aggregate", "list_avg", "list_contains", "list_distinct", "list_filter", "list_max", "list_min",
        "list_sort", "list_sum", "list_transform", "list_value", "struct_pack", "unnest",
    ),
}  # fmt: skip
"""Functions by kind, as docs/query.md lists them. None reaches outside a row: no files, settings or catalogues."""

_PLAIN: tuple[type[exp.Expr], ...] = (
    exp.And, exp.Or, exp.Xor, exp.Cast, exp.TryCast, exp.Case, exp.If, exp.Array, exp.Struct, exp.Exists,
    exp.JSONExtract, exp.JSONExtractScalar, exp.Explode, exp.Unnest, exp.CurrentDate, exp.Interval,
)  # fmt: skip
"""Operators and special forms that the parser also calls functions."""

_NEVER: dict[type[exp.Expr], str] = {
    exp.Into: "INTO",
    exp.Lock: "FOR UPDATE",
    exp.Pivot: "PIVOT",
    exp.Parameter: "a parameter",
    exp.Placeholder: "a placeholder",
    exp.HistoricalData: "AT (use as-of reading)",
    exp.Command: "this statement",
    exp.DDL: "this statement",
    exp.DML: "this statement",
    exp.Columns: "COLUMNS(…)",
    exp.SessionParameter: "a setting",
}


_KINDS = tuple(
    getattr(exp, name)
    for name in (
        "Abs", "Acos", "AnyValue", "ApproxDistinct", "ApproxQuantile", "ArgMax", "ArgMin", "Array", "ArrayAgg",
        "ArrayContains", "ArrayDistinct", "ArrayFilter", "ArrayMax", "ArrayMin", "ArraySort", "Asin", "Atan",
        "Atan2", "Avg", "Cbrt", "Ceil", "Coalesce", "Concat", "ConcatWs", "Contains", "Corr", "Cos", "Count",
        "CountIf", "CovarPop", "CovarSamp", "CumeDist", "DateBin", "DateDiff", "Day", "DayOfWeek", "DayOfWeekIso",
        "DayOfYear", "Dayname", "Degrees", "DenseRank", "EndsWith", "Exp", "Explode", "Extract", "First",
        "FirstValue", "Floor", "Greatest", "GroupConcat", "Hour", "If", "IsInf", "IsNan", "JSONExtract",
        "JSONExtractScalar", "JSONKeys", "JSONType", "Kurtosis", "Lag", "Last", "LastDay", "LastValue", "Lead",
        "Least", "Left", "Length", "Ln", "Log", "LogicalAnd", "LogicalOr", "Lower", "Max", "Median", "Min",
        "Minute", "Mode", "Month", "Monthname", "NthValue", "Ntile", "Nullif", "Pad", "PercentRank",
        "PercentileCont", "PercentileDisc", "Pi", "Pow", "Quarter", "Radians", "Rank", "RegexpExtract",
        "RegexpLike", "RegexpReplace", "RegrIntercept", "RegrSlope", "Replace", "Right", "Round", "RowNumber",
        "Second", "Sign", "Sin", "Skewness", "Split", "SplitPart", "Sqrt", "StartsWith", "Stddev", "StddevPop",
        "StddevSamp", "StrPosition", "StrToTime", "Struct", "Substring", "Sum", "Tan", "TimeToStr", "TimeToUnix",
        "TimestampFromParts", "TimestampTrunc", "ToDays", "Transform", "Trim", "Trunc", "UnixToTime", "Upper",
        "Variance", "VariancePop", "Week", "Year",
    )
    if hasattr(exp, name)
)  # fmt: skip
"""The node classes that calls of FUNCTIONS parse to (a test works them out from the names)."""

_NAMES = frozenset(name for names in FUNCTIONS.values() for name in names)


def refusal(node: exp.Expr) -> str | None:
    """Why a node of a statement is not offered; None when it is."""
    for kind, name in _NEVER.items():
        if isinstance(node, kind):
            return f"{name} is not offered"
    if isinstance(node, exp.With) and node.args.get("recursive"):
        return "WITH RECURSIVE is not offered"
    if isinstance(node, exp.Anonymous):
        return None if node.name.lower() in _NAMES else f"function {node.name} is not offered (see docs/query.md)"
    if isinstance(node, exp.Func) and not isinstance(node, (*_PLAIN, *_KINDS)):
        return f"function {node.sql_name().lower()} is not offered (see docs/query.md)"
    return None
