import pytest

from catalog.types import BY_ARRAY_OID, BY_OID, TEXT_BACKED
from syncer.kinds import Kind, SourceType, SourceTypes, numeric_kind

DOMAIN, ENUM, ENUM_ARRAY, COMPOSITE, NESTED, DOMAIN_2, DOMAIN_ARRAY = range(20001, 20008)


def source_type(oid: int, name: str, typtype: str = "b", **changes: object) -> SourceType:
    fields: dict[str, object] = {
        "oid": oid,
        "namespace": "app",
        "name": name,
        "typtype": typtype,
        "element": 0,
        "element_array": None,
        "base": 0,
        "base_typmod": -1,
        "base_name": None,
        "comment": None,
        "not_null": False,
        "default": None,
    }
    return SourceType(**fields | changes)  # type: ignore[arg-type]


def typmod(precision: int, scale: int) -> int:
    return ((precision << 16) | (scale & 0x7FF)) + 4


@pytest.fixture(scope="module")
def types() -> SourceTypes:
    built_in = [source_type(native.oid, native.name, namespace="pg_catalog") for native in BY_OID.values()]
    arrays = [
        source_type(oid, f"_{native.name}", element=native.oid, element_array=oid)
        for oid, native in BY_ARRAY_OID.items()
    ]
    own = [
        source_type(22, "int2vector", element=21, element_array=1005),
        source_type(DOMAIN, "price", "d", base=1700, base_typmod=typmod(12, 3), base_name="numeric(12,3)"),
        source_type(DOMAIN_2, "net_price", "d", base=DOMAIN, base_name="app.price"),
        source_type(DOMAIN_ARRAY, "_net_price", element=DOMAIN_2, element_array=DOMAIN_ARRAY),
        source_type(ENUM, "mood", "e"),
        source_type(ENUM_ARRAY, "_mood", element=ENUM, element_array=ENUM_ARRAY),
        source_type(COMPOSITE, "pair", "c"),
        source_type(NESTED, "nested", "c"),
    ]
    fields = {
        COMPOSITE: [("a", 23, "integer"), ("m", ENUM_ARRAY, "app.mood[]")],
        NESTED: [("p", COMPOSITE, "app.pair"), ("n", DOMAIN_2, "app.net_price")],
    }
    return SourceTypes([*built_in, *arrays, *own], {ENUM: ["b", "a"]}, fields, {})


@pytest.mark.parametrize(
    ("oid", "modifier", "kind"),
    [
        (23, -1, Kind("int4")),
        (1043, 14, Kind("varchar")),
        (1007, -1, Kind("int4", array=True)),
        (1231, typmod(10, 2), Kind("numeric", array=True, precision=10, scale=2)),
        (22, -1, Kind(TEXT_BACKED)),  # int2vector only looks like an array
        (600, -1, Kind(TEXT_BACKED)),  # a type that is not known
        (ENUM, -1, Kind("enum")),
        (ENUM_ARRAY, -1, Kind("enum", array=True)),
        (DOMAIN, -1, Kind("numeric", precision=12, scale=3)),
        (DOMAIN_2, -1, Kind("numeric", precision=12, scale=3)),
        (DOMAIN_ARRAY, -1, Kind("numeric", array=True, precision=12, scale=3)),
        (COMPOSITE, -1, Kind(TEXT_BACKED)),
    ],
)
def test_kinds(types: SourceTypes, oid: int, modifier: int, kind: Kind) -> None:
    assert types.kind(oid, modifier) == kind


def test_types_come_after_those_they_are_made_of(types: SourceTypes) -> None:
    described = types.user_types([NESTED, ENUM_ARRAY, 23])
    assert [item.name for item in described] == ["mood", "pair", "price", "net_price", "nested"]
    assert described[0].labels == ("b", "a")
    assert described[1].fields == (("a", "integer"), ("m", "app.mood[]"))
    assert described[3].base == "app.price"


@pytest.mark.parametrize(
    ("modifier", "kind"),
    [
        (-1, Kind("numeric")),
        (typmod(15, 2), Kind("numeric", precision=15, scale=2)),
        (typmod(38, 38), Kind("numeric", precision=38, scale=38)),
        (typmod(39, 0), Kind(TEXT_BACKED)),
        (typmod(3, 5), Kind("numeric", precision=5, scale=5)),
        (typmod(3, -2), Kind("numeric", precision=5, scale=0)),
        (typmod(38, -1), Kind(TEXT_BACKED)),
    ],
)
def test_numeric(modifier: int, kind: Kind) -> None:
    assert numeric_kind(modifier) == kind
