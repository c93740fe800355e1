"""Sentences to be spoken: word lists of our own and made-up words, combined at random.

Grammar does not matter to the lips; variety of sounds does. Half of a sentence's words are real, the other half,
where the spelling is regular, are made up, so that every consonant meets every vowel.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

WORDS: dict[str, str] = {
    "en": """about above people maybe number paper apple happy bubble problem remember member simple example family
        company computer camera famous moment summer winter morning evening problem public purple pepper butter bottom
        baby blue brown bring between beautiful because before behind better mother father brother measure pleasure
        treasure vision television weather whether leather feather thing think thought three through throat cheese
        church much child question chocolate jump judge large bridge joy enjoy voice choice noise boy toy fish shoe
        should shall wash machine official special ocean zoo zebra lazy music use usual huge few view value very
        voyage every leave love life live wife wolf would water wood with window wonderful yellow yes young year
        music moon soon food school good book look put push pull foot full four five fifty fourteen first word world
        work bird girl learn early murmur hotel open over only go home show slow snow know cold gold old road boat
        house out now how town mouth loud cloud down round sound time night light five side ride white wide high sky
        make take day say way rain pain name game same table able paper late great red bed bread said head ten
        pen men many any friend cat bad man hand stand plan family happy map camp lamp hot top stop rock box body
        father car far star market park dark law saw talk walk all call ball small door floor more sing ring king
        long strong song language finger hungry thank bank drink sixth months clothes strength glimpse""",
    "de": """Apfel Baum Blume Buch Brot Butter Mutter Vater Bruder Schwester Sommer Morgen Abend Problem Beispiel
        Pferd Pfeffer Kopf Topf Schiff Fisch Tisch Schule schön böse Löwe König Vögel müde Tür fünf über grün
        Bücher Füße Milch ich nicht Licht acht Nacht Buch machen sprechen Sprache Woche Zeit zwei zwölf Zimmer
        Pizza Katze jetzt Wasser Wein wollen warum wenn immer nimmer kommen nehmen geben bleiben lieben haben
        Maus Haus laufen kaufen heute neun Leute Freund mein klein weiß Bein Mond Sohn groß rot Brot Ohr Uhr
        gut Mut Hund Mund Lampe Puppe Suppe Gabel Nebel Papier Paprika Empfang Umweg Abbau wichtig richtig
        Straße Stein spielen Stunde Junge jung Jahr lang singen Ding danke trinken""",
    "es": """agua amigo barco bebida cabeza cambio campo pueblo problema empresa hombre nombre sombra tiempo siempre
        también lámpara papel primavera palabra libro abril febrero mundo mesa mamá papá madre padre hermano
        perro carro guerra río rojo jamón jefe gente ojo mujer viejo niño mañana señor año llave calle pollo
        lluvia cielo cinco plaza zapato azul chico noche leche mucho café fuego familia fiesta favor vida vaca
        nuevo uva huevo puerta bueno escuela fuerte muy hoy rey aire causa Europa deuda agua guitarra queso
        quién pequeño gato jugo igual lengua pingüino""",
    "fr": """bonjour merci maman papa pomme poire pain beurre fromage chambre jambon tomber nombre simple problème
        exemple public peuple bleu blanc bon vin pain un brun lundi parfum monde maison matin demain main femme
        homme famille fille feuille œil soleil travail pluie nuit huit lui cuisine rue lune plume sur vue deux
        peu jeu feu cœur fleur peur sœur beurre eau beau chaud gros rose chose jaune rouge jour joue goût vous
        nous tout où chat chien cheval chaise marché jeune neige âge général voiture vivre vent avant savoir
        français garçon leçon montagne ligne agneau campagne ville elle belle parler manger aimer vouloir""",
    "it": """acqua amico bambino babbo mamma bello bravo campo capo coppa doppio esempio famiglia figlio foglia
        giorno gioco giugno luglio gnomo lavagna montagna sogno bagno chiave chiesa occhio vecchio cena cielo
        dolce pace pesce scena uscire sciarpa zio zero pizza pazzo mezzo azzurro vino vento uva nuovo uomo uovo
        buono fuoco scuola quando quattro cinque acqua guerra lingua sempre tempo problema pubblico popolo padre
        madre fratello sorella mare monte ponte libro tavolo finestra porta luna sole vita amore cuore""",
    "pt": """água amigo barco bebê cabeça campo tempo sempre também problema exemplo público pão mão não coração
        manhã mãe maçã bom som um homem nome mundo mesa mamãe papai pai filho folha milho trabalho velho amanhã
        vinho sonho chuva chave cheiro gente hoje jogo jovem lua leite noite dia tarde cidade verde vida voz
        fazer falar favor família flor fogo rua rio carro cachorro terra guerra quatro quente língua água rápido
        livro palavra branco preto azul amarelo vermelho""",
    "ru": """вода мама папа баба бабушка бумага белый брат больше быть время вечер весна ветер вопрос всё говорить
        год голова гора город дверь день дерево дом друг думать ещё жена жизнь журнал завтра земля зима зуб идти
        имя июнь каждый книга когда конец красный лампа лето лицо любовь люди май машина место месяц море мороз
        музыка мяч небо ночь нужно обед окно осень память первый песня письмо победа помощь пример проблема пять
        работа рыба семь сердце слово снег собака солнце спать стол счастье утро ухо фильм хлеб цвет цирк час
        человек чёрный шапка школа щека щука это юг яблоко язык""",
    "ja": """あめ あさ いぬ うみ えき おかね かみ きもち くるま けむり こども さくら しんぶん すし せかい そら
        たべもの ちず つき てがみ とけい なつ にほん ぬの ねこ のみもの はな ひと ふゆ へや ほん まど みず むし
        めがね もり やま ゆき よる らいねん りんご るす れきし ろうか わたし ぱん ぴあの ぷうる ぺん ぽけっと
        ばら びじん ぶどう べんきょう ぼうし まんなか さんぽ しんぱい せんぱい かんぱい こんばんは でんわ
        ありがとう おはよう こんにちは さようなら しゃしん ちゃわん きょう びょういん ひゃく みゃく りょこう
        がっこう ざっし きっぷ まって ふうせん""",
    "ko": """사람 물 밥 불 비 바람 봄 여름 가을 겨울 아버지 어머니 아빠 엄마 친구 학교 선생님 공부 컴퓨터 커피
        빵 배 포도 사과 바나나 나무 마음 말 문제 방법 병원 부모 빨리 뿌리 아프다 앞 입 집 밤 몸 꿈 김치
        음식 영화 음악 우유 의자 왼쪽 오른쪽 위 외국 여행 얼굴 이름 전화 좋은 지금 시간 시장 신문""",
}

_SYLLABLES: dict[str, tuple[str, str, str]] = {
    # onsets, vowels, codas: for languages whose spelling says how they sound
    "en": (
        "b bl br p pl pr m f fl v w d dr t tr st sp sm th s sh ch j k g l r n h y",
        "a e i o u ee oo ay ie oa ow ar er",
        "_ _ b p m mp f v d t n nt s st sh ch k g l ng",
    ),
    "it": (
        "b p m f v d t s z l r n c g sp st br pr tr gl gn sch",
        "a e i o u ia io uo ie",
        "_ _ _ _ n r l m",
    ),
    "es": (
        "b p m f v d t s z l r n c g ch ll j br pr tr cl pl bl",
        "a e i o u ia ie ue",
        "_ _ _ _ n r l s m",
    ),
    "de": (
        "b p m f v w d t s z sch st sp l r n k g h j pf bl br pr",
        "a e i o u ä ö ü ei au eu ie",
        "_ _ b p m mp f t n s ch l ng cht",
    ),
    "fi": (
        "p m v t s l r n k h j",
        "a e i o u y ä ö aa ee ii oo uu yy ää öö ai ei oi ui au ou",
        "_ _ _ n s l t",
    ),
    "cs": (
        "b p m f v d t s z š ž č c ř l r n k h ch j bl pr vl př tř",
        "a e i o u á é í ou y",
        "_ _ _ b p m v t n s k š l",
    ),
    "fr": (
        "b p m f v d t s z ch j l r n c g br pr pl tr",
        "a é è i o u ou eu oi an on in",
        "_ _ _ _ r l t s",
    ),
    "pt": ("b p m f v d t s z ch j l r n c g br pr pl", "a e i o u ai ei ão õe ou", "_ _ _ _ r s l m"),
    "ru": (
        "б п м ф в д т с з ш ж ч ц щ л р н к г х бл пр вл",
        "а е и о у я ё ю ы э",
        "_ _ _ б п м в т н с к ш л й",
    ),
    "hi": ("ब प म फ भ व द त स श ल र न क ग च ज ह य", "_ ा ि ी ु ू े ै ो ौ", "_"),
}

_PINYIN_INITIALS = "b p m f d t n l g k h j q x zh ch sh r z c s _"
_PINYIN_FINALS: dict[str, str] = {
    # which finals follow which initials, so that only syllables of Mandarin are made
    "b p m": "a o ai ei ao an en ang eng i ie iao ian in ing u",
    "f": "a o ei ou an en ang eng u",
    "d t": "a e ai ao ou an ang eng ong i ie iao ian ing u uo ui uan un",
    "n l": "a e ai ei ao ou an ang eng ong i ie iao iu ian in iang ing u uo uan v ve",
    "g k h": "a e ai ei ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "j q x": "i ia ie iao iu ian in iang ing iong u ue uan un",
    "zh ch sh r z c s": "i e ao ou an en ang eng u uo ui uan un",
    "_": "a o e ai ao ou an en wu wa wo wai wei wan wen wang weng yi ya ye yao you yan yin yang ying yong yu yue",
}
_JYUTPING = (
    "b p m f d t n l g k h gw kw w z c s j _",
    "aa aai aau aam aan aang aap aat ai au am an ang ap at e ei eng i iu im in ing ip it o oi ou on ong u ui un ung yu",
)


# How people speak freely: little words that run into each other, worn forms, beginnings given up, fillers.
_TALK: dict[str, str] = {
    "opening": """so|well|yeah|okay so|um|uh|and then|but|I mean|you know|like|actually|anyway|right|no|I guess
        |the thing is|because|oh|or|so basically|and um|but uh""",
    "beginning": """I was just|I'm gonna|it's kind of|it's kinda|we're just gonna|I don't know if|I don't think
        |you could just|they're probably|there's a|there's some|that's the|that's what|he was like|she said that
        |we didn't|I'd say it's|you wanna|it'll be|I've never had|do you think|what I did was|I couldn't
        |let me just|there isn't any|if you want the|I kept|he's got a|you've got to be|we should've had
        |it wasn't a|I have a|this is the|and I had to""",
    "middle": """going to|talking about|trying to say|a little bit of|pretty much|sort of a|a lot of
        |something about|looking at|kind of like|just about|thinking of|all of|one of|supposed to be|part of
        |at the end of|in front of|some of those|a couple of|not much of|quite a|really a|maybe the|not even a""",
    "end": """that stuff|this thing|the other day|people here|my work|a bunch of them|the kids
        |that kind of problem|the numbers|last week|the same place|everybody|it all|the whole morning|the book
        |your car|some coffee|a better one|both of us|the second half|so many things|the weather
        |these questions|her voice|the big window|my brother|the corner|lunch|a phone number""",
    "tail": """you know|or something|I guess|right|and stuff|anyway|though|or whatever|at least|I think|so
        |probably|like that|for now|again""",
}


def talk(rng: random.Random) -> str:
    """One to three clauses of English as it is spoken, not written."""

    def pick(kind: str, chance: float = 1.0) -> str:
        return rng.choice(_TALK[kind].split("|")).strip() if rng.random() < chance else ""

    clauses = []
    for _ in range(rng.randint(1, 3)):
        parts = (pick("opening", 0.6), pick("beginning"), pick("middle", 0.7), pick("end"), pick("tail", 0.3))
        clauses.append(" ".join(part for part in parts if part))
    return (", " if rng.random() < 0.5 else " ").join(clauses) + "."


def sentence(language: str, rng: random.Random) -> str:
    """One random sentence of 3 to 12 words with the odd comma, in the writing that the engines read.

    A third of the English ones are talk.
    """
    if language == "en" and rng.random() < 1 / 3:
        return talk(rng)
    count = rng.randint(3, 12)
    if language == "cmn":
        words = [_pinyin(rng) for _ in range(count)]
    elif language == "yue":
        onsets, rimes = (part.split() for part in _JYUTPING)
        words = [
            rng.choice(onsets).replace("_", "") + rng.choice(rimes) + str(rng.randint(1, 6))
            for _ in range(count)
        ]
    else:
        words = [_word(language, rng) for _ in range(count)]
    for index in range(count - 1):
        if rng.random() < 0.12:
            words[index] += ","
    return " ".join(words) + rng.choice([".", ".", ".", "?", "!"])


def _word(language: str, rng: random.Random) -> str:
    real: Sequence[str] = WORDS.get(language, "").split()
    if real and (language not in _SYLLABLES or rng.random() < 0.5):
        return rng.choice(real)
    onsets, vowels, codas = (part.split() for part in _SYLLABLES[language])
    syllables = (
        rng.choice(onsets) + rng.choice(vowels) + rng.choice(codas) for _ in range(rng.choice([1, 2, 2, 3]))
    )
    return "".join(syllables).replace("_", "")


def _pinyin(rng: random.Random) -> str:
    """One to three Mandarin syllables with tone numbers."""
    syllables = []
    for _ in range(rng.choice([1, 2, 2, 3])):
        initial = rng.choice(_PINYIN_INITIALS.split())
        finals = next(finals for initials, finals in _PINYIN_FINALS.items() if initial in initials.split())
        syllables.append(initial.replace("_", "") + rng.choice(finals.split()) + str(rng.randint(1, 4)))
    return " ".join(syllables)
