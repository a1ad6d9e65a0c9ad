"""What `inspect` says of a file, for people and for programs."""

from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from secondeye.video.color import MATRIX_NAMES, PRIMARIES_NAMES, TRANSFER_NAMES, name_of
from secondeye.video.file_info import Chapter, FileInfo, StreamInfo
from secondeye.video.side_data import Hdr
from secondeye.video.stereo_layout import MeasuredLayout


@dataclass(frozen=True)
class Color:
    """Colour tags by name."""

    matrix: str
    primaries: str
    transfer: str
    range: str


@dataclass(frozen=True)
class Layout:
    """How the views lie.

    Attributes:
        signalled: by the file, None where it says nothing.
        named: by the file's name, as players read it.
        measured: by its pixels.
        projection: of VR, as signalled.
        field_of_view: "180" or "360", by the file's name.
    """

    signalled: str | None
    named: str | None
    measured: MeasuredLayout
    projection: str | None
    field_of_view: str | None


@dataclass(frozen=True)
class Report:
    """What a file is.

    Attributes:
        path: the file or folder.
        kind: "video", "image" or "folder".
        format: of the container or the pictures.
        codec: of the video.
        pixel_format: as decoded.
        width, height: px, upright.
        frame_count: frames listed in the file.
        frame_rate: mean, frames a second.
        is_constant_rate: whether every frame comes when that rate says.
        duration_s: of the video.
        bit_depth: per channel.
        has_alpha: whether frames may be transparent.
        rotation_deg: clockwise, as signalled; already applied in width and height.
        pixel_aspect: width over height of a pixel.
        field_order: None for progressive video.
        color: tags.
        hdr: dynamic range, None for ordinary video.
        layout: how the views lie.
        audio, subtitles, attachments, other_videos: further streams.
        chapters: in order.
        metadata: of the container.
    """

    path: Path
    kind: str
    format: str
    codec: str
    pixel_format: str
    width: int
    height: int
    frame_count: int
    frame_rate: Fraction
    is_constant_rate: bool
    duration_s: float
    bit_depth: int
    has_alpha: bool
    rotation_deg: int
    pixel_aspect: Fraction
    field_order: str | None
    color: Color
    hdr: Hdr | None
    layout: Layout
    audio: tuple[StreamInfo, ...]
    subtitles: tuple[StreamInfo, ...]
    attachments: tuple[StreamInfo, ...]
    other_videos: tuple[StreamInfo, ...]
    chapters: tuple[Chapter, ...]
    metadata: dict[str, str]

    @property
    def is_stereo(self) -> bool:
        """Whether the file is 3D already, as it signals or as it looks."""
        signalled = self.layout.signalled not in (None, "mono")
        return signalled or self.layout.measured.name not in ("mono", "unknown")

    def to_json(self) -> dict[str, Any]:
        """All of it in terms of JSON; fractions become numbers."""
        data: dict[str, Any] = _plain(self)
        return {**data, "is_stereo": self.is_stereo}

    def lines(self) -> list[tuple[str, str]]:
        """Label and text, for people."""
        return [
            ("file", str(self.path)),
            ("kind", f"{self.kind} ({self.format}), {self.codec}, {self.pixel_format}, {self.bit_depth} bits"),
            ("size", _size_text(self)),
            ("length", _length_text(self)),
            ("colour", _color_text(self)),
            *(("audio", _stream_text(stream)) for stream in self.audio),
            *(("subtitles", _stream_text(stream)) for stream in self.subtitles),
            *(("attachment", _stream_text(stream)) for stream in self.attachments),
            *(("more video", _stream_text(stream)) for stream in self.other_videos),
            *([("chapters", str(len(self.chapters)))] if self.chapters else []),
            ("3D signalled", _signalled_text(self.layout)),
            ("3D measured", _measured_text(self.layout.measured)),
        ]

    def text(self) -> str:
        """The lines, one beneath the other."""
        return "\n".join(f"{label:>12}  {text}" for label, text in self.lines())


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else float(value)
    return str(value) if isinstance(value, Path) else value


def _size_text(report: Report) -> str:
    extras = []
    if report.pixel_aspect != 1:
        extras.append(f"pixels {float(report.pixel_aspect):.4g} wide")
    if report.rotation_deg:
        extras.append(f"turned by {report.rotation_deg} degrees")
    if report.field_order:
        extras.append(f"interlaced, {report.field_order}")
    if report.has_alpha:
        extras.append("may be transparent")
    return ", ".join([f"{report.width}x{report.height} px", *extras])


def _length_text(report: Report) -> str:
    if report.kind == "image":
        return "one picture"
    steadiness = "constant" if report.is_constant_rate else "varying, on average"
    frames = "1 frame" if report.frame_count == 1 else f"{report.frame_count} frames"
    return f"{frames}, {report.duration_s:.3f} s, {float(report.frame_rate):.6g} frames a second ({steadiness})"


def _color_text(report: Report) -> str:
    color = report.color
    names = [color.matrix] if color.matrix == color.primaries == color.transfer else [
        f"matrix {color.matrix}", f"primaries {color.primaries}", f"transfer {color.transfer}"
    ]  # fmt: skip
    text = f"{', '.join(names)}, {color.range} range"
    if report.hdr is None:
        return text
    light = f", at most {report.hdr.max_cll} cd/m2" if report.hdr.max_cll else ""
    return f"{text}; HDR ({report.hdr.kind or 'light levels only'}{light})"


def _stream_text(stream: StreamInfo) -> str:
    parts = [
        stream.codec,
        stream.language,
        f'"{stream.title}"' if stream.title else None,
        f"{stream.channels} channels" if stream.channels else None,
        f"{stream.sample_rate} Hz" if stream.sample_rate else None,
        f"{round(stream.bit_rate / 1000)} kbit/s" if stream.bit_rate else None,
        "default" if stream.is_default else None,
        "forced" if stream.is_forced else None,
    ]
    return ", ".join(part for part in parts if part)


def _signalled_text(layout: Layout) -> str:
    by_name = " ".join(part for part in (layout.named, layout.field_of_view) if part)
    parts = [
        f"{layout.signalled or 'nothing'} in the file",
        f"projection {layout.projection}" if layout.projection else None,
        f"{by_name} by its name" if by_name else None,
    ]
    return ", ".join(part for part in parts if part)


def _measured_text(measured: MeasuredLayout) -> str:
    if measured.name == "unknown":
        return "unknown, there is too little to see"
    first = {"sbs": "left", "tb": "upper", "anaglyph": "red", "interlaced": "even rows'"}
    eye = {"first": "left", "second": "right"}.get(measured.left_eye)
    order = first.get(measured.name.removeprefix("half-"))
    which = f", the {order} view is the {eye} eye's" if eye and order else ""
    return f"{measured.name} ({measured.confidence:.0%} sure){which}"


def color_names(file: FileInfo) -> Color:
    """The tags of a file by name."""
    color = file.video.color
    return Color(
        name_of(MATRIX_NAMES, color.matrix),
        name_of(PRIMARIES_NAMES, color.primaries),
        name_of(TRANSFER_NAMES, color.transfer),
        "full" if color.full_range else "limited",
    )
