"""Committed keys: all that an owner has, in one Merkle tree (SPEC.md section 21)."""

from __future__ import annotations

import ctypes
import operator
import os
import threading
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from greenprint import _library as c
from greenprint._errors import ArgumentError
from greenprint._keys import Key, KeyInfo, PublicKey, _c_params
from greenprint._params import Params, fixed_bytes, whole_number

Path = str | os.PathLike[str]


def _from_hex(digits: str, what: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise ArgumentError(f"{what} must have an even number of hexadecimal digits") from None


@dataclass(frozen=True)
class CommittedKey:
    """What is committed to of one key.

    Attributes
    ----------
    scheme : str
        The scheme id, such as ``"greenprint-1"``.
    params : Params
        What the key is for.
    commitment : bytes
        32 bytes.
    """

    scheme: str
    params: Params
    commitment: bytes

    @property
    def id(self) -> str:
        """The key id, 16 hexadecimal digits: how the commitment begins."""
        return self.commitment[:8].hex()

    @classmethod
    def of(cls, key: KeyLike) -> CommittedKey:
        """Return what is to be committed to of a key.

        Parameters
        ----------
        key : Key, PublicKey, KeyInfo or CommittedKey
            The key; nothing of its secret is taken.

        Returns
        -------
        CommittedKey
            Its public facts.
        """
        if isinstance(key, CommittedKey):
            return key
        if isinstance(key, PublicKey):
            return cls(c.SCHEME_ID_PROVABLE, key.params, key.commitment)
        if isinstance(key, Key | KeyInfo):
            return cls(key.scheme, key.params, key.commitment)
        raise ArgumentError(
            "key must be a Key, PublicKey, KeyInfo or CommittedKey, not "
            f"{type(key).__name__}; files are added with add_file()"
        )

    @classmethod
    def load(cls, path: Path) -> CommittedKey:
        """Read what a key file, sealed or not, or a public file says in the clear.

        Parameters
        ----------
        path : str or os.PathLike
            The file, a regular one. Needs no passphrase, so of a sealed file it is what the
            file claims.

        Returns
        -------
        CommittedKey
            What it says.

        Raises
        ------
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged or something else, or is of another
            version.
        """
        key = c.CommittedKey()
        name = c.encode(path, "path")
        c.call(c.lib.gp_committed_key_load, name, ctypes.byref(key), path=name)
        return cls._from_c(key)

    @classmethod
    def _from_c(cls, key: c.CommittedKey) -> CommittedKey:
        return cls(
            scheme=key.scheme.decode(),
            params=Params._from_c(key.params),
            commitment=bytes(key.commitment),
        )

    def _to_c(self) -> c.CommittedKey:
        commitment = fixed_bytes(self.commitment, "commitment", c.COMMITMENT_SIZE)
        scheme = self.scheme.encode() if isinstance(self.scheme, str) else b""
        if not 1 <= len(scheme) <= 16 or b"\0" in scheme:
            raise ArgumentError("scheme must be a scheme id of 1 to 16 characters")
        key = c.CommittedKey(scheme=scheme, params=_c_params(self.params))
        key.commitment[:] = commitment
        key.id = commitment[:8].hex().encode()
        return key


KeyLike = Key | PublicKey | KeyInfo | CommittedKey


class KeySet(c.Unpicklable):
    """All keys that an owner has, as the leaves of one Merkle tree.

    So it is fixed before there is a dispute how many keys could have been tried: publish and
    timestamp `root`, or the file of `save`. A p-value that is to hold for whichever of them was
    tried is multiplied by their number, ``len(keys)``. Holds no secrets. Behaves as a sequence
    of `CommittedKey` in ascending order of the commitments. Threads that share one wait for each
    other.

    Parameters
    ----------
    keys : iterable of Key, PublicKey, KeyInfo or CommittedKey
        What to begin with.
    files : iterable of str or os.PathLike
        Key files, public files or sets, as for `add_file`.

    Raises
    ------
    ArgumentError, FileError, FormatError, VersionError
        As for `add` and `add_file`.

    Examples
    --------
    >>> keys = KeySet([greenprint.Key.generate() for _ in range(3)])  # doctest: +SKIP
    >>> keys.save("vendor.gpm")  # doctest: +SKIP
    >>> keys.root.hex()  # to be published; doctest: +SKIP
    """

    _why_not = "save it to a file, and load that"

    def __init__(self, keys: Iterable[KeyLike] = (), files: Iterable[Path] = ()) -> None:
        if isinstance(files, str | os.PathLike):
            raise ArgumentError("files must be a list of paths, not one path")
        handle = ctypes.c_void_p()
        c.call(c.lib.gp_key_set_new, ctypes.byref(handle))
        self._take(handle)
        for key in keys:
            self.add(key)
        for file in files:
            self.add_file(file)

    def _take(self, handle: ctypes.c_void_p) -> None:
        assert handle.value is not None
        self._pointer: int = handle.value
        self._lock = threading.RLock()
        weakref.finalize(self, c.lib.gp_key_set_free, handle.value).atexit = False

    @classmethod
    def load(cls, path: Path) -> KeySet:
        """Read a set, and compute its root again.

        Parameters
        ----------
        path : str or os.PathLike
            The file, ``.gpm``, of `save` or of ``greenprint commit``.

        Returns
        -------
        KeySet
            What is in it.

        Raises
        ------
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged, or is of another version.
        """
        handle = ctypes.c_void_p()
        name = c.encode(path, "path")
        c.call(c.lib.gp_key_set_load, name, ctypes.byref(handle), path=name)
        made = cls.__new__(cls)
        made._take(handle)
        return made

    def save(self, path: Path) -> None:
        """Write the set, mode 0644; the same keys give the same bytes.

        Parameters
        ----------
        path : str or os.PathLike
            Where to, ``.gpm``. An existing file is never replaced.

        Raises
        ------
        ArgumentError
            Where the set is empty.
        KeyExistsError, FileError
            Where the file exists, or cannot be written.
        """
        name = c.encode(path, "path")
        with self._lock:
            c.call(c.lib.gp_key_set_save, self._pointer, name, path=name)

    def add(self, key: KeyLike) -> None:
        """Add a key.

        Parameters
        ----------
        key : Key, PublicKey, KeyInfo or CommittedKey
            One that is not there yet, or came with another set.

        Raises
        ------
        ArgumentError
            Where it is there already, or is no key; nothing was added.
        """
        committed = CommittedKey.of(key)._to_c()
        with self._lock:
            c.call(c.lib.gp_key_set_add, self._pointer, ctypes.byref(committed))

    def add_file(self, path: Path) -> None:
        """Add all keys of a file.

        Parameters
        ----------
        path : str or os.PathLike
            A key file, of which no passphrase is needed, a public file, or another set, of
            which those that are there already are passed over. A regular file.

        Raises
        ------
        ArgumentError
            Where the key is there already; nothing was added.
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged or something else, or is of another
            version; nothing was added.
        """
        name = c.encode(path, "path")
        with self._lock:
            c.call(c.lib.gp_key_set_add_file, self._pointer, name, path=name)

    @property
    def root(self) -> bytes:
        """The root of the tree, 32 bytes, which holds the number of keys; not of an empty set."""
        root = (ctypes.c_uint8 * c.ROOT_SIZE)()
        with self._lock:
            c.call(c.lib.gp_key_set_root, self._pointer, root)
        return bytes(root)

    def find(self, key: KeyLike | bytes | str) -> int:
        """Return the number of a key in the order of the commitments.

        Parameters
        ----------
        key : Key, PublicKey, KeyInfo, CommittedKey, bytes or str
            The key, or how its commitment begins: 1 to 32 bytes, or hexadecimal digits for
            them, as a key id is.

        Returns
        -------
        int
            From 0 to ``len(keys) - 1``.

        Raises
        ------
        ArgumentError
            Where it is not in the set, or several begin so.
        """
        if isinstance(key, str):
            try:
                start = bytes.fromhex(key)
            except ValueError:
                raise ArgumentError(
                    "key must have an even number of hexadecimal digits"
                ) from None
        elif isinstance(key, bytes):
            start = key
        else:
            start = bytes(CommittedKey.of(key)._to_c().commitment)
        found = ctypes.c_size_t()
        with self._lock:
            c.call(c.lib.gp_key_set_find, self._pointer, start, len(start), ctypes.byref(found))
        return found.value

    def prove(self, key: KeyLike | bytes | str) -> Inclusion:
        """Return the proof that a key is in the set, which can be checked without the others.

        Parameters
        ----------
        key : Key, PublicKey, KeyInfo, CommittedKey, bytes or str
            As for `find`.

        Returns
        -------
        Inclusion
            The proof.

        Raises
        ------
        ArgumentError
            Where it is not in the set, or several begin so.
        """
        inclusion = c.Inclusion()
        with self._lock:  # a key that was added in between would move the others
            number = self.find(key)
            c.call(c.lib.gp_key_set_prove, self._pointer, number, ctypes.byref(inclusion))
        return Inclusion._from_c(inclusion)

    def __len__(self) -> int:
        """Return how many keys there are."""
        with self._lock:
            return int(c.lib.gp_key_set_size(self._pointer))

    def __getitem__(self, i: int) -> CommittedKey:
        """Return a key by its number; from the end where that is negative."""
        number = operator.index(i)
        key = c.CommittedKey()
        with self._lock:
            size = len(self)
            number += size if number < 0 else 0
            if not 0 <= number < size:
                raise IndexError(f"there is no key {i} in a set of {size}")
            c.call(c.lib.gp_key_set_get, self._pointer, number, ctypes.byref(key))
        return CommittedKey._from_c(key)

    def __iter__(self) -> Iterator[CommittedKey]:
        """Go through the keys in the order of their commitments."""
        return (self[i] for i in range(len(self)))

    def __contains__(self, key: KeyLike) -> bool:
        """Say whether the commitment of a key is in the set."""
        commitment = bytes(CommittedKey.of(key)._to_c().commitment)
        try:
            self.find(commitment)
        except ArgumentError:  # a whole commitment is in it once, or not
            return False
        return True

    def __repr__(self) -> str:
        """Say how many there are."""
        return f"<KeySet, {len(self)} keys>"


@dataclass(frozen=True)
class Inclusion:
    """A proof that one key is among those that were committed to.

    Comes from `KeySet.prove` or from a file. Nothing of it is to be believed before `check`.

    Attributes
    ----------
    key : CommittedKey
        The key.
    index : int
        Its number in ascending order of the commitments.
    tree_size : int
        How many keys were committed to: what p-values are to be multiplied by.
    path : tuple of bytes
        The siblings from the leaf up, 32 bytes each.
    root : bytes
        Where they lead to, 32 bytes.
    """

    key: CommittedKey
    index: int
    tree_size: int
    path: tuple[bytes, ...]
    root: bytes

    def check(self, root: bytes | str, key: KeyLike | None = None) -> None:
        """Check that the key is in the tree of a root.

        Parameters
        ----------
        root : bytes or str
            The root as it was published or timestamped, from there and not from whoever shows
            the proof: 32 bytes, or 64 hexadecimal digits.
        key : Key, PublicKey, KeyInfo or CommittedKey, optional
            The key that it has to be about.

        Raises
        ------
        ArgumentError
            Where the path does not lead from the key to the root, that root is another, or the
            key is.
        """
        published = _from_hex(root, "root") if isinstance(root, str) else root
        fixed_bytes(published, "root", c.ROOT_SIZE)
        c.call(c.lib.gp_inclusion_check, ctypes.byref(self._to_c()))
        if self.root != published:
            raise ArgumentError(
                f"the proof is for the root {self.root.hex()}, not for {published.hex()}"
            )
        if key is not None and CommittedKey.of(key).commitment != self.key.commitment:
            raise ArgumentError(
                f"the proof is for key {self.key.id}, not for {CommittedKey.of(key).id}"
            )

    @classmethod
    def load(cls, path: Path) -> Inclusion:
        """Read a proof, and check that its path leads to its root.

        Parameters
        ----------
        path : str or os.PathLike
            The file, ``.gpi``, of `save` or of ``greenprint commit prove``.

        Returns
        -------
        Inclusion
            The proof; whether its root is the one that was published is for `check`.

        Raises
        ------
        FileError, FormatError, VersionError
            Where the file cannot be read, is damaged, or is of another version.
        """
        inclusion = c.Inclusion()
        name = c.encode(path, "path")
        c.call(c.lib.gp_inclusion_load, name, ctypes.byref(inclusion), path=name)
        return cls._from_c(inclusion)

    def save(self, path: Path) -> None:
        """Write the proof, mode 0644.

        Parameters
        ----------
        path : str or os.PathLike
            Where to, ``.gpi``. An existing file is never replaced.

        Raises
        ------
        ArgumentError
            Where the path does not lead from the key to the root.
        KeyExistsError, FileError
            Where the file exists, or cannot be written.
        """
        name = c.encode(path, "path")
        c.call(c.lib.gp_inclusion_save, ctypes.byref(self._to_c()), name, path=name)

    @classmethod
    def _from_c(cls, inclusion: c.Inclusion) -> Inclusion:
        return cls(
            key=CommittedKey._from_c(inclusion.key),
            index=inclusion.index,
            tree_size=inclusion.tree_size,
            path=tuple(bytes(step) for step in inclusion.path[: inclusion.path_length]),
            root=bytes(inclusion.root),
        )

    def _to_c(self) -> c.Inclusion:
        if len(self.path) > c.INCLUSION_PATH_MAX:
            raise ArgumentError(f"a path has {c.INCLUSION_PATH_MAX} steps at most")
        inclusion = c.Inclusion(
            key=self.key._to_c(),
            index=whole_number(self.index, "index", 64),
            tree_size=whole_number(self.tree_size, "tree_size", 64),
            path_length=len(self.path),
        )
        for i, step in enumerate(self.path):
            inclusion.path[i][:] = fixed_bytes(step, "a step of the path", c.ROOT_SIZE)
        inclusion.root[:] = fixed_bytes(self.root, "root", c.ROOT_SIZE)
        return inclusion
