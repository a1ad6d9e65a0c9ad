"""Blocks of a still camera's picture that show what they showed a frame before: they are copied, not cast again.

What is copied is bit for bit what would come of casting: all that goes into a block is the same as a frame before.
"""

from secondeye.scene.bundle import BLOCK_PX, INF, Bools, Bundle, Floats, Ints, Stage, f32, u64
from secondeye.scene.lanes import LEAST, MOST, loops, order_of, step, value_of
from secondeye.scene.meeting import Rows, Span, seen_by, towards

Vector = tuple[float, float, float]

ROOM_M = f32(2e-3)
"""What single precision and the way off a surface may make of where a shadow falls; and a share of its distance."""
ROOM_SHARE = f32(1e-5)


@loops
def undisturbed(stage: Stage, view: int, span: Span) -> bool:
    """Whether a view's camera is where it was a frame before, and nothing that moves shows within a span of it."""
    if not stage.rests[view]:
        return False
    left, top, right, bottom = span
    near = 0
    for m in range(stage.sweeps.shape[2]):
        beside = (stage.sweeps[view, 0, m] > right) | (stage.sweeps[view, 2, m] < left)
        beside |= (stage.sweeps[view, 1, m] > bottom) | (stage.sweeps[view, 3, m] < top)
        near += 0 if beside else 1
    return near == 0


@loops
def unshaded(
    stage: Stage, view: int, column: float, row: float, rays: Bundle, depth: Floats, at: int, y: int, x: int, high: int
) -> bool:
    """Whether no shadow of anything that moves comes near what a block showed a frame before, at depths [at]."""
    light, time = stage.air[view // 2], view // 2
    if not light.shadows or not stage.sweeps.shape[2]:
        return True
    seen = seen_by(stage.rays, view, len(stage.bodies), column, row)
    across = f32(light.across_x), f32(light.across_y), f32(light.across_z)
    upwards = f32(light.upwards_x), f32(light.upwards_y), f32(light.upwards_z)
    sun = f32(light.sun_x), f32(light.sun_y), f32(light.sun_z)
    left, right = _extent(across, seen, rays, depth, at, y, x, high)
    bottom, top = _extent(upwards, seen, rays, depth, at, y, x, high)
    low, _ = _extent(sun, seen, rays, depth, at, y, x, high)
    near = 0
    for m in range(stage.sweeps.shape[2]):
        beside = (stage.swept[time, 0, m] > right) | (stage.swept[time, 3, m] < left)
        beside |= (stage.swept[time, 1, m] > top) | (stage.swept[time, 4, m] < bottom)
        near += 0 if beside | (stage.swept[time, 5, m] < low) else 1
    return near == 0


@step
def _extent(
    axis: Vector, seen: Rows, rays: Bundle, depth: Floats, at: int, y: int, x: int, high: int
) -> tuple[float, float]:
    """From where to where a block's points are along an axis, m, some room added."""
    least, most, (a, b, c) = MOST, LEAST, axis
    start = a * seen[0][0] + b * seen[1][0] + c * seen[2][0]
    for j in range(high):
        for i in range(BLOCK_PX):
            k, t = j * BLOCK_PX + i, depth[at, u64(y + j), u64(x + i)]
            along = a * towards(seen[0], rays.x[k], rays.y[k]) + b * towards(seen[1], rays.x[k], rays.y[k])
            value = order_of(start + t * (along + c * towards(seen[2], rays.x[k], rays.y[k])))
            least = value if (t < INF) & (value < least) else least
            most = value if (t < INF) & (value > most) else most
    if most < least:
        return INF, -INF
    low, high_end = f32(value_of(least)), f32(value_of(most))
    room = ROOM_M + ROOM_SHARE * max(abs(low), abs(high_end))
    return low - room, high_end + room


@step
def spread(moved: Floats, at: int, sign: float, y: int, x: int, high: int) -> Span:
    """Where in another view points of a block have been found, px, by how far they had moved."""
    left, top, right, bottom = MOST, MOST, LEAST, LEAST
    for j in range(high):
        for i in range(BLOCK_PX):
            u = order_of(f32(x + i) + sign * moved[2 * at, u64(y + j), u64(x + i)])
            v = order_of(f32(y + j) + sign * moved[2 * at + 1, u64(y + j), u64(x + i)])
            left, right = u if u < left else left, u if u > right else right
            top, bottom = v if v < top else top, v if v > bottom else bottom
    return f32(value_of(left)), f32(value_of(top)), f32(value_of(right)), f32(value_of(bottom))


@step
def same_keys(key: Ints, slot: int, left: int, top: int, wide: int, high: int) -> bool:
    """Whether a block, and what is around it, has the same keys as in the frame before."""
    _, height, width = key.shape
    differ = 0
    for y in range(max(top - 1, 0), min(top + high + 1, height)):
        for x in range(max(left - 1, 0), min(left + wide + 1, width)):
            differ += 1 if key[slot, u64(y), u64(x)] != key[slot - 1, u64(y), u64(x)] else 0
    return differ == 0


@step
def repeat(pictures: Floats | Ints | Bools, at: int, before: int, y: int, x: int, high: int) -> None:
    """Copy a block of picture `before` to picture `at`."""
    for j in range(high):
        down = u64(y + j)
        for i in range(0, BLOCK_PX, 8):
            _repeat_eight(pictures, at, before, down, u64(x + i))


@step
def _repeat_eight(pictures: Floats | Ints | Bools, at: int, before: int, y: int, x: int) -> None:
    """All are read before any is written, so that one instruction can do it."""
    one, two, three = u64(1), u64(2), u64(3)
    four, five, six, seven = u64(4), u64(5), u64(6), u64(7)
    a, b = pictures[before, y, x], pictures[before, y, x + one]
    c, d = pictures[before, y, x + two], pictures[before, y, x + three]
    e, f = pictures[before, y, x + four], pictures[before, y, x + five]
    g, h = pictures[before, y, x + six], pictures[before, y, x + seven]
    pictures[at, y, x], pictures[at, y, x + one] = a, b
    pictures[at, y, x + two], pictures[at, y, x + three] = c, d
    pictures[at, y, x + four], pictures[at, y, x + five] = e, f
    pictures[at, y, x + six], pictures[at, y, x + seven] = g, h
