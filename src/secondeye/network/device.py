"""Where a network runs."""

import torch

from secondeye.errors import InputError


def device_named(name: str) -> torch.device:
    """A device that works here; "auto" takes CUDA where there is one.

    Raises:
        InputError: it cannot be used here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device '{name}' cannot be used here; choose cpu, or auto") from error
