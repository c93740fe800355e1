import numpy as np
import pytest
from scipy.signal import resample_poly

from runtime.lessons.loudness import CEILING, TARGET, amplified, gain_to_target, measure

RATE = 48_000


def sine(level: float, seconds: float = 4.0, hertz: float = 1000.0) -> np.ndarray:
    """A tone whose root mean square is `level` dBFS."""
    times = np.arange(round(seconds * RATE)) / RATE
    return (2**0.5 * 10 ** (level / 20) * np.sin(2 * np.pi * hertz * times)).astype(np.float32)


@pytest.mark.parametrize("level", [-30.0, -23.0, -10.0])
def test_a_tone_of_1_kilohertz_measures_its_level(level: float) -> None:
    """The K weighting is 0 dB there, up to the offset that BS.1770 takes away again."""
    assert measure(np.array_split(sine(level), 7), RATE) == pytest.approx(level, abs=0.1)


def test_pauses_do_not_count() -> None:
    spoken = np.concatenate([sine(-23.0), np.zeros(20 * RATE, np.float32), sine(-23.0)])
    assert measure([spoken], RATE) == pytest.approx(-23.0, abs=0.3)


def test_silence_is_left_alone() -> None:
    assert gain_to_target(lambda: [np.zeros(3 * RATE, np.float32)], RATE) == 0.0


@pytest.mark.parametrize("level", [-31.0, -12.0])
def test_sound_comes_to_the_target_without_delay(level: float) -> None:
    sound = sine(level)
    gain = gain_to_target(lambda: np.array_split(sound, 9), RATE)
    out = np.concatenate(list(amplified(np.array_split(sound, 9), RATE, gain)))
    assert len(out) == len(sound)
    assert measure([out], RATE) == pytest.approx(TARGET, abs=0.2)
    middle = slice(RATE, 2 * RATE)
    assert np.corrcoef(out[middle], sound[middle])[0, 1] > 0.999


def test_peaks_between_samples_stay_under_the_ceiling() -> None:
    """A quarter of the sampling rate, taken off its crests: the samples are 3 dB lower than the wave."""
    times = np.arange(2 * RATE)
    sound = (0.7 * np.sin(np.pi / 2 * times + np.pi / 4)).astype(np.float32)
    out = np.concatenate(list(amplified([sound], RATE, 12.0)))
    peak = np.abs(resample_poly(out[RATE // 2 : -RATE // 2], 8, 1)[800:-800]).max()
    assert 20 * np.log10(peak) < CEILING + 0.3
    assert 20 * np.log10(peak) > CEILING - 1.0


def test_what_the_ceiling_takes_is_made_up_for() -> None:
    """Bursts far above the rest: limited, the whole would be too quiet."""
    sound = np.tile(np.concatenate([sine(-9.0, 0.01), sine(-27.0, 0.39)]), 20)
    gain = gain_to_target(lambda: [sound], RATE)
    out = np.concatenate(list(amplified([sound], RATE, gain)))
    assert gain > TARGET - measure([sound], RATE) + 0.3
    assert measure([out], RATE) == pytest.approx(TARGET, abs=0.4)
    assert 20 * np.log10(np.abs(out).max()) < CEILING + 0.1
