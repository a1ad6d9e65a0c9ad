"""The CUDA kernel without CUDA: run by Triton's interpreter, and compiled for a GPU that need not be there.

Both happen in processes of their own, since Triton decides on its import whether it interprets.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from secondeye.splat import splat_forward

pytest.importorskip("triton")

INTERPRET = """
import torch
from secondeye.errors import ContractError
from secondeye.splat import splat_forward
generator = torch.Generator().manual_seed(0)
def compare(rgb, disparity):
    a, hole_a = splat_forward(rgb, disparity, backend="triton")
    b, hole_b = splat_forward(rgb, disparity, backend="torch")
    assert torch.equal(hole_a, hole_b), (hole_a != hole_b).sum()
    assert (a - b).abs().max() <= 1e-5, (a - b).abs().max()
def noise(*shape):
    return torch.rand(*shape, generator=generator)
for scale in (0.4, 3.0, 1e9):
    compare(noise(1, 3, 1, 37), (noise(1, 1, 1, 37) - 0.5) * 2 * scale)
jumps = torch.tensor([0, 0, 0, 0.3, -0.4, 6, -6, 1.2, -1.3, 2.2, -2.1])
steps = jumps[(noise(1, 1, 2, 300) * 11).long()].cumsum(-1)
compare(noise(1, 3, 2, 300), steps)
compare(noise(2, 4, 1, 40), (noise(2, 1, 1, 40) * 9).round())
compare(noise(1, 3, 2, 1), noise(1, 1, 2, 1) * 2)
try:
    splat_forward(noise(1, 3, 1, 5), torch.tensor([[[[0, 1, float("nan"), 2, 3]]]]), backend="triton")
except ContractError as error:
    assert "got nan in frame 0 at x 2, y 0" in str(error), error
else:
    raise AssertionError("NaN went through")
print("equal")
"""

COMPILE = """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from secondeye.splat import triton_kernel
numbers = {"largest": "fp32", "steepest": "fp32", "likeness": "fp32"}
maps = {"disparity": "*fp32", "source": "*i32", "cap": "*i32", "joined": "*i8"}
land = maps | {"bad": "*i32", "width": "i32"} | numbers
draw = {"rgb": "*fp32"} | maps | {"right": "*fp32", "hole": "*i1", "height": "i32", "width": "i32", "faint": "fp32"}
for kernel, arguments, constants in (
    (triton_kernel._land_kernel, land, {"MOST": 5, "BLOCK": 256}),
    (triton_kernel._draw_kernel, draw, {"CHANNELS": 3, "BLOCK": 256}),
):
    signature = {name: arguments.get(name, "constexpr") for name in kernel.arg_names}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": True})
    assert ".visible .entry" in made.asm["ptx"]
print("compiled")
"""


def run(program: str, cache: Path, **environment: str) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRITON_")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env=inherited | {"TRITON_CACHE_DIR": str(cache)} | environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_interpreted_kernel_equals_the_reference(tmp_path: Path) -> None:
    assert run(INTERPRET, tmp_path, TRITON_INTERPRET="1") == "equal\n"


def test_kernel_compiles_for_a_gpu(tmp_path: Path) -> None:
    assert run(COMPILE, tmp_path) == "compiled\n"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_kernel_on_a_gpu_equals_the_reference() -> None:
    generator = torch.Generator().manual_seed(0)
    rgb = torch.rand(2, 3, 270, 481, generator=generator)
    disparity = torch.rand(2, 1, 270, 481, generator=generator).cumsum(-1) % 17 - 5
    right, hole = splat_forward(rgb.cuda(), disparity.cuda())
    again, _ = splat_forward(rgb.cuda(), disparity.cuda())
    wanted, missed = splat_forward(rgb, disparity, backend="torch")
    assert torch.equal(right, again)
    assert torch.equal(hole.cpu(), missed)
    torch.testing.assert_close(right.cpu(), wanted, atol=1e-5, rtol=0)
