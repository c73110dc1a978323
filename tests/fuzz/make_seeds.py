"""Makes tests/fuzz/seeds: small inputs that reach every branch that a sane file reaches.

They are committed, so that a fuzzer needs no Python; this is where they come from, and how to
change them. Run it from anywhere with the tests' Python, then commit what it wrote. Every run
writes the same, but for what openssl signs (`KEPT`): that stays as it is while it is there, so
remove its folder first to have it made anew.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import shutil
import struct
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "testvectors" / "reference"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cli"))
import greenprint_reference as reference
import provable_reference as provable
from authority import Authority
from proof_vectors import write_proof

FOLDER = Path(__file__).resolve().parent / "seeds"
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


# Multiples 1 to 3 of ristretto255's generator [RFC 9496, A.1].
ELEMENTS = [
    bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"),
    bytes.fromhex("6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919"),
    bytes.fromhex("94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259"),
]


def blind_request_seeds() -> Seeds:
    """Requests of blind evaluation; the fuzzer knows its key's id and puts it in."""

    def request(elements: list[bytes], count: int | None = None) -> bytes:
        head = b"\x89GPBEQ\r\n" + bytes([2, 0, 0, 0])
        said = len(elements) if count is None else count
        return head + struct.pack("<I", said) + bytes(8) + b"".join(elements)

    return {
        "one": request(ELEMENTS[:1]),
        "three": request(ELEMENTS),
        "twice": request(ELEMENTS[:1] * 2),
        "identity": request([ELEMENTS[0], bytes(32)]),
        "negative": request([b"\x01" + bytes(31)]),
        "none": request([b"\xff" * 32]),
        "liar": request(ELEMENTS, 2**32 - 1),
        "empty": request([]),
        "cut": request(ELEMENTS)[:50],
        "version": request(ELEMENTS).replace(b"\n\x02", b"\n\x01"),
    }


def blind_answer_seeds() -> Seeds:
    """What a good answer to two elements is changed by: it is XORed with these."""
    size = 24 + 2 * 32 + 64
    flips = {"magic": 0, "version": 8, "zero": 9, "count": 12, "key": 16, "element": 24}
    flips |= {"high-bit": 24 + 31, "challenge": size - 64, "response": size - 32}
    seeds = {name: bytes(at) + b"\x02" for name, at in flips.items()}
    return seeds | {"good": bytes(size), "longer": bytes(size + 1), "shorter": b"\x89GPBEA\r\n"}


def nonce_table_seeds() -> Seeds:
    """Tables of the fuzzer's key, good and bad."""
    key = provable.ProvableKey(bytes(range(32)), reference.Params("hash", 1, 1, 2))
    other = provable.ProvableKey(bytes(32), key.params)
    write = provable.write_nonce_table
    good = write(key, [key.nonce([v]) for v in range(3)], None, bytes(24))
    return {
        "good": good,
        "tenant": write(key, [key.nonce([v], 7) for v in range(2)], 7, bytes(24)),
        "other": write(other, [bytes(12)], None, bytes(24)),
        "short": good[:-1],
        "liar": good[:72] + struct.pack("<Q", 1 << 24) + good[80:],
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


def json_scan_seeds() -> Seeds:
    """Single lines of JSON; the first byte chooses field and role."""
    chat = (
        b'{"id":123456789012345678,"messages":[{"role":"user","content":[{"type":"x"}]},'
        b'{"role":"assistant","content":"yes\\n"},{"content":"and","role":"assistant",'
        b'"extra":[[[{}]]]},{"role":"assistant","content":null}]}'
    )
    return {
        "tokens": b'\0{"tokens": [1, 22,333 ,4444,128000,4294967295], "a": null}',
        "numbers": b'\0{"x": [1.5,-2e-05,0,-0,true,false], "tokens": []}',
        "text": b"\1" + rb'{"text": "longer than eight\"\\\/\b\u00E9\ud83d\uDE00\u0000"}',
        "unicode": '\2 {"é": "😀", "text": "ä€ \u0301"}\r'.encode(),
        # Characters at the ends of what UTF-8 allows: one changed byte is beyond.
        "ends": '\1{"text": "\u0080\u07ff\u0800\ud7ff\ue000\uffff\U00010000\U0010ffff"}'.encode(),
        "path": b'\3{"a": [{"c": {}, "b": [7 , 0 ]} , {"b": [8]}]}',
        "chat": b"\4" + chat,
        "twice": b'\0{"tokens": [1], "tokens": [2]}',
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
    lines = b"one \r\ntwo\t\rthree  \n\n four"
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
        "nul": npy("<i4", "(6,)", bytes(4000)).replace(b"<i4", b"<i\0"),
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


# --- tokenizers ---

MARK = "\u2581"
BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def byte_alphabet() -> list[str]:
    """Return the character that stands for each byte in byte-level BPE (GPT-2)."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte if byte in visible else 256 + hidden.index(byte)) for byte in range(256)]


def byte_level_vocabulary() -> tuple[list[str], list[tuple[str, str]]]:
    """Return the pieces of a small byte-level BPE model in the order of their ids."""
    merges = ["h e", "l l", "he ll", "hell o", "\u0120 w", "o r", "a a", "aa aa", "\u0120 \u0120"]
    merges += ["\u00e4 \u00b8", "\u00e4\u00b8 \u0143", "i n", "1 2"]
    pairs = [tuple(merge.split(" ")) for merge in merges]
    return byte_alphabet() + [left + right for left, right in pairs], pairs


def added(number: int, content: str, **flags: bool) -> dict:
    """Return an added token of a tokenizer.json."""
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"id": number, "content": content} | {name: flags.get(name, False) for name in names}


def tokenizer_file(model: dict, **parts: object) -> bytes:
    """Return a tokenizer.json."""
    empty = dict.fromkeys(["normalizer", "pre_tokenizer", "post_processor", "decoder"])
    head = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": []}
    return json.dumps(head | empty | parts | {"model": model}, ensure_ascii=False).encode()


def bpe(pieces: list[str], merges: list, **flags: object) -> dict:
    """Return a BPE model of a tokenizer.json."""
    names = ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")
    plain = dict.fromkeys(names) | {"fuse_unk": False, "byte_fallback": False}
    vocab = {piece: i for i, piece in enumerate(pieces)}
    return {"type": "BPE"} | plain | flags | {"vocab": vocab, "merges": merges}


def byte_level(use_regex: bool, add_prefix_space: bool = False) -> dict:
    """Return a byte-level pre-tokenizer."""
    return {
        "type": "ByteLevel",
        "add_prefix_space": add_prefix_space,
        "trim_offsets": True,
        "use_regex": use_regex,
    }


def split(pattern: dict, behavior: str = "Isolated", invert: bool = False) -> dict:
    """Return a pre-tokenizer that splits at a pattern."""
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(kind: str, *members: dict) -> dict:
    """Return a sequence of normalizers or pre-tokenizers."""
    return {"type": "Sequence", kind: list(members)}


def replace(pattern: dict, content: str) -> dict:
    """Return a normalizer that replaces."""
    return {"type": "Replace", "pattern": pattern, "content": content}


def sentencepiece_vocabulary() -> tuple[list[str], list[tuple[str, str]]]:
    """Return the pieces of a small SentencePiece BPE model, and its merges."""
    pairs = [("h", "e"), (MARK, "w"), ("l", "l"), ("he", "ll"), ("a", "a"), ("aa", "aa")]
    letters = [MARK, *"abcdehlorw", "\u4e2d", "\u00e9"]
    pieces = ["<unk>", "<s>", "</s>", *BYTE_TOKENS, *letters]
    return pieces + [left + right for left, right in pairs], pairs


def tokenizer_json_seeds() -> Seeds:
    """One file for each family of tokenizers, as small as they come."""
    pieces, pairs = byte_level_vocabulary()
    strings = [" ".join(pair) for pair in pairs]
    end = len(pieces)
    specials = [added(end, "<s>", special=True), added(end + 1, "<pad>", lstrip=True)]
    specials += [added(end + 2, "na\u00efve", normalized=True, single_word=True, rstrip=True)]
    gpt2 = bpe(pieces, strings)
    isolated = sequence("pretokenizers", split({"Regex": LLAMA_3}), byte_level(False))
    several = sequence(
        "pretokenizers",
        {"type": "Digits", "individual_digits": True},
        {"type": "Punctuation", "behavior": "Isolated"},
        split({"Regex": r"[\r\n]"}),
        split({"Regex": r"\s?[\p{L}]+"}, "Removed", True),
        byte_level(False),
    )

    marked, marked_pairs = sentencepiece_vocabulary()
    spaces = replace({"String": " "}, MARK)
    llama = bpe(
        marked,
        [list(pair) for pair in marked_pairs],
        unk_token="<unk>",
        byte_fallback=True,
        fuse_unk=True,
    )
    prepended = sequence("normalizers", {"type": "Prepend", "prepend": MARK}, spaces)

    scores = [[piece, -float(i)] for i, piece in enumerate(["<unk>", MARK, "he", "h", "e", "l"])]
    scores += [["ll", -2.5], ["hell", -3.25], ["o", -4.0], [MARK + "w", -1.5], ["aa", -1.0]]
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": scores, "byte_fallback": False}
    marks = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True}
    forms = sequence(
        "normalizers",
        {"type": "NFKC"},
        replace({"Regex": " {2,}"}, " "),
        {"type": "Strip", "strip_left": False, "strip_right": True},
    )
    return {
        "bytes.json": tokenizer_file(
            gpt2, added_tokens=specials, pre_tokenizer=byte_level(True, True)
        ),
        "isolated.json": tokenizer_file(
            bpe(pieces, pairs, ignore_merges=True),
            normalizer={"type": "NFC"},
            pre_tokenizer=isolated,
            added_tokens=specials,
        ),
        "several.json": tokenizer_file(gpt2, pre_tokenizer=several),
        "fallback.json": tokenizer_file(
            llama, normalizer=prepended, added_tokens=[added(1, "<s>", special=True)]
        ),
        "spaces.json": tokenizer_file(
            llama,
            normalizer=spaces,
            pre_tokenizer=split({"String": " "}, "MergedWithPrevious"),
        ),
        "unigram.json": tokenizer_file(unigram, pre_tokenizer=marks),
        "forms.json": tokenizer_file(unigram, normalizer=forms, pre_tokenizer=marks),
        "wordpiece.json": tokenizer_file({"type": "WordPiece", "vocab": {"a": 0}}),
        "small.json": tokenizer_file(bpe(["a", "b", "ab"], ["a b"])),
        "strange-regex.json": tokenizer_file(
            gpt2, pre_tokenizer=sequence("pretokenizers", split({"Regex": "(a+)+$"}))
        ),
    }


def gguf_string(text: str | bytes) -> bytes:
    """Return a string of a GGUF file."""
    data = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(data)) + data


def gguf_value(value: object) -> bytes:
    """Return the type and the bytes of a value, or of an array of one type."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<Ii", 5, value) if value < 0 else struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + gguf_string(value)
    if value and all(type(member) is int for member in value):
        return struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value)
    members = [gguf_value(member) for member in value]
    head = struct.pack("<I", 9) + (members[0][:4] if members else struct.pack("<I", 8))
    return head + struct.pack("<Q", len(members)) + b"".join(m[4:] for m in members)


def gguf(items: dict[str, object], version: int = 3, tensors: int = 0) -> bytes:
    """Return a GGUF file without tensor data."""
    pairs = b"".join(gguf_string(key) + gguf_value(value) for key, value in items.items())
    return b"GGUF" + struct.pack("<IQQ", version, tensors, len(items)) + pairs


def gguf_seeds() -> Seeds:
    """The metadata of GGUF files, for each kind of vocabulary."""
    ggml = "tokenizer.ggml."
    head = {"general.architecture": "llama", "general.alignment": 32, "llama.rope": 0.5}
    pieces, pairs = byte_level_vocabulary()
    bytes_ = head | {
        ggml + "model": "gpt2",
        ggml + "pre": "smollm",
        ggml + "tokens": [*pieces, "<s>"],
        ggml + "token_type": [1] * len(pieces) + [3],
        ggml + "merges": [" ".join(pair) for pair in pairs],
        ggml + "bos_token_id": len(pieces),
        ggml + "add_space_prefix": False,
    }
    marked, _ = sentencepiece_vocabulary()
    kinds = [2, 3, 3, *[6] * 256]
    llama = head | {
        ggml + "model": "llama",
        ggml + "pre": "default",
        ggml + "tokens": marked,
        ggml + "scores": [-float(i) for i in range(len(marked))],
        ggml + "token_type": kinds + [1] * (len(marked) - len(kinds)),
        ggml + "unknown_token_id": 0,
        ggml + "add_bos_token": True,
    }
    liar = gguf({})[:16] + struct.pack("<Q", 2) + gguf_string(ggml + "tokens")
    liar += struct.pack("<IIQ", 9, 8, 2**62) + bytes(100)
    return {
        "bytes.gguf": gguf(bytes_),
        "version-2.gguf": gguf(bytes_ | {ggml + "pre": "llama-bpe"}, 2),
        "llama.gguf": gguf(llama),
        "no-prefix.gguf": gguf(llama | {ggml + "add_space_prefix": False}),
        "unigram.gguf": gguf(llama | {ggml + "model": "t5"}),
        "numbers.gguf": gguf({"a": -1, "b": True, "c": [1, 2], "d": [0.5], "e": []}),
        "version-1.gguf": gguf({}, 1),
        "liar.gguf": liar,
        "many-keys.gguf": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63),
        "tensors.gguf": gguf(head, 3, 2**63),
        "cut.gguf": gguf(bytes_)[:900],
        "nested.gguf": b"GGUF"
        + struct.pack("<IQQ", 3, 0, 1)
        + gguf_string("a")
        + struct.pack("<IIQIQ", 9, 9, 1, 9, 1),
    }


def encode_seeds() -> Seeds:
    """Text; the first byte chooses the tokenizer."""
    texts = {
        "words": "Hello, hello world!  1234 don't\r\n\tna\u00efve <s> <pad>x",
        "scripts": "Stra\u00dfe \u4e2d\u6587 \u0939\u093f\u0928\u094d\u0926\u0940 "
        "\U0001f600\u200d\U0001f468 e\u0301",
        "spaces": "   a \u00a0\u3000 \n\n\n b\t\t",
        "long": "a" * 600,
        "marks": MARK * 5 + "w<0x41>",
    }
    seeds = {
        f"{name}-{choice}": bytes([choice]) + text.encode()
        for choice in range(6)
        for name, text in texts.items()
    }
    return seeds | {
        "invalid": b"\0a\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82 \xf0\x9f\x98"
    }


# --- what one run leaves for another ---


def with_digest(data: bytes) -> bytes:
    """Append the SHA-256 of everything before."""
    return data + hashlib.sha256(data).digest()


# The documents of fuzz_expectations.c, and some for fuzz_model_weights.c.
DOCUMENTS = ([5, 7, 9, 5, 7, 9, 5], [], [1])


def expectations_seeds() -> Seeds:
    """Expectations files (SPEC.md section 14) for the documents of the fuzzer."""

    def file(label: bytes, top: int, vocabulary: int, documents: int = len(DOCUMENTS)) -> bytes:
        head = b"\x89GPEXP\r\n" + bytes([1, 1, top, len(label)])
        data = with_digest(head + struct.pack("<I", vocabulary) + label)
        for ids in DOCUMENTS[:documents]:
            tokens = b"".join(map(reference.le32, ids))
            data += b"D" + hashlib.sha256(tokens).digest() + struct.pack("<Q", len(ids))
            for position in range(len(ids)):
                entries = [(5, 0.25), (7, 0.5), (9, 0.125)][: min(top, position % 4)]
                data += bytes([len(entries)])
                data += b"".join(struct.pack("<If", *entry) for entry in entries)
            data = with_digest(data)
        positions = sum(map(len, DOCUMENTS[:documents]))
        return with_digest(data + b"E" + struct.pack("<QQ", documents, positions))

    whole = file(b"bigrams", 3, 16)
    return {
        "whole": whole,
        "no-label": file(b"", 255, 0),
        "fewer": file(b"x", 1, 10, 2),
        "gzip": packed(whole),
        "cut": whole[:-40],
        "followed": whole + b"x",
    }


def model_weights_seeds() -> Seeds:
    """Files of model weights (SPEC.md section 14, kind 2)."""

    def file(label: bytes, top: int, vocabulary: int, documents: int = len(DOCUMENTS)) -> bytes:
        head = b"\x89GPEXP\r\n" + bytes([1, 2, top, len(label)])
        data = with_digest(head + struct.pack("<I", vocabulary) + label)
        for ids in DOCUMENTS[:documents]:
            data += b"D" + struct.pack("<Q", len(ids)) + b"".join(map(reference.le32, ids))
            for position in range(len(ids)):
                entries = [(5, -0.25), (7, 1.0), (9, 1e-9)][: min(top, position % 4)]
                data += bytes([len(entries)])
                data += b"".join(struct.pack("<If", *entry) for entry in entries)
            data = with_digest(data)
        positions = sum(map(len, DOCUMENTS[:documents]))
        return with_digest(data + b"E" + struct.pack("<QQ", documents, positions))

    whole = file(b"student", 3, 16)
    # A document that claims 2^24 ids and has none.
    claim = file(b"", 1, 0, 0)[:48] + b"D" + struct.pack("<Q", 1 << 24)
    return {
        "whole": whole,
        "no-label": file(b"", 255, 0),
        "no-documents": file(b"x", 1, 10, 0),
        "gzip": packed(whole),
        "claim": claim,
        "cut": whole[:-40],
        "followed": whole + b"x",
    }


def varint(value: int) -> bytes:
    """Return a number in groups of seven bits, the least significant first."""
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def partial_seeds() -> Seeds:
    """Partial files (SPEC.md section 12)."""
    key = reference.Key(bytes(range(32)), reference.Params("hash", 2, 1, 2))

    def head(flags: int, settings: bytes = b"plain") -> bytes:
        data = b"\x89GPPAR\r\n" + bytes([1, flags, 0, 0]) + reference.SCHEME.ljust(16, b"\0")
        data += key.params.encode() + key.commitment
        return data + struct.pack("<QI", 7 if flags & 1 else 0, len(settings)) + settings

    def document(flags: int, line: int, tokens: int, coins: int) -> bytes:
        numbers = [line, tokens, max(0, tokens - 2)]
        if flags & 2:
            numbers += [coins, coins // 2]
        data = b"\2" + b"".join(map(varint, [*numbers, coins]))
        data += (2 ** (coins // 2) - 1).to_bytes(-(-coins // 8), "little")
        return data + b"".join(bytes([line % 256, i]).ljust(16, b"\1") for i in range(coins))

    def input_(flags: int, name: bytes) -> bytes:
        data = b"\1\1" + struct.pack("<H", len(name)) + name
        data += document(flags, 1, 20, 11) + document(flags, 2, 1, 0) + document(flags, 300, 9, 7)
        return data + b"\3" + struct.pack("<Q", 99) + bytes(32) + b"\0" + varint(200)

    def file(flags: int, inputs: int) -> bytes:
        return with_digest(head(flags) + input_(flags, b"a.txt") * inputs + b"\xff")

    # A million bytes of colours, of coins that never come, in a thousand bytes of gzip.
    many = 8 * 1_100_000
    numbers = b"".join(map(varint, [1, many + 2, many, many]))
    liar = head(0) + b"\1\1\1\0a\2" + numbers + bytes(many // 8)
    return {
        "liar": packed(liar),
        "plain": file(0, 1),
        "tenant": file(1, 1),
        "documents": file(2, 2),
        "empty": file(0, 0),
        "gzip": packed(file(3, 1)),
        "cut": file(0, 1)[:-50],
        "followed": file(0, 1) + b"x",
    }


def contexts_seeds() -> Seeds:
    """Contexts files (SPEC.md section 16); the fuzzer asks for the windows 1 and 1 2."""
    documents = [[1, 2, 3, 1, 2, 4], [5], [7, 1, 2, 7]]
    whole = reference.write_contexts_file(2, documents)
    head = b"\x89GPCTX\r\n" + bytes([1, 3, 64]) + bytes(5)
    many = struct.pack("<3Q", 300, 2, 400) + b"".join(struct.pack("<Q", i) for i in range(300))
    return {
        "whole": whole,
        "one": reference.write_contexts_file(1, documents),
        "none": reference.write_contexts_file(16, documents),
        "crowded": with_digest(head + many),
        "liar": with_digest(head + struct.pack("<3Q", 2**61, 1, 2**62)),
        "gzip": packed(whole),
        "cut": whole[:-8],
        "followed": whole + b"x",
    }


def public_seeds() -> Seeds:
    """Public files (SPEC.md section 18)."""
    master = bytes(range(32))
    hashed = provable.ProvableKey(master, reference.Params("hash", 1, 1, 2))
    fixed = provable.ProvableKey(master, reference.Params("fixed", 0, 255, 8))
    whole = provable.write_public_file(hashed)
    other = provable.write_public_file(fixed)
    return {
        "whole": whole,
        "fixed": other,
        "exchanged": with_digest(whole[:64] + other[64:96]),
        "identity": with_digest(whole[:32] + bytes(32) + whole[64:96]),
        "ordinary": with_digest(whole[:12] + b"greenprint-1".ljust(16, b"\0") + whole[28:96]),
        "cut": whole[:-8],
        "followed": whole + b"x",
    }


def proof_seeds() -> Seeds:
    """Proofs for the text of fuzz_proof.c, and others."""
    key = provable.ProvableKey(bytes(range(32)), reference.Params("hash", 1, 1, 2))
    stranger = provable.ProvableKey(bytes(32), reference.Params("hash", 1, 1, 2))
    documents = [[1, 2, 3, 1, 2, 4], [], [7, 1, 2, 7, 9]]
    whole = write_proof(key, documents, None)
    body = whole[168:-32]
    swapped = body[32:64] + body[:32] + body[64:]
    liar = struct.pack("<4Q", 3, 2**40, 2**31, 2**31)
    blind = write_proof(key, documents, None, blind=54321)
    at_blind = len(blind) - 128  # behind it stand the DLEQ proof and the checksum
    elements = blind[168:at_blind]
    return {
        "blind": blind,
        "blind-tenant": write_proof(key, documents, 5, blind=54321),
        "blind-zero": with_digest(blind[:at_blind] + bytes(32) + blind[at_blind + 32 : -32]),
        "blind-other": with_digest(blind[:at_blind] + b"\1" + blind[at_blind + 1 : -32]),
        "blind-swapped": with_digest(
            blind[:168] + elements[32:64] + elements[:32] + elements[64:] + blind[at_blind:-32]
        ),
        "blind-hidden": with_digest(blind[:9] + b"\0" + blind[10:-32]),
        "blind-claimed": with_digest(whole[:9] + b"\2" + whole[10:-32]),
        "whole": whole,
        "tenant": write_proof(key, documents, 5),
        "other-text": write_proof(key, documents[::-1], None),
        "other-key": write_proof(stranger, documents, None),
        "nothing": write_proof(key, [[]], None),
        "swapped": with_digest(whole[:168] + swapped),
        "identity": with_digest(whole[:168] + bytes(32) + body[32:]),
        "liar": with_digest(whole[:136] + liar + body),
        "cut": whole[:-40],
        "followed": whole + b"x",
    }


def key_set_seeds() -> Seeds:
    """Sets of keys and proofs (SPEC.md section 21)."""

    def leaf(i: int, scheme: bytes = b"greenprint-1") -> bytes:
        return scheme.ljust(16, b"\0") + bytes([1, 2, 1, 2]) + bytes([i]) * 32

    def root(n: int, head: bytes) -> bytes:
        size = struct.pack("<Q", n)
        return hashlib.sha256(b"greenprint-keys\0" + size + head).digest()

    def node(*parts: bytes) -> bytes:
        return hashlib.sha256(b"".join(parts)).digest()

    leaves = [leaf(1), leaf(2, b"greenprint-1v"), leaf(3)]
    hashes = [node(b"\0", one) for one in leaves]
    left = node(b"\1", hashes[0], hashes[1])
    head = node(b"\1", left, hashes[2])

    def set_file(leaves: list[bytes], head: bytes, n: int | None = None) -> bytes:
        n = len(leaves) if n is None else n
        start = b"\x89GPSET\r\n" + bytes([1]) + bytes(7) + struct.pack("<Q", n)
        return with_digest(start + b"".join(leaves) + root(n, head))

    def proof(i: int, path: list[bytes], n: int = 3) -> bytes:
        start = b"\x89GPINC\r\n" + bytes([1, len(path)]) + bytes(6) + struct.pack("<2Q", i, n)
        return with_digest(start + leaves[i] + b"".join(path) + root(n, head))

    return {
        "three": set_file(leaves, head),
        "one": set_file(leaves[:1], hashes[0]),
        "liar": set_file(leaves, head, 2**60),
        "unordered": set_file(leaves[::-1], head),
        "first": proof(0, [hashes[1], hashes[2]]),
        "last": proof(2, [left]),
        "size": proof(0, [hashes[1], hashes[2]], 4),
        "key": key_seeds()["unsealed"],
    }


def minisign_seeds() -> Seeds:
    """Signatures and keys; the fuzzer asks for the number 1 to 8."""
    number = bytes(range(1, 9))

    def lines(*parts: bytes) -> bytes:
        return b"".join(part + b"\n" for part in parts)

    untrusted = b"untrusted comment: x"
    hashed = base64.b64encode(b"ED" + number + bytes(range(64)))
    old = base64.b64encode(b"Ed" + number + bytes(range(64)))
    last = base64.b64encode(bytes(64))
    secret = b"Ed\0\0B2" + bytes(48) + number + bytes(range(64)) + bytes(32)
    sealed = b"EdScB2" + bytes(32) + struct.pack("<2Q", 32768, 2**24) + bytes(104)
    return {
        "hashed": lines(untrusted, hashed, b"trusted comment: y\tz", last),
        "old": lines(untrusted, old, b"trusted comment: ", last),
        "crlf": b"\r\n".join([untrusted, hashed, b"trusted comment: y", last]),
        "public": lines(untrusted, base64.b64encode(b"Ed" + number + bytes(range(32)))),
        "secret": lines(untrusted, base64.b64encode(secret)),
        "sealed": lines(untrusted, base64.b64encode(sealed)),
        "short": lines(untrusted, hashed),
    }


def timestamp_seeds() -> Seeds:
    """Stamps of an empty file, by certificates that last; other ones each time: see `KEPT`."""
    ages = 36000 * 86400
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder)
        authority.root("root", days=36500)
        authority.issue("stamper", "stamping", "root", ends=ages)
        seeds = {"root.pem": (folder / "root.pem").read_bytes()}
        (folder / "empty").write_bytes(b"")
        for hash_name in ("sha256", "sha512"):
            query, response = folder / f"{hash_name}.tsq", folder / f"{hash_name}.tsr"
            authority.run(
                "ts", "-query", "-data", "empty", f"-{hash_name}", "-cert", "-out", str(query)
            )
            authority.reply(query, response)
            seeds[f"{hash_name}.tsq"] = query.read_bytes()
            seeds[f"{hash_name}.tsr"] = response.read_bytes()
        response = seeds["sha256.tsr"]
        digest = hashlib.sha256(b"").digest() + bytes(32)
        head = b"\x89GPTIM\r\n" + bytes([1, 1, 0, 0]) + struct.pack("<I", len(response))
        seeds["stamp.gpt"] = with_digest(head + digest + response)
        authority.run(
            "ts", "-query", "-data", "empty", "-sha256", "-tspolicy", "1.2.3", "-out", "odd"
        )
        authority.reply(folder / "odd", folder / "refused")
        seeds["refused.tsr"] = (folder / "refused").read_bytes()
        authority.forge(b"\x30\0", folder / "hollow")
        seeds["hollow.tsr"] = (folder / "hollow").read_bytes()
        authority.revocations("root", "crl")
        seeds["root.crl"] = (folder / "crl").read_bytes()
    return seeds


ALL = {
    "blind_answer": blind_answer_seeds,
    "blind_request": blind_request_seeds,
    "contexts": contexts_seeds,
    "encode": encode_seeds,
    "expectations": expectations_seeds,
    "field": field_seeds,
    "gguf": gguf_seeds,
    "gzip": gzip_seeds,
    "json_scan": json_scan_seeds,
    "jsonl": jsonl_seeds,
    "key": key_seeds,
    "key_set": key_set_seeds,
    "minisign": minisign_seeds,
    "model_weights": model_weights_seeds,
    "nonce_table": nonce_table_seeds,
    "npy": npy_seeds,
    "partial": partial_seeds,
    "proof": proof_seeds,
    "public": public_seeds,
    "raw": raw_seeds,
    "text": text_seeds,
    "timestamp": timestamp_seeds,
    "tokenizer_json": tokenizer_json_seeds,
    "tokens": token_seeds,
}
KEPT = {"timestamp"}  # new keys, times and nonces each time would only make noise


def main() -> None:
    """Write all seeds anew but those that are kept."""
    for folder in FOLDER.glob("*"):
        if folder.name not in KEPT:
            shutil.rmtree(folder)
    for name, make in ALL.items():
        if name in KEPT and (FOLDER / name).exists():
            continue
        (FOLDER / name).mkdir(parents=True)
        for seed, data in make().items():
            (FOLDER / name / seed).write_bytes(data)
    size = sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file())
    print(f"{FOLDER}: {size} bytes")


if __name__ == "__main__":
    main()
