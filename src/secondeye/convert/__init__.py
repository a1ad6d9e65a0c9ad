"""The job `convert`: a 2D source into a stereo one.

Called as a function, the package runs the whole job: `secondeye.convert("in.mp4", "out.mp4", strength=0.02)`.
"""

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secondeye.convert.job import convert as convert


class _Callable(ModuleType):
    """A package that is its own verb: importing `secondeye.convert` first must not hide the function."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from secondeye.convert.job import convert

        return convert(*arguments, **options)


sys.modules[__name__].__class__ = _Callable
