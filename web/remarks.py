"""Remarks on alerts, in the language of the request; and what of alerts the application keeps in memory."""

from flask import current_app
from flask_babel import gettext

from alerts.cap.remarks import Remark
from alerts.sources.land import Surveyor
from alerts.sources.taking import Taker
from web.app import house

_SURVEYOR = "loa_surveyor"


def say(remark: Remark) -> str:
    """A remark as a sentence in the language of this request."""
    text = gettext(remark.message)
    try:
        return str(text % remark.params if remark.params else text)
    except (KeyError, ValueError, TypeError):
        return str(remark)


def surveyor() -> Surveyor:
    """The lie of the land, kept by this application as long as nothing changes."""
    found: Surveyor = current_app.extensions.setdefault(_SURVEYOR, Surveyor())
    return found


def taker() -> Taker:
    """Takes in what people hand in."""
    return Taker(house().database, house().settings, house().signer, surveyor())
