"""Keyed watermarks for language models, with exact evidence.

A `Watermark` made from a `Key` biases logits before sampling, in NumPy arrays and torch
tensors, in place. A `Verifier` made from the same key counts green tokens in token ids
and gives the exact p-value. `greenprint.transformers` plugs into ``generate()``.

    >>> import numpy as np
    >>> import greenprint
    >>> key = greenprint.Key.generate()
    >>> watermark = greenprint.Watermark(key, delta=2.0)
    >>> logits = np.zeros(32000, np.float32)
    >>> watermark.bias(logits, [1, 15043, 29892])
    >>> bool(np.isclose((logits > 0).mean(), 0.25, atol=0.02))
    True

Everything is said in terms of token ids; a `Tokenizer` makes them from text.
"""

from greenprint import _library
from greenprint._auditing import Audit, AuditCounts, AuditResult, AuditTest, control_key, holm
from greenprint._contexts import Contexts, ContextsBuilder, ContextsInfo
from greenprint._documents import read_documents
from greenprint._embedding import Session, ThreadPool, Watermark
from greenprint._errors import (
    ArgumentError,
    CryptoError,
    FileError,
    FormatError,
    GreenprintError,
    KeyExistsError,
    MissingFileError,
    OutOfMemoryError,
    PassphraseError,
    VersionError,
)
from greenprint._keys import Key, KeyInfo, PublicKey, inspect
from greenprint._params import Params
from greenprint._proofs import ProofInfo, check, inspect_proof, prove
from greenprint._statistics import (
    Plan,
    Segment,
    benjamini_hochberg,
    locate,
    log10_e_value,
    plan_green_rate,
    plan_tokens,
)
from greenprint._text import Tokenizer
from greenprint._verifying import Result, Verifier, log10_binomial_tail, z_score
from greenprint._weighing import Expectations, ExpectationsInfo, Weigher, WeightedResult

__version__: str = _library.PACKAGE_VERSION


def library_version() -> str:
    """Return the version of the C library that is loaded, ``"MAJOR.MINOR.PATCH"``."""
    return _library.LIBRARY_VERSION


__all__ = [
    "ArgumentError",
    "Audit",
    "AuditCounts",
    "AuditResult",
    "AuditTest",
    "Contexts",
    "ContextsBuilder",
    "ContextsInfo",
    "CryptoError",
    "Expectations",
    "ExpectationsInfo",
    "FileError",
    "FormatError",
    "GreenprintError",
    "Key",
    "KeyExistsError",
    "KeyInfo",
    "MissingFileError",
    "OutOfMemoryError",
    "Params",
    "PassphraseError",
    "Plan",
    "ProofInfo",
    "PublicKey",
    "Result",
    "Segment",
    "Session",
    "ThreadPool",
    "Tokenizer",
    "Verifier",
    "VersionError",
    "Watermark",
    "Weigher",
    "WeightedResult",
    "__version__",
    "benjamini_hochberg",
    "check",
    "control_key",
    "holm",
    "inspect",
    "inspect_proof",
    "library_version",
    "locate",
    "log10_binomial_tail",
    "log10_e_value",
    "plan_green_rate",
    "plan_tokens",
    "prove",
    "read_documents",
    "z_score",
]
