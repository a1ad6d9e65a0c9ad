"""What a real camera does to a picture: depth of field, motion blur, exposure that drifts, and noise."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from secondeye.errors import InputError

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Optics:
    """A lens, a shutter and a sensor; as it stands, a pinhole that opens for an instant and sees without noise.

    Truth is that of the pinhole in the middle of the exposure.

    Attributes:
        aperture_mm: diameter of the lens; 0 keeps everything sharp.
        focus_m: depth that is sharp.
        shutter: share of a frame's time that the shutter is open; 0.5 is film's usual half.
        exposures: how many instants and places on the lens are averaged where either blurs.
        noise: standard deviation of the sensor's noise at mid grey, display values; it falls in shadows.
        exposure_drift: stops by which the exposure swings either way, slowly; the same for both eyes.
        seed: of the noise and the drift.

    Raises:
        InputError: a value that no camera has.
    """

    aperture_mm: float = 0.0
    focus_m: float = 5.0
    shutter: float = 0.0
    exposures: int = 16
    noise: float = 0.0
    exposure_drift: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.aperture_mm < 0 or self.focus_m <= 0 or not 0 <= self.shutter <= 1 or self.exposures < 1:
            raise InputError(
                f"optics with aperture {self.aperture_mm:g} mm, focus {self.focus_m:g} m, shutter {self.shutter:g} and"
                f" {self.exposures} exposures: aperture and shutter start at 0, the shutter ends at 1"
            )
        if self.noise < 0 or self.exposure_drift < 0:
            raise InputError(f"noise {self.noise:g} and exposure drift {self.exposure_drift:g} must not be negative")

    @property
    def blurs(self) -> bool:
        """Whether one instant through one point of the lens is not enough."""
        return self.aperture_mm > 0 or self.shutter > 0

    @property
    def changes_colours(self) -> bool:
        """Whether `develop` does anything."""
        return self.noise > 0 or self.exposure_drift > 0

    def exposed(self) -> Iterator[tuple[float, tuple[float, float]]]:
        """When, as a share of the frame's time from its middle, and where on the lens, (right, down) m, light falls."""
        golden = math.pi * (3 - math.sqrt(5))
        for k in range(self.exposures):
            share = (k + 0.5) / self.exposures
            place = (k * 7) % self.exposures if self.exposures % 7 else k  # instants and places must not go together
            radius = self.aperture_mm / 2000 * math.sqrt((place + 0.5) / self.exposures)
            where = (radius * math.cos(place * golden), radius * math.sin(place * golden))
            yield self.shutter * (share - 0.5), where

    def develop(self, rgb: Floats, frame: int, eye: int) -> Floats:
        """Expose one picture (3, H, W) and add the sensor's noise; depends on nothing but its arguments."""
        if not self.changes_colours:
            return rgb
        phase = np.random.default_rng([self.seed, 11]).uniform(0, 2 * math.pi)
        stops = self.exposure_drift * math.sin(2 * math.pi * frame / 75 + phase)
        exposed = rgb * np.float32(2 ** (stops / 2))  # display values are square roots of light
        random = np.random.default_rng([self.seed, 12, frame, eye])
        deviation = self.noise * np.sqrt(0.1 + 1.8 * np.clip(exposed, 0, 1))  # read noise and photon noise
        noise = random.standard_normal(rgb.shape, np.float32) * deviation
        developed: Floats = np.clip(exposed + noise, 0, 1).astype(np.float32)
        return developed
