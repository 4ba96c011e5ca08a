"""The whole page from its blocks, plain or gzipped, kept until a block changes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from agent.metrics.block import Block
from agent.metrics.client import Client

_END = b"# EOF\n"
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03"
_LAST_DEFLATE_BLOCK = b"\x03\x00"


class Page:
    """Puts blocks together. A gzipped page is one member (RFC 1952), made of the blocks' own compressed text."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        self._client: Client | None = None
        self._kept: dict[tuple[bool, bool], tuple[tuple[int, ...], bytes]] = {}

    def render(self, *, openmetrics: bool, gzipped: bool) -> bytes:
        """Return the page in one of the two formats, gzipped or not; the same bytes until a block changes."""
        versions = tuple(block.version for block in self._blocks)
        kept = self._kept.get((openmetrics, gzipped))
        if kept is not None and kept[0] == versions:
            return kept[1]
        # Loaded by the first scrape, so that the agent is ready the sooner.
        client = self._client = self._client or Client()
        body = self._gzipped(client, openmetrics) if gzipped else self._plain(client, openmetrics)
        self._kept[openmetrics, gzipped] = (versions, body)
        return body

    def _plain(self, client: Client, openmetrics: bool) -> bytes:
        texts = [block.text(client, openmetrics) for block in self._blocks]
        return b"".join([*texts, _END] if openmetrics else texts)

    def _gzipped(self, client: Client, openmetrics: bool) -> bytes:
        texts = [block.text(client, openmetrics) for block in self._blocks]
        parts = [block.deflated(client, openmetrics) for block in self._blocks]
        if openmetrics:
            texts.append(_END)
            parts.append(_DEFLATED_END)
        check = size = 0
        for text in texts:
            check, size = zlib.crc32(text, check), size + len(text)
        return b"".join([_GZIP_HEAD, *parts, _LAST_DEFLATE_BLOCK, struct.pack("<II", check, size & 0xFFFFFFFF)])


def _deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)


_DEFLATED_END = _deflate(_END)
