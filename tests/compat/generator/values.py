"""Literals of each type, odd ones among them, and what an argument must look like to be of interest."""

from collections.abc import Mapping, Sequence

TEXTS = (
    "", "a", "hello", "Hello World", "  padded  ", "Zoë ☃ 𝄞 ß İ", "tab\there\n", "back\\slash", "quote's \"double\"",
    "50%_off",
    "NULL", "a,b;c|d", "foo123bar456", "äöü ÄÖÜ", "e\u0301", "12", "-1.50", "1e3", " 7 ", "NaN", "Infinity", "true",
    "2024-02-29",
    "2024-02-29 12:34:56.789", "infinity", '{"a": 1}', "[1, 2]", "{1,2}", "0x1F", "1_000",
)  # fmt: skip
LITERALS: Mapping[str, Sequence[str]] = {
    "boolean": ("true", "false"),
    "smallint": ("0::smallint", "1::smallint", "(-1)::smallint", "7::smallint", "32767::smallint",
    "(-32768)::smallint"),
    "integer": ("0", "1", "-1", "2", "3", "7", "10", "100", "2147483647", "-2147483648"),
    "bigint": ("0::bigint", "1::bigint", "(-1)::bigint", "5::bigint", "10000000000", "9223372036854775807",
               "(-9223372036854775808)"),
    "oid": ("0::oid", "1::oid", "26::oid", "4294967295::oid"),
    "real": ("0::float4", "'-0'::float4", "1.5::float4", "0.1::float4", "'NaN'::float4", "'Infinity'::float4",
    "1e-45::float4",
             "3.4e38::float4", "'-2.5'::float4"),
    "double precision": ("0::float8", "'-0'::float8", "0.5::float8", "2.5::float8", "'-1.5'::float8", "0.1::float8",
    "1e15::float8",
                         "1e16::float8", "1e-5::float8", "'NaN'::float8", "'Infinity'::float8", "'-Infinity'::float8",
                         "1.7976931348623157e308::float8", "5e-324::float8"),
    "numeric": ("0.0", "1.5", "-2.50", "0.000", "1e3", "0.005", "99.995", "3.14159265358979", "1e-10",
    "123456789.123456789",
                "99999999999999999999", "-0.5", "'NaN'::numeric", "7::numeric"),
    "date": ("date '2024-02-29'", "date '2000-01-01'", "date '1999-12-31'", "date '0044-03-15 BC'", "date 'infinity'",
             "date '9999-12-31'", "date '2023-01-31'", "date '1970-01-01'"),
    "timestamp without time zone": ("timestamp '2024-02-29 12:34:56.789'", "timestamp '2000-01-01'",
    "timestamp '1999-12-31 23:59:59.999999'",
                                    "timestamp '-infinity'", "timestamp '0044-03-15 11:00:00 BC'",
                                    "timestamp '2024-03-31 02:30:00'"),
    "timestamp with time zone": ("timestamptz '2024-02-29 12:34:56.789+00'", "timestamptz '2000-01-01 00:00:00+00'",
                                 "timestamptz 'infinity'", "timestamptz '2024-10-27 00:30:00+00'",
                                 "timestamptz '0001-01-01 00:00:00+00'"),
    "time without time zone": ("time '00:00'", "time '12:34:56.789'", "time '24:00'", "time '23:59:59.999999'"),
    "interval": ("interval '1 day'", "interval '0'", "interval '1 month'", "interval '-1 year 2 days 03:04:05.678'",
                 "interval '90 minutes'", "interval '30 days'", "interval '1.5 hours'", "interval '-00:00:00.000001'",
                 "interval '13 months -40 days 100 hours'", "interval 'infinity'"),
    "uuid": ("uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", "uuid '00000000-0000-0000-0000-000000000000'"),
    "bytea": (r"'\x'::bytea", r"'\xdeadbeef'::bytea", r"'\x00'::bytea", "'abc'::bytea"),
    "json": ("json '{}'", "json '[1, 2.50, null]'", """json '{"a": {"b": [1, "x"]}, "a": 2}'""", "json 'null'",
    "json '\"x\"'"),
    "jsonb": ("jsonb '{}'", "jsonb '[1, 2.50, null]'", """jsonb '{"a": {"b": [1, "x"]}, "c": true}'""",
    "jsonb 'null'",
              "jsonb '\"x\"'", "jsonb '[]'", "jsonb '{\"a\": 1}'", "jsonb '12.0'"),
    "jsonpath": (
        "'$.a'::jsonpath", "'$.a.b[1]'::jsonpath", "'$[*]'::jsonpath", "'$.a.b[*] ? (@ == 1)'::jsonpath",
        "'$.a == 1'::jsonpath", "'$.c == true && $.a.b[1] == \"x\"'::jsonpath", "'$ ? (exists (@.a))'::jsonpath",
        "'!($.n > 1.5) || $.k == null'::jsonpath", "'$.b[0 to 1]'::jsonpath", "'strict $.a'::jsonpath",
    ),
    "nasty.mood": ("'ok'::nasty.mood", "'so so'::nasty.mood", "'Ünhappy'::nasty.mood"),
    "name": ("'hello'::name", "'a_b'::name"),
    '"char"': ("'a'::\"char\"", "'z'::\"char\""),
    "character": ("'abc'::char(10)", "'a'::char(1)", "''::char(3)"),
    "character varying": ("'abc'::varchar", "'Hello World'::varchar(30)", "''::varchar"),
    "integer[]": ("'{}'::integer[]", "'{1,2,3}'::integer[]", "ARRAY[3,1,NULL]", "'{NULL}'::integer[]",
    "'{2,2}'::integer[]"),
    "text[]": ("'{}'::text[]", "'{a,b,c}'::text[]", "ARRAY['x',NULL,'a,b']", "'{\"\",NULL}'::text[]"),
    "bigint[]": ("'{1,2}'::bigint[]", "'{}'::bigint[]"),
    "numeric[]": ("'{1.0,2.50}'::numeric[]", "'{NULL}'::numeric[]"),
    "boolean[]": ("'{t,f}'::boolean[]", "'{NULL,t}'::boolean[]"),
    "double precision[]": ("'{1,2.5,NaN}'::float8[]", "'{-0,0}'::float8[]"),
    "date[]": ("'{2024-02-29,infinity}'::date[]", "'{}'::date[]"),
}  # fmt: skip


def text_literals() -> list[str]:
    """Return typed constants of text."""
    return [f"{quoted(text)}::text" for text in TEXTS]


def quoted(text: str) -> str:
    """Return a string constant."""
    if "\\" in text:
        return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
    return "'" + text.replace("'", "''") + "'"


def _words(*words: str) -> tuple[str, ...]:
    return tuple(f"{quoted(word)}::text" for word in words)


FIELDS = _words(
    "year", "month", "day", "hour", "minute", "second", "quarter", "week", "dow", "doy", "isodow", "isoyear",
    "epoch", "decade",
    "century", "millennium", "julian", "milliseconds", "microseconds", "timezone",
)  # fmt: skip
UNITS = _words(
    "year", "month", "day", "hour", "minute", "second", "quarter", "week", "decade", "century", "millennium",
    "milliseconds",
    "microseconds", "Day",
)  # fmt: skip
ZONES = _words("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "+03", "CET")
DATE_FORMATS = _words(
    "YYYY-MM-DD", "YYYY-MM-DD HH24:MI:SS", "Mon DD, YYYY", "Day", "FMDay, DD FMMonth YYYY", "HH12:MI AM",
    "IYYY-IW-ID", "DDD", "Q", "YY",
    "MS", "US", "J", "CC", "BC", "TZ", "YYYY", "MM", "DD", "D", "WW", "Y,YYY", "YYYYMMDD", "DDth", "month", "DY",
    "RM",
    "\"text\" YYYY", "SSSS", "HH24", "FF3",
)  # fmt: skip
NUMBER_FORMATS = _words(
    "999", "999D99", "FM999.00", "000", "9,999", "S99", "99PR", "9.99EEEE", "RN", "FM9999999990", "L99", "MI9",
    "FM0.099", "990.9",
    "FM999,999,990.00",
)  # fmt: skip
LIKES = _words(
    "%", "", "a%", "%a%", "_b_", "h_llo", "%\\%", "\\_%", "a\\%b", "%o W%", "%ü%", "50\\%%", "A%", "_", "__", "%\\",
    "%é", "abc",
    "%.%", "%[a-z]%",
)  # fmt: skip
REGEXES = _words(
    "a", "^a", "[0-9]+", "\\d+", "(o+)", "([a-z]+)(\\d+)", "^$", "\\s", "\\w+$", "[[:alpha:]]", "a|b", ".", ".*",
    "o{2}", "(?i)HELLO",
    "\\mfoo", "x*", "[^a-z]", "b+?", "(a)(b)?", "ü", "\\.", "^.{3}$", "(", "(?:l)+", "\\D", "[äöü]", "a.c",
    "\\yquick\\y", "$", "\\n",
)  # fmt: skip
FLAGS = _words("g", "i", "gi", "", "n", "x", "c", "s", "m")
SMALL = ("0", "1", "2", "3", "-1", "5", "-2", "10")
SIZES = ("0", "1", "3", "5", "12", "-1")
DELIMITERS = _words(",", " ", "", "o", "ab", "l", ";", "1")
REPLACEMENTS = _words("", "X", "\\1", "<\\&>", "\\2-\\1", "é", "\\\\", "$1")
KEYS = _words("a", "b", "", "n", 'k"ey', "0", "1", "missing", "ü")
PATHS = ("'{a}'::text[]", "'{a,b}'::text[]", "'{b,2,c}'::text[]", "'{0}'::text[]", "'{-1}'::text[]", "'{}'::text[]",
    "'{1,0}'::text[]",
         "'{a,b,c,1}'::text[]", "'{a,NULL}'::text[]", "'{n}'::text[]")  # fmt: skip
ENCODINGS = _words("hex", "base64", "escape")
YEARS, MONTHS, DAYS = (
    ("2024", "1", "-44", "0", "9999", "1900"),
    ("1", "2", "12", "13", "0"),
    ("1", "28", "29", "31", "0"),
)
SECONDS = ("0::float8", "59.999999::float8", "60::float8", "1.5::float8", "'NaN'::float8")
HOURS, MINUTES = ("0", "23", "24", "12"), ("0", "59", "60")
EXPONENTS = {"numeric": ("2::numeric", "0.5", "-1::numeric", "0::numeric", "10::numeric", "-0.5", "3::numeric")}

# What stands for an argument, by name of the function and place; () is any expression. By type where it is a mapping.
Pool = Sequence[str] | Mapping[str, Sequence[str]]
HINTS: Mapping[str, Sequence[Pool]] = {
    "extract": (FIELDS,), "date_part": (FIELDS,), "date_trunc": (UNITS, (), ZONES), "timezone": (ZONES,),
    "to_char": ((), {"date": DATE_FORMATS, "text": (*DATE_FORMATS, *NUMBER_FORMATS)}),
    "to_date": ((), DATE_FORMATS), "to_timestamp": ((), DATE_FORMATS), "to_number": ((), NUMBER_FORMATS),
    **dict.fromkeys(("~~", "~~*", "!~~", "!~~*", "like", "notlike", "texticlike"), ((), {"text": LIKES})),
    **dict.fromkeys(("~", "~*", "!~", "!~*"), ((), {"text": REGEXES})),
    **dict.fromkeys(("regexp_like", "regexp_match", "regexp_matches", "regexp_split_to_array"), ((), REGEXES, FLAGS)),
    "regexp_count": ((), REGEXES, SMALL, FLAGS), "regexp_instr": ((), REGEXES, SMALL, SMALL, SMALL, FLAGS, SMALL),
    "regexp_substr": ((), REGEXES, SMALL, SMALL, FLAGS, SMALL),
    "regexp_replace": ((), REGEXES, REPLACEMENTS, {"text": FLAGS, "integer": SMALL}, {"text": FLAGS,
    "integer": SMALL}, FLAGS),
    "substring": ((), {"text": REGEXES, "integer": SMALL}, {"integer": SIZES}), "substr": ((), SMALL, SIZES),
    "left": ((), SMALL), "right": ((), SMALL), "repeat": ((), SIZES), "lpad": ((), SIZES), "rpad": ((), SIZES),
    "split_part": ((), DELIMITERS, SMALL), "replace": ((), DELIMITERS), "strpos": ((), DELIMITERS), "position": ((),
    DELIMITERS),
    "string_to_array": ((), DELIMITERS), "array_to_string": ((), DELIMITERS), "starts_with": ((), DELIMITERS),
    "overlay": ((), (), SMALL, SIZES), "string_agg": ((), _words(",", "; ", "")), "round": ((), SMALL), "trunc": ((),
    SMALL),
    "->": ((), {"text": KEYS, "integer": SMALL}), "->>": ((), {"text": KEYS, "integer": SMALL}), "#>": ((), PATHS),
    "#>>": ((), PATHS),
    "?": ((), KEYS), "encode": ((), ENCODINGS), "decode": ((), ENCODINGS), "chr": (("65", "233", "9731", "0",
    "128512"),),
    "make_date": (YEARS, MONTHS, DAYS), "make_time": (HOURS, MINUTES, SECONDS),
    "make_timestamp": (YEARS, MONTHS, DAYS, HOURS, MINUTES, SECONDS),
    "make_timestamptz": (YEARS, MONTHS, DAYS, HOURS, MINUTES, SECONDS, ZONES),
    "lag": ((), SMALL), "lead": ((), SMALL), "ntile": (("1", "3", "0"),), "nth_value": ((), ("1", "2", "0")),
    "^": ((), EXPONENTS), "power": ((), EXPONENTS), "pow": ((), EXPONENTS), "array_length": ((), ("1", "2", "0")),
    "array_upper": ((), ("1", "2")), "array_lower": ((), ("1", "2")), "width_bucket": ((), (), (), ("5", "1", "10",
    "0")),
    "trim_array": ((), ("0", "1", "2")), "array_fill": ((), ("'{2}'::integer[]",)), "<<": ((), {"integer": SIZES}),
    ">>": ((), {"integer": SIZES}),
    "date_bin": (("interval '15 minutes'", "interval '1 day'", "interval '0'"),), "like_escape": ((), _words("",
    "#")),
    "json_extract_path": ((), KEYS, KEYS), "json_extract_path_text": ((), KEYS, KEYS), "jsonb_extract_path": ((),
    KEYS, KEYS),
    "jsonb_extract_path_text": ((), KEYS, KEYS), "concat_ws": (DELIMITERS,), "format": (_words("%s", "%s-%s", "%I",
    "%L", "%%", "%2$s %1$s"),),
}  # fmt: skip


def hinted(name: str, place: int, type_name: str) -> Sequence[str]:
    """Return the literals for an argument, () where any expression will do."""
    pools = HINTS.get(name, ())
    if place >= len(pools):
        return ()
    pool = pools[place]
    return pool.get(type_name, ()) if isinstance(pool, Mapping) else pool
