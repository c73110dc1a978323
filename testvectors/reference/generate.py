"""Make the test vectors of the Greenprint standard with the reference implementation.

    python3 testvectors/reference/generate.py            write the JSON files
    python3 testvectors/reference/generate.py --check    compare with those there are

Nothing is random: inputs are written out here or derived from labels by SHA-256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import struct
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isqrt
from pathlib import Path
from typing import Any

import audit_vectors
import greenprint_reference as gp
import mpmath
import proof_vectors
import provable_vectors
import self_test
import statistics_vectors
from self_test import number

FOLDER = Path(__file__).resolve().parent.parent

Vectors = dict[str, Any]

HOW_INPUTS = (
    "Byte strings are written in hexadecimal. number(label, i) is the first 8 bytes, read "
    "as a little-endian integer, of SHA-256 of the ASCII string label ':' i, i in decimal; "
    "master key number i is SHA-256 of the ASCII string 'greenprint test master key i', "
    "besides the keys 00 01 .. 1f, 32 bytes 00 and 32 bytes ff. Everything needed to "
    "repeat a case stands in the case itself, so no reader has to know how it was "
    "chosen. Integers that may exceed 2^53 (tenant ids) are strings. "
)
HOW_KEY = (
    "'master_key' is M; 'seeding', 'h', 'g', 'k' are the parameters of section 2 (gamma = "
    "g / 2^k). "
)
HOW_MADE = "Made by testvectors/reference/generate.py from SPEC.md, {}. "

SEQUENTIAL_MASTER = bytes(range(32))
TENANTS = [0, 1, 2**32, 2**64 - 1]


def master(i: int) -> bytes:
    """Derive a master key from its number."""
    return hashlib.sha256(f"greenprint test master key {i}".encode()).digest()


def key_fields(key: gp.Key) -> Vectors:
    """Give the fields that say which key a case uses."""
    p = key.params
    return {"master_key": key.master.hex(), "seeding": p.seeding, "h": p.h, "g": p.g, "k": p.k}


def tenant_field(tenant: int | None) -> str | None:
    """Give a tenant id as the files write it."""
    return None if tenant is None else str(tenant)


def numerators(k: int) -> list[int]:
    """Choose numerators for a denominator 2^k: the least, a middle one, the greatest."""
    middle = 2 ** (k - 1) - 1
    return sorted({1, max(1, middle), 2**k - 1})


# --- derivation.json -----------------------------------------------------------------------


def derivation() -> Vectors:
    """Make derivation.json."""
    chosen = [gp.Params("hash", 2, g, k) for k in range(1, 9) for g in numerators(k)]
    chosen += [gp.Params("hash", h, 1, 2) for h in range(1, 17) if h != 2]
    chosen += [gp.Params("min", h, 1, 2) for h in range(1, 17)]
    chosen += [gp.Params("min", 4, 3, 3), gp.Params("hash", 16, 255, 8)]
    chosen += [gp.Params("fixed", 0, g, k) for g, k in ((1, 1), (1, 2), (3, 3), (255, 8))]
    masters = [SEQUENTIAL_MASTER, bytes(32), b"\xff" * 32, master(0)]
    cases = []
    for params in chosen:
        for m in masters:
            key = gp.Key(m, params)
            cases.append(
                key_fields(key)
                | {
                    "params": params.encode().hex(),
                    "context": key.k_context.hex(),
                    "order": key.k_order.hex(),
                    "mask": key.k_mask.hex(),
                    "tenant": key.k_tenant.hex(),
                    "commitment": key.commitment.hex(),
                    "key_id": key.key_id,
                    "tweaks": [key.tweak(t).hex() for t in TENANTS],
                }
            )
    how = (
        HOW_MADE.format("sections 2 to 4")
        + HOW_INPUTS
        + HOW_KEY
        + "'params' is their encoding; 'context', 'order', 'mask' and 'tenant' are the "
        "subkeys of these roles (all four are given for every seeding scheme, though only "
        "'min' uses 'order'); 'commitment' and 'key_id' as in section 3; 'tweaks' are "
        "tweak(u) of section 4 for each u of the list 'tenants', in its order."
    )
    return {"how": how, "tenants": [str(t) for t in TENANTS], "cases": cases}


# --- nonces.json ---------------------------------------------------------------------------

EDGE_IDS = [0, 1, 2, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 2, 2**32 - 1]


def nonce_case(key: gp.Key, ids: Sequence[int], tenant: int | None) -> Vectors:
    """Make one case of nonces.json."""
    context = key.context(ids)
    nonce = None if context is None else key.nonce(context, tenant).hex()
    return key_fields(key) | {
        "tenant": tenant_field(tenant),
        "ids": list(ids),
        "context": None if context is None else list(context),
        "nonce": nonce,
    }


def nonces() -> Vectors:
    """Make nonces.json."""
    cases = []
    tenants = [None, 0, 1, 2**32, 2**64 - 1]
    for seeding in ("hash", "min"):
        for h in (1, 2, 3, 4, 5, 8, 9, 12, 13, 16):
            key = gp.Key(master(1), gp.Params(seeding, h, 1, 2))
            label = f"nonces {seeding} {h}"
            # Sequences, the last ids of which are the window: ordinary ids, any ids, ids at
            # the edges of the range, repeated ids; and sequences that are too short.
            sequences = [
                [number(label, i) % 50257 for i in range(h)],
                [number(label, 100 + i) % 50257 for i in range(h + 1)],
                [number(label, 200 + i) % 2**32 for i in range(h + 9)],
                [EDGE_IDS[number(label, 300 + i) % len(EDGE_IDS)] for i in range(h)],
                [EDGE_IDS[number(label, 400 + i) % len(EDGE_IDS)] for i in range(h + 3)],
                [number(label, 500 + i) % 2 * (2**32 - 1) for i in range(h + 1)],
                [0] * h,
                [2**32 - 1] * (h + 2),
                [2**31] * h,
                [number(label, 600 + i) % 1000 for i in range(h - 1)],
            ]
            for index, ids in enumerate(sequences):
                for tenant in dict.fromkeys([None, tenants[index % len(tenants)]]):
                    cases.append(nonce_case(key, ids, tenant))
    # The least id in the order of 'min' stands at every place of the window once, and is
    # the same id whatever the order of the others.
    key = gp.Key(master(2), gp.Params("min", 8, 1, 2))
    ids = [number("nonces rotation", i) % 2**32 for i in range(8)]
    for turn in range(8):
        cases.append(nonce_case(key, ids[turn:] + ids[:turn], None))
    for g, k in ((1, 1), (1, 2), (255, 8)):
        key = gp.Key(master(1), gp.Params("fixed", 0, g, k))
        for sequence in ([], [0], [5, 6, 7]):
            for tenant in tenants:
                cases.append(nonce_case(key, sequence, tenant))
    how = (
        HOW_MADE.format("section 4")
        + HOW_INPUTS
        + HOW_KEY
        + "'tenant' is the tenant id as a decimal string, or null for none; 'ids' are all "
        "ids before the position in its sequence, the nearest last, so that the window is "
        "the last h of them and may be only a part; 'context' is the context, for 'min' "
        "the one chosen id, for 'fixed' empty; 'nonce' is the 12-byte nonce after the "
        "tenant's tweak. Where 'ids' are fewer than h there is no window, and 'context' "
        "and 'nonce' are null."
    )
    return {"how": how, "cases": cases}


# --- masks.json ----------------------------------------------------------------------------

VOCABULARIES = [1, 127, 128, 129, 50257, 128256, 151936, 262144]
BIG_TOKENS = [0, 1, 127, 128, 262143, 2**24, 2**31 - 1, 2**31, 2**32 - 129, 2**32 - 2, 2**32 - 1]


def masks() -> Vectors:
    """Make masks.json."""
    cases = []
    tokens = []
    for k in range(1, 9):
        for g in numerators(k):
            key = gp.Key(master(3), gp.Params("hash", 2, g, k))
            ids = [number(f"masks {g} {k}", i) % 50257 for i in range(2)]
            nonce = key.nonce(ids)
            start = key_fields(key) | {"ids": ids, "nonce": nonce.hex()}
            for vocabulary in VOCABULARIES:
                mask = key.mask(nonce, vocabulary)
                case = start | {
                    "vocabulary": vocabulary,
                    "green": sum(byte.bit_count() for byte in mask),
                    "sha256": hashlib.sha256(mask).hexdigest(),
                }
                if vocabulary <= 129:
                    case["mask"] = mask.hex()
                else:
                    case |= {"first32": mask[:32].hex(), "last32": mask[-32:].hex()}
                cases.append(case)
            more = BIG_TOKENS + [number(f"tokens {g} {k}", i) % 2**32 for i in range(21)]
            colours = [int(key.is_green(nonce, token)) for token in more]
            tokens.append(start | {"tokens": more, "colours": colours})
    how = (
        HOW_MADE.format("section 5")
        + HOW_INPUTS
        + HOW_KEY
        + "'ids' are the ids before the position and 'nonce' the nonce they give (no "
        "tenant). In 'cases': 'vocabulary' is V, 'green' the number of green tokens below "
        "V, 'sha256' the SHA-256 of the mask of ceil(V / 8) bytes; 'mask' is the whole "
        "mask where V <= 129, else 'first32' and 'last32' are its first and last 32 bytes. "
        "In 'single': 'tokens' are single token ids and 'colours' whether each of them is "
        "green (1) or red (0)."
    )
    return {"how": how, "cases": cases, "single": tokens}


# --- bias.json -----------------------------------------------------------------------------

SPECIAL = {
    "float32": [
        *(0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC00001),
        *(0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x80800000, 0x7F7FFFFF, 0xFF7FFFFF),
        *(0x4B000000, 0x4B000001, 0xCB000001, 0x4C000000, 0x4C000001, 0xCC000001),
        *(0xBF000000, 0xC0000000, 0xC0133333, 0xC2C80000, 0x3F800000, 0xC1800000),
    ],
    "float16": [
        *(0x0000, 0x8000, 0x7C00, 0xFC00, 0x7E00, 0x7D00, 0xFE01, 0x0001, 0x8001, 0x03FF),
        *(0x0400, 0x8400, 0x7BFF, 0xFBFF, 0x7BFE, 0x6400, 0x6401, 0xE401, 0x6C00, 0x6C01),
        *(0xEC01, 0xB800, 0xC000, 0xC09A, 0xD640, 0x3C00, 0xCC00, 0x0002, 0x7BFD),
    ],
    "bfloat16": [
        *(0x0000, 0x8000, 0x7F80, 0xFF80, 0x7FC0, 0x7F81, 0xFFC1, 0x0001, 0x8001, 0x007F),
        *(0x0080, 0x8080, 0x7F7F, 0xFF7F, 0x4300, 0x4301, 0xC301, 0x4400, 0x4401, 0xC401),
        *(0xBF00, 0xC000, 0xC013, 0xC2C8, 0x3F80, 0xC180, 0x3080, 0xB080),
    ],
}
# 1 + 2^-11 and 1 + 2^-8 lie half-way between two numbers of float16 and bfloat16: the sum
# with a tiny logit shows whether it was rounded to float32 first. 1e-40 is subnormal.
DELTAS = [0.0, 0.5, 2.0, 2.3, 16.0, 100.0, 1 + 2.0**-11, 1 + 2.0**-8, 1e-40]
NEVER = [0, 3, 64, 127, 128, 150, 151, 255, 299]
PIECES = {"float32": "<%dI", "float16": "<%dH", "bfloat16": "<%dH"}


def row_bytes(fmt: gp.FloatFormat, row: Sequence[int]) -> bytes:
    """Give a row as little-endian bytes."""
    return struct.pack(PIECES[fmt.name] % len(row), *row)


def rule_row(fmt: gp.FloatFormat, size: int, seed: int) -> list[int]:
    """Make a large row by the rule that bias.json states."""
    row = []
    for v in range(size):
        m = (v * 2654435761 + seed) % 2**32
        if fmt.name == "float16":
            h = m >> 16
            row.append(h ^ 0x4000 if h & 0x7C00 == 0x7C00 else h)
        else:
            b = (m & 0x807FFFFF) | ((117 + (m >> 23 & 15)) << 23)
            row.append(b if fmt.name == "float32" else b >> 16)
    return row


def bias_case(key: gp.Key, fmt: gp.FloatFormat, delta: float, never: list[int]) -> Vectors:
    """Make what small and large cases of bias.json have in common."""
    bits = gp.float32_bits(delta)
    ids = [number(f"bias {key.params.encode().hex()} {fmt.name}", i) % 50257 for i in range(2)]
    return key_fields(key) | {
        "ids": ids,
        "nonce": key.nonce(ids).hex(),
        "format": fmt.name,
        "delta": struct.unpack("<f", struct.pack("<f", delta))[0],
        "delta_bits": f"{bits:08x}",
        "never": never,
    }


def small_case(
    key: gp.Key, fmt: gp.FloatFormat, delta: float, never: list[int], row: list[int]
) -> Vectors:
    """Make a case of bias.json that holds its row."""
    case = bias_case(key, fmt, delta, never)
    nonce = bytes.fromhex(case["nonce"])
    out = gp.bias_row(key, nonce, fmt, row, gp.float32_bits(delta), never)
    return case | {"row": row_bytes(fmt, row).hex(), "biased": row_bytes(fmt, out).hex()}


def bias() -> Vectors:
    """Make bias.json."""
    small = []
    large = []
    for fmt in gp.FORMATS.values():
        special = SPECIAL[fmt.name]
        row = (special * 8)[:240]
        row += [number(f"row {fmt.name}", i) % 2 ** (8 * fmt.size) for i in range(300 - len(row))]
        keys = [gp.Key(master(4), gp.Params("hash", 2, g, k)) for g, k in ((1, 2), (7, 3))]
        for index, delta in enumerate(DELTAS):
            never = NEVER if index % 2 else []
            made = [small_case(key, fmt, delta, never, row) for key in keys]
            changeable = set()
            for key, case in zip(keys, made, strict=True):
                colours = key.colours(bytes.fromhex(case["nonce"]), len(row))
                changeable |= {row[v] for v, c in enumerate(colours) if c and v not in never}
            assert changeable.issuperset(special), "a special value is green nowhere"
            small += made
        for size in (1, 127, 128, 129):
            never = [v for v in NEVER if 0 < v < size]
            small.append(small_case(keys[1], fmt, 2.3, never, row[:size]))
        key = gp.Key(master(5), gp.Params("hash", 2, 1, 2))
        for seed, delta in enumerate((0.0, 0.5, 2.0, 2.3, 100.0)):
            listed = 0 if seed < 3 else 9
            never = sorted(number(f"never {seed}", i) % 50257 for i in range(listed))
            case = bias_case(key, fmt, delta, never)
            nonce = bytes.fromhex(case["nonce"])
            row = rule_row(fmt, 50257, seed)
            out = gp.bias_row(key, nonce, fmt, row, gp.float32_bits(delta), never)
            case |= {
                "vocabulary": 50257,
                "seed": seed,
                "row_sha256": hashlib.sha256(row_bytes(fmt, row)).hexdigest(),
                "biased_sha256": hashlib.sha256(row_bytes(fmt, out)).hexdigest(),
                "changed": sum(a != b for a, b in zip(row, out, strict=True)),
            }
            large.append(case)
    how = (
        HOW_MADE.format("section 6")
        + HOW_INPUTS
        + HOW_KEY
        + "'ids' are the ids before the position and 'nonce' the nonce they give (no "
        "tenant); 'format' is the format of the row; 'delta' is the strength, exactly the "
        "float32 number with the bit pattern 'delta_bits' (an integer in hexadecimal); "
        "'never' is the never-biased list. In 'small', 'row' and 'biased' are the row "
        "before and after, its numbers as little-endian bytes. It has infinities, NaNs, "
        "zeros of both signs, subnormals, the largest finite numbers, and sums that are "
        "ties. Where 'biased' is a NaN a reader checks only that it gets a NaN, since which "
        "one is not specified; for red tokens too, whose signalling NaNs may become quiet. "
        "In 'large' the row has 'vocabulary' numbers, of which the one for token v is made "
        "from m = (v * 2654435761 + seed) mod 2^32. float32: the bit pattern (m & "
        "0x807fffff) | ((117 + ((m >> 23) & 15)) << 23). bfloat16: the upper 16 bits of "
        "that. float16: m >> 16, with bit 0x4000 cleared where all bits of 0x7c00 are set. "
        "None of them is a NaN or an infinity, so that 'row_sha256' and 'biased_sha256', "
        "the SHA-256 of the little-endian bytes before and after, are determined; 'changed' "
        "is how many numbers have other bits afterwards. All arithmetic was done in exact "
        "fractions, rounded as section 6 says."
    )
    return {"how": how, "small": small, "large": large}


# --- counts.json ---------------------------------------------------------------------------


def marked_document(key: gp.Key, tenant: int | None, size: int) -> list[int]:
    """Make a document each token of which, where it can, is a green one of four."""
    document: list[int] = []
    for i in range(size):
        candidates = [number("marked", 4 * i + c) % 5000 for c in range(4)]
        context = key.context(document)
        token = candidates[0]
        if context is not None:
            nonce = key.nonce(context, tenant)
            token = next((t for t in candidates if key.is_green(nonce, t)), token)
        document.append(token)
    return document


def document_sets() -> list[list[list[int]]]:
    """Make the inputs of counts.json that do not depend on a key."""

    def ids(label: str, size: int, below: int) -> list[int]:
        return [number(label, i) % below for i in range(size)]

    phrase = ids("phrase", 40, 50257)
    return [
        [[]],
        [[], [], []],
        [[7]],
        [[7], [7], [7, 7], [], [7, 7, 7], [7] * 40],
        [[0, 1], [0, 1], [1, 0], [0, 1, 2], [0, 1, 2, 3, 4], [2, 3, 4], [0, 1, 2, 3, 4]],
        [[2**32 - 1, 2**31, 0, 2**32 - 1, 2**31, 0, 2**32 - 1, 1, 1, 2**32 - 1] * 4],
        [phrase, phrase[5:], phrase + phrase, phrase[::-1], []],
        [[1, 2, 3] * 30, [3, 2, 1] * 30, [1, 3, 2, 2] * 12],
        [ids(f"alphabet {d}", 60 + 40 * d, 3) for d in range(6)],
        [ids(f"any {d}", 30 * d, 2**32) for d in range(8)],
        [ids(f"words {d}", 300, 60) for d in range(4)],
    ]


def decimal(x: mpmath.mpf, digits: int) -> str:
    """Write a number with so many significant digits."""
    return mpmath.nstr(x, digits, strip_zeros=False) if x else "0.0"


def count_case(
    key: gp.Key, tenant: int | None, index: int, documents: list[list[int]]
) -> Vectors:
    """Make one case of counts.json."""
    c = gp.count(key, documents, tenant)
    gamma = key.params.gamma
    return key_fields(key) | {
        "tenant": tenant_field(tenant),
        "set": index,
        "documents": c.documents,
        "tokens": c.tokens,
        "scored": c.scored,
        "repeated": c.repeated,
        "green": c.green,
        "z": decimal(gp.z_score(c.scored, c.green, gamma), 20),
        "log10_p": decimal(gp.log10_p_value(c.scored, c.green, gamma), 20),
    }


def counts() -> Vectors:
    """Make counts.json."""
    sets = document_sets()
    fractions = [(1, 2), (1, 1), (3, 3), (7, 3), (1, 8), (255, 8)]
    tenants = [None, 0, 1, 2**64 - 1]
    schemes = [(s, h) for s in ("hash", "min") for h in (1, 2, 4, 16)] + [("fixed", 0)]
    cases = []
    turn = 0
    for seeding, h in schemes:
        for index, documents in enumerate(sets):
            for _ in range(2):
                g, k = fractions[turn % len(fractions)]
                key = gp.Key(master(6 + turn % 2), gp.Params(seeding, h, g, k))
                cases.append(count_case(key, tenants[turn % 5 % 4], index, documents))
                turn += 1
    for seeding, h, tenant in (
        *(("hash", 2, None), ("hash", 2, 7), ("hash", 5, None), ("min", 4, None)),
        *(("min", 4, 2**64 - 1), ("fixed", 0, 0)),
    ):
        key = gp.Key(master(8), gp.Params(seeding, h, 1, 2))
        marked = marked_document(key, tenant, 400)
        sets.append([marked[:250], marked[200:]])
        for tried in (tenant, 8):
            cases.append(count_case(key, tried, len(sets) - 1, sets[-1]))
    how = (
        HOW_MADE.format("sections 7 and 8")
        + HOW_INPUTS
        + HOW_KEY
        + "'sets' are inputs, each a list of documents, each a list of token ids. In "
        "'cases', 'tenant' is the tenant id as a decimal string, or null for none; 'set' "
        "is the index of the input in 'sets', from 0; 'documents', 'tokens', 'scored', "
        "'repeated' and 'green' are the counts of section 7; 'z' and 'log10_p' as in "
        "section 8, as decimal strings of 20 significant digits. The last six sets carry a "
        "mark: each is one text of 400 tokens in which a green token was taken where "
        "one was among four candidates, cut into two documents that overlap; each is "
        "counted with the tenant it was made for and with tenant 8."
    )
    return {"how": how, "sets": sets, "cases": cases}


# --- tails.json ----------------------------------------------------------------------------

TAIL_DIGITS = 25


def divergence(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute n KL(x / n, gamma), close to -ln of the tail from x away from the mean."""
    with mpmath.workdps(40):
        p = mpmath.mpf(gamma.numerator) / gamma.denominator
        total = mpmath.mpf(0)
        if x > 0:
            total += x * mpmath.log(x / (n * p))
        if x < n:
            total += (n - x) * mpmath.log((n - x) / (n * (1 - p)))
        return total


def green_for(n: int, gamma: Fraction, digits: int, above: bool) -> int | None:
    """Find a count whose tail, away from the mean, is near 10^-digits, if there is one."""
    target = mpmath.mpf(digits) * mpmath.log(10)
    inner = int(n * gamma) if not above else -int(-n * gamma)
    outer = n if above else 0
    if divergence(n, outer, gamma) < target:
        return None
    while abs(outer - inner) > 1:
        middle = (outer + inner) // 2
        if divergence(n, middle, gamma) >= target:
            outer = middle
        else:
            inner = middle
    return outer


def tail_inputs() -> list[tuple[int, int, Fraction]]:
    """Choose the cases of tails.json."""
    chosen: dict[tuple[int, int, Fraction], None] = {}

    def take(n: int, x: int | None, gamma: Fraction) -> None:
        if x is not None and 0 <= x <= n:
            chosen[n, x, gamma] = None

    for gamma in (Fraction(1, 2), Fraction(1, 4), Fraction(3, 8)):
        for n in range(1, 13):
            for x in range(n + 1):
                take(n, x, gamma)
    usual = [Fraction(*f) for f in ((1, 2), (1, 4), (1, 8), (3, 8), (255, 256), (1, 256))]
    sizes = [40, 1000, 99_991, 1_000_000, 10**9, 2**44 - 1]
    for gamma in usual:
        for n in sizes:
            mean = int(n * gamma)
            for x in (0, 1, mean - 1, mean, mean + 1, mean + 2, n - 1, n):
                take(n, x, gamma)
            for digits in (1, 6, 12, 50, 300, 1000, 100_000):
                take(n, green_for(n, gamma, digits, above=True), gamma)
            for digits in (1, 3, 12, 50, 150, 296):
                y = green_for(n, gamma, digits, above=False)
                take(n, None if y is None else y + 1, gamma)
    for scale in (10**3, 10**5, 10**6, 10**9):
        for i in range(50):
            label = f"tails {scale}"
            n = 1 + number(label, 4 * i) % scale
            k = 1 + number(label, 4 * i + 1) % 8
            gamma = Fraction(2 * (number(label, 4 * i + 2) % 2 ** (k - 1)) + 1, 2**k)
            if i % 5 == 4:
                x = number(label, 4 * i + 3) % (n + 1)
            else:
                # Up to about 15 standard deviations to either side of the mean.
                away = number(label, 4 * i + 3) % 3001 - 1500
                spread = isqrt(int(10**6 * n * gamma * (1 - gamma)))
                x = int(n * gamma) + away * spread // 10**5
            take(n, min(max(x, 0), n), gamma)
    return list(chosen)


def tails() -> Vectors:
    """Make tails.json."""
    cases = []
    checked = 0
    with mpmath.workdps(gp.WORKING_DIGITS):
        for n, x, gamma in tail_inputs():
            log10_p = gp.log10_p_value(n, x, gamma)
            if n <= 1000 and x > 0:
                exact = gp.log10_p_value_exact(n, x, gamma)
                assert abs(log10_p / exact - 1) < mpmath.mpf(10) ** -35, (n, x, gamma)
                checked += 1
            if log10_p != 0 and abs(log10_p) < mpmath.mpf(10) ** -300:
                continue
            cases.append(
                {
                    "n": n,
                    "green": x,
                    "g": gamma.numerator,
                    "k": gamma.denominator.bit_length() - 1,
                    "log10_p": decimal(log10_p, TAIL_DIGITS),
                }
            )
    how = (
        HOW_MADE.format("section 8")
        + "Each case is log10 of P(X >= green) for X ~ Bin(n, g / 2^k): 'log10_p' is a "
        f"decimal string with {TAIL_DIGITS} significant digits. Every count for n up to 12; "
        "then counts at the mean and beside it, 0, 1, n - 1, n, and counts with p about "
        "10^-1 to 10^-100000 or 1 - p about 10^-1 to 10^-296; then counts chosen by "
        "number(label, i), which is the first 8 bytes, read as a little-endian integer, of "
        "SHA-256 of the ASCII string label ':' i. A log10 p other than 0 and below 1e-300 "
        "in magnitude is left out. Method, which is not the standard's quadrature: P(X = "
        "green) from log-gamma with 80 decimal digits (mpmath), times the sum of the "
        "ratios P(X = green + i) / P(X = green), added term by term in fixed point with "
        "256 bits; below the mean, log1p of minus the other tail taken in the same way. "
        "Where the sum would need more than 300000 terms (the largest n near the mean) it "
        "is taken by the Euler-Maclaurin formula, its integral by mpmath with 50 digits. "
        "How that was checked: the "
        f"{checked} cases with n up to 1000 and green above 0 agree to 35 digits with the "
        "sum of the exact integers C(n, i) g^i (2^k - g)^(n - i); the two ways of taking "
        "the sum of ratios agree to 35 digits at the mean for n = 10^6 and 10^9, and away "
        "from it for n = 10^9 and 2^44 (self_test.py)."
    )
    return {"how": how, "cases": cases}


# --- keyfile.json --------------------------------------------------------------------------


def patched(data: bytes, offset: int, new: bytes, recompute: bool = True) -> bytes:
    """Replace bytes of a key file, and recompute its checksum unless told not to."""
    body = data[:offset] + new + data[offset + len(new) :]
    return gp.with_checksum(body[:168]) if recompute else body


def flipped(data: bytes, offset: int, recompute: bool = True) -> bytes:
    """Flip the lowest bit of a byte of a key file."""
    return patched(data, offset, gp.u8(data[offset] ^ 1), recompute)


def keyfile() -> Vectors:
    """Make keyfile.json."""

    def fixed(label: str, size: int) -> bytes:
        return hashlib.sha256(label.encode()).digest()[:size]

    def seal(passphrase: bytes, passes: int = 1, memory: int = 8192) -> gp.Seal:
        salt, nonce = fixed("test salt", 16), fixed("test nonce", 24)
        return gp.Seal(passphrase, passes, memory, salt, nonce)

    key = gp.Key(master(9), gp.Params("hash", 2, 1, 2))
    word = b"correct horse battery staple"
    valid = []
    for name, k, s in (
        ("unsealed", key, None),
        ("unsealed, min", gp.Key(SEQUENTIAL_MASTER, gp.Params("min", 16, 255, 8)), None),
        ("unsealed, fixed", gp.Key(b"\xff" * 32, gp.Params("fixed", 0, 1, 1)), None),
        ("sealed", key, seal(word)),
        ("sealed, UTF-8 passphrase", key, seal("Grünspan, 緑青, 🌿".encode())),
        ("sealed, passphrase with a zero byte", key, seal(b"before\0after")),
        ("sealed, passphrase of 1 byte", key, seal(b" ")),
        ("sealed, passphrase of 1024 bytes", key, seal(b"0123456789abcdef" * 64)),
        ("sealed, 3 passes and 64 KiB", key, seal(word, 3, 65536)),
        ("sealed, 16 passes", key, seal(word, 16)),
        ("sealed, min", gp.Key(master(10), gp.Params("min", 4, 3, 3)), seal(word)),
    ):
        data = gp.write_key_file(k, s)
        assert gp.read_key_file(data, s.passphrase if s else b"").master == k.master
        valid.append(
            {"name": name}
            | key_fields(k)
            | {
                "commitment": k.commitment.hex(),
                "sealed": s is not None,
                "passphrase": s.passphrase.hex() if s else None,
                "passes": s.passes if s else 0,
                "memory": s.memory if s else 0,
                "file": data.hex(),
            }
        )

    plain = gp.write_key_file(key)
    sealed = gp.write_key_file(key, seal(word))
    foreign = gp.Key(master(11), key.params).commitment
    plain_foreign = gp.write_key_file(key, None, foreign)
    sealed_foreign = gp.write_key_file(key, seal(word), foreign)
    bad: list[tuple[str, str, bytes]] = [
        ("empty file", "length", b""),
        ("truncated by one byte", "length", plain[:-1]),
        ("truncated after the magic", "length", plain[:8]),
        ("truncated before the checksum", "length", plain[:168]),
        ("one byte too many", "length", plain + b"\0"),
        ("a newline too many", "length", sealed + b"\n"),
        ("LF of the magic sent as CR LF", "length", plain[:7] + b"\r" + plain[7:]),
        ("bad magic, first byte", "magic", patched(plain, 0, b"\x09")),
        ("bad magic, last byte", "magic", patched(plain, 7, b"\r")),
        ("bad magic and bad version", "magic", patched(patched(plain, 0, b"X"), 8, b"\x02")),
        ("version 0", "version", patched(plain, 8, b"\x00")),
        ("version 2", "version", patched(plain, 8, b"\x02")),
        ("version 2 and a bad checksum", "version", patched(plain, 8, b"\x02", False)),
        ("checksum: last byte", "checksum", patched(plain, 199, b"\0", False)),
        ("checksum: one bit of M", "checksum", flipped(plain, 130, False)),
        ("checksum: one bit of the seal", "checksum", flipped(sealed, 150, False)),
        ("bad checksum and unknown scheme", "checksum", patched(plain, 23, b"2", False)),
        ("scheme greenprint-1v", "scheme", patched(plain, 12, b"greenprint-1v")),
        ("scheme greenprint-1v, sealed", "scheme", patched(sealed, 12, b"greenprint-1v")),
        ("scheme greenprint-2", "scheme", patched(plain, 12, b"greenprint-2")),
        ("scheme greenprint- (a prefix)", "scheme", patched(plain, 12, b"greenprint-\0")),
        ("scheme followed by a space", "scheme", patched(plain, 24, b" ")),
        ("scheme with a byte after its zero padding", "scheme", patched(plain, 27, b"x")),
        ("unknown scheme and bad parameters", "scheme", patched(plain, 23, b"2\0\0\0\0\0")),
        ("seeding 0", "params", patched(plain, 28, b"\x00\x02\x01\x02")),
        ("seeding 4", "params", patched(plain, 28, b"\x04\x02\x01\x02")),
        ("hash with h = 0", "params", patched(plain, 28, b"\x01\x00\x01\x02")),
        ("hash with h = 17", "params", patched(plain, 28, b"\x01\x11\x01\x02")),
        ("min with h = 0", "params", patched(plain, 28, b"\x02\x00\x01\x02")),
        ("fixed with h = 1", "params", patched(plain, 28, b"\x03\x01\x01\x02")),
        ("g = 0", "params", patched(plain, 28, b"\x01\x02\x00\x02")),
        ("g even (2/8)", "params", patched(plain, 28, b"\x01\x02\x02\x03")),
        ("g = 2^k + 1", "params", patched(plain, 28, b"\x01\x02\x05\x02")),
        ("k = 0", "params", patched(plain, 28, b"\x01\x02\x01\x00")),
        ("k = 9", "params", patched(plain, 28, b"\x01\x02\x01\x09")),
        ("k = 255, sealed", "params", patched(sealed, 28, b"\x01\x02\x01\xff")),
        ("protection 2", "protection", patched(plain, 9, b"\x02")),
        ("protection 255, sealed", "protection", patched(sealed, 9, b"\xff")),
        ("first reserved byte not zero", "protection", patched(plain, 10, b"\x01")),
        ("second reserved byte not zero", "protection", patched(plain, 11, b"\x80")),
        ("reserved byte not zero, sealed", "protection", patched(sealed, 10, b"\x01")),
        ("unsealed with passes", "protection", patched(plain, 64, b"\x01")),
        ("unsealed with memory", "protection", patched(plain, 73, b"\x20")),
        ("unsealed with a salt", "protection", patched(plain, 95, b"\x01")),
        ("unsealed with a nonce", "protection", patched(plain, 119, b"\x01")),
        ("unsealed with a byte after M", "protection", patched(plain, 152, b"\x01")),
        ("unsealed with a byte before the checksum", "protection", patched(plain, 167, b"\x01")),
        ("sealed file that says it is unsealed", "protection", patched(sealed, 9, b"\x00")),
        ("0 passes", "cost", patched(sealed, 64, gp.le64(0))),
        ("17 passes", "cost", patched(sealed, 64, gp.le64(17))),
        ("2^32 + 1 passes", "cost", patched(sealed, 64, gp.le64(2**32 + 1))),
        ("0 bytes of memory", "cost", patched(sealed, 72, gp.le64(0))),
        ("8191 bytes of memory", "cost", patched(sealed, 72, gp.le64(8191))),
        ("1 GiB + 1024 bytes of memory", "cost", patched(sealed, 72, gp.le64(2**30 + 1024))),
        ("2^64 - 1 bytes of memory", "cost", patched(sealed, 72, gp.le64(2**64 - 1))),
        ("unsealed file that says it is sealed", "cost", patched(plain, 9, b"\x01")),
        ("sealed, h altered", "seal", patched(sealed, 29, b"\x03")),
        ("sealed, gamma altered", "seal", patched(sealed, 30, b"\x03")),
        ("sealed, commitment altered", "seal", patched(sealed, 32, bytes(32))),
        ("sealed, passes altered", "seal", patched(sealed, 64, gp.le64(2))),
        ("sealed, memory altered", "seal", patched(sealed, 72, gp.le64(9216))),
        ("sealed, salt altered", "seal", patched(sealed, 80, bytes(16))),
        ("sealed, nonce altered", "seal", patched(sealed, 96, bytes(24))),
        ("sealed, last byte of the nonce altered", "seal", flipped(sealed, 119)),
        ("sealed, ciphertext altered", "seal", flipped(sealed, 120)),
        ("sealed, tag altered", "seal", flipped(sealed, 167)),
        ("commitment of another key", "commitment", plain_foreign),
        ("commitment with one bit altered", "commitment", flipped(plain, 63)),
        ("M altered", "commitment", patched(plain, 120, master(11))),
        ("h altered", "commitment", patched(plain, 29, b"\x03")),
        ("gamma altered", "commitment", patched(plain, 30, b"\x03")),
        ("seeding altered", "commitment", patched(plain, 28, b"\x02")),
        ("sealed with the commitment of another key", "commitment", sealed_foreign),
    ]  # fmt: skip
    malformed = [
        {"name": name, "check": check, "passphrase": word.hex(), "file": data.hex()}
        for name, check, data in bad
    ]
    for name, passphrase in (
        ("wrong passphrase", b"correct horse battery stable"),
        ("passphrase with a newline", word + b"\n"),
        ("passphrase cut off", word[:-1]),
    ):
        malformed.append(
            {"name": name, "check": "seal", "passphrase": passphrase.hex(), "file": sealed.hex()}
        )
    for case in malformed:
        try:
            gp.read_key_file(bytes.fromhex(case["file"]), bytes.fromhex(case["passphrase"]))
        except gp.KeyFileError as error:
            assert error.check == case["check"], (case["name"], error.check)
        else:
            raise AssertionError(case["name"])
    how = (
        HOW_MADE.format("section 9")
        + HOW_INPUTS
        + HOW_KEY
        + "In 'valid', 'commitment' is the key's commitment, 'sealed' whether the file is "
        "sealed; 'passphrase' is the passphrase as the hexadecimal of its bytes, null for "
        "an unsealed file; 'passes' and 'memory' (bytes) are the cost of Argon2id; 'file' "
        "is the 200 bytes of the file. The salt is the first 16 bytes of SHA-256 of the "
        "ASCII string 'test salt', the nonce the first 24 of that of 'test nonce', so "
        "that a writer who can set both gets the same bytes. In 'malformed', 'file' is a "
        "file that a reader given 'passphrase' must refuse, 'name' says what is wrong with "
        "it (altered bytes, with the checksum made right again unless it says otherwise), "
        "and 'check' names the first check of section 9 to fail: 'length', 'magic', "
        "'version', 'checksum', 'scheme', 'params', 'protection' (the protection byte, the "
        "two zero bytes after it, and the fields that are zero in an unsealed file), 'cost', "
        "'seal', 'commitment'."
    )
    return {"how": how, "valid": valid, "malformed": malformed}


# --- contexts.json -------------------------------------------------------------------------


def contexts() -> Vectors:
    """Make contexts.json."""
    windows = [[edge] * h for h in (1, 2) for edge in EDGE_IDS]
    windows += [[number("context", 16 * h + i) % 2**32 for i in range(h)] for h in range(1, 17)]
    windows += [[1, 2], [2, 1], [1, 2, 0], [0, 1, 2]]
    fingerprints = [
        {"ids": ids, "fingerprint": gp.le64(gp.fingerprint(ids)).hex()} for ids in windows
    ]
    text = [number("served", i) % 40 for i in range(120)]
    sets = [
        (2, [text, text[7:50], [], [5], [5, 6], [5, 6, 7]]),
        (1, [text]),
        (16, [text, [2**32 - 1] * 30]),
        (3, [[1, 2, 3]]),
        (4, []),
    ]
    files = [
        {"h": h, "documents": documents, "file": gp.write_contexts_file(h, documents).hex()}
        for h, documents in sets
    ]
    how = (
        HOW_MADE.format("section 16")
        + HOW_INPUTS
        + "In 'fingerprints', 'ids' is a window and 'fingerprint' its fingerprint as le64. In "
        "'files', 'file' is the whole file of the contexts of 'documents', windows of 'h' ids."
    )
    return {"how": how, "fingerprints": fingerprints, "files": files}


# --- Files -----------------------------------------------------------------------------------

FILES: dict[str, Callable[[], Vectors]] = {
    "derivation.json": derivation,
    "nonces.json": nonces,
    "masks.json": masks,
    "bias.json": bias,
    "counts.json": counts,
    "tails.json": tails,
    "evalues.json": statistics_vectors.evalues,
    "segments.json": statistics_vectors.segments,
    "weighted.json": statistics_vectors.weighted,
    "fdr.json": statistics_vectors.fdr,
    "plans.json": statistics_vectors.plans,
    "keyfile.json": keyfile,
    "contexts.json": contexts,
    "audits.json": audit_vectors.audits,
    "provable.json": provable_vectors.provable,
    "proofs.json": proof_vectors.proofs,
}


def as_text(vectors: Vectors) -> str:
    """Write an object, each element of its lists on a line of its own."""
    fields = []
    for name, value in vectors.items():
        if isinstance(value, list):
            lines = ",\n".join("  " + json.dumps(element) for element in value)
            text = f"[\n{lines}\n ]"
        else:
            text = json.dumps(value)
        fields.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(fields) + "\n}\n"


def main() -> int:
    """Write the files, or compare them with those there are."""
    parser = argparse.ArgumentParser(description="Make or check the test vectors.")
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    parser.add_argument("names", nargs="*", metavar="FILE", help=f"of {', '.join(FILES)}")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in FILES:
            parser.error(f"no such file: {name}")
    self_test.main()
    different = []
    for name in arguments.names or FILES:
        text = as_text(FILES[name]()).encode("ascii")
        path = FOLDER / name
        if not arguments.check:
            path.write_bytes(text)
        elif not path.is_file() or path.read_bytes() != text:
            different.append(name)
            print(f"{name} differs")
    if arguments.check and not different:
        print("all as they should be")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
