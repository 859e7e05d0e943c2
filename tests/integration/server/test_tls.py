"""TLS as PostgreSQL has it, and what it is there to prevent."""

import signal
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from syncer.copy_out import copy_out
from tests.integration.server.conftest import ANALYST, OWNER
from tests.support import certificates
from tests.support.certificates import Certificate
from tests.support.raw import SSL_REQUEST, Wire, fields, sqlstates, startup
from tests.support.servers import Server, start_fails, wait_until

LOGIN_S = 3


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.make(tmp_path_factory.mktemp("own_tls"))


@pytest.fixture(scope="module")
def server(make_server: Callable[..., Server], own: Certificate, users_file: Path) -> Server:
    return make_server(
        BEMIDB_TLS_CERT=str(own.certificate),
        BEMIDB_TLS_KEY=str(own.key),
        BEMIDB_TLS_REQUIRED="true",
        BEMIDB_USER="owner",
        BEMIDB_PASSWORD=OWNER,
        BEMIDB_USERS_FILE=str(users_file),
        BEMIDB_AUTHENTICATION_TIMEOUT=str(LOGIN_S),
    )


def context(own: Certificate, *, alpn: str | None = None, newest: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=own.certificate)
    if alpn:
        made.set_alpn_protocols([alpn])
    if newest:
        made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        made.maximum_version = newest
        made.set_ciphers("ALL:@SECLEVEL=0")
    return made


def connect(server: Server, **options: str) -> psycopg.Connection[tuple[object, ...]]:
    given = {"host": "127.0.0.1", "user": "owner", "password": OWNER, "dbname": "bemidb", "sslmode": "require"}
    return psycopg.connect(port=server.port, autocommit=True, **given | options)  # type: ignore[arg-type]


@pytest.mark.parametrize("binding", ["disable", "prefer"])
@pytest.mark.parametrize("negotiation", ["postgres", "direct"])
def test_libpq_connects_and_checks_the_certificate(
    server: Server, own: Certificate, binding: str, negotiation: str
) -> None:
    with connect(
        server,
        host="localhost",
        hostaddr="127.0.0.1",
        sslmode="verify-full",
        sslrootcert=str(own.certificate),
        channel_binding=binding,
        sslnegotiation=negotiation,
    ) as connection:
        assert connection.pgconn.ssl_in_use
        assert connection.execute("SELECT count(*) FROM nation").fetchone() == (25,)


def test_large_results_and_parameters_pass_whole(server: Server) -> None:
    with connect(server) as connection:
        rows = connection.execute("SELECT * FROM lineitem ORDER BY l_orderkey, l_linenumber").fetchall()
        assert len(rows) == 60175
        text = "ä" * 3_000_000
        assert connection.execute("SELECT %s::text", [text]).fetchone() == (text,)


def test_a_client_without_tls_is_refused_before_its_password(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.send(startup(user="owner", database="bemidb"))
        assert sqlstates(wire.to_end()) == ["28000"]


def test_cancel_requests_need_no_tls(server: Server) -> None:
    with connect(server) as connection:
        connection.cancel_safe()
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_bytes_before_the_handshake_are_refused_over_tls(server: Server, own: Certificate) -> None:
    with Wire(server.port) as wire:
        wire.send(SSL_REQUEST + startup(user="mallory", database="bemidb"))
        assert wire.read(1) == b"S"
        wire.start_tls(context(own))
        messages = wire.to_end()
        assert sqlstates(messages) == ["08P01"]
        assert fields(messages[0][1])["M"] == "received unencrypted data after SSL request"


def test_no_tls_inside_tls(server: Server, own: Certificate) -> None:
    with Wire(server.port) as wire:
        wire.send(SSL_REQUEST)
        assert wire.read(1) == b"S"
        wire.start_tls(context(own))
        wire.send(SSL_REQUEST)
        assert sqlstates(wire.to_end()) == ["0A000"]


def test_a_plaintext_startup_after_the_yes_ends_the_connection(server: Server) -> None:
    with Wire(server.port) as wire:
        wire.send(SSL_REQUEST)
        assert wire.read(1) == b"S"
        wire.send(startup(user="owner", database="bemidb"))
        assert len(wire.read(100)) < 20  # an alert, and the end


def test_tls_1_1_is_too_old(server: Server, own: Certificate) -> None:
    with Wire(server.port) as wire:
        wire.send(SSL_REQUEST)
        assert wire.read(1) == b"S"
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old = context(own, newest=ssl.TLSVersion.TLSv1_1)
        with pytest.raises(ssl.SSLError, match=r"(?i)version"):
            wire.start_tls(old)


@pytest.mark.parametrize("alpn", [None, "http/1.1"])
def test_direct_tls_must_name_the_protocol(server: Server, own: Certificate, alpn: str | None) -> None:
    with Wire(server.port) as wire:
        wire.start_tls(context(own, alpn=alpn))
        try:
            wire.send(startup(user="owner", database="bemidb"))
        except OSError:
            return
        assert wire.closed()


@pytest.mark.parametrize("sent", [b"", b"\x16\x03\x01"])
def test_a_stalled_handshake_ends_at_the_deadline(server: Server, sent: bytes) -> None:
    with Wire(server.port) as wire:
        began = time.monotonic()
        wire.send(SSL_REQUEST)
        assert wire.read(1) == b"S"
        wire.send(sent) if sent else None
        assert wire.closed()
        assert time.monotonic() - began > LOGIN_S - 0.5


def test_users_of_the_file_log_in(server: Server) -> None:
    with connect(server, user="analyst", password=ANALYST) as connection:
        assert connection.execute("SELECT current_user, count(*) FROM nation").fetchone() == ("analyst", 25)


def test_reload_reads_certificates_and_users_again(
    server: Server, own: Certificate, users_file: Path, tmp_path: Path
) -> None:
    newer = certificates.make(tmp_path, "newer")
    before = [path.read_bytes() for path in (own.certificate, own.key, users_file)]
    with connect(server) as open_session:
        own.certificate.write_bytes(newer.certificate.read_bytes())
        own.key.write_bytes(newer.key.read_bytes())
        users_file.write_text('"newcomer" "n"\n')
        server.signal(signal.SIGHUP)
        server.wait_for_log("] reloaded")
        with connect(server, sslmode="verify-ca", sslrootcert=str(newer.certificate), user="newcomer", password="n"):
            pass
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            connect(server, user="analyst", password=ANALYST)
        own.certificate.write_text("nonsense")  # what cannot be read changes nothing
        users_file.write_text("nonsense")
        server.signal(signal.SIGHUP)
        server.wait_for_log("reload_failed")
        connect(server, sslmode="verify-ca", sslrootcert=str(newer.certificate), user="newcomer", password="n").close()
        assert open_session.execute("SELECT 1").fetchone() == (1,)
    for path, content in zip((own.certificate, own.key, users_file), before, strict=True):
        path.write_bytes(content)
    server.signal(signal.SIGHUP)

    def back() -> bool:
        try:
            connect(server, user="analyst", password=ANALYST).close()
        except psycopg.OperationalError:
            return False
        return True

    wait_until(back, what="the old users")


@pytest.mark.parametrize(
    ("variable", "broken"),
    [
        ("BEMIDB_TLS_CERT", "missing"),
        ("BEMIDB_TLS_KEY", "missing"),
        ("BEMIDB_TLS_KEY", "other"),
        ("BEMIDB_TLS_KEY", "nonsense"),
        ("BEMIDB_TLS_CERT", "nonsense"),
        ("BEMIDB_TLS_KEY", "passphrase"),
        ("BEMIDB_TLS_KEY", "unset"),
        ("BEMIDB_TLS_CERT", "unset"),
    ],
)
def test_files_that_cannot_be_used_end_the_start_with_one_line(tmp_path: Path, variable: str, broken: str) -> None:
    good = certificates.make(tmp_path, "good")
    other = certificates.make(tmp_path, "other", passphrase=b"secret" if broken == "passphrase" else None)
    (tmp_path / "nonsense").write_text("nonsense")
    files = {"BEMIDB_TLS_CERT": str(good.certificate), "BEMIDB_TLS_KEY": str(good.key)}
    wrong = {
        "missing": str(tmp_path / "nowhere"),
        "other": str(other.key),
        "passphrase": str(other.key),
        "nonsense": str(tmp_path / "nonsense"),
        "unset": "",
    }[broken]
    said = start_fails({"BEMIDB_DATA_DIR": str(tmp_path / "data"), **files, variable: wrong})
    assert said.startswith(f"pgserver: {variable}: ")
    assert "\n" not in said


def test_a_source_behind_tls_is_copied_by_libpq(server: Server) -> None:
    with connect(server) as connection:
        connection.execute("BEGIN")
        statement = sql.SQL("COPY (SELECT i, 'a,b' FROM generate_series(1, 3) i) TO STDOUT (FORMAT csv)").format()
        blocks = list(copy_out(connection, statement))
    assert [(bytes(block.data), block.has_heads) for block in blocks] == [(b'1,"a,b"\n2,"a,b"\n3,"a,b"\n', False)]
