"""Depth estimators, one file each: `build(**options)` gives a `DepthEstimator`."""

from types import ModuleType
from typing import cast

from secondeye import discovery
from secondeye.errors import WeightsError
from secondeye.types import DepthEstimator

STEADIEST = ("video_depth_anything", "video_depth_anything_small", "Video Depth Anything Small")
"""What `auto` takes where its weights are at hand: the depth model, its weights, and what people call it."""

BEST = ("depth_anything", "depth_anything_small", "Depth Anything V2 Small")
"""What `auto` takes next, and fetches: it is faster, and steady enough with one scale over a shot."""

AT_HAND = "parallax"
"""What `auto` falls back to: it ships with the package."""


def names() -> list[str]:
    """Every depth model, sorted, without importing any."""
    return discovery.names(__name__)


def load(name: str) -> ModuleType:
    """The module of one depth model."""
    return discovery.load(__name__, name)


def build(name: str, **options: object) -> DepthEstimator:
    """One depth model, ready to estimate."""
    return cast(DepthEstimator, discovery.build(__name__, name, **options))


def resolve(name: str, download: bool = True) -> tuple[str, str]:
    """Which depth model a name means here and now.

    "auto" depends on what is cached and on the network, so a job asks once, when it is planned, and keeps the answer:
    a resumed job must not change its depth model.

    Args:
        name: a depth model, or "auto" for the best that is at hand.
        download: whether "auto" may fetch weights that are free for any use.

    Returns:
        The model's name, and in a sentence or two why it was taken and not a better one; empty where it was named.

    Raises:
        InputError: no such depth model.
    """
    if name != "auto":
        if name not in names():
            raise discovery.nearest("depth model", name, [*names(), "auto"])
        return name, ""
    from secondeye.network import weights

    for model, weights_name, title in (STEADIEST, BEST):
        if weights.card(weights_name).at_hand:
            return model, f"depth by {title}, which is at hand"
    model, weights_name, title = BEST
    known = weights.card(weights_name)
    why = _fetch(weights_name) if download else "it has not been downloaded"
    if why is None:
        return model, f"depth by {title}, downloaded just now ({known.licence})"
    size = f"{known.size_bytes / 1e6:.0f} MB, {known.licence}"
    return AT_HAND, (
        f"depth from motion parallax, with nothing downloaded. {title} is better, but {why};"
        f" to have it ({size}): secondeye weights get {weights_name}"
    )


def choose(name: str, **options: object) -> tuple[DepthEstimator, str]:
    """One depth model by name or by "auto", and why it was taken (see `resolve`)."""
    resolved, reason = resolve(name)
    return build(resolved, **options), reason


def _fetch(weights_name: str) -> str | None:
    """Why the weights could not be fetched; None when they were."""
    from secondeye.network import weights

    if weights.is_offline():
        return "it is not cached and HF_HUB_OFFLINE is set"
    if not weights.is_reachable():
        return "it is not cached and the model hub does not answer"
    try:
        weights.get(weights_name)
    except WeightsError as error:
        return f"it could not be fetched ({error})"
    return None
