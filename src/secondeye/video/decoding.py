"""Packets to frames with FFmpeg: opening, seeking, and going on where the data is damaged.

Decoding is first tried *strictly*: any doubt about the data raises Damaged. Then patiently: what does not decode is
skipped. Many threads are for data known to be whole: what they make of damaged data differs from run to run.
"""

import errno
import os
from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from secondeye.errors import InputError
from secondeye.video.index import PacketNote

TEXT_FORMATS = {"tty", "bin", "xbin", "adf", "idf"}
"""Demuxers that draw text as pictures; nobody means that."""


class Damaged(Exception):  # noqa: N818  (a turn in the road, not an error to the user)
    """Strict decoding met something wrong."""


class SeekMissed(Exception):  # noqa: N818
    """The file did not let us begin where asked; begin earlier."""


def open_container(path: Path) -> InputContainer:
    """Open a media file.

    Raises:
        InputError: it is no media file, or an incomplete one.
    """
    try:
        container = av.open(os.path.abspath(path), metadata_errors="replace")
    except av.FFmpegError as error:
        raise InputError(_why_not(path, error)) from error
    if container.format.name in TEXT_FORMATS:
        container.close()
        raise InputError(f"{path} is a text file, not a video")
    return container


def _why_not(path: Path, error: av.FFmpegError) -> str:
    if error.errno == errno.EACCES:
        return f"{path} may not be read: permission denied"
    with path.open("rb") as file:
        head = file.read(4096)
    if b"ftyp" in head[:16] and not _has_box(path, b"moov"):
        return f"{path} is incomplete: its index (moov) is missing, as when a recording or a download breaks off"
    printable = sum(byte >= 32 or byte in b"\t\r\n" for byte in head)
    if head and printable >= 0.95 * len(head) and _is_utf8(head):
        return f"{path} is a text file, not a video"
    return f"{path} is not a video or a picture that can be read ({error.strerror})"


def _is_utf8(head: bytes) -> bool:
    try:
        head[:-4].decode("utf-8")  # a character may be cut in two at the end
    except UnicodeDecodeError:
        return False
    return True


def _has_box(path: Path, name: bytes) -> bool:
    """Whether an MP4 file has a whole top-level box of that name."""
    size = path.stat().st_size
    with path.open("rb") as file:
        at = 0
        while at + 8 <= size:
            file.seek(at)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if header[4:8] == name:
                return at + length <= size
            if length < 8:
                return False
            at += length
    return False


def picture_stream(container: InputContainer, path: Path) -> VideoStream:
    """The stream to convert: what FFmpeg holds for the best of those that are not cover pictures.

    Raises:
        InputError: there is none, or no decoder for it.
    """
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        has = " and ".join(sorted({s.type for s in container.streams if s.type != "video"})) or "nothing"
        raise InputError(f"{path} has no video, only {has}")
    best = container.streams.best("video")
    stream = best if best in streams else streams[0]
    if stream.codec_context is None:
        raise InputError(f"{path} is coded in a way that this FFmpeg {av.ffmpeg_version_info} has no decoder for")
    return stream


class Decoding:
    """One pass over the frames of a video stream, in presentation order.

    Args:
        path: the file.
        stream_index: the stream within it.
        strict: raise Damaged instead of going on over damage.
        threaded: use all cores.
        seek_pts: time of a keyframe to begin at; None is the beginning of the file.

    Attributes:
        notes: the packets met so far, in the file's order.
    """

    def __init__(
        self, path: Path, stream_index: int, *, strict: bool, threaded: bool, seek_pts: int | None = None
    ) -> None:
        self.notes: list[PacketNote] = []
        self._strict = strict
        self._seek_pts = seek_pts
        self._container = open_container(path)
        stream = self._container.streams[stream_index]
        assert isinstance(stream, VideoStream)  # probe chose it
        self._stream = stream
        for other in self._container.streams:
            if other.index != stream_index:
                other.discard = Discard.all
        self._set_up_codec(threaded)
        self._frames = self._decode()

    def __enter__(self) -> "Decoding":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._frames.close()
        self._container.close()

    def all_notes(self) -> list[PacketNote]:
        """Read to the end without decoding, and return what the packets say.

        Raises:
            Damaged: the container is broken, where strict.
        """
        for _ in self._packets():
            pass
        return self.notes

    def __iter__(self) -> Iterator[VideoFrame]:
        return self

    def __next__(self) -> VideoFrame:
        return next(self._frames)

    def _set_up_codec(self, threaded: bool) -> None:
        context = self._stream.codec_context
        if threaded:
            context.thread_type = "AUTO"
        else:
            context.thread_count = 1
        if self._strict:
            context.options = {**context.options, "err_detect": "explode"}

    def _decode(self) -> Generator[VideoFrame, None, None]:
        for packet in self._packets():
            yield from self._frames_of(packet)
        yield from self._frames_of(None)

    def _frames_of(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        """The frames that come out when a packet, or None for the end, goes in."""
        for _ in range(2):
            try:
                return self._stream.codec_context.decode(packet)
            except av.error.BlockingIOError:  # frames of an earlier packet were in the way; they are gone now
                continue
            except av.error.EOFError:
                return []
            except av.FFmpegError as error:
                self._damage(error)
                return []
        return []

    def _damage(self, error: av.FFmpegError) -> None:
        if self._strict:
            raise Damaged from error

    def _packets(self) -> "Iterator[Packet[VideoStream]]":
        """The stream's packets with data, from the keyframe asked for."""
        wait_for_key = self._seek()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.FFmpegError as error:
                self._damage(error)
                return
            if packet is None and wait_for_key:
                raise SeekMissed
            if packet is None:
                return
            if packet.size == 0:
                continue
            if wait_for_key:
                if not packet.is_keyframe:
                    continue
                self._check_landing(packet)
                wait_for_key = False
            self.notes.append(note_of(packet))
            yield packet

    def _seek(self) -> bool:
        if self._seek_pts is None:
            return False
        try:
            self._container.seek(self._seek_pts, stream=self._stream)
        except av.FFmpegError as error:
            raise SeekMissed from error
        return True

    def _check_landing(self, packet: "Packet[VideoStream]") -> None:
        """Containers that seek by decoding time may land one keyframe late."""
        assert self._seek_pts is not None
        if packet.pts is None or packet.pts > self._seek_pts:
            raise SeekMissed


def note_of(packet: "Packet[VideoStream]") -> PacketNote:
    """What the index needs of a packet."""
    return PacketNote(packet.pts, packet.duration or 0, packet.is_keyframe, packet.is_discard)


def announced_rate(stream: VideoStream) -> Fraction:
    """Frames a second by the container; 25 where it says nothing that can be."""
    for rate in (stream.average_rate, stream.guessed_rate, stream.base_rate):
        if rate and 0 < rate <= 1000:
            return Fraction(rate)
    return Fraction(25)
