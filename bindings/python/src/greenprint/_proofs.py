"""Proofs: what a provable key makes of a text, shown to whoever lacks it."""

from __future__ import annotations

import ctypes
import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from greenprint import _library as c
from greenprint._arrays import all_ids
from greenprint._embedding import ThreadPool, check_key
from greenprint._errors import ArgumentError
from greenprint._keys import Key, PublicKey
from greenprint._params import whole_number
from greenprint._text import Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenprint._arrays import Tokens

Path = str | os.PathLike[str]


@dataclass(frozen=True)
class ProofInfo:
    """What a proof says of itself (SPEC.md section 19).

    Attributes
    ----------
    public_key : PublicKey
        Of the key that was proved with.
    tenant : int or None
        Whose mark it is about.
    text_sha256 : str
        The digest of the documents, in hexadecimal.
    tokenizer_sha256 : str or None
        That of the tokenizer's file; None without one.
    documents : int
        Documents in the text.
    tokens : int
        Token ids in them.
    contexts : int
        Distinct contexts in them.
    proved : int
        How many of these are proved; fewer than all are a sample.
    sizes : int
        By how much a p-value is to be multiplied for the choice of the sample's size; 1 where
        all contexts are proved.
    blind : bool
        Whether it was evaluated by an owner who did not see the text
        (`greenprint.blind.prove`).
    file_size : int
        Bytes of the proof.
    file_sha256 : str
        Its digest, in hexadecimal.
    """

    public_key: PublicKey
    tenant: int | None
    text_sha256: str
    tokenizer_sha256: str | None
    documents: int
    tokens: int
    contexts: int
    proved: int
    sizes: int
    blind: bool
    file_size: int
    file_sha256: str

    @classmethod
    def _from_c(cls, info: c.ProofInfo) -> ProofInfo:
        tokenizer = bytes(info.tokenizer_sha256)
        return cls(
            public_key=PublicKey._from_c(info.public_key),
            tenant=info.tenant if info.has_tenant else None,
            text_sha256=bytes(info.text_sha256).hex(),
            tokenizer_sha256=tokenizer.hex() if any(tokenizer) else None,
            documents=info.documents,
            tokens=info.tokens,
            contexts=info.contexts,
            proved=info.proved,
            sizes=info.sizes,
            blind=info.blind,
            file_size=info.file_size,
            file_sha256=bytes(info.file_sha256).hex(),
        )


class _Text:
    """Owns a ``gp_proof_text``."""

    def __init__(self, public_key: c.PublicKey, documents: Iterable[Tokens]) -> None:
        handle = ctypes.c_void_p()
        c.call(c.lib.gp_proof_text_new, ctypes.byref(public_key), ctypes.byref(handle))
        assert handle.value is not None
        self.pointer: int = handle.value
        weakref.finalize(self, c.lib.gp_proof_text_free, handle.value).atexit = False
        for document in documents:
            ids = all_ids(document)
            c.call(c.lib.gp_proof_text_add, self.pointer, ids.ctypes.data, ids.size)


def _options(
    tokenizer: Tokenizer | None, threads: ThreadPool | None
) -> tuple[c.ProofOptions, object]:
    """Make what both sides give, and what has to outlive it."""
    if tokenizer is not None and not isinstance(tokenizer, Tokenizer):
        raise ArgumentError(f"tokenizer must be a Tokenizer, not {type(tokenizer).__name__}")
    if threads is not None and not isinstance(threads, ThreadPool):
        raise ArgumentError(f"threads must be a ThreadPool, not {type(threads).__name__}")
    digest = None
    if tokenizer is not None:
        digest = (ctypes.c_uint8 * 32).from_buffer_copy(bytes.fromhex(tokenizer.sha256))
    options = c.ProofOptions(
        tokenizer_sha256=None if digest is None else ctypes.addressof(digest),
        threads=None if threads is None else threads._pointer,
    )
    return options, digest


def _proving(
    tokenizer: Tokenizer | None,
    threads: ThreadPool | None,
    tenant: int | None,
    sample: int | None,
) -> tuple[c.ProofOptions, object]:
    """Make what a prover gives."""
    options, kept = _options(tokenizer, threads)
    options.has_tenant = tenant is not None
    options.tenant = 0 if tenant is None else whole_number(tenant, "tenant", 64)
    options.sample = 0 if sample is None else whole_number(sample, "sample", 64)
    if sample == 0:
        raise ArgumentError("sample must be a power of two from 1024 on, or None, not 0")
    return options, kept


def prove(
    key: Key,
    documents: Iterable[Tokens],
    path: Path,
    *,
    tenant: int | None = None,
    sample: int | None = None,
    tokenizer: Tokenizer | None = None,
    threads: ThreadPool | None = None,
) -> ProofInfo:
    """Write a proof of what a provable key makes of a text.

    Whoever has the text and the public key comes by it to the result that a `Verifier` with the
    key gives, and needs no secret: see `check`. The proof tells the green lists of the contexts
    in this text, and nothing else about the key. Takes some 0.3 ms a context.

    Parameters
    ----------
    key : Key
        A provable one.
    documents : iterable of sequences, arrays or tensors of int
        The token ids of each document. Their order counts.
    path : str or os.PathLike
        The proof to write, 32 bytes a context; an existing file is never replaced.
    tenant : int, optional
        Whose mark is to be proved. None, which is not tenant 0, for no tenant.
    sample : int, optional
        Prove so many contexts, a power of two from 1024 on, which a hash of the text chooses;
        to be chosen before looking. None: all of them.
    tokenizer : Tokenizer, optional
        What made the ids, of which the proof then holds the digest.
    threads : ThreadPool, optional
        Threads to share the work among.

    Returns
    -------
    ProofInfo
        What the proof says.

    Raises
    ------
    ArgumentError
        Where the key is not provable, or an argument is refused.
    KeyExistsError, FileError
        Where the file exists, or cannot be written.

    Examples
    --------
    >>> key = greenprint.Key.generate(provable=True)
    >>> info = greenprint.prove(key, [range(100)], "x.proof")  # doctest: +SKIP
    >>> info, scoring = greenprint.check("x.proof", key.public, [range(100)])  # doctest: +SKIP
    >>> verifier = greenprint.Verifier(scoring, info.tenant)  # doctest: +SKIP
    """
    public_key = c.PublicKey()
    c.call(c.lib.gp_key_public, check_key(key)._open, ctypes.byref(public_key))
    options, kept = _proving(tokenizer, threads, tenant, sample)
    name = c.encode(path, "path")
    text = _Text(public_key, documents)
    info = c.ProofInfo()
    c.call(
        c.lib.gp_prove,
        key._open,
        text.pointer,
        ctypes.byref(options),
        name,
        ctypes.byref(info),
        path=name,
    )
    del kept
    return ProofInfo._from_c(info)


def check(
    path: Path,
    public_key: PublicKey,
    documents: Iterable[Tokens],
    *,
    tokenizer: Tokenizer | None = None,
    threads: ThreadPool | None = None,
) -> tuple[ProofInfo, Key]:
    """Check a proof, with no secret.

    That it is of this key, of this text and no other, and that all that it says is what the key
    makes of the text.

    Parameters
    ----------
    path : str or os.PathLike
        The proof.
    public_key : PublicKey
        The key's, from its owner.
    documents : iterable of sequences, arrays or tensors of int
        As they were proved, in their order.
    tokenizer : Tokenizer, optional
        What made the ids, if it was given to `prove`.
    threads : ThreadPool, optional
        Threads to share the work among.

    Returns
    -------
    info : ProofInfo
        What was proved.
    key : Key
        A key without a secret, which scores this very text for ``info.tenant`` and knows no
        other context: of another text a `Verifier` with it refuses to count. Of a sample it
        counts the positions that are in it; the p-value is to be multiplied by ``info.sizes``.

    Raises
    ------
    FormatError
        Where the proof does not hold, is damaged or is of another text, key or tokenizer; the
        message says which.
    ArgumentError, FileError, VersionError
        Where an argument is refused, the file cannot be read, or is of another version.
    """
    if not isinstance(public_key, PublicKey):
        raise ArgumentError(f"public_key must be a PublicKey, not {type(public_key).__name__}")
    options, kept = _options(tokenizer, threads)
    c_public = public_key._to_c()
    name = c.encode(path, "path")
    text = _Text(c_public, documents)
    info = c.ProofInfo()
    handle = ctypes.c_void_p()
    c.call(
        c.lib.gp_proof_check,
        name,
        ctypes.byref(c_public),
        text.pointer,
        ctypes.byref(options),
        ctypes.byref(info),
        ctypes.byref(handle),
        path=name,
    )
    del kept
    return ProofInfo._from_c(info), Key._own(handle)


def precompute(
    key: Key,
    vocabulary: int,
    path: Path,
    *,
    tenant: int | None = None,
    threads: ThreadPool | None = None,
) -> None:
    """Write the table of nonces that makes a provable key fast: see `Key.use_table`.

    Parameters
    ----------
    key : Key
        A provable one whose contexts are one token id: ``"hash"`` with a context width of 1, or
        ``"min"``; of ``"fixed"`` the table has the one nonce that there is.
    vocabulary : int
        Token ids below it, at most 2^24: some 100 microseconds each.
    path : str or os.PathLike
        Where to, 12 bytes an id, mode 0600, sealed under the key; an existing file is never
        replaced.
    tenant : int, optional
        Whose marks it is for. None, which is not tenant 0, for no tenant.
    threads : ThreadPool, optional
        Threads to share the work among.

    Raises
    ------
    ArgumentError
        Where there are no tables for such a key, or an argument is refused.
    KeyExistsError, FileError
        Where the file exists, or cannot be written.
    """
    if threads is not None and not isinstance(threads, ThreadPool):
        raise ArgumentError(f"threads must be a ThreadPool, not {type(threads).__name__}")
    options = c.NonceTableOptions(
        has_tenant=tenant is not None,
        tenant=0 if tenant is None else whole_number(tenant, "tenant", 64),
        threads=None if threads is None else threads._pointer,
    )
    name = c.encode(path, "path")
    c.call(
        c.lib.gp_nonce_table_make,
        check_key(key)._open,
        whole_number(vocabulary, "vocabulary", 64),
        ctypes.byref(options),
        name,
        None,
        path=name,
    )


def inspect_proof(path: Path) -> ProofInfo:
    """Read what a proof says of itself.

    Checks its form and its checksum, and nothing else: it says what the file claims, not more.

    Parameters
    ----------
    path : str or os.PathLike
        The proof.

    Returns
    -------
    ProofInfo
        What it claims.

    Raises
    ------
    FileError, FormatError, VersionError
        Where the file cannot be read, is damaged, or is of another version.
    """
    info = c.ProofInfo()
    name = c.encode(path, "path")
    c.call(c.lib.gp_proof_inspect, name, ctypes.byref(info), path=name)
    return ProofInfo._from_c(info)
