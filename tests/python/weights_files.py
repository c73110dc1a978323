"""Files of weights, read as SPEC.md section 14 has them, by nothing of the library."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

Positions = list[dict[int, float]]


def parse(path: Path, kind: int) -> tuple[dict, list[tuple[Any, Positions]]]:
    """Read a file: its head, and for each document what names it and its positions.

    Documents are named by the SHA-256 of their ids in files of kind 1, expectations, and by the
    ids themselves in files of kind 2, model weights.
    """
    data = path.read_bytes()
    at = 0

    def take(form: str) -> tuple:
        nonlocal at
        values = struct.unpack_from("<" + form, data, at)
        at += struct.calcsize("<" + form)
        return values

    def check() -> None:
        wanted = hashlib.sha256(data[:at]).digest()
        assert take("32s")[0] == wanted

    magic, version, found, top_k, length, vocabulary = take("8sBBBBI")
    assert (magic, version, found) == (b"\x89GPEXP\r\n", 1, kind)
    label = take(f"{length}s")[0].decode()
    check()
    documents = []
    while (tag := take("c")[0]) == b"D":
        digest = take("32s")[0] if kind == 1 else None
        (n,) = take("Q")
        named = digest if kind == 1 else list(take(f"{n}I"))
        positions = []
        for _ in range(n):
            (m,) = take("B")
            assert m <= top_k
            entries = [take("If") for _ in range(m)]
            assert [v for v, _ in entries] == sorted({v for v, _ in entries})
            positions.append(dict(entries))
        check()
        documents.append((named, positions))
    assert tag == b"E"
    assert take("QQ") == (len(documents), sum(len(positions) for _, positions in documents))
    check()
    assert at == len(data)
    return {"label": label, "top_k": top_k, "vocabulary": vocabulary}, documents
