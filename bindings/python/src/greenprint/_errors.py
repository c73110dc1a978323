"""The exceptions of the package, one for each ``gp_status`` of the C library."""

from __future__ import annotations


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
    """The operating system refused to open, read or write a file."""

    status = 3


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


def error_for(status: int, message: str) -> GreenprintError:
    """Make the exception for a status of the library.

    Parameters
    ----------
    status : int
        A ``gp_status`` other than ``GP_OK``.
    message : str
        What the library wrote into its ``gp_error``.

    Returns
    -------
    GreenprintError
        To be raised by the caller.
    """
    kind = _BY_STATUS.get(status)
    if kind is not None:
        return kind(message)
    unknown = GreenprintError(message)
    unknown.status = status
    return unknown
