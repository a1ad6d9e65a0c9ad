"""A soundtrack for the sample clip, synthesised: wind, birds and footsteps on gravel."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

STEPS_HZ = 1.8
"""Footsteps a second: the walking bob of the park's camera."""


def soundtrack(duration_s: float, sample_rate: int = 48000, seed: int = 0) -> NDArray[np.float32]:
    """Stereo samples (2, n), -1 to 1, in time with the park's camera; deterministic by seed."""
    count = round(duration_s * sample_rate)
    if count < 1:
        return np.zeros((2, 0), np.float32)
    random = np.random.default_rng([seed, 77])
    mix = _wind(count, sample_rate, random) + _steps(count, sample_rate, random) + _birds(count, sample_rate, random)
    fade = np.minimum(1.0, np.minimum(np.arange(count), np.arange(count)[::-1]) / (0.05 * sample_rate))
    result: NDArray[np.float32] = np.tanh(mix * fade).astype(np.float32)
    return result


def _smooth(noise: Array, samples: int) -> Array:
    """A moving average along the last axis, which keeps the length."""
    samples = max(samples, 1)
    padded = np.cumsum(np.pad(noise, ((0, 0), (samples, 0)), mode="edge"), -1)
    result: Array = (padded[:, samples:] - padded[:, :-samples]) / samples
    return result


def _wind(count: int, sample_rate: int, random: np.random.Generator) -> Array:
    hiss = _smooth(_smooth(random.normal(size=(2, count)), sample_rate // 900), sample_rate // 2500)
    time = np.arange(count) / sample_rate
    gusts = 0.6 + 0.25 * np.sin(2 * np.pi * 0.23 * time + random.uniform(0, 6)) + 0.15 * np.sin(2 * np.pi * 0.61 * time)
    result: Array = 0.5 * hiss * gusts
    return result


def _steps(count: int, sample_rate: int, random: np.random.Generator) -> Array:
    """A crunch each time a foot comes down, left and right foot to either side."""
    track = np.zeros((2, count))
    length = int(0.16 * sample_rate)
    time = np.arange(length) / sample_rate
    for i in range(1, math.ceil(count / sample_rate * STEPS_HZ)):
        first = int(i / STEPS_HZ * sample_rate)
        grains = _smooth(random.normal(size=(1, length)), 6)[0] * (random.random(length) < 0.35)
        crunch = grains * np.exp(-time / 0.035) * 0.9 + 0.35 * np.sin(2 * np.pi * 70 * time) * np.exp(-time / 0.02)
        room = min(length, count - first)
        near = np.array([0.6, 0.4]) if i % 2 else np.array([0.4, 0.6])
        track[:, first : first + room] += near[:, None] * crunch[:room]
    return track


def _birds(count: int, sample_rate: int, random: np.random.Generator) -> Array:
    """A few chirps that sweep down, each from its own side."""
    track = np.zeros((2, count))
    for _ in range(int(count / sample_rate * 1.2)):
        length = int(random.uniform(0.05, 0.12) * sample_rate)
        first = int(random.uniform(0, max(count - length, 1)))
        time = np.arange(length) / sample_rate
        pitch = random.uniform(2600, 4200) * (1 - 1.6 * time) + 180 * np.sin(2 * np.pi * 35 * time)
        chirp = (
            0.08 * np.sin(2 * np.pi * np.cumsum(pitch) / sample_rate) * np.sin(np.pi * np.arange(length) / length) ** 2
        )
        room, side = min(length, count - first), random.uniform(0.15, 0.85)
        track[:, first : first + room] += np.array([[1 - side], [side]]) * chirp[:room]
    return track
