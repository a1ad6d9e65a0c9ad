"""The job `evaluate`: how good right views are, by every published protocol at once.

Called as a function, the package runs the whole job: `secondeye.evaluate("scenes:60", "report", inpainter="telea")`.

    datasets x methods -> clip by clip (clip.py: read this first) -> numbers (summary.py) -> files.py, report.py
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secondeye.evaluate.job import evaluate as evaluate


class _Callable(ModuleType):
    """A package that is its own verb: importing `secondeye.evaluate` first must not hide the function."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from secondeye.evaluate.job import evaluate

        return evaluate(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
