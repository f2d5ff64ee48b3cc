"""Pictures, sounds and the choice of clips."""

import io
import zlib

import numpy as np
import pytest
import soundfile
from matplotlib.image import imread

from asd_cli.features.recipe import FeatureParameters
from asd_cli.reporting.clip_list import list_clips
from asd_cli.reporting.clips import ClipMaterial, WindowGrid, make_cards, make_picture
from asd_cli.reporting.png import palette, shorten, spectrogram_png
from asd_cli.reporting.sound import LONGEST_S, common_gain, encode_mp3
from tests.unit.reporting.builders import make_system

GRID = WindowGrid(n_frames=64, hop=1)


def test_the_png_is_one_that_others_read() -> None:
    clip = np.linspace(-80, 0, 50 * 20).reshape(50, 20).astype(np.float32)
    pixels = imread(io.BytesIO(spectrogram_png(clip, (-80.0, 0.0))), format="png")[..., :3] * 255
    assert pixels.shape == (20, 50, 3)
    assert pixels[-1, 0] == pytest.approx(palette()[0], abs=0.5), (
        "the first frame's lowest band, quietest"
    )
    assert pixels[0, -1] == pytest.approx(palette()[-1], abs=0.5), (
        "the last frame's highest band, loudest"
    )


def test_the_same_clip_gives_the_same_bytes() -> None:
    clip = np.random.default_rng(0).normal(size=(30, 16)).astype(np.float32)
    assert spectrogram_png(clip, (-2, 2)) == spectrogram_png(clip.copy(), (-2, 2))


def test_long_clips_are_shortened_by_averages() -> None:
    clip = np.arange(1000, dtype=np.float32)[:, None]
    short = shorten(clip)
    assert len(short) <= 420
    assert short[0, 0] == pytest.approx(1.0)
    assert short[-1, 0] == pytest.approx(999.0)


def test_a_palette_gets_lighter_all_the_way() -> None:
    lightness = palette().astype(float) @ [0.2126, 0.7152, 0.0722]
    assert np.all(np.diff(lightness) > 0)


@pytest.mark.parametrize("rate", [16000, 22050, 96000])
def test_sounds_are_mp3_of_bounded_length(rate: int) -> None:
    y = np.sin(np.arange(int(rate * (LONGEST_S + 5))) * 0.05).astype(np.float32) * 0.01
    content = encode_mp3(y, rate, gain=common_gain([y]))
    info = soundfile.info(io.BytesIO(content))
    assert info.format == "MP3"
    assert info.duration == pytest.approx(LONGEST_S, abs=0.3)
    assert np.abs(soundfile.read(io.BytesIO(content))[0]).max() == pytest.approx(0.9, abs=0.1)


def test_the_gain_is_common_and_bounded() -> None:
    assert common_gain([np.full(9, 0.1, np.float32), np.full(9, 0.3, np.float32)]) == pytest.approx(
        3
    )
    assert common_gain([np.full(9, 1e-9, np.float32)]) == pytest.approx(100.0)
    assert common_gain([np.zeros(9, np.float32)]) == 1.0
    assert common_gain([]) == 1.0


def test_a_picture_without_window_scores_has_no_curve() -> None:
    features = np.random.default_rng(0).normal(-60, 3, (125, 128)).astype(np.float32)
    material = ClipMaterial(features=features)
    recipe = FeatureParameters()
    picture = make_picture(material, recipe, grid=GRID, limits=(-80, 0), threshold=None)
    assert picture.curve == ""
    assert picture.seconds == pytest.approx(124 * 512 / 16000, abs=1e-3)
    assert picture.y_ticks[-1].text == "8k"


def test_the_curve_lies_at_the_centres_of_its_windows() -> None:
    features = np.zeros((100, 128), np.float32)
    windows = np.linspace(-1, 1, 37).astype(np.float32)
    material = ClipMaterial(features=features, windows=windows)
    recipe = FeatureParameters()
    picture = make_picture(material, recipe, grid=GRID, limits=(-80, 0), threshold=0.0)
    assert picture.curve.startswith(f"M{40 + 312 * 32 / 100:.1f} 252")
    assert picture.rule == pytest.approx(232.0)
    far = make_picture(material, recipe, grid=GRID, limits=(-80, 0), threshold=99.0)
    assert far.rule is None


def test_a_clip_that_is_not_at_hand_has_a_card_that_says_so() -> None:
    system = make_system({("fan", "00", "source"): ([0.0], [1.0])})
    chosen = list_clips(system.machines[0])
    material = {clip.key: ClipMaterial(missing="gone") for clip in chosen}
    cards, gain = make_cards(chosen, material, recipe=FeatureParameters(), grid=GRID)
    assert {card.missing for card in cards.values()} == {"gone"}
    assert gain == 1.0


def test_png_checksums_are_right() -> None:
    content = spectrogram_png(np.zeros((4, 4), np.float32), (0, 1))
    start = content.index(b"IDAT")
    length = int.from_bytes(content[start - 4 : start], "big")
    body = content[start : start + 4 + length]
    assert zlib.crc32(body) == int.from_bytes(content[start + 4 + length :][:4], "big")
