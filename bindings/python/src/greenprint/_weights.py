"""Writing files of weights (SPEC.md section 14), of whichever kind."""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from greenprint._arrays import all_ids
from greenprint._errors import ArgumentError
from greenprint._params import whole_number

if TYPE_CHECKING:
    from greenprint._arrays import Tokens

TOP_MAX = 255  # entries at a position, as many as the format has room for
LABEL_MAX = 200  # bytes
_SUM_MAX = 1.001  # probabilities are rounded to float32, and some models' add up badly
IDS_MAX = 1 << 24  # in a document of model weights

Chunk = tuple[npt.NDArray[Any], npt.NDArray[Any]]  # ids and their numbers, (positions, k)
_Self = TypeVar("_Self", bound="WeightsWriter")


class Sections:
    """The sections of a file, written one after the other into an open file.

    Parameters
    ----------
    file : binary file
        Where to; it stays the caller's.
    label, vocabulary, top_k
        As for `WeightsWriter`, and checked by `check_settings`.
    """

    number: ClassVar[int]  # the kind
    entries: ClassVar[str]  # what those of a position are called
    values: ClassVar[str]  # and their numbers

    def __init__(self, file: IO[bytes], label: str, vocabulary: int, top_k: int) -> None:
        self._file = file
        self._vocabulary = vocabulary
        self._top_k = top_k
        self._digest = hashlib.sha256()
        self._documents = 0
        self._tokens = 0
        self._left: int | None = None  # positions that the document still lacks
        self._write(self.header(label, vocabulary, top_k))

    @classmethod
    def header(cls, label: str, vocabulary: int, top_k: int) -> bytes:
        """Return the header, with its checksum."""
        encoded = label.encode()
        head = b"\x89GPEXP\r\n" + bytes([1, cls.number, top_k, len(encoded)])
        head += struct.pack("<I", vocabulary) + encoded
        return head + hashlib.sha256(head).digest()

    @property
    def failed(self) -> bool:
        """Whether a document was begun and not ended."""
        return self._left is not None

    def begin(self, tokens: npt.NDArray[np.uint32]) -> None:
        """Begin a document."""
        if self._left is not None:
            raise ArgumentError("an earlier document failed: begin the file anew")
        self._left = tokens.size
        self._write(b"D" + self._head(tokens))
        self._tokens += tokens.size

    def add(self, ids: npt.NDArray[Any], values: npt.NDArray[Any]) -> None:
        """Add the next positions of the document."""
        assert self._left is not None
        encoded = self._encode(ids, values)
        if len(ids) > self._left:
            raise ArgumentError(f"{self.entries} for more positions than the document has tokens")
        self._left -= len(ids)
        self._write(encoded)

    def end(self) -> None:
        """End the document."""
        if self._left != 0:
            raise ArgumentError(f"{self.entries} are missing for {self._left} positions")
        self._write(self._digest.digest())
        self._documents += 1
        self._left = None

    def ending(self) -> bytes:
        """Return what stands at the end of the file."""
        end = b"E" + struct.pack("<QQ", self._documents, self._tokens)
        digest = self._digest.copy()
        digest.update(end)
        return end + digest.digest()

    def _head(self, tokens: npt.NDArray[np.uint32]) -> bytes:
        """Return what a document begins with."""
        raise NotImplementedError

    def _check(self, values: npt.NDArray[np.float32]) -> None:
        """Refuse numbers that are out of range."""
        raise NotImplementedError

    def _encode(self, ids: npt.NDArray[Any], numbers: npt.NDArray[Any]) -> bytes:
        """Return the bytes of some positions: for each a count, then ids and numbers."""
        if ids.ndim != 2 or ids.shape != numbers.shape:
            raise ArgumentError(
                f"ids and {self.values} must be 2-D and of one shape, not "
                f"{ids.shape} and {numbers.shape}"
            )
        if ids.size == 0:  # of no particular type
            return bytes(len(ids))
        if ids.dtype.kind not in "iu" or numbers.dtype.kind not in "fiu":
            raise ArgumentError(f"ids must be integers, and {self.values} floating-point numbers")
        values = numbers.astype("<f4")
        self._check(values)
        kept = values != 0
        counts = kept.sum(axis=1)
        if counts.max() > self._top_k:
            raise ArgumentError(f"more than top_k = {self._top_k} {self.entries} at a position")
        limit = self._vocabulary or 1 << 32
        if kept.any() and not 0 <= int(ids[kept].min()) <= int(ids[kept].max()) < limit:
            raise ArgumentError(f"ids must be from 0 to {limit - 1}")
        # What is left out goes to the end of its row.
        wide = np.where(kept, ids.astype(np.int64), 1 << 32)
        order = wide.argsort(axis=1, kind="stable")
        wide = np.take_along_axis(wide, order, axis=1)
        if ((wide[:, 1:] == wide[:, :-1]) & (wide[:, 1:] < 1 << 32)).any():
            raise ArgumentError("an id occurs twice at one position")
        present = wide < 1 << 32
        entries = np.empty(int(counts.sum()), dtype=[("id", "<u4"), ("number", "<f4")])
        entries["id"] = wide[present]
        entries["number"] = np.take_along_axis(values, order, axis=1)[present]
        sizes = 1 + 8 * counts
        begins = np.cumsum(sizes) - sizes
        out = np.empty(int(sizes.sum()), np.uint8)
        is_count = np.zeros(out.size, bool)
        is_count[begins] = True
        out[is_count] = counts
        out[~is_count] = entries.view(np.uint8)
        return out.tobytes()

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


class ExpectationSections(Sections):
    """Those of kind 1."""

    number = 1
    entries = "expectations"
    values = "probabilities"

    def _head(self, tokens: npt.NDArray[np.uint32]) -> bytes:
        digest = hashlib.sha256(tokens.astype("<u4").tobytes()).digest()
        return digest + struct.pack("<Q", tokens.size)

    def _check(self, values: npt.NDArray[np.float32]) -> None:
        if not ((values >= 0) & (values <= _SUM_MAX)).all():  # NaN as well
            raise ArgumentError("probabilities must be from 0 to 1")
        if values.sum(axis=1, dtype=np.float64).max() > _SUM_MAX:
            raise ArgumentError("the probabilities of a position add up to more than 1")


class ModelWeightSections(Sections):
    """Those of kind 2."""

    number = 2
    entries = "weights"
    values = "weights"

    def _head(self, tokens: npt.NDArray[np.uint32]) -> bytes:
        if tokens.size > IDS_MAX:
            raise ArgumentError(f"a document may have {IDS_MAX} ids, not {tokens.size}: cut it")
        limit = self._vocabulary or 1 << 32
        if tokens.size and int(tokens.max()) >= limit:
            raise ArgumentError(f"token ids must be from 0 to {limit - 1}")
        return struct.pack("<Q", tokens.size) + tokens.astype("<u4").tobytes()

    def _check(self, values: npt.NDArray[np.float32]) -> None:
        if not ((values >= -1) & (values <= 1)).all():  # NaN as well
            raise ArgumentError("weights must be from -1 to 1")


def check_settings(label: str, vocabulary: int, top_k: int) -> None:
    """Refuse what a header has no room for."""
    whole_number(vocabulary, "vocabulary", 32)
    if whole_number(top_k, "top_k", 8) == 0:
        raise ArgumentError("top_k must be at least 1")
    if len(label.encode()) > LABEL_MAX or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in label):
        raise ArgumentError(
            f"label must be at most {LABEL_MAX} bytes of UTF-8 without control characters"
        )


class NewFile:
    """A file under a temporary name in its folder, until it is whole.

    Parameters
    ----------
    path : pathlib.Path
        Its name in the end; a file of that name is replaced then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file: IO[bytes] = tempfile.NamedTemporaryFile(  # noqa: SIM115 - outlives this
            dir=path.parent, prefix=f".{path.name}.", delete=False
        )

    def place(self) -> None:
        """Give the file its name; it is removed where that fails."""
        try:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
            os.chmod(self.file.name, 0o666 & ~_umask())
            os.replace(self.file.name, self._path)
        except BaseException:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Remove it, unless it has its name already."""
        self.file.close()
        Path(self.file.name).unlink(missing_ok=True)


class WeightsWriter:
    """What the writers of both kinds share."""

    _kind: ClassVar[type[Sections]]

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        label: str,
        vocabulary: int = 0,
        top_k: int = 64,
    ) -> None:
        check_settings(label, vocabulary, top_k)
        self._new = NewFile(Path(path))
        self._sections = self._kind(self._new.file, label, vocabulary, top_k)

    def __enter__(self: _Self) -> _Self:
        """Return the writer itself."""
        return self

    def __exit__(self, kind: Any, *exception: Any) -> None:
        """Finish the file, or remove it where there was an exception."""
        if kind is None:
            self.close()
        else:
            self.abandon()

    def add_chunks(self, tokens: Tokens, chunks: Iterable[Chunk]) -> None:
        """Add one document that comes in parts.

        Parameters
        ----------
        tokens : sequence, array or tensor of int
            Its token ids.
        chunks : iterable of (ids, numbers)
            Arrays as for `add`, for positions one after the other. Only one chunk needs to be
            in memory.

        Raises
        ------
        ArgumentError
            As `add`; the file can then not be finished.
        """
        self._sections.begin(all_ids(tokens))
        for ids, values in chunks:
            if ids.size or ids.ndim == 2:
                self._sections.add(ids, values)
        self._sections.end()

    def close(self) -> None:
        """Write the end, and give the file its name; closing twice does nothing.

        Raises
        ------
        ArgumentError
            Where a document failed; the file is removed.
        OSError
            Where it cannot be written; it is removed.
        """
        if self._new.file.closed:
            return
        try:
            if self._sections.failed:
                raise ArgumentError("a document failed: the file was not written")
            self._new.file.write(self._sections.ending())
        except BaseException:
            self._new.abandon()
            raise
        self._new.place()

    def abandon(self) -> None:
        """Remove what was written so far."""
        if not self._new.file.closed:
            self._new.abandon()


def _umask() -> int:
    """Return the process's mask of file modes, which can only be asked for by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
