"""How a player learns that a file is stereo: names, Matroska fields, MP4 boxes, and messages inside the stream.

layout        Matroska StereoMode   MP4 st3d   frame-packing SEI (H.264, HEVC)
sbs           left_right            2          none: without it 2D players show the whole frame
half-sbs      left_right            2          3, TVs switch to 3D by themselves
tb            top_bottom            1          none
half-tb       top_bottom            1          4
cross         right_left            none: st3d has no number for it that readers know
interlaced    row_interleaved_lr    none
anaglyph*     anaglyph_cyan_red     none: any player shows it right
pair          nothing, each file is an ordinary video
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from secondeye.types import VideoInfo
from secondeye.video.layout import pixel_aspect, regions, require_layout
from secondeye.video.side_data import Hdr

FILE_TAGS = {
    "sbs": "_LRF_Full_SBS",
    "half-sbs": "_LR",
    "tb": "_TBF_fulltb",
    "half-tb": "_TB",
    "cross": "_RLF_cross",
    "anaglyph": "_anaglyph",
    "anaglyph-half": "_anaglyph",
    "anaglyph-grey": "_anaglyph",
    "interlaced": "_interlaced",
    "pair": "",
}
"""The only sign that headset players share is the file's name, and each looks for its own word: Pigasus for LRF and
TBF, Skybox for Full_SBS and TB, DeoVR and Oculus Gallery for SBS, LR and TB. Hence several words in a row."""

MATROSKA_STEREO_MODES = {
    "sbs": "left_right",
    "half-sbs": "left_right",
    "tb": "top_bottom",
    "half-tb": "top_bottom",
    "cross": "right_left",
    "interlaced": "row_interleaved_lr",
    "anaglyph": "anaglyph_cyan_red",
    "anaglyph-half": "anaglyph_cyan_red",
    "anaglyph-grey": "anaglyph_cyan_red",
}
"""StereoMode by the names that FFmpeg has for it."""

WEBM_STEREO_MODES = ("left_right", "right_left", "top_bottom")
"""Those that WebM allows."""

ST3D_MODES = {"sbs": 2, "half-sbs": 2, "tb": 1, "half-tb": 1}
"""Stereo modes of Google's Spherical Video V2."""

FRAME_PACKING = {"half-sbs": 3, "half-tb": 4}
"""frame_packing_arrangement_type of H.264 and HEVC, for the layouts that TVs know by it."""


def file_tag(layout: str) -> str:
    """What to add to a file's name before its ending, so that players of headsets see the layout."""
    require_layout(layout)
    return FILE_TAGS[layout]


def matroska_stereo_mode(layout: str, muxer: str) -> str | None:
    """FFmpeg's name of the StereoMode for its muxers "matroska" and "webm"; None where there is none to write."""
    mode = MATROSKA_STEREO_MODES.get(layout)
    return mode if muxer == "matroska" or (muxer == "webm" and mode in WEBM_STEREO_MODES) else None


def display_size(info: VideoInfo, layout: str | None, width: int, height: int) -> tuple[int, int]:
    """Matroska's DisplayWidth and DisplayHeight: of one eye where a layout is signalled, else of the coded frame."""
    aspect = info.pixel_aspect
    if layout is not None:
        one = regions(info.width, info.height, layout)[0][0]
        width, height, aspect = one.width, one.height, pixel_aspect(info.pixel_aspect, layout)
    return (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))


def st3d_box(layout: str) -> bytes:
    """The MP4 box that names the layout, or nothing."""
    mode = ST3D_MODES.get(layout)
    return b"" if mode is None else box(b"st3d", bytes(4), bytes([mode]))


def box(kind: bytes, *content: bytes) -> bytes:
    """An MP4 box."""
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def with_frame_packing(packet: bytes, codec: str, layout: str) -> bytes:
    """A key frame's packet (Annex B) with the frame-packing message before its first slice.

    Args:
        packet: NAL units with start codes.
        codec: "h264" or "hevc".
        layout: one that FRAME_PACKING has; any other leaves the packet as it is.

    Source: H.264 D.1.26, HEVC D.2.16. Left view first, persistent until the next key frame.
    """
    arrangement = FRAME_PACKING.get(layout)
    if arrangement is None or codec not in ("h264", "hevc"):
        return packet
    at = next(start for start, unit in nal_units(packet) if _is_slice(unit, codec))
    return packet[:at] + b"\0\0\0\1" + _frame_packing_unit(arrangement, codec) + packet[at:]


def _frame_packing_unit(arrangement: int, codec: str) -> bytes:
    """The SEI unit. Its bits: id ue(0), cancel 0, type u(7), quincunx 0, interpretation u(6) = 1: the first is left."""
    bits = f"1{0:b}{arrangement:07b}0{1:06b}" + "0" * 6 + "0" * 16 + "0" * 8
    bits += "0100" if codec == "h264" else "10"  # repetition ue(1), no extension; or persistence 1, no upsampled aspect
    if len(bits) % 8:
        bits += "1"  # what an unaligned message ends with
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    header = b"\x06" if codec == "h264" else b"\x4e\x01"
    return header + _escaped(bytes([45, len(payload)]) + payload + b"\x80")


def _escaped(payload: bytes) -> bytes:
    """With the bytes that keep a start code from appearing inside a unit."""
    out, zeros = bytearray(), 0
    for byte in payload:
        if zeros == 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def nal_units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Each unit of an Annex B stream, and where its start code begins."""
    starts = []
    at = stream.find(b"\0\0\1")
    while at >= 0:
        starts.append(at)
        at = stream.find(b"\0\0\1", at + 3)
    for start, stop in zip(starts, [*starts[1:], len(stream)], strict=True):
        begin = start - 1 if start and stream[start - 1] == 0 else start
        yield begin, stream[start + 3 : stop].rstrip(b"\0")


def _is_slice(unit: bytes, codec: str) -> bool:
    return 1 <= unit[0] & 31 <= 5 if codec == "h264" else unit[0] >> 1 & 63 < 32


SEGMENT, TRACKS, TRACK_ENTRY, VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0xE0
DISPLAY_WIDTH, DISPLAY_HEIGHT = 0x54B0, 0x54BA


def patch_matroska_display(path: Path, width: int, height: int) -> bool:
    """Set DisplayWidth and DisplayHeight of the first video track in place; False where the file has no such fields.

    FFmpeg halves the frame's size for stereo modes, which is right for full layouts and square pixels only. Where a
    number is too large for the bytes that are there, both are halved, for players only use their ratio.
    """
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        fields = _display_fields(data)
        if len(fields) < 2:
            return False
        sizes = {DISPLAY_WIDTH: width, DISPLAY_HEIGHT: height}
        while any(size >= 256 ** (fields[key][1] - fields[key][0]) for key, size in sizes.items()):
            sizes = {key: -(-size // 2) for key, size in sizes.items()}
        for key, size in sizes.items():
            start, stop = fields[key]
            data[start:stop] = size.to_bytes(stop - start, "big")
    return True


def _display_fields(data: mmap.mmap) -> dict[int, tuple[int, int]]:
    """Where the display size of the first track that has one lies."""
    whole = (0, len(data))
    segment = next((span for key, span in _elements(data, *whole) if key == SEGMENT), None)
    tracks = next((span for key, span in _elements(data, *segment) if key == TRACKS), None) if segment else None
    for key, track in _elements(data, *tracks) if tracks else ():
        video = next((span for key, span in _elements(data, *track) if key == VIDEO), None)
        if key == TRACK_ENTRY and video:
            return {k: span for k, span in _elements(data, *video) if k in (DISPLAY_WIDTH, DISPLAY_HEIGHT)}
    return {}


def _elements(data: mmap.mmap, start: int, stop: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Key and content span of each EBML element in [start, stop)."""
    while start < stop:
        key, start = _number(data, start, keep_marker=True)
        size, start = _number(data, start, keep_marker=False)
        end = min(start + size, stop)
        yield key, (start, end)
        start = end


def _number(data: mmap.mmap, at: int, *, keep_marker: bool) -> tuple[int, int]:
    """An EBML number of variable length, and where it ends."""
    length = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + length], "big")
    return value if keep_marker else value & ((1 << 7 * length) - 1), at + length


def neutralise_vexu(path: Path) -> None:
    """Rename FFmpeg's Apple stereo box to free space.

    FFmpeg adds vexu/eyes to any st3d, without the pack box that says how the views are packed; Apple's players would
    then look for a second view that is not there.
    """
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        header = _box_span(data, 0, len(data), b"moov")
        at = data.find(b"vexu\0\0\0\x15eyes", *header) if header else -1
        if at >= 0:
            data[at : at + 4] = b"free"


def _box_span(data: mmap.mmap | bytes, start: int, stop: int, kind: bytes) -> tuple[int, int] | None:
    """Where a box of a kind lies among those in [start, stop)."""
    while start + 8 <= stop:
        size, name = struct.unpack_from(">I4s", data, start)
        if size == 1:
            size = struct.unpack_from(">Q", data, start + 8)[0]
        end = start + size if size else stop
        if name == kind:
            return start, end
        start = end
    return None


def hdr_boxes(hdr: Hdr | None) -> bytes:
    """The MP4 boxes of HDR10: the grading screen (1/50000, 1/10000 cd/m2) and the light levels."""
    boxes = b""
    if hdr is not None and hdr.mastering is not None:
        m = hdr.mastering
        points = [round(v * 50000) for point in (m.green, m.blue, m.red, m.white) for v in point]
        light = [round(v * 10000) for v in (m.max_luminance, m.min_luminance)]
        boxes += box(b"mdcv", struct.pack(">8H2I", *points, *light))
    if hdr is not None and hdr.max_cll:
        boxes += box(b"clli", struct.pack(">2H", hdr.max_cll, hdr.max_fall or 0))
    return boxes


def with_sample_entry_boxes(movie: bytes, extra: bytes) -> bytes:
    """A movie whose index comes last, with boxes added to its first track's description."""
    grown, start, stop = [], 0, len(movie)
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd"):
        span = _box_span(movie, start, stop, kind)
        assert span is not None
        grown.append(span[0])
        start, stop = span[0] + (16 if kind == b"stsd" else 8), span[1]
    end = start + int(struct.unpack_from(">I", movie, start)[0])
    out = bytearray(movie)
    for at in (*grown, start):
        struct.pack_into(">I", out, at, struct.unpack_from(">I", movie, at)[0] + len(extra))
    out[end:end] = extra
    return bytes(out)
