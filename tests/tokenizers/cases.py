"""Which tokenizers are held against which reference."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sources
import vocabularies
from llama_cpp import LlamaCpp

Encode = Callable[[bytes], list[int]]


def library(path: Path) -> Encode:
    """Return the ``tokenizers`` library's reading of a tokenizer.json."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))

    def encode(text: bytes) -> list[int]:
        decoded = text.decode("utf-8", "replace")
        return tokenizer.encode(decoded, add_special_tokens=False).ids

    return encode


def runtime(path: Path) -> Encode:
    """Return llama.cpp's reading of a GGUF file."""
    model = LlamaCpp(sources.llama_cpp_library(), path)
    return lambda text: model.encode(text.decode("utf-8", "replace").encode())


# Characters that came with Unicode 16, which llama.cpp takes for unassigned ones: SPEC.md
# section 13 says that they are letters and digits here, as in the models' own tokenizers.
_UNICODE_16 = (
    "\u0897\u1c89\u1c8a\u2427-\u2429\u31e4\u31e5\ua7cb-\ua7cd\ua7da-\ua7dc"
    "\U000105c0-\U000105ff\U00010d40-\U00010d8f\U00010ec2-\U00010ec4\U00010efc"
    "\U00011380-\U000113ff\U000116d0-\U000116e3\U00011bc0-\U00011bff\U00011f5a"
    "\U00013460-\U000143ff\U00016100-\U0001613f\U00016d40-\U00016d7f\U00018cff"
    "\U0001cc00-\U0001cebf\U0001e5d0-\U0001e5ff\U0001f8b2-\U0001f8c1\U0001fa89-\U0001faff"
    "\U0001fbcb-\U0001fbef"
)
_LATE = re.compile(f"[{_UNICODE_16}]")


@dataclass(frozen=True)
class Case:
    """A tokenizer: how to get its file, and whose ids are right."""

    name: str
    kind: str
    fetch: Callable[[], Path]
    reference: Callable[[Path], Encode]
    quick: bool = True  # cheap enough to fetch for every run of the tests

    @functools.cached_property
    def path(self) -> Path:
        """The file that both sides read."""
        return self.fetch()

    @property
    def family(self) -> str:
        """``"json"`` or ``"gguf"``."""
        return "gguf" if self.kind == "GGUF" else "json"

    def admits(self, text: bytes) -> bool:
        """Whether the reference is right about a text."""
        return self.family == "json" or not _LATE.search(text.decode("utf-8", "replace"))

    @functools.cached_property
    def specials(self) -> list[str]:
        """Strings of the tokenizer's added tokens."""
        if self.path.suffix == ".gguf":
            vocabulary = vocabularies.GgufVocabulary(self.path)
            pairs = zip(vocabulary.tokens, vocabulary.types, strict=True)
            return [token for token, kind in pairs if kind in (2, 3, 4) and token]
        data = json.loads(self.path.read_text(encoding="utf-8"))
        return [token["content"] for token in data["added_tokens"]]


def _published(name: str, file: sources.File) -> Case:
    return Case(name, "tokenizer.json as published", file.path, library)


def _made(
    name: str, file: sources.File | str, layout: Callable, kind: str, quick: bool = True
) -> Case:
    def fetch() -> Path:
        path = sources.llama_cpp_gguf(file) if isinstance(file, str) else file.path()
        return vocabularies.converted(path, layout)

    return Case(name, kind, fetch, library, quick)


def _gguf(name: str, quick: bool = True) -> Case:
    return Case(f"{name}.gguf", "GGUF", lambda: sources.llama_cpp_gguf(name), runtime, quick)


BYTES = "tokenizer.json, byte-level BPE"
SPM = "tokenizer.json, SentencePiece BPE"
UNIGRAM = "tokenizer.json, unigram"

CASES = (
    _published("claude-2", sources.CLAUDE_JSON),
    _published("deepseek-v4", sources.DEEPSEEK_JSON),
    _made("gpt-2", "gpt-2", vocabularies.gpt_2, BYTES),
    _made("llama-3", "llama-bpe", vocabularies.llama_3, BYTES),
    _made("qwen2", "qwen2", vocabularies.qwen_2, BYTES),
    _made("qwen3.5", "qwen35", vocabularies.qwen_35, BYTES, quick=False),
    _made("qwen3.6", sources.QWEN_36, vocabularies.qwen_36, BYTES),
    _made("starcoder", "starcoder", vocabularies.starcoder, BYTES),
    _made("falcon", "falcon", vocabularies.falcon, BYTES),
    _made("command-r", "command-r", vocabularies.command_r, BYTES, quick=False),
    _made("mpt", "mpt", vocabularies.gpt_neox, BYTES, quick=False),
    _made("tekken", sources.TEKKEN, vocabularies.tekken, BYTES),
    _made("cl100k", sources.CL100K, vocabularies.cl100k, BYTES, quick=False),
    _made("o200k", sources.O200K, vocabularies.o200k, BYTES, quick=False),
    _made("mistral-v1", sources.MISTRAL_V1, vocabularies.llama_2, SPM),
    _made("mistral-v3", sources.MISTRAL_V3, vocabularies.llama_2_metaspace, SPM),
    _made("gemma-4", "gemma-4", vocabularies.gemma_3, SPM, quick=False),
    _made("gemma-3", sources.GEMMA_3_GGUF, vocabularies.gemma_3, SPM, quick=False),
    _made("xlm-roberta", "nomic-bert-moe", vocabularies.xlm_roberta, UNIGRAM),
    _made("xlm-roberta as t5", "nomic-bert-moe", vocabularies.t5_layout, UNIGRAM, quick=False),
    _made("jurassic-2", sources.J2_MODEL, vocabularies.jurassic_2, UNIGRAM),
    Case("smollm2.gguf", "GGUF", sources.smollm2_gguf, runtime),
    Case("gemma-3.gguf", "GGUF", sources.GEMMA_3_GGUF.path, runtime, quick=False),
    _gguf("gpt-2"),
    _gguf("llama-bpe"),
    _gguf("llama-spm"),
    _gguf("phi-3"),
    _gguf("qwen2"),
    _gguf("qwen35", quick=False),
    _gguf("deepseek-llm"),
    _gguf("deepseek-coder", quick=False),
    _gguf("falcon"),
    _gguf("starcoder"),
    _gguf("refact", quick=False),
    _gguf("command-r", quick=False),
    _gguf("mpt", quick=False),
    _gguf("gemma-4"),
    _gguf("baichuan", quick=False),
    _gguf("nomic-bert-moe"),
)
