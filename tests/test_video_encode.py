"""Encoder settings: defaults that play, and refusals of all that would be ignored."""

import contextlib
import os
from fractions import Fraction
from pathlib import Path

import av
import pytest

from secondeye.errors import InputError
from secondeye.types import ColorTags, VideoInfo
from secondeye.video.encode import FACTS, EncodeSettings, codecs, completed, default_settings, encoder_options
from secondeye.video.encoder_check import check, paintable_formats
from secondeye.video.encoder_options import LIBRARY_PARAMS, X26X_PRESETS, X264_TUNES, X265_TUNES
from secondeye.video.side_data import Hdr, MasteringDisplay

MP4 = Path("out.mp4")

HDR10 = Hdr(
    "PQ",
    MasteringDisplay((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), (0.3127, 0.329), 0.005, 1000.0),
    max_cll=1000,
    max_fall=400,
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """x264 leaves a statistics file in the working folder when it is asked for a second pass."""
    monkeypatch.chdir(tmp_path)


def information(width: int = 1920, height: int = 1080, bit_depth: int = 8) -> VideoInfo:
    return VideoInfo(width, height, Fraction(25), None, Fraction(1, 12800), ColorTags(1, 1, 1), bit_depth)


@pytest.mark.parametrize(
    ("info", "name", "layout", "codec", "pixel_format"),
    [
        (information(), "a.mp4", "sbs", "h264", "yuv420p"),
        (information(bit_depth=10), "a.mp4", "sbs", "hevc", "yuv420p10le"),
        (information(bit_depth=12), "a.mkv", "sbs", "hevc", "yuv420p10le"),
        (information(3840, 2160), "a.mp4", "sbs", "hevc", "yuv420p"),
        (information(3840, 2160), "a.mp4", "half-sbs", "h264", "yuv420p"),
        (information(2048, 1536), "a.mp4", "tb", "h264", "yuv420p"),
        (information(), "a.webm", "sbs", "av1", "yuv420p"),
        (information(1, 1, 10), "a.mp4", "sbs", "h264", "yuv420p10le"),
    ],
)
def test_defaults_are_what_players_take(info: VideoInfo, name: str, layout: str, codec: str, pixel_format: str) -> None:
    settings = default_settings(info, Path(name), layout)
    assert (settings.codec, settings.pixel_format) == (codec, pixel_format)
    assert settings.crf is not None
    assert settings.preset is not None
    assert settings == completed(settings, info)


def test_lossless_keeps_every_bit() -> None:
    assert completed(EncodeSettings("ffv1"), information(bit_depth=12)).pixel_format == "yuv420p12le"
    assert completed(EncodeSettings("ffv1"), information(bit_depth=16)).pixel_format == "yuv420p16le"
    assert completed(EncodeSettings("ffv1"), information()).pixel_format == "yuv420p"


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1", "prores", "ffv1"])
def test_defaults_of_every_codec_pass_their_own_check(codec: str) -> None:
    assert check(EncodeSettings(codec), information(), "half-sbs") == []
    settings = completed(EncodeSettings(codec), information())
    assert settings.pixel_format in paintable_formats(FACTS[codec].encoder)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (EncodeSettings("h256"), r"no codec called 'h256'; did you mean 'h264'\?"),
        (EncodeSettings("hevc", preset="medum"), r"no preset of hevc called 'medum'; did you mean 'medium'\?"),
        (EncodeSettings("av1", preset="fast"), "no preset of av1 called 'fast'"),
        (EncodeSettings("prores", preset="hp"), "no preset of prores called 'hp'"),
        (EncodeSettings("ffv1", preset="fast"), "ffv1 has no presets"),
        (EncodeSettings("h264", crf=52), "crf 52 is outside 0 to 51"),
        (EncodeSettings("av1", crf=-1), "crf -1 is outside 0 to 63"),
        (EncodeSettings("ffv1", crf=20), "ffv1 has no crf"),
        (EncodeSettings("prores", crf=20), "prores has no crf; leave it out and choose a profile"),
        (EncodeSettings(pixel_format="yuv420p10"), "no pixel format of h264 called 'yuv420p10'; did you mean 'yuv420p"),
        (EncodeSettings("prores", pixel_format="yuv420p"), "no pixel format of prores called 'yuv420p'"),
        (EncodeSettings(pixel_format="nonsense"), "no pixel format of h264 called 'nonsense'"),
        (EncodeSettings(options=(("tun", "film"),)), "no option of h264 called 'tun'; did you mean 'tune'"),
        (EncodeSettings(options=(("tune", "grian"),)), "no tune of h264 called 'grian'; did you mean 'grain'"),
        (EncodeSettings("hevc", options=(("tune", "film"),)), "no tune of hevc called 'film'"),
        (EncodeSettings("hevc", options=(("x264-params", "me=hex"),)), "no option of hevc called 'x264-params'"),
        (EncodeSettings(options=(("x264-params", "keynt=9"),)), "no key of x264-params called 'keynt'.*'keyint'"),
        (EncodeSettings("hevc", options=(("x265-params", "ref=2:no-saw=1"),)), "no key of x265-params called 'no-saw'"),
        (EncodeSettings("av1", options=(("svtav1-params", "tunes=1"),)), "no key of svtav1-params.*'tune'"),
        (EncodeSettings("av1", options=(("svtav1-params", "mastering-display=1"),)), "'1' is not of the form G"),
        (EncodeSettings(options=(("x264-params", "me=hexx"),)), "h264 refuses its settings .*me = hexx"),
        (EncodeSettings("hevc", options=(("x265-params", "me=hexx"),)), "hevc refuses its settings .*me: hexx"),
        (EncodeSettings("av1", options=(("svtav1-params", "tune=x"),)), "av1 refuses its settings .*tune: x"),
        (EncodeSettings(options=(("aq-mode", "often"),)), "h264 refuses its settings .*aq-mode"),
        (EncodeSettings("ffv1", options=(("slicecrc", "9"),)), "ffv1 refuses its settings"),
    ],
)  # fmt: skip
def test_what_would_be_ignored_is_refused(settings: EncodeSettings, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(settings, information(), "sbs")


def test_good_options_pass() -> None:
    for settings in (
        EncodeSettings("h264", 20.5, "veryslow", "yuv444p", (("tune", "grain"), ("x264-params", "no-mbtree=1:me=umh"))),
        EncodeSettings("hevc", options=(("x265-params", "aq-mode=3:no-sao=1"), ("tune", "grain"))),
        EncodeSettings("av1", options=(("svtav1-params", "film-grain=8:tune=0"),)),
        EncodeSettings("h264", options=(("g", "50"), ("bf", "2"))),
    ):
        assert check(settings, information(640, 360), "sbs") == []


@pytest.mark.parametrize(
    ("codec", "width", "height", "layout", "advice"),
    [
        ("h264", 7680, 4320, "sbs", "15360x4320 .* choose layout half-sbs"),
        ("hevc", 7680, 4320, "sbs", "15360x4320 .* choose layout half-sbs"),
        ("h264", 17000, 64, "anaglyph", "choose layout half-sbs"),
        ("av1", 9000, 9000, "half-sbs", "9000x9000"),
        ("hevc", 1, 1, "sbs", "4x2 is below the 16 px that hevc needs; choose codec h264"),
    ],
)
def test_frames_that_no_level_holds(codec: str, width: int, height: int, layout: str, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        check(EncodeSettings(codec), information(width, height), layout)


def test_sizes_and_depths_that_few_players_take_are_told() -> None:
    (note,) = check(EncodeSettings("h264"), information(3840, 2160), "sbs")
    assert "hevc" in note
    (note,) = check(EncodeSettings("h264"), information(bit_depth=10), "half-sbs")
    assert "10-bit H.264" in note
    (note,) = check(EncodeSettings("hevc", pixel_format="yuv420p"), information(bit_depth=10), "sbs")
    assert "keeps 8" in note
    assert check(EncodeSettings("hevc"), information(3840, 2160), "sbs") == []


@pytest.mark.parametrize("codec", ["h264_nvenc", "hevc_nvenc", "av1_nvenc"])
def test_a_graphics_card_that_is_not_there_is_a_clear_message(codec: str) -> None:
    if codec not in codecs():
        pytest.skip("this FFmpeg has no NVENC at all")
    try:
        check(EncodeSettings(codec), information(), "half-sbs")
    except InputError as error:
        assert f"choose codec {codec.removesuffix('_nvenc')}" in str(error)  # noqa: PT017


def test_nvenc_width_limit_names_what_can() -> None:
    with pytest.raises(InputError, match="beyond the 4096x4096 that h264_nvenc can hold; choose codec hevc"):
        check(EncodeSettings("h264_nvenc"), information(3840, 2160), "sbs")


def refused_by_library(encoder: str, key: str, pairs: list[str]) -> list[str]:
    """What FFmpeg logs when it hands such text to a library."""
    os.environ.setdefault("SVT_LOG", "0")
    context = av.CodecContext.create(encoder, "w")
    context.width, context.height, context.pix_fmt = 256, 128, "yuv420p"
    context.time_base = Fraction(1, 25)
    context.options = {key: ":".join(pairs)}
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as logs, contextlib.suppress(av.FFmpegError, ValueError):
            context.open()
    finally:
        av.logging.set_level(None)
    return [text for _, _, text in logs if "nknown option" in text or "rror parsing option" in text]


SAMPLES = ("1", "0", "1:1", "1,1", "1,1,1,1", "bt709", "1/1", ",".join(["1"] * 16), ",".join(["1"] * 64), "none",
           "undef", "show", "spatial", "hex", "sony", "component", "off", "mono", "random-access", "main", "full",
           "left",
           "G(1,1)B(1,1)R(1,1)WP(1,1)L(1,1)", "G(0.1,0.1)B(0.1,0.1)R(0.1,0.1)WP(0.1,0.1)L(1,0.1)")  # fmt: skip


@pytest.mark.parametrize(
    ("encoder", "key", "skipped"),
    [
        ("libx264", "x264-params", {"dump-yuv", "stats", "opencl-clbin", "cqmfile", "opencl", "cqm"}),
        ("libsvtav1", "svtav1-params", {"mastering-display"}),
    ],
)
def test_the_libraries_know_every_name_listed(encoder: str, key: str, skipped: set[str]) -> None:
    """x264 and SVT-AV1 do not tell a bad name from a bad value, so some value must please them."""
    for name in sorted(LIBRARY_PARAMS[key] - skipped):
        assert any(not refused_by_library(encoder, key, [f"{name}={value}"]) for value in SAMPLES), name
    assert refused_by_library(encoder, key, ["nonsense=1"])


def test_x265_knows_every_name_listed() -> None:
    """An impossible block size keeps x265 from starting, for some of its options write files or wait for input."""
    for name in sorted(LIBRARY_PARAMS["x265-params"]):
        refusals = refused_by_library("libx265", "x265-params", ["log-level=none", f"{name}=1", "ctu=17"])
        assert not any("nknown" in text for text in refusals), name
    assert refused_by_library("libx265", "x265-params", ["log-level=none", "nonsense=1", "ctu=17"])


@pytest.mark.parametrize(("codec", "tunes"), [("h264", X264_TUNES), ("hevc", X265_TUNES)])
def test_presets_and_tunes_exist(codec: str, tunes: tuple[str, ...]) -> None:
    for preset in X26X_PRESETS:
        check(EncodeSettings(codec, preset=preset), information(320, 180), "sbs")
    for tune in tunes:
        check(EncodeSettings(codec, options=(("tune", tune),)), information(320, 180), "sbs")


def test_hdr10_reaches_each_encoder_in_its_own_words() -> None:
    def options(codec: str) -> str:
        info = information(bit_depth=10)
        return str(encoder_options(completed(EncodeSettings(codec), info), info, "sbs", HDR10))

    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    assert f"hdr10=1:master-display={display}:max-cll=1000,400" in options("hevc")
    assert f"mastering-display={display}:cll=1000,400" in options("h264")
    assert "mastering-display=G(0.26500,0.69000)B(0.15000,0.06000)R(0.68000,0.32000)" in options("av1")
    assert "content-light=1000,400" in options("av1")
    assert "display" not in options("ffv1")


def test_the_users_options_come_last() -> None:
    settings = completed(EncodeSettings(options=(("x264-params", "keyint=30"), ("crf", "30"))), information())
    options = encoder_options(settings, information(), "sbs")
    assert options["x264-params"].endswith(":keyint=30")
    assert options["crf"] == "30"


def test_x264_is_kept_from_its_unsteady_code_where_rows_are_not_multiples_of_eight_macroblocks() -> None:
    settings = completed(EncodeSettings(), information())
    assert "asm" not in encoder_options(settings, information(1920, 1080), "sbs")["x264-params"]
    odd = encoder_options(settings, information(854, 480), "half-sbs")["x264-params"]
    assert ("asm=avx2" in odd) == ("avx512bw" in cpu_features())


def cpu_features() -> set[str]:
    from llvmlite import binding

    return {name for name, there in binding.get_host_cpu_features().items() if there}
