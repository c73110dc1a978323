"""Whole proofs, proofs.json: what SPEC.md, section 19, makes of texts."""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Sequence
from typing import Any

import greenprint_reference as gp
import provable_reference as pr
import voprf
from provable_vectors import SEQUENTIAL_MASTER, key_fields, master, scalar, tenant_field

Vectors = dict[str, Any]
Context = tuple[int, ...]

BATCH = 32768
HEADER = 168
SMALLEST_SAMPLE = 1024


def contexts_of(key: gp.Key, documents: Sequence[Sequence[int]]) -> list[Context]:
    """Return the contexts of all scored positions, each once, as they first occur."""
    found = {}
    for document in documents:
        for position in range(len(document)):
            context = key.context(document[:position])
            if context is not None:
                found[context] = None
    return list(found)


def digest_of(documents: Sequence[Sequence[int]]) -> bytes:
    """Return the digest of a text."""
    encoded = b"".join(struct.pack(f"<Q{len(ids)}I", len(ids), *ids) for ids in documents)
    return hashlib.sha256(encoded).digest()


def sample_of(contexts: list[Context], text: bytes, size: int) -> list[Context]:
    """Return the contexts with the smallest lots, in the order of the text."""

    def lot(number: int) -> tuple[int, int]:
        digest = hashlib.sha256(text + pr.PublicKey.input(contexts[number])).digest()
        return int.from_bytes(digest[:8], "little"), number

    return [contexts[i] for i in sorted(sorted(range(len(contexts)), key=lot)[:size])]


def sizes_of(contexts: int) -> int:
    """Return how many sizes a proof could have: all, and powers of two below that."""
    sizes, size = 1, SMALLEST_SAMPLE
    while size < contexts:
        sizes, size = sizes + 1, 2 * size
    return sizes


def write_proof(
    key: pr.ProvableKey,
    documents: Sequence[Sequence[int]],
    tenant: int | None,
    *,
    sample: int | None = None,
    tokenizer: bytes = bytes(32),
    r: int = 12345,
    blind: int | None = None,
) -> bytes:
    """Return a proof file: the owner's own, or one that was evaluated under this blind."""
    text = digest_of(documents)
    contexts = contexts_of(key, documents)
    proved = contexts if sample is None else sample_of(contexts, text, sample)
    counts = (len(documents), sum(map(len, documents)), len(contexts), len(proved))
    data = (
        b"\x89GPPRF\r\n"
        + bytes([2, (tenant is not None) + 2 * (blind is not None), 0, 0])
        + pr.SCHEME.ljust(16, b"\0")
        + key.params.encode()
        + key.public.encode()
        + struct.pack("<Q", tenant or 0)
        + text
        + tokenizer
        + struct.pack("<4Q", *counts)
    )
    for first in range(0, len(proved), BATCH):
        batch = proved[first : first + BATCH]
        pairs = [(key.element(c, tenant), key.evaluated(c, tenant)) for c in batch]
        data += b"".join(evaluated.encode() for _, evaluated in pairs)
        m, z = pr.SUITE.fold(data[:HEADER], pairs)
        if blind is not None:
            m, z = pr.fold_answer(key, [(blind * m, blind * z)])
            data += voprf.encode_scalar(blind)
        data += pr.SUITE.generate_proof(key.secret, key.public, [(m, z)], r)
    return data + hashlib.sha256(data).digest()


def blind_field(blind: int) -> str:
    """Return a blind as it stands in a file."""
    return voprf.encode_scalar(blind).hex()


def case(
    key: pr.ProvableKey,
    documents: list[list[int]],
    tenant: int | None = None,
    *,
    sample: int | None = None,
    tokenizer: bytes = bytes(32),
    blindly: bool = False,
) -> Vectors:
    """Make one case."""
    contexts = contexts_of(key, documents)
    text = digest_of(documents)
    proved = contexts if sample is None else sample_of(contexts, text, sample)
    kept = set(proved)
    coins: dict[tuple[Context, int], None] = {}
    positions = 0
    for document in documents:
        for position, token in enumerate(document):
            context = key.context(document[:position])
            if context is not None and context in kept:
                coins[context, token] = None
                positions += 1
    green = sum(key.is_green(key.nonce(c, tenant), v) for c, v in coins)
    blind = scalar("proof blind", len(contexts)) if blindly else None
    r = scalar("proof file" if blind is None else "blind proof file", len(contexts))
    return (
        key_fields(key)
        | ({} if blind is None else {"blind": blind_field(blind)})
        | {
            "tenant": tenant_field(tenant),
            "texts": documents,
            "tokenizer_sha256": tokenizer.hex() if any(tokenizer) else None,
            "text_sha256": text.hex(),
            "contexts": len(contexts),
            "proved": len(proved),
            "sizes": 1 if sample is None else sizes_of(len(contexts)),
            "scored": len(coins),
            "repeated": positions - len(coins),
            "green": green,
            "file": write_proof(
                key, documents, tenant, sample=sample, tokenizer=tokenizer, r=r, blind=blind
            ).hex(),
        }
    )


def proofs() -> Vectors:
    """Make proofs.json."""
    draw = random.Random(19)
    short = [[draw.randrange(9) for _ in range(n)] for n in (30, 0, 1, 12)]
    long = [[draw.randrange(60) for _ in range(700)] for _ in range(2)]
    hash_1 = pr.ProvableKey(SEQUENTIAL_MASTER, gp.Params("hash", 1, 1, 2))
    hash_2 = pr.ProvableKey(master(80), gp.Params("hash", 2, 1, 2))
    tokenizer = hashlib.sha256(b"a tokenizer").digest()
    cases = [
        case(hash_1, short),
        case(hash_1, short, 0),
        case(hash_2, short, 2**64 - 1, tokenizer=tokenizer),
        case(pr.ProvableKey(master(81), gp.Params("min", 4, 3, 3)), short),
        case(pr.ProvableKey(master(82), gp.Params("fixed", 0, 1, 1)), short, 7),
        case(hash_1, [[], [5]]),
        case(hash_2, long, sample=SMALLEST_SAMPLE),
        case(hash_1, short, blindly=True),
        case(hash_2, short, 2**64 - 1, tokenizer=tokenizer, blindly=True),
        case(pr.ProvableKey(master(81), gp.Params("min", 4, 3, 3)), short, blindly=True),
        case(pr.ProvableKey(master(82), gp.Params("fixed", 0, 1, 1)), short, 7, blindly=True),
        case(hash_1, [[], [5]], blindly=True),
        case(hash_2, long, sample=SMALLEST_SAMPLE, blindly=True),
    ]
    how = (
        "Made by testvectors/reference/generate.py (proof_vectors.py) from SPEC.md, section 19. "
        "Byte strings are written in hexadecimal; tenant ids are decimal strings, and null is no "
        "tenant. 'master_key' is M; 'seeding', 'h', 'g', 'k' are the parameters of section 2. "
        "'texts' are documents of token ids, 'tokenizer_sha256' is what the header says of a "
        "tokenizer, null for none; 'text_sha256' is the digest of the text, 'contexts' their "
        "number, and 'proved' of how many 'file' is a whole proof: of all, or of a sample. "
        "'sizes' is what a p-value is multiplied by. 'scored', 'repeated' and 'green' are the "
        "counts of the positions whose contexts are proved. A case with 'blind' is a proof that "
        "was evaluated blindly, its batch under that scalar. The random scalars and the blinds "
        "are SHA-512 of an ASCII string, reduced; another prover writes other proofs, that hold "
        "as well."
    )
    return {"how": how, "proofs": cases}
