"""The framing of the hot path, and the scanner of the relay."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgserver.protocol import backend, codec, scanner
from pgserver.protocol.frontend import Query, Sync
from tests.support import protocol_samples as samples

ROWS = {ord("D"), ord("d")}


@given(st.lists(samples.frontend_message, max_size=6), samples.places)
def test_frames_are_the_encoded_messages(messages, places):
    frames = codec.Frames(codec.frontend_grammar())
    found = []
    for piece in samples.cuts(b"".join(each.encode() for each in messages), places):
        frames.feed(piece)
        found += frames
    assert found == [(each.tag[0], each.encode()) for each in messages]
    assert frames.pending == 0


def test_loop_may_be_left_fed_and_entered_again():
    frames = codec.Frames(codec.frontend_grammar())
    frames.feed(Query(b"1").encode() + Query(b"2").encode() + Query(b"3").encode()[:4])
    for _, frame in frames:
        assert frame == Query(b"1").encode()
        break
    frames.feed(Query(b"3").encode()[4:] + b"S")
    assert [frame for _, frame in frames] == [Query(b"2").encode(), Query(b"3").encode()]
    assert frames.pending == 1
    assert frames.take_rest() == b"S"
    assert frames.pending == 0


def test_rest_may_be_taken_inside_the_loop():
    frames = codec.Frames(codec.frontend_grammar())
    frames.feed(Sync().encode() * 3)
    rest = [frames.take_rest() for _ in frames]
    assert rest == [Sync().encode() * 2]


def test_grammar_may_change_between_two_messages():
    frames = codec.Frames(codec.SASL_GRAMMAR)
    frames.feed(b"p\0\0\0\5x" + Sync().encode())
    tags = []
    for tag, _ in frames:
        tags.append(tag)
        frames.grammar = codec.frontend_grammar()
    assert bytes(tags) == b"pS"


def test_large_message_in_small_pieces_is_joined_once(monkeypatch):
    frame = Query(b"a" * 100_000).encode()
    frames = codec.Frames(codec.frontend_grammar())
    joined = 0
    join = codec.Frames._join

    def counting(self, need):
        nonlocal joined
        done = join(self, need)
        joined += done
        return done

    monkeypatch.setattr(codec.Frames, "_join", counting)
    found = []
    for at in range(0, len(frame), 100):
        frames.feed(frame[at : at + 100])
        found += frames
    assert found == [(ord("Q"), frame)]
    assert joined == 2  # the header, then the whole


def test_server_may_send_what_a_client_may_not():
    frames = codec.Frames(codec.backend_grammar())
    frames.feed(b"D" + struct.pack(">i", codec.BACKEND_MESSAGE_BYTES))
    assert list(frames) == []
    frames = codec.Frames(codec.backend_grammar())
    frames.feed(b"D" + struct.pack(">i", codec.BACKEND_MESSAGE_BYTES + 1))
    with pytest.raises(codec.FramingError):
        list(frames)


@given(st.lists(samples.backend_message, max_size=8), st.binary(max_size=4))
def test_scan_finds_every_message_that_is_no_row(messages, trailing):
    stream = b"".join(each.encode() for each in messages)
    events: list[scanner.Event] = []
    assert scanner.scan_backend(stream + trailing, 0, events) == len(stream)
    found = [(tag, (stream + trailing)[start:end]) for tag, start, end in events]
    assert found == [(each.tag[0], each.encode()) for each in messages if each.tag[0] not in ROWS]


@given(st.lists(samples.backend_message, max_size=8), samples.places)
def test_scanner_passes_every_byte_on_and_every_event_whole(messages, places):
    stream = b"".join(each.encode() for each in messages)
    follower = scanner.BackendScanner()
    passed, found = b"", []
    for piece in samples.cuts(stream, places):
        out, events = follower.scan(piece)
        passed += out
        found += [(tag, out[start:end]) for tag, start, end in events]
    assert passed == stream
    assert found == [(each.tag[0], each.encode()) for each in messages if each.tag[0] not in ROWS]
    assert not follower.inside_row
    assert follower.held == 0


@pytest.mark.parametrize("row", [backend.DataRow((b"a" * 100,)), backend.CopyData(b"a" * 100)])
def test_part_of_a_row_is_passed_on_at_once(row):
    ready = backend.ReadyForQuery("I").encode()
    follower = scanner.BackendScanner()
    assert follower.scan(row.encode()[:50]) == (row.encode()[:50], [])
    assert follower.inside_row
    out, events = follower.scan(row.encode()[50:] + ready)
    assert out == row.encode()[50:] + ready
    assert events == [(ord("Z"), len(out) - len(ready), len(out))]
    assert not follower.inside_row


def test_part_of_another_message_is_held_back():
    complete = backend.CommandComplete("SELECT 1").encode()
    row = backend.DataRow((b"a",)).encode()
    follower = scanner.BackendScanner()
    assert follower.scan(row + complete[:7]) == (row, [])
    assert follower.scan(complete[7:9]) == (b"", ())
    assert follower.held == 9
    assert follower.scan(complete[9:]) == (complete, [(ord("C"), 0, len(complete))])


@pytest.mark.parametrize("length", [0, 3, codec.BACKEND_MESSAGE_BYTES + 1, 2**32 - 1])
@pytest.mark.parametrize("tag", [b"D", b"Z"])
def test_scan_refuses_an_impossible_length(tag, length):
    row = backend.DataRow((b"a",)).encode()
    with pytest.raises(codec.FramingError):
        scanner.scan_backend(row + tag + struct.pack(">I", length), 0, [])
