//! What calling a function may do. Only those listed as pure are taken for reading; every other one may write.

use crate::base::Dialect;
use crate::sql::{Access, Unpreparable};

/// What a call may do.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) access: Access,
    pub(super) leaves_state: bool,
    pub(super) asks_sequence: bool,
    pub(super) unpreparable: Option<Unpreparable>,
}

/// By the function's folded name.
pub(super) fn effect(dialect: Dialect, name: &str) -> Effect {
    let lower = name.to_ascii_lowercase();
    let lower = lower.as_str();
    let own = match dialect {
        Dialect::Postgres => POSTGRES,
        Dialect::Mysql => MYSQL,
    };
    let pure = KEYWORDS.contains(&lower) || BOTH.contains(&lower) || own.contains(&lower);
    let unpreparable = match lower {
        "pg_notify" => Some(Unpreparable::Notify),
        "pg_export_snapshot" => Some(Unpreparable::ExportedSnapshot),
        _ => None,
    };
    // Transaction-level advisory locks end with the transaction; session-level ones stay.
    let advisory = lower.contains("advisory") && !lower.contains("xact");
    let leaves_state = match dialect {
        Dialect::Postgres => {
            advisory || matches!(lower, "set_config" | "setseed" | "dblink_connect" | "dblink_connect_u")
        }
        Dialect::Mysql => matches!(lower, "get_lock" | "release_lock" | "release_all_locks"),
    };
    let asks_sequence = dialect == Dialect::Postgres && matches!(lower, "currval" | "lastval");
    let access = if pure { Access::Read } else { Access::MaybeWrite };
    Effect { access, leaves_state, asks_sequence, unpreparable }
}

/// Words before a parenthesis that are no functions.
#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "all", "and", "any", "array", "as", "between", "by", "case", "check", "cube", "distinct", "else", "except",
    "exists", "filter", "for", "force", "from", "group", "grouping", "having", "ignore", "in", "index", "intersect",
    "interval", "into", "is", "join", "key", "lateral", "like", "ilike", "limit", "materialized", "not", "of",
    "offset", "on", "only", "or", "order", "over", "partition", "percent", "rlike", "regexp", "rollup", "row",
    "rows", "select", "sets", "similar", "some", "system", "bernoulli", "tablesample", "then", "to", "union", "use",
    "using", "value", "values", "when", "where", "window", "with", "within", "xor", "div", "mod", "binary", "char",
    "character", "varchar", "decimal", "numeric", "dec", "float", "double", "time", "timestamp", "timestamptz",
    "timetz", "datetime", "bit", "varbinary", "nchar", "signed", "unsigned", "returning", "conflict", "symmetric",
    "returns",
];

/// Pure on both servers.
#[rustfmt::skip]
const BOTH: &[&str] = &[
    "abs", "acos", "ascii", "asin", "atan", "atan2", "avg", "bit_and", "bit_length", "bit_or", "bit_xor", "cast",
    "ceil", "ceiling", "char_length", "character_length", "coalesce", "concat", "concat_ws", "cos", "cot", "count",
    "cume_dist", "current_date", "current_time", "current_timestamp", "current_user", "degrees", "dense_rank",
    "exp", "extract", "first_value", "floor", "format", "greatest", "lag", "last_value", "lead", "least", "left",
    "length", "ln", "localtime", "localtimestamp", "log", "log10", "lower", "lpad", "ltrim", "max", "md5", "min",
    "mod", "now", "nth_value", "ntile", "nullif", "octet_length", "overlay", "percent_rank", "pi", "position",
    "pow", "power", "radians", "rank", "repeat", "replace", "reverse", "right", "round", "row_number", "rpad",
    "rtrim", "session_user", "sign", "sin", "sqrt", "stddev", "stddev_pop", "stddev_samp", "substr", "substring",
    "sum", "system_user", "tan", "translate", "trim", "upper", "user", "var_pop", "var_samp", "variance", "version",
];

/// Pure on PostgreSQL.
#[rustfmt::skip]
const POSTGRES: &[&str] = &[
    "acldefault", "age", "array_agg", "array_append", "array_cat", "array_dims", "array_length", "array_lower",
    "array_ndims", "array_position", "array_positions", "array_prepend", "array_remove", "array_replace",
    "array_to_json", "array_to_string", "array_upper", "bool_and", "bool_or", "btrim", "cardinality", "cbrt", "chr",
    "clock_timestamp", "col_description", "convert_from", "convert_to", "corr", "covar_pop", "covar_samp",
    "current_database", "current_schema", "current_schemas", "current_setting", "date_part", "date_trunc",
    "date_bin", "daterange", "decode", "div", "encode", "every", "format_type", "gen_random_uuid",
    "generate_series", "generate_subscripts", "has_column_privilege", "has_database_privilege",
    "has_schema_privilege", "has_table_privilege", "host", "initcap", "int4range", "int8range", "isempty",
    "isfinite", "json_agg", "json_array_elements", "json_array_elements_text", "json_array_length",
    "json_build_array", "json_build_object", "json_each", "json_each_text", "json_extract_path",
    "json_extract_path_text", "json_object", "json_object_agg", "json_object_keys", "json_populate_record",
    "json_to_record", "json_to_recordset", "json_typeof", "jsonb_agg", "jsonb_array_elements",
    "jsonb_array_elements_text", "jsonb_array_length", "jsonb_build_array", "jsonb_build_object", "jsonb_each",
    "jsonb_each_text", "jsonb_extract_path", "jsonb_extract_path_text", "jsonb_insert", "jsonb_object",
    "jsonb_object_agg", "jsonb_object_keys", "jsonb_path_exists", "jsonb_path_query", "jsonb_path_query_array",
    "jsonb_pretty", "jsonb_set", "jsonb_strip_nulls", "jsonb_to_record", "jsonb_to_recordset", "jsonb_typeof",
    "justify_days", "justify_hours", "lower_inc", "lower_inf", "make_date", "make_interval", "make_time",
    "make_timestamp", "make_timestamptz", "mode", "numrange", "obj_description", "parse_ident", "percentile_cont",
    "percentile_disc", "pg_backend_pid", "pg_char_to_encoding", "pg_column_size", "pg_database_size",
    "pg_encoding_to_char", "pg_function_is_visible", "pg_get_constraintdef", "pg_get_expr",
    "pg_get_function_arguments", "pg_get_function_identity_arguments", "pg_get_function_result",
    "pg_get_functiondef", "pg_get_indexdef", "pg_get_keywords", "pg_get_partkeydef", "pg_get_ruledef",
    "pg_get_serial_sequence", "pg_get_statisticsobjdef_columns", "pg_get_triggerdef", "pg_get_userbyid",
    "pg_get_viewdef", "pg_is_in_recovery", "pg_is_other_temp_schema", "pg_my_temp_schema", "pg_options_to_table",
    "pg_postmaster_start_time", "pg_relation_is_publishable", "pg_relation_size", "pg_size_pretty",
    "pg_table_is_visible", "pg_table_size", "pg_tablespace_location", "pg_total_relation_size",
    "pg_type_is_visible", "pg_typeof", "quote_ident", "quote_literal", "quote_nullable", "random", "regexp_count",
    "regexp_match", "regexp_matches", "regexp_replace", "regexp_split_to_array", "regexp_split_to_table",
    "row_to_json", "scale", "sha256", "sha512", "shobj_description", "similarity", "split_part", "starts_with",
    "statement_timestamp", "string_agg", "string_to_array", "strpos", "timeofday", "to_ascii", "to_char", "to_date",
    "to_hex", "to_json", "to_jsonb", "to_number", "to_regclass", "to_regproc", "to_regtype", "to_timestamp",
    "to_tsquery", "to_tsvector", "plainto_tsquery", "websearch_to_tsquery", "ts_headline", "ts_rank",
    "transaction_timestamp", "trunc", "tsrange", "tstzrange", "unnest", "upper_inc", "upper_inf", "width_bucket",
    "xmlagg", "xmlelement", "xmlforest",
];

/// Pure on MySQL and MariaDB.
#[rustfmt::skip]
const MYSQL: &[&str] = &[
    "adddate", "addtime", "any_value", "benchmark", "bin", "bit_count", "charset", "coercibility", "collation",
    "connection_id", "conv", "convert", "convert_tz", "crc32", "curdate", "curtime", "database", "date", "date_add",
    "date_format", "date_sub", "datediff", "day", "dayname", "dayofmonth", "dayofweek", "dayofyear", "default",
    "elt", "export_set", "field", "find_in_set", "found_rows", "from_base64", "from_days", "from_unixtime",
    "get_format", "group_concat", "hex", "hour", "if", "ifnull", "inet6_aton", "inet6_ntoa", "inet_aton",
    "inet_ntoa", "insert", "instr", "is_ipv4", "is_ipv6", "isnull", "json_array", "json_array_append",
    "json_arrayagg", "json_contains", "json_contains_path", "json_depth", "json_extract", "json_insert",
    "json_keys", "json_length", "json_merge_patch", "json_merge_preserve", "json_object", "json_objectagg",
    "json_overlaps", "json_pretty", "json_quote", "json_remove", "json_replace", "json_search", "json_set",
    "json_table", "json_type", "json_unquote", "json_valid", "json_value", "last_day", "lcase", "locate", "log2",
    "make_set", "makedate", "maketime", "match", "against", "microsecond", "mid", "minute", "month", "monthname",
    "oct", "ord", "period_add", "period_diff", "quarter", "quote", "rand", "regexp_instr", "regexp_like",
    "regexp_replace", "regexp_substr", "row_count", "schema", "sec_to_time", "second", "sha", "sha1", "sha2",
    "soundex", "space", "std", "str_to_date", "strcmp", "subdate", "substring_index", "subtime", "sysdate",
    "time_format", "time_to_sec", "timediff", "timestampadd", "timestampdiff", "to_base64", "to_days", "to_seconds",
    "truncate", "ucase", "unhex", "unix_timestamp", "utc_date", "utc_time", "utc_timestamp", "uuid", "uuid_short",
    "week", "weekday", "weekofyear", "weight_string", "year", "yearweek", "point", "st_distance", "st_astext",
    "st_geomfromtext", "st_contains", "st_within", "st_x", "st_y",
];
