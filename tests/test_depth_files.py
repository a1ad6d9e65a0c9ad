"""Depth sequences in files: what is written is read back, by us and by others, and what others write is read."""

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import torch

from secondeye.depth import grey_video
from secondeye.depth.files import DepthWriter, Meaning, open_depth
from secondeye.errors import ContractError, InputError

RATE = Fraction(24000, 1001)
FORMATS = {  # ending and bit depth -> greatest error of a round trip
    ("d.mkv", None): 1 / 4095,
    ("d.mkv", 8): 1 / 255,
    ("d.mkv", 10): 1 / 1023,
    ("d.mkv", 16): 1 / 65535,
    ("d.mp4", None): 1 / 1023,
    ("d.mp4", 8): 1 / 255,
    ("d.mp4", 12): 1 / 4095,
    ("d.npz", None): 0,
    ("d.exr", None): 0,
    ("folder", None): 1 / 65535,
}


def maps(count: int = 7, h: int = 37, w: int = 53) -> torch.Tensor:
    """Noise over a moving ramp, from exactly 0 to exactly 1."""
    values = torch.rand(count, 1, h, w, generator=torch.Generator().manual_seed(count)) * 0.1
    values += torch.linspace(0, 0.9, w) * torch.linspace(0.5, 1, count)[:, None, None, None]
    values[0, 0, 0, 0], values[-1, 0, -1, -1] = 0, 1
    return values


def write(path: Path, values: torch.Tensor, bit_depth: int | None = None) -> Path:
    with DepthWriter(path, (values.shape[2], values.shape[3]), RATE, bit_depth) as writer:
        for start in range(0, len(values), 3):
            writer.write(values[start : start + 3])
    return path


@pytest.mark.parametrize(("name", "bits"), FORMATS, ids=[f"{n}-{b}" for n, b in FORMATS])
def test_round_trip(tmp_path: Path, name: str, bits: int | None) -> None:
    values = maps()
    with_writer = write(tmp_path / name, values, bits)
    sequence = open_depth(with_writer)
    assert (sequence.frame_count, sequence.size) == (7, (37, 53))
    assert (sequence.read(0, 7) - values).abs().max() <= FORMATS[name, bits] * 0.51 + 1e-7
    assert sorted(p.name for p in tmp_path.iterdir()) == [name]
    sequence.close()


@pytest.mark.parametrize("name", ["d.mkv", "d.mp4", "d.npz", "d.exr", "folder"])
def test_any_range_in_any_order(tmp_path: Path, name: str) -> None:
    values = maps(150, 32, 32)  # more frames than the decoder skips over without seeking
    sequence = open_depth(write(tmp_path / name, values))
    for start, stop in ((0, 2), (2, 5), (9, 9), (140, 150), (3, 4), (90, 93), (0, 1), (149, 150)):
        got = sequence.read(start, stop)
        assert got.shape == (stop - start, 1, 32, 32)
        assert torch.allclose(got, values[start:stop], atol=1 / 1023), (start, stop)
    sequence.close()


@pytest.mark.parametrize("name", ["d.mkv", "d.mp4", "d.npz", "folder"])
def test_two_readers_do_not_disturb_each_other(tmp_path: Path, name: str) -> None:
    one = open_depth(write(tmp_path / name, maps(12, 32, 40)))
    want = one.read(0, 12)
    two = one.reopened()
    for i in range(12):
        assert torch.equal(one.read(i, i + 1), want[i : i + 1])
        assert torch.equal(two.read(11 - i, 12 - i), want[11 - i : 12 - i])
    one.close()
    assert torch.equal(one.reopened().read(3, 5), want[3:5])


@pytest.mark.parametrize("width", [16, 32, 64, 96])
def test_narrow_hevc_is_lossless_too(tmp_path: Path, width: int) -> None:
    values = maps(12, 48, width)
    assert (open_depth(write(tmp_path / "d.mp4", values)).read(0, 12) - values).abs().max() <= 0.51 / 1023


@pytest.mark.parametrize(("name", "codec", "pixels"), [("d.mkv", "ffv1", "gray12le"), ("d.mp4", "hevc", "gray10le")])
def test_another_program_reads_our_video(tmp_path: Path, name: str, codec: str, pixels: str) -> None:
    if not shutil.which("ffmpeg"):
        pytest.skip("no ffmpeg command on this machine")
    values = maps(5, 36, 52)
    path = write(tmp_path / name, values)
    probe = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(path)]
    stream = json.loads(subprocess.run(probe, capture_output=True, check=True).stdout)["streams"][0]
    assert (stream["codec_name"], stream["pix_fmt"], stream["color_range"]) == (codec, pixels, "pc")
    assert Fraction(stream["r_frame_rate"]) == RATE
    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", pixels, "-"],
        capture_output=True,
        check=True,
    ).stdout
    most = 2 ** int(pixels[4:6]) - 1
    got = np.frombuffer(raw, np.uint16).reshape(5, 36, 52) / most
    assert np.abs(got - values[:, 0].numpy()).max() <= 0.51 / most


def test_other_programs_read_our_pictures_and_arrays(tmp_path: Path) -> None:
    values = maps(3)
    write(tmp_path / "png", values)
    write(tmp_path / "d.npz", values)
    picture = cv2.imread(str(tmp_path / "png" / "000002.png"), cv2.IMREAD_UNCHANGED)
    assert picture.dtype == np.uint16
    assert np.array_equal(picture, np.rint(values[2, 0].numpy() * 65535))
    with np.load(tmp_path / "d.npz") as arrays:
        assert arrays.files == ["depth"]
        assert np.array_equal(arrays["depth"], values[:, 0].numpy())


def encode(path: Path, pixels: str, samples: np.ndarray, color_range: int, codec: str = "ffv1") -> Path:
    """A video whose first plane holds `samples` (T, h, w), its other planes grey."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = samples.shape[1:]
        stream.pix_fmt = pixels
        stream.codec_context.color_range = color_range
        for i, plane in enumerate(samples):
            frame = av.VideoFrame(samples.shape[2], samples.shape[1], pixels)
            frame.pts, frame.color_range = i, color_range
            for k, component in enumerate(frame.planes):
                view = np.frombuffer(component, samples.dtype).reshape(-1, component.line_size // samples.itemsize)
                view[:] = 1 << (8 * samples.itemsize - 1 if samples.itemsize == 1 else 9)
                if k == 0:
                    view[: samples.shape[1], : samples.shape[2]] = plane
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("pixels", "tag", "low", "high"),
    [
        ("gray", 1, 16, 235),
        ("gray", 2, 0, 255),
        ("gray", 0, 0, 255),
        ("gray10le", 1, 64, 940),
        ("yuv420p", 1, 16, 235),
        ("yuv420p", 0, 16, 235),
        ("yuv420p", 2, 0, 255),
        ("yuv420p10le", 1, 64, 940),
        ("yuv444p10le", 2, 0, 1023),
    ],
)
def test_range_tags_are_kept(tmp_path: Path, pixels: str, tag: int, low: int, high: int) -> None:
    dtype = np.uint16 if "10" in pixels else np.uint8
    codes = np.array([low, (low + high) // 2, high, min(high + 5, 2 ** (10 if "10" in pixels else 8) - 1)], dtype)
    path = encode(tmp_path / "d.mkv", pixels, codes.repeat(16).reshape(1, 4, 16).repeat(4, axis=2), tag)
    got = open_depth(path).read(0, 1)[0, 0, :, 0].tolist()
    assert got == pytest.approx([0, ((low + high) // 2 - low) / (high - low), 1, 1], abs=1e-6)


def test_rgb_video_that_is_grey_is_read_and_a_colour_map_is_refused(tmp_path: Path) -> None:
    frames = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 48, axis=0)
    for name, picture in (
        ("grey.mkv", frames.repeat(3, axis=2)),
        ("heat.mkv", np.dstack([frames, frames // 2, 255 - frames])),
    ):
        with av.open(str(tmp_path / name), "w") as container:
            stream = container.add_stream("ffv1", rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "bgr0"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
            container.mux(stream.encode(None))
    got = open_depth(tmp_path / "grey.mkv").read(0, 1)[0, 0, 0]
    assert np.allclose(got.numpy(), np.linspace(0, 255, 64).astype(np.uint8) / 255, atol=1e-4)
    with pytest.raises(InputError, match="in colour"):
        open_depth(tmp_path / "heat.mkv")


def test_seeking_in_a_video_with_few_key_frames_and_reordered_frames(tmp_path: Path) -> None:
    samples = (np.arange(200, dtype=np.uint8)[:, None, None] + np.zeros((1, 32, 32), np.uint8)).astype(np.uint8)
    path = encode(tmp_path / "d.mp4", "yuv420p", samples, 2, codec="libx264")
    sequence = open_depth(path)
    assert sequence.frame_count == 200
    for index in (0, 150, 151, 20, 199, 85, 84):
        assert sequence.read(index, index + 1).mean().item() * 255 == pytest.approx(index, abs=1.5)


@pytest.mark.parametrize("key", ["depth", "depths", "disparity", "arr_0", "my_own_name"])
@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_by_other_names_and_compressed(tmp_path: Path, key: str, compressed: bool) -> None:
    values = maps(5)[:, 0].numpy()
    (np.savez_compressed if compressed else np.savez)(tmp_path / "d.npz", **{key: values})
    sequence = open_depth(tmp_path / "d.npz")
    assert np.array_equal(sequence.read(3, 5)[:, 0].numpy(), values[3:])
    assert np.array_equal(sequence.read(0, 2)[:, 0].numpy(), values[:2])


@pytest.mark.parametrize("form", ["T1hw", "Thw1", "hw", "fortran", "npy", "uint16", "float16"])
def test_arrays_of_other_forms(tmp_path: Path, form: str) -> None:
    values = maps(1 if form == "hw" else 4)[:, 0].numpy()
    stored = {
        "T1hw": values[:, None],
        "Thw1": values[..., None],
        "hw": values[0],
        "fortran": np.asfortranarray(values),
        "uint16": np.rint(values * 65535).astype(np.uint16),
        "float16": values.astype(np.float16),
    }.get(form, values)
    path = tmp_path / ("d.npy" if form == "npy" else "d.npz")
    np.save(path, stored) if form == "npy" else np.savez(path, depth=stored)
    got = open_depth(path).read(0, len(values))[:, 0].numpy()
    assert np.allclose(got, values, atol=6e-4 if form == "float16" else 1e-5)


def test_floats_beyond_0_to_1_share_one_scale_over_the_file(tmp_path: Path) -> None:
    values = np.stack([np.full((20, 20), k, np.float32) for k in range(40)]) + np.linspace(0, 1, 400).reshape(20, 20)
    np.savez(tmp_path / "d.npz", depth=values.astype(np.float32))
    got = open_depth(tmp_path / "d.npz").read(0, 40)
    means = got.mean(dim=(1, 2, 3))
    assert bool((means.diff() > 0).all())
    assert means[20].item() == pytest.approx(0.5, abs=0.05)
    assert got.min() == 0
    assert got.max() == 1


def test_metric_depth_becomes_inverse_depth(tmp_path: Path) -> None:
    metres = np.array([[[1.0, 2.0, 4.0, np.inf, np.nan, 0.0]]], np.float32)
    np.savez(tmp_path / "d.npz", depth=metres)
    got = open_depth(tmp_path / "d.npz", Meaning(near=1.0, far=4.0)).read(0, 1).flatten().tolist()
    assert got == pytest.approx([1, 1 / 3, 0, 0, 0, 0], abs=1e-6)
    got = open_depth(tmp_path / "d.npz", Meaning(near=2.0)).read(0, 1).flatten().tolist()
    assert got == pytest.approx([1, 1, 0.5, 0, 0, 0], abs=1e-6)
    nearest_first = open_depth(tmp_path / "d.npz", Meaning(invert=True)).read(0, 1).flatten()
    assert nearest_first[:3].tolist() == sorted(nearest_first[:3].tolist(), reverse=True)
    assert nearest_first[0] == 1


def test_millimetres_in_16_bit_pictures_and_far_is_white(tmp_path: Path) -> None:
    (tmp_path / "mm").mkdir()
    cv2.imwrite(str(tmp_path / "mm" / "a1.png"), np.array([[500, 1000, 2000, 0]], np.uint16))
    got = open_depth(tmp_path / "mm", Meaning(near=500, far=2000)).read(0, 1).flatten().tolist()
    assert got == pytest.approx([1, 1 / 3, 0, 0], abs=1e-6)
    cv2.imwrite(str(tmp_path / "8.png"), np.array([[0, 51, 255]], np.uint8))
    assert open_depth(tmp_path / "8.png", Meaning(invert=True)).read(0, 1).flatten().tolist() == pytest.approx(
        [1, 0.8, 0]
    )


def test_pictures_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for k in range(8, 12):
        cv2.imwrite(str(tmp_path / f"frame{k}.png"), np.full((4, 4), k, np.uint8))
    got = open_depth(tmp_path).read(0, 4)[:, 0, 0, 0] * 255
    assert got.tolist() == pytest.approx([8, 9, 10, 11])
    (tmp_path / "frame9.png").unlink()
    with pytest.raises(InputError, match="number 9 is missing"):
        open_depth(tmp_path)


def test_exr_of_half_floats_and_of_a_channel_called_z(tmp_path: Path) -> None:
    write(tmp_path / "d.exr", maps(1))
    assert (tmp_path / "d.exr").is_file()  # one frame is one picture
    data = (tmp_path / "d.exr").read_bytes()
    (tmp_path / "z.exr").write_bytes(data.replace(b"\x13\x00\x00\x00Y\x00", b"\x13\x00\x00\x00Z\x00"))
    assert torch.equal(open_depth(tmp_path / "z.exr").read(0, 1), maps(1))


def test_a_depth_of_another_length_or_aspect_is_refused(tmp_path: Path) -> None:
    sequence = open_depth(write(tmp_path / "d.npz", maps(4, 27, 48)))
    sequence.check(4, (1080, 1920))
    sequence.check(3, (544, 960))
    with pytest.raises(InputError, match=r"has 4 depth frames, but the video has 5"):
        sequence.check(5, (1080, 1920))
    for size in ((1920, 1080), (1000, 1000), (1080, 1440)):
        with pytest.raises(InputError, match=r"48x27 px does not fit"):
            sequence.check(4, size)
    with pytest.raises(InputError, match=r"has 4 depth frames, but frame 4"):
        sequence.read(3, 5)


@pytest.mark.parametrize("name", ["d.mkv", "d.mp4", "d.npz", "d.npy", "d.png", "d.exr", "d.unknown"])
@pytest.mark.parametrize("content", [b"", b"not a depth map at all\n" * 20])
def test_unreadable_files_are_one_clear_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=name) as caught:
        open_depth(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_truncated_files_are_one_clear_line(tmp_path: Path) -> None:
    for name in ("d.npz", "d.mp4"):
        path = write(tmp_path / name, maps(9, 64, 64))
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InputError, match=name):
            open_depth(path).read(0, 9)


def test_other_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such depth file"):
        open_depth(tmp_path / "absent.mkv")
    with pytest.raises(InputError, match="holds no depth maps"):
        open_depth(tmp_path)
    cv2.imwrite(str(tmp_path / "a.png"), np.dstack([np.full((4, 4), k, np.uint8) for k in (1, 2, 3)]))
    with pytest.raises(InputError, match="in colour"):
        open_depth(tmp_path / "a.png")
    (tmp_path / "b.exr").write_bytes(b"")
    with pytest.raises(InputError, match=r"\.exr and \.png"):
        open_depth(tmp_path)
    np.savez(tmp_path / "two.npz", one=np.zeros(3), other=np.zeros(3))
    with pytest.raises(InputError, match="holds the arrays one, other"):
        open_depth(tmp_path / "two.npz")
    for bad in ({"far": 3.0}, {"near": 0.0}, {"near": 5.0, "far": 2.0}):
        with pytest.raises(InputError, match="0 < near < far"):
            Meaning(**bad)


def test_pictures_of_different_sizes_are_refused(tmp_path: Path) -> None:
    for k, width in enumerate((4, 5)):
        cv2.imwrite(str(tmp_path / f"{k}.png"), np.zeros((4, width), np.uint8))
    with pytest.raises(InputError, match=r"1\.png: 5x4 uint8"):
        open_depth(tmp_path).read(0, 2)


def write_two_sizes(path: Path) -> None:
    with DepthWriter(path, (32, 32)) as writer:
        writer.write(maps(2, 32, 32))
        writer.write(maps(1, 8, 8))


@pytest.mark.parametrize("name", ["d.mkv", "d.npz", "d.exr", "folder"])
def test_nothing_appears_when_writing_fails(tmp_path: Path, name: str) -> None:
    with pytest.raises(ContractError, match="expected"):
        write_two_sizes(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="no depth frame"), DepthWriter(tmp_path / name, (32, 32)):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["d.npz", "d.exr", "folder"])
def test_what_is_there_is_only_replaced_when_allowed(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, maps(4))
    with pytest.raises(InputError, match="is there already"):
        DepthWriter(tmp_path / name, (37, 53))
    for count in (2, 1):
        with DepthWriter(tmp_path / name, (37, 53), overwrite=True) as writer:
            writer.write(maps(count))
        assert open_depth(tmp_path / name).frame_count == count


def test_writer_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"choose \.mkv"):
        DepthWriter(tmp_path / "d.avi", (8, 8))
    with pytest.raises(InputError, match="choose one of: 8, 10, 12"):
        DepthWriter(tmp_path / "d.mp4", (64, 64), bit_depth=16)
    with pytest.raises(InputError, match="no folder"):
        DepthWriter(tmp_path / "absent" / "d.npz", (8, 8))
    with pytest.raises(ContractError, match="expected"), DepthWriter(tmp_path / "d.npz", (8, 8)) as writer:
        writer.write(maps(1, 8, 9))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """A decoder that is asked for one frame after the other is not opened anew, and frames are not kept."""
    sequence = open_depth(write(tmp_path / "d.mkv", maps(40, 32, 32)))
    opened = grey_video.av.open
    try:
        grey_video.av.open = None  # any attempt to open fails
        for i in range(0, 40, 2):
            assert len(sequence.read(i, i + 2)) == 2
    finally:
        grey_video.av.open = opened
