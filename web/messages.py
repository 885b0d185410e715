"""The message catalogue: English sentences are the keys, `translations/vi.po` holds the Vietnamese.

The catalogue is read from its text form when the application starts, so no compiled file has to be kept in step.
"""

import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, has_request_context, request, session
from flask_babel import Babel, get_domain, get_locale, gettext

from audio.models import Clip
from core.errors import LoaError, filled

LANGUAGES = ("vi", "en")
FOLDER = Path(__file__).parent / "translations"


@cache
def catalogue(language: str) -> NullTranslations:
    """Translations of one language; English needs none."""
    file = FOLDER / f"{language}.po"
    if not file.exists():
        return NullTranslations()
    with file.open("rb") as stream:
        messages = read_po(stream, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def install(app: Flask) -> None:
    """Give `app` its languages: the one chosen in the session, else what the caller accepts, else Vietnamese."""
    Babel(app, locale_selector=language, default_locale="vi", default_translation_directories=str(FOLDER))
    with app.app_context():
        domain = get_domain()

    def translations() -> NullTranslations:
        return catalogue(str(get_locale() or "vi"))

    domain.get_translations = translations


def language() -> str:
    """The language of this request, `vi` or `en`."""
    if not has_request_context():
        return "vi"
    if request.path.startswith("/x/"):  # pages for everybody keep nothing about whom they are shown
        return "en" if request.args.get("lang") == "en" else "vi"
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    if request.path.startswith("/api/"):
        return request.accept_languages.best_match(LANGUAGES, default="vi") or "vi"
    return "vi"


def said(error: LoaError) -> str:
    """The error's sentence in the language of this request."""
    text = gettext(error.message)
    try:
        return str(text % filled(error.params, gettext) if error.params else text)
    except (KeyError, ValueError, TypeError):
        return str(error)


def said_of_clip(clip: Clip) -> str:
    """Why a clip failed, in the language of this request."""
    return said(LoaError(clip.error_message, **clip.error_params)) if clip.error_message else clip.error
