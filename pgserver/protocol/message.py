"""What a message is: data that decodes and encodes itself, and the registry that finds its class by tag."""

from typing import ClassVar, Self, TypeVar

from pgserver.protocol.buffer import Reader, Writer

M = TypeVar("M", bound="Message")


class Message:
    """One message of the protocol. Subclasses are frozen dataclasses named as in the Postgres docs, Message Formats."""

    __slots__ = ()
    tag: ClassVar[bytes]

    @classmethod
    def decode(cls, body: Reader) -> Self:
        """Read the body, without its tag and length; what is left over is refused by `decode_body`."""
        raise NotImplementedError

    def write(self, body: Writer) -> None:
        """Write the body."""
        raise NotImplementedError

    def encode(self) -> bytes:
        """Return the whole message: tag, length, body."""
        body = Writer()
        self.write(body)
        return body.message(self.tag)


class BodilessMessage(Message):
    """A message that is its tag."""

    __slots__ = ()

    @classmethod
    def decode(cls, body: Reader) -> Self:  # noqa: ARG003
        """Read nothing."""
        return cls()

    def write(self, body: Writer) -> None:
        """Write nothing."""


def decode_body(kind: type[M], body: Reader) -> M:
    """Read a whole body as a message of `kind`.

    Raises: ProtocolViolation (ERROR 08P01) for a body that is too short, malformed, or too long.
    """
    message = kind.decode(body)
    body.end()
    return message


def registry(*kinds: type[Message]) -> dict[int, type[Message]]:
    """Index messages by tag; a tag given twice is a mistake of ours."""
    by_tag: dict[int, type[Message]] = {}
    for kind in kinds:
        if by_tag.setdefault(kind.tag[0], kind) is not kind:
            raise TypeError(f"tag {kind.tag!r} belongs to {by_tag[kind.tag[0]].__name__} already")
    return by_tag
