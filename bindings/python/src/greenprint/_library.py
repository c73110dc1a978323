"""The C library as ctypes sees it: where it is, its structures and its functions.

Everything here mirrors ``greenprint.h``; what a function does is said there. ctypes
lets go of the interpreter lock during every call.
"""

from __future__ import annotations

import ctypes
import os
import sys
from ctypes import (
    POINTER,
    c_bool,
    c_char,
    c_char_p,
    c_double,
    c_float,
    c_int,
    c_int64,
    c_size_t,
    c_uint,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from pathlib import Path
from typing import Any, NoReturn

from greenprint._errors import ArgumentError, error_for

MASTER_KEY_SIZE = 32
COMMITMENT_SIZE = 32
KEY_ID_STRING_SIZE = 17
NONCE_SIZE = 12
ELEMENT_SIZE = 32
ROOT_SIZE = 32
INCLUSION_PATH_MAX = 20
SIGNER_NUMBER_SIZE = 8
SIGNER_KEY_SIZE = 32
SIGNER_ID_SIZE = 17
SCHEME_ID_PROVABLE = "greenprint-1v"
ERROR_MESSAGE_SIZE = 512
DELTA_MAX = 100.0

SEEDINGS = {"hash": 1, "min": 2, "fixed": 3}
SEAL_COSTS = {"interactive": 1, "moderate": 2, "sensitive": 3}
INPUT_FORMATS = {"tokens": 1, "jsonl": 2, "text": 3, "npy": 4, "u16": 5, "u32": 6}
NORMALIZATIONS = {"newlines": 1, "trailing": 2, "nfc": 4}
TIMESTAMP_HASHES = {"sha256": 1, "sha512": 2}
AUDIT_STATISTICS = {"distinct": 1, "root": 2, "reference": 3, "open": 4, "open-root": 5}
FLOAT32, FLOAT16, BFLOAT16 = 1, 2, 3


class Error(ctypes.Structure):
    """``gp_error``."""

    _fields_ = [("status", c_int), ("message", c_char * ERROR_MESSAGE_SIZE)]


class Params(ctypes.Structure):
    """``gp_params``."""

    _fields_ = [
        ("seeding", c_int),
        ("context_width", c_uint32),
        ("gamma_num", c_uint32),
        ("gamma_log2_den", c_uint32),
    ]


class KeyInfo(ctypes.Structure):
    """``gp_key_info``."""

    _fields_ = [
        ("params", Params),
        ("scheme", c_char * 17),
        ("id", c_char * KEY_ID_STRING_SIZE),
        ("commitment", c_uint8 * COMMITMENT_SIZE),
        ("sealed", c_bool),
        ("sealed_passes", c_uint64),
        ("sealed_memory", c_uint64),
    ]


class PublicKey(ctypes.Structure):
    """``gp_public_key``."""

    _fields_ = [
        ("params", Params),
        ("element", c_uint8 * ELEMENT_SIZE),
        ("commitment", c_uint8 * COMMITMENT_SIZE),
        ("id", c_char * KEY_ID_STRING_SIZE),
    ]


class WatermarkOptions(ctypes.Structure):
    """``gp_watermark_options``."""

    _fields_ = [
        ("delta", c_float),
        ("has_tenant", c_bool),
        ("tenant", c_uint64),
        ("never_biased", c_void_p),
        ("n_never_biased", c_size_t),
    ]


class Row(ctypes.Structure):
    """``gp_row``."""

    _fields_ = [
        ("tokens", c_void_p),
        ("n_tokens", c_size_t),
        ("session", c_void_p),
        ("off", c_bool),
        ("has_delta", c_bool),
        ("delta", c_float),
        ("has_tenant", c_bool),
        ("tenant", c_uint64),
    ]


class GenerationOptions(ctypes.Structure):
    """``gp_generation_options``."""

    _fields_ = [
        ("has_pad", c_bool),
        ("pad", c_uint32),
        ("mark_repeated", c_bool),
        ("expected_tokens", c_size_t),
        ("threads", c_void_p),
    ]


class GenerationStep(ctypes.Structure):
    """``gp_generation_step``."""

    _fields_ = [
        ("logits", c_void_p),
        ("n_rows", c_size_t),
        ("vocabulary", c_size_t),
        ("stride", c_size_t),
        ("ids", c_void_p),
        ("length", c_size_t),
        ("ids_stride", c_size_t),
        ("dtype", c_int),
    ]


class VerifierOptions(ctypes.Structure):
    """``gp_verifier_options``."""

    _fields_ = [("has_tenant", c_bool), ("tenant", c_uint64)]


class Result(ctypes.Structure):
    """``gp_result``."""

    _fields_ = [
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("scored", c_uint64),
        ("repeated", c_uint64),
        ("green", c_uint64),
        ("z", c_double),
        ("log10_p", c_double),
    ]


class ReaderOptions(ctypes.Structure):
    """``gp_reader_options``."""

    _fields_ = [
        ("format", c_int),
        ("field", c_char_p),
        ("role", c_char_p),
        ("normalize", c_uint),
    ]


class Document(ctypes.Structure):
    """``gp_document``."""

    _fields_ = [
        ("tokens", c_void_p),
        ("n_tokens", c_size_t),
        ("text", c_void_p),
        ("n_bytes", c_size_t),
        ("line", c_uint64),
    ]


class WeightedResult(ctypes.Structure):
    """``gp_weighted_result``."""

    _fields_ = [
        ("coins", c_uint64),
        ("statistic", c_double),
        ("z", c_double),
        ("log10_p", c_double),
        ("log10_p_saddlepoint", c_double),
    ]


class InputFacts(ctypes.Structure):
    """``gp_input_facts``."""

    _fields_ = [("bytes", c_uint64), ("sha256", c_uint8 * 32), ("gzip", c_bool)]


class ExpectationsInfo(ctypes.Structure):
    """``gp_expectations_info``."""

    _fields_ = [
        ("label", c_char * 201),
        ("vocabulary", c_uint32),
        ("top_k", c_uint32),
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("complete", c_bool),
        ("file", InputFacts),
    ]


class WeigherCounts(ctypes.Structure):
    """``gp_weigher_counts``."""

    _fields_ = [
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("positions", c_uint64),
        ("occurred", c_uint64),
        ("expected", c_uint64),
    ]


class ContextsInfo(ctypes.Structure):
    """``gp_contexts_info``."""

    _fields_ = [
        ("context_width", c_uint32),
        ("contexts", c_uint64),
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("file", InputFacts),
    ]


class AuditCounts(ctypes.Structure):
    """``gp_audit_counts``."""

    _fields_ = [
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("positions", c_uint64),
        ("in_prompt", c_uint64),
        ("contexts", c_uint64),
        ("coins", c_uint64),
        ("expected", c_uint64),
        ("has_served", c_bool),
        ("served_contexts", c_uint64),
        ("served_coins", c_uint64),
    ]


class AuditResult(ctypes.Structure):
    """``gp_audit_result``."""

    _fields_ = [
        ("coins", c_uint64),
        ("green", c_uint64),
        ("statistic", c_double),
        ("z", c_double),
        ("log10_p", c_double),
        ("log10_p_saddlepoint", c_double),
        ("log10_e", c_double),
    ]


class AuditCandidate(ctypes.Structure):
    """``gp_audit_candidate``."""

    _fields_ = [("key", c_void_p), ("options", VerifierOptions)]


class TokenizerInfo(ctypes.Structure):
    """``gp_tokenizer_info``."""

    _fields_ = [
        ("model", c_char * 32),
        ("vocabulary", c_size_t),
        ("bytes", c_uint64),
        ("sha256", c_uint8 * 32),
    ]


class Segment(ctypes.Structure):
    """``gp_segment``."""

    _fields_ = [
        ("first", c_size_t),
        ("end", c_size_t),
        ("scored", c_uint64),
        ("green", c_uint64),
        ("log10_p", c_double),
        ("log10_p_corrected", c_double),
    ]


class Plan(ctypes.Structure):
    """``gp_plan``."""

    _fields_ = [
        ("coins", c_uint64),
        ("green", c_uint64),
        ("power", c_double),
        ("tokens", c_uint64),
    ]


BLIND_TRANSPORT = ctypes.CFUNCTYPE(
    c_int,
    c_void_p,
    c_void_p,
    c_size_t,
    c_void_p,
    c_size_t,
    POINTER(c_size_t),
    POINTER(Error),
)  # gp_blind_transport


class ProofOptions(ctypes.Structure):
    """``gp_proof_options``."""

    _fields_ = [
        ("has_tenant", c_bool),
        ("tenant", c_uint64),
        ("sample", c_uint64),
        ("tokenizer_sha256", c_void_p),
        ("threads", c_void_p),
        ("on_progress", c_void_p),
        ("user", c_void_p),
    ]


class NonceTableOptions(ctypes.Structure):
    """``gp_nonce_table_options``."""

    _fields_ = [
        ("has_tenant", c_bool),
        ("tenant", c_uint64),
        ("threads", c_void_p),
        ("on_progress", c_void_p),
        ("user", c_void_p),
    ]


class ProofInfo(ctypes.Structure):
    """``gp_proof_info``."""

    _fields_ = [
        ("public_key", PublicKey),
        ("has_tenant", c_bool),
        ("tenant", c_uint64),
        ("text_sha256", c_uint8 * 32),
        ("tokenizer_sha256", c_uint8 * 32),
        ("documents", c_uint64),
        ("tokens", c_uint64),
        ("contexts", c_uint64),
        ("proved", c_uint64),
        ("sizes", c_uint32),
        ("blind", c_bool),
        ("file_size", c_uint64),
        ("file_sha256", c_uint8 * 32),
    ]


class CommittedKey(ctypes.Structure):
    """``gp_committed_key``."""

    _fields_ = [
        ("scheme", c_char * 17),
        ("params", Params),
        ("commitment", c_uint8 * COMMITMENT_SIZE),
        ("id", c_char * KEY_ID_STRING_SIZE),
    ]


class Inclusion(ctypes.Structure):
    """``gp_inclusion``."""

    _fields_ = [
        ("key", CommittedKey),
        ("index", c_uint64),
        ("tree_size", c_uint64),
        ("path_length", c_size_t),
        ("path", (c_uint8 * ROOT_SIZE) * INCLUSION_PATH_MAX),
        ("root", c_uint8 * ROOT_SIZE),
    ]


class Signer(ctypes.Structure):
    """``gp_signer``."""

    _fields_ = [
        ("number", c_uint8 * SIGNER_NUMBER_SIZE),
        ("key", c_uint8 * SIGNER_KEY_SIZE),
        ("id", c_char * SIGNER_ID_SIZE),
    ]


class SignatureFacts(ctypes.Structure):
    """``gp_signature_facts``."""

    _fields_ = [("hashed", c_bool), ("trusted_comment", c_char * 8192)]


class TimestampOptions(ctypes.Structure):
    """``gp_timestamp_options``."""

    _fields_ = [
        ("authorities", c_char_p),
        ("untrusted", c_char_p),
        ("revoked", c_char_p),
        ("policy", c_char_p),
        ("at_stamp_time", c_bool),
    ]


class TimestampFacts(ctypes.Structure):
    """``gp_timestamp_facts``."""

    _fields_ = [
        ("seconds", c_int64),
        ("time", c_char * 32),
        ("serial", c_char * 64),
        ("policy", c_char * 128),
        ("authority", c_char * 256),
        ("hash", c_int),
        ("has_accuracy", c_bool),
        ("accuracy", c_uint64),
    ]


_HANDLE = POINTER(c_void_p)  # where a new object goes
_ERROR = POINTER(Error)
_U8 = POINTER(c_uint8)

# name: (what it returns, what it takes)
_FUNCTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "gp_version": (c_char_p, ()),
    "gp_status_string": (c_char_p, (c_int,)),
    "gp_params_check": (c_int, (POINTER(Params), _ERROR)),
    "gp_params_set_gamma": (c_int, (POINTER(Params), c_char_p, _ERROR)),
    "gp_params_set_profile": (c_int, (POINTER(Params), c_char_p, _ERROR)),
    "gp_params_set_seeding": (c_int, (POINTER(Params), c_char_p, _ERROR)),
    "gp_seeding_name": (c_char_p, (c_int,)),
    "gp_key_generate": (c_int, (POINTER(Params), _HANDLE, _ERROR)),
    "gp_key_from_bytes": (c_int, (POINTER(Params), c_void_p, _HANDLE, _ERROR)),
    "gp_key_generate_provable": (c_int, (POINTER(Params), _HANDLE, _ERROR)),
    "gp_key_from_bytes_provable": (c_int, (POINTER(Params), c_void_p, _HANDLE, _ERROR)),
    "gp_key_scheme": (c_char_p, (c_void_p,)),
    "gp_key_public": (c_int, (c_void_p, POINTER(PublicKey), _ERROR)),
    "gp_public_key_save": (c_int, (POINTER(PublicKey), c_char_p, _ERROR)),
    "gp_public_key_load": (c_int, (c_char_p, POINTER(PublicKey), _ERROR)),
    "gp_key_free": (None, (c_void_p,)),
    "gp_key_params": (Params, (c_void_p,)),
    "gp_key_commitment": (None, (c_void_p, _U8)),
    "gp_key_id": (None, (c_void_p, POINTER(c_char))),
    "gp_key_save_sealed": (
        c_int,
        (c_void_p, c_char_p, c_void_p, c_size_t, c_int, _ERROR),
    ),
    "gp_key_save_unsealed": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_key_load": (c_int, (c_char_p, c_void_p, c_size_t, _HANDLE, _ERROR)),
    "gp_key_inspect": (c_int, (c_char_p, POINTER(KeyInfo), _ERROR)),
    "gp_watermark_new": (c_int, (c_void_p, POINTER(WatermarkOptions), _HANDLE, _ERROR)),
    "gp_watermark_free": (None, (c_void_p,)),
    "gp_watermark_params": (Params, (c_void_p,)),
    "gp_prepare_rows": (c_int, (c_void_p, c_void_p, c_size_t, c_void_p, _ERROR)),
    "gp_green_mask_for": (c_int, (c_void_p, c_void_p, c_size_t, c_void_p, _ERROR)),
    "gp_session_new": (c_int, (c_size_t, _HANDLE, _ERROR)),
    "gp_session_free": (None, (c_void_p,)),
    "gp_session_reset": (None, (c_void_p,)),
    "gp_bias": (c_int, (c_void_p, c_int, c_void_p, c_size_t, POINTER(Row), _ERROR)),
    "gp_bias_batch": (
        c_int,
        (c_void_p, c_int, c_void_p, c_size_t, c_size_t, c_size_t, c_void_p, _ERROR),
    ),
    "gp_bias_batch_parallel": (
        c_int,
        (
            *(c_void_p, c_void_p, c_int, c_void_p, c_size_t),
            *(c_size_t, c_size_t, c_void_p, _ERROR),
        ),
    ),
    "gp_thread_pool_new": (c_int, (c_size_t, _HANDLE, _ERROR)),
    "gp_thread_pool_free": (None, (c_void_p,)),
    "gp_green_mask": (c_int, (c_void_p, c_void_p, c_size_t, c_size_t, c_void_p, _ERROR)),
    "gp_nonce": (c_int, (c_void_p, c_void_p, c_size_t, _U8, _ERROR)),
    "gp_generation_options_default": (GenerationOptions, ()),
    "gp_generation_new": (c_int, (c_void_p, POINTER(GenerationOptions), _HANDLE, _ERROR)),
    "gp_generation_free": (None, (c_void_p,)),
    "gp_generation_reset": (None, (c_void_p,)),
    "gp_generation_next": (
        c_int,
        (c_void_p, c_void_p, c_size_t, c_size_t, c_size_t, POINTER(c_void_p), _ERROR),
    ),
    # Called at each step with arguments that are ready: c_void_p is the type that ctypes
    # passes on without looking closely.
    "gp_generation_bias": (c_int, (c_void_p, c_void_p, c_void_p)),
    "gp_verifier_new": (c_int, (c_void_p, POINTER(VerifierOptions), _HANDLE, _ERROR)),
    "gp_verifier_free": (None, (c_void_p,)),
    "gp_verifier_reset": (None, (c_void_p,)),
    "gp_verifier_add": (c_int, (c_void_p, c_void_p, c_size_t, _ERROR)),
    "gp_verifier_result": (None, (c_void_p, POINTER(Result))),
    "gp_log10_binomial_tail": (
        c_int,
        (c_uint64, c_uint64, c_uint32, c_uint32, POINTER(c_double), _ERROR),
    ),
    "gp_z_score": (c_double, (c_uint64, c_uint64, c_double)),
    "gp_log10_e_value": (
        c_int,
        (c_uint64, c_uint64, c_uint32, c_uint32, POINTER(c_double), _ERROR),
    ),
    "gp_locate": (
        c_int,
        (
            *(c_void_p, c_size_t, c_uint32, c_uint32, c_double),
            *(POINTER(Segment), c_size_t, POINTER(c_size_t), _ERROR),
        ),
    ),
    "gp_weighted_test": (
        c_int,
        (c_void_p, c_void_p, c_size_t, c_uint32, c_uint32, c_void_p, _ERROR),
    ),
    "gp_benjamini_hochberg": (c_int, (c_void_p, c_size_t, c_void_p, _ERROR)),
    "gp_plan_tokens": (
        c_int,
        (POINTER(Params), c_double, c_double, c_double, c_double, POINTER(Plan), _ERROR),
    ),
    "gp_plan_green_rate": (
        c_int,
        (POINTER(Params), c_double, c_double, POINTER(c_double), _ERROR),
    ),
    "gp_tokenizer_open": (c_int, (c_char_p, _HANDLE, _ERROR)),
    "gp_tokenizer_free": (None, (c_void_p,)),
    "gp_tokenizer_get_info": (None, (c_void_p, POINTER(TokenizerInfo))),
    "gp_encoder_new": (c_int, (c_void_p, _HANDLE, _ERROR)),
    "gp_encoder_free": (None, (c_void_p,)),
    "gp_encoder_encode": (
        c_int,
        (
            c_void_p,
            c_char_p,
            c_size_t,
            POINTER(c_void_p),
            POINTER(c_void_p),
            POINTER(c_size_t),
            _ERROR,
        ),
    ),
    "gp_reader_open": (c_int, (c_char_p, POINTER(ReaderOptions), _HANDLE, _ERROR)),
    "gp_reader_free": (None, (c_void_p,)),
    "gp_reader_next": (c_int, (c_void_p, POINTER(Document), POINTER(c_bool), _ERROR)),
    "gp_expectations_open": (c_int, (c_char_p, _HANDLE, _ERROR)),
    "gp_expectations_free": (None, (c_void_p,)),
    "gp_expectations_get_info": (None, (c_void_p, POINTER(ExpectationsInfo))),
    "gp_expectations_finish": (c_int, (c_void_p, _ERROR)),
    "gp_weigher_new": (c_int, (c_void_p, POINTER(VerifierOptions), _HANDLE, _ERROR)),
    "gp_weigher_free": (None, (c_void_p,)),
    "gp_weigher_reset": (None, (c_void_p,)),
    "gp_weigher_add": (c_int, (c_void_p, c_void_p, c_size_t, c_void_p, _ERROR)),
    "gp_weigher_get_counts": (None, (c_void_p, POINTER(WeigherCounts))),
    "gp_weigher_result": (c_int, (c_void_p, POINTER(WeightedResult), _ERROR)),
    "gp_contexts_builder_new": (c_int, (c_uint32, _HANDLE, _ERROR)),
    "gp_contexts_builder_free": (None, (c_void_p,)),
    "gp_contexts_builder_add": (c_int, (c_void_p, c_void_p, c_size_t, _ERROR)),
    "gp_contexts_builder_merge": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_contexts_builder_save": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_contexts_load": (c_int, (c_char_p, _HANDLE, _ERROR)),
    "gp_contexts_free": (None, (c_void_p,)),
    "gp_contexts_get_info": (None, (c_void_p, POINTER(ContextsInfo))),
    "gp_contexts_have": (c_bool, (c_void_p, c_void_p)),
    "gp_model_weights_open": (c_int, (c_char_p, _HANDLE, _ERROR)),
    "gp_model_weights_free": (None, (c_void_p,)),
    "gp_model_weights_get_info": (None, (c_void_p, POINTER(ExpectationsInfo))),
    "gp_audit_new": (c_int, (POINTER(Params), _HANDLE, _ERROR)),
    "gp_audit_free": (None, (c_void_p,)),
    "gp_audit_add": (
        c_int,
        (c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, _ERROR),
    ),
    "gp_audit_add_model": (c_int, (c_void_p, c_void_p, _ERROR)),
    "gp_audit_set_served": (c_int, (c_void_p, c_void_p, _ERROR)),
    "gp_audit_get_counts": (None, (c_void_p, POINTER(AuditCounts))),
    "gp_audit_test_new": (c_int, (c_void_p, c_int, c_bool, _HANDLE, _ERROR)),
    "gp_audit_test_free": (None, (c_void_p,)),
    "gp_audit_test_key": (
        c_int,
        (c_void_p, c_void_p, POINTER(VerifierOptions), POINTER(AuditResult), _ERROR),
    ),
    "gp_audit_test_many": (c_int, (c_void_p, c_void_p, c_size_t, c_uint, c_void_p, _ERROR)),
    "gp_audit_control_key": (c_int, (POINTER(Params), _U8, c_uint32, _HANDLE, _ERROR)),
    "gp_holm": (c_int, (c_void_p, c_size_t, c_void_p, _ERROR)),
    "gp_key_use_table": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_nonce_table_make": (
        c_int,
        (c_void_p, c_uint64, POINTER(NonceTableOptions), c_char_p, c_void_p, _ERROR),
    ),
    "gp_proof_text_new": (c_int, (POINTER(PublicKey), _HANDLE, _ERROR)),
    "gp_proof_text_free": (None, (c_void_p,)),
    "gp_proof_text_add": (c_int, (c_void_p, c_void_p, c_size_t, _ERROR)),
    "gp_proof_text_contexts": (c_size_t, (c_void_p,)),
    "gp_proof_text_inputs": (c_size_t, (c_void_p, POINTER(VerifierOptions), c_void_p)),
    "gp_proof_text_key": (
        c_int,
        (c_void_p, POINTER(VerifierOptions), c_void_p, _HANDLE, _ERROR),
    ),
    "gp_blind_evaluate": (
        c_int,
        (
            POINTER(PublicKey),
            c_void_p,
            c_size_t,
            c_size_t,
            c_size_t,
            c_void_p,
            BLIND_TRANSPORT,
            c_void_p,
            c_void_p,
            _ERROR,
        ),
    ),
    "gp_prove": (
        c_int,
        (
            *(c_void_p, c_void_p, POINTER(ProofOptions), c_char_p),
            *(POINTER(ProofInfo), _ERROR),
        ),
    ),
    "gp_prove_blind": (
        c_int,
        (
            POINTER(PublicKey),
            c_void_p,
            POINTER(ProofOptions),
            c_size_t,
            BLIND_TRANSPORT,
            c_void_p,
            c_char_p,
            POINTER(ProofInfo),
            _ERROR,
        ),
    ),
    "gp_prove_blind_elements": (c_uint64, (c_void_p, c_uint64)),
    "gp_proof_inspect": (c_int, (c_char_p, POINTER(ProofInfo), _ERROR)),
    "gp_proof_check": (
        c_int,
        (
            *(c_char_p, POINTER(PublicKey), c_void_p, POINTER(ProofOptions)),
            *(POINTER(ProofInfo), _HANDLE, _ERROR),
        ),
    ),
    "gp_committed_key_load": (c_int, (c_char_p, POINTER(CommittedKey), _ERROR)),
    "gp_key_set_new": (c_int, (_HANDLE, _ERROR)),
    "gp_key_set_free": (None, (c_void_p,)),
    "gp_key_set_add": (c_int, (c_void_p, POINTER(CommittedKey), _ERROR)),
    "gp_key_set_add_file": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_key_set_size": (c_size_t, (c_void_p,)),
    "gp_key_set_get": (c_int, (c_void_p, c_size_t, POINTER(CommittedKey), _ERROR)),
    "gp_key_set_find": (c_int, (c_void_p, c_char_p, c_size_t, POINTER(c_size_t), _ERROR)),
    "gp_key_set_root": (c_int, (c_void_p, _U8, _ERROR)),
    "gp_key_set_save": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_key_set_load": (c_int, (c_char_p, _HANDLE, _ERROR)),
    "gp_key_set_prove": (c_int, (c_void_p, c_size_t, POINTER(Inclusion), _ERROR)),
    "gp_inclusion_check": (c_int, (POINTER(Inclusion), _ERROR)),
    "gp_inclusion_save": (c_int, (POINTER(Inclusion), c_char_p, _ERROR)),
    "gp_inclusion_load": (c_int, (c_char_p, POINTER(Inclusion), _ERROR)),
    "gp_signing_key_generate": (c_int, (_HANDLE, _ERROR)),
    "gp_signing_key_free": (None, (c_void_p,)),
    "gp_signing_key_signer": (None, (c_void_p, POINTER(Signer))),
    "gp_signing_key_save_sealed": (
        c_int,
        (c_void_p, c_char_p, c_void_p, c_size_t, c_int, _ERROR),
    ),
    "gp_signing_key_save_unsealed": (c_int, (c_void_p, c_char_p, _ERROR)),
    "gp_signing_key_load": (c_int, (c_char_p, c_void_p, c_size_t, _HANDLE, _ERROR)),
    "gp_signer_save": (c_int, (POINTER(Signer), c_char_p, _ERROR)),
    "gp_signer_load": (c_int, (c_char_p, POINTER(Signer), _ERROR)),
    "gp_sign_file": (c_int, (c_void_p, c_char_p, c_char_p, c_char_p, _ERROR)),
    "gp_signature_verify": (
        c_int,
        (c_char_p, c_char_p, POINTER(Signer), POINTER(SignatureFacts), _ERROR),
    ),
    "gp_timestamp_request": (c_int, (c_char_p, c_int, c_char_p, _ERROR)),
    "gp_timestamp_attach": (c_int, (c_char_p, c_char_p, c_char_p, c_char_p, _ERROR)),
    "gp_timestamp_verify": (
        c_int,
        (c_char_p, c_char_p, POINTER(TimestampOptions), POINTER(TimestampFacts), _ERROR),
    ),
}


def _find() -> Path:
    """Say which file to load: GREENPRINT_LIBRARY, or the one beside the package."""
    override = os.environ.get("GREENPRINT_LIBRARY")
    if override:
        return Path(override)
    name = "libgreenprint.dylib" if sys.platform == "darwin" else "libgreenprint.so"
    # An editable install has the sources in one folder and the library in another.
    folders = [Path(folder) for folder in sys.modules["greenprint"].__path__]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ImportError(
        f"{name} is not in {folders[0]}; install the package with "
        "`pip install bindings/python`, or set GREENPRINT_LIBRARY to the path of one"
    )


def _load() -> tuple[ctypes.CDLL, str, str]:
    """Load the library; return it, its version and that of the package."""
    path = _find()
    try:
        library = ctypes.CDLL(str(path))
    except OSError as error:
        raise ImportError(f"cannot load {path}: {error}") from error
    for name, (restype, argtypes) in _FUNCTIONS.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} has no {name}(): is it a libgreenprint?") from None
        function.restype = restype
        function.argtypes = argtypes
    running: str = library.gp_version().decode()
    try:
        from greenprint._version import VERSION
    except ImportError:  # a source tree that was never installed
        built_for = running
    else:
        built_for = VERSION
    if running.split(".")[:2] != built_for.split(".")[:2]:
        raise ImportError(
            f"{path} is version {running}, but this package is made for {built_for}; "
            "reinstall the package, or point GREENPRINT_LIBRARY to a matching library"
        )
    return library, running, built_for


lib, LIBRARY_VERSION, PACKAGE_VERSION = _load()


def call(function: Any, *arguments: Any, path: bytes | None = None) -> None:
    """Call a function that takes a ``gp_error`` last, and raise what it reports.

    Parameters
    ----------
    function : callable
        A function of `lib` that returns a ``gp_status``.
    *arguments
        Its arguments but the last.
    path : bytes, optional
        The file it works on, for the exception.

    Raises
    ------
    GreenprintError
        The subclass that belongs to the status, with the library's message.
    """
    error = Error()
    status = function(*arguments, ctypes.byref(error))
    if status:
        raise_error(error, path)


def raise_error(error: Error, path: bytes | None = None) -> NoReturn:
    """Raise what a call that failed has reported; `path` as for `call`."""
    message = error.message.decode("utf-8", "replace")
    raise error_for(error.status, message or lib.gp_status_string(error.status).decode(), path)


def encode(text: str | os.PathLike[str] | bytes, what: str) -> bytes:
    """Encode a path or a name for C, which ends it at the first NUL.

    Parameters
    ----------
    text : str, bytes or os.PathLike
        What to encode.
    what : str
        What it is, for the error message.

    Returns
    -------
    bytes
        Without the final NUL, which ctypes adds.
    """
    try:
        encoded = os.fsencode(text)
    except (TypeError, UnicodeEncodeError) as error:
        raise ArgumentError(f"{what}: {error}") from None
    if b"\0" in encoded:
        raise ArgumentError(f"{what} contains a NUL character")
    return encoded


class Unpicklable:
    """Base of objects that live in C memory, which pickle cannot reach."""

    _why_not = "it lives in C memory"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled or copied."""
        raise TypeError(f"a {type(self).__name__} cannot be pickled or copied: {self._why_not}")
