"""TLS without sockets: however the bytes are cut, the same comes out."""

import contextlib
import ssl
from pathlib import Path

import pytest

from pgserver.tls import ALPN, TlsLayer, server_context
from tests.support import certificates


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_bytes_pass_both_ways(tmp_path: Path, step: int, version: ssl.TLSVersion) -> None:
    made = certificates.make(tmp_path)
    server = TlsLayer(server_context(made.certificate, made.key))
    context = ssl.create_default_context(cafile=made.certificate)
    context.set_alpn_protocols([ALPN])
    context.minimum_version = context.maximum_version = version
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")

    def to_server() -> bytes:
        content = outgoing.read()
        plain = b"".join(server.receive(content[at : at + step]) for at in range(0, len(content), step))
        incoming.write(server.take())
        return plain

    for _ in range(4):
        with contextlib.suppress(ssl.SSLWantReadError):
            client.do_handshake()
        to_server()
    assert server.established
    assert server.speaks_postgres
    sent = bytes(range(256)) * 300
    client.write(sent)
    assert to_server() == sent
    incoming.write(server.send(memoryview(sent * 20)))
    received = b""
    while len(received) < len(sent) * 20:
        received += client.read(1 << 20)
    assert received == sent * 20
    with contextlib.suppress(ssl.SSLWantReadError):
        client.unwrap()
    assert not server.ended
    assert to_server() == b""
    assert server.ended
    incoming.write(server.close())
    with pytest.raises(ssl.SSLZeroReturnError):
        client.read(1)
