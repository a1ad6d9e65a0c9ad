"""Frames out: stereo clips to an encoded file, a part of the film that `streams.join` puts together later."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import av
from av import Packet, VideoFrame
from av.container import OutputContainer
from av.video.stream import VideoStream

from secondeye.errors import ContractError, InputError
from secondeye.types import StereoClip, VideoInfo
from secondeye.video.encode import (
    EncodeSettings,
    codec_facts,
    completed,
    encoder_options,
    nominal_rate,
    open_encoder,
    part_format,
    quiet_environment,
)
from secondeye.video.layout import regions
from secondeye.video.planes import FramePainter, coded_color
from secondeye.video.saving import partial_path, settle, write_errors
from secondeye.video.side_data import Hdr
from secondeye.video.signalling import with_frame_packing

PTS_OFFSET = "pts_offset="
"""NUT holds no times below zero, and MOV rounds the time of its first frame: a part's comment says after this what to
add to the times in it, in ticks of the source's time base."""

MAX_REORDERED_FRAMES = 16
"""No frame of H.264, HEVC or AV1 waits for more others than fit into the largest picture buffer."""


def part_paths(path: Path, layout: str) -> tuple[Path, ...]:
    """The files of a layout: the path itself, or for "pair" name.left.ext and name.right.ext beside each other."""
    if layout != "pair":
        return (path,)
    return tuple(path.with_name(f"{path.stem}.{eye}{path.suffix}") for eye in ("left", "right"))


class VideoSink:
    """Encodes stereo clips into one part; a types.Sink and a context manager.

    The file is in NUT (ProRes: MOV) whatever its name, with the frames' own times in the source's time base. It is
    written under the name `partial_path` and renamed when the `with` block ends well; after an error it stays there.
    The same frames give the same bytes on the same number of processor cores.

    Args:
        path: the part; for "pair" both files, or one path from which `part_paths` makes two names.
        info: of the source, which the clips must match.
        layout: one of layout.LAYOUTS.
        settings: codec and quality; what is None takes its default.
        hdr: grading screen and light levels of an HDR source, for the encoder to write.
        signal: mark half layouts as stereo inside H.264 and HEVC (frame-packing message).

    Raises:
        InputError: settings that do not fit (see `encoder_check.check`), or a file that cannot be written.
    """

    def __init__(
        self,
        path: Path | Sequence[Path],
        info: VideoInfo,
        layout: str,
        settings: EncodeSettings,
        *,
        hdr: Hdr | None = None,
        signal: bool = True,
    ) -> None:
        self._paths = part_paths(path, layout) if isinstance(path, Path) else tuple(path)
        if len(self._paths) != len(regions(info.width, info.height, layout)):
            raise ContractError(f"paths: expected those of layout {layout}, got {len(self._paths)}")
        settings = completed(settings, info)
        assert settings.pixel_format is not None
        self._info = info
        color = coded_color(info, settings.pixel_format)
        self._painter = FramePainter(info.width, info.height, layout, settings.pixel_format, color)
        self._files = [_PartFile(p, info, layout, settings, hdr, signal) for p in self._paths]
        self._last_pts: int | None = None

    def __enter__(self) -> "VideoSink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._painter.close()
        if kind is not None:
            for file in self._files:
                file.abandon()
            return
        try:
            for file in self._files:
                file.finish()
        finally:
            for file in self._files:
                file.abandon()

    def write(self, clip: StereoClip) -> None:
        """Encode the frames of a clip.

        Raises:
            ContractError: frames of another size, not finite, or not later than those before.
            ResourceError: the disk is full.
            InputError: the file cannot be written.
        """
        height, width = clip.left.size
        if (width, height) != (self._info.width, self._info.height):
            raise ContractError(f"clip: expected {self._info.width}x{self._info.height} px, got {width}x{height}")
        for left, right, pts in zip(clip.left.rgb, clip.right.rgb, clip.left.pts.tolist(), strict=True):
            if self._last_pts is not None and pts <= self._last_pts:
                raise ContractError(f"pts: expected more than {self._last_pts}, got {pts}")
            self._last_pts = pts
            for file, frame in zip(self._files, self._painter.paint(left, right), strict=True):
                file.encode(frame, pts)


class _PartFile:
    """One encoder and the file that it writes."""

    def __init__(
        self, path: Path, info: VideoInfo, layout: str, settings: EncodeSettings, hdr: Hdr | None, signal: bool
    ) -> None:
        self._path, self._partial = path, partial_path(path)
        self._info, self._layout, self._settings = info, layout, settings
        self._options = encoder_options(settings, info, layout, hdr)
        self._marked = layout if signal else "pair"
        self._offset = 0
        self._sent: list[int] = []
        self._muxed = 0
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        with write_errors(path):
            self._partial.write_bytes(b"")

    def encode(self, frame: VideoFrame, pts: int) -> None:
        """Encode one frame and write what the encoder gives back."""
        with write_errors(self._path):
            stream = self._stream or self._open(pts)
            frame.pts, frame.time_base = pts - self._offset, self._info.time_base
            self._sent.append(frame.pts)
            self._mux(stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, and give the file its name."""
        with write_errors(self._path):
            if self._stream is None or self._container is None:
                raise ContractError(f"{self._path.name}: expected at least one frame, got none")
            self._mux(self._stream.encode(None))
            self._container.close()
        self._container = None
        settle(self._partial, self._path)

    def abandon(self) -> None:
        """Let go of the file as it is; nothing to do once it is finished."""
        if self._container is not None:
            with suppress(av.FFmpegError, OSError):  # an error is already on its way, or the file would be whole
                self._container.close()
            self._container = None

    def _open(self, first_pts: int) -> VideoStream:
        quiet_environment()
        form = part_format(self._settings.codec)
        options = {"fflags": "+bitexact", "avoid_negative_ts": "disabled"}
        container = av.open(os.path.abspath(self._partial), "w", format=form, options=options)
        self._container = container
        rate = nominal_rate(self._info.frame_rate)
        stream = container.add_stream(codec_facts(self._settings.codec).encoder, rate=rate, options=self._options)
        assert isinstance(stream, VideoStream)
        open_encoder(stream, self._settings, self._info, self._layout)
        self._offset = first_pts if form == "mov" else min(first_pts, 0)
        container.metadata["comment"] = f"{PTS_OFFSET}{self._offset}"
        try:
            stream.codec_context.open()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise InputError(
                f"{self._settings.codec} cannot encode {self._layout} frames of {stream.width}x{stream.height} with"
                f" these settings ({error}); choose another codec or layout"
            ) from error
        container.start_encoding()
        self._stream = stream
        return stream

    def _mux(self, packets: "list[Packet[Any]]") -> None:
        assert self._container is not None
        for packet in packets:
            if self._container.format.name == "nut":
                packet.dts = self._decoding_time(self._muxed)
            self._muxed += 1
            self._container.mux(self._with_marks(packet) if packet.is_keyframe else packet)

    def _decoding_time(self, number: int) -> int:
        """A time early enough for any order of frames; NUT does not keep it, but refuses what x265 gives.

        Of a part with fewer frames than its reordering delay, x265 makes up the decoding times from chance memory.
        """
        early = number - MAX_REORDERED_FRAMES
        return self._sent[early] if early >= 0 else self._sent[0] + early

    def _with_marks(self, packet: "Packet[Any]") -> "Packet[Any]":
        """The packet of a key frame with its frame-packing message, where the layout has one."""
        codec = self._settings.codec.removesuffix("_nvenc")
        plain = bytes(packet)
        marked_bytes = with_frame_packing(plain, codec, self._marked)
        if marked_bytes is plain:
            return packet
        marked: Packet[Any] = Packet(marked_bytes)
        marked.stream, marked.time_base, marked.is_keyframe = packet.stream, packet.time_base, True
        marked.pts, marked.dts, marked.duration = packet.pts, packet.dts, packet.duration
        return marked
