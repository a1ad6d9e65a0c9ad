"""How far something is believed that a number speaks for."""


def belief_in(value: float, ends: tuple[float, float]) -> float:
    """0 up to the first of the ends, 1 from the second on, and evenly between."""
    return min(max((value - ends[0]) / (ends[1] - ends[0]), 0.0), 1.0)
