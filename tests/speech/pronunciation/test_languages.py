"""Words of every language in phones, and a second opinion by espeak-ng."""

from __future__ import annotations

import shutil

import pytest

from runtime.speech.pronunciation import pronounce
from runtime.stages.articulation import PHONES
from tests.speech.pronunciation.espeak import distance, espeak_phones


@pytest.mark.parametrize(
    ("language", "word", "phones"),
    [
        ("de", "Brücke", "b x y k ax"),
        ("de", "und", "uh n t"),
        ("de", "Tag", "t a k"),
        ("de", "Kirche", "k ih ah h ax"),
        ("de", "Buch", "b u x"),
        ("de", "Straße", "sh t x a s ax"),
        ("de", "Apfel", "a p f ax l"),
        ("de", "Häuser", "h o oe z ah"),
        ("de", "versteht", "f ah sh t e t"),
        ("de", "möglich", "m oe k l ih h"),
        ("es", "abuela", "a bh w e l a"),
        ("es", "vino", "b i n ou"),
        ("es", "ciudad", "s j u dh a dh"),
        ("es", "guitarra", "g i t a rr a"),
        ("es", "llave", "j a bh e"),
        ("es", "gente", "x e n t e"),
        ("fr", "beaucoup", "b ou k u"),
        ("fr", "maison", "m eh z o"),
        ("fr", "feuille", "f oe j"),
        ("fr", "homme", "o m"),
        ("fr", "vin", "v eh"),
        ("fr", "champion", "sh a p j o"),
        ("fr", "quatre", "k a t x"),
        ("fr", "avaient", "a v eh"),
        ("fr", "parlent", "p a x l"),
        ("fr", "moment", "m o m a"),
        ("it", "gnocchi", "n o k i"),
        ("it", "famiglia", "f a m i l a"),
        ("it", "cielo", "t sh e l ou"),
        ("pt", "coração", "k ou rr a s a uh"),
        ("pt", "filho", "f i l u"),
        ("nl", "schip", "s x ih p"),
        ("nl", "goed", "x u t"),
        ("nl", "huis", "h oe y s"),
        ("ru", "хлеб", "x l e p"),
        ("ru", "молоко", "m ah l ah k o"),
        ("ru", "сегодня", "s i v o d n a"),
        ("ko", "합니다", "h a m n i d a"),
        ("ko", "독립", "d ou ng n i p"),
        ("ko", "음악", "ih m a k"),
        ("yue", "香", "h oe ng"),
        ("yue", "屋", "uh k"),
        ("yue", "唔", "m"),
        ("yue", "國", "g w o k"),
    ],
)
def test_words(language: str, word: str, phones: str) -> None:
    spoken = pronounce(word, language).words
    assert len(spoken) == 1
    assert phones in {" ".join(variant) for variant in spoken[0].pronunciations}


@pytest.mark.parametrize(
    ("language", "script", "words"),
    [
        ("de", "Um 9:30 Uhr", "Um neun Uhr dreißig Uhr"),
        ("de", "3,5 km", "drei Komma fünf Kilometer"),
        ("de", "1.250 Euro", "eintausendzweihundertfünfzig Euro"),
        ("de", "z.B. 1/2", "zum Beispiel einhalb"),
        ("de", "2 Mio. €", "zwei Millionen Euro"),
        ("de", "am 3. Mai", "am dritten Mai"),
        ("fr", "18h30", "dix-huit heures trente"),
        ("fr", "1 299 euros", "mille deux cent quatre-vingt-dix-neuf euros"),
        ("fr", "-5 °C", "moins cinq degrés Celsius"),
        ("de", "usw. und z", "und so weiter und Z"),
        ("fr", "20 %", "vingt pour cent"),
        ("fr", "9:30", "neuf heures trente"),
        ("es", "9:30", "nueve y treinta"),
        ("es", "12 €", "doce euros"),
        ("it", "3,5", "tre virgola cinque"),
        ("pt", "20%", "vinte por cento"),
        ("nl", "10 km", "tien kilometer"),
        ("ru", "5%", "пять процентов"),
        ("ko", "20%", "이십 퍼센트"),
    ],
)
def test_numbers_and_units(language: str, script: str, words: str) -> None:
    spoken = pronounce(script, language).words
    expected = " ".join(" ".join(word.pronunciations[0]) for word in pronounce(words, language).words)
    usual = [" ".join(word.pronunciations[0]) for word in spoken]
    found = {
        " ".join([*usual[:place], " ".join(phones), *usual[place + 1 :]])
        for place, word in enumerate(spoken)
        for phones in word.pronunciations
    }
    assert expected in found


def test_french_liaison_needs_a_vowel_and_no_pause() -> None:
    def forms(script: str) -> set[str]:
        return {" ".join(phones) for phones in pronounce(script, "fr").words[0].pronunciations}

    assert {"v u", "v u z"} <= forms("vous avez")
    assert "v u z" not in forms("vous parlez")
    assert "v u z" not in forms("vous, avec")


def test_japanese_particles_long_vowels_and_numbers() -> None:
    pytest.importorskip("janome")

    def said(script: str) -> str:
        return " ".join(" ".join(word.pronunciations[0]) for word in pronounce(script, "ja").words)

    assert said("私は") == "w a t a sh i w a"
    assert said("東京") == "t ou k j ou"
    assert said("学校") == "g a k ou"
    assert said("新聞") == "sh i m b u ng"
    assert said("9時") == "k u d zh i"
    assert said("3日") == "m i k a"
    assert said("2人") == "f u t a rr i"
    assert said("350") == "s a m b j a k u g ou d zh u"


def test_japanese_without_its_dictionary_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from runtime.speech.pronunciation import japanese, registry

    monkeypatch.setattr(japanese.importlib.util, "find_spec", lambda name: None)
    registry.rules.cache_clear()
    try:
        pronounced = pronounce("今日はいい天気です。", "ja")
    finally:
        registry.rules.cache_clear()
    assert pronounced.unsupported and not pronounced.words
    assert "requirements-japanese.txt" in pronounced.reason


_SENTENCES = {
    "en": ("en-us", "The committee has published its report, and most members believe the numbers are good."),
    "de": ("de", "Bitte nehmen Sie vor dem Beginn die Batterie heraus und wischen Sie die Kamera mit einem Tuch ab."),
    "fr": ("fr-fr", "Les enfants sont allés à l'école avec leurs amis, mais il fait très beau temps dans la ville."),
    "es": ("es", "El comité ha publicado su informe, pero muchos miembros no creen que los números sean buenos."),
    "it": ("it", "La famiglia ha comprato una bella casa vicino al mare con un giardino pieno di fiori bianchi."),
    "pt": ("pt-br", "O presidente falou ontem sobre a situação do país e disse que os livros são bons para todos."),
    "nl": ("nl", "Morgen gaan we met de trein naar de stad om boeken te kopen voor mijn oude moeder en broer."),
    "ru": ("ru", "Сегодня хорошая погода, и мы идём гулять в большой парк. Моя мама купила свежий хлеб и молоко."),
    "ko": ("ko", "우리는 학교에 가서 친구들을 만났습니다. 박물관은 아침 아홉 시에 문을 엽니다."),
    "ja": ("ja", "きょうは とても てんきが いいので こうえんを さんぽします。 でんしゃは えきを しゅっぱつ します。"),
    "zh": ("cmn-latn-pinyin", "委员会公布了报告，但是很多成员并不相信这些数字。没有人知道河水为什么涨得这么快。"),
}  # fmt: skip


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
@pytest.mark.parametrize("language", list(_SENTENCES))
def test_phones_are_near_those_of_espeak(language: str) -> None:
    if language == "ja":
        pytest.importorskip("janome")
    voice, script = _SENTENCES[language]
    heard = espeak_phones(_pinyin(script) if language == "zh" else script, voice)
    assert len(heard) > 50
    words = pronounce(script, language).words
    assert distance(words, heard) < 0.2
    assert distance(words, heard[len(heard) // 2 :] + heard[: len(heard) // 2]) > 0.4


def _pinyin(script: str) -> str:
    import pypinyin

    return " ".join(pypinyin.lazy_pinyin(script, style=pypinyin.Style.TONE3, neutral_tone_with_five=True))


@pytest.mark.parametrize("language", list(_SENTENCES))
def test_every_phone_is_known(language: str) -> None:
    if language == "ja":
        pytest.importorskip("janome")
    words = pronounce(
        _SENTENCES[language][1] + " 1,250.5 2026 9:30 2026-05-03 20% 5 km $5.50 7 a@b.com", language
    ).words
    assert len(words) > 10
    for word in words:
        assert all(phone in PHONES and phone != "sil" for phones in word.pronunciations for phone in phones)
