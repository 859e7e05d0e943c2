"""The server's authentication messages: one tag, R, and a code that tells them apart."""

from dataclasses import dataclass
from typing import ClassVar, Self

from pgserver.protocol.buffer import Reader, Writer
from pgserver.protocol.message import Message
from pgserver.protocol.sqlstates import ProtocolViolation


class Authentication(Message):
    """Any of them; `decode` gives the one that the code names."""

    __slots__ = ()
    tag: ClassVar[bytes] = b"R"
    code: ClassVar[int]

    @classmethod
    def decode(cls, body: Reader) -> "Authentication":
        """Read the code, then what that message holds."""
        code = body.uint32()
        kind = AUTHENTICATION.get(code)
        if kind is None:
            raise ProtocolViolation(f"unknown authentication request {code}")
        return kind.read(body)

    @classmethod
    def read(cls, body: Reader) -> Self:  # noqa: ARG003
        """Read what follows the code."""
        return cls()

    def write(self, body: Writer) -> None:
        """Write the code."""
        body.uint32(self.code)


class AuthenticationWithData(Authentication):
    """One that carries bytes up to its end."""

    __slots__ = ()
    data: bytes

    def write(self, body: Writer) -> None:
        """Write the code and the bytes."""
        body.uint32(self.code)
        body.raw(self.data)


@dataclass(frozen=True, slots=True)
class AuthenticationOk(Authentication):
    """The client is who it says."""

    code: ClassVar[int] = 0


@dataclass(frozen=True, slots=True)
class AuthenticationKerberosV5(Authentication):
    """Kerberos V5 is wanted; no server sends it any more."""

    code: ClassVar[int] = 2


@dataclass(frozen=True, slots=True)
class AuthenticationCleartextPassword(Authentication):
    """The password is wanted as it is."""

    code: ClassVar[int] = 3


@dataclass(frozen=True, slots=True)
class AuthenticationMD5Password(Authentication):
    """The password is wanted as MD5 with this salt of 4 bytes."""

    code: ClassVar[int] = 5
    salt: bytes

    @classmethod
    def read(cls, body: Reader) -> Self:
        """Read the salt."""
        return cls(body.take(4))

    def write(self, body: Writer) -> None:
        """Write the salt."""
        body.uint32(self.code)
        body.raw(self.salt)


@dataclass(frozen=True, slots=True)
class AuthenticationGSS(Authentication):
    """GSSAPI is wanted."""

    code: ClassVar[int] = 7


@dataclass(frozen=True, slots=True)
class AuthenticationGSSContinue(AuthenticationWithData):
    """A further message of GSSAPI or SSPI."""

    code: ClassVar[int] = 8
    data: bytes

    @classmethod
    def read(cls, body: Reader) -> Self:
        """Read the bytes."""
        return cls(body.rest())


@dataclass(frozen=True, slots=True)
class AuthenticationSSPI(Authentication):
    """SSPI is wanted."""

    code: ClassVar[int] = 9


@dataclass(frozen=True, slots=True)
class AuthenticationSASL(Authentication):
    """SASL is wanted, by one of these mechanisms, the best first."""

    code: ClassVar[int] = 10
    mechanisms: tuple[str, ...]

    @classmethod
    def read(cls, body: Reader) -> Self:
        """Read names up to an empty one."""
        mechanisms = []
        while name := body.text():
            mechanisms.append(name)
        return cls(tuple(mechanisms))

    def write(self, body: Writer) -> None:
        """Write the names and an empty one."""
        body.uint32(self.code)
        for name in self.mechanisms:
            if not name:
                raise ValueError("a SASL mechanism needs a name")
            body.text(name)
        body.byte(0)


@dataclass(frozen=True, slots=True)
class AuthenticationSASLContinue(AuthenticationWithData):
    """A further SASL message."""

    code: ClassVar[int] = 11
    data: bytes

    @classmethod
    def read(cls, body: Reader) -> Self:
        """Read the bytes."""
        return cls(body.rest())


@dataclass(frozen=True, slots=True)
class AuthenticationSASLFinal(AuthenticationWithData):
    """The last SASL message; AuthenticationOk follows."""

    code: ClassVar[int] = 12
    data: bytes

    @classmethod
    def read(cls, body: Reader) -> Self:
        """Read the bytes."""
        return cls(body.rest())


AUTHENTICATION: dict[int, type[Authentication]] = {
    kind.code: kind
    for kind in (
        AuthenticationOk,
        AuthenticationKerberosV5,
        AuthenticationCleartextPassword,
        AuthenticationMD5Password,
        AuthenticationGSS,
        AuthenticationGSSContinue,
        AuthenticationSSPI,
        AuthenticationSASL,
        AuthenticationSASLContinue,
        AuthenticationSASLFinal,
    )
}
