from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from runtime.contract import RenderOptions
from runtime.stages.articulation import EXPRESSIONS, ArticulationTrack, Segment, articulate
from runtime.stages.performance import (
    BLINK,
    brow_beats,
    film_seconds,
    head_motion,
    lip_delay,
    perform,
    prominent_peaks,
    runs,
    speech_mask,
)

RATE = 50.0
WORDS = (
    "sil",
    "m",
    "a",
    "b",
    "o",
    "sil",
    "p",
    "i",
    "s",
    "e",
    "m",
    "u",
    "l",
    "a",
    "sil",
    "b",
    "e",
    "f",
    "a",
    "t",
    "o",
)


def _loudness(segments: list[Segment], frames: int) -> np.ndarray:
    """What a microphone would give: vowels loud, consonants faint, silence silent."""
    levels = {"sil": -70.0} | dict.fromkeys("pbtf", -30.0) | dict.fromkeys("msl", -15.0)
    loudness = np.full(frames, -70.0, np.float32)
    for segment in segments:
        rows = slice(round(segment.start * RATE), round(segment.end * RATE))
        loudness[rows] = levels.get(segment.phone, 0.0)
    return loudness


def _speech(
    seconds: float = 20.0, pause: float = 0.5, seed: int = 0
) -> tuple[ArticulationTrack, list[Segment]]:
    """Read syllables with pauses, as an ideal audio encoder would describe them."""
    generator = np.random.default_rng(seed)
    segments: list[Segment] = []
    clock = 0.4
    while clock < seconds - 1.5:
        for phone in WORDS:
            if clock > seconds - 1.0:
                break
            length = pause if phone == "sil" else generator.uniform(0.07, 0.16)
            segments.append(Segment(phone, clock, clock + length))
            clock += length
    track = articulate(segments, seconds, RATE)
    return replace(track, loudness=_loudness(segments, len(track))), segments


def _silence(seconds: float) -> ArticulationTrack:
    rows = round(seconds * RATE)
    return ArticulationTrack(
        RATE,
        np.full((rows, 25), 0.4, np.float32),  # a restless mouth that nobody hears
        np.zeros(rows, np.float32),
        np.full(rows, 0.1, np.float32),
        np.full(rows, -70.0, np.float32),
    )


@pytest.mark.parametrize("fps", [12, 25, 29.97, 60])
def test_every_bilabial_closes_at_any_frame_rate(fps: float) -> None:
    track, segments = _speech()
    motion = perform(track, 20.0, RenderOptions(fps=fps))
    assert len(motion) == np.ceil(20 * fps)
    times = (np.arange(len(motion)) + 0.5) / fps
    missed = [
        segment
        for segment in segments
        if segment.phone in "pbm"
        and motion.closure[(times > segment.start - 0.6 / fps) & (times < segment.end + 0.6 / fps)].max()
        < 0.8
    ]
    assert missed == []


def test_vowels_still_open_with_smoothing() -> None:
    track, segments = _speech()
    motion = perform(track, 20.0, RenderOptions())
    rough = perform(track, 20.0, RenderOptions(motion_smoothing=False))
    for segment in segments:
        if segment.phone == "a" and segment.end - segment.start > 0.1:
            row = round((segment.start + segment.end) / 2 * 25 - 0.5)
            assert motion.expression[row, 0] > 0.7 * rough.expression[row, 0] > 0.2
            assert motion.closure[row] < 0.5


def test_smoothing_steadies_held_sounds_and_keeps_closures() -> None:
    segments = [Segment(phone, start, start + 0.8) for start, phone in enumerate("aoieua")]
    track = articulate([Segment("m", vowel.end, vowel.end + 0.2) for vowel in segments] + segments, 6.5, RATE)
    noise = np.random.default_rng(1).normal(0, 0.03, track.expression.shape).astype(np.float32)
    restless = replace(track, expression=np.clip(track.expression + noise, 0, 1))

    def tremor(options: RenderOptions) -> float:
        added = perform(restless, 6.5, options).expression - perform(track, 6.5, options).expression
        held = [
            added[round(50 * (vowel.start + 0.25)) : round(50 * (vowel.start + 0.6))] for vowel in segments
        ]
        return float(np.mean([np.abs(np.diff(rows[:, : BLINK.start], n=2, axis=0)).mean() for rows in held]))

    smooth, rough = RenderOptions(fps=50), RenderOptions(fps=50, motion_smoothing=False)
    assert tremor(smooth) < 0.4 * tremor(rough)
    closed, wanted = perform(track, 6.5, smooth).closure, perform(track, 6.5, rough).closure
    contact = wanted > 0.5  # below it rounded lips come near each other, as smoothly as they are rounded
    assert np.array_equal(closed[contact], wanted[contact]) and closed[~contact].max() <= 0.5


def _held_open(rows: int) -> ArticulationTrack:
    """An audio encoder that hears one "a" and decides everything at once: open or shut from row to row."""
    expression = np.zeros((rows, 25), np.float32)
    expression[:, 0] = 0.5
    loud = np.zeros(rows, np.float32)
    return ArticulationTrack(RATE, expression, loud.copy(), loud + 1, loud)


def test_lips_take_time_to_part() -> None:
    track = _held_open(200)
    closed = slice(100, 104)
    track.closure[closed], track.expression[closed] = 1.0, 0.0
    motion = perform(track, 4.0, RenderOptions(fps=50, lip_alignment=False))
    opening = motion.expression[:, 0] * (1 - motion.closure)
    assert motion.closure[101:103].min() == 1.0
    assert np.abs(np.diff(opening[20:180])).max() < 0.2  # of 0.5, in a fiftieth of a second
    assert opening[95] > 0.4 and opening[109] > 0.4
    assert motion.expression[101:103, 0].min() > 0.05  # the jaw does not shut for a p


def test_an_opening_too_short_for_the_way_stays_small() -> None:
    long, short = _held_open(200), _held_open(200)
    for track, rows in ((long, 20), (short, 3)):
        for closed in (slice(80, 90), slice(90 + rows, 100 + rows)):
            track.closure[closed], track.expression[closed] = 1.0, 0.0
    far, near = (perform(track, 4.0, RenderOptions(fps=50, lip_alignment=False)) for track in (long, short))
    wide = (far.expression[:, 0] * (1 - far.closure))[90:110].max()
    assert wide > 0.45
    assert (near.expression[:, 0] * (1 - near.closure))[90:93].max() < 0.6 * wide


def test_pushed_forward_lips_leave_a_small_hole() -> None:
    track = _held_open(200)
    pucker = EXPRESSIONS.index("mouthPucker")
    track.expression[100:, pucker] = 0.8
    motion = perform(track, 4.0, RenderOptions(fps=50, lip_alignment=False))
    assert motion.closure[20:80].max() < 0.01
    assert motion.closure[120:180] == pytest.approx(0.4, abs=0.01)
    contacts = replace(track, closure=np.where(np.arange(200) % 40 < 4, 1.0, 0.0).astype(np.float32))
    shut = perform(contacts, 4.0, RenderOptions(fps=50, lip_alignment=False)).closure
    assert shut[121:123].min() == 1.0 and shut.max() == 1.0


def test_silence_keeps_the_lips_closed() -> None:
    motion = perform(_silence(8.0), 8.0, RenderOptions())
    assert motion.closure.min() == 1.0
    assert motion.expression[:, : BLINK.start].max() == 0.0
    track, segments = _speech(pause=0.8)
    track = replace(track, expression=np.maximum(track.expression, 0.3), closure=np.zeros_like(track.closure))
    motion = perform(track, 20.0, RenderOptions())
    times = (np.arange(len(motion)) + 0.5) / 25
    for segment in segments:
        if segment.phone == "sil":
            inside = (times > segment.start + 0.1) & (times < segment.end - 0.1)
            assert motion.closure[inside].min() > 0.98


def test_dynamic_scale_opens_wider_but_never_the_closures() -> None:
    track, _ = _speech()
    plain = perform(track, 20.0, RenderOptions())
    lively = perform(track, 20.0, RenderOptions(dynamic_scale=1.5))
    quiet = perform(track, 20.0, RenderOptions(dynamic_scale=0.5))
    assert quiet.expression[:, 0].mean() < 0.6 * plain.expression[:, 0].mean()
    assert lively.expression[:, 0].mean() > 1.3 * plain.expression[:, 0].mean()
    assert np.array_equal(lively.closure, plain.closure)
    assert lively.expression.max() <= 1.0


@pytest.mark.parametrize("delay", [-0.16, -0.08, 0.06, 0.12])
def test_lip_delay_is_found(delay: float) -> None:
    track, _ = _speech(seconds=30)
    shift = round(delay * RATE)
    late = replace(
        track, expression=np.roll(track.expression, shift, 0), closure=np.roll(track.closure, shift)
    )
    assert lip_delay(late) == pytest.approx(delay, abs=0.015)
    aligned = perform(late, 30.0, RenderOptions())
    wanted = perform(track, 30.0, RenderOptions(lip_alignment=False))
    left_alone = perform(late, 30.0, RenderOptions(lip_alignment=False))

    def distance(motion: object) -> float:
        return float(np.abs(motion.closure[50:-50] - wanted.closure[50:-50]).mean())  # type: ignore[attr-defined]

    assert distance(aligned) < 0.5 * distance(left_alone)


def test_lips_in_step_are_left_alone() -> None:
    for seed in range(4):
        track, _ = _speech(seconds=12, seed=seed)
        assert abs(lip_delay(track)) <= 0.02
    noise = np.random.default_rng(0).random((600, 25)).astype(np.float32)
    by_chance = ArticulationTrack(
        RATE,
        noise,
        np.zeros(600, np.float32),
        np.ones(600, np.float32),
        np.random.default_rng(1).uniform(-40, 0, 600).astype(np.float32),
    )
    assert lip_delay(by_chance) == 0.0


def test_lip_offset_moves_the_lips_by_hand() -> None:
    track, _ = _speech()
    plain = perform(track, 20.0, RenderOptions(fps=50, lip_alignment=False))
    later = perform(track, 20.0, RenderOptions(fps=50, lip_alignment=False, lip_offset_ms=100))
    assert np.allclose(later.expression[5:, 0], plain.expression[:-5, 0], atol=0.02)


def test_blinks_come_every_two_to_six_seconds_and_look_like_blinks() -> None:
    track, segments = _speech(seconds=120)
    motion = perform(track, 120.0, RenderOptions(fps=60))
    lids = motion.expression[:, BLINK.start]
    assert np.array_equal(lids, motion.expression[:, BLINK.stop - 1])
    closed = runs(lids > 0.02)
    starts = np.array([start for start, _ in closed]) / 60
    gaps = np.diff(starts)
    single = gaps[gaps > 0.6]
    assert single.min() >= 1.5 and single.max() <= 7.0
    lengths = np.array([stop - start for start, stop in closed]) / 60
    assert 0.2 <= np.median(lengths) <= 0.3
    assert all(lids[start:stop].max() > 0.95 for start, stop in closed if stop < len(lids))
    ends = np.array([segment.start for segment in segments if segment.phone == "sil"])
    after_phrase = [np.abs(start - ends).min() < 0.25 for start in starts]
    assert np.mean(after_phrase) > 0.4


def test_blinks_reach_shut_at_any_frame_rate() -> None:
    for fps in (12, 25):
        lids = perform(_silence(40.0), 40.0, RenderOptions(fps=fps)).expression[:, BLINK.start]
        peaks = [lids[start:stop].max() for start, stop in runs(lids > 0.02) if stop < len(lids)]
        assert len(peaks) >= 6 and min(peaks) > 0.95


def test_head_moves_smoothly_within_its_limits() -> None:
    track, _ = _speech(seconds=60)
    motion = perform(track, 60.0, RenderOptions())
    degrees = np.degrees(motion.head[:, :3])
    assert np.all(np.abs(degrees).max(axis=0) <= [4, 3, 2])
    assert np.all(np.abs(degrees).max(axis=0) >= [1, 0.8, 0.4])
    assert np.abs(np.diff(degrees, axis=0)).max() * 25 < 20  # degrees a second
    assert np.abs(np.diff(degrees, n=2, axis=0)).max() < 0.35
    still = perform(track, 60.0, RenderOptions(motion_scale=0))
    assert np.abs(still.head).max() == 0
    assert np.allclose(perform(track, 60.0, RenderOptions(motion_scale=2)).head, 2 * motion.head, atol=1e-6)


def test_head_calms_in_pauses() -> None:
    track, segments = _speech(seconds=60, pause=2.5)
    motion = perform(track, 60.0, RenderOptions())
    times = (np.arange(len(motion)) + 0.5) / 25
    speed = np.abs(np.gradient(motion.head[:, 1])) + np.abs(np.gradient(motion.head[:, 0]))
    silent = np.zeros(len(times), bool)
    for segment in segments:
        if segment.phone == "sil":
            silent |= (times > segment.start + 0.4) & (times < segment.end)
    assert speed[silent].mean() < 0.6 * speed[~silent].mean()


def test_head_beats_fall_on_loud_syllables() -> None:
    rows = round(12 * RATE)
    peaks = np.arange(75, rows - 75, 60)
    loudness = np.full(rows, -20.0)
    for peak in peaks:
        loudness[peak - 5 : peak + 6] = 0.0
    speaking = np.ones(rows, bool)
    heads = np.array(
        [
            head_motion(speaking, loudness.astype(np.float32), RATE, np.random.default_rng(seed))
            for seed in range(60)
        ]
    )
    pitch = np.degrees(heads[..., 1].mean(axis=0))
    assert (pitch[peaks + 1] - pitch[peaks + 31]).mean() < -0.5  # 0.02 at most where all is equally loud
    # A beat also tilts, to either side; between beats the head is as calm as it is without any.
    tilting = np.degrees(np.abs(np.diff(heads[..., 2], axis=1))).mean(axis=0) * RATE
    falling, between = (
        np.add.outer(peaks, steps).ravel() for steps in (np.arange(-8, -2), np.arange(28, 34))
    )
    assert tilting[falling].mean() > 1.8 * tilting[between].mean()


def test_brows_rise_now_and_then_where_a_word_is_stressed() -> None:
    rows = round(60 * RATE)
    loudness = np.full(rows, -20.0, np.float32)
    peaks = np.arange(100, rows - 100, 90)
    for peak in peaks:
        loudness[peak - 5 : peak + 6] = 0.0
    speaking = np.ones(rows, bool)
    brows = brow_beats(speaking, loudness, RATE, np.random.default_rng(0))
    assert brows.min() == 0 and 0.02 < brows.max() <= 0.05
    raised = runs(brows > 0.01)
    assert 0.2 * len(peaks) < len(raised) < 0.7 * len(peaks)
    assert all(np.abs(peaks - (start + 3)).min() <= 8 for start, _ in raised)
    assert np.abs(np.diff(brows, n=2)).max() < 0.004  # no jolt
    assert brow_beats(~speaking, loudness, RATE, np.random.default_rng(0)).max() == 0


def test_brows_obey_motion_scale_and_rest_in_silence() -> None:
    track, _ = _speech(seconds=60)
    plain, double, none = (
        perform(track, 60.0, RenderOptions(motion_scale=scale)).brows for scale in (1, 2, 0)
    )
    assert plain is not None and double is not None and plain.max() > 0.015
    np.testing.assert_allclose(double, 2 * plain, atol=1e-6)
    assert none is not None and none.max() == 0
    rows = perform(track, 60.0, RenderOptions()).rows(10, 20)
    assert rows.brows is not None and np.array_equal(rows.brows, plain[10:20])
    silent = perform(_silence(20.0), 20.0, RenderOptions()).brows
    assert silent is not None and silent.max() == 0


def test_same_seed_same_film() -> None:
    track, _ = _speech()
    once, again = (perform(track, 20.0, RenderOptions(seed=5)) for _ in range(2))
    other = perform(track, 20.0, RenderOptions(seed=6))
    assert np.array_equal(once.head, again.head) and np.array_equal(once.expression, again.expression)
    assert not np.allclose(once.head, other.head)
    assert np.array_equal(once.expression[:, :20], other.expression[:, :20])


def test_film_starts_and_ends_at_the_photo() -> None:
    track, _ = _speech()
    amount = perform(track, 20.0, RenderOptions()).amount
    assert amount[0] == 0 and amount[-1] < 0.1
    assert amount[10:-10].min() == 1.0
    assert np.diff(amount)[:8].min() >= 0


def test_a_smile_does_not_vanish_from_one_frame_to_the_next() -> None:
    at_once, _ = _speech()
    early = replace(at_once, voice=np.ones_like(at_once.voice), loudness=np.zeros_like(at_once.loudness))
    for track in (at_once, early):
        amount = perform(track, 20.0, RenderOptions()).amount
        assert np.abs(np.diff(amount)).max() < 0.32 and amount[10] == 1


def test_longer_film_idles_and_is_never_frozen() -> None:
    track, _ = _speech(seconds=8)
    motion = perform(track, 30.0, RenderOptions())
    idle = slice(9 * 25, 29 * 25)
    assert motion.closure[idle].min() == 1.0
    steps = np.abs(np.diff(motion.head[idle], axis=0)).sum(axis=1)
    assert steps.min() > 1e-5
    assert len(runs(motion.expression[idle, BLINK.start] > 0.5)) >= 3


def test_shorter_film_ends_in_the_nearest_pause() -> None:
    track, segments = _speech()
    pause = next(segment for segment in segments if segment.phone == "sil" and segment.start > 6)
    seconds, notices = film_seconds(track, 20.0, RenderOptions(duration=pause.start + 0.6))
    assert pause.start < seconds < pause.end and notices == []
    late = (pause.start + pause.end) / 2 + 0.02
    assert film_seconds(track, 20.0, RenderOptions(duration=late)) == (late, [])
    silent = replace(track, voice=np.zeros_like(track.voice))
    assert film_seconds(silent, 20.0, RenderOptions(duration=7.3)) == (7.3, [])
    unbroken = replace(track, voice=np.ones_like(track.voice), loudness=np.zeros_like(track.loudness))
    seconds, notices = film_seconds(unbroken, 20.0, RenderOptions(duration=7.3))
    assert seconds == 7.3 and notices[0].code == "cut_in_speech"


def test_film_is_as_long_as_the_sound_unless_told_otherwise() -> None:
    track, _ = _speech()
    assert film_seconds(track, 20.0, RenderOptions())[0] == 20.0
    assert film_seconds(track, 20.0, RenderOptions(duration=33))[0] == 33.0
    assert film_seconds(track, 20.0, RenderOptions(preview_seconds=3))[0] == 3.0


def test_half_an_hour_is_planned_quickly() -> None:
    piece, _ = _speech(seconds=60)
    long = ArticulationTrack(
        RATE,
        np.tile(piece.expression, (30, 1)),
        np.tile(piece.closure, 30),
        np.tile(piece.voice, 30),
        np.tile(piece.loudness, 30),
    )
    motion = perform(long, 1800.0, RenderOptions())
    assert len(motion) == 45_000
    assert np.isfinite(motion.head).all() and np.isfinite(motion.expression).all()


def test_speech_mask_fills_short_gaps_and_drops_clicks() -> None:
    voice = np.zeros(200, np.float32)
    voice[50:80] = voice[84:120] = 0.9
    voice[150] = 0.9
    track = replace(_silence(4.0), voice=voice, loudness=np.zeros(200, np.float32))
    assert runs(speech_mask(track)) == [(50, 120)]


@pytest.mark.parametrize("steps", [0.0, 3.0])
def test_peaks_are_those_of_scipy(steps: float) -> None:
    noise = np.random.default_rng(5)
    for width in (0.7, 2.0, 5.0):
        contour = gaussian_filter1d(noise.normal(-10, 12, 900), width)
        if steps:
            contour = np.round(contour / steps) * steps  # plateaus
        expected, found = find_peaks(contour, prominence=4.0, distance=25)
        peaks = prominent_peaks(contour, 4.0, 25)
        assert len(expected) and [peak for peak, _ in peaks] == list(expected)
        np.testing.assert_allclose([height for _, height in peaks], found["prominences"])
