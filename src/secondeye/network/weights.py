"""Every model that SecondEye can load: what it is for, its licence, where it comes from, whether it is at hand.

Files live in the Hugging Face cache, so that other programs share them. `listing`, `find` and `check` never touch
the network; only `get` and `is_reachable` do, and neither hangs without one.
"""

import hashlib
import logging
import os
import pickle
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondeye.discovery import nearest
from secondeye.errors import InputError, WeightsError

LOG = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
"""How long a hub may take to answer before it counts as out of reach."""


@dataclass(frozen=True)
class ModelCard:
    """One downloadable model.

    Attributes:
        name: what `secondeye weights get` calls it.
        purpose: what it is for, in a few words.
        licence: its short name.
        commercial_use: whether the licence allows it.
        licence_url: where the licence can be read.
        repository: owner/name on the Hugging Face hub.
        files: what is needed of it; the last one holds the weights.
        size_bytes: of the weights, about.
        revision: the commit that SecondEye was written against; None takes the newest.
        sha256: of the weights; None where nobody has published one, and then only the layout is checked.
        layouts: digests (see `layout_digest`) of the parameter names and shapes that its network can load.
    """

    name: str
    purpose: str
    licence: str
    commercial_use: bool
    licence_url: str
    repository: str
    files: tuple[str, ...]
    size_bytes: int
    revision: str | None
    sha256: str | None
    layouts: tuple[str, ...]

    @property
    def path(self) -> Path | None:
        """The folder that holds all its files, or None while one is missing."""
        for revision in dict.fromkeys((self.revision, "main")):
            found = [_cached(self.repository, file, revision) for file in self.files]
            if None not in found:
                return Path(str(found[-1])).parent
        return None

    @property
    def at_hand(self) -> bool:
        """Whether it can be used without a network."""
        return self.path is not None

    @property
    def terms(self) -> str:
        """The licence in a sentence, to be shown before the first download."""
        use = "commercial use is allowed" if self.commercial_use else "NOT for commercial use"
        return f"{self.name} is under {self.licence}: {use}; see {self.licence_url}"


def _video_depth_anything(size: str, letter: str, count: int, licence: str, layout: str) -> ModelCard:
    repository = f"depth-anything/Video-Depth-Anything-{size.capitalize()}"
    return ModelCard(
        name=f"video_depth_anything_{size}",
        purpose=f"depth of video (Video Depth Anything {size.capitalize()})",
        licence=licence,
        commercial_use=licence == "Apache-2.0",
        licence_url=f"https://huggingface.co/{repository}",
        repository=repository,
        files=(f"video_depth_anything_vit{letter}.pth",),
        size_bytes=4 * count,
        revision=None,
        sha256=None,
        layouts=(layout,),
    )


def _depth_anything(size: str, count: int, licence: str, layouts: tuple[str, ...], **known: str) -> ModelCard:
    repository = f"depth-anything/Depth-Anything-V2-{size.capitalize()}-hf"
    return ModelCard(
        name=f"depth_anything_{size}",
        purpose=f"depth of single pictures (Depth Anything V2 {size.capitalize()})",
        licence=licence,
        commercial_use=licence == "Apache-2.0",
        licence_url=f"https://huggingface.co/{repository}",
        repository=repository,
        files=("config.json", "model.safetensors"),
        size_bytes=4 * count,
        revision=known.get("revision"),
        sha256=known.get("sha256"),
        layouts=layouts,
    )


# Layouts: the names of transformers 5, and those of the published files, which transformers 4 wrote. Revision and
# hash: the hub's own pages of the repository.
CARDS = (
    _depth_anything(
        "small",
        24_785_089,
        "Apache-2.0",
        ("1a03d0272b566d9b", "f7a5394be588f0be"),
        revision="5426e4f0f36572d16453bbda7a8389317b1bef99",
        sha256="3152477ce0d8d6978d76b995120de97cb5b928701fd0f817769f59e249a16b70",
    ),
    _depth_anything("base", 97_470_785, "CC-BY-NC-4.0", ("2b60e48f45b23a57", "83f770358ddc8042")),
    _depth_anything("large", 335_315_649, "CC-BY-NC-4.0", ("8a6f6945d61674f6", "c0d87c20d545c486")),
    _video_depth_anything("small", "s", 29_080_193, "Apache-2.0", "340b06c36e597d08"),
    _video_depth_anything("large", "l", 384_554_177, "CC-BY-NC-4.0", "571b7d2ad9a231a6"),
)


def listing() -> list[ModelCard]:
    """All models, whether at hand or not; never touches the network."""
    return list(CARDS)


def card(name: str) -> ModelCard:
    """One model's card.

    Raises:
        InputError: there is none of that name; the message gives the nearest.
    """
    for known in CARDS:
        if known.name == name:
            return known
    raise nearest("weights", name, (known.name for known in CARDS))


def find(name: str) -> Path:
    """The folder that holds a model's files; never touches the network.

    Raises:
        WeightsError: they are not at hand; names file, source, licence and the command that gets them.
    """
    known = card(name)
    path = known.path
    if path is None:
        raise WeightsError(
            f"{name}: {known.files[-1]} of {known.repository} is not at hand ({_megabytes(known)}, {known.licence},"
            f" {known.licence_url}); get it with: secondeye weights get {name}"
        )
    return path


def get(name: str, accept_licence: bool = False, notify: Callable[[str], None] = LOG.info) -> Path:
    """Download a model unless it is at hand, and check it.

    Args:
        name: which.
        accept_licence: needed where commercial use is not allowed.
        notify: is told the licence and the source before the first byte.

    Returns:
        The folder with its files.

    Raises:
        InputError: the licence must be accepted first.
        WeightsError: out of reach, offline by setting, broken off, or not what was expected.
    """
    known = card(name)
    if not known.at_hand:
        if not (known.commercial_use or accept_licence):
            raise InputError(f"{known.terms}; accept it with: secondeye weights get {name} --accept-licence")
        notify(known.terms)
        _require_hub(known)
        notify(f"downloading {_megabytes(known)} from {known.repository}")
        _download(known)
        check(name)
    return find(name)


def check(name: str) -> list[str]:
    """Whether a model's files are whole and fit its network; never touches the network.

    Returns:
        What was checked, a line each.

    Raises:
        WeightsError: missing, of another hash, or of another layout.
    """
    known = card(name)
    folder = find(name)
    lines = [f"{file}: {(folder / file).stat().st_size} bytes" for file in known.files]
    weights = folder / known.files[-1]
    if known.sha256 is None:
        lines.append(f"{weights.name}: no hash is published, so none was compared")
    elif (digest := _sha256(weights)) != known.sha256:
        raise WeightsError(
            f"{weights}: its SHA-256 is {digest}, expected {known.sha256}; delete it and run:"
            f" secondeye weights get {name}"
        )
    else:
        lines.append(f"{weights.name}: SHA-256 {known.sha256} matches")
    shapes = tensor_shapes(weights)
    if layout_digest(shapes) not in known.layouts:
        raise WeightsError(
            f"{weights}: its {len(shapes)} tensors are not those of {known.purpose}; delete it and run:"
            f" secondeye weights get {name}"
        )
    return [*lines, f"{weights.name}: the names and shapes of its {len(shapes)} tensors match"]


def tensor_shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the tensors of a .safetensors or .pth file, without reading them into memory.

    Raises:
        WeightsError: it is no such file, or cut short.
    """
    if weights.suffix == ".pth":
        return _pickled_shapes(weights)
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, "np") as tensors:
            return {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118 (no dict)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{weights}: is no complete .safetensors file; delete it and get it again") from error


def _pickled_shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    import torch

    try:
        state = torch.load(weights, map_location="cpu", weights_only=True, mmap=True)
        return {name: tuple(tensor.shape) for name, tensor in state.items()}
    except (OSError, RuntimeError, EOFError, ValueError, AttributeError, pickle.UnpicklingError) as error:
        raise WeightsError(f"{weights}: is no complete .pth file; delete it and get it again") from error


def layout_digest(shapes: Mapping[str, Sequence[int]]) -> str:
    """A digest of parameter names and shapes, whatever their order."""
    lines = sorted(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def is_offline() -> bool:
    """Whether the user has told programs to stay off the hub (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE)."""
    setting = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return setting.strip().lower() in ("1", "on", "yes", "true")


def is_reachable(seconds: float = CONNECT_SECONDS) -> bool:
    """Whether the hub answers within `seconds`, in one try. False at once where the user has chosen to be offline."""
    if is_offline():
        return False
    answers: list[bool] = []
    # In a thread of its own: no time-out reaches into a resolver that gets no answer.
    asking = threading.Thread(target=lambda: answers.append(_answers(seconds)), daemon=True)
    asking.start()
    asking.join(seconds)
    return answers == [True]


def _answers(seconds: float) -> bool:
    request = urllib.request.Request(_endpoint(), method="HEAD", headers={"User-Agent": "secondeye"})
    try:
        with urllib.request.urlopen(request, timeout=seconds):
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False


def _require_hub(known: ModelCard) -> None:
    if is_offline():
        raise WeightsError(f"{known.name} is not at hand and HF_HUB_OFFLINE is set; unset it to download")
    if not is_reachable():
        raise WeightsError(f"{known.name} is not at hand and {_endpoint()} does not answer; try again with a network")


def _download(known: ModelCard) -> None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    for file in known.files:
        try:
            hf_hub_download(
                known.repository,
                file,
                revision=known.revision,
                cache_dir=_cache(),
                endpoint=_endpoint(),
                etag_timeout=CONNECT_SECONDS,
            )
        except (OSError, HfHubHTTPError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WeightsError(f"{known.name}: {file} of {known.repository} was not downloaded: {reason}") from error


def _cached(repository: str, file: str, revision: str | None) -> str | None:
    from huggingface_hub import try_to_load_from_cache

    found: Any = try_to_load_from_cache(repository, file, cache_dir=_cache(), revision=revision)
    return found if isinstance(found, str) else None


def _cache() -> Path:
    """The hub's cache, as its own environment variables place it now, not when it was imported."""
    if folder := os.environ.get("HF_HUB_CACHE"):
        return Path(folder).expanduser()
    default = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")) / "huggingface"
    return Path(os.environ.get("HF_HOME", default)).expanduser() / "hub"


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _megabytes(known: ModelCard) -> str:
    return f"{known.size_bytes / 1e6:.0f} MB"
