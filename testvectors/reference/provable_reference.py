"""Reference for section 18 of SPEC.md: provable keys, over voprf.py.

Sections 5 to 8 are those of greenprint_reference.py, which does not know the difference.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import greenprint_reference as gp
import voprf

SCHEME = b"greenprint-1v"
SUITE = voprf.Suite(voprf.VOPRF)
PUBLIC_MAGIC = bytes.fromhex("89 47 50 50 55 42 0d 0a")
PUBLIC_FILE_SIZE = 128


class PublicKey(gp.Key):
    """A public key with its parameters: what everybody knows of a provable key.

    It knows contexts and, given a nonce, green bits. It cannot make a nonce by itself.
    """

    scheme = SCHEME

    def __init__(self, public: voprf.Element, params: gp.Params) -> None:
        """Derive what is derived from the public key."""
        self.public = public
        self.params = params
        self.k_order = self.public_subkey(b"order", 16)
        self.k_mask = self.public_subkey(b"mask", 16)
        self.commitment = self.public_subkey(b"commitment", 32)
        self.key_id = self.commitment[:8].hex()

    def public_subkey(self, role: bytes, length: int) -> bytes:
        """Derive the subkey of one role from the public key."""
        return gp.hkdf(self.public.encode(), self.info(role), length)

    @staticmethod
    def input(context: Sequence[int], tenant: int | None = None) -> bytes:
        """Encode a context, and the tenant where there is one."""
        start = b"\0" if tenant is None else b"\1" + gp.le64(tenant)
        return start + b"".join(gp.le32(c) for c in context)

    def element(self, context: Sequence[int], tenant: int | None = None) -> voprf.Element:
        """Give the element of a context."""
        return SUITE.hash_to_group(self.input(context, tenant))

    def nonce_from(
        self, context: Sequence[int], tenant: int | None, evaluated: voprf.Element
    ) -> bytes:
        """Compute the nonce of a context from its evaluated element."""
        return voprf.finalize_hash(self.input(context, tenant), evaluated)[:12]

    def nonce(self, context: Sequence[int], tenant: int | None = None) -> bytes:
        """Refuse: this takes the private key."""
        raise NotImplementedError


class ProvableKey(PublicKey):
    """A master key of this scheme."""

    def __init__(self, master: bytes, params: gp.Params) -> None:
        """Derive the key pair, and the rest from the public key."""
        if len(master) != 32:
            raise ValueError("a master key has 32 bytes")
        self.master = master
        self.params = params
        self.seed = self.subkey(b"seed", 32)
        info = SCHEME + b"\0" + params.encode()
        self.secret, public = SUITE.derive_key_pair(self.seed, info)
        super().__init__(public, params)
        self.known: dict[tuple[tuple[int, ...], int | None], bytes] = {}

    def evaluated(self, context: Sequence[int], tenant: int | None = None) -> voprf.Element:
        """Give the evaluated element of a context."""
        return self.secret * self.element(context, tenant)

    def nonce(self, context: Sequence[int], tenant: int | None = None) -> bytes:
        """Compute the nonce of a context, or remember it."""
        what = (tuple(context), tenant)
        if what not in self.known:
            evaluated = self.evaluated(context, tenant)
            self.known[what] = self.nonce_from(context, tenant, evaluated)
        return self.known[what]


TABLE_MAGIC = bytes.fromhex("89 47 50 54 42 4c 0d 0a")


def fold_answer(
    key: PublicKey, pairs: list[tuple[voprf.Element, voprf.Element]]
) -> tuple[voprf.Element, voprf.Element]:
    """Return the pair that the proof of a blind answer is of (SPEC.md, section 20)."""
    header = b"\x89GPBEA\r\n" + struct.pack("<B3xI", 2, len(pairs)) + key.commitment[:8]
    return SUITE.fold(header + key.public.encode(), pairs)


def write_nonce_table(
    key: ProvableKey, nonces: Sequence[bytes], tenant: int | None, seal_nonce: bytes
) -> bytes:
    """Give the bytes of a nonce table (SPEC.md section 22).

    Parameters
    ----------
    key : ProvableKey
        The key.
    nonces : sequence of bytes
        Those of the ids from 0 on; of anything else only to make a bad table.
    tenant : int or None
        Whose they are.
    seal_nonce : bytes
        24 bytes, which should be random.

    Returns
    -------
    bytes
        The table.
    """
    header = TABLE_MAGIC + gp.u8(1) + gp.u8(tenant is not None) + bytes(2)
    header += SCHEME.ljust(16, b"\0") + key.params.encode() + key.commitment
    header += gp.le64(tenant or 0) + gp.le64(len(nonces)) + seal_nonce
    cipher, nonce = gp.xchacha20poly1305(key.subkey(b"table", 32), seal_nonce)
    return gp.with_checksum(header + cipher.encrypt(nonce, b"".join(nonces), header))


class PublicFileError(ValueError):
    """A public file is refused; `check` names the first check of section 18 that failed."""

    def __init__(self, check: str) -> None:
        """Keep the name of the check."""
        super().__init__(check)
        self.check = check


def write_public_file(key: PublicKey) -> bytes:
    """Give the 128 bytes of the public file of a key."""
    header = PUBLIC_MAGIC + gp.u8(1) + bytes(3) + SCHEME.ljust(16, b"\0")
    return gp.with_checksum(header + key.params.encode() + key.public.encode() + key.commitment)


def read_public_file(data: bytes) -> PublicKey:
    """Read a public file, or raise PublicFileError with the first check that fails."""
    if len(data) != PUBLIC_FILE_SIZE:
        raise PublicFileError("length")
    if data[:8] != PUBLIC_MAGIC:
        raise PublicFileError("magic")
    if data[8] != 1:
        raise PublicFileError("version")
    if gp.with_checksum(data[:96]) != data:
        raise PublicFileError("checksum")
    if data[12:28] != SCHEME.ljust(16, b"\0"):
        raise PublicFileError("scheme")
    if any(data[9:12]):
        raise PublicFileError("zero")
    try:
        params = gp.Params.decode(data[28:32])
    except ValueError:
        raise PublicFileError("params") from None
    try:
        public = voprf.decode_element(data[32:64])
    except voprf.DecodingError:
        raise PublicFileError("pk") from None
    key = PublicKey(public, params)
    if key.commitment != data[64:96]:
        raise PublicFileError("commitment")
    return key
