"""CLIP embeddings of frames and of texts, as OpenAI's preprocessing makes them.

Shorter side to 224 px by PIL's bicubic, centre crop, OpenAI's mean and deviation. The model comes from the Hugging Face
cache, by transformers; nothing is fetched.
"""

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from secondeye.errors import WeightsError
from secondeye.metrics import Pair, View
from secondeye.metrics._views import U8, rgb8

MODEL = "openai/clip-vit-base-patch32"
"""ViT-B/32, the default of the clip-score package."""

FILES = ("config.json", "model.safetensors", "pytorch_model.bin", "tokenizer.json", "vocab.json", "merges.txt")
"""Those of a model's files without which it cannot be loaded, or of which either will do."""

LICENCE = "MIT"
SIDE_PX = 224
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Encoder(Protocol):
    """What embeds pictures and texts, each to (N, D) of length 1."""

    def pictures(self, pixels: Tensor) -> Tensor:
        """Embed (N, 3, 224, 224), normalised."""
        ...

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts."""
        ...


class Clip:
    """CLIP of the transformers library."""

    def __init__(self, model: Any, tokenizer: Any, device: str) -> None:
        self._model, self._tokenizer, self._device = model.to(device).eval(), tokenizer, device

    @torch.no_grad()
    def pictures(self, pixels: Tensor) -> Tensor:
        """Embed (N, 3, S, S), normalised."""
        model = self._model
        pooled = model.vision_model(pixel_values=pixels.to(self._device)).pooler_output
        return _unit(model.visual_projection(pooled))

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Tensor:
        """Embed texts, cut at the model's 77 tokens."""
        tokens = self._tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt").to(self._device)
        return _unit(self._model.text_projection(self._model.text_model(**tokens).pooler_output))


def _unit(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features, dim=-1)


def files(weights: str | None = None) -> list[Path]:
    """The model's and the tokenizer's files that are there."""
    from huggingface_hub import try_to_load_from_cache

    name = weights or MODEL
    if Path(name).is_dir():
        return sorted(path for path in Path(name).iterdir() if path.is_file())
    found = (try_to_load_from_cache(name, file) for file in FILES)
    return [Path(path) for path in found if isinstance(path, str)]


@functools.lru_cache(maxsize=2)
def load(weights: str | None = None, device: str = "cpu") -> Clip:
    """CLIP with its published weights, read once.

    Args:
        weights: a folder in Hugging Face's layout, or the name of a repository in its cache.
        device: where it runs.

    Raises:
        WeightsError: it is not in the cache.
    """
    from transformers import CLIPModel, CLIPTokenizer

    name = weights or MODEL
    try:
        model = CLIPModel.from_pretrained(name, local_files_only=True)
        return Clip(model, CLIPTokenizer.from_pretrained(name, local_files_only=True), device)
    except (OSError, ValueError) as error:
        raise WeightsError(
            f"no weights for CLIP ({name}, {LICENCE}, from huggingface.co/{name}); to have them: hf download {name}"
        ) from error


def pixels(pair: Pair, view: View) -> Tensor:
    """A view as CLIP wants it, (3, 224, 224)."""
    return pair.memo_of(view).get(("clip", view), lambda: prepare(rgb8(pair, view)))


def prepare(picture: U8) -> Tensor:
    """A picture (H, W, 3) as CLIP wants it, (3, 224, 224)."""
    height, width = picture.shape[:2]
    scale = SIDE_PX / min(height, width)
    # torchvision's Resize truncates the longer side, and its CenterCrop rounds the offset.
    size = [SIDE_PX if side == min(height, width) else int(side * scale) for side in (width, height)]
    resized = Image.fromarray(picture).resize((size[0], size[1]), Image.Resampling.BICUBIC)
    left, top = round((size[0] - SIDE_PX) / 2), round((size[1] - SIDE_PX) / 2)
    square = np.asarray(resized.crop((left, top, left + SIDE_PX, top + SIDE_PX)), np.float32) / 255
    mean, deviation = (np.array(v, np.float32) for v in (MEAN, DEVIATION))
    return torch.from_numpy((square - mean) / deviation).permute(2, 0, 1)
