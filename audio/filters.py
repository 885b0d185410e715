"""The recursive filters that shape and weigh sound, as frequency responses.

`z` is a row of points on the unit circle, z^-1 of each frequency. Formulas: the bilinear transform of second-order
analogue sections (R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients").
"""

import math

import numpy as np
from numpy.typing import NDArray

from audio.presets import Preset

_BUTTERWORTH = (0.5411961, 1.3065630)  # the two sections of a fourth-order one
_ROTATION_HZ = 200.0
_HIGHEST = 2.2  # the rate must be so many times a low-pass's frequency for it to be of use


def frequencies(length: int) -> NDArray[np.complex128]:
    """The points of a real Fourier transform over `length` samples."""
    points: NDArray[np.complex128] = np.exp(-2j * math.pi * np.arange(length // 2 + 1) / length)
    return points


def _biquad(
    b: tuple[float, float, float], a: tuple[float, float, float], z: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    answer: NDArray[np.complex128] = (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    return answer


def _shelf(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The first stage of the K weighting for any rate (BS.1770's 48 kHz filter, traced back to its analogue form)."""
    k = math.tan(math.pi * 1681.974450955533 / rate)
    q = 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    b = (high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    return _biquad(b, (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k), z)


def _high_pass(
    hz: float, q: float, rate: int, z: NDArray[np.complex128], numerator: float | None = None
) -> NDArray[np.complex128]:
    k = math.tan(math.pi * hz / rate)
    scale = 1 + k / q + k * k
    top = 1.0 if numerator is None else numerator
    return _biquad((top, -2 * top, top), (scale, 2 * (k * k - 1), 1 - k / q + k * k), z)


def _low_pass(hz: float, q: float, rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    k = math.tan(math.pi * hz / rate)
    return _biquad((k * k, 2 * k * k, k * k), (1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k), z)


def k_weighting(rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The K weighting of BS.1770-4 at any rate."""
    # The standard's second stage has the numerator (1, -2, 1) over a denominator normalised to 1.
    k = math.tan(math.pi * 38.13547087602444 / rate)
    scale = 1 + k / 0.5003270373238773 + k * k
    return _shelf(rate, z) * _high_pass(38.13547087602444, 0.5003270373238773, rate, z, numerator=scale)


def _peaking(hz: float, db: float, q: float, rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    turn = 2 * math.pi * hz / rate
    amplitude, width, middle = 10 ** (db / 40), math.sin(turn) / (2 * q), -2 * math.cos(turn)
    return _biquad(
        (1 + width * amplitude, middle, 1 - width * amplitude),
        (1 + width / amplitude, middle, 1 - width / amplitude),
        z,
    )


def polish(preset: Preset, rate: int, z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """What `preset` does to the tone: high-pass (wind, handling, hum), low-pass, presence and phase rotation.

    Voices have peaks on one side, far above their loudness. Four all-passes at 200 Hz, the usual way of AM stations,
    spread them in time without a change in tone: espeak-ng's Vietnamese then needs 3.4 dB of limiting, not 9.4.
    """
    response = np.ones(len(z), np.complex128)
    for q in _BUTTERWORTH if preset.steep else (math.sqrt(0.5),):
        response *= _high_pass(preset.from_hz, q, rate, z)
    if rate > _HIGHEST * preset.to_hz:
        for q in _BUTTERWORTH:
            response *= _low_pass(preset.to_hz, q, rate, z)
    if preset.presence_db and rate > _HIGHEST * preset.presence_hz:
        response *= _peaking(preset.presence_hz, preset.presence_db, preset.presence_q, rate, z)
    if preset.rotates:
        k = math.tan(math.pi * _ROTATION_HZ / rate)
        near, middle, far = 1 + 2 * k + k * k, 2 * (k * k - 1), 1 - 2 * k + k * k  # Q = 1/2
        response *= _biquad((far, middle, near), (near, middle, far), z) ** 4
    return response
