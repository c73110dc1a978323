"""Timestamps of RFC 3161: that a file was there at some time (SPEC.md section 21)."""

from __future__ import annotations

import ctypes
import datetime
import os
from dataclasses import dataclass

from greenprint import _library as c
from greenprint._errors import ArgumentError, FormatError

Path = str | os.PathLike[str]

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def request_timestamp(path: Path, request: Path, *, hash: str = "sha256") -> None:
    """Write the request for a timestamp of a file.

    It goes to an authority by whatever way that takes; over HTTP it is the body of a POST with
    the content type ``application/timestamp-query``. The authority learns the file's hash, and
    nothing else.

    Parameters
    ----------
    path : str or os.PathLike
        The file, of any size; a `KeySet`'s, or a report.
    request : str or os.PathLike
        Where to, ``.tsq``, mode 0644. An existing file is never replaced.
    hash : {"sha256", "sha512"}
        How the file is hashed.

    Raises
    ------
    ArgumentError
        Where the hash is another.
    KeyExistsError, FileError
        Where the request exists, or a file cannot be read or written.
    """
    if hash not in c.TIMESTAMP_HASHES:
        raise ArgumentError(f"hash must be one of {list(c.TIMESTAMP_HASHES)}, not {hash!r}")
    name = c.encode(path, "path")
    where = c.encode(request, "request")
    c.call(c.lib.gp_timestamp_request, name, c.TIMESTAMP_HASHES[hash], where)


def attach_timestamp(
    path: Path, response: Path, stamp: Path, *, request: Path | None = None
) -> None:
    """Keep what an authority answered, after a look whether it grants a stamp of this file.

    Who signed it is for `verify_timestamp`.

    Parameters
    ----------
    path : str or os.PathLike
        The file that was to be stamped.
    response : str or os.PathLike
        The answer, ``.tsr``, in DER.
    stamp : str or os.PathLike
        Where to, ``.gpt``, mode 0644. An existing file is never replaced.
    request : str or os.PathLike, optional
        What has to have been answered.

    Raises
    ------
    FormatError, VersionError
        Where it is something else, with the authority's own words where it refused.
    KeyExistsError, FileError
        Where the stamp exists, or a file cannot be read or written.
    """
    c.call(
        c.lib.gp_timestamp_attach,
        c.encode(path, "path"),
        c.encode(response, "response"),
        None if request is None else c.encode(request, "request"),
        c.encode(stamp, "stamp"),
    )


@dataclass(frozen=True)
class Timestamp:
    """What a stamp that holds says.

    Attributes
    ----------
    time : datetime.datetime
        When the file was there, in UTC, rounded down to a second.
    accuracy : datetime.timedelta or None
        How far off the authority's clock may be; None where it does not say.
    authority : str
        The name in the certificate that signed, as in RFC 2253; cut where it is too long.
    policy : str
        The policy of the stamp, an OID.
    serial : str
        The stamp's number, in hexadecimal.
    hash : str
        How the file is hashed: ``"sha256"`` or ``"sha512"``.
    """

    time: datetime.datetime
    accuracy: datetime.timedelta | None
    authority: str
    policy: str
    serial: str
    hash: str

    @classmethod
    def _from_c(cls, facts: c.TimestampFacts) -> Timestamp:
        try:
            time = _EPOCH + datetime.timedelta(seconds=facts.seconds)
        except OverflowError:  # Python knows no year 0
            raise FormatError(f"the timestamp's time is {facts.time.decode()}") from None
        microseconds = facts.accuracy
        return cls(
            time=time,
            accuracy=(
                datetime.timedelta(microseconds=microseconds) if facts.has_accuracy else None
            ),
            authority=facts.authority.decode("utf-8", "replace"),
            policy=facts.policy.decode(),
            serial=facts.serial.decode(),
            hash=next(name for name, n in c.TIMESTAMP_HASHES.items() if n == facts.hash),
        )


def verify_timestamp(
    path: Path,
    stamp: Path,
    authorities: Path,
    *,
    untrusted: Path | None = None,
    revoked: Path | None = None,
    policy: str | None = None,
    at_stamp_time: bool = False,
) -> Timestamp:
    """Check that a stamp holds.

    It is for this file's bytes, and signed by a certificate for timestamping that leads to a
    trusted one and was valid at the stamp's time, which does not lie in the future. Hashes and
    keys of less than 112 bits of security are refused. Thread-safe.

    Parameters
    ----------
    path : str or os.PathLike
        The file that was stamped.
    stamp : str or os.PathLike
        The stamp, ``.gpt``, of `attach_timestamp` or of ``greenprint timestamp attach``.
    authorities : str or os.PathLike
        The certificates that are trusted, in PEM. Get them from the authority, not from whoever
        shows the stamp.
    untrusted : str or os.PathLike, optional
        Certificates between those and the one that signed, in PEM.
    revoked : str or os.PathLike, optional
        Revocation lists of every issuer in the chain, in PEM. None: none are asked.
    policy : str, optional
        The policy that the stamp has to be of, as an OID. None: any.
    at_stamp_time : bool
        Judge all certificates as of the time that the stamp says, not as of now: for stamps
        whose authority's certificate has expired. Not with `revoked`.

    Returns
    -------
    Timestamp
        What it says.

    Raises
    ------
    FormatError, VersionError
        Where the stamp does not hold, is damaged, or is for another file; the message says why.
    ArgumentError
        Where the policy is no OID, or `revoked` and `at_stamp_time` are given together.
    FileError
        Where a file cannot be read.
    """
    options = c.TimestampOptions(
        authorities=c.encode(authorities, "authorities"),
        untrusted=None if untrusted is None else c.encode(untrusted, "untrusted"),
        revoked=None if revoked is None else c.encode(revoked, "revoked"),
        policy=None if policy is None else c.encode(policy, "policy"),
        at_stamp_time=bool(at_stamp_time),
    )
    facts = c.TimestampFacts()
    c.call(
        c.lib.gp_timestamp_verify,
        c.encode(path, "path"),
        c.encode(stamp, "stamp"),
        ctypes.byref(options),
        ctypes.byref(facts),
    )
    return Timestamp._from_c(facts)
