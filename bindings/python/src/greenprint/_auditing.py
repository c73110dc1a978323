"""Audits: what a model says, tested under any number of keys (SPEC.md section 17)."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from greenprint import _library as c
from greenprint._arrays import all_ids
from greenprint._contexts import Contexts
from greenprint._embedding import check_key
from greenprint._errors import ArgumentError
from greenprint._keys import Key, _c_params
from greenprint._params import Params, whole_number
from greenprint._statistics import _doubles
from greenprint._weighing import Expectations, ExpectationsInfo, _to_info

if TYPE_CHECKING:
    from greenprint._arrays import Tokens


@dataclass(frozen=True)
class AuditCounts:
    """What was added to an audit.

    Attributes
    ----------
    documents, tokens : int
        Answers, or documents of model weights, and their token ids.
    positions : int
        Positions with a full context; the others are skipped.
    in_prompt : int
        Of these, left out because their context occurs in the prompt of their row.
    contexts : int
        Distinct contexts that are tested.
    coins : int
        Distinct (context, token) pairs that occurred, or have weights.
    expected : int
        Further pairs that a reference model expected and that did not occur.
    has_served : bool
        Whether served contexts were set.
    served_contexts, served_coins : int
        Of the contexts those that were served, and the pairs with them.
    """

    documents: int
    tokens: int
    positions: int
    in_prompt: int
    contexts: int
    coins: int
    expected: int
    has_served: bool
    served_contexts: int
    served_coins: int


@dataclass(frozen=True)
class AuditResult:
    """The test of one key.

    Attributes
    ----------
    coins, green : int
        Pairs whose weight is not 0, and how many of them are green.
    statistic : float
        The sum of ``weight * (green - gamma)`` over them.
    z : float
        The same in standard deviations, for display.
    log10_p : float
        Decimal logarithm of a rigorous p-value: the one to decide by. The exact binomial tail
        for ``"distinct"``, Chernoff's bound otherwise, and with `served_only` what the e-value
        gives.
    log10_p_saddlepoint : float
        Decimal logarithm of an approximation to the p-value, for information; NaN from
        `AuditTest.many`.
    log10_e : float
        Decimal logarithm of an e-value, whose expectation under the null hypothesis is at
        most 1.
    """

    coins: int
    green: int
    statistic: float
    z: float
    log10_p: float
    log10_p_saddlepoint: float
    log10_e: float


def _result(result: c.AuditResult) -> AuditResult:
    return AuditResult(**{name: getattr(result, name) for name, *_ in c.AuditResult._fields_})


class Audit(c.Unpicklable):
    """The evidence that a model's answers or distributions are, whatever the key.

    Each (context, token) pair enters once, with a weight that no key has a say in. Memory grows
    with the distinct pairs. Threads that share one wait for each other.

    Parameters
    ----------
    params : Params
        Those of the keys that it will be tested with.

    Examples
    --------
    >>> audit = Audit(key.params)  # doctest: +SKIP
    >>> for answer, prompt in answers:  # doctest: +SKIP
    ...     audit.add(answer, prompt)
    >>> test = audit.test("root")  # doctest: +SKIP
    >>> test.key(key).log10_p  # doctest: +SKIP
    >>> controls = [control_key(key, i) for i in range(1000)]  # doctest: +SKIP
    >>> test.many(controls)  # doctest: +SKIP
    """

    _why_not = "make it anew from the answers"

    def __init__(self, params: Params) -> None:
        handle = ctypes.c_void_p()
        c_params = _c_params(params)
        c.call(c.lib.gp_audit_new, ctypes.byref(c_params), ctypes.byref(handle))
        assert handle.value is not None
        self._pointer: int = handle.value
        self._lock = threading.RLock()
        self._tests: weakref.WeakSet[AuditTest] = weakref.WeakSet()
        weakref.finalize(self, c.lib.gp_audit_free, handle.value).atexit = False

    def add(
        self, tokens: Tokens, prompt: Tokens = (), expectations: Expectations | None = None
    ) -> None:
        """Add one answer.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its token ids, 1-D. May be empty.
        prompt : sequence, array or tensor of int
            What it answers. It is not scored, and contexts that occur in it are left out of
            the answer: a marked prompt would plant its own evidence.
        expectations : Expectations, optional
            A file whose next document is this answer. All answers have to have theirs, or none.

        Raises
        ------
        ArgumentError
            Where they are no token ids, or tests of this audit are in use.
        FormatError, FileError, OutOfMemoryError
            As they say. After any error but the first the audit cannot be used any more.
        """
        if expectations is not None and not isinstance(expectations, Expectations):
            kind = type(expectations).__name__
            raise ArgumentError(f"expectations must be an Expectations, not {kind}")
        ids, before = all_ids(tokens), all_ids(prompt, "prompt")
        with self._lock:
            self._check_unused()
            c.call(
                c.lib.gp_audit_add,
                self._pointer,
                before.ctypes.data,
                before.size,
                ids.ctypes.data,
                ids.size,
                None if expectations is None else expectations._pointer,
                path=None if expectations is None else expectations._path,
            )

    def add_model(self, path: str | os.PathLike[str]) -> ExpectationsInfo:
        """Add a whole file of model weights; several may follow each other.

        Parameters
        ----------
        path : str or os.PathLike
            A file of `greenprint.audit.collect_open`, plain or gzipped.

        Returns
        -------
        ExpectationsInfo
            What the file says about itself, and its digest.

        Raises
        ------
        ArgumentError
            Where the audit has answers, or tests of it are in use.
        FileError, FormatError, VersionError, OutOfMemoryError
            As they say. After any of these the audit cannot be used any more, unless the file
            could not even be opened.
        """
        name = c.encode(path, "path")
        handle = ctypes.c_void_p()
        info = c.ExpectationsInfo()
        with self._lock:
            self._check_unused()
            c.call(c.lib.gp_model_weights_open, name, ctypes.byref(handle), path=name)
            try:
                c.call(c.lib.gp_audit_add_model, self._pointer, handle, path=name)
                c.lib.gp_model_weights_get_info(handle, ctypes.byref(info))
            finally:
                c.lib.gp_model_weights_free(handle)
        return _to_info(info)

    def set_served(self, contexts: Contexts) -> None:
        """Note which contexts are among those that the owner of the key served.

        Parameters
        ----------
        contexts : Contexts
            Of the same width. To be set when everything was added.

        Raises
        ------
        ArgumentError
            Where the width is another, the key's seeding is not ``"hash"``, or tests of this
            audit are in use.
        OutOfMemoryError
            Where memory is short.
        """
        if not isinstance(contexts, Contexts):
            raise ArgumentError(f"contexts must be a Contexts, not {type(contexts).__name__}")
        with self._lock:
            self._check_unused()
            c.call(c.lib.gp_audit_set_served, self._pointer, contexts._pointer)

    @property
    def counts(self) -> AuditCounts:
        """What was added so far."""
        counts = c.AuditCounts()
        with self._lock:
            c.lib.gp_audit_get_counts(self._pointer, ctypes.byref(counts))
        return AuditCounts(**{name: getattr(counts, name) for name, *_ in c.AuditCounts._fields_})

    def test(self, statistic: str = "root", served_only: bool = False) -> AuditTest:
        """Prepare the test of one statistic, for any number of keys.

        Parameters
        ----------
        statistic : {"distinct", "root", "reference", "open", "open-root"}
            The weight of a pair: 1; the square root of how often it occurred; how often it
            occurred minus what a reference model expected; the sum of its model weights; the
            square root of that, with its sign.
        served_only : bool
            Whether only pairs count whose context was served. Which were depends on the key,
            so the p-value is then that of an e-value.

        Returns
        -------
        AuditTest
            While it is in use, nothing can be added to the audit.

        Raises
        ------
        ArgumentError
            Where there is nothing to make the statistic of, or no served contexts.
        OutOfMemoryError
            Where memory is short.
        """
        if statistic not in c.AUDIT_STATISTICS:
            names = list(c.AUDIT_STATISTICS)
            raise ArgumentError(f"statistic must be one of {names}, not {statistic!r}")
        with self._lock:
            test = AuditTest._make(self, statistic, bool(served_only))
            self._tests.add(test)
        return test

    def _check_unused(self) -> None:
        if len(self._tests) > 0:
            raise ArgumentError("tests of this audit are in use: delete them before adding")


class AuditTest(c.Unpicklable):
    """The test of one statistic of an audit. Made by `Audit.test`.

    Immutable, so any number of threads may use one.

    Attributes
    ----------
    statistic : str
        The weights that it is of.
    served_only : bool
        Whether only pairs count whose context was served.
    """

    _why_not = "make it anew from the audit"

    statistic: str
    served_only: bool
    _audit: Audit  # which has to outlive the test
    _pointer: int

    def __init__(self) -> None:
        raise TypeError("use Audit.test()")

    @classmethod
    def _make(cls, audit: Audit, statistic: str, served_only: bool) -> AuditTest:
        handle = ctypes.c_void_p()
        number = c.AUDIT_STATISTICS[statistic]
        c.call(c.lib.gp_audit_test_new, audit._pointer, number, served_only, ctypes.byref(handle))
        assert handle.value is not None
        test = cls.__new__(cls)
        test.statistic, test.served_only = statistic, served_only
        test._audit = audit
        test._pointer = handle.value
        weakref.finalize(test, c.lib.gp_audit_test_free, handle.value).atexit = False
        return test

    def key(self, key: Key, tenant: int | None = None) -> AuditResult:
        """Test a key.

        Parameters
        ----------
        key : Key
            With the parameters of the audit.
        tenant : int, optional
            The tenant id to look for. None, which is not tenant 0, for no tenant.

        Returns
        -------
        AuditResult
            With the best Chernoff bound, and the saddle-point value.

        Raises
        ------
        ArgumentError
            Where the key has other parameters.
        OutOfMemoryError, CryptoError
            As they say.
        """
        options = _options(tenant)
        result = c.AuditResult()
        c.call(
            c.lib.gp_audit_test_key,
            self._pointer,
            check_key(key)._open,
            ctypes.byref(options),
            ctypes.byref(result),
        )
        return _result(result)

    def many(
        self, candidates: Iterable[Key | tuple[Key, int | None]], threads: int = 1
    ) -> list[AuditResult]:
        """Test many keys, or tenants of them; for controls and tracing.

        Parameters
        ----------
        candidates : iterable of Key or (Key, tenant)
            With the parameters of the audit.
        threads : int
            1 to 1024. Results do not depend on it.

        Returns
        -------
        list of AuditResult
            In the same order. Chernoff's bound may be a little above that of `key`, and there
            is no saddle-point value.

        Raises
        ------
        ArgumentError
            Where a key has other parameters.
        OutOfMemoryError, CryptoError
            As they say.
        """
        pairs = [_candidate(candidate) for candidate in candidates]
        array = (c.AuditCandidate * max(1, len(pairs)))()
        for place, (key, tenant) in zip(array, pairs, strict=False):
            place.key = check_key(key)._open
            place.options = _options(tenant)
        results = (c.AuditResult * max(1, len(pairs)))()
        n_threads = whole_number(threads, "threads", 32)
        c.call(c.lib.gp_audit_test_many, self._pointer, array, len(pairs), n_threads, results)
        return [_result(result) for result in results[: len(pairs)]]


def _candidate(candidate: Any) -> tuple[Key, int | None]:
    if isinstance(candidate, tuple):
        if len(candidate) != 2:
            raise ArgumentError("a candidate must be a key, or a key and a tenant")
        return candidate
    return candidate, None


def _options(tenant: int | None) -> c.VerifierOptions:
    return c.VerifierOptions(
        has_tenant=tenant is not None,
        tenant=0 if tenant is None else whole_number(tenant, "tenant", 64),
    )


def control_key(key: Key, index: int) -> Key:
    """Return a key that nobody ever used, to test beside a key.

    Anybody can make it again from the key's commitment (SPEC.md section 17), so that controls
    cannot be chosen.

    Parameters
    ----------
    key : Key
        The key of the audit, of which only what is public is used.
    index : int
        Which control key, from 0.

    Returns
    -------
    Key
        With the same parameters.

    Raises
    ------
    ArgumentError
        Where an argument is out of range.
    CryptoError
        Where OpenSSL or libsodium failed.
    """
    params = check_key(key).params._to_c()
    commitment = (ctypes.c_uint8 * c.COMMITMENT_SIZE).from_buffer_copy(key.commitment)
    handle = ctypes.c_void_p()
    c.call(
        c.lib.gp_audit_control_key,
        ctypes.byref(params),
        commitment,
        whole_number(index, "index", 32),
        ctypes.byref(handle),
    )
    return Key._own(handle)


def holm(log10_p: Sequence[float] | npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return the family-wise error rate at which each hypothesis is rejected.

    Valid however the p-values depend on each other [Holm 1979].

    Parameters
    ----------
    log10_p : sequence or array of float
        Decimal logarithms of p-values.

    Returns
    -------
    numpy.ndarray
        Decimal logarithms of the rates, in the same order.

    Raises
    ------
    ArgumentError
        For a NaN or a value above 0.
    """
    adjusted = _doubles(log10_p, "p-values").copy()
    data = adjusted.ctypes.data
    c.call(c.lib.gp_holm, data, adjusted.size, data)
    return adjusted
