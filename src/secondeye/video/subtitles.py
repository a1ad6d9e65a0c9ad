"""Text subtitles from one container's form to another's, where the words cannot simply be copied.

any text codec --FFmpeg's decoder--> ASS event --> Cue (spans of text with bold, italic, underline)
Cue --> tx3g sample (MP4, MOV), SubRip text (Matroska), WebVTT text (WebM)
"""

import io
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Discard
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle

from secondeye.video.signalling import box

BOLD, ITALIC, UNDERLINE = 1, 2, 4
"""Face style flags of tx3g (3GPP TS 26.245)."""

STYLE_LETTERS = {"b": BOLD, "i": ITALIC, "u": UNDERLINE}

TX3G_TEXT_BYTES = 65_535


@dataclass(frozen=True)
class Span:
    """Text in one style, a sum of BOLD, ITALIC and UNDERLINE."""

    text: str
    style: int = 0


@dataclass(frozen=True)
class Cue:
    """What is shown from start to stop, s."""

    start: Fraction
    stop: Fraction
    spans: tuple[Span, ...]


def read_cues(path: Path, stream_index: int) -> list[Cue]:
    """All cues of a text subtitle stream, in order of their beginning; damaged ones are left out."""
    cues = []
    with av.open(os.path.abspath(path), metadata_errors="replace") as container:
        for stream in container.streams:
            if stream.index != stream_index:
                stream.discard = Discard.all
        for packet in container.demux(container.streams[stream_index]):
            if packet.pts is None or packet.time_base is None or packet.size == 0:
                continue
            start = packet.pts * packet.time_base
            stop = start + (packet.duration or 0) * packet.time_base
            try:
                decoded = packet.decode()
            except av.FFmpegError:
                continue
            spans = _joined(parse_ass(s.ass.decode("utf-8", "replace")) for s in decoded if isinstance(s, AssSubtitle))
            if spans and stop > start:
                cues.append(Cue(start, stop, spans))
    return sorted(cues, key=lambda cue: cue.start)


def parse_ass(event: str) -> tuple[Span, ...]:
    """The styled text of an ASS event as FFmpeg's decoders give it: nine fields, the last is the text."""
    text = event.split(",", 8)[-1]
    spans, style, is_drawing = [], 0, False
    for piece in re.split(r"(\{[^}]*\})", text):
        if piece.startswith("{"):
            style, is_drawing = _restyled(piece, style, is_drawing)
        elif piece and not is_drawing:
            plain = re.sub(r"\\[Nn]", "\n", piece).replace("\\h", "\u00a0")
            spans.append(Span(plain, style))
    return _tidy(spans)


def _restyled(overrides: str, style: int, is_drawing: bool) -> tuple[int, bool]:
    """The style after an ASS override block, and whether it is followed by vector drawing instead of text."""
    for letter, number in re.findall(r"\\([biu])(\d*)(?=[\\}])", overrides):
        flag = STYLE_LETTERS[letter]
        style = style | flag if number not in ("0", "") else style & ~flag
    drawing = re.findall(r"\\p(\d+)", overrides)
    if "\\r" in overrides:
        style = 0
    return style, int(drawing[-1]) > 0 if drawing else is_drawing


def _tidy(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Without white space at both ends, and with neighbours of one style joined."""
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].style == span.style:
            joined[-1] = Span(joined[-1].text + span.text, span.style)
        else:
            joined.append(span)
    if joined:
        joined[0] = Span(joined[0].text.lstrip(), joined[0].style)
        joined[-1] = Span(joined[-1].text.rstrip(), joined[-1].style)
    return tuple(span for span in joined if span.text)


def _joined(texts: Iterable[tuple[Span, ...]]) -> tuple[Span, ...]:
    """Several texts that are shown at once, one below the other."""
    spans: list[Span] = []
    for text in texts:
        spans += [Span("\n"), *text] if spans and text else text
    return _tidy(spans)


def without_overlap(cues: list[Cue]) -> list[Cue]:
    """The same, cut so that at most one cue is shown at any time, for tracks that can hold no more."""
    edges = sorted({edge for cue in cues for edge in (cue.start, cue.stop)})
    cut: list[Cue] = []
    first = 0
    for start, stop in pairwise(edges):
        while first < len(cues) and cues[first].stop <= start:
            first += 1
        shown = []
        for cue in cues[first:]:
            if cue.start >= stop:
                break
            if cue.stop > start:
                shown.append(cue.spans)
        spans = _joined(shown)
        if spans and cut and cut[-1].stop == start and cut[-1].spans == spans:
            cut[-1] = Cue(cut[-1].start, stop, spans)
        elif spans:
            cut.append(Cue(start, stop, spans))
    return cut


def markup(spans: Iterable[Span]) -> str:
    """SubRip's text: letters in angle brackets around what is bold, italic or underlined."""
    return "".join(_tagged(span, span.text) for span in spans)


def webvtt(spans: Iterable[Span]) -> str:
    """WebVTT's text: like SubRip's, with what would be markup escaped."""
    escaped = ((s, s.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")) for s in spans)
    return "".join(_tagged(span, text) for span, text in escaped)


def _tagged(span: Span, text: str) -> str:
    letters = [letter for letter, flag in STYLE_LETTERS.items() if span.style & flag]
    opening, closing = "".join(f"<{x}>" for x in letters), "".join(f"</{x}>" for x in reversed(letters))
    return f"{opening}{text}{closing}"


def tx3g_sample(spans: Iterable[Span]) -> bytes:
    """A sample of an MP4 text track: the text's length, the text, and a record for each styled span.

    Source: 3GPP TS 26.245, 5.17; offsets count characters.
    """
    text, records = "", []
    for span in spans:
        if span.style:
            face = struct.pack(">HHHBBI", len(text), len(text) + len(span.text), 1, span.style, 18, 0xFFFFFFFF)
            records.append(face)
        text += span.text
    coded = text.encode()[:TX3G_TEXT_BYTES].decode("utf-8", "ignore").encode()
    styles = box(b"styl", struct.pack(">H", len(records)), *records) if records else b""
    return struct.pack(">H", len(coded)) + coded + styles


def tx3g_template() -> tuple[InputContainer, SubtitleStream]:
    """An empty text track, from which a muxer takes its description; PyAV cannot make one by itself.

    The container must stay open as long as the stream is used.
    """
    style = struct.pack(">HHHBBI", 0, 0, 1, 0, 18, 0xFFFFFFFF)
    fonts = box(b"ftab", struct.pack(">HHB", 1, 1, 5), b"Serif")
    # No flags; centred, at the bottom; transparent; the whole frame as the text's box.
    look = struct.pack(">IbbIHHHH", 0, 1, -1, 0, 0, 0, 0, 0)
    entry = box(b"tx3g", bytes(6), struct.pack(">H", 1), look, style, fonts)
    container = av.open(io.BytesIO(_text_movie(entry)), "r")
    return container, container.streams.subtitles[0]


def _text_movie(entry: bytes) -> bytes:
    """A movie with one text track and no samples."""
    full, matrix = bytes(4), struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    tables = [box(name, full, bytes(4)) for name in (b"stts", b"stsc", b"stco")] + [box(b"stsz", full, bytes(8))]
    stbl = box(b"stbl", box(b"stsd", full, struct.pack(">I", 1), entry), *tables)
    dinf = box(b"dinf", box(b"dref", full, struct.pack(">I", 1), box(b"url ", b"\0\0\0\1")))
    handler = box(b"hdlr", full, bytes(4), b"sbtl", bytes(13))
    mdhd = box(b"mdhd", full, bytes(8), struct.pack(">IIHH", 1000, 0, 0x55C4, 0))
    mdia = box(b"mdia", mdhd, handler, box(b"minf", box(b"nmhd", full), dinf, stbl))
    tkhd = box(b"tkhd", b"\0\0\0\3", bytes(8), struct.pack(">I", 1), bytes(24), matrix, bytes(8))
    mvhd = box(
        b"mvhd", full, bytes(8), struct.pack(">IIIH", 1000, 0, 1 << 16, 256), bytes(10), matrix, bytes(24), b"\0\0\0\2"
    )
    brands = box(b"ftyp", b"isom", struct.pack(">I", 512), b"isom")
    return brands + box(b"moov", mvhd, box(b"trak", tkhd, mdia))


def cue_packets(cues: Iterable[Cue], form: str) -> "Iterator[av.Packet[Any]]":
    """Packets of cues in ms, for a stream of `form` "mov_text", "subrip" or "webvtt"."""
    for cue in cues:
        if form == "mov_text":
            data = tx3g_sample(cue.spans)
        else:
            data = (markup(cue.spans) if form == "subrip" else webvtt(cue.spans)).encode()
        packet: av.Packet[Any] = av.Packet(data)
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(cue.start * 1000)
        packet.duration = max(round(cue.stop * 1000) - packet.pts, 1)
        packet.is_keyframe = True
        yield packet
