"""Log-mel features: timing, level, and independence of how the samples are cut."""

from __future__ import annotations

import librosa
import numpy as np

from runtime.speech.features import (
    FFT,
    HIGHEST_HZ,
    HOP,
    LOWEST_HZ,
    MELS,
    RATE,
    WINDOW,
    frame_count,
    framed_log_mel,
    heard_together,
    heard_twice,
    log_mel,
    scale_for_network,
)


def test_one_frame_every_ten_milliseconds() -> None:
    samples = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert log_mel(samples).shape == (frame_count(RATE), MELS) == (101, 80)


def test_the_features_are_those_of_librosa() -> None:
    samples = 0.1 * np.random.default_rng(2).standard_normal(RATE).astype(np.float32)
    padded = np.pad(samples, FFT // 2)
    power = np.abs(librosa.stft(padded, n_fft=FFT, hop_length=HOP, win_length=WINDOW, center=False)) ** 2
    bank = librosa.filters.mel(sr=RATE, n_fft=FFT, n_mels=MELS, fmin=LOWEST_HZ, fmax=HIGHEST_HZ)
    np.testing.assert_allclose(log_mel(samples), 10 * np.log10(bank @ power + 1e-12).T, atol=1e-3)


def test_a_click_is_loudest_in_the_frame_at_its_time() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[40 * HOP] = 1.0
    assert log_mel(samples).max(axis=1).argmax() == 40


def test_a_tone_lands_in_its_band_and_ten_times_the_amplitude_is_20_db() -> None:
    time = np.arange(RATE) / RATE
    low, high = (
        log_mel((0.05 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)) for hertz in (300, 3000)
    )
    assert low[50].argmax() < high[50].argmax()
    louder = log_mel((0.5 * np.sin(2 * np.pi * 300 * time)).astype(np.float32))
    np.testing.assert_allclose(louder[50].max() - low[50].max(), 20, atol=0.05)


def test_pieces_give_the_same_frames_as_the_whole() -> None:
    samples = np.random.default_rng(1).standard_normal(4 * RATE).astype(np.float32)
    whole = log_mel(samples)
    padded = np.pad(samples, FFT // 2)
    piece = framed_log_mel(padded[100 * HOP : 199 * HOP + FFT])
    np.testing.assert_allclose(piece, whole[100:200], atol=1e-3)


def test_scaling_is_relative_to_the_level_and_clipped() -> None:
    mel = np.array([[-10.0, -200.0, 90.0]], np.float32)
    np.testing.assert_allclose(scale_for_network(mel, -10.0), [[2.0, -2.0, 3.0]])


def test_a_formant_is_moved_to_either_side_and_the_middle_stays() -> None:
    formant = np.zeros((3, MELS), np.float32)
    formant[:, 66] = 1.0
    shorter, longer = heard_twice(formant)
    assert shorter.shape == longer.shape == formant.shape and shorter.dtype == np.float32
    assert shorter[0].argmax() in (68, 69) and longer[0].argmax() in (63, 64)
    flat = np.full((2, MELS), 0.7, np.float32)
    np.testing.assert_allclose(heard_twice(flat), [flat, flat], rtol=1e-6)


def test_what_one_throat_is_sure_of_the_other_cannot_rule_out() -> None:
    logits = np.array([[[9.0, 0.0, 0.0]], [[-9.0, 0.0, 0.0]]], np.float32)
    together = heard_together(logits)
    assert together.shape == (1, 3) and together.dtype == np.float32
    np.testing.assert_allclose(np.exp(together), [[0.5, 0.25, 0.25]], atol=1e-3)
