"""Signatures of files in the formats of minisign (SPEC.md section 21)."""

from __future__ import annotations

import ctypes
import os
import time
from dataclasses import dataclass

from greenprint import _library as c
from greenprint._errors import ArgumentError
from greenprint._keys import Secret, SecretObject, load_secret, save_secret
from greenprint._params import fixed_bytes

Path = str | os.PathLike[str]


def _signature_path(path: bytes, signature: Path | None) -> bytes:
    return path + b".minisig" if signature is None else c.encode(signature, "signature")


def _comment_bytes(comment: object, path: bytes) -> bytes:
    """Encode a trusted comment; None is what minisign says where nothing else is said."""
    if comment is None:
        base = os.path.basename(path)
        return b"timestamp:%d\tfile:%s\thashed" % (int(time.time()), base)
    if not isinstance(comment, str):
        raise ArgumentError(f"trusted_comment must be a str, not {type(comment).__name__}")
    try:
        encoded = comment.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ArgumentError(f"trusted_comment: {error}") from None
    if b"\0" in encoded:
        raise ArgumentError("trusted_comment contains a NUL character")
    return encoded


@dataclass(frozen=True)
class Signature:
    """What a signature that holds says.

    Attributes
    ----------
    trusted_comment : str
        What was signed with the file. Whoever signed chose it, and it may hold control
        characters, so show it with care. U+FFFD stands where it was no UTF-8.
    hashed : bool
        False for minisign's old algorithm, which signs the file itself.
    """

    trusted_comment: str
    hashed: bool


@dataclass(frozen=True)
class Signer:
    """The public half of a `SigningKey`: who signed.

    Attributes
    ----------
    number : bytes
        8 random bytes that tell keys apart, and nothing else.
    key : bytes
        The Ed25519 public key, 32 bytes.
    """

    number: bytes
    key: bytes

    @property
    def id(self) -> str:
        """The number as minisign writes it: 16 hexadecimal digits."""
        return self.number[::-1].hex().upper()

    def verify(self, path: Path, signature: Path | None = None) -> Signature:
        """Check the signature of a file, and of its trusted comment.

        Parameters
        ----------
        path : str or os.PathLike
            The file that was signed, of any size. One of minisign's old algorithm is read into
            memory, up to 1 GiB.
        signature : str or os.PathLike, optional
            The signature; ``.minisig`` behind `path` if not given.

        Returns
        -------
        Signature
            What it says.

        Raises
        ------
        FormatError, VersionError
            Where it does not hold, is another's, or is no signature; the message says which.
        FileError
            Where a file cannot be read.
        """
        facts = c.SignatureFacts()
        name = c.encode(path, "path")
        where = _signature_path(name, signature)
        c.call(
            c.lib.gp_signature_verify,
            name,
            where,
            ctypes.byref(self._to_c()),
            ctypes.byref(facts),
        )
        return Signature(facts.trusted_comment.decode("utf-8", "replace"), facts.hashed)

    @classmethod
    def load(cls, path: Path) -> Signer:
        """Read a public key of minisign's format.

        Parameters
        ----------
        path : str or os.PathLike
            The file, of `save`, ``greenprint sign --new`` or ``minisign -G``; get it from the
            signer, not from whoever shows the signature.

        Returns
        -------
        Signer
            Whose it is.

        Raises
        ------
        FileError, FormatError, VersionError
            Where the file cannot be read, is something else, or is of another algorithm.
        """
        signer = c.Signer()
        name = c.encode(path, "path")
        c.call(c.lib.gp_signer_load, name, ctypes.byref(signer), path=name)
        return cls._from_c(signer)

    def save(self, path: Path) -> None:
        """Write the public key in minisign's format, mode 0644.

        Parameters
        ----------
        path : str or os.PathLike
            Where to. An existing file is never replaced.

        Raises
        ------
        KeyExistsError, FileError
            Where the file exists, or cannot be written.
        """
        name = c.encode(path, "path")
        c.call(c.lib.gp_signer_save, ctypes.byref(self._to_c()), name, path=name)

    @classmethod
    def _from_c(cls, signer: c.Signer) -> Signer:
        return cls(number=bytes(signer.number), key=bytes(signer.key))

    def _to_c(self) -> c.Signer:
        signer = c.Signer()
        for name, size in (("number", c.SIGNER_NUMBER_SIZE), ("key", c.SIGNER_KEY_SIZE)):
            getattr(signer, name)[:] = fixed_bytes(getattr(self, name), name, size)
        signer.id = self.id.encode()
        return signer


class SigningKey(SecretObject):
    """A secret Ed25519 key that signs files. It has nothing to do with a `Key`.

    Made by `generate` or `load`. Immutable, so any number of threads may use one. The secret
    lives in locked C memory that stays out of core files and is wiped when the object goes or is
    closed; no method gives it back. A context manager, as a `Key` is.

    Examples
    --------
    >>> with SigningKey.load("court.key", passphrase) as key:  # doctest: +SKIP
    ...     key.sign("report.json")
    """

    _what = "the signing key"
    _free = c.lib.gp_signing_key_free

    def __init__(self) -> None:
        raise TypeError("use SigningKey.generate() or SigningKey.load()")

    @classmethod
    def generate(cls) -> SigningKey:
        """Make a key pair from the operating system's randomness.

        Returns
        -------
        SigningKey
            A new one.

        Raises
        ------
        CryptoError
            Where there is no randomness to be had.
        """
        handle = ctypes.c_void_p()
        c.call(c.lib.gp_signing_key_generate, ctypes.byref(handle))
        return cls._own(handle)

    @classmethod
    def load(cls, path: Path, passphrase: str | Secret | None = None) -> SigningKey:
        """Read a secret key of minisign's format.

        Takes the time and the memory that its seal asks for, at most 1 GiB.

        Parameters
        ----------
        path : str or os.PathLike
            The file, of `save`, `save_unsealed`, ``greenprint sign --new`` or ``minisign -G``.
        passphrase : str or bytes, optional
            For a sealed file; what `Key.load` says of passphrases holds here too.

        Returns
        -------
        SigningKey
            The key in the file.

        Raises
        ------
        PassphraseError
            Where the passphrase is wrong, or is missing and needed.
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged, or is of another algorithm.
        """
        return cls._own(load_secret(c.lib.gp_signing_key_load, path, passphrase))

    def save(self, path: Path, passphrase: str | Secret, cost: str = "sensitive") -> None:
        """Write the secret key sealed with a passphrase, mode 0600.

        Parameters
        ----------
        path : str or os.PathLike
            Where to. An existing file is never replaced.
        passphrase : str or bytes
            1 to 1024 bytes; see `Key.load`.
        cost : {"sensitive", "moderate", "interactive"}
            How hard the passphrase is to guess by machine: scrypt over 1 GiB, as minisign has
            it, 128 MiB or 16 MiB. Loading costs the same.

        Raises
        ------
        KeyExistsError
            Where the file exists.
        PassphraseError
            Where the passphrase has no or too many bytes.
        FileError
            Where the file cannot be written.
        """
        save_secret(c.lib.gp_signing_key_save_sealed, self._open, path, passphrase, cost)

    def save_unsealed(self, path: Path) -> None:
        """Write the secret key without a passphrase: whoever can read it can sign.

        Parameters
        ----------
        path : str or os.PathLike
            Where to, mode 0600. An existing file is never replaced.

        Raises
        ------
        KeyExistsError, FileError
            Where the file exists, or cannot be written.
        """
        name = c.encode(path, "path")
        c.call(c.lib.gp_signing_key_save_unsealed, self._open, name, path=name)

    @property
    def signer(self) -> Signer:
        """The public half, to be published."""
        signer = c.Signer()
        c.lib.gp_signing_key_signer(self._open, ctypes.byref(signer))
        return Signer._from_c(signer)

    def sign(
        self, path: Path, signature: Path | None = None, *, trusted_comment: str | None = None
    ) -> None:
        """Sign a file.

        Parameters
        ----------
        path : str or os.PathLike
            The file, of any size.
        signature : str or os.PathLike, optional
            Where to, mode 0644; ``.minisig`` behind `path` if not given. An existing file is
            never replaced.
        trusted_comment : str, optional
            What is signed with it: a line of at most 1023 bytes of UTF-8, without control
            characters but tabs. None: the time and the file's name, as minisign has it.

        Raises
        ------
        ArgumentError
            Where the comment is too long, or no line.
        KeyExistsError, FileError
            Where the signature exists, or a file cannot be read or written.
        """
        name = c.encode(path, "path")
        where = _signature_path(name, signature)
        comment = _comment_bytes(trusted_comment, name)
        c.call(c.lib.gp_sign_file, self._open, name, comment, where)

    def __repr__(self) -> str:
        """Show what is public."""
        if not self._finalizer.alive:
            return "<SigningKey, closed>"
        return f"<SigningKey {self.signer.id}>"
