"""Keys: made, kept in files, inspected."""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeVar

from greenprint import _library as c
from greenprint._errors import ArgumentError
from greenprint._params import Params, fixed_bytes

Path = str | os.PathLike[str]
Secret = bytes | bytearray | memoryview
_Self = TypeVar("_Self", bound="SecretObject")


@contextmanager
def _secret_buffer(secret: Secret) -> Iterator[Any]:
    """Lend a copy of secret bytes to C, and wipe it afterwards."""
    try:
        buffer = (ctypes.c_char * memoryview(secret).nbytes).from_buffer_copy(secret)
    except (BufferError, ValueError) as error:  # not contiguous; already released
        raise ArgumentError(f"secret bytes that cannot be read: {error}") from None
    try:
        yield buffer
    finally:
        ctypes.memset(buffer, 0, ctypes.sizeof(buffer))


def _passphrase_bytes(passphrase: object) -> Secret:
    if isinstance(passphrase, str):
        encoded = None
        # The error holds the passphrase, so it must not be chained to ours.
        with suppress(UnicodeEncodeError):
            encoded = passphrase.encode("utf-8")
        if encoded is None:
            raise ArgumentError("the passphrase cannot be encoded as UTF-8; pass it as bytes")
        return encoded
    if isinstance(passphrase, bytes | bytearray | memoryview):
        return passphrase
    raise ArgumentError(f"the passphrase must be str or bytes, not {type(passphrase).__name__}")


def _c_params(params: object) -> c.Params:
    if not isinstance(params, Params):
        raise ArgumentError(f"params must be a Params, not {type(params).__name__}")
    return params._to_c()


def load_secret(function: Any, path: Path, passphrase: str | Secret | None) -> ctypes.c_void_p:
    """Call a function of the library that reads a file, which may be sealed."""
    handle = ctypes.c_void_p()
    name = c.encode(path, "path")
    if passphrase is None:
        c.call(function, name, None, 0, ctypes.byref(handle), path=name)
    else:
        with _secret_buffer(_passphrase_bytes(passphrase)) as buffer:
            c.call(function, name, buffer, len(buffer), ctypes.byref(handle), path=name)
    return handle


def save_secret(
    function: Any, pointer: int, path: Path, passphrase: str | Secret, cost: str
) -> None:
    """Call a function of the library that writes a sealed file."""
    if cost not in c.SEAL_COSTS:
        raise ArgumentError(f"cost must be one of {list(c.SEAL_COSTS)}, not {cost!r}")
    name = c.encode(path, "path")
    with _secret_buffer(_passphrase_bytes(passphrase)) as buffer:
        c.call(function, pointer, name, buffer, len(buffer), c.SEAL_COSTS[cost], path=name)


class SecretObject(c.Unpicklable):
    """Base of what owns a secret in locked C memory, which it wipes when it goes or is closed."""

    _why_not = "that would leave the secret where nobody wipes it; save it to a key file"
    _what: str  # for the error of a closed one
    _free: Any

    _pointer: int
    _finalizer: weakref.finalize[Any, SecretObject]

    @classmethod
    def _own(cls: type[_Self], handle: ctypes.c_void_p) -> _Self:
        key = cls.__new__(cls)
        assert handle.value is not None
        key._pointer = handle.value
        key._finalizer = weakref.finalize(key, cls._free, handle.value)
        return key

    def close(self) -> None:
        """Wipe and release the key now. Not while another thread uses it."""
        self._finalizer()

    @property
    def _open(self) -> int:
        if not self._finalizer.alive:
            raise ArgumentError(f"{self._what} is closed")
        return self._pointer

    def __enter__(self: _Self) -> _Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


class Key(SecretObject):
    """A master key and the parameters it is for.

    Made by `generate`, `from_bytes` or `load`. Immutable, so any number of threads may
    use one. The key bytes live in locked C memory that stays out of core files and is
    wiped when the object goes or is closed; no method gives them back. Watermarks
    and verifiers made from a key do not need it afterwards.

    As a context manager it is closed at the end of the block::

        with Key.load("greenprint.key", passphrase) as key:
            watermark = Watermark(key)
    """

    _what = "the key"
    _free = c.lib.gp_key_free

    def __init__(self) -> None:
        raise TypeError("use Key.generate(), Key.from_bytes() or Key.load()")

    @classmethod
    def generate(cls, params: Params | None = None, *, provable: bool = False) -> Key:
        """Make a key from the operating system's randomness.

        Parameters
        ----------
        params : Params, optional
            What it is for; ``Params()`` if not given.
        provable : bool
            Whether its owner can show what it makes of a text without giving it away: see
            `prove`. Such a key takes some 100 microseconds for a context that it has not met
            lately, where others need 0.1 of one.

        Returns
        -------
        Key
            A new one.

        Raises
        ------
        CryptoError
            Where there is no randomness to be had.
        """
        handle = ctypes.c_void_p()
        c_params = _c_params(Params() if params is None else params)
        generate = c.lib.gp_key_generate_provable if provable else c.lib.gp_key_generate
        c.call(generate, ctypes.byref(c_params), ctypes.byref(handle))
        return cls._own(handle)

    @classmethod
    def from_bytes(
        cls, master: Secret, params: Params | None = None, *, provable: bool = False
    ) -> Key:
        """Make a key from given bytes, as they come out of a key-management system.

        Parameters
        ----------
        master : bytes, bytearray or memoryview
            32 uniformly random bytes: never a passphrase. They are copied; wiping
            the caller's own copy is the caller's business (which takes a bytearray).
        params : Params, optional
            What it is for; ``Params()`` if not given.
        provable : bool
            As for `generate`.

        Returns
        -------
        Key
            The same key for the same bytes, parameters and `provable`.

        Raises
        ------
        ArgumentError
            Where there are not 32 bytes.
        """
        if not isinstance(master, bytes | bytearray | memoryview):
            raise ArgumentError(f"master must be bytes, not {type(master).__name__}")
        handle = ctypes.c_void_p()
        c_params = _c_params(Params() if params is None else params)
        make = c.lib.gp_key_from_bytes_provable if provable else c.lib.gp_key_from_bytes
        with _secret_buffer(master) as buffer:
            size = len(buffer)
            if size != c.MASTER_KEY_SIZE:
                raise ArgumentError(f"master must have {c.MASTER_KEY_SIZE} bytes, not {size}")
            c.call(make, ctypes.byref(c_params), buffer, ctypes.byref(handle))
        return cls._own(handle)

    @classmethod
    def load(cls, path: Path, passphrase: str | Secret | None = None) -> Key:
        """Read a key file. Takes the time and the memory that its seal asks for.

        Parameters
        ----------
        path : str or os.PathLike
            The key file.
        passphrase : str or bytes, optional
            For a sealed file. A str is encoded as UTF-8, without normalisation. The
            package wipes its own copies; Python's str and bytes stay until they are
            collected, so pass a bytearray and wipe it where that matters. Ignored
            for an unsealed file.

        Returns
        -------
        Key
            The key in the file.

        Raises
        ------
        PassphraseError
            Where the passphrase is wrong, or is missing and needed.
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged, or is of another version.
        """
        return cls._own(load_secret(c.lib.gp_key_load, path, passphrase))

    def save(self, path: Path, passphrase: str | Secret, cost: str = "moderate") -> None:
        """Write a key file sealed with a passphrase, mode 0600.

        Parameters
        ----------
        path : str or os.PathLike
            Where to. An existing file is never replaced.
        passphrase : str or bytes
            1 to 1024 bytes; see `load`.
        cost : {"interactive", "moderate", "sensitive"}
            How hard the passphrase is to guess by machine: Argon2id with 2 passes
            over 64 MiB, 3 over 256 MiB, or 4 over 1 GiB. Loading costs the same.

        Raises
        ------
        KeyExistsError
            Where the file exists.
        PassphraseError
            Where the passphrase has no or too many bytes.
        FileError
            Where the file cannot be written.
        """
        save_secret(c.lib.gp_key_save_sealed, self._open, path, passphrase, cost)

    def save_unsealed(self, path: Path) -> None:
        """Write a key file without a passphrase: whoever can read it has the key.

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
        c.call(c.lib.gp_key_save_unsealed, self._open, name, path=name)

    @property
    def id(self) -> str:
        """The public name of the key: 16 hexadecimal digits, the start of `commitment`."""
        buffer = (ctypes.c_char * c.KEY_ID_STRING_SIZE)()
        c.lib.gp_key_id(self._open, buffer)
        return buffer.value.decode()

    @property
    def commitment(self) -> bytes:
        """The public commitment, 32 bytes (SPEC.md section 3). Tells nothing of the key."""
        buffer = (ctypes.c_uint8 * c.COMMITMENT_SIZE)()
        c.lib.gp_key_commitment(self._open, buffer)
        return bytes(buffer)

    @property
    def params(self) -> Params:
        """The parameters that the key is for."""
        return Params._from_c(c.lib.gp_key_params(self._open))

    @property
    def scheme(self) -> str:
        """The scheme id: ``"greenprint-1"``, of a provable key ``"greenprint-1v"``."""
        scheme: bytes = c.lib.gp_key_scheme(self._open)
        return scheme.decode()

    @property
    def public(self) -> PublicKey:
        """What everybody may know of a provable key; ArgumentError for others."""
        public = c.PublicKey()
        c.call(c.lib.gp_key_public, self._open, ctypes.byref(public))
        return PublicKey._from_c(public)

    def use_table(self, path: Path) -> None:
        """Look nonces up in a table of ``greenprint precompute``, or of `precompute`.

        All that was or will be made of this key then does, and is as fast with contexts in the
        table as with an ordinary key. Token ids and tenants that it lacks are computed as before;
        no result changes. A key takes one table.

        Parameters
        ----------
        path : str or os.PathLike
            The table, of a provable key whose contexts are one token id.

        Raises
        ------
        ArgumentError
            Where it is the table of another key, or a second one.
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged or was tampered with, or is of another
            version.
        """
        name = c.encode(path, "path")
        c.call(c.lib.gp_key_use_table, self._open, name, path=name)

    def __repr__(self) -> str:
        """Show what is public."""
        if not self._finalizer.alive:
            return "<Key, closed>"
        provable = "" if self.scheme == "greenprint-1" else f" ({self.scheme})"
        return f"<Key {self.id}{provable}, {self.params!r}>"


@dataclass(frozen=True)
class PublicKey:
    """What everybody may know of a provable key (SPEC.md section 18).

    Comes from `Key.public` or from a public file; its members belong together, which is
    checked wherever one is used.

    Attributes
    ----------
    params : Params
        What the key is for.
    element : bytes
        The public key itself, 32 bytes: an element of ristretto255.
    commitment : bytes
        32 bytes.
    id : str
        The key id, 16 hexadecimal digits.
    """

    params: Params
    element: bytes
    commitment: bytes
    id: str

    @classmethod
    def load(cls, path: Path) -> PublicKey:
        """Read a public file.

        Parameters
        ----------
        path : str or os.PathLike
            The file, ``.pub``; get it from the key's owner.

        Returns
        -------
        PublicKey
            What it says, which was checked.

        Raises
        ------
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged, or is of another version.
        """
        public = c.PublicKey()
        name = c.encode(path, "path")
        c.call(c.lib.gp_public_key_load, name, ctypes.byref(public), path=name)
        return cls._from_c(public)

    def save(self, path: Path) -> None:
        """Write a public file, mode 0644.

        Parameters
        ----------
        path : str or os.PathLike
            Where to. An existing file is never replaced.

        Raises
        ------
        KeyExistsError, FileError
            Where the file exists, or cannot be written.
        ArgumentError
            Where the members do not belong together.
        """
        name = c.encode(path, "path")
        c.call(c.lib.gp_public_key_save, ctypes.byref(self._to_c()), name, path=name)

    @classmethod
    def _from_c(cls, public: c.PublicKey) -> PublicKey:
        return cls(
            params=Params._from_c(public.params),
            element=bytes(public.element),
            commitment=bytes(public.commitment),
            id=public.id.decode(),
        )

    def _to_c(self) -> c.PublicKey:
        public = c.PublicKey(params=_c_params(self.params))
        for name, size in (("element", c.ELEMENT_SIZE), ("commitment", c.COMMITMENT_SIZE)):
            getattr(public, name)[:] = fixed_bytes(getattr(self, name), name, size)
        identity = self.id.encode() if isinstance(self.id, str) else b""
        if len(identity) != c.KEY_ID_STRING_SIZE - 1:
            raise ArgumentError("id must have 16 hexadecimal digits")
        public.id = identity
        return public


@dataclass(frozen=True)
class KeyInfo:
    """What a key file says in the clear.

    Attributes
    ----------
    params : Params
        What the key is for.
    scheme : str
        The scheme id, such as ``"greenprint-1"``.
    id : str
        The key id, 16 hexadecimal digits.
    commitment : bytes
        32 bytes.
    sealed : bool
        Whether a passphrase is needed.
    sealed_passes : int
        Argon2id passes; 0 for an unsealed file.
    sealed_memory : int
        Argon2id memory in bytes; 0 for an unsealed file.
    """

    params: Params
    scheme: str
    id: str
    commitment: bytes
    sealed: bool
    sealed_passes: int
    sealed_memory: int


def inspect(path: Path) -> KeyInfo:
    """Read the clear part of a key file and check its form and checksum.

    Needs no passphrase, so for a sealed file it says what the file claims, not more.

    Parameters
    ----------
    path : str or os.PathLike
        The key file.

    Returns
    -------
    KeyInfo
        What it says.

    Raises
    ------
    FileError, FormatError, VersionError
        Where the file cannot be read, is damaged, or is of another version.
    """
    info = c.KeyInfo()
    name = c.encode(path, "path")
    c.call(c.lib.gp_key_inspect, name, ctypes.byref(info), path=name)
    return KeyInfo(
        params=Params._from_c(info.params),
        scheme=info.scheme.decode(),
        id=info.id.decode(),
        commitment=bytes(info.commitment),
        sealed=info.sealed,
        sealed_passes=info.sealed_passes,
        sealed_memory=info.sealed_memory,
    )
