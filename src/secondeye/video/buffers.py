"""Memory for clips, used again once nobody holds a clip any more.

A fresh block of tens of megabytes costs the kernel as much time as decoding into it: 10 ms against 3 ms for a frame
of 1080p, because every page is handed out anew.
"""

import weakref
from collections import deque

import numpy as np
import torch
from torch import Tensor


class ClipBuffers:
    """Lends float tensors; each block comes back by itself when the last tensor on it is gone."""

    def __init__(self) -> None:
        self._free: deque[np.ndarray[tuple[int, ...], np.dtype[np.float32]]] = deque()

    def lend(self, shape: tuple[int, ...]) -> Tensor:
        """A tensor of that shape with anything in it."""
        count = int(np.prod(shape))
        block = self._free.pop() if self._free else np.empty(count, np.float32)
        if block.size < count:
            block = np.empty(count, np.float32)
        lent = block[:count]  # an object of its own, which the tensor keeps alive and whose end we hear of
        weakref.finalize(lent, self._free.append, block).atexit = False
        return torch.from_numpy(lent).view(shape)
