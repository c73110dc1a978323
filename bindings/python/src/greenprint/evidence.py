"""What shows that a key was there before a dispute, how many there were, and who says what.

- `KeySet`: all keys of an owner in one Merkle tree; its root is to be published. `Inclusion`: a
  proof that one key is in it.
- `request_timestamp`, `attach_timestamp`, `verify_timestamp`: an authority's word (RFC 3161) that
  a file was there at some time.
- `SigningKey`, `Signer`: signatures of files, which minisign makes and checks as well.

``greenprint commit``, ``greenprint timestamp`` and ``greenprint sign`` read and write the same
files (SPEC.md section 21). Any number of threads may call anything here.

Examples
--------
>>> import greenprint
>>> keys = KeySet([greenprint.Key.generate() for _ in range(3)])
>>> proof = keys.prove(keys[1])
>>> proof.check(keys.root, keys[1])
>>> proof.tree_size
3
"""

from greenprint._key_sets import CommittedKey, Inclusion, KeySet
from greenprint._signing import Signature, Signer, SigningKey
from greenprint._timestamps import (
    Timestamp,
    attach_timestamp,
    request_timestamp,
    verify_timestamp,
)

__all__ = [
    "CommittedKey",
    "Inclusion",
    "KeySet",
    "Signature",
    "Signer",
    "SigningKey",
    "Timestamp",
    "attach_timestamp",
    "request_timestamp",
    "verify_timestamp",
]
