"""TLS: the certificate that clients are shown, and the layer between their bytes and ours, which does no I/O."""

import contextlib
import ssl
from pathlib import Path

import structlog

from catalog.errors import OperatorError

log = structlog.get_logger()

ALPN = "postgresql"  # sslnegotiation=direct must offer it, so that no other protocol's client is taken for one
READ_BYTES = 256 << 10


class Certificates:
    """The context of new connections; it is made anew when the files are read again."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read the files.

        Raises: OperatorError naming the variable whose file cannot be used.
        """
        self._certificate = certificate
        self._key = key
        self.context = server_context(certificate, key)

    def reload(self) -> None:
        """Read the files again; what cannot be used leaves the old ones in force."""
        try:
            self.context = server_context(self._certificate, self._key)
        except OperatorError as error:
            log.error("tls_reload_failed", variable=error.variable, problem=error.problem)
        else:
            log.info("tls_reloaded")


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """Return a context as PostgreSQL has it: TLS 1.2 or later, no renegotiation, no session tickets.

    Raises: OperatorError.
    """
    for variable, path in (("BEMIDB_TLS_CERT", certificate), ("BEMIDB_TLS_KEY", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise OperatorError(
                variable, f"{path} cannot be read ({error.strerror})", "give a PEM file that this user may read"
            ) from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.set_alpn_protocols([ALPN])
    try:
        # A key with a passphrase fails here; without this OpenSSL would ask for it on the terminal.
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise OperatorError(
                "BEMIDB_TLS_KEY", "is not the key of BEMIDB_TLS_CERT", "give the files that belong together"
            ) from error
        raise _unusable(certificate) from error
    return context


def _unusable(certificate: Path) -> OperatorError:
    """Tell which of the two files it is."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=certificate)
    except ssl.SSLError:
        return OperatorError("BEMIDB_TLS_CERT", "is not a certificate in PEM", "give the chain, the server's own first")
    return OperatorError("BEMIDB_TLS_KEY", "is not a usable key in PEM", "give an unencrypted private key")


class TlsLayer:
    """The server's end of one TLS connection: bytes of the socket in, bytes of the protocol out, and back."""

    def __init__(self, context: ssl.SSLContext, *, direct: bool = False) -> None:
        """Start before the handshake. Args: the certificate; whether the client began with TLS, without asking."""
        self.direct = direct
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False
        self.ended = False  # the client has said that it sends no more

    def receive(self, data: bytes) -> bytes:
        """Take bytes of the socket, return those of the client; `take` then has what must be sent back.

        Raises: ssl.SSLError.
        """
        self._incoming.write(data)
        plain: list[bytes] = []
        try:
            if not self.established:
                self._tls.do_handshake()
                self.established = True
            while chunk := self._tls.read(READ_BYTES):
                plain.append(chunk)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:  # so it is told once we have said the same
            self.ended = True
        return b"".join(plain)

    @property
    def speaks_postgres(self) -> bool:
        """Whether client and server have agreed by ALPN on what follows."""
        return self._tls.selected_alpn_protocol() == ALPN

    def send(self, data: bytes | memoryview) -> bytes:
        """Return what the socket must be given for the client to receive these bytes."""
        view = memoryview(data)
        while view:
            view = view[self._tls.write(view) :]
        return self._outgoing.read()

    def take(self) -> bytes:
        """Return what the socket must be given: parts of the handshake, alerts."""
        return self._outgoing.read()

    def close(self) -> bytes:
        """Return the end of what is sent."""
        with contextlib.suppress(ssl.SSLError):  # the client's own end is not waited for
            self._tls.unwrap()
        return self._outgoing.read()
