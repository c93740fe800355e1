"""How the presenter moves: from what the mouth does to what the whole head does, frame by frame.

Speech gives the mouth (an `ArticulationTrack`); this module adds everything a speaker does besides: closed lips in
silence, blinks, brows, the sway and the nods of the head, breath. All randomness comes from one seed, and the result
for the whole film is a small table, so that frames can then be drawn in any order.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runtime.contract import Notice, RenderOptions, RuntimeProblem
from runtime.speech.filters import gaussian_filter, maximum_filter, runs, uniform_filter
from runtime.stages.articulation import EXPRESSIONS, ArticulationTrack
from runtime.stages.easing import smoothstep

log = logging.getLogger(__name__)

Floats = NDArray[np.float32]
Doubles = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

BLINK = slice(EXPRESSIONS.index("eyeBlinkLeft"), EXPRESSIONS.index("eyeBlinkRight") + 1)
_OPENING = [
    n for n, name in enumerate(EXPRESSIONS) if name.startswith(("jawOpen", "mouthLowerDown", "mouthUpperUp"))
]
_PUCKER = EXPRESSIONS.index("mouthPucker")

# Seconds.
EASE = 0.4  # from the untouched photo to fully driven, and back: as long as a smile takes to go
SHORTEST_EASE = 0.2  # where somebody speaks from the first moment on
SHORTEST_PAUSE = 0.16  # the mouth does not rest in shorter ones: the silence in a stop may be as long
SHORTEST_SOUND = 0.06
OPENS_BEFORE, CLOSES_AFTER = 0.04, 0.06  # how far speech reaches into the pauses around it
JAW_INERTIA = 0.025  # standard deviation of the Gaussian that what opens the mouth follows
SHAPE_INERTIA = 0.02  # the same for the lips' shape, which the audio encoder has already rounded
LIP_TRAVEL = 0.08  # from a contact until the lips are as far apart as the sound wants them
HOLE = 0.5  # of the pucker, by which rounded lips are nearer each other
FAINTEST_SPEECH = -45.0  # dB under a loud vowel
MIDDLE_OF_FRAME = 0.5  # a frame is seen for its whole interval, so it shows the middle of it

# Each kind of movement draws its own random numbers from the seed.
_STREAMS = {"blinks": 1, "head": 2, "brows": 3}


@dataclass(frozen=True)
class MotionTrack:
    """The drive of every frame; row t belongs to frame t.

    expression: (T, 25) float32 ARKit coefficients; eyeBlink 0 = the photo's own eye opening, 1 = closed.
    closure: (T,) float32 0..1, 1 = the lips must touch.
    head: (T, 5) float32 yaw, pitch, roll (radians) and dx, dy (ipd), all relative to the photo's own pose.
    amount: (T,) float32 0..1, 0 = the photo untouched, 1 = fully driven.
    brows: (T,) float32 how far the brows are raised, ipd; None: not at all.
    """

    fps: float
    expression: Floats
    closure: Floats
    head: Floats
    amount: Floats
    brows: Floats | None = None

    def __len__(self) -> int:
        return len(self.amount)

    def rows(self, start: int, stop: int) -> MotionTrack:
        """The frames from `start` up to `stop`, which is excluded."""
        part = slice(start, stop)
        return MotionTrack(
            self.fps,
            self.expression[part],
            self.closure[part],
            self.head[part],
            self.amount[part],
            None if self.brows is None else self.brows[part],
        )


def perform(track: ArticulationTrack, seconds: float, options: RenderOptions) -> MotionTrack:
    """Turn the mouth's track into the drive of a film of `seconds`; beyond the track the presenter idles."""
    frames = frame_count(seconds, options.fps)
    speaking = speech_mask(track)
    mouth = _earlier(track, lip_delay(track)) if options.lip_alignment else track
    mouth = _hush(mouth, speaking)
    if options.motion_smoothing:
        mouth = _steady(mouth)
    mouth = _rounded(_travel(mouth))
    mouth = _amplify(mouth, options.dynamic_scale)
    mouth = _at_frames(mouth, options.fps, frames, options.lip_offset_ms / 1000.0)

    rows = math.ceil(seconds * track.fps) + 1
    speaking = _fitted(speaking, rows, False)
    loudness = _fitted(track.loudness, rows, -80.0)
    head = head_motion(speaking, loudness, track.fps, _generator(options.seed, "head"))
    if options.motion_smoothing:
        head = gaussian_filter(head, 0.06 * track.fps)
    times = (np.arange(frames) + MIDDLE_OF_FRAME) / options.fps
    head = _interpolated(head, times * track.fps) * np.float32(options.motion_scale)
    raised = brow_beats(speaking, loudness, track.fps, _generator(options.seed, "brows"))
    brows = _interpolated(raised[:, None], times * track.fps)[:, 0] * np.float32(options.motion_scale)

    expression = mouth.expression.copy()
    pauses = phrase_ends(speaking, track.fps)
    lids = blinks(frames, options.fps, pauses, _generator(options.seed, "blinks"))
    expression[:, BLINK] = np.maximum(expression[:, BLINK], lids[:, None])
    amount = _ease(frames, options.fps, speaking, track.fps)
    return MotionTrack(options.fps, expression, mouth.closure, head, amount, brows)


def frame_count(seconds: float, fps: float) -> int:
    """How many frames cover `seconds`; a rest of less than a thousandth of a frame does not count."""
    return max(1, math.ceil(seconds * fps - 1e-3))


def check_length(options: RenderOptions) -> None:
    """Raise the sentence for a film that is to be longer than any recording may be."""
    most = options.max_audio_minutes * 60
    if options.duration is not None and options.duration > most:
        raise RuntimeProblem(
            "option_out_of_range",
            f"Option duration is {options.duration:g}, but must be at most {most:g}, the seconds of max_audio_minutes.",
            "Raise max_audio_minutes for a longer film.",
        )


def film_seconds(
    track: ArticulationTrack, audio_seconds: float, options: RenderOptions
) -> tuple[float, list[Notice]]:
    """How long the film shall be, and what to say about it.

    A shorter `duration` ends in the nearest pause within two seconds (at most a quarter of the film) of it.
    """
    wanted = options.duration if options.duration is not None else audio_seconds
    if options.preview_seconds is not None:
        return min(wanted, options.preview_seconds), []
    if wanted >= audio_seconds:
        return wanted, []
    reach = min(2.0, wanted / 4)
    silent = runs(~_fitted(speech_mask(track), math.ceil(audio_seconds * track.fps), False))
    pauses = [(a / track.fps, b / track.fps) for a, b in silent]
    # Shortly after the last word, or later in the pause: the mouth is closed, and the next word has not begun.
    firsts = [
        (min(start + 0.2, (start + end) / 2), end) for start, end in pauses if end - start >= SHORTEST_PAUSE
    ]
    ends = [wanted if first <= wanted <= end else first for first, end in firsts]
    near = [end for end in ends if abs(end - wanted) <= reach and end >= 0.5]
    if near:
        return min(near, key=lambda end: abs(end - wanted)), []
    return wanted, [
        Notice(
            code="cut_in_speech",
            sentence=f"There is no pause near {wanted:g} s, so the film ends in the middle of speech.",
        )
    ]


def speech_mask(track: ArticulationTrack) -> Mask:
    """Where somebody speaks (T,): probable voice, pauses too short to rest in filled, clicks removed."""
    audible = track.loudness > FAINTEST_SPEECH
    likely, possible = (track.voice > 0.5) & audible, (track.voice > 0.35) & audible
    mask = np.zeros(len(track), bool)
    for start, stop in runs(possible):
        mask[start:stop] = likely[start:stop].any()
    for start, stop in runs(~mask):
        inside = start > 0 and stop < len(mask)
        if inside and stop - start < SHORTEST_PAUSE * track.fps:
            mask[start:stop] = True
    for start, stop in runs(mask):
        if stop - start < SHORTEST_SOUND * track.fps:
            mask[start:stop] = False
    return mask


def phrase_ends(speaking: Mask, fps: float) -> Doubles:
    """Times (seconds) at which a phrase is over, that is, where a pause of a quarter second begins."""
    return np.array([start / fps for start, stop in runs(~speaking) if start and stop - start >= 0.25 * fps])


def _earlier(track: ArticulationTrack, seconds: float) -> ArticulationTrack:
    """Move the mouth, not the voice, by whole rows: interpolation would soften the closures."""
    rows = np.clip(np.arange(len(track)) + round(seconds * track.fps), 0, len(track) - 1)
    return replace(track, expression=track.expression[rows], closure=track.closure[rows])


def _hush(track: ArticulationTrack, speaking: Mask) -> ArticulationTrack:
    """Close the lips wherever nobody speaks, however lively the coefficients are there."""
    times = np.arange(len(track)) / track.fps
    gate = np.zeros(len(track))
    for start, stop in runs(speaking):
        first, last = start / track.fps, (stop - 1) / track.fps
        low = max(0, start - 5)
        part = slice(low, stop + 5)
        rise = np.clip(1 + (times[part] - first) / OPENS_BEFORE, 0, 1)
        fall = np.clip(1 - (times[part] - last) / CLOSES_AFTER, 0, 1)
        gate[part] = np.maximum(gate[part], np.minimum(rise, fall))
    spoken: Floats = gate.astype(np.float32)
    return replace(
        track, expression=track.expression * spoken[:, None], closure=np.maximum(track.closure, 1 - spoken)
    )


def _steady(track: ArticulationTrack) -> ArticulationTrack:
    """Give the mouth its inertia, and take the tremor out of held sounds; closures stay as they are.

    A jaw that follows every decision of the audio encoder flaps: moves begin and end twice as hard as those of
    people. What opens the mouth is the slower; it also runs on through closures, over which the jaw of a speaker
    does not shut. Where nothing has moved for some time a Gaussian of 50 ms takes over.
    """
    fps = track.fps
    expression: Doubles = track.expression.astype(np.float64)
    travel = gaussian_filter(expression, 0.03 * fps, order=1, mode="nearest")
    # At the height of a syllable the mouth stands still for an instant too: look a little to both sides.
    speed = maximum_filter(np.abs(travel).max(axis=1) * fps, round(0.12 * fps))
    quick = np.clip((speed - 0.7) / 1.5, 0, 1)[
        :, None
    ]  # full scales a second; an ordinary syllable reaches three
    moving = gaussian_filter(expression, SHAPE_INERTIA * fps, mode="nearest")
    moving[:, _OPENING] = gaussian_filter(expression[:, _OPENING], JAW_INERTIA * fps, mode="nearest")
    held = gaussian_filter(expression, 0.05 * fps, mode="nearest")
    return replace(track, expression=np.asarray(moving * quick + held * (1 - quick), np.float32))


def _rounded(track: ArticulationTrack) -> ArticulationTrack:
    """Lips that are pushed forward leave a small hole: half of the pucker counts as closure.

    The face model's funnel and pucker alone leave an "oo" open as far as an "oh", all teeth in sight.
    """
    narrow = HOLE * track.expression[:, _PUCKER]
    return replace(track, closure=np.maximum(track.closure, narrow).astype(np.float32))


def _travel(track: ArticulationTrack) -> ArticulationTrack:
    """Lips take time to meet and to part: the closure falls from each contact by a parabola.

    They meet at full speed, as if to pass through each other (Löfqvist & Gracco, 1997), so they are near each other
    only briefly. The heights of contacts stay exactly, and an opening between two of them that is too short for the
    way there and back stays small.
    """
    closure = track.closure.copy()
    for row in range(1, math.ceil(LIP_TRAVEL * track.fps)):
        near = np.float32((1 - row / (LIP_TRAVEL * track.fps)) ** 2)
        closure[row:] = np.maximum(closure[row:], near * track.closure[:-row])
        closure[:-row] = np.maximum(closure[:-row], near * track.closure[row:])
    return replace(track, closure=closure)


def _amplify(track: ArticulationTrack, gain: float) -> ArticulationTrack:
    louder = np.clip(track.expression * np.float32(gain), 0, 1).astype(np.float32)
    return replace(track, expression=louder)


def _at_frames(track: ArticulationTrack, fps: float, frames: int, shift: float) -> ArticulationTrack:
    """The track at the film's frames, later by `shift` seconds, at rest before its start and after its end."""
    margin = math.ceil((abs(shift) + 0.5) * track.fps)
    behind = max(0, math.ceil(frames / fps * track.fps) - len(track)) + margin

    def rest(values: Floats, fill: float) -> Floats:
        width = [(margin, behind)] + [(0, 0)] * (values.ndim - 1)
        return np.pad(values, width, constant_values=fill)

    padded = ArticulationTrack(
        track.fps,
        rest(track.expression, 0.0),
        rest(track.closure, 1.0),
        rest(track.voice, 0.0),
        rest(track.loudness, -80.0),
    )
    phase = MIDDLE_OF_FRAME + (margin / track.fps - shift) * fps
    return padded.resampled(fps, frames, phase)


LARGEST_DELAY = 0.24  # seconds; beyond it a correlation is chance
CLEAR_CORRELATION = 0.25
CLEAR_MARGIN = 0.06


def lip_delay(track: ArticulationTrack) -> float:
    """By how many seconds the mouth moves later than the voice sounds; 0.0 where that cannot be told.

    The opening of the mouth and the loudness of the voice rise and fall together: for lips made from the true
    phone times of read speech their correlation peaks within 10 ms of zero. Its peak over lags of up to 240 ms,
    refined by a parabola, is therefore the delay, but only if it stands out clearly from the one at lag zero.
    """
    if (track.voice > 0.5).sum() < 4.0 * track.fps:
        return 0.0
    opening = _jaw_drop(track)
    loudness = np.clip(track.loudness, -40, 0)
    second = round(track.fps)
    opening = opening - uniform_filter(opening, second)
    loudness = loudness - uniform_filter(loudness, second)
    reach = round(LARGEST_DELAY * track.fps)
    lags = np.arange(-reach, reach + 1)
    scores = np.array([_correlation(opening, loudness, int(lag)) for lag in lags])
    best = int(scores.argmax())
    clear = scores[best] >= CLEAR_CORRELATION and scores[best] - scores[reach] >= CLEAR_MARGIN
    if not clear or best in (0, len(lags) - 1):
        return 0.0
    before, peak, after = scores[best - 1 : best + 2]
    offset = lags[best] + 0.5 * (before - after) / (before - 2 * peak + after)
    log.info("the lips are %.0f ms late; removed", 1000 * offset / track.fps)
    return float(offset / track.fps)


def _jaw_drop(track: ArticulationTrack) -> Doubles:
    jaw = track.expression[:, EXPRESSIONS.index("jawOpen")]
    lip = track.expression[:, EXPRESSIONS.index("mouthLowerDownLeft")]
    return ((jaw + 0.5 * lip) * (1 - track.closure)).astype(np.float64)


def _correlation(late: Doubles, early: Doubles, lag: int) -> float:
    """Pearson correlation of late[t + lag] with early[t]."""
    a, b = (late[lag:], early[: len(early) - lag]) if lag >= 0 else (late[:lag], early[-lag:])
    spread = a.std() * b.std()
    return float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread > 1e-9 else 0.0


# Blinks: a lid falls within 90 ms, stays a moment and rises within 170 ms (VanderWerf et al., 2003: 75 to 100, 150 to
# 250).
_FALL, _SHUT, _RISE = 0.09, 0.03, 0.17
_BLINK_GAP = (2.0, 6.0)


def blinks(frames: int, fps: float, pauses: Doubles, generator: np.random.Generator) -> Floats:
    """How far the lids are closed (T,), 0..1: every two to six seconds, by preference where a phrase ends."""
    lids = np.zeros(frames)
    times = (np.arange(frames) + MIDDLE_OF_FRAME) / fps
    seconds = frames / fps
    clock = generator.uniform(0.8, 2.5)
    while clock < seconds:
        moment = _at_phrase_end(clock, pauses)
        twice = generator.random() < 0.07
        for shut in (moment, moment + generator.uniform(0.28, 0.36))[: 1 + twice]:
            speed = generator.uniform(0.85, 1.15)
            # A lid that shuts between two frames would never be seen shut.
            seen = (math.floor(shut * fps) + MIDDLE_OF_FRAME) / fps
            around = _around(seen, 1.0, fps, frames)
            since = (times[around] - seen) / speed
            closing = smoothstep(1 + (since + _SHUT / 2) / _FALL)
            opening = smoothstep(1 - (since - _SHUT / 2) / _RISE)
            lids[around] = np.maximum(lids[around], np.minimum(closing, opening))
        gap = float(np.clip(generator.lognormal(math.log(3.4), 0.35), *_BLINK_GAP))
        clock = moment + gap
    return lids.astype(np.float32)


def _around(moment: float, reach: float, fps: float, rows: int) -> slice:
    """The rows within `reach` seconds of a moment and one more; what is local must not look at the whole film."""
    return slice(max(0, math.floor((moment - reach) * fps)), min(rows, math.ceil((moment + reach) * fps) + 1))


def _at_phrase_end(moment: float, pauses: Doubles) -> float:
    """Put a blink off to the end of the phrase if that is near (0.1 s after it)."""
    later = pauses[(pauses + 0.1 >= moment) & (pauses + 0.1 <= moment + 0.9)]
    return float(later[0]) + 0.1 if len(later) else moment


# Degrees for the three angles, ipd for the two shifts; at motion_scale 1 nothing goes beyond.
_LIMITS = np.array([math.radians(4.0), math.radians(3.0), math.radians(2.0), 0.05, 0.04])
_POSTURE = np.array([math.radians(2.2), math.radians(0.9), math.radians(0.8), 0.014, 0.006])
_SWAY = np.array([math.radians(0.9), math.radians(0.5), math.radians(0.4), 0.007, 0.004])


def head_motion(speaking: Mask, loudness: Floats, fps: float, generator: np.random.Generator) -> Floats:
    """Yaw, pitch, roll (radians), dx, dy (ipd) of a speaker's head (T, 5), starting and resting near zero.

    Four movements are added: postures that change with the phrases, a sway that lives while somebody speaks and
    calms in pauses, nods on stressed syllables, and breath.
    """
    times = np.arange(len(speaking)) / fps
    activity = gaussian_filter(speaking.astype(np.float64), 0.25 * fps)
    head = _postures(times, speaking, fps, generator)
    head += _sway(times, activity, fps, generator)
    head[:, :3] += _beats(times, speaking, loudness, fps, generator)
    head[:, 4] -= 0.25 * head[:, 1]  # the face also sinks when it nods
    breath = np.sin(2 * np.pi * generator.uniform(0.22, 0.28) * times + generator.uniform(0, 2 * np.pi))
    head[:, 1] += math.radians(0.2) * breath
    head[:, 4] += 0.006 * breath
    return (_LIMITS * np.tanh(head / _LIMITS)).astype(np.float32)


def _postures(times: Doubles, speaking: Mask, fps: float, generator: np.random.Generator) -> Doubles:
    """Poses held for seconds and left by smooth moves: a new one with a phrase, rarer and smaller in silence."""
    head = np.zeros((len(times), 5))
    starts = np.array([round(start / fps, 3) for start, _ in runs(speaking)])
    posture = np.zeros(5)
    clock = 0.0
    while clock < times[-1]:
        talks = speaking[min(int(clock * fps), len(speaking) - 1)]
        target = generator.normal(0, 1, 5) * _POSTURE * (1.0 if talks else 0.4)
        target[2] += 0.15 * target[0]  # who turns also tilts
        target[3] += 0.3 * target[0]
        length = generator.uniform(0.7, 1.3)
        due = clock + (generator.uniform(2.2, 4.5) if talks else generator.uniform(3.5, 6.5))
        first, last = np.searchsorted(starts, clock + 1.5, "right"), np.searchsorted(starts, due + 1.0)
        phrase = starts[first:last]
        change = float(phrase[np.abs(phrase - due).argmin()]) if len(phrase) else due
        part = slice(math.ceil(clock * fps), math.ceil(change * fps))
        head[part] = posture + _minimum_jerk((times[part] - clock) / length)[:, None] * (target - posture)
        posture, clock = target, change
    return head


def _sway(times: Doubles, activity: Doubles, fps: float, generator: np.random.Generator) -> Doubles:
    """Slow sums of sines whose clock nearly stands still in pauses."""
    clock = np.cumsum(0.2 + 0.8 * activity) / fps
    head = np.zeros((len(times), 5))
    for low, high, weight in ((0.10, 0.25, 1.0), (0.25, 0.5, 0.5), (0.5, 0.9, 0.2)):
        rate = generator.uniform(low, high, 5)
        phase = generator.uniform(0, 2 * np.pi, 5)
        head += weight * (np.sin(2 * np.pi * rate * clock[:, None] + phase) - np.sin(phase))
    return head * _SWAY


def _beats(
    times: Doubles, speaking: Mask, loudness: Floats, fps: float, generator: np.random.Generator
) -> Doubles:
    """Yaw, pitch, roll (T, 3), radians, of small nods that reach their depth on loud syllables.

    A nod goes a little to one side and tilts; people's heads move as fast about each axis when they speak, which is
    what tells a speaker from a head that floats.
    """
    contour = _stress(speaking, loudness, fps)
    beats = np.zeros((len(times), 3))
    for peak, prominence in prominent_peaks(contour, 4.0, max(1, round(0.4 * fps))):
        if not speaking[peak] or generator.random() > 0.8:
            continue
        depth = math.radians(generator.uniform(0.7, 1.8)) * min(1.0, 0.4 + prominence / 20)
        way = np.array([generator.normal(0, 0.3), -1.0, generator.normal(0, 0.4)])
        middle = peak / fps + generator.uniform(0.0, 0.06)
        near = _around(middle, 1.2, fps, len(times))
        since = times[near] - middle
        down, up = 0.11, 0.22  # standard deviations: the head falls faster than it rises
        bell = np.exp(-0.5 * (since / np.where(since < 0, down, up)) ** 2)
        beats[near] += depth * bell[:, None] * way
    return beats


# Ipd, and seconds: brows rise quickly, stay for a word or two and sink slowly.
_BROW_HEIGHT = (0.02, 0.05)
_BROW_RISE, _BROW_STAY, _BROW_FALL = 0.18, (0.08, 0.5), 0.35
_BROW_GAP = 1.2


def brow_beats(speaking: Mask, loudness: Floats, fps: float, generator: np.random.Generator) -> Floats:
    """How far the brows are raised (T,), ipd: now and then, where a word is stressed (Flecha-García, 2010)."""
    times = np.arange(len(speaking)) / fps
    brows = np.zeros(len(times))
    for peak, _ in prominent_peaks(_stress(speaking, loudness, fps), 5.0, round(_BROW_GAP * fps)):
        if not speaking[peak] or generator.random() > 0.45:
            continue
        height, stay = generator.uniform(*_BROW_HEIGHT), generator.uniform(*_BROW_STAY)
        middle = peak / fps - 0.1  # they lead the syllable a little
        near = _around(middle, _BROW_STAY[1] + _BROW_RISE + _BROW_FALL, fps, len(times))
        since = times[near] - middle
        up = _minimum_jerk((since + _BROW_RISE / 2) / _BROW_RISE)
        down = _minimum_jerk((since - stay - _BROW_RISE / 2) / _BROW_FALL)
        brows[near] = np.maximum(brows[near], height * (up - down))
    return brows.astype(np.float32)


def _stress(speaking: Mask, loudness: Floats, fps: float) -> Doubles:
    """(T,) dB: the voice's loudness, syllable by syllable; faint where nobody speaks."""
    return gaussian_filter(np.where(speaking, np.clip(loudness, -40, 10), -40.0), 0.06 * fps)


def prominent_peaks(contour: Doubles, least: float, distance: int) -> list[tuple[int, float]]:
    """Peaks of a contour (T,) with their prominences, as `scipy.signal.find_peaks` finds and defines them.

    Of peaks nearer than `distance` the highest stays; a plateau counts as its middle. Written out because loading
    scipy.signal takes longer than rendering a second of film.
    """
    edges = np.flatnonzero(np.diff(contour)) + 1
    starts, stops = np.append(0, edges), np.append(edges, len(contour))  # stretches of one value
    height = contour[starts]
    tops = np.flatnonzero((height[1:-1] > height[:-2]) & (height[1:-1] > height[2:])) + 1
    peaks = (starts[tops] + stops[tops] - 1) // 2
    stays = np.ones(len(peaks), bool)
    for n in np.argsort(contour[peaks])[::-1]:
        if stays[n]:
            first = np.searchsorted(peaks, peaks[n] - distance, "right")
            last = np.searchsorted(peaks, peaks[n] + distance)
            stays[first:n] = stays[n + 1 : last] = False
    found = []
    for peak in peaks[stays]:
        left = _higher(contour[:peak][::-1], contour[peak])
        right = _higher(contour[peak + 1 :], contour[peak])
        valleys = contour[peak - left : peak + 1].min(), contour[peak : peak + 1 + right].min()
        prominence = contour[peak] - max(valleys)
        if prominence >= least:
            found.append((int(peak), float(prominence)))
    return found


def _higher(contour: Doubles, height: float) -> int:
    """How many points come before the first one above a height; looked for near by first, for most are."""
    reach = 64
    while True:
        above = np.flatnonzero(contour[:reach] > height)
        if len(above):
            return int(above[0])
        if reach >= len(contour):
            return len(contour)
        reach *= 4


def _ease(frames: int, fps: float, speaking: Mask, track_fps: float) -> Floats:
    """The film grows out of the untouched photo and returns to it, more quickly where speech leaves less time."""
    times = (np.arange(frames) + MIDDLE_OF_FRAME) / fps
    end = frames / fps
    spoken = np.flatnonzero(speaking)
    first, last = (spoken[0] / track_fps, (spoken[-1] + 1) / track_fps) if len(spoken) else (EASE, end - EASE)
    coming = float(np.clip(first, SHORTEST_EASE, EASE))
    leaving = float(np.clip(end - last, 0.0, EASE))
    amount = smoothstep(times / coming)
    amount[0] = 0.0
    if leaving >= 1 / fps:
        amount = np.minimum(amount, smoothstep((end - times) / leaving))
    return amount.astype(np.float32)


def _minimum_jerk(x: Doubles) -> Doubles:
    """The profile of human reaching (Flash & Hogan, 1985): 0 to 1 without a jolt at either end."""
    x = np.clip(x, 0, 1)
    return x**3 * (10 - 15 * x + 6 * x * x)


def _fitted[T: (Mask, Floats)](values: T, rows: int, fill: float | bool) -> T:
    """Cut or fill up (T,) values to `rows`."""
    return np.concatenate([values[:rows], np.full(max(0, rows - len(values)), fill, values.dtype)])


def _interpolated(values: Floats, positions: Doubles) -> Floats:
    rows = np.arange(len(values))
    return np.stack([np.interp(positions, rows, column) for column in values.T], axis=1).astype(np.float32)


def _generator(seed: int, kind: str) -> np.random.Generator:
    return np.random.default_rng([seed, _STREAMS[kind]])
