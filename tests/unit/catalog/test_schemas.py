from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import ListType

from catalog.columns import Column
from catalog.schemas import FIELD_ID, adopt, assign_field_ids, file_schema, fits
from catalog.snapshot import new_metadata


def column(name: str, storage: str = "int4", array: bool = False, **more: Any) -> Column:
    return Column(name, 1, 0, storage, 0, -1, storage, array=array, **more)


COLUMN = st.builds(column, st.sampled_from("abcde"), st.sampled_from(["int4", "text", "uuid"]), st.booleans())
TABLE = st.lists(COLUMN, max_size=5, unique_by=lambda c: c.name)


def evolve(base: TableMetadata | None, schema: Any) -> TableMetadata:
    """Return the table's metadata after a commit with a schema, as far as schemas go."""
    if base is None:
        return new_metadata("file:///t", schema)
    others = [known for known in base.schemas if known.schema_id != schema.schema_id]
    update = {
        "schemas": [*others, schema],
        "current_schema_id": schema.schema_id,
        "last_column_id": max(base.last_column_id, schema.highest_field_id),
    }
    return base.model_copy(update=update)


@given(st.lists(TABLE, min_size=1, max_size=6))
def test_an_id_never_changes_its_meaning(history: list[list[Column]]) -> None:
    base = None
    meanings: dict[int, tuple[str, str]] = {}
    for columns in history:
        numbered, schema = assign_field_ids(columns, base)
        assert fits(schema, base)
        assert [c.field_id for c in numbered] == [f.field_id for f in schema.fields]
        for field in schema.fields:
            ids = [(field.field_id, (field.name, str(field.field_type)))]
            if isinstance(field.field_type, ListType):
                ids.append((field.field_type.element_id, (field.name, "element")))
            for field_id, meaning in ids:
                assert meanings.setdefault(field_id, meaning) == meaning
        base = evolve(base, schema)


@given(TABLE)
def test_the_same_columns_keep_ids_and_schema_id(columns: list[Column]) -> None:
    numbered, schema = assign_field_ids(columns, None)
    again, same = assign_field_ids(columns, evolve(None, schema))
    assert (numbered, schema.schema_id) == (again, same.schema_id)


def test_a_changed_type_gets_a_new_id_and_schema_id() -> None:
    _, schema = assign_field_ids([column("a"), column("b", array=True)], None)
    numbered, changed = assign_field_ids([column("a", "text"), column("b", array=True)], evolve(None, schema))
    assert [c.field_id for c in numbered] == [4, 2]
    assert changed.schema_id == 1


def test_a_schema_does_not_fit_where_its_new_id_was_given_to_another_column() -> None:
    _, schema = assign_field_ids([column("a")], None)
    base = evolve(None, schema)
    _, mine = assign_field_ids([column("a"), column("mine")], base)
    _, theirs = assign_field_ids([column("a"), column("theirs")], base)
    assert fits(mine, base)
    assert not fits(mine, evolve(base, theirs))
    assert fits(mine, evolve(base, mine))


def test_a_schema_is_adopted_under_the_next_free_id() -> None:
    _, schema = assign_field_ids([column("a")], None)
    base = evolve(None, schema)
    _, mine = assign_field_ids([column("a"), column("b")], base)
    assert mine.schema_id == 1
    other = evolve(base, assign_field_ids([], base)[1])
    assert adopt(mine, other).schema_id == 2
    assert adopt(schema, other).schema_id == 0


def test_a_column_named_like_an_element_is_no_collision() -> None:
    columns = [column("a", array=True), column("a.element"), column("a.element_")]
    numbered, schema = assign_field_ids(columns, None)
    assert [c.name for c in numbered] == ["a", "a.element", "a.element_"]
    assert len({field.name for field in schema.fields}) == 3
    assert [c.field_id for c in numbered] == [1, 3, 4]


def test_files_carry_the_ids_of_columns_and_elements() -> None:
    numbered, schema = assign_field_ids([column("a", array=True), column("u", "uuid")], None)
    arrow = file_schema(numbered, schema)
    assert arrow.field("a").metadata == {FIELD_ID: b"1"}
    assert arrow.field("a").type.value_field.metadata == {FIELD_ID: b"2"}
    assert (arrow.field("u").metadata, str(arrow.field("u").type)) == ({FIELD_ID: b"3"}, "extension<arrow.uuid>")
