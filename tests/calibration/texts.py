"""The texts under the null hypothesis: written by people, before any of the keys was drawn.

English and German are the human texts beside the checkout (`../shared/data`, or
`$GREENPRINT_SHARED/data`). Source code is a part of Python's standard library, so that
much is always there. Made-up documents need
nothing at all: Zipf's law, and passages copied around.

The p-values do not ask for language, only for token ids that no key had a say in; the ids
come from the tokenizer of the demo model.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("GREENPRINT_SHARED", ROOT.parent / "shared"))
DATA = SHARED / "data"
VOCABULARY = 49_152  # of the made-up documents: that of the demo model
LIBRARY_BYTES = 900_000  # of the standard library's modules, about
SENTENCES = 20  # of the parallel corpus in one document


@dataclass(frozen=True)
class Text:
    """A kind of text: a name, a sentence on what it is, and its documents as token ids."""

    name: str
    about: str
    documents: list[np.ndarray]

    def head(self, tokens: int) -> Text:
        """Return the first documents, so many that they hold at least `tokens` tokens."""
        enough = np.searchsorted(np.cumsum([len(d) for d in self.documents]), tokens) + 1
        return Text(self.name, self.about, self.documents[:enough])

    @property
    def tokens(self) -> int:
        """Token ids in all documents."""
        return sum(map(len, self.documents))

    def digest(self) -> str:
        """Return the SHA-256 of the documents: the length and the ids of each, as le32."""
        digest = hashlib.sha256()
        for document in self.documents:
            digest.update(len(document).to_bytes(4, "little"))
            digest.update(document.astype("<u4").tobytes())
        return digest.hexdigest()

    def cut(self, length: int) -> np.ndarray:
        """Return the text as rows of `length` tokens; short documents are joined."""
        ids = np.concatenate(self.documents)
        rows = len(ids) // length
        return ids[: rows * length].reshape(rows, length)


def tokenize(texts: Sequence[str]) -> list[np.ndarray]:
    """Return the token ids of each text by the demo model's tokenizer."""
    sys.path.insert(0, str(ROOT / "scripts"))
    import smollm2

    tokenizer = smollm2.load_tokenizer()
    ids = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    return [np.asarray(document, np.uint32) for document in ids]


def read_fields(path: Path, field: str) -> list[str]:
    """Return a field of each line of a JSON Lines file."""
    return [json.loads(line)[field] for line in path.read_text("utf-8").splitlines()]


def join_sentences(sentences: Sequence[str]) -> list[str]:
    """Return documents of so many sentences, one a line."""
    starts = range(0, len(sentences), SENTENCES)
    return ["\n".join(sentences[start : start + SENTENCES]) for start in starts]


def from_file(path: Path) -> Text:
    """Return the text of a JSON Lines file with a field `text`."""
    return Text(
        path.stem, f"the field `text` of {path.name}", tokenize(read_fields(path, "text"))
    )


def human_texts(folder: Path) -> list[Text]:
    """Return English and German, as far as their files are there; says what is not."""
    news, parallel = folder / "news-en.jsonl", folder / "parallel-de-en.jsonl"
    missing = [path for path in (news, parallel) if not path.is_file()]
    for path in missing:
        print(f"SKIPPED: human text: {path} does not exist")
    if missing:
        return []
    articles = read_fields(news, "text")
    english = join_sentences(read_fields(parallel, "en"))
    german = join_sentences(read_fields(parallel, "de"))
    return [
        Text(
            "English",
            f"{len(articles)} news articles ({news.name}) and the English sentences of "
            f"{parallel.name}, {SENTENCES} a document",
            tokenize(articles + english),
        ),
        Text(
            "German",
            f"the German sentences of {parallel.name}, {SENTENCES} a document",
            tokenize(german),
        ),
    ]


def source_code() -> Text:
    """Return modules of Python's standard library up to a size, the same for every checkout."""
    library = []
    size = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        if size < LIBRARY_BYTES:
            library.append(path)
            size += path.stat().st_size
    about = (
        f"modules of the standard library of Python {platform.python_version()}, "
        f"`{library[0].name}` to `{library[-1].name}` ({len(library)} files)"
    )
    return Text("source code", about, tokenize([p.read_text("utf-8") for p in library]))


def made_up(seed: int) -> Text:
    """Make up 200 documents of about 700 tokens: Zipf's law, and passages copied around."""
    rng = np.random.default_rng(seed)
    share = np.cumsum(1 / np.arange(1, VOCABULARY + 1))
    ids = rng.permutation(VOCABULARY).astype(np.uint32)
    documents: list[np.ndarray] = []
    for _ in range(200):
        uniform = rng.random(rng.integers(400, 1001)) * share[-1]
        document = ids[np.searchsorted(share, uniform, side="right")]
        documents.append(document)
        for _ in range(3):  # from an earlier document, or from itself
            source = documents[rng.integers(len(documents))]
            size = int(rng.integers(10, 61))
            start, end = rng.integers(len(source) - size), rng.integers(len(document) - size)
            document[end : end + size] = source[start : start + size].copy()
    return Text("made-up documents", "Zipf's law, passages copied around", documents)
