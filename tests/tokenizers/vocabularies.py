"""tokenizer.json files made from vocabularies that packages carry in other forms.

Each is laid out as the model's published tokenizer.json is (the same normalizer, split
patterns and options) and written by the ``tokenizers`` library, so that the library's
reading of it is the reference and our reading of it the thing on trial.
"""

from __future__ import annotations

import base64
import json
import mmap
import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sources import CACHE
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers
from tokenizers.models import BPE, Unigram

CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT_4 = (
    CONTRACTION + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_2 = GPT_4.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN_35 = (
    CONTRACTION + r"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_UPPER = r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}"
_LOWER = r"\p{Ll}\p{Lm}\p{Lo}\p{M}"
_TAIL = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
GPT_4O = (
    rf"[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]*[{_LOWER}]+{_TAIL}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?[{_UPPER}]+[{_LOWER}]*{_TAIL}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# The o200k pattern as tiktoken has it is the same with `|` between upper and lower case.

ByteLevel = pre_tokenizers.ByteLevel


def byte_alphabet() -> dict[int, str]:
    """Return GPT-2's printable character for each byte."""
    own = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = {byte: chr(byte) for byte in own}
    others = (byte for byte in range(256) if byte not in alphabet)
    alphabet.update({byte: chr(0x100 + n) for n, byte in enumerate(others)})
    return alphabet


_ALPHABET = byte_alphabet()


def _spelled(token: bytes) -> str:
    return "".join(_ALPHABET[byte] for byte in token)


def merges_of(rank: dict[str, int]) -> list[tuple[str, str]]:
    """Return every merge whose halves and whole are in the vocabulary, by rank."""
    found = []
    for token, order in rank.items():
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in rank and right in rank:
                found.append((order, rank[left], rank[right], left, right))
    return [(left, right) for *_, left, right in sorted(found)]


def _gguf_fields(path: Path, wanted: frozenset[str]) -> dict[str, Any]:
    """Return the fields of a GGUF file's header that are wanted.

    The ``gguf`` package reads the same in a minute, value by value into NumPy arrays.
    """
    sizes = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
    sizes[12] = "d"
    with path.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    at = 4

    def scalar(code: str) -> Any:
        nonlocal at
        (value,) = struct.unpack_from("<" + code, data, at)
        at += struct.calcsize("<" + code)
        return value

    def string() -> str:
        nonlocal at
        n = scalar("Q")
        at += n
        return data[at - n : at].decode("utf-8", "replace")

    def value(kind: int) -> Any:
        nonlocal at
        if kind == 8:
            return string()
        if kind != 9:
            return scalar(sizes[kind])
        inner, n = scalar("I"), scalar("Q")
        if inner in (8, 9):
            return [value(inner) for _ in range(n)]
        code = f"<{n}{sizes[inner]}"
        at += struct.calcsize(code)
        return list(struct.unpack_from(code, data, at - struct.calcsize(code)))

    scalar("I")  # version
    scalar("Q")  # tensors
    fields = {}
    for _ in range(scalar("Q")):
        key = string()
        fields[key] = value(scalar("I"))
    return {key: fields[key] for key in wanted & fields.keys()}


class GgufVocabulary:
    """The tokens of a GGUF file."""

    def __init__(self, path: Path) -> None:
        names = ("tokens", "token_type", "scores", "merges", "precompiled_charsmap")
        fields = _gguf_fields(path, frozenset(f"tokenizer.ggml.{name}" for name in names))

        def read(key: str) -> list:
            return fields.get(f"tokenizer.ggml.{key}", [])

        self.tokens: list[str] = read("tokens")
        self.types: list[int] = read("token_type")
        self.scores: list[float] = read("scores")
        self.merges = [tuple(merge.split(" ", 1)) for merge in read("merges")]
        self.charsmap = bytes(byte & 255 for byte in read("precompiled_charsmap"))

    def added(self) -> list[AddedToken]:
        """Return control tokens (special) and user-defined ones (not), in order of id."""
        return [
            AddedToken(token, special=kind == 3, normalized=False)
            for token, kind in zip(self.tokens, self.types, strict=True)
            if kind in (3, 4) and token
        ]


def read_tiktoken(path: Path) -> dict[bytes, int]:
    """Return the ranks in a .tiktoken file."""
    ranks = {}
    for line in path.read_bytes().splitlines():
        if line:
            token, rank = line.split()
            ranks[base64.b64decode(token)] = int(rank)
    return ranks


def read_tekken(path: Path) -> tuple[dict[bytes, int], str, list[str]]:
    """Return the ranks, the pattern and the special tokens of a tekken.json."""
    data = json.loads(path.read_text(encoding="utf-8"))
    config = data["config"]
    n_special = config["default_num_special_tokens"]
    n_ranks = config["default_vocab_size"] - n_special
    ranks = {base64.b64decode(t["token_bytes"]): t["rank"] for t in data["vocab"][:n_ranks]}
    named = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]"]
    named += ["[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]"]
    named += ["<pad>", "[IMG_BREAK]", "[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]"]
    return ranks, config["pattern"], named + [f"<SPECIAL_{n}>" for n in range(17, n_special)]


def _byte_level(
    vocabulary: GgufVocabulary,
    split: pre_tokenizers.PreTokenizer | Iterable[pre_tokenizers.PreTokenizer],
    normalizer: normalizers.Normalizer | None = None,
    ignore_merges: bool = False,
) -> Tokenizer:
    ids = {token: n for n, token in enumerate(vocabulary.tokens)}
    tokenizer = Tokenizer(BPE(ids, vocabulary.merges, ignore_merges=ignore_merges))
    tokenizer.pre_tokenizer = split
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens(vocabulary.added())
    return tokenizer


def _split_then_bytes(pattern: str) -> pre_tokenizers.PreTokenizer:
    split = pre_tokenizers.Split(Regex(pattern), behavior="isolated")
    return pre_tokenizers.Sequence([split, ByteLevel(add_prefix_space=False, use_regex=False)])


def _plain_bytes() -> pre_tokenizers.PreTokenizer:
    return ByteLevel(add_prefix_space=False, use_regex=True)


def _digits_then_bytes() -> pre_tokenizers.PreTokenizer:
    digits = pre_tokenizers.Digits(individual_digits=True)
    return pre_tokenizers.Sequence([digits, _plain_bytes()])


def gpt_2(path: Path) -> Tokenizer:
    """GPT-2: the first of them."""
    return _byte_level(GgufVocabulary(path), _plain_bytes())


def llama_3(path: Path) -> Tokenizer:
    """Llama 3: words that are in the vocabulary are not merged together but taken."""
    split = _split_then_bytes(GPT_4)
    return _byte_level(GgufVocabulary(path), split, ignore_merges=True)


def qwen_2(path: Path) -> Tokenizer:
    """Qwen 2 and 3: NFC, digits one by one."""
    return _byte_level(GgufVocabulary(path), _split_then_bytes(QWEN_2), normalizers.NFC())


def qwen_35(path: Path) -> Tokenizer:
    """Qwen 3.5: marks belong to words."""
    return _byte_level(GgufVocabulary(path), _split_then_bytes(QWEN_35), normalizers.NFC())


def starcoder(path: Path) -> Tokenizer:
    """StarCoder, SmolLM2: single digits, then GPT-2's pattern."""
    return _byte_level(GgufVocabulary(path), _digits_then_bytes())


def command_r(path: Path) -> Tokenizer:
    """Command-R: as StarCoder, after NFC."""
    return _byte_level(GgufVocabulary(path), _digits_then_bytes(), normalizers.NFC())


def falcon(path: Path) -> Tokenizer:
    """Falcon: punctuation, GPT-2's pattern, digits, and those by threes."""
    steps = [
        pre_tokenizers.Punctuation(behavior="contiguous"),
        _plain_bytes(),
        pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.Split(Regex("[0-9][0-9][0-9]"), behavior="isolated"),
    ]
    return _byte_level(GgufVocabulary(path), pre_tokenizers.Sequence(steps))


def gpt_neox(path: Path) -> Tokenizer:
    """GPT-NeoX and MPT: GPT-2's pattern after NFC, and added tokens of blanks."""
    return _byte_level(GgufVocabulary(path), _plain_bytes(), normalizers.NFC())


def gemma_3(path: Path) -> Tokenizer:
    """Gemma: blanks become U+2581, no prefix, merges by the order of ids, bytes."""
    vocabulary = GgufVocabulary(path)
    ids = {token: n for n, token in enumerate(vocabulary.tokens)}
    merges = vocabulary.merges
    if not merges:
        scores = {
            token: -score
            for token, score, kind in zip(
                vocabulary.tokens, vocabulary.scores, vocabulary.types, strict=True
            )
            if kind == 1
        }
        merges = merges_of(scores)
    model = BPE(ids, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    tokenizer.add_tokens(vocabulary.added())
    return tokenizer


def xlm_roberta(path: Path) -> Tokenizer:
    """XLM-RoBERTa: unigram, a compiled normalization, words by blanks."""
    vocabulary = GgufVocabulary(path)
    pieces = list(zip(vocabulary.tokens, vocabulary.scores, strict=True))
    tokenizer = Tokenizer(Unigram(pieces, unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Precompiled(vocabulary.charsmap)
    steps = [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    specials = [t for t in vocabulary.added() if t.content.startswith("<")]
    tokenizer.add_tokens(specials)
    return tokenizer


def t5_layout(path: Path) -> Tokenizer:
    """The same vocabulary in T5's layout: runs of blanks are one, none is split off."""
    tokenizer = xlm_roberta(path)
    steps = [tokenizer.normalizer, normalizers.Strip(left=False, right=True)]
    tokenizer.normalizer = normalizers.Sequence(
        [*steps, normalizers.Replace(Regex(" {2,}"), "▁")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


def _read_sentencepiece(path: Path):
    from sentencepiece import sentencepiece_model_pb2

    model = sentencepiece_model_pb2.ModelProto()
    model.ParseFromString(path.read_bytes())
    return model


def _sentencepiece_bpe(path: Path) -> Tokenizer:
    model = _read_sentencepiece(path)
    ids = {piece.piece: n for n, piece in enumerate(model.pieces)}
    scores = {piece.piece: -piece.score for piece in model.pieces if piece.type == 1}
    bpe = BPE(ids, merges_of(scores), unk_token="<unk>", fuse_unk=True, byte_fallback=True)
    tokenizer = Tokenizer(bpe)
    added = [p.piece for p in model.pieces if p.type in (2, 3)]
    tokenizer.add_tokens([AddedToken(p, special=True, normalized=False) for p in added])
    user = [p.piece for p in model.pieces if p.type == 4]
    tokenizer.add_tokens([AddedToken(p, special=False, normalized=False) for p in user])
    return tokenizer


def llama_2(path: Path) -> Tokenizer:
    """Llama 2 and Mistral as first published: a blank put before every stretch of text."""
    tokenizer = _sentencepiece_bpe(path)
    steps = [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(steps)
    return tokenizer


def llama_2_metaspace(path: Path) -> Tokenizer:
    """The same as published later: the blank only at the beginning of the text."""
    tokenizer = _sentencepiece_bpe(path)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False)
    return tokenizer


def jurassic_2(path: Path) -> Tokenizer:
    """Jurassic-2: unigram with byte fallback and a compiled normalization, no prefix."""
    model = _read_sentencepiece(path)
    pieces = [(piece.piece, piece.score) for piece in model.pieces]
    unigram = Unigram(pieces, unk_id=model.trainer_spec.unk_id, byte_fallback=True)
    tokenizer = Tokenizer(unigram)
    charsmap = normalizers.Precompiled(model.normalizer_spec.precompiled_charsmap)
    tokenizer.normalizer = normalizers.Sequence([charsmap, normalizers.Replace(" ", "▁")])
    added = [
        AddedToken(p.piece, special=True, normalized=False) for p in model.pieces if p.type == 3
    ]
    tokenizer.add_tokens(added)
    return tokenizer


def _tiktoken(
    ranks: dict[bytes, int],
    pattern: str,
    specials: Iterable[str],
    first: int = 0,
    normalizer: normalizers.Normalizer | None = None,
) -> Tokenizer:
    rank = {_spelled(token): n for token, n in ranks.items()}
    merges = merges_of(rank)
    ids = {token: n + first for token, n in rank.items()}
    for n, special in enumerate(specials):
        ids[special] = n if first else len(ids)
    tokenizer = Tokenizer(BPE(ids, merges, ignore_merges=True))
    tokenizer.pre_tokenizer = _split_then_bytes(pattern)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.add_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    return tokenizer


def tekken(path: Path) -> Tokenizer:
    """Mistral's tekken, as transformers exports it."""
    ranks, pattern, specials = read_tekken(path)
    return _tiktoken(ranks, pattern, specials, first=len(specials))


def cl100k(path: Path) -> Tokenizer:
    """GPT-4."""
    return _tiktoken(read_tiktoken(path), GPT_4, ["<|endoftext|>", "<|endofprompt|>"])


def o200k(path: Path) -> Tokenizer:
    """GPT-4o."""
    return _tiktoken(read_tiktoken(path), GPT_4O, ["<|endoftext|>", "<|endofprompt|>"])


def qwen_36(path: Path) -> Tokenizer:
    """Qwen 3.6."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return _tiktoken(read_tiktoken(path), QWEN_35, specials, normalizer=normalizers.NFC())


def converted(path: Path, layout: Callable[[Path], Tokenizer]) -> Path:
    """Return `path` as a tokenizer.json in the given layout, made once."""
    target = CACHE / "converted" / f"{path.name}.{layout.__name__}.json"
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = target.with_suffix(".tmp")
        layout(path).save(str(scratch), pretty=False)
        scratch.replace(target)
    return target
