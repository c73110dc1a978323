"""The vectors of provable keys, provable.json: see generate.py and provable_reference.py."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import greenprint_reference as gp
import provable_reference as pr
import voprf
from self_test import NO_ELEMENTS, number
from statistics_vectors import decimal

Vectors = dict[str, Any]

SEQUENTIAL_MASTER = bytes(range(32))
TENANTS = [None, 0, 1, 2**63, 2**64 - 1]
EDGE_IDS = [0, 1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]


def master(i: int) -> bytes:
    """Derive a master key from its number."""
    return hashlib.sha256(f"greenprint test master key {i}".encode()).digest()


def scalar(label: str, i: int) -> int:
    """Derive a scalar from a label and an index."""
    digest = hashlib.sha512(f"greenprint test scalar {label} {i}".encode()).digest()
    return int.from_bytes(digest, "little") % voprf.ORDER


def key_fields(key: pr.ProvableKey) -> Vectors:
    """Give the fields that say which key a case uses."""
    p = key.params
    return {"master_key": key.master.hex(), "seeding": p.seeding, "h": p.h, "g": p.g, "k": p.k}


def tenant_field(tenant: int | None) -> str | None:
    """Give a tenant id as the files write it."""
    return None if tenant is None else str(tenant)


def keys() -> list[pr.ProvableKey]:
    """Choose the keys: all seeding schemes and k, the edges of h, and masters of all kinds."""
    hash_1 = gp.Params("hash", 1, 1, 2)
    chosen = [
        (SEQUENTIAL_MASTER, hash_1),
        (SEQUENTIAL_MASTER, gp.Params("hash", 1, 3, 2)),
        (bytes(32), hash_1),
        (b"\xff" * 32, hash_1),
        (master(60), gp.Params("hash", 2, 1, 2)),
        (master(61), gp.Params("hash", 4, 1, 1)),
        (master(62), gp.Params("hash", 16, 255, 8)),
        (master(63), gp.Params("min", 1, 1, 4)),
        (master(64), gp.Params("min", 2, 5, 5)),
        (master(65), gp.Params("min", 4, 1, 2)),
        (master(66), gp.Params("min", 16, 17, 6)),
        (master(67), gp.Params("fixed", 0, 1, 2)),
        (master(68), gp.Params("fixed", 0, 7, 3)),
        (master(69), gp.Params("hash", 2, 101, 7)),
    ]
    return [pr.ProvableKey(m, params) for m, params in chosen]


def key_case(key: pr.ProvableKey) -> Vectors:
    """Make one case of 'keys'."""
    return key_fields(key) | {
        "seed": key.seed.hex(),
        "sk": voprf.encode_scalar(key.secret).hex(),
        "pk": key.public.encode().hex(),
        "order": key.k_order.hex(),
        "mask": key.k_mask.hex(),
        "commitment": key.commitment.hex(),
        "key_id": key.key_id,
        "public_file": pr.write_public_file(key).hex(),
        "key_file": gp.write_key_file(key).hex(),
    }


def nonce_case(key: pr.ProvableKey, ids: Sequence[int], tenant: int | None) -> Vectors:
    """Make one case of 'nonces'."""
    context = key.context(ids)
    assert context is not None
    return key_fields(key) | {
        "tenant": tenant_field(tenant),
        "ids": list(ids),
        "context": list(context),
        "input": key.input(context, tenant).hex(),
        "element": key.element(context, tenant).encode().hex(),
        "evaluated": key.evaluated(context, tenant).encode().hex(),
        "nonce": key.nonce(context, tenant).hex(),
    }


def nonce_cases(key: pr.ProvableKey, index: int) -> list[Vectors]:
    """Make the cases of 'nonces' of one key."""
    h = key.params.h
    label = f"provable {index}"
    ordinary = [number(label, i) % 50257 for i in range(h + 3)]
    edges = [EDGE_IDS[number(label, 100 + i) % len(EDGE_IDS)] for i in range(h)]
    tenant = TENANTS[index % len(TENANTS)]
    return [
        nonce_case(key, ordinary, None),
        nonce_case(key, ordinary[-h:] if h else [], TENANTS[1 + index % 4]),
        nonce_case(key, edges, tenant if tenant is not None else 2**32),
        nonce_case(key, [2**32 - 1] * h, None),
    ]


def mask_case(key: pr.ProvableKey, tenant: int | None, index: int) -> Vectors:
    """Make one case of 'masks'."""
    ids = [number(f"provable mask {index}", i) % 50257 for i in range(key.params.h)]
    context = key.context(ids)
    assert context is not None
    nonce = key.nonce(context, tenant)
    tokens = [0, 1, 127, 128, 50256, 262143, 2**31, 2**32 - 1]
    return key_fields(key) | {
        "tenant": tenant_field(tenant),
        "ids": ids,
        "nonce": nonce.hex(),
        "mask_300": key.mask(nonce, 300).hex(),
        "sha256_50257": hashlib.sha256(key.mask(nonce, 50257)).hexdigest(),
        "tokens": tokens,
        "colours": [int(key.is_green(nonce, token)) for token in tokens],
    }


def marked_document(
    key: pr.ProvableKey, tenant: int | None, size: int, below: int, label: str
) -> list[int]:
    """Make a document each token of which, where it can, is a green one of three."""
    document: list[int] = []
    for i in range(size):
        candidates = [number(label, 3 * i + c) % below for c in range(3)]
        context = key.context(document)
        token = candidates[0]
        if context is not None:
            nonce = key.nonce(context, tenant)
            token = next((t for t in candidates if key.is_green(nonce, t)), token)
        document.append(token)
    return document


def verify_case(key: pr.ProvableKey, tenant: int | None, below: int, index: int) -> Vectors:
    """Make one case of 'verify': two documents that overlap, marked with the tenant."""
    marked = marked_document(key, tenant, 120, below, f"provable text {index}")
    documents = [marked[:80], [], marked[60:], [7]]
    c = gp.count(key, documents, tenant)
    other = gp.count(key, documents, 5)
    gamma = key.params.gamma
    return key_fields(key) | {
        "tenant": tenant_field(tenant),
        "texts": documents,
        "documents": c.documents,
        "tokens": c.tokens,
        "scored": c.scored,
        "repeated": c.repeated,
        "green": c.green,
        "green_for_tenant_5": other.green,
        "z": decimal(gp.z_score(c.scored, c.green, gamma)),
        "log10_p": decimal(gp.log10_p_value(c.scored, c.green, gamma)),
    }


Pairs = list[tuple[voprf.Element, voprf.Element]]


def hexed(elements: Sequence[voprf.Element]) -> list[str]:
    """Write elements."""
    return [element.encode().hex() for element in elements]


def batch(key: pr.ProvableKey, tenant: int | None, size: int) -> tuple[list[list[int]], Pairs]:
    """Choose contexts; give them with their elements and evaluated elements."""
    contexts: list[list[int]] = []
    while len(contexts) < size:
        ids = [number(f"proof {len(contexts)}", i) % 50257 for i in range(key.params.h)]
        context = key.context(ids)
        assert context is not None
        contexts.append(list(context))
    return contexts, [(key.element(c, tenant), key.evaluated(c, tenant)) for c in contexts]


def proof_case(key: pr.ProvableKey, tenant: int | None, size: int) -> Vectors:
    """Make one case of 'proofs'."""
    contexts, pairs = batch(key, tenant, size)
    r = scalar("proof", size)
    proof = pr.SUITE.generate_proof(key.secret, key.public, pairs, r)
    assert pr.SUITE.verify_proof(key.public, pairs, proof)
    return key_fields(key) | {
        "pk": key.public.encode().hex(),
        "tenant": tenant_field(tenant),
        "contexts": contexts,
        "elements": hexed([c for c, _ in pairs]),
        "evaluated": hexed([d for _, d in pairs]),
        "r": voprf.encode_scalar(r).hex(),
        "proof": proof.hex(),
    }


def refused_proofs(key: pr.ProvableKey, other: pr.ProvableKey) -> list[Vectors]:
    """Make 'refused': what is no proof of what it is given with."""
    _, pairs = batch(key, None, 3)
    proof = pr.SUITE.generate_proof(key.secret, key.public, pairs, scalar("refused", 0))
    c, s = (int.from_bytes(half, "little") for half in (proof[:32], proof[32:]))
    zero_r = pr.SUITE.generate_proof(other.secret, other.public, pairs, scalar("refused", 1))
    (c0, d0), (c1, d1), (c2, d2) = pairs
    negative = -1 * d0
    swapped = [(c0, d1), (c1, d0), (c2, d2)]
    scaled = [(c0, 2 * d0), (c1, d1), (c2, d2)]
    moved = [(c0, d0 + voprf.GENERATOR), (c1, d1 + -1 * voprf.GENERATOR), (c2, d2)]

    def scalars(a: int, b: int) -> bytes:
        return a.to_bytes(32, "little") + b.to_bytes(32, "little")

    cases: list[tuple[str, voprf.Element, Pairs, bytes]] = [
        ("lowest bit of c altered", key.public, pairs, scalars(c ^ 1, s)),
        ("lowest bit of s altered", key.public, pairs, scalars(c, s ^ 1)),
        ("c and s exchanged", key.public, pairs, scalars(s, c)),
        ("all zero", key.public, pairs, bytes(64)),
        ("c not reduced", key.public, pairs, scalars(c + voprf.ORDER, s)),
        ("s not reduced", key.public, pairs, scalars(c, s + voprf.ORDER)),
        ("proof by another key", key.public, pairs, zero_r),
        ("another public key", other.public, pairs, proof),
        ("public key negated", -1 * key.public, pairs, proof),
        ("two evaluated elements exchanged", key.public, swapped, proof),
        ("two pairs exchanged", key.public, [pairs[1], pairs[0], pairs[2]], proof),
        ("a pair left out", key.public, pairs[:2], proof),
        ("a pair twice", key.public, [*pairs, pairs[2]], proof),
        ("an evaluated element doubled", key.public, scaled, proof),
        ("an evaluated element negated", key.public, [(c0, negative), *pairs[1:]], proof),
        ("the sum of the evaluated elements kept", key.public, moved, proof),
        ("elements for evaluated elements", key.public, [(b, a) for a, b in pairs], proof),
    ]
    made = []
    for name, public, altered, data in cases:
        try:
            assert not pr.SUITE.verify_proof(public, altered, data), name
        except voprf.DecodingError:
            assert "reduced" in name, name
        made.append(
            {
                "name": name,
                "pk": public.encode().hex(),
                "elements": hexed([a for a, _ in altered]),
                "evaluated": hexed([b for _, b in altered]),
                "proof": data.hex(),
            }
        )
    return made


def blind_case(key: pr.ProvableKey, tenant: int | None, size: int) -> Vectors:
    """Make one case of 'blind': an evaluation in which the owner does not see the contexts."""
    contexts, _ = batch(key, tenant, size)
    inputs = [key.input(c, tenant) for c in contexts]
    blinds = [scalar("blind", i) for i in range(size)]
    pairs: Pairs = []
    for data, blind in zip(inputs, blinds, strict=True):
        blinded = pr.SUITE.blind(data, blind)
        pairs.append((blinded, key.secret * blinded))
    r = scalar("blind proof", size)
    proved = [pr.fold_answer(key, pairs)]
    proof = pr.SUITE.generate_proof(key.secret, key.public, proved, r)
    assert pr.SUITE.verify_proof(key.public, proved, proof)
    nonces = [
        pr.SUITE.finalize(data, blind, evaluated)[:12]
        for data, blind, (_, evaluated) in zip(inputs, blinds, pairs, strict=True)
    ]
    assert nonces == [key.nonce(c, tenant) for c in contexts]
    return key_fields(key) | {
        "pk": key.public.encode().hex(),
        "tenant": tenant_field(tenant),
        "contexts": contexts,
        "blinds": [voprf.encode_scalar(blind).hex() for blind in blinds],
        "blinded": hexed([blinded for blinded, _ in pairs]),
        "evaluated": hexed([evaluated for _, evaluated in pairs]),
        "r": voprf.encode_scalar(r).hex(),
        "proof": proof.hex(),
        "nonces": [nonce.hex() for nonce in nonces],
    }


def patched(data: bytes, offset: int, new: bytes) -> bytes:
    """Replace bytes of a file, and make its checksum right again."""
    return gp.with_checksum((data[:offset] + new + data[offset + len(new) :])[:-32])


def malformed_public_files(key: pr.ProvableKey, other: pr.ProvableKey) -> list[Vectors]:
    """Make 'public_malformed': public files to refuse, by the check that fails first."""
    good = pr.write_public_file(key)
    unfit = NO_ELEMENTS  # by their reasons: 0 to 3, 4 to 11, 12 to 19, 20 to 27, 28
    bad_params = patched(good, 28, b"\4")
    high_bit = good[32:63] + gp.u8(good[63] | 0x80)
    cases = [
        ("empty file", "length", b""),
        ("cut off by a byte", "length", good[:-1]),
        ("a byte too many", "length", good + b"\0"),
        ("magic of a key file", "magic", patched(good, 0, gp.MAGIC)),
        ("version 0", "version", patched(good, 8, b"\0")),
        ("version 2 and a bad checksum", "version", good[:8] + b"\2" + good[9:]),
        ("one bit of pk", "checksum", good[:40] + gp.u8(good[40] ^ 1) + good[41:]),
        ("last byte", "checksum", good[:-1] + gp.u8(good[-1] ^ 0x80)),
        ("scheme greenprint-1", "scheme", patched(good, 12, gp.SCHEME + b"\0")),
        ("scheme greenprint-1w", "scheme", patched(good, 24, b"w")),
        ("a byte after the scheme's padding", "scheme", patched(good, 27, b"x")),
        ("another scheme, offset 9 not zero", "scheme", patched(good, 9, b"\1\0\0g\0")),
        ("offset 9 not zero", "zero", patched(good, 9, b"\1")),
        ("offset 11 not zero", "zero", patched(good, 11, b"\1")),
        ("offset 10 not zero, bad parameters", "zero", patched(bad_params, 10, b"\1")),
        ("seeding 4", "params", patched(good, 28, b"\4\1\1\2")),
        ("h = 17", "params", patched(good, 28, b"\1\x11\1\2")),
        ("fixed with h = 1", "params", patched(good, 28, b"\3\1\1\2")),
        ("g even", "params", patched(good, 28, b"\1\1\2\2")),
        ("k = 9, pk zero", "params", patched(good, 28, b"\1\1\1\x09" + bytes(32))),
        ("pk is the identity", "pk", patched(good, 32, bytes(32))),
        ("pk has its highest bit set", "pk", patched(good, 32, high_bit)),
        ("pk all ff", "pk", patched(good, 32, b"\xff" * 32)),
        ("pk is no field element", "pk", patched(good, 32, bytes.fromhex(unfit[3]))),
        ("pk is negative", "pk", patched(good, 32, bytes.fromhex(unfit[6]))),
        ("pk is no point", "pk", patched(good, 32, bytes.fromhex(unfit[13]))),
        ("pk has a negative x y", "pk", patched(good, 32, bytes.fromhex(unfit[21]))),
        ("pk is s = -1", "pk", patched(good, 32, bytes.fromhex(unfit[28]))),
        ("pk of another key", "commitment", patched(good, 32, other.public.encode())),
        ("commitment of another key", "commitment", patched(good, 64, other.commitment)),
        ("h altered", "commitment", patched(good, 29, b"\2")),
        ("gamma altered", "commitment", patched(good, 30, b"\3")),
        ("one bit of the commitment", "commitment", patched(good, 95, gp.u8(good[95] ^ 1))),
    ]
    for name, check, data in cases:
        try:
            pr.read_public_file(data)
        except pr.PublicFileError as error:
            assert error.check == check, (name, error.check)
        else:
            raise AssertionError(name)
    return [{"name": name, "check": check, "file": data.hex()} for name, check, data in cases]


def malformed_key_files(key: pr.ProvableKey) -> list[Vectors]:
    """Make 'key_malformed': key files to refuse for whoever knows both schemes."""
    word = b"correct horse battery staple"
    seal = gp.Seal(word, 1, 8192, b"salt of 16 bytes", b"a nonce of 24 bytes here")
    ordinary = gp.Key(key.master, key.params)
    to_provable, to_ordinary = pr.SCHEME, gp.SCHEME + b"\0"
    plain, plain_1 = gp.write_key_file(key), gp.write_key_file(ordinary)
    sealed, sealed_1 = gp.write_key_file(key, seal), gp.write_key_file(ordinary, seal)
    cases = [
        ("ordinary, called provable", "commitment", None, patched(plain_1, 12, to_provable)),
        ("provable, called ordinary", "commitment", None, patched(plain, 12, to_ordinary)),
        ("ordinary, sealed, called provable", "seal", word, patched(sealed_1, 12, to_provable)),
        ("provable, sealed, called ordinary", "seal", word, patched(sealed, 12, to_ordinary)),
        ("provable, M of another key", "commitment", None, patched(plain, 120, master(1))),
        ("provable, h altered", "commitment", None, patched(plain, 29, b"\2")),
    ]
    for name, check, passphrase, data in cases:
        try:
            gp.read_key_file(data, passphrase or b"", (gp.Key, pr.ProvableKey))
        except gp.KeyFileError as error:
            assert error.check == check, (name, error.check)
        else:
            raise AssertionError(name)
    return [
        {
            "name": name,
            "check": check,
            "passphrase": passphrase.hex() if passphrase else None,
            "file": data.hex(),
        }
        for name, check, passphrase, data in cases
    ]


def provable() -> Vectors:
    """Make provable.json."""
    chosen = keys()
    masked = [(4, None), (5, 2**64 - 1), (6, 0), (8, None), (11, 3)]
    verified = [(0, None, 40), (4, 2**64 - 1, 8), (9, 0, 60), (11, None, 5000), (13, 7, 12)]
    vectors: Vectors = {
        "keys": [key_case(key) for key in chosen],
        "nonces": [case for i, key in enumerate(chosen) for case in nonce_cases(key, i)],
        "masks": [mask_case(chosen[i], tenant, i) for i, tenant in masked],
        "verify": [verify_case(chosen[i], tenant, below, i) for i, tenant, below in verified],
        "proofs": [
            proof_case(chosen[0], None, 1),
            proof_case(chosen[4], 7, 2),
            proof_case(chosen[9], None, 5),
            proof_case(chosen[11], 2**64 - 1, 1),
        ],
        "refused": refused_proofs(chosen[4], chosen[5]),
        "blind": [blind_case(chosen[0], None, 1), blind_case(chosen[4], 2**64 - 1, 3)],
        "public_malformed": malformed_public_files(chosen[0], chosen[2]),
        "key_malformed": malformed_key_files(chosen[0]),
    }
    how = (
        "Made by testvectors/reference/generate.py from SPEC.md, section 18, and RFC 9496, 9380 "
        "and 9497, in plain integers (voprf.py, provable_reference.py), which give the answers "
        "that these RFCs publish. Byte strings, elements and scalars are written in "
        "hexadecimal; integers that may exceed 2^53 (tenant ids) are decimal strings, and null "
        "is no tenant. 'master_key' is M; 'seeding', 'h', 'g', 'k' are the parameters of "
        "section 2. Master keys are 00 01 .. 1f, 32 bytes 00, 32 bytes ff, and SHA-256 of the "
        "ASCII string 'greenprint test master key i' for i from 60. In 'keys': 'seed', 'sk' and "
        "'pk' are those of the key pair, 'order' and 'mask' the subkeys of these roles (given "
        "for every seeding scheme), 'commitment' and 'key_id' as in section 3, 'public_file' "
        "the whole public file and 'key_file' the whole unsealed key file. In 'nonces': 'ids' "
        "are all ids before the position, the nearest last, 'context' the context, 'input' its "
        "encoding, with the tenant where there is one, 'element' and 'evaluated' its element "
        "and evaluated element, 'nonce' its nonce. In 'masks': 'mask_300' is the mask of a "
        "vocabulary of 300 tokens, 'sha256_50257' SHA-256 of that of 50257, and 'colours' says "
        "of each of 'tokens' whether it is green (1) or red (0). In 'verify': 'texts' are "
        "documents of token ids, marked with the key and the tenant; 'documents', 'tokens', "
        "'scored', 'repeated' and 'green' are the counts of section 7, 'green_for_tenant_5' is "
        "'green' counted with tenant 5, 'z' and 'log10_p' as in section 8. In 'proofs': 'proof' "
        "is the batched proof of RFC 9497, 2.2.1, for the 'elements' and 'evaluated' elements "
        "of 'contexts', its random scalar being 'r'. In 'refused': 'proof' is no proof for "
        "'elements' and 'evaluated' under 'pk', 'name' says why. In 'blind': 'blinded' are the "
        "elements of 'contexts' times 'blinds', 'evaluated' what the owner makes of them, with "
        "the 'proof' for both, and 'nonces' those of the contexts. Scalars that should be "
        "random are SHA-512 of an ASCII string, reduced. In 'public_malformed', 'file' is a "
        "public file that a reader must refuse, 'name' says what is wrong with it, and 'check' "
        "names the first check of section 18 to fail: 'length', 'magic', 'version', 'checksum', "
        "'scheme', 'zero' (offsets 9 to 11), 'params', 'pk', 'commitment'. In 'key_malformed', "
        "'file' is a key file that a reader of both schemes, given 'passphrase' where that is "
        "not null, must refuse, and 'check' the first check of section 9 to fail. Such a reader "
        "refuses the two files of keyfile.json that say greenprint-1v, which are refused there "
        "for their scheme, at 'commitment' and, the sealed one, at 'seal'."
    )
    return {"how": how} | vectors
