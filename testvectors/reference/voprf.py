"""The verifiable oblivious pseudorandom function that SPEC.md section 18 is built on.

Written from RFC 9496 (ristretto255), RFC 9380 (expand_message_xmd) and RFC 9497 (modes OPRF
and VOPRF of the suite ristretto255-SHA512) alone, in plain integers, to be read beside them.
Nothing here runs in constant time: use it to make or to check test vectors, never with a key
that matters.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

# --- The field of integers modulo 2^255 - 19 (RFC 9496, 4.1 and 4.2) -----------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)
# Two roots, of the signs that RFC 9496 chose; self_test.py checks what they are roots of.
SQRT_AD_MINUS_ONE = 25063068953384623474111414158702152701244531502492656460079210482610430750235
INVSQRT_A_MINUS_D = 54469307008909316920995813868745141605393597292927456921205312896311721017578
ONE_MINUS_D_SQ = (1 - D * D) % P
D_MINUS_ONE_SQ = (D - 1) ** 2 % P


def is_negative(x: int) -> bool:
    """Tell whether a field element is negative, which is whether it is odd."""
    return x % P % 2 == 1


def absolute(x: int) -> int:
    """Give the one of x and -x that is not negative."""
    return -x % P if is_negative(x) else x % P


def sqrt_ratio_m1(u: int, v: int) -> tuple[bool, int]:
    """Compute a root of u / v, or of SQRT_M1 u / v where u / v is no square."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    correct = check == u % P
    flipped = check == -u % P
    flipped_i = check == -u * SQRT_M1 % P
    if flipped or flipped_i:
        r = r * SQRT_M1 % P
    return correct or flipped, absolute(r)


# --- The group ristretto255 (RFC 9496, 4.3) -------------------------------------------------


class DecodingError(ValueError):
    """Bytes that are not the encoding of an element or a scalar."""


class Element:
    """An element, held as a point of edwards25519: x = X/Z, y = Y/Z, x y = T/Z."""

    def __init__(self, x: int, y: int, z: int, t: int) -> None:
        """Take a point of the curve."""
        self.x, self.y, self.z, self.t = x % P, y % P, z % P, t % P

    def __add__(self, other: Element) -> Element:
        """Add; the formulas hold for every two points (RFC 8032, 5.1.4)."""
        a = (self.y - self.x) * (other.y - other.x) % P
        b = (self.y + self.x) * (other.y + other.x) % P
        c = 2 * D * self.t * other.t % P
        d = 2 * self.z * other.z % P
        e, f, g, h = b - a, d - c, d + c, b + a
        return Element(e * f, g * h, f * g, e * h)

    def __rmul__(self, scalar: int) -> Element:
        """Multiply by a scalar: double and add."""
        total = IDENTITY
        for bit in bin(scalar % ORDER)[2:]:
            total = total + total
            if bit == "1":
                total = total + self
        return total

    def __eq__(self, other: object) -> bool:
        """Compare: four points of the curve are one element (4.3.3)."""
        if not isinstance(other, Element):
            return NotImplemented
        return (self.x * other.y - self.y * other.x) % P == 0 or (
            self.y * other.y - self.x * other.x
        ) % P == 0

    __hash__ = None  # type: ignore[assignment]

    def encode(self) -> bytes:
        """Give the 32 bytes of the element (4.3.2)."""
        u1 = (self.z + self.y) * (self.z - self.y) % P
        u2 = self.x * self.y % P
        _, inverse_root = sqrt_ratio_m1(1, u1 * u2 * u2)
        den1 = inverse_root * u1 % P
        den2 = inverse_root * u2 % P
        z_inverse = den1 * den2 * self.t % P
        if is_negative(self.t * z_inverse):
            x, y = self.y * SQRT_M1 % P, self.x * SQRT_M1 % P
            den_inverse = den1 * INVSQRT_A_MINUS_D % P
        else:
            x, y, den_inverse = self.x, self.y, den2
        if is_negative(x * z_inverse):
            y = -y
        return absolute(den_inverse * (self.z - y)).to_bytes(32, "little")

    @staticmethod
    def decode(data: bytes) -> Element:
        """Read an element, the identity included (4.3.1)."""
        s = int.from_bytes(data, "little")
        if len(data) != 32 or s >= P or is_negative(s):
            raise DecodingError("not the canonical encoding of a field element")
        u1, u2 = (1 - s * s) % P, (1 + s * s) % P
        v = (-D * u1 * u1 - u2 * u2) % P
        was_square, inverse_root = sqrt_ratio_m1(1, v * u2 * u2)
        den_x = inverse_root * u2 % P
        den_y = inverse_root * den_x * v % P
        x, y = absolute(2 * s * den_x), u1 * den_y % P
        if not was_square or is_negative(x * y) or y == 0:
            raise DecodingError("not the encoding of an element")
        return Element(x, y, 1, x * y)

    @staticmethod
    def from_uniform(data: bytes) -> Element:
        """Derive an element from 64 uniform bytes (4.3.4)."""
        halves = (int.from_bytes(data[i : i + 32], "little") % 2**255 for i in (0, 32))
        first, second = map(map_to_curve, halves)
        return first + second


def map_to_curve(t: int) -> Element:
    """Map a field element to a point: MAP of RFC 9496, 4.3.4."""
    r = SQRT_M1 * t * t % P
    u = (r + 1) * ONE_MINUS_D_SQ % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio_m1(u, v)
    c = -1
    if not was_square:
        s = -absolute(s * t)
        c = r
    n = (c * (r - 1) * D_MINUS_ONE_SQ - v) % P
    w0, w1 = 2 * s * v, n * SQRT_AD_MINUS_ONE
    w2, w3 = 1 - s * s, 1 + s * s
    return Element(w0 * w3, w2 * w1, w1 * w3, w0 * w2)


IDENTITY = Element(0, 1, 1, 0)
GENERATOR = Element.decode(
    bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")
)

# --- Hashing (RFC 9380, 5.3.1) ------------------------------------------------------------


def i2osp(x: int, length: int) -> bytes:
    """Encode an integer, most significant byte first."""
    return x.to_bytes(length, "big")


def framed(data: bytes) -> bytes:
    """Put the length of a byte string before it, in two bytes."""
    return i2osp(len(data), 2) + data


def sha512(data: bytes) -> bytes:
    """Compute SHA-512."""
    return hashlib.sha512(data).digest()


def expand_message_xmd(message: bytes, dst: bytes, length: int) -> bytes:
    """Hash to `length` uniform bytes with SHA-512, for tags of at most 255 bytes."""
    blocks = -(-length // 64)
    tag = dst + i2osp(len(dst), 1)
    b0 = sha512(bytes(128) + message + i2osp(length, 2) + b"\0" + tag)
    block = bytes(64)
    output = b""
    for i in range(1, blocks + 1):
        block = sha512(bytes(p ^ q for p, q in zip(b0, block, strict=True)) + i2osp(i, 1) + tag)
        output += block
    return output[:length]


# --- RFC 9497 --------------------------------------------------------------------------------

OPRF, VOPRF = 0, 1


def encode_scalar(scalar: int) -> bytes:
    """Give the 32 bytes of a scalar (section 4.1)."""
    return scalar.to_bytes(32, "little")


def decode_scalar(data: bytes) -> int:
    """Read a scalar, 0 included (section 4.1)."""
    scalar = int.from_bytes(data, "little")
    if len(data) != 32 or scalar >= ORDER:
        raise DecodingError("not the canonical encoding of a scalar")
    return scalar


def decode_element(data: bytes) -> Element:
    """Read an element, which may not be the identity (section 4.1)."""
    element = Element.decode(data)
    if element == IDENTITY:
        raise DecodingError("the identity")
    return element


@dataclass(frozen=True)
class Suite:
    """The suite ristretto255-SHA512 in one of its modes.

    Everything random is an argument, since vectors give it.
    """

    mode: int

    @property
    def context(self) -> bytes:
        """The context string (section 3.1)."""
        return b"OPRFV1-" + i2osp(self.mode, 1) + b"-ristretto255-SHA512"

    def hash_to_group(self, data: bytes) -> Element:
        """Hash to an element; the identity is an error, for which no input is known."""
        dst = b"HashToGroup-" + self.context
        element = Element.from_uniform(expand_message_xmd(data, dst, 64))
        if element == IDENTITY:
            raise ValueError("the input hashes to the identity")
        return element

    def hash_to_scalar(self, data: bytes, dst: bytes = b"HashToScalar-") -> int:
        """Hash to a scalar."""
        uniform = expand_message_xmd(data, dst + self.context, 64)
        return int.from_bytes(uniform, "little") % ORDER

    def derive_key_pair(self, seed: bytes, info: bytes) -> tuple[int, Element]:
        """Derive a private and a public key (section 3.2.1)."""
        for counter in range(256):
            data = seed + framed(info) + i2osp(counter, 1)
            secret = self.hash_to_scalar(data, b"DeriveKeyPair")
            if secret != 0:
                return secret, secret * GENERATOR
        raise ValueError("no key pair can be derived")

    def blind(self, data: bytes, blind: int) -> Element:
        """Blind an input (section 3.3.1)."""
        return blind * self.hash_to_group(data)

    def finalize(self, data: bytes, blind: int, evaluated: Element) -> bytes:
        """Compute the output from a blinded evaluation, whose proof was checked before."""
        return finalize_hash(data, pow(blind, -1, ORDER) * evaluated)

    def evaluate(self, secret: int, data: bytes) -> bytes:
        """Compute the output with the private key."""
        return finalize_hash(data, secret * self.hash_to_group(data))

    # --- Proofs that two logarithms are equal (section 2.2) ---

    def weights(self, public: Element, pairs: Sequence[tuple[Element, Element]]) -> list[int]:
        """Compute the factors d_i with which a batch is summed."""
        if not 1 <= len(pairs) <= 2**16:
            raise ValueError("a batch has 1 to 65,536 pairs: their index has two bytes")
        seed = sha512(framed(public.encode()) + framed(b"Seed-" + self.context))
        weights = []
        for i, (c, d) in enumerate(pairs):
            transcript = framed(seed) + i2osp(i, 2) + framed(c.encode()) + framed(d.encode())
            weights.append(self.hash_to_scalar(transcript + b"Composite"))
        return weights

    def fold(
        self, header: bytes, pairs: Sequence[tuple[Element, Element]]
    ) -> tuple[Element, Element]:
        """Sum up a batch with factors that depend on all of it (SPEC.md, section 19)."""
        encoded = b"".join(c.encode() + d.encode() for c, d in pairs)
        digest = sha512(b"greenprint-1v\0batch\0" + header + encoded)
        hashes = [
            sha512(b"greenprint-1v\0weight\0" + digest + i.to_bytes(4, "little"))
            for i in range(len(pairs))
        ]
        weights = [int.from_bytes(h, "little") % ORDER for h in hashes]
        return (
            weighted_sum(weights, [c for c, _ in pairs]),
            weighted_sum(weights, [d for _, d in pairs]),
        )

    def challenge(self, public: Element, *others: Element) -> int:
        """Hash what a proof is about to a scalar."""
        transcript = b"".join(framed(element.encode()) for element in (public, *others))
        return self.hash_to_scalar(transcript + b"Challenge")

    def generate_proof(
        self, secret: int, public: Element, pairs: Sequence[tuple[Element, Element]], r: int
    ) -> bytes:
        """Prove that secret * C = D for all pairs (C, D); `r` is the random scalar."""
        m = weighted_sum(self.weights(public, pairs), [c for c, _ in pairs])
        c = self.challenge(public, m, secret * m, r * GENERATOR, r * m)
        return encode_scalar(c) + encode_scalar((r - c * secret) % ORDER)

    def verify_proof(
        self, public: Element, pairs: Sequence[tuple[Element, Element]], proof: bytes
    ) -> bool:
        """Check a proof; raise DecodingError if it is none."""
        if len(proof) != 64:
            raise DecodingError("a proof has 64 bytes")
        c, s = decode_scalar(proof[:32]), decode_scalar(proof[32:])
        weights = self.weights(public, pairs)
        m = weighted_sum(weights, [pair[0] for pair in pairs])
        z = weighted_sum(weights, [pair[1] for pair in pairs])
        t2 = s * GENERATOR + c * public
        t3 = s * m + c * z
        return self.challenge(public, m, z, t2, t3) == c


def weighted_sum(weights: Sequence[int], elements: Sequence[Element]) -> Element:
    """Add up elements, each times its factor."""
    total = IDENTITY
    for weight, element in zip(weights, elements, strict=True):
        total = weight * element + total
    return total


def finalize_hash(data: bytes, evaluated: Element) -> bytes:
    """Hash an input and its evaluated element to the 64 bytes of the output."""
    return sha512(framed(data) + framed(evaluated.encode()) + b"Finalize")
