"""Sets of keys and proofs of inclusion, from SPEC.md section 21 and RFC 9162 alone."""

import hashlib
import struct


def sha256(data):
    return hashlib.sha256(data).digest()


def tree_head(leaves):
    """RFC 9162, section 2.1.1."""
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0])
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + tree_head(leaves[:k]) + tree_head(leaves[k:]))


def root_of(leaves):
    """What is published: the head, bound to the size of the tree."""
    return sha256(b"greenprint-keys\0" + struct.pack("<Q", len(leaves)) + tree_head(leaves))


def tree_path(leaves, m):
    """RFC 9162, section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if m < k:
        return [*tree_path(leaves[:k], m), tree_head(leaves[k:])]
    return [*tree_path(leaves[k:], m - k), tree_head(leaves[:k])]


def checked(body):
    return body + sha256(body)


def set_file(leaves):
    """A set as SPEC.md section 21 has it."""
    header = b"\x89GPSET\r\n" + bytes([1]) + bytes(7) + struct.pack("<Q", len(leaves))
    return checked(header + b"".join(leaves) + root_of(leaves))


def proof_file(leaves, m):
    """A proof as SPEC.md section 21 has it."""
    path = tree_path(leaves, m)
    header = b"\x89GPINC\r\n" + bytes([1, len(path)]) + bytes(6)
    header += struct.pack("<2Q", m, len(leaves))
    return checked(header + leaves[m] + b"".join(path) + root_of(leaves))


def leaf_of(key_file):
    """Scheme, parameters and commitment, as the key file has them in a row."""
    return key_file[12:64]
