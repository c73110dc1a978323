"""Blind audits: the owner of a key scores a text that it cannot read.

`BlindClient` asks a server of the owner's (``greenprint serve``) for the nonces of a text's
contexts. It blinds them, so that the server learns their number alone, and checks the proof in
every answer, so that nobody can give it other nonces than the key's (SPEC.md section 20). It
can also write a proof, with which everybody who has the text comes to the same result:
`greenprint.check` takes it like one that the owner made.

Examples
--------
>>> public_key = greenprint.PublicKey.load("vendor.pub")  # doctest: +SKIP
>>> client = BlindClient("https://audit.example.org", public_key, token=token)  # doctest: +SKIP
>>> key = client.key_for(documents)  # doctest: +SKIP
>>> verifier = greenprint.Verifier(key)  # doctest: +SKIP
>>> info = client.prove(documents, "audit.gpp")  # doctest: +SKIP
"""

from __future__ import annotations

import ctypes
import json
import ssl
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from greenprint import _library as c
from greenprint._embedding import ThreadPool
from greenprint._errors import ArgumentError, GreenprintError
from greenprint._keys import Key, PublicKey
from greenprint._params import whole_number
from greenprint._proofs import ProofInfo, _proving, _Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from greenprint._arrays import Tokens
    from greenprint._proofs import Path
    from greenprint._text import Tokenizer

__all__ = ["BlindClient", "ServerError", "key_for", "prove"]

NONCE_SIZE = 12
ERR_IO = 3  # GP_ERR_IO
TRIES = 8  # of one request that is told to wait, or meets a network that fails
WAIT_MAX = 120.0  # seconds that a server may ask for
REFUSAL_MAX = 200  # characters of a refusal that are shown
HEADER_SIZE, ELEMENT_SIZE, PROOF_SIZE = 24, 32, 64  # of the messages of SPEC.md section 20
LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class ServerError(GreenprintError):
    """The server refused, could not be reached, or said what no server of this kind says."""


@contextmanager
def _carrier(transport: Callable[[bytes], bytes]) -> Iterator[object]:
    """Make a transport for the library, and pass on what the caller's raised."""
    raised: list[BaseException] = []

    @c.BLIND_TRANSPORT
    def send(_user, request, request_size, answer, capacity, answer_size, error):
        try:
            got = transport(ctypes.string_at(request, request_size))
            if len(got) > capacity:
                raise ServerError(f"the answer has {len(got)} bytes, not {capacity}")
            ctypes.memmove(answer, got, len(got))
            answer_size[0] = len(got)
        except BaseException as problem:  # C is no place to raise in
            raised.append(problem)
            error[0].status = ERR_IO
            error[0].message = b"the transport failed"
            return ERR_IO
        return 0

    try:
        yield send
    except GreenprintError:
        if raised:
            raise raised[0] from None
        raise


def _check_parties(public_key: PublicKey, threads: ThreadPool | None) -> None:
    if not isinstance(public_key, PublicKey):
        raise ArgumentError(f"public_key must be a PublicKey, not {type(public_key).__name__}")
    if threads is not None and not isinstance(threads, ThreadPool):
        raise ArgumentError(f"threads must be a ThreadPool, not {type(threads).__name__}")


def key_for(
    public_key: PublicKey,
    documents: Iterable[Tokens],
    transport: Callable[[bytes], bytes],
    *,
    tenant: int | None = None,
    per_request: int = 4096,
    threads: ThreadPool | None = None,
) -> Key:
    """Return a key that scores these documents, by a transport of the caller's.

    Parameters
    ----------
    public_key : PublicKey
        The key's, from its owner and not from the server.
    documents : iterable of sequences, arrays or tensors of int
        The token ids of each document.
    transport : callable
        Takes a request as bytes, has it sent to the owner, and returns the answer as bytes. What
        it raises is passed on.
    tenant : int, optional
        Whose mark is looked for. None, which is not tenant 0, for no tenant.
    per_request : int
        Contexts in one request, 1 to 65,535: no more than the server takes.
    threads : ThreadPool, optional
        Threads that blind and check.

    Returns
    -------
    Key
        It has no secret, scores these documents for that tenant, and knows no other context.

    Raises
    ------
    FormatError
        Where an answer is not what the key makes of the request.
    ArgumentError
        Where an argument is refused.
    """
    _check_parties(public_key, threads)
    options = c.VerifierOptions(
        has_tenant=tenant is not None,
        tenant=0 if tenant is None else whole_number(tenant, "tenant", 64),
    )
    c_public = public_key._to_c()
    text = _Text(c_public, documents)
    count = c.lib.gp_proof_text_contexts(text.pointer)
    size = c.lib.gp_proof_text_inputs(text.pointer, ctypes.byref(options), None)
    inputs = (ctypes.c_uint8 * (count * size))()
    nonces = (ctypes.c_uint8 * (count * NONCE_SIZE))()
    c.lib.gp_proof_text_inputs(text.pointer, ctypes.byref(options), inputs)
    if count > 0:
        with _carrier(transport) as send:
            c.call(
                c.lib.gp_blind_evaluate,
                ctypes.byref(c_public),
                inputs,
                size,
                count,
                whole_number(per_request, "per_request", 16),
                None if threads is None else threads._pointer,
                send,
                None,
                nonces,
            )
    handle = ctypes.c_void_p()
    c.call(
        c.lib.gp_proof_text_key,
        text.pointer,
        ctypes.byref(options),
        nonces,
        ctypes.byref(handle),
    )
    return Key._own(handle)


def prove(
    public_key: PublicKey,
    documents: Iterable[Tokens],
    path: Path,
    transport: Callable[[bytes], bytes],
    *,
    tenant: int | None = None,
    sample: int | None = None,
    tokenizer: Tokenizer | None = None,
    per_request: int = 4096,
    threads: ThreadPool | None = None,
) -> ProofInfo:
    """Write a proof of what somebody else's key makes of a text, by a transport of the caller's.

    It shows what the owner's own proof shows (`greenprint.prove`) to whoever has the text and the
    public key, and says that it was evaluated blindly. The owner learns how many contexts are
    proved, and nothing else of the text.

    Parameters
    ----------
    public_key : PublicKey
        The key's, from its owner and not from the server.
    documents : iterable of sequences, arrays or tensors of int
        The token ids of each document. Their order counts.
    path : str or os.PathLike
        The proof to write, 32 bytes a context; an existing file is never replaced.
    transport : callable
        Takes a request as bytes, has it sent to the owner, and returns the answer as bytes. What
        it raises is passed on.
    tenant : int, optional
        Whose mark is to be proved. None, which is not tenant 0, for no tenant.
    sample : int, optional
        Prove so many contexts, a power of two from 1024 on, which a hash of the text chooses;
        to be chosen before looking. None: all of them. Only these are evaluated.
    tokenizer : Tokenizer, optional
        What made the ids, of which the proof then holds the digest.
    per_request : int
        Contexts in one request, 1 to 65,535: no more than the server takes.
    threads : ThreadPool, optional
        Threads that blind and check.

    Returns
    -------
    ProofInfo
        What the proof says.

    Raises
    ------
    FormatError
        Where an answer is not what the key makes of the request. Nothing was written then, nor
        after any other error.
    ArgumentError
        Where an argument is refused.
    KeyExistsError, FileError
        Where the file exists, or cannot be written.
    """
    _check_parties(public_key, threads)
    options, kept = _proving(tokenizer, threads, tenant, sample)
    c_public = public_key._to_c()
    name = c.encode(path, "path")
    text = _Text(c_public, documents)
    info = c.ProofInfo()
    with _carrier(transport) as send:
        c.call(
            c.lib.gp_prove_blind,
            ctypes.byref(c_public),
            text.pointer,
            ctypes.byref(options),
            whole_number(per_request, "per_request", 16),
            send,
            None,
            name,
            ctypes.byref(info),
            path=name,
        )
    del kept
    return ProofInfo._from_c(info)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A server that sends a token elsewhere is not followed."""

    def redirect_request(self, *_args: object) -> None:
        return None


class BlindClient:
    """Asks a server of a key's owner, ``greenprint serve``.

    Parameters
    ----------
    url : str
        Where it is, such as ``https://audit.example.org``. Without TLS only on this machine.
    public_key : PublicKey
        The key's, from its owner and not from the server.
    token : str, optional
        What the server knows the auditor by. Keep it out of logs and of the command line.
    ca_file : str, optional
        Certificates to trust instead of the system's, PEM.
    timeout : float
        Seconds for a request.
    """

    def __init__(
        self,
        url: str,
        public_key: PublicKey,
        *,
        token: str | None = None,
        ca_file: str | None = None,
        timeout: float = 120.0,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ArgumentError(f"url: {url!r} is no address of a server")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ArgumentError("url: without TLS only on this machine: use https")
        if not isinstance(public_key, PublicKey):
            raise ArgumentError(
                f"public_key must be a PublicKey, not {type(public_key).__name__}"
            )
        if token is not None and not token.isascii():
            raise ArgumentError("token: has characters that no token has")
        self.url = url.rstrip("/")
        self.public_key = public_key
        self.timeout = timeout
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        handlers: list[urllib.request.BaseHandler] = [
            _NoRedirects(),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca_file)),
            urllib.request.ProxyHandler({}),
        ]
        self._opener = urllib.request.build_opener(*handlers)

    def __repr__(self) -> str:
        """Return what may be shown: no token."""
        return f"BlindClient({self.url!r}, key {self.public_key.id})"

    def limits(self) -> dict[str, int]:
        """Return what the server says of itself.

        Returns
        -------
        dict
            ``max_elements`` of a request and, where tokens are used, ``rate`` (elements a
            second), ``budget`` and ``left`` (elements).

        Raises
        ------
        ServerError
            Where it refuses, or cannot be reached.
        """
        said = self._ask("/v1/limits", None, 4096)
        try:
            limits = json.loads(said)
            if not isinstance(limits["max_elements"], int) or limits["max_elements"] < 1:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise ServerError(f"{self.url}: says nothing of its limits") from None
        return limits

    def evaluate(self, request: bytes) -> bytes:
        """Send one request of SPEC.md section 20, and return the answer unchecked.

        Parameters
        ----------
        request : bytes
            The request.

        Returns
        -------
        bytes
            What the server answered: `key_for` checks it.

        Raises
        ------
        ServerError
            Where it refuses, or cannot be reached.
        """
        return self._ask("/v1/evaluate", request, len(request) + PROOF_SIZE)

    def key_for(
        self,
        documents: Iterable[Tokens],
        *,
        tenant: int | None = None,
        threads: ThreadPool | None = None,
    ) -> Key:
        """Return a key that scores these documents.

        Parameters
        ----------
        documents : iterable of sequences, arrays or tensors of int
            The token ids of each document.
        tenant : int, optional
            Whose mark is looked for. None, which is not tenant 0, for no tenant.
        threads : ThreadPool, optional
            Threads that blind and check.

        Returns
        -------
        Key
            It has no secret, scores these documents for that tenant, and knows no other context.

        Raises
        ------
        ServerError
            Where the server refuses, or cannot be reached.
        FormatError
            Where an answer is not what the key makes of the request.
        """
        return key_for(
            self.public_key,
            documents,
            self.evaluate,
            tenant=tenant,
            per_request=min(self.limits()["max_elements"], 65535),
            threads=threads,
        )

    def prove(
        self,
        documents: Iterable[Tokens],
        path: Path,
        *,
        tenant: int | None = None,
        sample: int | None = None,
        tokenizer: Tokenizer | None = None,
        threads: ThreadPool | None = None,
    ) -> ProofInfo:
        """Write a proof of what the key makes of a text: see `prove` of this module.

        Parameters
        ----------
        documents : iterable of sequences, arrays or tensors of int
            The token ids of each document. Their order counts.
        path : str or os.PathLike
            The proof to write; an existing file is never replaced.
        tenant : int, optional
            Whose mark is to be proved. None, which is not tenant 0, for no tenant.
        sample : int, optional
            Prove so many contexts, a power of two from 1024 on; None: all of them.
        tokenizer : Tokenizer, optional
            What made the ids, of which the proof then holds the digest.
        threads : ThreadPool, optional
            Threads that blind and check.

        Returns
        -------
        ProofInfo
            What the proof says.

        Raises
        ------
        ServerError
            Where the server refuses, or cannot be reached.
        FormatError
            Where an answer is not what the key makes of the request.
        KeyExistsError, FileError
            Where the file exists, or cannot be written.
        """
        return prove(
            self.public_key,
            documents,
            path,
            self.evaluate,
            tenant=tenant,
            sample=sample,
            tokenizer=tokenizer,
            per_request=min(self.limits()["max_elements"], 65535),
            threads=threads,
        )

    def _ask(self, path: str, body: bytes | None, most: int) -> bytes:
        """Ask until there is an answer, or no hope of one."""
        wait = 0.5
        for left in reversed(range(TRIES)):
            headers = dict(self._headers)
            if body is not None:
                headers["Content-Type"] = "application/octet-stream"
            request = urllib.request.Request(self.url + path, data=body, headers=headers)
            try:
                with self._opener.open(request, timeout=self.timeout) as answer:
                    said = answer.read(most + 1)
                if len(said) > most:
                    raise ServerError(f"{self.url}: the answer is longer than it can be")
                return said
            except urllib.error.HTTPError as problem:
                refusal = problem.read(REFUSAL_MAX).decode("utf-8", "replace").strip()
                if problem.code not in (429, 503) or left == 0:
                    shown = "".join(x if x.isprintable() else "?" for x in refusal)
                    raise ServerError(f"{self.url}: {problem.code}: {shown}") from None
                asked = problem.headers.get("Retry-After", "")
                delay = min(float(asked), WAIT_MAX) if asked.isdigit() else wait
            except (urllib.error.URLError, OSError) as problem:
                if left == 0 or isinstance(getattr(problem, "reason", None), ssl.SSLError):
                    reason = getattr(problem, "reason", problem)
                    raise ServerError(f"{self.url}: cannot be reached: {reason}") from None
                delay = wait
            time.sleep(delay)
            wait *= 2
        raise AssertionError  # the last try returns or raises
