"""Partial files, read and written as SPEC.md section 12 has them."""

import hashlib
import json
import struct
import sys

import pytest
from conftest import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "testvectors" / "reference"))
import greenprint_reference as reference

DOCS = [[5, 6, 7, 8, 5, 6, 7], [5, 6, 7, 9], [1], [300, 2, 5, 6, 8, 70000]]
SECOND = [[300, 2, 5, 1], [4, 4, 4, 4]]


def lines(docs):
    return "".join(" ".join(map(str, doc)) + "\n" for doc in docs)


def varint(value):
    out = bytearray()
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes(out) + bytes([value])


def coins_of(key, doc, tenant):
    """Return the distinct coins of a document: nonce and token, and whether it is green."""
    width = key.params.h
    coins = {}
    for i in range(width, len(doc)):
        nonce = key.nonce(key.context(doc[:i]), tenant)
        coins[nonce + struct.pack("<I", doc[i])] = key.is_green(nonce, doc[i])
    return coins


def build(key, inputs, settings, tenant, documents):
    """Return a partial file; `inputs` has for each a name, its bytes and its documents."""
    flags = (tenant is not None) + 2 * documents
    out = b"\x89GPPAR\r\n" + bytes([1, flags, 0, 0]) + b"greenprint-1".ljust(16, b"\0")
    out += key.params.encode() + key.commitment + struct.pack("<Q", tenant or 0)
    out += struct.pack("<I", len(settings)) + settings
    seen = set()
    for name, content, docs in inputs:
        out += b"\x01\x01" + struct.pack("<H", len(name)) + name
        for number, doc in enumerate(docs, 1):
            alone = coins_of(key, doc, tenant)
            new = [coin for coin in alone if coin not in seen]
            seen.update(new)
            windows = max(len(doc) - key.params.h, 0)
            out += b"\x02" + varint(number) + varint(len(doc)) + varint(windows)
            if documents:
                out += varint(len(alone)) + varint(sum(alone.values()))
            bits = sum(alone[coin] << i for i, coin in enumerate(new))
            out += varint(len(new)) + bits.to_bytes((len(new) + 7) // 8, "little")
            out += b"".join(new)
        out += b"\x03" + struct.pack("<Q", len(content)) + hashlib.sha256(content).digest()
        out += b"\x00" + varint(0)
    out += b"\xff"
    return out + hashlib.sha256(out).digest()


@pytest.mark.parametrize("tenant, documents", [(None, True), (None, False), (7, True)])
def test_format(greenprint, key, unsealed_key, tenant, documents):
    """A file built from the standard merges to the report of the command, and has its length."""
    loaded = reference.read_key_file(unsealed_key)
    settings = b'{"tokenizer":null,"normalize":[]}'
    parts = []
    for name, docs in (("a.tokens", DOCS), ("b.tokens", SECOND)):
        (greenprint.folder / name).write_text(lines(docs))
        parts.append((name.encode(), lines(docs).encode(), docs))
    built = build(loaded, parts, settings, tenant, documents)
    (greenprint.folder / "built.gpp").write_bytes(built)
    options = ["--tenant", str(tenant)] if tenant is not None else []
    options += ["--per-document"] if documents else []
    result = greenprint(
        "verify", "-k", "k.key", "--json", "--partial", "made.gpp", *options,
        "a.tokens", "b.tokens",
    )  # fmt: skip
    assert result.returncode in (0, 1), result.stderr
    more = ["--per-document"] if documents else []
    for name in ("built.gpp", "made.gpp"):
        merged = greenprint("merge", "--json", *more, name)
        assert merged.stdout == result.stdout, merged.stderr
    made = (greenprint.folder / "made.gpp").read_bytes()
    assert len(made) == len(built)
    # Only the order of the coins within a document, and so of their colours, is open.
    assert made[: 76 + len(settings)] == built[: 76 + len(settings)]
    for doc in DOCS + SECOND:
        assert all(coin in made for coin in coins_of(loaded, doc, tenant))
    assert json.loads(result.stdout)["documents"] == len(DOCS) + len(SECOND)
