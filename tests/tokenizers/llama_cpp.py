"""llama.cpp's own tokenizer, as the wheel of ``xllamacpp`` carries it.

The wheel's one shared library exports llama.cpp's C interface; three functions of it are
enough to open a vocabulary and to tokenize. ``xllamacpp`` itself is not imported.
"""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path


class _ModelParams(ctypes.Structure):
    """What llama.h of this release calls llama_model_params; only `vocab_only` is set here."""

    _fields_ = (
        ("devices", ctypes.c_void_p),
        ("tensor_buft_overrides", ctypes.c_void_p),
        ("n_gpu_layers", ctypes.c_int32),
        ("split_mode", ctypes.c_int),
        ("load_mode", ctypes.c_int),
        ("lazy_mode", ctypes.c_int),
        ("main_gpu", ctypes.c_int32),
        ("tensor_split", ctypes.c_void_p),
        ("progress_callback", ctypes.c_void_p),
        ("progress_callback_user_data", ctypes.c_void_p),
        ("kv_overrides", ctypes.c_void_p),
        ("vocab_only", ctypes.c_bool),
        ("check_tensors", ctypes.c_bool),
        ("use_extra_bufts", ctypes.c_bool),
        ("no_host", ctypes.c_bool),
        ("no_alloc", ctypes.c_bool),
        ("load_mtp", ctypes.c_bool),
    )


_LOG = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
_quiet = _LOG(lambda _level, _text, _data: None)


@functools.cache
def _load(library: Path) -> ctypes.CDLL:
    lib = ctypes.CDLL(str(library))
    lib.llama_log_set.argtypes = (_LOG, ctypes.c_void_p)
    lib.llama_log_set.restype = None
    lib.llama_log_set(_quiet, None)
    lib.llama_backend_init.restype = None
    lib.llama_backend_init()
    lib.llama_model_default_params.restype = _ModelParams
    lib.llama_model_load_from_file.argtypes = (ctypes.c_char_p, _ModelParams)
    lib.llama_model_load_from_file.restype = ctypes.c_void_p
    lib.llama_model_get_vocab.argtypes = (ctypes.c_void_p,)
    lib.llama_model_get_vocab.restype = ctypes.c_void_p
    lib.llama_tokenize.argtypes = (
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.c_int32,
        ctypes.POINTER(ctypes.c_int32),
        ctypes.c_int32,
        ctypes.c_bool,
        ctypes.c_bool,
    )
    lib.llama_tokenize.restype = ctypes.c_int32
    return lib


class LlamaCpp:
    """The vocabulary of a GGUF file in llama.cpp."""

    def __init__(self, library: Path, gguf: Path) -> None:
        self._lib = _load(library)
        params = self._lib.llama_model_default_params()
        # A layout other than the one above would show here, before anything is read with it.
        if not params.use_extra_bufts or params.vocab_only or params.no_alloc:
            raise RuntimeError(f"{library}: llama_model_params is not laid out as expected")
        params.vocab_only = True
        model = self._lib.llama_model_load_from_file(str(gguf).encode(), params)
        if not model:
            raise RuntimeError(f"llama.cpp cannot read {gguf}")
        self._vocab = self._lib.llama_model_get_vocab(model)

    def encode(self, text: bytes) -> list[int]:
        """Tokenize `text` with the special tokens in it, and none before or after it."""
        room = len(text) + 16
        while True:
            ids = (ctypes.c_int32 * room)()
            n = self._lib.llama_tokenize(self._vocab, text, len(text), ids, room, False, True)
            if n >= 0:
                return ids[:n]
            room = -n
