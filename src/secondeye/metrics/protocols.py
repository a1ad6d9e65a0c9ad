"""The published ways to evaluate, by name, so that one prediction gives every paper's number.

    for each clip:   report = measure_clip(PROTOCOLS["m2svid"], pairs, frame_rate)
    for the set:     table = combine(PROTOCOLS["m2svid"], reports)

Each protocol is data: which frames, which size, which metrics in which variant, and how clips become one number. What a
paper does not say stands in `unknown` and is done in the plainest way; what cannot be measured here stands in
`unavailable`. Numbers of two protocols are never comparable, not even of metrics with one name (docs/metrics.md).
"""

import itertools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from secondeye.discovery import nearest
from secondeye.errors import InputError, WeightsError
from secondeye.metrics import Meter, Pair, Region, Score, Skipped, build, describe, measure, missing
from secondeye.metrics._framing import Frames, Size, painted_white, with_closed_hole

ClipReport = dict[str, "dict[Region, Score] | Skipped"]
"""A clip's scores by label and region."""

Table = dict[str, "dict[Region, float] | Skipped"]
"""A set's numbers by label and region."""


EVERY_FRAME, AS_IS = Frames(), Size()


@dataclass(frozen=True)
class Measure:
    """One column of a protocol's table: a metric in a variant, and what is painted white before it is taken."""

    label: str
    metric: str
    options: Mapping[str, object] = field(default_factory=dict)
    only: Literal["hole", "visible"] | None = None


@dataclass(frozen=True)
class Protocol:
    """A published way to evaluate.

    Attributes:
        title: the paper.
        source: section, table or commit that says how.
        measures: the columns of its table.
        frames: which frames of a clip.
        size: which size.
        closing_px: side of the square that closes gaps of the hole mask, before any resizing; 0 leaves it.
        batch: clips that share one number before the mean is taken.
        by_region: whether scores are told apart by region; published protocols do not.
        unknown: what its source does not say, and what is done instead.
        unavailable: columns that cannot be measured, and why.
    """

    title: str
    source: str
    measures: tuple[Measure, ...]
    frames: Frames = EVERY_FRAME
    size: Size = AS_IS
    closing_px: int = 0
    batch: int = 1
    by_region: bool = False
    unknown: tuple[str, ...] = ()
    unavailable: Mapping[str, str] = field(default_factory=dict)


def _m2svid_measures() -> Iterator[Measure]:
    only: dict[str, Literal["hole", "visible"] | None] = {"": None, " inpainted": "hole", " reprojected": "visible"}
    for suffix, region in only.items():
        yield Measure(f"PSNR{suffix}", "psnr", {"over": "clip"}, region)
        yield Measure(f"MS-SSIM{suffix}", "ms_ssim", {"dims": 3, "window": 16}, region)
        yield Measure(f"LPIPS{suffix}", "lpips", {"net": "vgg"}, region)


def _mono2stereo(variant: Literal["2025", "2026"], pixels: str) -> Protocol:
    columns = [Measure("RMSE", "rmse", {"variant": pixels}), Measure("SIoU", "siou", {"variant": variant})]
    columns += [Measure("PSNR", "psnr", {"variant": pixels})]
    columns += [Measure("SSIM", "ssim", {"window": "box", "bits": "uint8"})]
    return Protocol(
        title="Mono2Stereo (CVPR 2025)" + (", the metric code of 2025" if variant == "2025" else ", corrected"),
        source="github.com/song2yu/Mono2Stereo: test.py (4942a41: both views PIL-resized to 1280 x 800, uint8),"
        " utils_depth/metrics.py " + ("at 5095b9f, uint8 differences wrap" if variant == "2025" else "from 90f0d69 on"),
        measures=tuple(columns),
        size=Size("stretch_pil", 1280, 800),
        unknown=("whether the table of the paper used 1280 x 800 too: only the released script is known",),
    )


M2SVID = Protocol(
    title="M2SVid (arXiv 2505.16565)",
    source="section 5, 'Quantitative evaluation'; released test_step: one MSE over a batch of two clips, MS-SSIM with"
    " time as a third axis, LPIPS-VGG, all but a region painted white; google-research/m2svid 11b0133",
    measures=tuple(_m2svid_measures()),
    frames=Frames(rate_hz=5, count=16),
    size=Size("crop", 512),
    closing_px=11,
    batch=2,
    unknown=(
        "which clips share a batch: neighbours in the order given do here",
        "whether the mask is closed before or after resizing: before, as the released inference script does",
        "what is done with clips of fewer than 16 frames: they are taken as they are, from 9 on",
    ),
)

SPATIALME = Protocol(
    title="SpatialMe (arXiv 2412.11512)",
    source="section V-A and V-B: 45 test videos of StereoV1K at 1180 x 1180, every 20th frame; MAE of values in 0 to 1",
    measures=(
        Measure("MAE", "mae"),
        Measure("LPIPS", "lpips", {"net": "alex"}),
        Measure("SSIM", "ssim"),
        Measure("PSNR", "psnr"),
    ),
    frames=Frames(every=20),
    unknown=(
        "the trunk of LPIPS: AlexNet, the package's default",
        "the window of SSIM, and whether on RGB or grey: Gaussian, RGB",
        "whether frames or videos are averaged: videos, which have one length in StereoV1K",
    ),
)

SPATIALDREAMER = Protocol(
    title="SpatialDreamer (CVPR 2025)",
    source="section 4.1: views as 3D-Photography measures them; FVD between input and output videos; E_warp of Lai"
    " et al.",
    measures=(
        Measure("SSIM", "ssim"),
        Measure("PSNR", "psnr"),
        Measure("LPIPS", "lpips", {"net": "alex"}),
        Measure("FVD", "fvd", {"against": "left"}),
        Measure("E_warp", "e_warp", {"flow_of": "left"}),
    ),
    unknown=(
        "the size of frames: as they are",
        "the trunk of LPIPS: AlexNet, the package's default; the window of SSIM: Gaussian",
        "the implementation of FVD: StyleGAN-V's",
        "whose flow E_warp follows: the input's, as Lai et al. define it; DIS instead of FlowNet2",
    ),
)

STEREOCRAFTER_ZERO = Protocol(
    title="StereoCrafter-Zero (arXiv 2411.14295)",
    source="section 5 and table 1: the clip-score package 0.1.1; CLIP-F is source view against generated view",
    measures=(Measure("CLIP-T", "clip_t"), Measure("CLIP-F", "clip_f", {"definition": "views"})),
    unknown=("the CLIP model: ViT-B/32, the package's default", "the size of frames: CLIP's own 224 px crop of them"),
)

STEREOPILOT = Protocol(
    title="StereoPilot (arXiv 2512.16915)",
    source="section 5: 81 frames at 832 x 480 and 16 Hz, 400 clips each of Stereo4D and 3DMovie",
    measures=(
        Measure("SSIM", "ssim"),
        Measure("MS-SSIM", "ms_ssim", {"dims": 2}),
        Measure("PSNR", "psnr"),
        Measure("LPIPS", "lpips", {"net": "alex"}),
        Measure("SIoU", "siou", {"variant": "2025"}),
    ),
    frames=Frames(rate_hz=16, count=81),
    size=Size("stretch", 832, 480),
    unknown=(
        "the variant of SIoU: 2025, since the paper came out before the correction of April 2026",
        "the trunk of LPIPS: AlexNet; the window of SSIM: Gaussian; MS-SSIM per frame",
        "how other sizes are brought to 832 x 480: stretched",
    ),
    unavailable={"latency": "belongs to making a clip of 81 frames; `secondeye convert` tells its own"},
)

STEREOSPACE = Protocol(
    title="StereoSpace (arXiv 2512.10959)",
    source="section 4.3: shorter side to the model's size, square centre crop, all brought to 512 x 512; no true"
    " disparity at test time, one scale a scene chosen by SGBM (`calibration`); PSNR and SSIM in the supplement",
    measures=(Measure("PSNR", "psnr"), Measure("SSIM", "ssim")),
    size=Size("crop", 512),
    unknown=("the window of SSIM: Gaussian", "the filter of the last resize: antialiased bilinear"),
    unavailable={
        "iSQoE": "neither repository nor licence of its weights (Apple SCOPE, arXiv 2412.21127) could be found",
        "MEt3R": "compares learned features; SecondEye has no reader for its networks, whose terms it has not seen",
    },
)

STEREOWORLD = Protocol(
    title="StereoWorld (arXiv 2512.09363)",
    source="evaluation on 1000 clips at 480p: PSNR, SSIM, LPIPS, and EPE and D1-all between disparities that a stereo"
    " matcher finds on the generated and on the true pair",
    measures=(
        Measure("PSNR", "psnr"),
        Measure("SSIM", "ssim"),
        Measure("LPIPS", "lpips", {"net": "alex"}),
        Measure("EPE", "epe", {"against": "truth"}),
        Measure("D1-all", "d1", {"against": "truth", "unknown": "left_out"}),
    ),
    unknown=(
        "the stereo matcher: SGBM instead of a learned one; plug one in by overriding `matcher`",
        "the trunk of LPIPS: AlexNet; the window of SSIM: Gaussian",
        "the width at 480p, and how clips are brought to it: in proportion, antialiased bilinear",
    ),
    size=Size("rows", height=480),
)

OURS = Protocol(
    title="SecondEye",
    source="docs/metrics.md",
    measures=(
        Measure("PSNR", "psnr"),
        Measure("SSIM", "ssim"),
        Measure("MS-SSIM", "ms_ssim"),
        Measure("MAE", "mae"),
        Measure("SIoU", "siou"),
        Measure("E_match", "e_match", {"every": 25}),
        Measure("E_warp", "e_warp"),
        Measure("flicker", "flicker"),
        Measure("EPE", "epe", {"every": 25}),
        Measure("D1-all", "d1", {"every": 25}),
        Measure("vertical", "vertical", {"every": 25}),
        Measure("colour", "color_difference"),
        Measure("LPIPS", "lpips", {"net": "vgg"}),
        Measure("DISTS", "dists"),
        Measure("FVD", "fvd"),
        Measure("CLIP-T", "clip_t"),
        Measure("CLIP-F", "clip_f"),
        Measure("VMAF", "vmaf"),
    ),
    by_region=True,
)

PROTOCOLS: dict[str, Protocol] = {
    "m2svid": M2SVID,
    "spatialme": SPATIALME,
    "spatialdreamer": SPATIALDREAMER,
    "stereocrafter-zero": STEREOCRAFTER_ZERO,
    "mono2stereo-2025": _mono2stereo("2025", "uint8_wrap"),
    "mono2stereo-2026": _mono2stereo("2026", "uint8"),
    "stereopilot": STEREOPILOT,
    "stereospace": STEREOSPACE,
    "stereoworld": STEREOWORLD,
    "ours": OURS,
}


def protocol(name: str) -> Protocol:
    """A protocol by name.

    Raises:
        InputError: there is none of that name.
    """
    if name not in PROTOCOLS:
        raise nearest("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]


BUILDING = threading.Lock()
"""Held while a meter is built: clips and methods may begin in several threads at once, which not all libraries that
meters import can bear."""


class ColumnMeter:
    """One column's meter: sees pairs as its measure asks, and keeps why it could not go on. Begin before updating."""

    def __init__(self, wanted: Measure, by_region: bool, options: Mapping[str, object]) -> None:
        self._wanted, self._by_region, self._options = wanted, by_region, options
        self._meter: Meter | None = None
        self._count = 0
        self.problem = ""

    def update(self, pair: Pair) -> None:
        """See the next frame, unless an earlier one could not be measured."""
        if self._meter is None or self.problem:
            return
        self._count += 1
        try:
            self._meter.update(self._seen(pair))
        except InputError as error:
            self.problem = str(error)

    def begin(self, first: Pair) -> None:
        """Build the meter, if a clip with such pairs can be measured; before any thread starts, as it may import."""
        self.problem = missing(self._wanted.metric, first)
        if self._wanted.only and first.hole is None:
            self.problem = f"{self._wanted.label} needs hole masks, which the data does not have"
        if self.problem:
            return
        try:
            with BUILDING:
                self._meter = build(self._wanted.metric, **self._wanted.options, **self._options)
        except (InputError, WeightsError) as error:
            self.problem = str(error)

    def _seen(self, pair: Pair) -> Pair:
        only = self._wanted.only
        if only is not None:
            return pair.memo.get(("painted", only), lambda: painted_white(pair, only))
        if self._by_region or pair.hole is None:
            return pair
        return pair.memo.get("whole only", lambda: replace(pair, hole=None))

    def finish(self) -> dict[Region, Score]:
        """The clip's scores; NaN where there was a problem."""
        what = describe(self._wanted.metric)
        if self._meter is not None and not self.problem and self._count < what.frames:
            self.problem = f"{what.title} needs at least {what.frames} frames, the clip has {self._count}"
        if self._meter is not None and not self.problem:
            try:
                return self._meter.finish()
            except InputError as error:
                self.problem = str(error)
        return {"whole": Score(math.nan)}


def prepare(chosen: Protocol, pairs: Iterable[Pair], frame_rate: Fraction | None = None) -> Iterator[Pair]:
    """The frames that a protocol looks at, at its size, with its masks."""
    for pair in chosen.frames.take(pairs, frame_rate):
        yield chosen.size.fit(with_closed_hole(pair, chosen.closing_px) if chosen.closing_px else pair)


def measure_clip(
    chosen: Protocol,
    pairs: Iterable[Pair],
    frame_rate: Fraction | None = None,
    options: Mapping[str, Mapping[str, object]] | None = None,
    threads: int = 2,
) -> ClipReport:
    """Take a protocol's measures of one clip.

    Args:
        chosen: the protocol.
        pairs: the clip's frames in order.
        frame_rate: of the clip; where it is unknown, a protocol's rate cannot be kept and every frame is taken.
        options: what the user adds by metric: weights, device, networks already loaded, a matcher.
        threads: metrics taken side by side.

    Returns:
        By label, scores by region, or why a measure was skipped. One that fails does not stop the others.
    """
    columns = {m.label: ColumnMeter(m, chosen.by_region, (options or {}).get(m.metric, {})) for m in chosen.measures}
    prepared = prepare(chosen, pairs, frame_rate)
    first = next(prepared, None)
    if first is None:
        reason = "the clip has no frames, or is too short for this protocol to take one"
        return {label: Skipped(reason) for label in [*columns, *chosen.unavailable]}
    for column in columns.values():
        column.begin(first)
    families = {m.label: describe(m.metric).family for m in chosen.measures}
    scores = measure(itertools.chain([first], prepared), columns, threads, families)
    report: ClipReport = {
        label: Skipped(column.problem) if column.problem else scores[label] for label, column in columns.items()
    }
    return report | {label: Skipped(why) for label, why in chosen.unavailable.items()}


def combine(chosen: Protocol, reports: Sequence[ClipReport]) -> Table:
    """The numbers of a set of clips, as the protocol makes them: in batches, by each metric's own pooling.

    A measure that was skipped in every clip is skipped; clips in which it was skipped do not count otherwise.
    """
    table: Table = {}
    for wanted in chosen.measures if reports else ():
        found = [report[wanted.label] for report in reports]
        taken = [scores for scores in found if not isinstance(scores, Skipped)]
        if not taken:
            table[wanted.label] = next(scores for scores in found if isinstance(scores, Skipped))
            continue
        regions = list(dict.fromkeys(region for scores in taken for region in scores))
        by_region = {region: [scores[region] for scores in taken if region in scores] for region in regions}
        pool = describe(wanted.metric).pool
        table[wanted.label] = {region: in_batches(scores, chosen.batch, pool) for region, scores in by_region.items()}
    return table | {label: Skipped(why) for label, why in chosen.unavailable.items()}


def in_batches(scores: Sequence[Score], batch: int, pool: Callable[[Sequence[Score]], float]) -> float:
    """One number of several clips: pooled within batches of neighbours, then the mean over batches."""
    if batch == 1:
        return pool(scores)
    numbers = [pool(scores[i : i + batch]) for i in range(0, len(scores), batch)]
    known = [number for number in numbers if not math.isnan(number)]
    return sum(known) / len(known) if known else math.nan
