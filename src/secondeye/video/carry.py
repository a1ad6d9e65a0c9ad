"""Which of a source's streams go along with the new video, as they are or brought into another form."""

import io
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.stream import Disposition, Stream

from secondeye.errors import InputError
from secondeye.video.containers import TEXT_CODECS
from secondeye.video.subtitles import cue_packets, read_cues, tx3g_template, without_overlap

TECHNICAL = {"major_brand", "minor_version", "compatible_brands", "encoder", "vendor_id", "stereo_mode", "duration"}
"""Metadata that describe the old file, not its content."""

STATISTICS = ("bps", "number_of_", "_statistics", "duration")
"""What mkvmerge counts and stores as tags; wrong as soon as anything changes."""

PREROLL_S = Fraction(1, 10)
"""Sound that is not to be heard but that decoders need to warm up is kept within so much before the beginning."""


@dataclass
class Carried:
    """A stream of the source and the one that it becomes.

    `form` is None where packets are copied, else the text codec that cues are brought into. `next_ts` is where the
    next sound packet should begin by the lengths of those before it, in samples.
    """

    source: Stream
    target: Stream
    form: str | None = None
    next_ts: int | None = None


def carry_streams(
    source: InputContainer, out: OutputContainer, muxer: str, video_index: int
) -> tuple[list[Carried], list[str]]:
    """Give the output a stream for each of the source's that it can hold, but the video being replaced.

    Returns:
        the pairs, and one note for each stream that stays behind.

    Raises:
        InputError: a sound track that another container would keep.
    """
    carried, notes = [], []
    for stream in source.streams:
        if stream.index == video_index:
            continue
        pair = _copied(stream, out) or _converted(stream, out, muxer)
        if pair is not None:
            carried.append(pair)
        elif stream.type == "audio" and (ending := _ending_that_takes(stream)):
            raise InputError(f"{_name(stream)} cannot go into {_ending(muxer)}; write {ending}, which keeps it")
        elif not _is_timecode(stream, muxer):
            notes.append(_note(stream, muxer))
    return carried, notes


def check_streams(source: Path, muxer: str, video_index: int) -> list[str]:
    """The notes that `carry_streams` would give, without writing anything.

    Raises:
        InputError: as it does.
    """
    with av.open(os.path.abspath(source), "r", metadata_errors="replace") as container:
        return carry_streams(container, av.open(io.BytesIO(), "w", format=muxer), muxer, video_index)[1]


def content_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """Metadata without what describes the old file."""
    kept = {key: value for key, value in metadata.items() if key.lower() not in TECHNICAL}
    return {key: value for key, value in kept.items() if not key.lower().startswith(STATISTICS)}


def copied_packets(source: InputContainer, carried: list[Carried], shift_s: Fraction) -> "Iterator[Packet[Any]]":
    """Packets of the copied streams in the file's order, `shift_s` earlier, ready for the muxer."""
    pairs = {pair.source.index: pair for pair in carried if pair.form is None and pair.source.type != "attachment"}
    if not pairs:
        return
    last_ts: dict[int, int] = {}
    for packet in source.demux([pair.source for pair in pairs.values()]):
        if packet.size == 0 and packet.dts is None:  # PyAV's sign that a stream has ended
            continue
        pair = pairs[packet.stream.index]
        _complete_times(packet, pair, last_ts)
        if packet.is_discard and _ends_s(packet) < -PREROLL_S:
            continue
        move_earlier(packet, shift_s)
        if isinstance(pair.source, AudioStream):
            _smooth_times(packet, pair.source, pair)
        packet.stream = pair.target
        yield packet


def converted_packets(path: Path, pair: Carried, shift_s: Fraction) -> "Iterator[Packet[Any]]":
    """Packets of a subtitle stream that is brought into another form."""
    assert pair.form is not None
    cues = read_cues(path, pair.source.index)
    if pair.form == "mov_text":
        cues = without_overlap(cues)
    for packet in cue_packets(cues, pair.form):
        move_earlier(packet, shift_s)
        packet.stream = pair.target
        yield packet


def _copied(stream: Stream, out: OutputContainer) -> Carried | None:
    """A stream of the same codec, or None where the muxer does not take it or we do not want it."""
    is_picture = stream.type == "video" and bool(stream.disposition & Disposition.attached_pic)
    if stream.type not in ("audio", "subtitle", "attachment") and not is_picture:
        return None
    if stream.type == "attachment" and out.format.name != "matroska":
        return None
    if stream.type != "attachment" and not _is_known(stream):
        return None
    if stream.type == "audio" and not _takes(stream, out.format.name):
        return None
    try:
        target = out.add_stream_from_template(stream, opaque=True)
    except ValueError:
        return None
    if isinstance(stream, AudioStream) and out.format.name != "matroska":
        target.time_base = Fraction(1, stream.codec_context.sample_rate)
    _describe(stream, target)
    return Carried(stream, target)


def _converted(stream: Stream, out: OutputContainer, muxer: str) -> Carried | None:
    """A text track in the container's own form; None for all but text."""
    if stream.type != "subtitle" or not _is_known(stream) or not stream.codec_context.codec.text_sub:
        return None
    form = TEXT_CODECS[muxer]
    if form == "mov_text":
        template_file, template = tx3g_template()
        with template_file:
            target: Stream = out.add_stream_from_template(template, opaque=True)
    else:
        target = out.add_mux_stream(form)
    target.time_base = Fraction(1, 1000)
    _describe(stream, target)
    return Carried(stream, target, form)


def _describe(stream: Stream, target: Stream) -> None:
    """Language, title and the rest of what the source says of a stream."""
    target.metadata.clear()
    target.metadata.update(content_metadata(stream.metadata))
    target.disposition = stream.disposition


def _complete_times(packet: "Packet[Any]", pair: Carried, last_ts: dict[int, int]) -> None:
    """Fill in what a demuxer left open, as the end of the packet before it."""
    if packet.dts is None:
        packet.dts = packet.pts if packet.pts is not None else last_ts.get(packet.stream_index, 0)
    if packet.pts is None:
        packet.pts = packet.dts
    last_ts[packet.stream_index] = packet.dts + (packet.duration or 0)


def _ends_s(packet: "Packet[Any]") -> Fraction:
    assert packet.pts is not None
    return (packet.pts + (packet.duration or 0)) * packet.time_base


def move_earlier(packet: "Packet[Any]", shift_s: Fraction) -> None:
    """Take seconds, rounded to the packet's ticks, from its times."""
    ticks = round(shift_s / packet.time_base)
    assert packet.pts is not None
    assert packet.dts is not None
    packet.pts, packet.dts = packet.pts - ticks, packet.dts - ticks


def _smooth_times(packet: "Packet[Any]", sound: AudioStream, pair: Carried) -> None:
    """Give sound packets of a fixed length times in samples where the source's are coarser, as Matroska's are.

    Rounded times would make a player's clock jitter in MP4, which stores the lengths between them.
    """
    rate, length = sound.codec_context.sample_rate, sound.codec_context.frame_size or 0
    assert packet.pts is not None
    tick = packet.time_base * rate
    if length == 0 or tick <= 1 or packet.pts != packet.dts:
        return
    exact = packet.pts * tick
    near = pair.next_ts is not None and abs(pair.next_ts - exact) <= tick
    begin = pair.next_ts if near and pair.next_ts is not None else round(exact)
    packet.time_base = Fraction(1, rate)
    packet.pts = packet.dts = begin
    packet.duration = length
    pair.next_ts = begin + length


def _ending_that_takes(stream: Stream) -> str | None:
    """A container that would keep a stream as it is."""
    endings = ((".mkv", "matroska"), (".mov", "mov"))
    return next((ending for ending, name in endings if _takes(stream, name)), None)


def _takes(stream: Stream, muxer: str) -> bool:
    """Whether a container holds a stream; some muxers say so only when they write the header."""
    trial = av.open(io.BytesIO(), "w", format=muxer)
    try:
        trial.add_stream_from_template(stream, opaque=True)
        trial.start_encoding()
    except (ValueError, av.FFmpegError):
        return False
    finally:
        with suppress(ValueError, av.FFmpegError):
            trial.close()
    return True


def _is_known(stream: Stream) -> bool:
    """Whether FFmpeg has a decoder for a stream; PyAV can only copy those."""
    return bool(stream.codec_context)


def _is_timecode(stream: Stream, muxer: str) -> bool:
    """Whether a data stream holds only the time code that MP4 and MOV make anew from the metadata."""
    return stream.type == "data" and "timecode" in stream.metadata and muxer in ("mp4", "mov")


def _ending(muxer: str) -> str:
    return {"matroska": ".mkv"}.get(muxer, f".{muxer}")


def _name(stream: Stream) -> str:
    """For a message: what, its number in the file, codec and language."""
    kind = {"audio": "sound", "video": "video"}.get(stream.type, stream.type)
    codec = stream.codec_context.name if _is_known(stream) else stream.name or "unknown"
    details = [codec, *([stream.language] if stream.language not in (None, "und") else [])]
    return f"{kind} track {stream.index} ({', '.join(str(d) for d in details)})"


def _note(stream: Stream, muxer: str) -> str:
    if stream.type == "video":
        return f"{_name(stream)} is left out: only one video is converted"
    if stream.type == "subtitle" and muxer != "matroska":
        return f"{_name(stream)} is left out: {_ending(muxer)} cannot hold it; an .mkv can"
    if stream.type == "attachment" and muxer != "matroska":
        return f"attachment {stream.metadata.get('filename', stream.index)} is left out: only .mkv holds attachments"
    return f"{_name(stream)} is left out: {_ending(muxer)} cannot hold it"
