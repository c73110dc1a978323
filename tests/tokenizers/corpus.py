"""Texts on which tokenizers disagree when they are going to.

`fixed` are texts that are always tried; `strings` draws as many more as are wanted. All are
bytes: what is not UTF-8 is read as U+FFFD, as in Python's ``errors="replace"``.
"""

from __future__ import annotations

import functools
import json
import os
import random
import sys
import sysconfig
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BLANKS = (
    " \t\n\r\v\f\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2002\u2003\u2007\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u180e\u200b\ufeff"
)
JOINERS = "\u200d\u200c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2069\ufe0e\ufe0f"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»‐‑–—‘’“”„…‰′″※‽、。「」！？"
CONTRACTIONS = ("'s", "'S", "'t", "'T", "'re", "'RE", "'ve", "'m", "'ll", "'LL", "'d", "’s")
CONTRACTIONS += ("'ſ", "'K", "''s", "'sé", "s'", "'st", "'lls", "I'M", "DON'T", "l'été")


def shared(name: str) -> Path:
    """Return where the texts that are handed out beside the checkout would be."""
    folder = os.environ.get("GREENPRINT_SHARED")
    return (Path(folder) if folder else ROOT.parent / "shared") / "data" / name


@functools.cache
def human_texts() -> tuple[str, ...]:
    """Return the texts of both files, or nothing where they are absent."""
    texts = []
    for name in ("news-en.jsonl", "parallel-de-en.jsonl"):
        if shared(name).is_file():
            for line in shared(name).read_text(encoding="utf-8").splitlines():
                record = json.loads(line)
                texts += [record[field] for field in ("text", "de", "en") if field in record]
    return tuple(texts)


@functools.cache
def source_files() -> tuple[Path, ...]:
    """Return Python files of the standard library and the C and Python files of this tree."""
    library = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    library += sorted(Path(sysconfig.get_path("stdlib")).glob("test/test_[gstu]*.py"))
    own = [p for top in ("core", "cli", "tests", "bindings") for p in (ROOT / top).rglob("*.*")]
    own = sorted(p for p in own if p.suffix in (".c", ".h", ".py", ".txt", ".md"))
    return tuple(library + own)


@functools.lru_cache(maxsize=64)
def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@functools.cache
def scripts() -> dict[str, str]:
    """Return the letters, marks and digits of each script, by the first word of their names."""
    found: dict[str, list[str]] = {}
    for code in range(0x80, sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char)[0] in "LMN":
            name = unicodedata.name(char, "")
            script = name.split(" ")[0].split("-")[0]
            if script:
                found.setdefault(script, []).append(char)
    return {script: "".join(chars) for script, chars in found.items() if len(chars) >= 10}


@functools.cache
def _class(first: str) -> str:
    return "".join(
        chr(c)
        for c in range(0x80, sys.maxunicode + 1)
        if unicodedata.category(chr(c)).startswith(first)
    )


@functools.cache
def _composites() -> str:
    """Return the characters that the four normalization forms change."""
    return "".join(
        chr(c) for c in range(0x80, sys.maxunicode + 1) if unicodedata.decomposition(chr(c))
    )


def _between(rng: random.Random, least: int, most: int) -> int:
    """Draw a length, small ones more often."""
    return least + int((most - least) * rng.random() ** 3)


def _some(rng: random.Random, pool: Sequence[str], most: int) -> str:
    return "".join(rng.choices(pool, k=_between(rng, 1, most)))


def human(rng: random.Random) -> str:
    texts = human_texts()
    if not texts:
        return source(rng)
    text = rng.choice(texts)
    if rng.random() < 0.3 and len(text) < 3000:
        return text
    start = rng.randrange(len(text) + 1)
    return text[start : start + _between(rng, 1, 2000)]


def source(rng: random.Random) -> str:
    text = _source(rng.choice(source_files()))
    if rng.random() < 0.3:
        lines = text.splitlines(keepends=True)
        start = rng.randrange(len(lines) + 1)
        return "".join(lines[start : start + _between(rng, 1, 40)])
    start = rng.randrange(len(text) + 1)
    return text[start : start + _between(rng, 1, 1500)]


def script(rng: random.Random) -> str:
    """Words of one script, some with Latin, digits and marks between."""
    chars = scripts()[rng.choice(sorted(scripts()))]
    words = []
    for _ in range(_between(rng, 1, 12)):
        word = _some(rng, chars, 12)
        if rng.random() < 0.2:
            word += rng.choice(_class("M"))
        if rng.random() < 0.1:
            word += rng.choice(("a", "Z", "7", "'s", "\u200d", "\u200c", ".", "—"))
        words.append(word)
    return rng.choice((" ", " ", "  ", "\n", "\u3000", "")).join(words)


def any_code_point(rng: random.Random) -> str:
    """Characters of anywhere, the unassigned and the private ones among them."""
    out = []
    for _ in range(_between(rng, 1, 40)):
        top = rng.choice((0x80, 0x800, 0x3000, 0x10000, 0x20000, 0x110000))
        code = rng.randrange(top)
        out.append(" " if 0xD800 <= code <= 0xDFFF or rng.random() < 0.1 else chr(code))
    return "".join(out)


def marks(rng: random.Random) -> str:
    """Combining marks, in every order and on every base."""
    out = []
    for _ in range(_between(rng, 1, 15)):
        out.append(
            rng.choice(("a", "e", "A", "O", " ", "ק", "ا", "か", "ᄀ", "각", "1", "", "ж"))
        )
        out.append(_some(rng, _class("M"), 4))
        if rng.random() < 0.3:
            out.append(rng.choice(_composites()))
        if rng.random() < 0.2:
            out.append(rng.choice(("\u0301", "\u0323", "\u0334", "\u3099", "\u11a8", "\u1161")))
    return "".join(out)


def composites(rng: random.Random) -> str:
    return rng.choice(("", " ", "x")).join(_some(rng, _composites(), 20))


def emoji(rng: random.Random) -> str:
    """Emoji with skin tones, joiners, flags, keycaps and tags."""
    out = []
    for _ in range(_between(rng, 1, 12)):
        kind = rng.randrange(7)
        base = chr(rng.choice((0x1F300, 0x1F400, 0x1F600, 0x1F900, 0x2600)) + rng.randrange(0x80))
        if kind == 0:
            out.append(base + chr(0x1F3FB + rng.randrange(5)))
        elif kind == 1:
            out.append("\u200d".join(rng.choices("👩👨👧👦🏻🏿❤🚀🏳🌈⚕✈", k=rng.randint(2, 5))))
        elif kind == 2:
            out.append(
                "".join(chr(0x1F1E6 + rng.randrange(26)) for _ in range(rng.randint(1, 5)))
            )
        elif kind == 3:
            out.append(rng.choice("0123456789#*") + "\ufe0f\u20e3")
        elif kind == 4:
            out.append("🏴" + "".join(chr(0xE0000 + ord(c)) for c in "gbeng") + "\U000e007f")
        else:
            out.append(base + rng.choice(("", "\ufe0f", "\ufe0e", " ", "!", "a")))
    return "".join(out)


def right_to_left(rng: random.Random) -> str:
    pool = scripts()["HEBREW"] + scripts()["ARABIC"] * 2
    words = [_some(rng, pool, 8) for _ in range(_between(rng, 1, 10))]
    out = ""
    for word in words:
        out += word + rng.choice(
            (" ", " ", "،", "؟", "\u200f ", "\u202b", "\u2067x\u2069", "٣", "1")
        )
    return out


def controls(rng: random.Random) -> str:
    pool = [chr(c) for c in range(0x20)] + [chr(c) for c in range(0x7F, 0xA1)] + list(JOINERS)
    pool += ["a", " ", "\0", "\ufffd", "\ufffe", "\uffff"]
    return _some(rng, pool, 30)


def blanks(rng: random.Random) -> str:
    """Runs of blanks of every kind between words."""
    out = []
    for _ in range(_between(rng, 1, 12)):
        kind = rng.random()
        if kind < 0.5:
            out.append(rng.choice((" ", "\t", "\n", "\r\n", "\r")) * _between(rng, 1, 40))
        else:
            out.append(_some(rng, BLANKS, 8))
        out.append(
            rng.choice(("", "", "a", "word", "Zürich", "1", "123", ".", "#", "'s", "(", "_"))
        )
    return "".join(out)


def numbers(rng: random.Random) -> str:
    digits = rng.choice(("0123456789",) * 4 + (_class("Nd"), _class("N")))
    out = []
    for _ in range(_between(rng, 1, 15)):
        out.append(_some(rng, digits, 12))
        out.append(
            rng.choice((" ", ",", ".", "-", "/", ":", "e", "%", "€", "th", "\n", "", "x", "'"))
        )
    return "".join(out)


def punctuation(rng: random.Random) -> str:
    pools = (PUNCTUATION, PUNCTUATION, _class("P"), _class("S"))
    out = []
    for _ in range(_between(rng, 1, 10)):
        out.append(_some(rng, rng.choice(pools), 6))
        out.append(rng.choice(("", " ", "\n", "a", "Ab", "é", "1", "\r\n", "ABc", "\n\n ")))
    return "".join(out)


def case_and_contractions(rng: random.Random) -> str:
    words = (
        "it",
        "IT",
        "We",
        "don",
        "HELLO",
        "World",
        "straße",
        "ÉCOLE",
        "Ǆ",
        "ǅ",
        "ǆ",
        "ⅳ",
        "I",
    )
    words += ("camelCase", "HTTPServer", "iPhone", "snake_case", "ÀÉî", "ʰ", "ª", "中文", "x1")
    out = []
    for _ in range(_between(rng, 1, 12)):
        out.append(rng.choice(words) + rng.choice(("",) + CONTRACTIONS))
        out.append(rng.choice((" ", " ", "", "  ", "\n", "-")))
    return "".join(out)


def long_run(rng: random.Random) -> str:
    """One character or a short pattern many times over, and words that never end."""
    kind = rng.randrange(4)
    if kind == 0:
        pool = (
            "a",
            "A",
            " ",
            "\n",
            "é",
            "中",
            "0",
            ".",
            "-",
            "=",
            "😀",
            "ab",
            "\t",
            "\u0301",
            "of ",
        )
        return rng.choice(pool) * _between(rng, 10, 3000)
    if kind == 1:
        return _some(rng, "abcdefghijklmnopqrstuvwxyz", 3000)
    if kind == 2:
        return _some(rng, rng.choice(list(scripts().values())), 800)
    return "".join(rng.choices(human(rng).split() or ["a"], k=200))


def mixture(rng: random.Random) -> str:
    return "".join(rng.choice(MAKERS)(rng)[:80] for _ in range(rng.randint(2, 5)))


MAKERS: tuple[Callable[[random.Random], str], ...] = (
    human,
    human,
    human,
    source,
    source,
    script,
    script,
    any_code_point,
    marks,
    composites,
    emoji,
    right_to_left,
    controls,
    blanks,
    numbers,
    punctuation,
    case_and_contractions,
    long_run,
)


def damaged(rng: random.Random, text: bytes) -> bytes:
    """Bytes that are not UTF-8: noise, cut, overlong, surrogates, beyond U+10FFFF."""
    kind = rng.randrange(6)
    if kind == 0:
        return rng.randbytes(_between(rng, 1, 60))
    if kind == 1:
        return bytes(rng.choices(range(0x70, 0x100), k=_between(rng, 1, 30)))
    out = bytearray(text[: _between(rng, 1, 200)])
    bad = (
        b"\xc0\x80",
        b"\xc1\xbf",
        b"\xe0\x80\x80",
        b"\xe0\x9f\xbf",
        b"\xf0\x80\x80\x80",
        b"\x80",
    )
    bad += (b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80", b"\xff")
    bad += (
        b"\xe2\x82",
        b"\xf0\x9f\x98",
        b"\xf0\x9f",
        b"\xc3",
        b"\xbf\xbf",
        b"\xf8\x88\x80\x80\x80",
    )
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(out) + 1)
        if kind == 2:
            del out[at : at + 1]
        elif kind == 3:
            out[at:at] = bytes([rng.randrange(0x80, 0x100)])
        else:
            out[at:at] = rng.choice(bad)
    return bytes(out)


def with_specials(rng: random.Random, specials: Sequence[str]) -> str:
    """Strings of added tokens in the text: whole, cut, doubled, beside blanks and letters."""
    out = []
    for _ in range(_between(rng, 1, 8)):
        special = rng.choice(specials)
        kind = rng.random()
        if kind < 0.15:
            special = special[: rng.randrange(len(special) + 1)]
        elif kind < 0.2:
            special = special.upper()
        elif kind < 0.25:
            special = special.replace("<", "< ")
        out.append(special)
        out.append(rng.choice(("", "", " ", "  ", "\n", "a", "1", ".", "é", "'s", " word", "▁")))
        if rng.random() < 0.3:
            out.append(rng.choice(MAKERS)(rng)[:40])
    return "".join(out)


def strings(rng: random.Random, count: int, specials: Sequence[str] = ()) -> Iterator[bytes]:
    """Make `count` texts; `specials` are the added tokens of the tokenizer in question."""
    for _ in range(count):
        kind = rng.random()
        if kind < 0.08 and specials:
            yield with_specials(rng, specials).encode()
        elif kind < 0.16:
            yield damaged(rng, rng.choice(MAKERS)(rng).encode())
        elif kind < 0.30:
            yield mixture(rng).encode()
        else:
            yield rng.choice(MAKERS)(rng).encode()


def fixed(specials: Sequence[str] = ()) -> Iterator[bytes]:
    """Texts that are always tried: each script whole, each blank, each added token."""
    yield b""
    yield from (bytes([b]) for b in range(256))
    yield from (f"a{c}b {c} {c}{c}x".encode() for c in BLANKS + JOINERS + PUNCTUATION)
    yield from (f"we{c} {c}x".encode() for c in CONTRACTIONS)
    for chars in scripts().values():
        for start in range(0, len(chars), 400):
            part = chars[start : start + 400]
            yield part.encode()
            yield " ".join(part).encode()
    for category in ("S", "P", "M", "Z", "Cf", "Co"):
        chars = _class(category)
        for start in range(0, min(len(chars), 8000), 400):
            yield chars[start : start + 400].encode()
    for n in (1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 64, 100, 127, 128, 129, 1000):
        yield from (
            (c * n + tail).encode()
            for c in (" ", "\n", "\t", "\r\n", "a", "1", "=", "▁", "é", "中", "\xa0")
            for tail in ("", "x")
        )
    for special in specials:
        yield special.encode()
    for special in specials[:200]:
        yield f"a{special}b".encode()
        yield f" {special} \n{special}{special}".encode()


def whole_texts() -> Iterator[bytes]:
    """Both files text by text, and the C files of this tree."""
    yield from (text.encode() for text in human_texts())
    yield from (p.read_bytes() for p in source_files() if p.suffix in (".c", ".h"))
