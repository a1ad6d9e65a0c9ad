"""What is measured: a depth with a splat rule and an inpainter, or right views that other software made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import cast, get_args

from secondeye import depth_models, inpainters
from secondeye.discovery import nearest
from secondeye.errors import InputError, SecondEyeError
from secondeye.evaluate.results import Missing
from secondeye.evaluate.settings import TRUTH, EvaluateSettings
from secondeye.splat import Rule

OUR_RULE = "surface"
"""What our own splat rule is called on the command line, after the file that explains it."""


@dataclass(frozen=True)
class Method:
    """One way to make right views.

    Attributes:
        name: as reports show it.
        depth, rule, inpainter: their names; empty for predictions.
        folder: where the predictions are.
    """

    name: str
    depth: str = ""
    rule: Rule = "secondeye"
    inpainter: str = ""
    folder: Path | None = None


def methods_of(settings: EvaluateSettings) -> tuple[list[Method], list[Missing]]:
    """All methods that were asked for, and what was asked for but does not exist here."""
    made: list[Method] = []
    missing: list[Missing] = []
    if settings.makes_views:
        depths = _known(settings.depth or (TRUTH,), check_depth, "depth", missing)
        rules = _known(settings.rule or (OUR_RULE,), check_rule, "rule", missing)
        fills = _known(settings.inpainter or ("stretch",), check_inpainter, "inpainter", missing)
        for depth, rule, fill in product(depths, rules, fills):
            splat = cast(Rule, "secondeye" if rule == OUR_RULE else rule)
            made.append(Method(f"{depth}/{rule}/{fill}", depth, splat, fill))
    for text in settings.predictions:
        name, equals, path = text.partition("=")
        folder = Path(path if equals else text)
        if folder.is_dir():
            made.append(Method(name if equals else folder.resolve().name, folder=folder))
        else:
            missing.append(Missing(f"predictions: {folder} is not a folder", str(folder)))
    return _distinct(made), missing


def check_depth(name: str) -> str:
    """The depth's name, "auto" resolved, or an error that says what there is."""
    if name == TRUTH:
        return name
    if name not in (*depth_models.names(), "auto"):
        raise nearest("depth", name, [TRUTH, "auto", *depth_models.names()])
    resolved, _ = depth_models.resolve(name, download=False)
    depth_models.build(resolved)  # says before any work that its weights are missing
    return resolved


def check_rule(name: str) -> str:
    """The rule's name, or an error that says what there is."""
    known = [OUR_RULE, *(rule for rule in get_args(Rule) if rule != "secondeye")]
    if name not in (*known, "secondeye"):
        raise nearest("splat rule", name, known)
    return OUR_RULE if name == "secondeye" else name


def check_inpainter(name: str) -> str:
    """The inpainter's name, or an error that says what there is."""
    inpainters.build(name)
    return name


def _known(names: tuple[str, ...], check: Callable[[str], str], what: str, missing: list[Missing]) -> Iterator[str]:
    for name in names:
        try:
            yield check(name)
        except SecondEyeError as error:
            missing.append(Missing(str(error), f"{what} {name}", exit_code=error.exit_code))


def _distinct(methods: list[Method]) -> list[Method]:
    """Each method once.

    Raises:
        InputError: two folders of predictions have one name.
    """
    by_name: dict[str, Method] = {}
    for method in methods:
        if by_name.setdefault(method.name, method) != method:
            raise InputError(f"two methods are called '{method.name}'; name them with --predictions NAME=FOLDER")
    return list(by_name.values())
