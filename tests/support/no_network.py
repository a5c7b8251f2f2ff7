"""Imported for what it does: from then on this process opens no socket, so whatever calls home fails."""

import socket


def refuse(*_: object, **__: object) -> None:
    """What every attempt runs into."""
    raise AssertionError("a socket was opened: something calls another host")


socket.socket.connect = refuse  # type: ignore[method-assign]
socket.getaddrinfo = refuse  # type: ignore[assignment]
