"""The picture networks that perceptual distances look through: VGG-16 and AlexNet, only their convolutions.

They are torchvision's `features` by the same names, so that its published files load without torchvision. Layers keep
torchvision's numbers, since the published heads name their slices by those.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from secondeye.errors import InputError, WeightsError
from secondeye.metrics._weights import Published

VGG_CHANNELS = (64, 128, 256, 512, 512)
VGG_DEPTHS = (2, 2, 3, 3, 3)

VGG16 = Published(
    "the VGG-16 trunk",
    ("vgg16-397923af.pth", "vgg16_features.safetensors"),
    "https://download.pytorch.org/models/vgg16-397923af.pth",
    "BSD-3-Clause (torchvision)",
    hub=("timm/vgg16.tv_in1k", "model.safetensors"),
)
ALEXNET = Published(
    "the AlexNet trunk",
    ("alexnet-owt-7be5be79.pth", "alexnet_features.safetensors"),
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
    "BSD-3-Clause (torchvision)",
)


def vgg_layers(channels: tuple[int, ...] = VGG_CHANNELS) -> dict[int, nn.Module]:
    """VGG-16's layers by torchvision's numbers: five stages of 3 x 3 convolutions, pooling before all but the first."""
    layers: list[nn.Module] = []
    before = 3
    for width, depth in zip(channels, VGG_DEPTHS, strict=True):
        if before != 3:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(depth):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
    return dict(enumerate(layers))


def alexnet_layers(channels: tuple[int, ...] = (64, 192, 384, 256, 256)) -> dict[int, nn.Module]:
    """AlexNet's layers by torchvision's numbers."""
    a, b, c, d, e = channels
    layers: list[nn.Module] = [nn.Conv2d(3, a, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    layers += [nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
    for wide, narrow in ((c, b), (d, c), (e, d)):
        layers += [nn.Conv2d(narrow, wide, 3, padding=1), nn.ReLU()]
    return dict(enumerate(layers))


def staged(layers: Mapping[int, nn.Module], last: tuple[int, ...]) -> list[nn.Sequential]:
    """The layers as stages that end with the given numbers; each layer keeps its number as its name."""
    stages, first = [], 0
    for end in last:
        stage = nn.Sequential()
        for number in range(first, end + 1):
            stage.add_module(str(number), layers[number])
        stages.append(stage)
        first = end + 1
    return stages


def feature_weights(tensors: Mapping[str, Tensor], source: str) -> dict[int, dict[str, Tensor]]:
    """The trunk's weights by layer number, out of a published file that may hold the classifier too.

    Raises:
        WeightsError: the file has no `features`.
    """
    found: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        prefix, _, rest = name.partition(".")
        number, _, kind = rest.partition(".")
        if prefix == "features" and number.isdigit():
            found.setdefault(int(number), {})[kind] = value
    if not found:
        raise WeightsError(f"{source} has no tensors called features.N.weight, as torchvision's file has")
    return found


def check_net(net: str) -> None:
    """Raise InputError for an unknown trunk."""
    if net not in ("vgg", "alex"):
        raise InputError(f"no trunk called '{net}'; choose one of: vgg, alex")
