"""Which relations are read together."""

from syncer.relations import Hierarchy, Relation


def relation(oid: int, name: str, *parents: int) -> Relation:
    return Relation(oid, "public", name, "r", oid, True, 0, 0, parents, None, None)


def test_the_head_of_a_family_is_the_same_for_all_of_it() -> None:
    relations = [
        relation(1, "z_root"),
        relation(2, "b", 1),
        relation(3, "a", 2),
        relation(4, "other_parent"),
        relation(5, "c", 1, 4),
        relation(6, "alone"),
        relation(7, "of_what_is_gone", 99),
    ]
    for order in (relations, relations[::-1]):
        heads = {oid: head.name for oid, head in Hierarchy(order).heads().items()}
        assert heads == {
            **dict.fromkeys((1, 2, 3, 4, 5), "other_parent"),
            6: "alone",
            7: "of_what_is_gone",
        }
