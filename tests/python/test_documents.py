"""read_documents(): every format, against NumPy, Python's unicodedata and plain Python."""

import gzip
import io
import json
import re
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import greenprint

DTYPES = [order + kind for kind in ("u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8")
          for order in "<>"]  # fmt: skip
ID_MAX = 2**32 - 1


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("documents") / "input"


def read(path, content: bytes, *arguments, **options) -> list:
    path.write_bytes(content)
    plain = list(greenprint.read_documents(path, *arguments, **options))
    path.write_bytes(gzip.compress(content, 1))
    zipped = list(greenprint.read_documents(path, *arguments, **options))
    assert len(plain) == len(zipped)
    assert all(np.array_equal(a, b) for a, b in zip(plain, zipped, strict=True))
    return plain


def saved(array: np.ndarray, version=None) -> bytes:
    out = io.BytesIO()
    if version is None:
        np.save(out, array)
    else:
        np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def arrays(dtype: str) -> st.SearchStrategy:
    shapes = hnp.array_shapes(min_dims=1, max_dims=2, max_side=40)
    limits = np.iinfo(dtype)
    return hnp.arrays(dtype, shapes, elements=st.integers(limits.min, limits.max))


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(DTYPES).flatmap(arrays), st.sampled_from([None, (1, 0), (2, 0), (3, 0)]))
def test_npy(path, array, version) -> None:
    values = array.astype(object)
    rows = [values.tolist()] if array.ndim == 1 else values.tolist()
    content = saved(array, version)
    values = values.reshape(len(rows), -1)
    bad = np.argwhere((values < 0) | (values > ID_MAX))
    if len(bad):
        i, j = bad[0]
        place = f"entry {j + 1}" if array.ndim == 1 else f"row {i + 1}, column {j + 1}"
        with pytest.raises(greenprint.FormatError, match=rf"input: {place} is {rows[i][j]}: "):
            read(path, content, "npy")
    else:
        documents = read(path, content, "npy")
        assert [document.tolist() for document in documents] == rows
        assert all(document.dtype == np.uint32 for document in documents)


@settings(max_examples=100, deadline=None)
@given(arrays("<u4"), st.data())
def test_npy_cut_off(path, array, data) -> None:
    content = saved(array)
    path.write_bytes(content[: data.draw(st.integers(1, len(content) - 1))])
    with pytest.raises(greenprint.FormatError, match="the file ends "):
        list(greenprint.read_documents(path, "npy"))


@settings(max_examples=100, deadline=None)
@given(arrays("<u2"), st.data())
def test_npy_damaged_header(path, array, data) -> None:
    """Whatever one changed byte makes of a header, NumPy reads the same or it is refused."""
    content = bytearray(saved(array))
    content[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        documents = list(greenprint.read_documents(path, "npy"))
    except greenprint.FormatError:
        return
    expected = np.load(path)
    rows = [expected] if expected.ndim == 1 else expected
    assert [d.tolist() for d in documents] == [row.tolist() for row in rows]


def test_npy_order(path) -> None:
    array = np.arange(12, dtype=np.uint16).reshape(3, 4)
    with pytest.raises(greenprint.FormatError, match="stored by columns"):
        read(path, saved(np.asfortranarray(array)), "npy")
    column = np.asfortranarray(array[:, :1])
    assert [d.tolist() for d in read(path, saved(column), "npy")] == [[0], [4], [8]]


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros((), int), np.zeros((1, 1, 1), int),
                                   np.zeros(0, int), np.array([True]), np.array(["a"]),
                                   np.zeros(2, [("a", "u2")])])  # fmt: skip
def test_npy_refused(path, array) -> None:
    with pytest.raises(greenprint.FormatError, match="expected|empty"):
        read(path, saved(array), "npy")


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(["u16", "u32"]), st.data())
def test_raw(path, format, data) -> None:
    array = data.draw(hnp.arrays("<" + format[0] + str(int(format[1:]) // 8), st.integers(1, 99)))
    (document,) = read(path, array.tobytes(), format)
    assert document.tolist() == array.tolist()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.integers(0, ID_MAX), min_size=1), min_size=1), st.data())
def test_tokens(path, documents, data) -> None:
    blanks = st.text(" \t", min_size=1, max_size=9)
    text = ""
    for document in documents:
        zeros = data.draw(st.integers(0, 12))
        words = [str(token).zfill(zeros) for token in document]
        text += data.draw(blanks).join(words) + data.draw(st.sampled_from(["\n", "\r\n", " \n"]))
    assert [d.tolist() for d in read(path, text.encode())] == documents


TEXTS = st.text(st.characters(codec="utf-8"))


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS, min_size=1), st.booleans())
def test_json_text(path, texts, ascii_only) -> None:
    lines = [json.dumps({"a": [{"b.c": text}]}, ensure_ascii=ascii_only) for text in texts]
    documents = read(path, "\n".join(lines).encode(), "jsonl", r"a.0.b\.c")
    assert [document.decode() for document in documents] == texts


@settings(max_examples=80, deadline=None)
@given(st.lists(st.lists(st.tuples(st.sampled_from(["user", "assistant"]), TEXTS)), min_size=1))
def test_chats(path, chats) -> None:
    lines = [json.dumps({"m": [{"role": r, "content": t} for r, t in chat]}) for chat in chats]
    documents = read(path, "\n".join(lines).encode(), "jsonl", "m", role="assistant")
    expected = [text for chat in chats for role, text in chat if role == "assistant"]
    assert [document.decode() for document in documents] == expected


@settings(max_examples=200, deadline=None)
@given(st.binary(min_size=1))
def test_text(path, content) -> None:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b") or content == b"\xef\xbb\xbf":
        return
    if b"\0" in content:  # near the start it is no text
        with pytest.raises(greenprint.FormatError, match="NUL bytes near its start"):
            read(path, content, "text")
        content = b"x" * 8192 + content
    (document,) = read(path, content, "text")
    assert document == content.removeprefix(b"\xef\xbb\xbf")


def assigned(text: str) -> str:
    """Drop what the two Unicode versions may not agree on."""
    return "".join(c for c in text if unicodedata.category(c) != "Cn")


MARKS = st.sampled_from(
    "a\u00e9o\u0308\u0301\u0323\u0327\u0345\u1100\u1161\u11a8\uac00\u0958"
    "\u2126\u212b\u1e9b\u0f73\u0344\U0001d15e\U00011099\U000110ba<\u0338 \t\n\r"
)


@settings(max_examples=200, deadline=None)
@given(TEXTS | st.text(MARKS), st.binary(max_size=3))
def test_normalize(path, text, between) -> None:
    """Against unicodedata, with bytes that are not UTF-8 in the middle."""
    text = assigned(text)
    whole = text.encode() + b"\xff" + between + b"\xff" + text.encode()
    whole = b"x" * (8192 if b"\0" in whole else 1) + whole
    (found,) = read(path, whole, "text", normalize=["nfc"])
    pieces = re.split(rb"(\xff)", whole)
    if all(is_utf8(piece) for piece in pieces if piece != b"\xff"):
        expected = b"".join(piece if piece == b"\xff" else nfc(piece) for piece in pieces)
        assert found == expected
    folded = re.sub(rb"[ \t]+(?=\n|\Z)", b"", re.sub(rb"\r\n?", b"\n", whole))
    (found,) = read(path, whole, "text", normalize=["newlines", "trailing"])
    assert found == folded


def is_utf8(piece: bytes) -> bool:
    try:
        assigned_only = piece.decode()
    except UnicodeDecodeError:
        return False
    return assigned(assigned_only) == assigned_only


def nfc(piece: bytes) -> bytes:
    return unicodedata.normalize("NFC", piece.decode()).encode()


def test_normalize_every_character(path) -> None:
    """Each assigned character, alone and before marks that may compose with it."""
    for after in ("", "\u0301", "\u0323\u0308", "\u0338"):
        characters = [chr(i) + after for i in range(128, sys.maxunicode + 1)
                      if not 0xD800 <= i <= 0xDFFF
                      and unicodedata.category(chr(i)) != "Cn"]  # fmt: skip
        text = "\n".join(characters)
        found = b"".join(read(path, text.encode(), "text", normalize=["nfc"]))
        differing = [(ours, theirs) for ours, theirs in
                     zip(found.decode().split("\n"),
                         unicodedata.normalize("NFC", text).split("\n"), strict=True)
                     if ours != theirs]  # fmt: skip
        assert differing == []


def test_long_text_comes_in_parts(path) -> None:
    line = b"x" * 99 + b"\n"
    content = line * (2**20 // 100 + 5)
    parts = list(read(path, content, "text"))
    assert [len(part) for part in parts] == [2**20 // 100 * 100, 500]
    assert b"".join(parts) == content


def test_refused_options(path) -> None:
    path.write_bytes(b"1\n")
    with pytest.raises(greenprint.ArgumentError, match="normalize must hold some of"):
        greenprint.read_documents(path, normalize=["nfkc"])
    with pytest.raises(greenprint.ArgumentError, match="role are for JSON Lines"):
        greenprint.read_documents(path, role="user")
    with pytest.raises(greenprint.ArgumentError, match="role contains a NUL"):
        greenprint.read_documents(path, "jsonl", role="a\0")
    with pytest.raises(greenprint.ArgumentError, match=r"has a \\ that precedes"):
        greenprint.read_documents(path, "jsonl", "a\\b")
