"""Find published weights on this machine, and read them. Nothing is ever fetched from here.

A file is looked for where the user says (`weights=`, a file or a folder), in the folder that SECONDEYE_WEIGHTS names,
where torchvision keeps its downloads, in the Hugging Face cache, and in installed packages that ship it.
"""

import hashlib
import importlib.util
import os
import pickle
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from secondeye.errors import WeightsError

HASHED_NAME = re.compile(r"-([0-9a-f]{8})\.pth$")
"""torchvision's names end in the first eight digits of the file's SHA-256."""


@dataclass(frozen=True)
class Published:
    """A published weights file.

    Attributes:
        what: what it is, for messages.
        names: file names it goes by.
        source: where it is to be had.
        licence: under which licence.
        hub: (repository, file) on the Hugging Face hub, where it is there.
        packages: (package, path within) of installed packages that ship it.
    """

    what: str
    names: tuple[str, ...]
    source: str
    licence: str
    hub: tuple[str, str] | None = None
    packages: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.what} ({self.names[0]}, {self.licence}, from {self.source})"


def find(wanted: Published, weights: str | None = None) -> Path:
    """The file on this machine.

    Args:
        weights: a file, or a folder to look in; then nowhere else is looked.

    Raises:
        WeightsError: it is not there.
    """
    for place in _places(wanted, weights):
        if place.is_file():
            return place
    command = f"hf download {' '.join(wanted.hub)}" if wanted.hub else f"save {wanted.names[0]} in SECONDEYE_WEIGHTS"
    where = f" at {weights}" if weights else ""
    raise WeightsError(f"no weights{where} for {wanted}; to have them: {command}")


def present(*wanted: Published, weights: str | None = None) -> list[Path]:
    """Those of some files that are on this machine, found by name and not read."""
    found = (next((place for place in _places(one, weights) if place.is_file()), None) for one in wanted)
    return [path for path in found if path is not None]


def _places(wanted: Published, weights: str | None) -> Iterator[Path]:
    if weights:
        chosen = Path(weights)
        yield from [chosen] if not chosen.is_dir() else [chosen / name for name in wanted.names]
        return
    folders = [Path(torch.hub.get_dir()) / "checkpoints"]
    if os.environ.get("SECONDEYE_WEIGHTS"):
        folders.insert(0, Path(os.environ["SECONDEYE_WEIGHTS"]))
    yield from (folder / name for folder in folders for name in wanted.names)
    if wanted.hub:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(*wanted.hub)
        if isinstance(cached, str):
            yield Path(cached)
    for package, path in wanted.packages:
        folder = package_folder(package)
        if folder is not None:
            yield folder / path


def package_folder(package: str) -> Path | None:
    """Where a package is installed, without importing it; None where it is not."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a .safetensors or a torch file; a torch file is read without running anything that is in it.

    Raises:
        WeightsError: it cannot be read, holds no tensors, or is not the file that its name's hash says.
    """
    hashed = HASHED_NAME.search(path.name)
    if hashed and not hashlib.sha256(path.read_bytes()).hexdigest().startswith(hashed[1]):
        raise WeightsError(f"{path} is damaged: its SHA-256 does not begin with {hashed[1]}; fetch it again")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        raise WeightsError(f"{path} cannot be read as weights: {error}") from error
    found = found.get("state_dict", found) if isinstance(found, Mapping) else {}
    tensors = {name: value for name, value in found.items() if isinstance(value, Tensor)}
    if not tensors:
        raise WeightsError(f"{path} holds no tensors by name")
    return tensors


def fill(network: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Give a network its weights; every one of them must be there and fit.

    Raises:
        WeightsError: one is missing, too many, or of another shape.
    """
    wanted = network.state_dict()
    lacking, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    unfit = [name for name in wanted.keys() & tensors.keys() if wanted[name].shape != tensors[name].shape]
    if lacking or unknown or unfit:
        first = (lacking + unknown + sorted(unfit))[0]
        raise WeightsError(
            f"{source} does not fit {type(network).__name__}: {len(lacking)} tensors missing, {len(unknown)} unknown,"
            f" {len(unfit)} of another shape; the first is {first}"
        )
    network.load_state_dict({name: value.to(wanted[name].dtype) for name, value in tensors.items()})
