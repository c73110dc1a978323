"""Hold the reference implementation to published known answers and to itself.

    python3 testvectors/reference/self_test.py

generate.py does the same before it makes anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
from fractions import Fraction
from pathlib import Path

import greenprint_reference as gp
import mpmath
import voprf

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("GREENPRINT_SHARED", ROOT.parent / "shared"))
OPRF_VECTORS = SHARED / "vectors" / "rfc9497-ristretto255-sha512.json"


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


# RFC 9496, A.1: the generator times 0 to 15.
MULTIPLES = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    "da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57",
    "e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e",
    "f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403",
    "44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d",
    "903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c",
    "02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031",
    "20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f",
    "bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42",
    "e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460",
    "aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f",
    "46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e",
    "e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e",
]

# RFC 9496, A.2: no canonical field elements, negative ones, no points for want of a root,
# points with a negative x y, and s = -1.
NO_ELEMENTS = [
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20",
    "c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562",
    "c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78",
    "47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24",
    "f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72",
    "87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    "4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f",
    "de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b",
    "bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042",
    "2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08",
    "f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22",
    "8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731",
    "2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b",
    "3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e",
    "a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220",
    "d483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e",
    "8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32",
    "32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b",
    "227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165",
    "5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e",
    "445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]

# RFC 9496, A.3: labels whose SHA-512 is mapped to an element.
MAPPED = {
    b"Ristretto is traditionally a short shot of espresso coffee": (
        "3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46"
    ),
    b"made with the normal amount of ground coffee but extracted with": (
        "f26e5b6f7d362d2d2a94c5d0e7602cb4773c95a2e5c31a64f133189fa76ed61b"
    ),
    b"about half the amount of water in the same amount of time": (
        "006ccd2a9e6867e6a2c5cea83d3302cc9de128dd2a9a57dd8ee7b9d7ffe02826"
    ),
    b"by using a finer grind.": (
        "f8f0c87cf237953c5890aec3998169005dae3eca1fbb04548c635953c817f92a"
    ),
    b"This produces a concentrated shot of coffee per volume.": (
        "ae81e7dedf20a497e10c304a765c1767a42d6e06029758d2d7e8ef7cc4c41179"
    ),
    b"Just pulling a normal shot short will produce a weaker shot": (
        "e2705652ff9f5e44d3e841bf1c251cf7dddb77d140870d1ab2ed64f1a9ce8628"
    ),
    b"and is not a Ristretto as some believe.": (
        "80bd07262511cdde4863f8a7434cef696750681cb9510eea557088f76d9e5065"
    ),
}


def check_group() -> None:
    """Check ristretto255 against the answers of RFC 9496 and the laws of a group."""
    p, d = voprf.P, voprf.D
    expect("SQRT_M1", voprf.SQRT_M1**2 % p, p - 1)
    expect("SQRT_AD_MINUS_ONE", voprf.SQRT_AD_MINUS_ONE**2 % p, (-d - 1) % p)
    expect("INVSQRT_A_MINUS_D", voprf.INVSQRT_A_MINUS_D**2 * (-1 - d) % p, 1)
    total = voprf.IDENTITY
    for i, encoding in enumerate(MULTIPLES):
        expect(f"{i} times the generator", total.encode().hex(), encoding)
        expect(f"{i} times the generator", (i * voprf.GENERATOR).encode().hex(), encoding)
        again = voprf.Element.decode(bytes.fromhex(encoding))
        expect(f"{i} times the generator, read", again == total, True)
        total = total + voprf.GENERATOR
    last = voprf.ORDER - 1
    expect("the last scalar", voprf.decode_scalar(voprf.encode_scalar(last)), last)
    for read, encodings in (
        (voprf.Element.decode, [*NO_ELEMENTS, MULTIPLES[1] + "00", MULTIPLES[1][:62]]),
        (voprf.decode_element, MULTIPLES[:1]),
        (voprf.decode_scalar, [voprf.encode_scalar(last + 1).hex(), "ff" * 32, "00" * 33]),
    ):
        for encoding in encodings:
            try:
                read(bytes.fromhex(encoding))
            except voprf.DecodingError:
                continue
            expect(f"reading {encoding}", "accepted", "refused")
    for label, encoding in MAPPED.items():
        element = voprf.Element.from_uniform(voprf.sha512(label))
        expect(f"mapping {label!r}", element.encode().hex(), encoding)
        # Adding a point of order 4 or 2 gives the same element in other coordinates.
        for x, y in ((voprf.SQRT_M1, 0), (0, -1), (-voprf.SQRT_M1, 0)):
            other = element + voprf.Element(x, y, 1, x * y)
            expect("an element in other coordinates", other.encode().hex(), encoding)
            expect("an element in other coordinates", other == element, True)
        a, b = number("scalar a", len(label)), number("scalar b", len(label))
        expect("distributing", (a * element + b * element) == (a + b) * element, True)
        expect("the order", (voprf.ORDER - a) * element + a * element, voprf.IDENTITY)


def check_oprf_case(suite: voprf.Suite, keys: dict[str, str], case: dict[str, object]) -> None:
    """Check one case of RFC 9497, of one input or of a batch."""
    inputs, blinds, blinded, evaluated, outputs = (
        [bytes.fromhex(part) for part in str(case[name]).split(",")]
        for name in ("Input", "Blind", "BlindedElement", "EvaluationElement", "Output")
    )
    secret = voprf.decode_scalar(bytes.fromhex(keys["skSm"]))
    pairs = []
    for i, data in enumerate(inputs):
        blind = voprf.decode_scalar(blinds[i])
        c = suite.blind(data, blind)
        expect("blinded element (RFC 9497)", c.encode(), blinded[i])
        expect("evaluated element (RFC 9497)", (secret * c).encode(), evaluated[i])
        d = voprf.decode_element(evaluated[i])
        expect("output, blinded (RFC 9497)", suite.finalize(data, blind, d), outputs[i])
        expect("output (RFC 9497)", suite.evaluate(secret, data), outputs[i])
        pairs.append((c, d))
    if suite.mode == voprf.OPRF:
        return
    given: dict[str, str] = case["Proof"]  # type: ignore[assignment]
    public = voprf.decode_element(bytes.fromhex(keys["pkSm"]))
    proof = bytes.fromhex(given["proof"])
    r = voprf.decode_scalar(bytes.fromhex(given["r"]))
    expect("proof (RFC 9497)", suite.generate_proof(secret, public, pairs, r), proof)
    expect("checking a proof", suite.verify_proof(public, pairs, proof), True)
    expect("checking it for another key", suite.verify_proof(pairs[0][0], pairs, proof), False)
    expect("checking it twice", suite.verify_proof(public, pairs + pairs, proof), False)


def check_oprf() -> None:
    """Check modes OPRF and VOPRF against the vectors of RFC 9497, where they are there."""
    if not OPRF_VECTORS.is_file():
        text = f"self-test: SKIPPED, {OPRF_VECTORS} is absent: OPRFs against RFC 9497"
        print(text, file=sys.stderr)
        return
    checked = 0
    for keys in json.loads(OPRF_VECTORS.read_text()):
        if keys["mode"] not in (voprf.OPRF, voprf.VOPRF):
            continue
        suite = voprf.Suite(keys["mode"])
        seed, info = bytes.fromhex(keys["seed"]), bytes.fromhex(keys["keyInfo"])
        secret, public = suite.derive_key_pair(seed, info)
        expect("DeriveKeyPair, skSm", voprf.encode_scalar(secret).hex(), keys["skSm"])
        if "pkSm" in keys:
            expect("DeriveKeyPair, pkSm", public.encode().hex(), keys["pkSm"])
        for case in keys["vectors"]:
            check_oprf_case(suite, keys, case)
            checked += 1
    expect("cases of RFC 9497", checked, 5)


def main() -> None:
    """Run every check; stop at the first that fails."""
    check_primitives()
    check_group()
    check_oprf()
    check_floats()
    check_tails()


if __name__ == "__main__":
    main()
    print("all as they should be")
