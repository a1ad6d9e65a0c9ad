"""The names that x264, x265 and SVT-AV1 take inside x264-params, x265-params and svtav1-params.

FFmpeg hands these on as text and drops what the library does not know with a log line, so we check before. Sources:
x264_param_parse (x264 r165), x265_param_parse (x265 4.2), svt_av1_enc_parse_parameter (SVT-AV1 4.1); a test asks the
libraries themselves about every name.
"""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


X264_PARAMS = _words(
    """
    8x8dct alternative-transfer analyse annexb aq-mode aq-strength asm aud avcintra-class avcintra-flavor b-adapt
    b-bias b-pyramid bff bframes bitrate bluray-compat cabac cabac-idc chroma-me chroma-qp-offset chromaloc cll
    colormatrix colorprim constrained-intra cplx-blur cplxblur cpu-independent cqm cqm4 cqm4i cqm4ic cqm4iy cqm4p
    cqm4pc cqm4py cqm8 cqm8i cqm8p cqmfile crf crf-max crop-rect dct-decimate deadzone-inter deadzone-intra deblock
    deterministic direct direct-pred dpb-size dump-yuv fake-interlaced fast-pskip filler filter force-cfr fps
    frame-packing frameref fullrange global-header interlaced intra-refresh ip-factor ipratio keyint keyint-min
    level level-idc log lookahead-threads mastering-display mbtree me me-range merange min-keyint mixed-refs
    mv-range mv-range-thread mvrange mvrange-thread nal-hrd nf nr open-gop opencl opencl-clbin opencl-device
    overscan partitions pass pb-factor pbratio pic-struct psnr psy psy-rd qblur qcomp qp qp-max qp-min qp-step qpmax
    qpmin qpstep ratetol rc-lookahead ref repeat-headers sar scenecut slice-max-mbs slice-max-size slice-min-mbs
    sliced-threads slices slices-max sps-id ssim stats stitchable subme subq sync-lookahead tff threads transfer
    trellis vbv-bufsize vbv-init vbv-maxrate videoformat weight-b weightb weightp zones
    """
)

X265_PARAMS = _words(
    """
    allow-non-conformance amp analysis-load analysis-load-reuse-level analysis-reuse-file analysis-reuse-level
    analysis-save analysis-save-reuse-level analyze-src-pics annexb aom-film-grain aq-mode aq-motion aq-strength asm
    atc-sei aud b-adapt b-intra b-pyramid bframe-bias bframes bitrate cbqpoffs chromaloc chunk-end chunk-start cip
    cll colormatrix colorprim const-vbv constrained-intra copy-pic cplxblur cra-nal crf crf-max crf-min crop-rect
    crqpoffs csv csv-log-level ctu ctu-info cu-lossless cu-stats cutree deblock dhdr10-info dhdr10-opt
    display-window dolby-vision-profile dup-threshold dynamic-rd dynamic-refine early-skip eob eos fades fast-intra
    field film-grain force-flush fps frame-dup frame-threads gop-lookahead hash hdr hdr-opt hdr10 hdr10-opt hevc-aq
    high-tier hist-scenecut hme hme-range hme-search hrd hrd-concat idr-recovery-sei info input-csp input-res
    interlace intra-refresh ip-factor ipratio keyint lambda-file level level-idc lft limit-modes limit-refs
    limit-sao limit-tu log log-level log2-max-poc-lsb lookahead-slices lookahead-threads lossless lowpass-dct
    masking-strength master-display max-ausize-factor max-cll max-luma max-merge max-tu-size max-vbv-fullness mcstf
    me merange min-cu-size min-keyint min-luma min-vbv-fullness multi-pass-opt-analysis multi-pass-opt-distortion
    multi-pass-opt-rps nalu-file nr-inter nr-intra numa-pools open-gop opt-cu-delta-qp opt-qp-pps
    opt-ref-list-length-pps overscan pass pb-factor pbratio pic-struct pme pmode pools psnr psy-rd psy-rdoq qblur
    qcomp qg-size qp qp-adaptation-range qpmax qpmin qpstep radl range rc-grain rc-lookahead rd rd-refine rdoq
    rdoq-level rdpenalty rect ref refine-analysis-type refine-ctu-distortion refine-inter refine-intra refine-mv
    repeat-headers rskip rskip-edge-threshold sao sao-non-deblock sar sbrc scale-factor scaling-list scenecut
    scenecut-aware-qp scenecut-bias selective-sao signhide single-sei slices slow-firstpass splitrd-skip ssim
    ssim-rd stats strict-cbr strong-intra-smoothing subme temporal-layers temporal-mvp total-frames transfer tskip
    tskip-fast tu-inter-depth tu-intra-depth uhd-bd vbv-bufsize vbv-end vbv-end-fr-adj vbv-init vbv-live-multi-pass
    vbv-maxrate video-signal-type-preset videoformat vui-hrd-info vui-timing-info weightb weightp wpp zones
    """
)

SVTAV1_PARAMS = _words(
    """
    ac-bias adaptive-film-grain aq-mode asm avif buf-initial-sz buf-optimal-sz buf-sz chroma-qindex-offsets
    chroma-qm-max chroma-qm-min chroma-sample-position chroma-u-ac-qindex-offset chroma-u-dc-qindex-offset
    chroma-v-ac-qindex-offset chroma-v-dc-qindex-offset color-format color-primaries color-range content-light crf
    enable-cdef enable-dg enable-dlf enable-force-key-frames enable-mfmv enable-overlays enable-qm
    enable-restoration enable-stat-report enable-tf enable-variance-boost fast-decode film-grain film-grain-denoise
    forced-max-frame-height forced-max-frame-width fps fps-denom fps-num frame-resz-denoms frame-resz-events
    frame-resz-kf-denoms gop-constraint-rc hierarchical-levels input-depth intra-period irefresh-type
    key-frame-qindex-offset keyint lambda-scale-factors level lookahead lossless lp luma-y-dc-qindex-offset
    luminance-qp-bias mastering-display matrix-coefficients max-qp max-tx-size maxsection-pct mbr mbr-overshoot-pct
    min-qp minsection-pct overshoot-pct pass pred-struct preset profile qm-max qm-min qp qp-scale-compress-strength
    rc recode-loop resize-denom resize-kf-denom resize-mode rtc scd scm sframe-dist sframe-mode sframe-posi
    sframe-qp sframe-qp-offset sharpness startup-mg-size startup-qp-offset superres-denom superres-kf-denom
    superres-kf-qthres superres-mode superres-qthres tbr tf-strength tier tile-columns tile-rows
    transfer-characteristics tune undershoot-pct use-fixed-qindex-offsets use-q-file variance-boost-curve
    variance-boost-strength variance-octile
    """
)

LIBRARY_PARAMS = {"x264-params": X264_PARAMS, "x265-params": X265_PARAMS, "svtav1-params": SVTAV1_PARAMS}

X26X_PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
X264_TUNES = ("film", "animation", "grain", "stillimage", "psnr", "ssim", "fastdecode", "zerolatency")
X265_TUNES = ("psnr", "ssim", "grain", "fastdecode", "zerolatency", "animation")
NVENC_PRESETS = ("p1", "p2", "p3", "p4", "p5", "p6", "p7")
PRORES_PROFILES = ("proxy", "lt", "standard", "hq", "4444", "4444xq")
