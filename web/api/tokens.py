"""Script API: one's own tokens, looked at and ended. They are made in the panel and by `loa token`."""

from flask import Blueprint, Response

from registry import tokens
from registry.models import ApiToken
from web.access import actor, for_scripts
from web.api.account_bodies import TokenAnswer
from web.api.reading import answer, listed
from web.app import house


def register(blueprint: Blueprint) -> None:
    blueprint.add_url_rule("/tokens", view_func=list_tokens, methods=["GET"], endpoint="list_tokens")
    blueprint.add_url_rule(
        "/tokens/<identity>/revoke", view_func=revoke_token, methods=["POST"], endpoint="revoke_token"
    )


def _token(row: ApiToken) -> TokenAnswer:
    return TokenAnswer(
        id=row.id, label=row.label, scope=tokens.words_of(row), created_at=row.created_at, expires_at=row.expires_at,
        used_at=row.used_at,
    )  # fmt: skip


@for_scripts
def list_tokens() -> Response:
    """The caller's own tokens that still open something, the newest first."""
    here = house()
    with here.database.read() as session:
        rows = tokens.of(session, actor().id, here.clock())
    return listed([_token(row) for row in rows], None)


@for_scripts
def revoke_token(identity: str) -> Response:
    """End a token of the caller's, or of somebody all of whose units they administer."""
    here = house()
    with here.database.write() as session:
        row = tokens.revoke(session, actor(), identity, here.clock())
    return answer(_token(row))
