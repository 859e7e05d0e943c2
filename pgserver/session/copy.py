"""COPY (query) TO STDOUT and COPY table TO STDOUT of the lake.

The twin runs the same COPY on its empty tables: it checks the options, and gives CopyOutResponse and the header line.
"""

from pgserver.encode.copy import FILE_FORMATS, SIGNATURE, TRAILER, CopyLayout, no_rows
from pgserver.encode.rows import RowChunk
from pgserver.plan.compiler import LakeStatement
from pgserver.plan.session_state import SessionState
from pgserver.plan.utility import CopyOut, Option
from pgserver.session import lake, probes
from pgserver.session.cursor import LakePortal, Rows
from pgserver.session.portals import Outcome
from pgserver.session.state import Session

COPY_OUT_RESPONSE, COPY_DATA = ord("H"), ord("d")
COPY_DONE = b"c\x00\x00\x00\x04"


async def begin(session: Session, copy: CopyOut) -> Outcome:
    """Have the twin check it, and return its rows.

    Raises: BackendFailed.
    """
    messages = await probes.check(session, copy.probe, (), ())
    assert session.settings is not None
    layout = layout_of(copy, session.settings.client_encoding)
    code = int(layout.format == "binary")
    portal = LakePortal(copy.query, (), (code,) * len(copy.query.fields))
    head = b"".join(frame for tag, frame in messages if tag == COPY_OUT_RESPONSE)
    if layout.format in ("text", "csv"):
        head += b"".join(frame for tag, frame in messages if tag == COPY_DATA)  # the header line: there are no rows
    chunks = _rows(session, portal, session.settings, layout)
    return Outcome("COPY", chunks, head=head, end=COPY_DONE, whole=True, returns_rows=False)


async def _rows(session: Session, portal: LakePortal, state: SessionState, layout: CopyLayout) -> Rows:
    try:
        await lake.start(session, portal, state, layout)
        begun = layout.format != "binary"  # the signature is sent, or there is none
        async for chunk in portal.forward(None):
            yield chunk if begun else signed(chunk)
            begun = True
        if layout.format == "binary":
            yield no_rows(TRAILER if begun else SIGNATURE + TRAILER)
    finally:
        await portal.close()


def signed(chunk: RowChunk) -> RowChunk:
    """Put the signature into the first row's message, where Postgres has it and drivers want it."""
    first = memoryview(chunk.data)[5 : int(chunk.offsets[1])]
    size = len(SIGNATURE) + len(first) + 4
    data = b"d" + size.to_bytes(4) + SIGNATURE + bytes(memoryview(chunk.data)[5:])
    offsets = chunk.offsets + len(SIGNATURE)
    offsets[0] = 0
    return RowChunk(data, offsets)


def layout_of(copy: CopyOut, client_encoding: str) -> CopyLayout:
    """Read the options, which Postgres has accepted. Source: ProcessCopyOptions in Postgres' copy.c."""
    options = {option.name: option for option in copy.options}
    kind = _text(options, "format", "text").lower()
    if kind in FILE_FORMATS:
        return CopyLayout(format=kind, names=tuple(field.name.decode() for field in copy.query.fields))
    if kind == "binary":
        return CopyLayout(format=kind, encoding=client_encoding)
    csv = kind == "csv"
    quote = _text(options, "quote", '"')
    return CopyLayout(
        format=kind,
        delimiter=_text(options, "delimiter", "," if csv else "\t"),
        null=_text(options, "null", "" if csv else "\\N"),
        quote=quote,
        escape=_text(options, "escape", quote),
        force_quote=_forced(options.get("force_quote"), copy.query),
        encoding=_text(options, "encoding", client_encoding),
    )


def _text(options: dict[str, Option], name: str, default: str) -> str:
    option = options.get(name)
    return default if option is None or option.value is None else str(option.value)


def _forced(option: Option | None, query: LakeStatement) -> tuple[int, ...]:
    if option is None:
        return ()
    positions = range(len(query.fields))
    if option.value == "*":
        return tuple(positions)
    assert isinstance(option.value, tuple)
    names = {name.encode() for name in option.value}
    return tuple(position for position in positions if query.fields[position].name in names)
