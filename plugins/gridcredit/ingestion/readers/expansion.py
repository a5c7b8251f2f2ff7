"""Guards against files that are small on disk and immense when expanded."""

from __future__ import annotations

import io
from typing import IO

from gridcredit.errors import FileRefusedError


class LimitedStream(io.BufferedIOBase):
    """A stream of expanded bytes that refuses its file once more than a limit has come out of it."""

    def __init__(self, stream: IO[bytes], file_name: str, limit: int) -> None:
        self.stream, self.file_name, self.limit, self.count = stream, file_name, limit, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes."""
        block = self.stream.read(-1 if size is None else size)
        self.count += len(block)
        check_expanded_size(self.file_name, self.count, self.limit)
        return block

    def close(self) -> None:
        self.stream.close()
        super().close()


def check_expanded_size(file_name: str, size: int, limit: int) -> None:
    """Refuse a file that expands to more bytes than the limit."""
    if size > limit:
        raise FileRefusedError(
            f"{file_name}: expands to more than {limit:,} bytes: deliver it in parts, "
            "or raise GRIDCREDIT_MAX_EXPANDED_BYTES"
        )
