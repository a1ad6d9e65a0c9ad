"""Pictures and folders of pictures, read as if they were videos."""

import logging
import shutil
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from secondeye.errors import ContractError, InputError
from secondeye.types import ColorTags, Source
from secondeye.video.images import natural_key, still_format
from secondeye.video.probe import probe
from secondeye.video.reader import open_source
from tests.small_videos import picture


def only_clip(path: Path) -> torch.Tensor:
    with open_source(path) as source:
        assert isinstance(source, Source)
        assert source.info.frame_count == 1 == len(source.index)
        (clip,) = source.read(0, 1)
        assert clip.size == (source.info.height, source.info.width)
        assert clip.pts.tolist() == [0]
        return clip.rgb[0]


def eight_bits(rgb: torch.Tensor) -> NDArray[np.uint8]:
    return (rgb * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "ppm"])
def test_lossless_formats_are_exact(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"picture.{ending}"
    Image.fromarray(picture(2)).save(path, **({"lossless": True} if ending == "webp" else {}))
    assert np.array_equal(eight_bits(only_clip(path)), picture(2))
    info = probe(path)
    assert (info.kind, info.video.width, info.video.height, info.video.bit_depth) == ("image", 64, 32, 8)
    assert info.video.color == ColorTags(0, 1, 13, True)


@pytest.mark.parametrize("ending", ["jpg", "avif", "mpo"])
def test_lossy_formats_are_near(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"picture.{ending}"
    smooth = cv2.resize(picture(2), (128, 96), interpolation=cv2.INTER_CUBIC)
    extra = {"mpo": {"save_all": True, "append_images": [Image.fromarray(255 - smooth)]}}.get(ending, {})
    Image.fromarray(smooth).save(path, quality=95, **extra)  # type: ignore[arg-type]
    assert np.abs(eight_bits(only_clip(path)).astype(int) - smooth).mean() < 3


@pytest.mark.parametrize("ending", ["png", "tiff"])
@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_stay_sixteen(tmp_path: Path, ending: str, channels: int) -> None:
    path = tmp_path / f"deep.{ending}"
    deep = np.random.default_rng(0).integers(0, 65536, (9, 14, channels)).astype(np.uint16)
    cv2.imwrite(str(path), deep[..., ::-1])
    got = (only_clip(path).double() * 65535).round().to(torch.int32).permute(1, 2, 0).numpy()
    assert np.array_equal(got, deep.repeat(3 // channels, 2))
    assert probe(path).video.bit_depth == 16


def test_sixteen_bits_with_transparency(tmp_path: Path) -> None:
    deep = np.random.default_rng(1).integers(0, 65536, (5, 6, 4)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    expected = deep[..., 2::-1].astype(float) * deep[..., 3:] / 65535
    got = only_clip(tmp_path / "deep.png").double().permute(1, 2, 0).numpy() * 65535
    assert np.abs(got - expected).max() <= 1
    assert probe(tmp_path / "deep.png").has_alpha


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "LA", "CMYK", "YCbCr"])
def test_other_colour_modes(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(picture(1)).convert(mode)
    path = tmp_path / ("picture.jpg" if mode in ("CMYK", "YCbCr") else "picture.png")
    image.save(path, **({"quality": 100} if path.suffix == ".jpg" else {}))
    expected = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert np.abs(eight_bits(only_clip(path)) - expected).max() <= 1


def test_transparency_is_laid_over_black(tmp_path: Path) -> None:
    rgba = np.dstack([np.full((4, 5, 3), 200, np.uint8), np.arange(0, 200, 10, dtype=np.uint8).reshape(4, 5)])
    Image.fromarray(rgba).save(tmp_path / "glass.png")
    expected = np.rint(200.0 * rgba[..., 3:] / 255).repeat(3, 2)
    assert np.abs(eight_bits(only_clip(tmp_path / "glass.png")) - expected).max() <= 1
    assert probe(tmp_path / "glass.png").has_alpha
    palette = Image.fromarray(picture(1)).convert("P")
    palette.save(tmp_path / "holes.png", transparency=0)
    assert probe(tmp_path / "holes.png").has_alpha


@pytest.mark.media
def test_exif_orientations_all_come_out_alike(shared: Path) -> None:
    folder = shared / "data" / "D" / "exif_orientation_landscape"
    upright = only_clip(folder / "landscape_1.jpg")
    for code in range(2, 9):
        path = folder / f"landscape_{code}.jpg"
        turned = only_clip(path)
        assert turned.shape == upright.shape
        assert torch.corrcoef(torch.stack([turned.flatten(), upright.flatten()]))[0, 1] > 0.9, path
        assert probe(path).video.rotation_deg == {3: 180, 4: 180, 5: 270, 6: 90, 7: 90, 8: 270}.get(code, 0)


@pytest.mark.parametrize("code", range(1, 9))
def test_exif_orientation_of_deep_pictures(tmp_path: Path, code: int) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (6, 10, 3)).astype(np.uint16)
    cv2.imwrite(str(tmp_path / "deep.tiff"), deep[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    eight = Image.fromarray((deep >> 8).astype(np.uint8))
    exif = Image.Exif()
    exif[274] = code
    eight.save(tmp_path / "plain.png", exif=exif)
    cv2.imwrite(str(tmp_path / "deep.png"), deep[..., ::-1])
    raw, marked = (tmp_path / "deep.png").read_bytes(), (tmp_path / "plain.png").read_bytes()
    at = marked.index(b"eXIf") - 4
    length = int.from_bytes(marked[at : at + 4], "big") + 12
    (tmp_path / "turned.png").write_bytes(raw[:33] + marked[at : at + length] + raw[33:])  # after the header chunk
    expected = only_clip(tmp_path / "plain.png")
    got = only_clip(tmp_path / "turned.png")
    assert got.shape == expected.shape
    assert (got - expected).abs().max() < 1.1 / 255


@pytest.mark.media
def test_heic_is_refused_with_advice(shared: Path) -> None:
    path = shared / "data" / "D" / "heic_spatial_visionpro" / "vision-pro.HEIC"
    with pytest.raises(InputError, match=r"HEIC.*convert it"):
        probe(path)


def test_exr_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "light.exr").write_bytes(b"v/1\x01" + bytes(100))
    with pytest.raises(InputError, match="linear light"):
        probe(tmp_path / "light.exr")


@pytest.mark.parametrize("ending", ["png", "jpg", "tiff"])
@pytest.mark.parametrize("bits", [8, 16])
def test_damaged_pictures_are_refused_in_one_line(tmp_path: Path, ending: str, bits: int) -> None:
    if (ending, bits) == ("jpg", 16):
        pytest.skip("there is no such thing")
    noise = np.random.default_rng(0).integers(0, 2**bits, (64, 64, 3)).astype(np.uint8 if bits == 8 else np.uint16)
    path = tmp_path / f"picture.{ending}"
    cv2.imwrite(str(path), noise)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError) as caught, open_source(path) as source:
        list(source.read(0, 1))
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)


def test_what_counts_as_a_picture(tmp_path: Path) -> None:
    Image.fromarray(picture(0)).save(tmp_path / "still.png")
    frames = [Image.fromarray(picture(n)) for n in (1, 2, 3)]
    frames[0].save(tmp_path / "film.png", save_all=True, append_images=frames[1:], duration=40)
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:], duration=40)
    assert still_format(tmp_path / "still.png") == "PNG"
    assert still_format(tmp_path / "film.png") is None
    assert still_format(tmp_path / "film.gif") is None
    for name in ("film.png", "film.gif"):
        with open_source(tmp_path / name) as source:
            assert (source.file.kind, len(source.index)) == ("video", 3)


# ---- folders ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(12):
        Image.fromarray(picture(number)).save(tmp_path / f"frame{number}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_bytes(b"neither")
    return tmp_path


def test_a_folder_is_a_video(folder: Path) -> None:
    with open_source(folder, clip_bytes=5 * 12 * 64 * 32) as source:
        assert source.file.kind == "folder"
        assert (source.info.frame_count, source.info.frame_rate, source.info.time_base) == (12, 24, Fraction(1, 24))
        clips = list(source.read(1, 12))
        assert [(clip.start, len(clip)) for clip in clips] == [(1, 5), (6, 5), (11, 1)]
        for clip in clips:
            assert clip.pts.tolist() == list(range(clip.start, clip.start + len(clip)))
            for i, rgb in enumerate(clip.rgb):
                assert np.array_equal(eight_bits(rgb), picture(clip.start + i)), "2 comes before 10"
        assert [number for number, _ in source.thumbnails(32)] == list(range(12))
        assert next(source.thumbnails(32))[1].shape == (16, 32, 3)
        with pytest.raises(ContractError):
            list(source.read(0, 13))


def test_a_folder_has_the_rate_it_is_given(folder: Path) -> None:
    with open_source(folder, rate=Fraction(30000, 1001)) as source:
        assert source.info.frame_rate == Fraction(30000, 1001)
        assert source.index.mean_rate(source.info.time_base) == Fraction(30000, 1001)
        index = source.index
    with open_source(folder, index=index) as again:
        assert again.index is index
    (folder / "frame3.png").unlink()
    with pytest.raises(InputError, match="12 pictures before and has 11"):
        open_source(folder, index=index)


def test_one_odd_size_is_named(folder: Path) -> None:
    Image.fromarray(picture(0, 64, 33)).save(folder / "frame5.png")
    with pytest.raises(InputError, match=r"frame5\.png is 64x33 px, but frame0\.png is 64x32"):
        open_source(folder)


def test_damaged_pictures_of_a_folder_are_left_out(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = folder / "frame4.png"
    path.write_bytes(path.read_bytes()[:200])
    with open_source(folder) as source, caplog.at_level(logging.WARNING, "secondeye"):
        numbers = [clip.start + i for clip in source.read(0, 12) for i in range(len(clip))]
        assert numbers == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]
        assert source.damaged_frames == 1
        assert [number for number, _ in source.thumbnails()] == numbers
    assert len(caplog.records) == 1
    assert "frame4.png" in caplog.text


@pytest.mark.media
def test_real_folders(shared: Path, tmp_path: Path) -> None:
    with open_source(shared / "data" / "C" / "davis_bmx-trees" / "frames") as source:
        assert (source.info.width, source.info.height, len(source.index)) == (432, 240, 80)
    for name in ("kodim01.png", "kodim03.png"):
        shutil.copy(shared / "data" / "D" / "kodak_odd" / name, tmp_path / name)
    with open_source(tmp_path) as source:
        assert len(source.index) == 2


def test_natural_order() -> None:
    names = ["b2.png", "a10.png", "a9.png", "A1.png", "10.png", "9.png", "a.png", "a09.png"]
    assert sorted(names, key=natural_key) == [
        "9.png",
        "10.png",
        "A1.png",
        "a09.png",
        "a9.png",
        "a10.png",
        "a.png",
        "b2.png",
    ]
