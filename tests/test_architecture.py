"""Imports point down: a part may import itself and lower layers, never a sibling, never upwards."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import secondeye

ROOT = Path(secondeye.__file__).parent

WORDS = {"errors": 0, "types": 1, "geometry": 2, "discovery": 2, "progress": 2, "compiled": 2, "keys": 2}
LAYERS = {
    **dict.fromkeys(("video", "splat", "flow", "depth", "scene", "diffusion", "network"), 10),
    **dict.fromkeys(("depth_models", "inpainters", "generators", "datasets", "metrics", "engines"), 20),
    **dict.fromkeys(("convert", "render", "generate", "train", "evaluate", "build_dataset", "inspect"), 30),
    **dict.fromkeys(("cli", "web"), 40),
    **WORDS,
}
MODULES = sorted(path for path in ROOT.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_parts(path: Path) -> Iterator[tuple[int, str]]:
    """Line and part of every import of ours in a file, wherever in the file it stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            pieces = name.split(".")
            if pieces[0] == "secondeye" and len(pieces) > 1:
                yield node.lineno, pieces[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    part = part_of(path)
    if part == "__main__":
        return
    if part != "__init__":
        assert part in LAYERS, f"{part}: a new part; give it a layer in this test and in ARCHITECTURE.md"
    for line, target in imported_parts(path):
        if part == "__init__":  # the package's face re-exports jobs and words
            assert LAYERS.get(target, 99) <= 30, f"{path}:{line} imports the shell {target}"
        elif target != part:
            assert target in LAYERS, f"{path}:{line} imports {target}, which has no layer"
            assert LAYERS[target] < LAYERS[part], f"{path}:{line}: {part} must not import {target}"


def test_at_most_three_folders_deep() -> None:
    assert max(len(path.relative_to(ROOT.parent).parts) - 1 for path in MODULES) <= 3


def test_no_vague_module_names() -> None:
    vague = {"utils", "helpers", "common", "base", "manager", "misc"}
    assert not vague & {path.stem for path in MODULES}


def test_layer_check_bites(tmp_path: Path) -> None:
    """The parser that the test above rests on sees imports inside functions and plain imports."""
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from secondeye.cli import main\n    import secondeye.convert.run\n")
    assert list(imported_parts(file)) == [(2, "cli"), (3, "convert")]
