"""The command under test and the files it is given."""

import json
import os
import pathlib
import subprocess

import pytest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]


class Command:
    """The greenprint binary, run without a terminal in a folder of its own."""

    def __init__(self, binary: str, folder: pathlib.Path) -> None:
        self.binary = binary
        self.folder = folder

    def start(self, *arguments, **options) -> subprocess.Popen:
        """Start it and return the process."""
        settings = {
            "cwd": self.folder,
            "start_new_session": True,
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        return subprocess.Popen([self.binary, *arguments], **(settings | options))

    def __call__(self, *arguments, input=None, **options) -> subprocess.CompletedProcess:
        """Run it to the end; outputs are text."""
        if input is not None:
            options["stdin"] = subprocess.PIPE
        process = self.start(*arguments, **options)
        out, err = process.communicate(input, timeout=120)
        text = [None if stream is None else stream.decode() for stream in (out, err)]
        return subprocess.CompletedProcess(arguments, process.returncode, *text)

    def fails(self, *arguments, **options) -> str:
        """Run what has to fail: status 2, nothing on stdout. Return the message."""
        result = self(*arguments, **options)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.endswith("\n") and result.stderr.count("\n") == 1
        return result.stderr[:-1]


@pytest.fixture(scope="session")
def binary() -> str:
    """Path of the binary, from GREENPRINT_BIN or the build folder."""
    path = pathlib.Path(os.environ.get("GREENPRINT_BIN", REPOSITORY / "build" / "greenprint"))
    if not os.access(path, os.X_OK):
        pytest.exit(f"{path} is not there: build it, or set GREENPRINT_BIN", returncode=1)
    return str(path.resolve())


@pytest.fixture
def greenprint(binary, tmp_path) -> Command:
    """The command, in an empty folder."""
    return Command(binary, tmp_path)


def make_key(binary: str, folder: pathlib.Path, *options) -> bytes:
    """Make a key file and return its bytes."""
    result = Command(binary, folder)("keygen", "-o", "new.key", *options)
    assert result.returncode == 0, result.stderr
    return (folder / "new.key").read_bytes()


@pytest.fixture(scope="session")
def unsealed_key(binary, tmp_path_factory) -> bytes:
    """Bytes of an unsealed key file with default parameters."""
    return make_key(binary, tmp_path_factory.mktemp("key"), "--unsealed")


@pytest.fixture(scope="session")
def sealed_key(binary, tmp_path_factory) -> bytes:
    """Bytes of a key file that is sealed with "correct horse"."""
    folder = tmp_path_factory.mktemp("key")
    (folder / "pass").write_bytes(b"correct horse\n")
    return make_key(binary, folder, "--passphrase-file", "pass", "--cost", "interactive")


@pytest.fixture
def key(tmp_path, unsealed_key) -> pathlib.Path:
    """k.key in the command's folder: unsealed."""
    path = tmp_path / "k.key"
    path.write_bytes(unsealed_key)
    path.chmod(0o600)
    return path


@pytest.fixture
def sealed(tmp_path, sealed_key) -> pathlib.Path:
    """s.key in the command's folder, sealed; its passphrase in the file "pass"."""
    (tmp_path / "pass").write_bytes(b"correct horse\n")
    path = tmp_path / "s.key"
    path.write_bytes(sealed_key)
    path.chmod(0o600)
    return path


#: Byte-level BPE with the 256 bytes and a few merges.
MERGES = [("h", "e"), ("he", "l"), ("hel", "l"), ("hell", "o"), ("\u0120", "w")]


@pytest.fixture
def tokenizer(tmp_path) -> str:
    """tok.json in the command's folder: byte-level BPE."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in printable]
    letters = {b: chr(b) for b in printable} | {b: chr(256 + i) for i, b in enumerate(others)}
    pieces = [letters[b] for b in range(256)] + [a + b for a, b in MERGES]
    (tmp_path / "tok.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                          "use_regex": True},
        "post_processor": None, "decoder": None,
        "model": {"type": "BPE", "dropout": None, "unk_token": None,
                  "continuing_subword_prefix": None, "end_of_word_suffix": None,
                  "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {p: i for i, p in enumerate(pieces)},
                  "merges": [f"{a} {b}" for a, b in MERGES]},
    }))  # fmt: skip
    return "tok.json"
