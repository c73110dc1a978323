"""What the tests of the Python package share."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import greenprint

ROOT = Path(__file__).resolve().parents[2]

# One deadline for all machines would be a test of the machine.
settings.register_profile("greenprint", deadline=None, print_blob=True)
settings.load_profile("greenprint")


@pytest.fixture
def seed() -> int:
    """Return a seed, printed so that a failure can be repeated with it."""
    value = int(os.environ.get("GREENPRINT_TEST_SEED", secrets.randbits(32)))
    print(f"repeat with GREENPRINT_TEST_SEED={value}")
    return value


@pytest.fixture
def rng(seed: int) -> np.random.Generator:
    """Return a generator of random numbers."""
    return np.random.default_rng(seed)


@pytest.fixture
def key() -> greenprint.Key:
    """Return a key that is always the same."""
    return greenprint.Key.from_bytes(bytes(range(32)))
