"""Files that are being collected, from which an interrupted run goes on.

Beside the file that is to be made stands one with ``.part`` behind its name: a line of JSON with
the settings, and after it what is finished, each piece whole or, the last, cut off.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from greenprint._errors import ArgumentError
from greenprint._weights import IDS_MAX, ModelWeightSections, NewFile

_LINE_MAX = 1 << 20


class Part:
    """The file of what is finished, open behind its line of settings.

    Parameters
    ----------
    path : str or os.PathLike
        The file that is to be made.
    settings : dict
        What a run must share with the one that it goes on from.
    resume : bool
        Whether to go on from what an earlier run left, or to begin anew.

    Raises
    ------
    ArgumentError
        Where an earlier run had other settings.
    """

    def __init__(
        self, path: str | os.PathLike[str], settings: dict[str, Any], resume: bool
    ) -> None:
        self._target = Path(path)
        self._path = self._target.with_name(self._target.name + ".part")
        line = json.dumps(settings).encode() + b"\n"
        self.file = self._reopen(line, settings) if resume else None
        if self.file is None:
            self.file = open(self._path, "w+b")  # noqa: SIM115 - closed by `close`
            self.file.write(line)
        self._begin = self.file.tell()

    def _reopen(self, line: bytes, settings: dict[str, Any]) -> IO[bytes] | None:
        """Open what an earlier run left; None where it left nothing."""
        try:
            file = open(self._path, "r+b")  # noqa: SIM115 - closed by `close`
        except FileNotFoundError:
            return None
        found = file.readline(_LINE_MAX)
        if found == line:
            return file
        file.close()
        if line.startswith(found):  # cut off there
            return None
        raise ArgumentError(
            f"{self._path} is of {_difference(found, settings)}: remove it, or pass resume=False"
        )

    def cut(self, at: int) -> None:
        """Forget what stands from `at` on, and write there."""
        self.file.seek(at)
        self.file.truncate()

    def finish(self, ending: bytes = b"") -> None:
        """Make the file: everything behind the settings, and the ending."""
        self.file.flush()
        self.file.seek(self._begin)
        new = NewFile(self._target)
        try:
            shutil.copyfileobj(self.file, new.file, 1 << 20)
            new.file.write(ending)
        except BaseException:
            new.abandon()
            raise
        new.place()
        self.close()
        self._path.unlink()

    def close(self) -> None:
        """Close it, and leave it for a later run."""
        self.file.close()


@contextmanager
def open_part(
    path: str | os.PathLike[str], settings: dict[str, Any], resume: bool
) -> Iterator[Part]:
    """Lend a `Part`, which stays behind unless it is finished."""
    part = Part(path, settings, resume)
    try:
        yield part
    finally:
        part.close()


def _difference(found: bytes, settings: dict[str, Any]) -> str:
    """Say in what a line of settings differs from these."""
    try:
        earlier = json.loads(found)
        if set(earlier) != set(settings):
            raise ValueError
    except (TypeError, ValueError):
        return "another kind"
    names = [name for name, value in settings.items() if earlier[name] != value]
    return "a run with another " + " and ".join(names)


class ResumedSections(ModelWeightSections):
    """The sections of a part, which may begin with what an earlier run finished."""

    def __init__(self, part: Part, label: str, vocabulary: int, top_k: int) -> None:
        self._part = part
        begin = part.file.tell()
        header = self.header(label, vocabulary, top_k)
        self._resuming = part.file.read(len(header)) == header
        part.file.seek(begin)
        super().__init__(part.file, label, vocabulary, top_k)  # the header, over itself
        if not self._resuming:
            part.cut(part.file.tell())

    def take(self, tokens: npt.NDArray[np.uint32]) -> bool:
        """Take the next document from the earlier run, if it is whole there.

        Parameters
        ----------
        tokens : numpy.ndarray of uint32
            The ids that it has to have.

        Returns
        -------
        bool
            False where it is to be written, and everything after it.

        Raises
        ------
        ArgumentError
            Where the earlier run had another document.
        """
        if not self._resuming:
            return False
        begin = self._file.tell()
        try:
            ids, digest = self._read_document()
        except EOFError:  # cut off, or damaged
            self._file.seek(begin)
            self.settle()
            return False
        if not np.array_equal(ids, tokens):
            raise ArgumentError(
                f"document {self._documents + 1} is not that of the run to go on from: pass "
                "the same documents, or resume=False"
            )
        self._digest = digest
        self._documents += 1
        self._tokens += tokens.size
        return True

    def settle(self) -> None:
        """Forget what was not taken; documents are only written from here on."""
        if self._resuming:
            self._part.cut(self._file.tell())
            self._resuming = False

    def end(self) -> None:
        """End the document, and hand it to the operating system."""
        super().end()
        self._file.flush()

    def _read_document(self) -> tuple[npt.NDArray[np.uint32], Any]:
        """Read a document; return its ids, and the digest of all up to its end."""
        digest = self._digest.copy()

        def read(size: int) -> bytes:
            data = self._file.read(size)
            if len(data) < size:
                raise EOFError
            digest.update(data)
            return data

        tag, n = struct.unpack("<cQ", read(9))
        if tag != b"D" or n > IDS_MAX:
            raise EOFError
        ids = np.frombuffer(read(4 * n), "<u4")
        for _ in range(n):
            read(8 * read(1)[0])
        wanted = digest.digest()
        if read(len(wanted)) != wanted:
            raise EOFError
        return ids, digest
