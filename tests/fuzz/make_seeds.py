"""Makes tests/fuzz/seeds: small inputs that reach every branch that a sane file reaches.

They are committed, so that a fuzzer needs no Python; this is where they come from, and how to
change them. Run it from anywhere with the tests' Python, then commit what it wrote.
"""

from __future__ import annotations

import gzip
import json
import shutil
import struct
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "seeds"
ROOT = FOLDER.parents[2]
sys.path.insert(0, str(ROOT / "testvectors" / "reference"))
import greenprint_reference as reference

Seeds = dict[str, bytes]


def key_seeds() -> Seeds:
    """Key files, unsealed and sealed with the least that Argon2id allows."""
    master = bytes(range(32))
    key = reference.Key(master, reference.Params("hash", 2, 1, 2))
    seal = reference.Seal(b"passphrase", 1, 8192, bytes(16), bytes(24))
    return {
        "unsealed": reference.write_key_file(key),
        "sealed": reference.write_key_file(key, seal),
        "min": reference.write_key_file(
            reference.Key(master, reference.Params("min", 4, 3, 3)), seal
        ),
        "fixed": reference.write_key_file(
            reference.Key(master, reference.Params("fixed", 0, 1, 8))
        ),
        "other-commitment": reference.write_key_file(key, None, bytes(32)),
        "short": reference.write_key_file(key)[:120],
    }


def token_seeds() -> Seeds:
    """Token files."""
    return {
        "plain": b"1 2 3\n4\t5  6 \r\n\n7",
        "largest": b"4294967295 0004294967295 0\n",
        "too-large": b"4294967296\n",
        "bad": b"1\n2 x 3\n4 -5\n6\n",
        "mark": b"\xef\xbb\xbf1 2\n",
        "empty": b"",
    }


def jsonl_seeds() -> Seeds:
    """JSON Lines; the first byte chooses field and role."""
    chat = {
        "messages": [
            {"role": "user", "content": "Why?"},
            {"role": "assistant", "content": "Because.\r\n \t\n"},
            {"role": "assistant", "content": [{"type": "text", "text": "e\u0301"}, {"a": None}]},
            {"role": "assistant", "content": None},
        ]
    }
    return {
        "tokens": b'\0{"tokens": [1, 2, 4294967295]}\n{"tokens": []}\n',
        "text": b'\1{"text": "a\\u00e9\\ud83d\\ude00\\n"}\r\n{"text": ""}',
        "normalize": '\2{"text": "Å \\t\\r\\n가"}\n'.encode(),
        "path": b'\3{"a": [{"b": "deep"}, {"b": [1.5, -0, 1e9]}]}\n',
        "chat": b"\4" + json.dumps(chat).encode() + b"\n",
        "bad": b'\0{"tokens": [1, "2"]}\n{"tokens": [-1]}\n[]\n{"tokens": 1}\nnull\n{"a": 1}\n',
        "damaged": b'\0{"tokens": [1, 2\n{"tokens": [1]} x\n\n{"tokens": [1], "tokens": [2]}\n',
        "numbers": b'\0{"tokens": [4294967296, 1e400, 18446744073709551616, 1.0, true]}\n',
        "nested": b"\1" + b'{"text":' + b"[" * 300 + b"]" * 300 + b"}\n",
        "nul": b'\1{"text": "a\\u0000b", "\\u0000": 1}\n',
    }


def field_seeds() -> Seeds:
    """A path, a role, and a line of JSON."""
    return {
        "path": b'a.0.b\n\n{"a": [{"b": [1, 2]}]}\n',
        "role": b'm.list\nuser\n{"m": {"list": [{"role": "user", "content": "x"}]}}\n',
        "dots": b'a..b.\n\n{"": {}}\n',
        "large-index": b'a.18446744073709551616\n\n{"a": [1]}\n',
        "number-name": b'0.00\n\n{"0": {"00": "x"}}\n',
        "long": b"x" * 1500 + b"\n\n{}\n",
    }


def text_seeds() -> Seeds:
    """Text; the first byte holds the flags of normalization."""
    lines = "one \r\ntwo\t\rthree  \n\n four".encode()
    forms = "é e\u0301 \u1100\u1161\u11a8 \u0344 \u0958 \u0f73 q\u0307\u0323 \ufdfa 😀".encode()
    marks = ("a" + "\u0301\u0323" * 40).encode()
    return {
        "plain": b"\0" + lines,
        "newlines": b"\1" + lines,
        "trailing": b"\2" + lines,
        "nfc": b"\4" + forms,
        "all": b"\7" + forms + lines,
        "marks": b"\7" + marks,
        "invalid": b"\7a\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82 \xf0\x9f\x98",
        "mark": b"\0\xef\xbb\xbftext",
        "empty": b"\0",
    }


def npy(descr: str, shape: str, data: bytes, version: int = 1, order: str = "False") -> bytes:
    """Return a NumPy file."""
    header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}".encode()
    prefix = 10 if version == 1 else 12
    header = header.ljust(-(-(len(header) + 1 + prefix) // 64) * 64 - prefix - 1) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + data


def npy_seeds() -> Seeds:
    """NumPy arrays."""
    words = struct.pack("<6I", 1, 2, 3, 4, 5, 6)
    return {
        "u4": npy("<u4", "(6,)", words),
        "u4-rows": npy("<u4", "(2, 3)", words),
        "u2": npy("<u2", "(12,)", words),
        "u1": npy("|u1", "(24,)", words),
        "i8": npy("<i8", "(3,)", words),
        "i8-negative": npy("<i8", "(1,)", b"\xff" * 8),
        "big": npy(">u4", "(6,)", words),
        "version-2": npy("<u4", "(6,)", words, 2),
        "version-3": npy("<u4", "(6,)", words, 3),
        "fortran": npy("<u4", "(2, 3)", words, order="True"),
        "real": npy("<f4", "(6,)", words),
        "scalar": npy("<u4", "()", words[:4]),
        "empty": npy("<u4", "(0,)", b""),
        "no-columns": npy("<u4", "(4294967296, 0)", b""),
        "liar": npy("<u8", "(2305843009213693952,)", words),
        "liar-rows": npy("<u8", "(4294967296, 4294967296)", words),
        "short": npy("<u4", "(7,)", words),
        "long": npy("<u4", "(5,)", words),
        "long-header": b"\x93NUMPY\2\0\xff\xff\xff\xff{'descr'",
    }


def raw_seeds() -> Seeds:
    """Raw ids; the first byte chooses the size."""
    return {
        "u16": b"\0" + bytes(range(16)),
        "u32": b"\1" + bytes(range(16)),
        "u16-odd": b"\0abc",
        "u32-odd": b"\1abcde",
        "empty": b"\0",
    }


def packed(data: bytes, level: int = 9) -> bytes:
    """Return a gzip member, the same each time."""
    return gzip.compress(data, level, mtime=0)


def gzip_seeds() -> Seeds:
    """A member around each format; the first byte chooses it."""
    first = packed(b"1 2 3\n")
    return {
        "tokens": b"\0" + first,
        "jsonl": b"\1" + packed(b'{"text": "a"}\n'),
        "chat": b"\2" + packed(b'{"messages": [{"role": "user", "content": "a"}]}\n'),
        "text": b"\3" + packed(b"some text\n", 0),
        "npy": b"\4" + packed(npy("<u4", "(1,)", bytes(4))),
        "u16": b"\5" + packed(bytes(8)),
        "u32": b"\6" + packed(bytes(8)),
        "members": b"\0" + first + packed(b"") + first,
        "cut": b"\0" + first[:-5],
        "followed": b"\0" + first + b"x",
        "wrong-sum": b"\0" + first[:-8] + bytes(8),
        "long-line": b"\0" + packed(b"1 " * 300_000),
        "fields": b"\0\x1f\x8b\x08\x1e" + bytes(6) + b"\2\0ABname\0comment\0\0\0" + first[10:],
        "plain": b"\0001 2 3\n",
    }


ALL = {
    "field": field_seeds,
    "gzip": gzip_seeds,
    "jsonl": jsonl_seeds,
    "key": key_seeds,
    "npy": npy_seeds,
    "raw": raw_seeds,
    "text": text_seeds,
    "tokens": token_seeds,
}


def main() -> None:
    """Write all seeds anew."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    for name, make in ALL.items():
        (FOLDER / name).mkdir(parents=True)
        for seed, data in make().items():
            (FOLDER / name / seed).write_bytes(data)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(f"{FOLDER}: {size} bytes")


if __name__ == "__main__":
    main()
