"""The exceptions of the package, one for each ``gp_status`` of the C library."""

from __future__ import annotations

import errno
import os


class GreenprintError(Exception):
    """Base of everything this package raises on purpose.

    Attributes
    ----------
    status : int
        The ``gp_status`` of the C library (``greenprint.h``). Errors that the package
        finds before it calls the library carry the status the library would give.
    """

    status: int = 0


class ArgumentError(GreenprintError, ValueError):
    """An argument is out of range, of the wrong kind, or does not fit the others."""

    status = 1


class OutOfMemoryError(GreenprintError, MemoryError):
    """An allocation failed in the library; nothing was changed."""

    status = 2


class FileError(GreenprintError, OSError):
    """The operating system refused to open, read or write a file.

    Attributes
    ----------
    errno : int or None
        The reason, as for any OSError; None where it is not known.
    filename : str or None
        The file.
    """

    status = 3

    def __str__(self) -> str:
        """Return the library's message, which names file and reason already."""
        return str(self.args[0]) if self.args else ""


class MissingFileError(FileError, FileNotFoundError):
    """The file, or a folder in its path, does not exist."""


class KeyExistsError(FileError, FileExistsError):
    """The key file to be written exists already. It is never replaced."""

    status = 4


class FormatError(GreenprintError, ValueError):
    """A file is damaged or is not what it should be."""

    status = 5


class VersionError(GreenprintError):
    """A file is of a version or scheme that this library lacks."""

    status = 6


class PassphraseError(GreenprintError):
    """The passphrase is wrong, or there is none where one is needed."""

    status = 7


class CryptoError(GreenprintError):
    """OpenSSL or libsodium failed."""

    status = 8


_BY_STATUS: dict[int, type[GreenprintError]] = {
    kind.status: kind
    for kind in (
        ArgumentError,
        OutOfMemoryError,
        FileError,
        KeyExistsError,
        FormatError,
        VersionError,
        PassphraseError,
        CryptoError,
    )
}


def _reason(message: str) -> int | None:
    """Find the errno whose text ends a message."""
    for number in errno.errorcode:
        if message.endswith(f": {os.strerror(number)}"):
            return number
    return None


def error_for(status: int, message: str, path: bytes | None = None) -> GreenprintError:
    """Make the exception for a status of the library.

    Parameters
    ----------
    status : int
        A ``gp_status`` other than ``GP_OK``.
    message : str
        What the library wrote into its ``gp_error``.
    path : bytes, optional
        The file in question.

    Returns
    -------
    GreenprintError
        To be raised by the caller.
    """
    kind = _BY_STATUS.get(status)
    if kind is not None and issubclass(kind, FileError):
        reason = errno.EEXIST if kind is KeyExistsError else _reason(message)
        failure = MissingFileError(message) if reason == errno.ENOENT else kind(message)
        failure.errno = reason
        failure.filename = os.fsdecode(path) if path is not None else None
        return failure
    if kind is not None:
        return kind(message)
    unknown = GreenprintError(message)
    unknown.status = status
    return unknown
