"""A second implementation of the Greenprint standard, made from SPEC.md alone.

It shares nothing with the C library: no code, no tables, no build. It is written to
be read beside SPEC.md, section by section, and is slow on purpose. Use it to make or
to check test vectors, never to protect a key: it wipes nothing and locks nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import mpmath
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

SCHEME = b"greenprint-1"
SEEDINGS = {"hash": 1, "min": 2, "fixed": 3}
MAX_TOKEN = 2**32 - 1

# --- Section 1: notation -------------------------------------------------------------


def u8(x: int) -> bytes:
    """Encode an integer in one byte."""
    return x.to_bytes(1, "little")


def le32(x: int) -> bytes:
    """Encode an integer in four bytes, least significant first."""
    return x.to_bytes(4, "little")


def le64(x: int) -> bytes:
    """Encode an integer in eight bytes, least significant first."""
    return x.to_bytes(8, "little")


def be32(x: int) -> bytes:
    """Encode an integer in four bytes, most significant first."""
    return x.to_bytes(4, "big")


def pad16(x: bytes) -> bytes:
    """Fill up with zero bytes to whole blocks of 16, and to one block at least."""
    blocks = max(1, -(-len(x) // 16))
    return x.ljust(16 * blocks, b"\0")


def xor(a: bytes, b: bytes) -> bytes:
    """XOR two byte strings of one length."""
    return bytes(p ^ q for p, q in zip(a, b, strict=True))


def aes(key: bytes, blocks: bytes) -> bytes:
    """Encrypt each 16-byte block of `blocks` on its own with AES-128."""
    encryptor = Cipher(algorithms.AES128(key), modes.ECB()).encryptor()
    return encryptor.update(blocks) + encryptor.finalize()


def hkdf(ikm: bytes, info: bytes, length: int) -> bytes:
    """Derive `length` bytes by HKDF-SHA256 with an empty salt (RFC 5869)."""
    prk = hmac.digest(bytes(32), ikm, "sha256")
    okm = b""
    previous = b""
    counter = 1
    while len(okm) < length:
        previous = hmac.digest(prk, previous + info + u8(counter), "sha256")
        okm += previous
        counter += 1
    return okm[:length]


# --- Sections 2 and 3: parameters and key derivation ----------------------------------


@dataclass(frozen=True)
class Params:
    """The parameters of a key.

    Attributes
    ----------
    seeding : str
        `hash`, `min` or `fixed`.
    h : int
        Context width.
    g, k : int
        The green fraction is g / 2^k.
    """

    seeding: str
    h: int
    g: int
    k: int

    def __post_init__(self) -> None:
        """Refuse what section 2 does not allow."""
        if self.seeding not in SEEDINGS:
            raise ValueError("unknown seeding scheme")
        if self.seeding == "fixed" and self.h != 0:
            raise ValueError("fixed has context width 0")
        if self.seeding != "fixed" and not 1 <= self.h <= 16:
            raise ValueError("context width is 1 to 16")
        if not 1 <= self.k <= 8 or not 1 <= self.g < 2**self.k or self.g % 2 == 0:
            raise ValueError("green fraction is g / 2^k in lowest terms, k 1 to 8")

    def encode(self) -> bytes:
        """Give the four bytes of the parameters."""
        return u8(SEEDINGS[self.seeding]) + u8(self.h) + u8(self.g) + u8(self.k)

    @staticmethod
    def decode(data: bytes) -> Params:
        """Read the parameters from their four bytes."""
        seeding, h, g, k = data
        names = {number: name for name, number in SEEDINGS.items()}
        return Params(names.get(seeding, "?"), h, g, k)

    @property
    def gamma(self) -> Fraction:
        """The green fraction."""
        return Fraction(self.g, 2**self.k)


class Key:
    """A master key with its parameters and everything derived from the two."""

    scheme = SCHEME

    def __init__(self, master: bytes, params: Params) -> None:
        """Derive the subkeys and the commitment."""
        if len(master) != 32:
            raise ValueError("a master key has 32 bytes")
        self.master = master
        self.params = params
        self.k_context = self.subkey(b"context", 16)
        self.k_order = self.subkey(b"order", 16)
        self.k_mask = self.subkey(b"mask", 16)
        self.k_tenant = self.subkey(b"tenant", 16)
        self.commitment = self.subkey(b"commitment", 32)
        self.key_id = self.commitment[:8].hex()

    def subkey(self, role: bytes, length: int) -> bytes:
        """Derive the subkey of one role."""
        return hkdf(self.master, self.info(role), length)

    def info(self, role: bytes) -> bytes:
        """Give what a subkey of this role is bound to."""
        return self.scheme + b"\0" + role + b"\0" + self.params.encode()

    # --- Section 4: context to nonce ---

    def context(self, preceding: Sequence[int]) -> tuple[int, ...] | None:
        """Find the context of a position.

        Parameters
        ----------
        preceding : sequence of int
            All ids before the position in its sequence, the nearest last.

        Returns
        -------
        tuple of int or None
            The context; None where there is no window.
        """
        h = self.params.h
        if len(preceding) < h:
            return None
        window = tuple(preceding[len(preceding) - h :])
        if self.params.seeding == "min":
            return (min(window, key=lambda t: aes(self.k_order, pad16(le32(t)))),)
        return window

    def tweak(self, tenant: int) -> bytes:
        """Give the 12 bytes that a tenant id XORs into every nonce."""
        return aes(self.k_tenant, pad16(le64(tenant)))[:12]

    def nonce(self, context: Sequence[int], tenant: int | None = None) -> bytes:
        """Compute the nonce of a context: CBC-MAC, cut to 12 bytes, then the tweak."""
        message = pad16(b"".join(le32(c) for c in context))
        state = bytes(16)
        for start in range(0, len(message), 16):
            state = aes(self.k_context, xor(state, message[start : start + 16]))
        nonce = state[:12]
        return nonce if tenant is None else xor(nonce, self.tweak(tenant))

    # --- Section 5: nonce to green bits ---

    def group(self, nonce: bytes, j: int) -> list[bool]:
        """Give the colours of the 128 tokens of group `j`, True for green."""
        k = self.params.k
        counters = b"".join(nonce + be32(i) for i in range(j * k, j * k + k))
        stream = aes(self.k_mask, counters)
        planes = [stream[16 * p : 16 * p + 16] for p in range(k)]
        colours = []
        for v in range(128):
            u = 0
            for plane in planes:
                u = 2 * u + (plane[v // 8] >> (v % 8) & 1)
            colours.append(u < self.params.g)
        return colours

    def is_green(self, nonce: bytes, token: int) -> bool:
        """Tell whether one token is green."""
        return self.group(nonce, token // 128)[token % 128]

    def colours(self, nonce: bytes, vocabulary: int) -> list[bool]:
        """Give the colours of the tokens 0 to `vocabulary` - 1, True for green."""
        groups = range(-(-vocabulary // 128))
        return [c for j in groups for c in self.group(nonce, j)][:vocabulary]

    def mask(self, nonce: bytes, vocabulary: int) -> bytes:
        """Give the mask of a vocabulary, one bit a token."""
        mask = bytearray(-(-vocabulary // 8))
        for v, green in enumerate(self.colours(nonce, vocabulary)):
            mask[v // 8] |= green << (v % 8)
        return bytes(mask)


# --- Section 6: embedding --------------------------------------------------------------


@dataclass(frozen=True)
class FloatFormat:
    """An IEEE 754 binary format (bfloat16 has the same shape).

    A number is handled as its bit pattern, an integer. Arithmetic is done in exact
    fractions and rounded once, so nothing depends on the machine's own arithmetic.
    """

    name: str
    exponent_bits: int
    fraction_bits: int

    @property
    def size(self) -> int:
        """Bytes of one number."""
        return (1 + self.exponent_bits + self.fraction_bits) // 8

    @property
    def sign_bit(self) -> int:
        """The pattern of -0."""
        return 1 << (self.exponent_bits + self.fraction_bits)

    @property
    def infinity(self) -> int:
        """The pattern of +infinity."""
        return ((1 << self.exponent_bits) - 1) << self.fraction_bits

    @property
    def bias(self) -> int:
        """The exponent bias."""
        return (1 << (self.exponent_bits - 1)) - 1

    def is_nan(self, bits: int) -> bool:
        """Tell whether a pattern is a NaN."""
        return bits & ~self.sign_bit > self.infinity

    def is_infinite(self, bits: int) -> bool:
        """Tell whether a pattern is an infinity."""
        return bits & ~self.sign_bit == self.infinity

    def value(self, bits: int) -> Fraction:
        """Give the exact value of a finite pattern."""
        fraction = bits & ((1 << self.fraction_bits) - 1)
        exponent = (bits & ~self.sign_bit) >> self.fraction_bits
        if exponent == 0:
            exponent = 1
        else:
            fraction += 1 << self.fraction_bits
        magnitude = Fraction(fraction) * Fraction(2) ** (
            exponent - self.bias - self.fraction_bits
        )
        return -magnitude if bits & self.sign_bit else magnitude

    def round(self, value: Fraction) -> int:
        """Round a value other than zero to nearest, ties to even."""
        sign = self.sign_bit if value < 0 else 0
        magnitude = abs(value)
        # The binade: 2^e <= magnitude < 2^(e+1), but not below the subnormal one.
        e = magnitude.numerator.bit_length() - magnitude.denominator.bit_length()
        if magnitude < Fraction(2) ** e:
            e -= 1
        e = max(e, 1 - self.bias)
        # Python rounds a Fraction to the nearest integer, ties to even.
        units = round(magnitude / Fraction(2) ** (e - self.fraction_bits))
        # A carry out of the fraction runs into the exponent, which is what it should do.
        bits = units + ((e - 1 + self.bias) << self.fraction_bits)
        return sign | min(bits, self.infinity)

    def convert(self, bits: int, target: FloatFormat) -> int:
        """Convert a pattern to another format, rounding to nearest, ties to even."""
        sign = target.sign_bit if bits & self.sign_bit else 0
        if self.is_nan(bits):
            return sign | target.infinity | 1 << (target.fraction_bits - 1)
        if self.is_infinite(bits):
            return sign | target.infinity
        value = self.value(bits)
        return target.round(value) if value else sign

    def add(self, a: int, b: int) -> int:
        """Add two patterns: one IEEE 754 addition. `b` is finite."""
        if self.is_nan(a):
            return a | 1 << (self.fraction_bits - 1)
        if self.is_infinite(a):
            return a
        total = self.value(a) + self.value(b)
        if total == 0:
            return a & b & self.sign_bit  # -0 only where both are -0
        return self.round(total)


FLOAT32 = FloatFormat("float32", 8, 23)
FLOAT16 = FloatFormat("float16", 5, 10)
BFLOAT16 = FloatFormat("bfloat16", 8, 7)
FORMATS = {f.name: f for f in (FLOAT32, FLOAT16, BFLOAT16)}


def float32_bits(x: float) -> int:
    """Give the pattern of the float32 nearest to `x`."""
    return int(struct.unpack("<I", struct.pack("<f", x))[0])


def bias_row(
    key: Key,
    nonce: bytes,
    fmt: FloatFormat,
    row: Sequence[int],
    delta: int,
    never: Iterable[int] = (),
) -> list[int]:
    """Bias a row of logits.

    Parameters
    ----------
    key : Key
        The key.
    nonce : bytes
        The nonce of the position.
    fmt : FloatFormat
        Format of the row.
    row : sequence of int
        The logits as bit patterns.
    delta : int
        The strength, as a float32 bit pattern.
    never : iterable of int
        The never-biased list.

    Returns
    -------
    list of int
        The biased row as bit patterns.
    """
    left_alone = set(never)
    biased = list(row)
    for v, green in enumerate(key.colours(nonce, len(row))):
        if green and v not in left_alone:
            wide = fmt.convert(row[v], FLOAT32)
            biased[v] = FLOAT32.convert(FLOAT32.add(wide, delta), fmt)
    return biased


# --- Section 7: verifying ----------------------------------------------------------------


@dataclass(frozen=True)
class Counts:
    """What section 7 counts."""

    documents: int
    tokens: int
    scored: int
    repeated: int
    green: int


def count(key: Key, documents: Sequence[Sequence[int]], tenant: int | None = None) -> Counts:
    """Count the coins of a list of documents."""
    seen: set[tuple[tuple[int, ...], int]] = set()
    repeated = 0
    green = 0
    for document in documents:
        for position, token in enumerate(document):
            context = key.context(document[:position])
            if context is None:
                continue
            coin = (context, token)
            if coin in seen:
                repeated += 1
                continue
            seen.add(coin)
            green += key.is_green(key.nonce(context, tenant), token)
    tokens = sum(len(document) for document in documents)
    return Counts(len(documents), tokens, len(seen), repeated, green)


# --- Section 8: statistics ---------------------------------------------------------------
#
# The standard's own way is a quadrature of the incomplete beta integral. None of that
# is used here. With r_i = P(X = x+i) / P(X = x) the tail is
#
#     P(X >= x) = P(X = x) * (r_0 + r_1 + r_2 + ...),      r_0 = 1,
#     r_{i+1} = r_i * (n-x-i) / (x+1+i) * gamma / (1-gamma),
#
# a sum of positive terms which decrease, faster and faster, when x is not below the
# mean. It is added up term by term in fixed point. Where that needs too many terms (n
# of a trillion, close to the mean) the sum is taken by the Euler-Maclaurin formula. For
# x below the mean P(X <= x-1) is computed in the same way with the colours exchanged,
# which is then a tail beyond its mean. P(X = x) comes from log-gamma at WORKING_DIGITS.

WORKING_DIGITS = 80
_FIXED_POINT_BITS = 256
_NEGLIGIBLE_BITS = 150
_MOST_TERMS = 300_000


def log_pmf(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute ln P(X = x) for X ~ Bin(n, gamma)."""
    p = mpmath.mpf(gamma.numerator) / gamma.denominator
    q = 1 - p
    ways = mpmath.loggamma(n + 1) - mpmath.loggamma(x + 1) - mpmath.loggamma(n - x + 1)
    return ways + x * mpmath.log(p) + (n - x) * mpmath.log(q)


def ratio_sum_by_terms(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute P(X >= x) / P(X = x) by adding up the terms, in fixed point.

    It stops where all that is left, bounded by a geometric series, is below
    2^-_NEGLIGIBLE_BITS. Needs x at or beyond the mean.
    """
    odds = gamma / (1 - gamma)
    one = 1 << _FIXED_POINT_BITS
    negligible = one >> _NEGLIGIBLE_BITS
    term = one
    total = 0
    up, down = (n - x) * odds.numerator, (x + 1) * odds.denominator
    while term:
        total += term
        # term * up / (down - up) bounds the rest, as the ratio only gets smaller.
        if term <= negligible and term * up <= negligible * (down - up):
            break
        term = term * up // down
        up -= odds.numerator
        down += odds.denominator
    return mpmath.mpf(total) / one


def ratio_sum_by_euler_maclaurin(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute P(X >= x) / P(X = x) as integral + 1/2 - sum B_2j / (2j)! f^(2j-1)(0).

    Here f(t) = P(X = x+t) / P(X = x) with factorials continued by the gamma function.
    Needs f to change slowly from one integer to the next.
    """
    log_odds = mpmath.log(mpmath.mpf(gamma.numerator) / (1 - gamma).numerator)
    base = mpmath.loggamma(x + 1) + mpmath.loggamma(n - x + 1)

    def log_f(t: mpmath.mpf) -> mpmath.mpf:
        ways = base - mpmath.loggamma(x + 1 + t) - mpmath.loggamma(n - x + 1 - t)
        return ways + t * log_odds

    end = mpmath.mpf(1)
    while log_f(end) > -_NEGLIGIBLE_BITS:
        end *= 2
    pieces = mpmath.linspace(0, end, 9)
    with mpmath.workdps(50):
        integral = mpmath.quad(
            lambda t: mpmath.exp(_at_full_precision(log_f, t)), pieces, method="gauss-legendre"
        )

    # Taylor coefficients of ln f at 0, then of f: m f_m = sum j l_j f_(m-j).
    order = 13
    log_coefficients = [mpmath.mpf(0)] * (order + 1)
    for m in range(1, order + 1):
        above = mpmath.psi(m - 1, x + 1)
        below = mpmath.psi(m - 1, n - x + 1) * (-1) ** m
        log_coefficients[m] = -(above + below) / mpmath.factorial(m)
    log_coefficients[1] += log_odds
    f = [mpmath.mpf(1)]
    for m in range(1, order + 1):
        f.append(sum(j * log_coefficients[j] * f[m - j] for j in range(1, m + 1)) / m)

    total = integral + mpmath.mpf(1) / 2
    for j in range(1, (order + 1) // 2 + 1):
        derivative = f[2 * j - 1] * mpmath.factorial(2 * j - 1)
        total -= mpmath.bernoulli(2 * j) / mpmath.factorial(2 * j) * derivative
    return total


def _at_full_precision(function, t: mpmath.mpf) -> mpmath.mpf:  # noqa: ANN001
    """Evaluate with WORKING_DIGITS inside a quadrature that works with fewer."""
    with mpmath.workdps(WORKING_DIGITS):
        return function(t)


def _terms_needed(n: int, x: int, gamma: Fraction) -> float:
    """Estimate how many terms the sum has before they become negligible."""
    p = float(gamma)
    variance = n * p * (1 - p)
    slope = (x - n * p) / variance
    depth = 0.7 * _NEGLIGIBLE_BITS
    return 2 * depth / (slope + (slope * slope + 2 * depth / variance) ** 0.5)


def log_upper_tail(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute ln P(X >= x) for X ~ Bin(n, gamma) and x at or beyond the mean."""
    if _terms_needed(n, x, gamma) <= _MOST_TERMS:
        ratio = ratio_sum_by_terms(n, x, gamma)
    else:
        ratio = ratio_sum_by_euler_maclaurin(n, x, gamma)
    return log_pmf(n, x, gamma) + mpmath.log(ratio)


def log10_p_value(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute log10 P(X >= x) for X ~ Bin(n, gamma)."""
    with mpmath.workdps(WORKING_DIGITS):
        if x == 0:
            return mpmath.mpf(0)
        if x >= n * gamma:
            log_p = log_upper_tail(n, x, gamma)
        else:
            rest = mpmath.exp(log_upper_tail(n, n - x + 1, 1 - gamma))
            log_p = mpmath.log1p(-rest)
        return log_p / mpmath.log(10)


def log10_p_value_exact(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute the same from the exact fraction, by adding integers. For small n."""
    g, whole = gamma.numerator, gamma.denominator
    red = whole - g
    upper = sum(comb(n, i) * g**i * red ** (n - i) for i in range(x, n + 1))
    total = whole**n
    with mpmath.workdps(WORKING_DIGITS):
        if 2 * upper < total:
            return mpmath.log(mpmath.mpf(upper) / total) / mpmath.log(10)
        return mpmath.log1p(-mpmath.mpf(total - upper) / total) / mpmath.log(10)


def z_score(n: int, x: int, gamma: Fraction) -> mpmath.mpf:
    """Compute the z-score."""
    if n == 0:
        return mpmath.mpf(0)
    with mpmath.workdps(WORKING_DIGITS):
        deviation = x - n * gamma
        variance = n * gamma * (1 - gamma)
        top = mpmath.mpf(deviation.numerator) / deviation.denominator
        return top / mpmath.sqrt(mpmath.mpf(variance.numerator) / variance.denominator)


# --- Section 9: key file -------------------------------------------------------------------

MAGIC = bytes.fromhex("89 47 50 4b 45 59 0d 0a")
FILE_SIZE = 200


class KeyFileError(ValueError):
    """A key file is refused; `check` names the first check of section 9 that failed."""

    def __init__(self, check: str) -> None:
        """Keep the name of the check."""
        super().__init__(check)
        self.check = check


@dataclass(frozen=True)
class Seal:
    """What a sealed key file is sealed with."""

    passphrase: bytes
    passes: int
    memory: int
    salt: bytes
    nonce: bytes


def hchacha20(key: bytes, nonce: bytes) -> bytes:
    """Derive a 32-byte key from a key and 16 bytes (draft-irtf-cfrg-xchacha, 2.2)."""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for into, source, mixed, left in (
            (a, b, d, 16),
            (c, d, b, 12),
            (a, b, d, 8),
            (c, d, b, 7),
        ):
            state[into] = (state[into] + state[source]) & 0xFFFFFFFF
            turned = state[mixed] ^ state[into]
            state[mixed] = (turned << left | turned >> (32 - left)) & 0xFFFFFFFF

    for _ in range(10):
        for column in range(4):
            quarter(column, 4 + column, 8 + column, 12 + column)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def xchacha20poly1305(key: bytes, nonce: bytes) -> tuple[ChaCha20Poly1305, bytes]:
    """Give the ChaCha20-Poly1305 cipher, and its nonce, that make up XChaCha20-Poly1305."""
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])), bytes(4) + nonce[16:]


def argon2id(passphrase: bytes, salt: bytes, passes: int, memory: int) -> bytes:
    """Derive the 32-byte sealing key; `memory` is in bytes."""
    return Argon2id(
        salt=salt, length=32, iterations=passes, lanes=1, memory_cost=memory // 1024
    ).derive(passphrase)


def with_checksum(body: bytes) -> bytes:
    """Append the SHA-256 that ends a key file."""
    return body + hashlib.sha256(body).digest()


def write_key_file(key: Key, seal: Seal | None = None, commitment: bytes | None = None) -> bytes:
    """Give the bytes of a key file.

    Parameters
    ----------
    key : Key
        The key.
    seal : Seal or None
        What to seal it with; None for an unsealed file.
    commitment : bytes or None
        A commitment to write instead of the key's own. Only for making a bad file.

    Returns
    -------
    bytes
        The 200 bytes.
    """
    header = MAGIC + u8(1) + u8(seal is not None) + bytes(2) + key.scheme.ljust(16, b"\0")
    header += key.params.encode() + (commitment or key.commitment)
    if seal is None:
        return with_checksum(header + bytes(56) + key.master + bytes(16))
    header += le64(seal.passes) + le64(seal.memory) + seal.salt + seal.nonce
    sealing_key = argon2id(seal.passphrase, seal.salt, seal.passes, seal.memory)
    cipher, nonce = xchacha20poly1305(sealing_key, seal.nonce)
    return with_checksum(header + cipher.encrypt(nonce, key.master, header))


def read_key_file(
    data: bytes, passphrase: bytes = b"", schemes: Sequence[type[Key]] = (Key,)
) -> Key:
    """Read a key file of known schemes, or raise KeyFileError with the first check that fails."""
    if len(data) != FILE_SIZE:
        raise KeyFileError("length")
    if data[:8] != MAGIC:
        raise KeyFileError("magic")
    if data[8] != 1:
        raise KeyFileError("version")
    if hashlib.sha256(data[:168]).digest() != data[168:]:
        raise KeyFileError("checksum")
    known = {scheme.scheme.ljust(16, b"\0"): scheme for scheme in schemes}
    if data[12:28] not in known:
        raise KeyFileError("scheme")
    try:
        params = Params.decode(data[28:32])
    except ValueError:
        raise KeyFileError("params") from None
    sealed = data[9]
    if sealed > 1 or data[10:12] != bytes(2):
        raise KeyFileError("protection")
    if not sealed:
        if any(data[64:120]) or any(data[152:168]):
            raise KeyFileError("protection")
        master = data[120:152]
    else:
        passes, memory = struct.unpack("<QQ", data[64:80])
        if not 1 <= passes <= 16 or not 8 * 1024 <= memory <= 1024**3:
            raise KeyFileError("cost")
        sealing_key = argon2id(passphrase, data[80:96], passes, memory)
        cipher, nonce = xchacha20poly1305(sealing_key, data[96:120])
        try:
            master = cipher.decrypt(nonce, data[120:168], data[:120])
        except InvalidTag:
            raise KeyFileError("seal") from None
    key = known[data[12:28]](master, params)
    if not hmac.compare_digest(key.commitment, data[32:64]):
        raise KeyFileError("commitment")
    return key


# --- Section 16: served contexts -----------------------------------------------------

CONTEXTS_KEY = b"greenprint-ctx-1"
CONTEXTS_MAGIC = b"\x89GPCTX\r\n"
MASK64 = 2**64 - 1


def rotate(x: int, bits: int) -> int:
    """Rotate a number of 64 bits to the left."""
    return (x << bits | x >> (64 - bits)) & MASK64


def siphash(key: bytes, message: bytes) -> int:
    """Compute SipHash-2-4 [Aumasson and Bernstein 2012, section 2]."""
    k0, k1 = struct.unpack("<2Q", key)
    v = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]

    def rounds(count: int) -> None:
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK64
            v[2] = (v[2] + v[3]) & MASK64
            v[1] = rotate(v[1], 13) ^ v[0]
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[1]) & MASK64
            v[0] = (v[0] + v[3]) & MASK64
            v[1] = rotate(v[1], 17) ^ v[2]
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = rotate(v[2], 32)

    # Whole words, the last of which ends in the length modulo 256.
    padding = bytes(7 - len(message) % 8) + u8(len(message) % 256)
    for (word,) in struct.iter_unpack("<Q", message + padding):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def fingerprint(window: Sequence[int]) -> int:
    """Compute the fingerprint of a window of token ids."""
    return siphash(CONTEXTS_KEY, b"".join(map(le32, window)))


def write_contexts_file(h: int, documents: Sequence[Sequence[int]]) -> bytes:
    """Write the contexts of documents as a file."""
    windows = (ids[i : i + h] for ids in documents for i in range(len(ids) - h + 1))
    fingerprints = sorted({fingerprint(window) for window in windows})
    header = CONTEXTS_MAGIC + u8(1) + u8(h) + u8(64) + bytes(5)
    counts = [len(fingerprints), len(documents), sum(map(len, documents))]
    return with_checksum(header + b"".join(map(le64, counts + fingerprints)))
