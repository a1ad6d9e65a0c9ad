"""What can go wrong, and how the process then exits.

    SecondEyeError
    ├── InputError     the user's file or option            exit 2
    ├── WeightsError   missing or unfit checkpoint          exit 3
    ├── ResourceError  memory or disk ran out               exit 4
    ├── ContractError  a stage broke its promise (our bug)  exit 70
    └── SegmentError   one segment failed, the rest is kept exit 1

A message is one line: what, which value, what to do.
"""

from typing import ClassVar


class SecondEyeError(Exception):
    """Any failure that SecondEye foresees."""

    exit_code: ClassVar[int] = 1


class InputError(SecondEyeError):
    """The user's file or option cannot be used."""

    exit_code = 2


class WeightsError(SecondEyeError):
    """A checkpoint is missing, or does not fit its network."""

    exit_code = 3


class ResourceError(SecondEyeError):
    """Memory or disk does not suffice."""

    exit_code = 4


class ContractError(SecondEyeError):
    """A stage handed on something that it had promised not to; a bug of ours, not of the user."""

    exit_code = 70


class SegmentError(SecondEyeError):
    """A segment failed; the finished ones are kept and the next run goes on from them.

    Args:
        index: number of the segment within its plan.
        message: the cause, in one line.
    """

    exit_code = 1

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index

    def __reduce__(self) -> tuple[type["SegmentError"], tuple[int, str]]:
        """Keep the index when the error crosses a process border."""
        return (SegmentError, (self.index, str(self)))


def is_interrupt(error: BaseException) -> bool:
    """Whether somebody stopped the work, though what was called then made another error of it.

    Compiled code answers Ctrl-C with a SystemError that the interrupt caused.
    """
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        if isinstance(link, KeyboardInterrupt):
            return True
        seen.add(id(link))
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return False
