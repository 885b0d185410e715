"""Who gets what answer: the kinds of routes there are, and how the fixed cast is answered on each.

The cast, in the order of the columns: an editor who approves for the whole province, the commune's writer, its
approver, its technician, its administrator, a stranger without any role, the administrator of the commune next door,
and somebody who is not signed in.
"""

import contextlib
from collections.abc import Iterator

from sqlmodel import Session

from core.database import Database

CAST = ("editor", "writer", "approver", "technician", "administrator", "stranger", "neighbour", "nobody")
# y: answered, n: refused by name (403), h: as if it were not there (404), o: shown the door (401, or the way to sign in)
RULES = {
    "anyone": "yyyyyyyy",  # needs no signing in, shows nothing of anybody's
    "secret": "hhhhhhhh",  # needs no signing in but a secret in the address; without it nothing is there
    "signed_in": "yyyyyyyo",  # shows each what is theirs
    "own": "hhhhhhho",  # only ever one's own: the thing in the test is of somebody else
    "absent": "hhhhhhho",  # the thing in the test has no such part, which nobody is told apart from not being let
    "see": "yyyyyhho",
    "write": "yyynyhho",
    "write_or_schedule": "yyyyyhho",
    "approve": "ynynyhho",
    "schedule": "ynyyyhho",
    "operate": "nnnyyhho",
    "alarm": "ynynyhho",
    "operate_unseen": "hhhyyhho",  # hidden also from who sees the unit
    "schedule_absent": "hnhhhhho",  # who may finds that there is nothing to undo
    "speaker": "hhhhyhho",  # only who speaks; in the test that is the administrator
    "administer": "nnnnyhho",
    "above": "nnnnnhho",  # only who administers the unit above
    # Pages that stand for themselves, by what somebody may do somewhere: the neighbour sees their own there.
    "write_page": "yyynynyo",
    "approve_page": "ynynynyo",
    "schedule_page": "ynyyynyo",
    "operate_page": "nnnyynyo",
    "operate_form": "nnnyynho",  # refused to who runs no stations, hidden from who does so elsewhere
    "alarm_page": "ynynynyo",
    "administer_page": "nnnnynyo",
    "has_role": "yyyyynyo",  # refused to who has no role anywhere
    "alarm_somewhere": "ynynynho",  # refused by name to who raises no alarms anywhere, then hidden from others
    "another_person": "ynnnyhho",  # who may raise alarms there, but not the one who asked
    "write_form": "yyynynho",  # refused to who writes nowhere, hidden from who writes elsewhere
    "administer_form": "nnnnynho",  # refused to who administers nothing, hidden from who does so elsewhere
    "administer_absent": "nnnnhhho",  # who may finds that there is nothing of the kind
    "write_absent": "hhhnhhho",
    "owner": "hyhhhhho",  # in the test that is the writer
    "owner_or_above": "nynnyhho",
    "speaker_form": "hhyhhhho",  # only who speaks; in the test of the panel that is the approver
    "door": "oooooooy",  # signing in by a form that is not of this browser
    "door_out": "oooooooo",
    "deputised": "hhyhyhho",  # who has the deputy, in the test the approver, and the unit's administrator
    "installation": "nnnnnnno",  # only who administers the whole installation
}


def letter(status: int, location: str = "") -> str:
    """One answer, as a letter of RULES."""
    if status == 401 or (status in {302, 303} and location.startswith("/sign-in")):
        return "o"
    if status >= 500 and status not in {503, 507}:  # 503: an outside part does not answer here
        return "!"
    return {403: "n", 404: "h"}.get(status, "y")


def rule_of(answers: str) -> str:
    """The rules that answer like this, or the answers themselves where none does."""
    return "|".join(name for name, row in RULES.items() if row == answers) or answers


def compared(table: dict[str, str], found: dict[str, str], where: str) -> list[str]:
    """What is wrong, each as a sentence that says what to do."""
    fresh = [
        f'{route} has no line. If {row!r} is what you mean, add to TABLE of {where}: "{route}": "{row.partition("|")[0]}"'
        for route, row in sorted(found.items()) if route not in table
    ]  # fmt: skip
    gone = [
        f"{route} is no route any more: take its line out of TABLE of {where}"
        for route in sorted(table.keys() - found.keys())
    ]
    wrong = [
        f"{route} shall be {table[route]!r}, but: {differences(found[route], table[route])} [y answered, n 403, h 404, o not signed in]"
        for route in sorted(table.keys() & found.keys()) if table[route] not in found[route].split("|")
    ]  # fmt: skip
    return fresh + gone + wrong


def differences(found: str, rule: str) -> str:
    row = RULES.get(found.partition("|")[0], found)
    return ", ".join(
        f"{who} {answered} instead of {meant}"
        for who, answered, meant in zip(CAST, row, RULES[rule], strict=True) if answered != meant
    )  # fmt: skip


@contextlib.contextmanager
def nothing_lasts(database: Database) -> Iterator[None]:
    """Within the block, whatever is written is undone when it is done: each call finds the same state."""
    write = database.write

    class Undone(Exception):
        pass

    @contextlib.contextmanager
    def undone(**how: bool) -> Iterator[Session]:
        with contextlib.suppress(Undone), write(**how) as session:
            yield session
            session.flush()
            session.expunge_all()  # what was made stays readable, as after a commit
            raise Undone

    database.write = undone  # type: ignore[method-assign]
    try:
        yield
    finally:
        database.write = write  # type: ignore[method-assign]
