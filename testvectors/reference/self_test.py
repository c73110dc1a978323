"""Hold the reference implementation to published known answers and to itself.

    python3 testvectors/reference/self_test.py

generate.py does the same before it makes anything.
"""

from __future__ import annotations

import hashlib
import struct
from fractions import Fraction

import greenprint_reference as gp
import mpmath


def number(label: str, i: int) -> int:
    """Derive a number below 2^64 from a label and an index."""
    return int.from_bytes(hashlib.sha256(f"{label}:{i}".encode()).digest()[:8], "little")


def expect(name: str, got: object, wanted: object) -> None:
    """Stop if a known answer is not met."""
    if got != wanted:
        raise SystemExit(f"self-test: {name} gives {got!r}, not {wanted!r}")


def check_primitives() -> None:
    """Check the primitives against the answers that their standards publish."""
    unhex = bytes.fromhex
    expect(
        "AES-128 (FIPS 197, C.1)",
        gp.aes(bytes(range(16)), unhex("00112233445566778899aabbccddeeff")),
        unhex("69c4e0d86a7b0430d8cdb78070b4c55a"),
    )
    expect(
        "SipHash-2-4 (Aumasson and Bernstein, appendix A)",
        gp.siphash(bytes(range(16)), bytes(range(15))),
        0xA129CA6149BE45E5,
    )
    expect(
        "HKDF-SHA256 (RFC 5869, A.3)",
        gp.hkdf(b"\x0b" * 22, b"", 42),
        unhex(
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        ),
    )
    expect(
        "HChaCha20 (draft-irtf-cfrg-xchacha, 2.2.1)",
        gp.hchacha20(bytes(range(32)), unhex("000000090000004a0000000031415927")),
        unhex("82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"),
    )
    cipher, nonce = gp.xchacha20poly1305(bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58)))
    text = (
        b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
        b"the future, sunscreen would be it."
    )
    expect(
        "XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha, A.3.1)",
        cipher.encrypt(nonce, text, unhex("50515253c0c1c2c3c4c5c6c7")),
        unhex(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
            "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
            "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
            "21f9664c97637da9768812f615c68b13b52e"
            "c0875924c1c7987947deafd8780acf49"
        ),
    )
    expect(
        "Argon2id (RFC 9106, 5.3)",
        gp.Argon2id(
            salt=b"\x02" * 16,
            length=32,
            iterations=3,
            lanes=4,
            memory_cost=32,
            secret=b"\x03" * 8,
            ad=b"\x04" * 12,
        ).derive(b"\x01" * 32),
        unhex("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"),
    )


def check_floats() -> None:
    """Check the conversions against those of Python, which are the machine's."""
    for i in range(5000):
        single = number("check single", i) % 2**32
        value = struct.unpack("<f", struct.pack("<I", single))[0]
        if gp.FLOAT32.is_nan(single):
            continue
        # Half of them within the range of float16, which is a small part of all patterns.
        if i % 2:
            single = single & 0x807FFFFF | (100 + (single >> 23) % 45) << 23
            value = struct.unpack("<f", struct.pack("<I", single))[0]
        try:
            half = struct.unpack("<H", struct.pack("<e", value))[0]
        except OverflowError:
            half = 0x7C00 | (single >> 16 & 0x8000)
        expect(f"{value} as float16", gp.FLOAT32.convert(single, gp.FLOAT16), half)
        other = 0.75 * (i % 64)
        total = gp.FLOAT32.add(single, gp.float32_bits(other))
        # The sum of two float32 numbers, rounded to double and then to float32, is the
        # correctly rounded one: double has more than 2 * 24 + 1 bits.
        try:
            wanted = gp.float32_bits(value + other)
        except OverflowError:
            wanted = 0x7F800000 | (single & 0x80000000)
        expect(f"{value} + {other}", total, wanted)
    for i in range(2**16):
        half = struct.unpack("<e", struct.pack("<H", i))[0]
        if half == half:
            expect(f"float16 {i}", gp.FLOAT16.convert(i, gp.FLOAT32), gp.float32_bits(half))
            single = gp.FLOAT16.convert(i, gp.FLOAT32)
            expect(f"float16 {i} and back", gp.FLOAT32.convert(single, gp.FLOAT16), i)
        if not gp.BFLOAT16.is_nan(i):
            expect(f"bfloat16 {i}", gp.BFLOAT16.convert(i, gp.FLOAT32), i << 16)
        # Rounding float32 to bfloat16 by the well-known trick with integers.
        single = i << 16 | number("check bfloat16", i) % 2**16
        if i % 4 == 0:
            single = i << 16 | 0x8000
        if not gp.FLOAT32.is_nan(single):
            wanted = single + 0x7FFF + (single >> 16 & 1) >> 16
            expect(f"bfloat16 of {single}", gp.FLOAT32.convert(single, gp.BFLOAT16), wanted)


def check_tails() -> None:
    """Check the two ways of adding up a tail against each other."""
    with mpmath.workdps(gp.WORKING_DIGITS):
        for n, gamma, deviations in (
            (10**6, Fraction(1, 4), 0),
            (10**9, Fraction(1, 4), 0),
            (10**9, Fraction(3, 8), 3),
            (10**9, Fraction(1, 256), 12),
            (2**44, Fraction(1, 2), 60),
            (2**44, Fraction(255, 256), 200),
        ):
            x = int(n * gamma) + 1 + int(deviations * mpmath.sqrt(n * float(gamma * (1 - gamma))))
            terms = gp.ratio_sum_by_terms(n, x, gamma)
            formula = gp.ratio_sum_by_euler_maclaurin(n, x, gamma)
            close = abs(terms / formula - 1) < mpmath.mpf(10) ** -35
            expect(f"tail of {n}, {x}, {gamma}", bool(close), True)


def main() -> None:
    """Run every check; stop at the first that fails."""
    check_primitives()
    check_floats()
    check_tails()


if __name__ == "__main__":
    main()
    print("all as they should be")
