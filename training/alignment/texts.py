"""Scripts in several languages, and how a synthesiser has to be told to say them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A script in its usual writing; `spoken` is what the synthesiser reads, where that is another writing."""

    language: str
    script: str
    spoken: str = ""


def _texts(language: str, lines: str) -> list[Text]:
    """A script on each line; below it, after a bar, how it is spoken."""
    scripts = lines.strip().replace("\n        |", "|").splitlines()
    return [Text(language, *(part.strip() for part in line.split("|"))) for line in scripts]


TEXTS: list[Text] = [
    *_texts(
        "en",
        """
        Welcome back to the program. Today we will look at how people build bridges over deep water.
        The committee has published its report, and most members believe the numbers are far too optimistic.
        My brother bought five pounds of apples, a bottle of milk and a very big pumpkin.
        In 2024 the museum opened at 9:30 and sold 1,250 tickets before noon.
        Before you begin, please remove the battery and wipe the camera with a soft cloth.
        Nobody knew why the river had risen so quickly, but everybody moved to the upper village.
        """,
    ),
    *_texts(
        "de",
        """
        Herzlich willkommen zu unserer Sendung. Heute sprechen wir über alte Brücken und breite Flüsse.
        Der Ausschuss hat seinen Bericht veröffentlicht, aber viele Mitglieder glauben den Zahlen nicht.
        Meine Mutter backt am Samstag einen Apfelkuchen mit Butter, Milch und frischen Pflaumen.
        Im Jahr 2024 öffnete das Museum um 9 Uhr und verkaufte 350 Karten.
        Bitte nehmen Sie vor dem Beginn die Batterie heraus und wischen Sie die Kamera ab.
        """,
    ),
    *_texts(
        "fr",
        """
        Bienvenue dans notre émission. Aujourd'hui, nous parlons des vieux ponts et des grands fleuves.
        Le comité a publié son rapport, mais beaucoup de membres ne croient pas aux chiffres.
        Ma mère prépare une tarte aux pommes avec du beurre, du lait et un peu de miel.
        En 2024, le musée a vendu 350 billets avant midi.
        Avant de commencer, enlevez la batterie et essuyez la caméra avec un chiffon propre.
        """,
    ),
    *_texts(
        "es",
        """
        Bienvenidos a nuestro programa. Hoy hablamos de los puentes antiguos y de los ríos grandes.
        El comité ha publicado su informe, pero muchos miembros no creen en los números.
        Mi madre prepara una tarta de manzana con mantequilla, leche y un poco de miel.
        En 2024 el museo vendió 350 entradas antes del mediodía.
        Antes de empezar, quite la batería y limpie la cámara con un paño suave.
        """,
    ),
    *_texts(
        "zh",
        """
        欢迎收看我们的节目，今天我们来谈谈古老的桥梁和宽阔的河流。
        委员会公布了报告，但是很多成员并不相信这些数字。
        妈妈每个周末都会用苹果、牛奶和黄油做一个很大的蛋糕。
        开始之前，请先把电池拿出来，然后用软布擦一擦镜头。
        没有人知道河水为什么涨得这么快，大家都搬到了山上的村子。
        """,
    ),
    *_texts(
        "yue",
        """
        今日天氣好好，我哋一齊去公園行吓。
        | gam1 jat6 tin1 hei3 hou2 hou2, ngo5 dei6 jat1 cai4 heoi3 gung1 jyun2 haang4 haa5.
        歡迎收聽我哋嘅節目，我係你嘅主持人。
        | fun1 jing4 sau1 teng1 ngo5 dei6 ge3 zit3 muk6, ngo5 hai6 nei5 ge3 zyu2 ci4 jan4.
        香港係一個美麗嘅城市，有好多高樓大廈。
        | hoeng1 gong2 hai6 jat1 go3 mei5 lai6 ge3 sing4 si5, jau5 hou2 do1 gou1 lau4 daai6 haa6.
        請問去火車站應該點樣行？
        | cing2 man6 heoi3 fo2 ce1 zaam6 jing1 goi1 dim2 joeng2 haang4?
        佢每日朝早都飲一杯咖啡，食兩塊麵包。
        | keoi5 mui5 jat6 ziu1 zou2 dou1 jam2 jat1 bui1 gaa3 fe1, sik6 loeng5 faai3 min6 baau1.
        """,
    ),
    *_texts(
        "ja",
        """
        今日はとても天気がいいので、公園を散歩しましょう。
        | きょうわ とても てんきが いいので、 こうえんを さんぽしましょう。
        番組をご覧いただき、ありがとうございます。
        | ばんぐみを ごらんいただき、 ありがとうございます。
        新しい技術は私たちの生活を便利にします。
        | あたらしい ぎじゅつわ わたしたちの せいかつを べんりに します。
        母は毎朝パンとバナナを食べます。
        | ははわ まいあさ ぱんと ばななを たべます。
        電車は午後六時に東京駅を出発します。
        | でんしゃわ ごご ろくじに とうきょうえきを しゅっぱつします。
        """,
    ),
    *_texts(
        "it",
        """
        Benvenuti al nostro programma. Oggi parliamo di ponti antichi e di fiumi profondi.
        Il comitato ha pubblicato il rapporto, ma molti membri non credono ai numeri.
        Mia madre prepara una torta di mele con burro, latte e un poco di miele.
        Nel 2024 il museo ha venduto 350 biglietti prima di mezzogiorno.
        Prima di cominciare, togliete la batteria e pulite la camera con un panno morbido.
        """,
    ),
    *_texts(
        "pt",
        """
        Bem-vindos ao nosso programa. Hoje falamos de pontes antigas e de rios profundos.
        A comissão publicou o seu relatório, mas muitos membros não acreditam nos números.
        Minha mãe prepara uma torta de maçã com manteiga, leite e um pouco de mel.
        Em 2024 o museu vendeu 350 bilhetes antes do meio-dia.
        Antes de começar, tire a bateria e limpe a câmera com um pano macio.
        """,
    ),
    *_texts(
        "nl",
        """
        Welkom bij ons programma. Vandaag praten we over oude bruggen en brede rivieren.
        De commissie heeft haar verslag gepubliceerd, maar veel leden geloven de cijfers niet.
        Mijn moeder bakt op zaterdag een appeltaart met boter, melk en verse pruimen.
        In 2024 verkocht het museum 350 kaartjes voor de middag.
        Haal voor het begin de batterij eruit en maak de camera schoon met een zachte doek.
        """,
    ),
    *_texts(
        "ru",
        """
        Добро пожаловать в нашу программу. Сегодня мы говорим о старых мостах и широких реках.
        Комитет опубликовал отчёт, но многие члены не верят этим числам.
        Моя мама готовит яблочный пирог с маслом, молоком и мёдом.
        Перед началом выньте батарею и протрите камеру мягкой тканью.
        Никто не знал, почему река поднялась так быстро, но все перебрались в верхнюю деревню.
        """,
    ),
    *_texts(
        "ko",
        """
        우리 프로그램에 오신 것을 환영합니다. 오늘은 오래된 다리와 넓은 강을 이야기합니다.
        위원회가 보고서를 발표했지만 많은 사람들이 숫자를 믿지 않습니다.
        어머니는 토요일마다 버터와 우유로 사과 케이크를 만듭니다.
        시작하기 전에 배터리를 빼고 부드러운 천으로 카메라를 닦으세요.
        아무도 강물이 왜 그렇게 빨리 불어났는지 몰랐습니다.
        """,
    ),
]
