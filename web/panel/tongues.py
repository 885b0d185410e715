"""Languages as people name them, and which voices this installation has for each."""

from dataclasses import dataclass
from functools import cache

from babel import Locale

from audio.deadline import Deadline
from audio.engines.base import Voice
from audio.engines.roster import roster
from web.app import house
from web.messages import language as page_language
from web.panel import labels

HOME = "vi"
_LIST_SECONDS = 10.0
_ENGINES = {"gtts": "Google", "espeak": "eSpeak NG", "piper": "Piper"}
# Languages of Vietnam's peoples, by ISO 639-3 (639-1 where there is one), as their speakers' neighbours name them.
PEOPLES = {
    "tyz": "Tày", "blt": "Thái", "mtq": "Mường", "hmn": "H’Mông", "nut": "Nùng", "ium": "Dao", "km": "Khmer",
    "yue": "Hoa", "jra": "Gia Rai", "rad": "Ê Đê", "bdq": "Ba Na", "sed": "Xơ Đăng", "cjm": "Chăm", "hre": "Hrê",
    "kpm": "Cơ Ho", "cmo": "M’Nông", "rog": "Ra Glai", "sti": "Xtiêng", "bru": "Bru – Vân Kiều", "ktv": "Cơ Tu",
    "mww": "H’Mông trắng (Hmoob Dawb)", "cua": "Co",
}  # fmt: skip
_PEOPLES_IN_ENGLISH = {
    "tyz": "Tày", "blt": "Thái (Tai Dam)", "mtq": "Mường", "hmn": "Hmong", "nut": "Nùng", "ium": "Dao (Iu Mien)",
    "km": "Khmer", "yue": "Hoa (Cantonese)", "jra": "Jarai", "rad": "Rade", "bdq": "Bahnar", "sed": "Sedang",
    "cjm": "Cham", "hre": "Hrê", "kpm": "Koho", "cmo": "Mnong", "rog": "Roglai", "sti": "Stieng", "bru": "Bru",
    "ktv": "Katu", "mww": "White Hmong (Hmoob Dawb)", "cua": "Cua",
}  # fmt: skip


@dataclass(frozen=True)
class Tongue:
    """A language for a choice: `voiced` says whether any voice here speaks it."""

    code: str
    name: str
    voiced: bool


def main(code: str) -> str:
    """`en` for `en-GB`."""
    return code.strip().lower().partition("-")[0]


def name(code: str | None) -> str:
    """The language in the words of this page; the code itself where it has no name."""
    if not code:
        return ""
    tag, page = code.strip().lower(), page_language()
    peoples = PEOPLES if page == HOME else _PEOPLES_IN_ENGLISH
    if tag in peoples:
        return f"Tiếng {peoples[tag]}" if page == HOME else peoples[tag]
    known = _names(page).get(main(tag))
    if known is None:
        return code
    return known if main(tag) == tag else f"{known} ({tag})"


@cache
def _names(page: str) -> dict[str, str]:
    return dict(Locale.parse(page).languages)


def voices() -> list[Voice]:
    """Every voice of this installation, engine by engine; an engine that fails to list its own is left out."""
    every = [voice for voice, _ in roster(house().settings).voices(Deadline(_LIST_SECONDS))]
    return list({voice.id: voice for voice in every}.values())


def voices_of(language: str, among: list[Voice]) -> list[Voice]:
    """Those of `among` that speak `language` (all regions of it), in their order."""
    return [voice for voice in among if main(voice.language) == main(language)]


def voiced(among: list[Voice]) -> frozenset[str]:
    """The main languages that these voices speak."""
    return frozenset(main(voice.language) for voice in among)


def groups(among: list[Voice], *kept: str) -> list[tuple[str, list[Tongue]]]:
    """Languages for a choice: `home`, `peoples` and `others` (those with a voice), the last by name.

    `kept` are codes that must be there because somebody has chosen them before.
    """
    spoken = voiced(among)
    home = [Tongue(HOME, name(HOME), HOME in spoken)]
    peoples = [Tongue(code, name(code), code in spoken) for code in PEOPLES]
    known, taken = _names(page_language()), {HOME, *PEOPLES}
    codes = {code for code in spoken if code in known} | {code for code in kept if code} - taken
    others = [Tongue(code, name(code), main(code) in spoken) for code in codes - taken]
    return [("home", home), ("peoples", peoples), ("others", sorted(others, key=lambda each: each.name))]


def voice_title(voice: Voice) -> str:
    """`Google · Vietnamese`, or in our own words where we have some."""
    key = f"voice:{voice.id}"
    if key in labels.LABELS:
        return labels.label("voice", voice.id)
    return f"{_ENGINES.get(voice.engine, voice.engine)} · {voice.title or voice.name}"


def engine_title(engine: str) -> str:
    """What an engine is called in a choice; its own name where we have no words for it."""
    return labels.label("voice", engine)


def spoken_by(identity: str) -> str:
    """Who spoke, from `engine:voice`, whether or not that voice is still here."""
    engine, _, voice = identity.partition(":")
    return voice_title(Voice(engine, voice, "")) if voice else engine_title(identity)
