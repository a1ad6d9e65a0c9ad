"""Compiled rows of FramePainter: float views in, the planes of an encoder's frame out, each pixel touched once.

Two rows at a time: take (or make) the rows that the region shows, turn them into luma, and into chroma at the full
width, which is then averaged down. All arithmetic is float32; codes are rounded to nearest. Chroma is sited at the
left, the default of H.264, HEVC and AV1 (weights 1 2 1 along the row, 1 1 down the column), or at the top left, as
BT.2100 has it (1 2 1 both ways). Weights that reach beyond a region repeat its own border, so that one eye's colours
never leak into the other's.
"""

import numpy as np

from secondeye.compiled import njit

VIEW, HALF_WIDTH, HALF_HEIGHT, ANAGLYPH, INTERLACED = range(5)

FAST = {"contract", "nsz", "arcp", "reassoc"}  # all but "nnan" and "ninf": NaN must survive to be noticed

ZERO, QUARTER, HALF, ONE = np.float32(0), np.float32(0.25), np.float32(0.5), np.float32(1)


@njit(fastmath=FAST, error_model="numpy")
def _clip(value):  # type: ignore[no-untyped-def]
    """To 0 to 1; NaN to 0, so that it may index a table (the order of the arguments is what does it)."""
    return min(max(ZERO, value), ONE)


@njit(fastmath=FAST, error_model="numpy")
def _half_width_row(view, y, out):  # type: ignore[no-untyped-def]
    """Row y of a view at half its width."""
    last = view.shape[2] - 1
    whole = (last + 1) // 2
    for c in range(3):
        row = view[c, min(y, view.shape[1] - 1)]
        for x in range(whole):
            out[c, x] = (row[2 * x] + row[2 * x + 1]) * HALF
        for x in range(whole, out.shape[1]):
            out[c, x] = (row[min(2 * x, last)] + row[last]) * HALF


@njit(fastmath=FAST, error_model="numpy")
def _half_height_row(view, y, out):  # type: ignore[no-untyped-def]
    """Row y of a view at half its height."""
    last, width = view.shape[1] - 1, view.shape[2]
    for c in range(3):
        a, b = view[c, min(2 * y, last)], view[c, min(2 * y + 1, last)]
        for x in range(width):
            out[c, x] = (a[x] + b[x]) * HALF
        for x in range(width, out.shape[1]):
            out[c, x] = out[c, width - 1]


@njit(fastmath=FAST, error_model="numpy")
def _decode_row(row, table, linear, out):  # type: ignore[no-untyped-def]
    """A row clipped to 0 to 1 and, where `linear`, looked up in a table; returns NaN where a value was not finite."""
    unfit, last = ZERO, np.float32(len(table) - 1)
    for x in range(len(row)):
        unfit += row[x] * ZERO
        out[x] = _clip(row[x])
    if linear:
        for x in range(len(row)):
            out[x] = table[np.int32(out[x] * last + HALF)]
    return unfit


@njit(fastmath=FAST, error_model="numpy")
def _anaglyph_row(left, right, y, weights, linear, decode, encode, out):  # type: ignore[no-untyped-def]
    """Row y of both views, mixed; weights (3, 6) are for the left's and the right's red, green, blue."""
    y, width, unfit = min(y, left.shape[1] - 1), left.shape[2], ZERO
    six = np.empty((6, width), np.float32)
    for c in range(3):
        unfit += _decode_row(left[c, y], decode, linear, six[c])
        unfit += _decode_row(right[c, y], decode, linear, six[c + 3])
    a, b, c, d, e, f = six[0], six[1], six[2], six[3], six[4], six[5]
    last = np.float32(len(encode) - 1)
    for k in range(3):
        w0, w1, w2, w3, w4, w5 = weights[k]
        mixed = out[k]
        for x in range(width):
            mixed[x] = _clip(w0 * a[x] + w1 * b[x] + w2 * c[x] + w3 * d[x] + w4 * e[x] + w5 * f[x])
        if linear:
            for x in range(width):
                mixed[x] = encode[np.int32(np.sqrt(mixed[x]) * last + HALF)]
        for x in range(width, len(mixed)):
            mixed[x] = mixed[width - 1]
    return unfit


@njit(fastmath=FAST, error_model="numpy")
def _convert_pair(r0, g0, b0, r1, g1, b1, m, luma0, luma1, chroma):  # type: ignore[no-untyped-def]
    """Two rows to luma, and the sum of their two chromas to chroma (2, width + 2) from column 1; NaN where unfit."""
    yr, yg, yb, yo = m[0, 0], m[0, 1], m[0, 2], m[0, 3]
    ur, ug, ub = m[1, 0], m[1, 1], m[1, 2]
    vr, vg, vb = m[2, 0], m[2, 1], m[2, 2]
    cb, cr, unfit, width = chroma[0], chroma[1], ZERO, len(r0)
    for x in range(width):
        unfit += ((r0[x] + g0[x] + b0[x]) + (r1[x] + g1[x] + b1[x])) * ZERO
        ra, ga, ba = _clip(r0[x]), _clip(g0[x]), _clip(b0[x])
        rb, gb, bb = _clip(r1[x]), _clip(g1[x]), _clip(b1[x])
        luma0[x] = np.int32(yr * ra + yg * ga + yb * ba + yo)
        luma1[x] = np.int32(yr * rb + yg * gb + yb * bb + yo)
        rs, gs, bs = ra + rb, ga + gb, ba + bb
        cb[x + 1] = ur * rs + ug * gs + ub * bs
        cr[x + 1] = vr * rs + vg * gs + vb * bs
    for x in range(width, len(luma0)):
        luma0[x], luma1[x] = luma0[width - 1], luma1[width - 1]
        cb[x + 1], cr[x + 1] = cb[width], cr[width]
    cb[0], cr[0] = cb[1], cr[1]
    return unfit


@njit(fastmath=FAST, error_model="numpy")
def _convert_row(red, green, blue, m, luma, chroma):  # type: ignore[no-untyped-def]
    """What `_convert_pair` does for two rows, for one row: chroma is not summed down the column."""
    yr, yg, yb, yo = m[0, 0], m[0, 1], m[0, 2], m[0, 3]
    ur, ug, ub = m[1, 0], m[1, 1], m[1, 2]
    vr, vg, vb = m[2, 0], m[2, 1], m[2, 2]
    cb, cr, unfit, width = chroma[0], chroma[1], ZERO, len(red)
    for x in range(width):
        unfit += (red[x] + green[x] + blue[x]) * ZERO
        r, g, b = _clip(red[x]), _clip(green[x]), _clip(blue[x])
        luma[x] = np.int32(yr * r + yg * g + yb * b + yo)
        cb[x + 1] = ur * r + ug * g + ub * b
        cr[x + 1] = vr * r + vg * g + vb * b
    for x in range(width, len(luma)):
        luma[x] = luma[width - 1]
        cb[x + 1], cr[x + 1] = cb[width], cr[width]
    cb[0], cr[0] = cb[1], cr[1]
    return unfit


@njit(fastmath=FAST, error_model="numpy")
def _store_half(chroma, scale, offset, top, out):  # type: ignore[no-untyped-def]
    """Chroma of a row (from column 1) to half the width; `scale` undoes a sum of rows."""
    outer, middle = scale * QUARTER, scale * HALF
    for x in range(len(out)):
        total = (chroma[2 * x] + chroma[2 * x + 2]) * outer + chroma[2 * x + 1] * middle
        out[x] = np.int32(min(total + offset, top))


@njit(fastmath=FAST, error_model="numpy")
def _store_full(chroma, scale, offset, top, out):  # type: ignore[no-untyped-def]
    """Chroma of a row (from column 1) at the full width; `scale` undoes a sum of rows."""
    for x in range(len(out)):
        out[x] = np.int32(min(chroma[x + 1] * scale + offset, top))


@njit(fastmath=FAST, error_model="numpy")
def _store(chroma, scale, m, top, x0, row, shift_x, pitch, cb, cr):  # type: ignore[no-untyped-def]
    """One row of both chroma planes, whose first sample in the plane is at row * pitch + x0."""
    width = (chroma.shape[1] - 2) >> shift_x
    at = row * pitch + (x0 >> shift_x)
    if shift_x:
        _store_half(chroma[0], scale, m[1, 3], top, cb[at : at + width])
        _store_half(chroma[1], scale, m[2, 3], top, cr[at : at + width])
    else:
        _store_full(chroma[0], scale, m[1, 3], top, cb[at : at + width])
        _store_full(chroma[1], scale, m[2, 3], top, cr[at : at + width])


@njit(fastmath=FAST, error_model="numpy")
def _take_row(views, kind, eye, y, mixing, buffer):  # type: ignore[no-untyped-def]
    """Red, green and blue of row y of a region: the view's own memory where it can be, else made in buffer (3, W)."""
    left, right = views
    weights, linear, decode, encode = mixing
    unfit = ZERO
    if kind in (VIEW, INTERLACED):
        view = right if (y & 1 if kind == INTERLACED else eye) else left
        y = min(y, view.shape[1] - 1)
        return view[0, y], view[1, y], view[2, y], unfit
    view = right if eye else left
    if kind == HALF_WIDTH:
        _half_width_row(view, y, buffer)
    elif kind == HALF_HEIGHT:
        _half_height_row(view, y, buffer)
    else:
        unfit = _anaglyph_row(left, right, y, weights, linear, decode, encode, buffer)
    return buffer[0], buffer[1], buffer[2], unfit


@njit(fastmath=FAST, error_model="numpy")
def _blend_three(above, here, below):  # type: ignore[no-untyped-def]
    """Weights 1 2 1 down the column, for chroma sited at the top; into `above`."""
    for k in range(2):
        a, b, c = above[k], here[k], below[k]
        for x in range(len(a)):
            a[x] = (a[x] + c[x]) * QUARTER + b[x] * HALF


@njit(fastmath=FAST, error_model="numpy")
def paint_rows(  # type: ignore[no-untyped-def]
    views, kind, eye, mixing, place, pairs, matrix, top, planes, pitches, shifts, is_top_sited
):
    """Paint row pairs [pairs[0], pairs[1]) of one region.

    Args:
        views: left and right, (3, H, W) float32 C-contiguous.
        kind: VIEW, HALF_WIDTH, ...
        eye: 0 left, 1 right.
        mixing: anaglyph weights (3, 6), whether in linear light, decoding and encoding tables.
        place: x, y, width of the region in px.
        pairs: first and last + 1.
        matrix: (3, 4) float32: rows are planes, columns the weights of red, green, blue and the rounding offset.
        top: greatest code, as float32.
        planes: the three planes, flat; the last two empty for grey.
        pitches: samples from row to row, of luma and of chroma.
        shifts: log2 of the chroma subsampling, across and down.
        is_top_sited: whether chroma that is subsampled down lies on the upper row, not between the two.

    Returns:
        0, or NaN where a value was not finite.
    """
    x0, y0, width = place
    luma, cb, cr = planes
    rows = np.empty((2, 3, width), np.float32)
    above = np.empty((2, width + 2), np.float32)
    here, below = np.empty_like(above), np.empty_like(above)
    scratch = np.empty(width, luma.dtype)
    by_row = len(cb) > 0 and (shifts[1] == 0 or is_top_sited)
    unfit = ZERO
    if by_row and shifts[1]:  # the row above the first pair, or the first itself at the region's top
        r0, g0, b0, bad0 = _take_row(views, kind, eye, max(2 * pairs[0] - 1, 0), mixing, rows[0])
        unfit += bad0 + _convert_row(r0, g0, b0, matrix, scratch, below)
    for pair in range(pairs[0], pairs[1]):
        y = 2 * pair
        at = (y0 + y) * pitches[0] + x0
        luma0, luma1 = luma[at : at + width], luma[at + pitches[0] : at + pitches[0] + width]
        r0, g0, b0, bad0 = _take_row(views, kind, eye, y, mixing, rows[0])
        r1, g1, b1, bad1 = _take_row(views, kind, eye, y + 1, mixing, rows[1])
        unfit += bad0 + bad1
        if not by_row:
            unfit += _convert_pair(r0, g0, b0, r1, g1, b1, matrix, luma0, luma1, here)
            if len(cb):
                _store(here, HALF, matrix, top, x0, (y0 + y) >> 1, shifts[0], pitches[1], cb, cr)
            continue
        above, below = below, above
        unfit += _convert_row(r0, g0, b0, matrix, luma0, here)
        unfit += _convert_row(r1, g1, b1, matrix, luma1, below)
        if shifts[1]:
            _blend_three(above, here, below)
            _store(above, ONE, matrix, top, x0, (y0 + y) >> 1, shifts[0], pitches[1], cb, cr)
        else:
            _store(here, ONE, matrix, top, x0, y0 + y, shifts[0], pitches[1], cb, cr)
            _store(below, ONE, matrix, top, x0, y0 + y + 1, shifts[0], pitches[1], cb, cr)
    return unfit
