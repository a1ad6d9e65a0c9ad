"""Published parameters into our networks: names mapped, everything strict."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from secondeye.errors import WeightsError

Rules = Iterable[tuple[str, str]]
"""Patterns and what stands in their place, applied one after another."""

DINOV2 = (
    (r"^pos_embed$", "embeddings.position_embeddings"),
    (r"^(cls_token|mask_token)$", r"embeddings.\1"),
    (r"^patch_embed\.proj\.", "embeddings.patch_embeddings.projection."),
    (r"^norm\.", "layernorm."),
    (r"^blocks\.", "encoder.layer."),
    (r"\.attn\.proj\.", ".attention.o_proj."),
    (r"\.ls(\d)\.gamma$", r".layer_scale\1.lambda1"),
)
"""Names of the original DINOv2 as transformers has them; query, key and value, fused in the original, are apart."""


def renamed(name: str, rules: Rules) -> str:
    """A name after all rules."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def dinov2_from_original(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A backbone's parameters by transformers' names, query, key and value of each block in matrices of their own."""
    result: dict[str, Tensor] = {}
    for name, value in state.items():
        if ".attn.qkv." in name:
            for part, rows in zip("qkv", value.chunk(3), strict=True):
                result[renamed(name.replace(".attn.qkv.", f".attention.{part}_proj."), DINOV2)] = rows.clone()
        else:
            result[renamed(name, DINOV2)] = value
    return result


def with_weights(network: Any, state: Mapping[str, Tensor], source: Path, title: str, card: str) -> Any:
    """Give a network all of its parameters, as float32.

    Args:
        network: on the meta device, or anywhere.
        state: what it is given.
        source: where that was read, for the message.
        title: what people call the model.
        card: what `secondeye weights get` calls it.

    Raises:
        WeightsError: the state is not exactly this network's parameters.
    """
    want = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    got = {name: tuple(value.shape) for name, value in state.items()}
    if want != got:
        wrong = sorted(set(want.items()) ^ set(got.items()))
        raise WeightsError(
            f"{source}: does not fit {title}: {len(wrong)} differences, the first at"
            f" '{wrong[0][0]}' {list(wrong[0][1])}; get it with: secondeye weights get {card}"
        )
    network.load_state_dict({name: value.float() for name, value in state.items()}, strict=True, assign=True)
    return network
