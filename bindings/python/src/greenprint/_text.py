"""Tokenizers: text to token ids, as the model's own tokenizer file says."""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from typing import TYPE_CHECKING

import numpy as np

from greenprint import _library as c
from greenprint._errors import ArgumentError

if TYPE_CHECKING:
    import numpy.typing as npt


class _Encoder:
    """One thread's working memory (``gp_encoder``)."""

    def __init__(self, tokenizer: int) -> None:
        handle = ctypes.c_void_p()
        c.call(c.lib.gp_encoder_new, tokenizer, ctypes.byref(handle))
        assert handle.value is not None
        self.pointer: int = handle.value
        weakref.finalize(self, c.lib.gp_encoder_free, handle.value).atexit = False


class Tokenizer(c.Unpicklable):
    """A tokenizer as its file describes it; made by `from_file`.

    Any number of threads may use one; each gets working memory of its own.
    """

    _why_not = "it holds memory of the C library; open the file again"

    def __init__(self) -> None:
        raise ArgumentError("use Tokenizer.from_file()")

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """Open a Hugging Face ``tokenizer.json`` or a GGUF file.

        Parameters
        ----------
        path : str or path
            The file; what it is shows in its contents.

        Returns
        -------
        Tokenizer

        Raises
        ------
        FormatError
            Where the file is damaged, or asks for something that is not implemented.
        FileError
            Where it cannot be read.
        """
        name = c.encode(path, "path")
        handle = ctypes.c_void_p()
        c.call(c.lib.gp_tokenizer_open, name, ctypes.byref(handle), path=name)
        assert handle.value is not None
        made = cls.__new__(cls)
        made._pointer = handle.value
        made._local = threading.local()
        weakref.finalize(made, c.lib.gp_tokenizer_free, handle.value).atexit = False
        made._info = c.TokenizerInfo()
        c.lib.gp_tokenizer_get_info(handle.value, ctypes.byref(made._info))
        return made

    _pointer: int
    _local: threading.local
    _info: c.TokenizerInfo

    @property
    def model(self) -> str:
        """``"byte-level BPE"``, ``"SentencePiece BPE"`` or ``"unigram"``."""
        name: bytes = self._info.model
        return name.decode()

    @property
    def vocabulary(self) -> int:
        """The largest id plus 1."""
        return int(self._info.vocabulary)

    @property
    def size(self) -> int:
        """The size of the file in bytes."""
        return int(self._info.bytes)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file, in hexadecimal (of a GGUF file, without the tensors)."""
        return bytearray(self._info.sha256).hex()

    def encode(self, text: str | bytes) -> npt.NDArray[np.uint32]:
        """Tokenize a text; no special tokens are put before or after it.

        Parameters
        ----------
        text : str or bytes
            In bytes, what is not UTF-8 is read as U+FFFD, as ``errors="replace"`` does.

        Returns
        -------
        numpy.ndarray of uint32
            The token ids.
        """
        return self._encode(text, False)[0]

    def encode_with_ends(
        self, text: str | bytes
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uintp]]:
        """Tokenize a text, and say where each token ends.

        Parameters
        ----------
        text : str or bytes
            As for `encode`.

        Returns
        -------
        ids : numpy.ndarray of uint32
            The token ids.
        ends : numpy.ndarray of uintp
            For each the offset after its last byte, in the text's UTF-8 (in `text` itself
            if that is bytes); never decreasing.
        """
        ids, ends = self._encode(text, True)
        assert ends is not None
        return ids, ends

    def _encode(
        self, text: str | bytes, with_ends: bool
    ) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uintp] | None]:
        if isinstance(text, str):
            try:
                text = text.encode()
            except UnicodeEncodeError as error:
                raise ArgumentError(f"text holds a lone surrogate: {error}") from None
        elif not isinstance(text, bytes):
            raise ArgumentError(f"text is a {type(text).__name__}; it must be str or bytes")
        encoder = getattr(self._local, "encoder", None)
        if encoder is None:
            encoder = self._local.encoder = _Encoder(self._pointer)
        tokens, ends, count = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_size_t()
        c.call(
            c.lib.gp_encoder_encode,
            encoder.pointer,
            text,
            len(text),
            ctypes.byref(tokens),
            ctypes.byref(ends) if with_ends else None,
            ctypes.byref(count),
        )
        assert tokens.value is not None
        ids = _copy(tokens.value, count.value, np.uint32)
        if not with_ends:
            return ids, None
        assert ends.value is not None
        return ids, _copy(ends.value, count.value, np.uintp)


def _copy(address: int, count: int, dtype: type) -> npt.NDArray[np.generic]:
    """Copy an array out of the library's memory."""
    array = np.empty(count, dtype)
    ctypes.memmove(array.ctypes.data, address, array.nbytes)
    return array
