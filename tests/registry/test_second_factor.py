"""The second factor: what counts once, what never counts, and what is kept of a refusal."""

from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select
from village import NOW, Village, all_at_once

from core.audit import AuditEntry
from core.errors import Conflict, InvalidInput, LoaError, NotFound
from core.vault import Vault
from registry import account_notices, factor_rules, second_factor
from registry.account_models import RecoveryCode, SecondFactor
from registry.models import Person
from registry.rights import Role


class Telephone:
    """Somebody's authenticator app, and the paper with their recovery codes."""

    def __init__(self, village: Village, username: str = "approver") -> None:
        self.village, self.person = village, village.cast.people[username]
        with village.database.write() as session:
            self.app = pyotp.TOTP(second_factor.begin(session, self.person, village.clock()).secret)
        with village.database.write() as session:
            self.paper = second_factor.confirm(session, self.person, self.shown(), village.clock())
        village.clock.advance(seconds=30)

    def shown(self, steps: int = 0) -> str:
        """What the app shows now, or so many steps from now."""
        return self.app.at(self.village.clock() + timedelta(seconds=30 * steps))

    def check(self, code: str, place: str = "act") -> None:
        with self.village.database.write() as session:
            second_factor.check(session, self.person, code, self.village.clock(), place=place)

    def refused(self, code: str, place: str = "act") -> str:
        """What is said against a code: the word beside the field."""
        with pytest.raises(InvalidInput) as told:
            self.check(code, place)
        return told.value.fields["code"]


@pytest.fixture
def telephone(village: Village) -> Telephone:
    return Telephone(village)


def acts(village: Village) -> list[str]:
    with village.database.read() as session:
        return list(session.exec(select(AuditEntry.action).order_by(AuditEntry.number.desc()).limit(5)).all())  # type: ignore[union-attr]


def test_the_codes_are_those_of_the_standard(village: Village):
    """RFC 6238, appendix B, SHA-1: the last six of its eight digits."""
    person = village.cast.people["writer"]
    with village.database.write() as session:
        secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        sealed = village.database.vault.seal(secret, person)  # type: ignore[union-attr]
        session.add(SecondFactor(person_id=person, secret=sealed, created_at=NOW, confirmed_at=NOW))
    for seconds, code in (
        (59, "287082"),
        (1111111109, "081804"),
        (1111111111, "050471"),
        (1234567890, "005924"),
        (2000000000, "279037"),
    ):
        with village.database.write() as session:
            second_factor.check(session, person, code, NOW.fromtimestamp(seconds, NOW.tzinfo))


def test_a_code_of_the_app_counts_once_and_no_older_one_after_it(telephone: Telephone):
    earlier, code = telephone.shown(-1), telephone.shown()
    telephone.check(code)
    assert telephone.refused(code) == "used"
    assert telephone.refused(earlier) == "used"
    telephone.village.clock.advance(seconds=30)
    assert telephone.refused(code) == "used"  # one step old, and would be within the drift
    telephone.check(telephone.shown())


@pytest.mark.parametrize(("steps", "fits"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_one_step(village: Village, telephone: Telephone, steps: int, fits: bool):
    village.clock.advance(minutes=5)
    if fits:
        telephone.check(telephone.shown(steps))
    else:
        assert telephone.refused(telephone.shown(steps)) == "wrong"


def test_a_code_may_be_typed_with_a_space(telephone: Telephone):
    code = telephone.shown()
    telephone.check(f" {code[:3]} {code[3:]} ")


@pytest.mark.parametrize(
    "code", ["", "abc", "12345", "１２３４５６７", "1234567", "'; DROP TABLE person", "⁰¹²³⁴⁵", "\x00"]
)
def test_nonsense_is_no_code(telephone: Telephone, code: str):
    assert telephone.refused(code) == "wrong"


def test_each_recovery_code_counts_once(telephone: Telephone):
    assert len(set(telephone.paper)) == second_factor.RECOVERY_CODES
    telephone.check(telephone.paper[0].lower().replace("-", " "))
    assert telephone.refused(telephone.paper[0]) == "used"
    telephone.check(telephone.paper[1])
    with telephone.village.database.read() as session:
        assert second_factor.codes_left(session, telephone.person) == 8
    assert acts(telephone.village)[0] == "second_factor.recovery"


def test_a_recovery_code_of_somebody_else_is_worth_nothing(village: Village, telephone: Telephone):
    other = Telephone(village, "writer")
    assert other.refused(telephone.paper[0]) == "wrong"


def test_new_recovery_codes_end_the_old_ones(village: Village, telephone: Telephone):
    with village.database.write() as session:
        fresh = second_factor.new_recovery_codes(session, telephone.person, telephone.paper[3], village.clock())
    assert telephone.refused(telephone.paper[4]) == "wrong"
    telephone.check(fresh[0])


def test_guessing_ends_after_five_tries_though_each_refusal_undoes_its_transaction(telephone: Telephone):
    village = telephone.village
    for _ in range(5):
        assert telephone.refused("000000") == "wrong"
    assert telephone.refused(telephone.shown()) == "tries"
    village.clock.advance(minutes=16)
    telephone.check(telephone.shown())


def test_guessing_slowly_ends_within_the_day(telephone: Telephone):
    for _ in range(6):
        for _ in range(5):
            assert telephone.refused("000000") == "wrong"
        telephone.village.clock.advance(minutes=16)
    assert telephone.refused(telephone.shown()) == "tries"
    telephone.village.clock.advance(days=1)
    telephone.check(telephone.shown())


def test_who_guesses_at_the_door_does_not_keep_the_person_from_acting(telephone: Telephone):
    for _ in range(5):
        telephone.refused("000000", "sign_in")
    assert telephone.refused(telephone.shown(), "sign_in") == "tries"
    telephone.check(telephone.shown())


def test_a_code_is_not_used_up_by_an_act_that_was_undone(telephone: Telephone):
    code = telephone.shown()

    def act() -> None:
        with telephone.village.database.write() as session:
            second_factor.check(session, telephone.person, code, telephone.village.clock())
            raise Conflict("something else is in the way")

    with pytest.raises(Conflict):
        act()
    telephone.check(code)


def test_the_same_code_at_the_same_moment_counts_once(either: Village):
    telephone = Telephone(either)
    code = telephone.shown()

    def act() -> str:
        try:
            telephone.check(code)
        except InvalidInput as error:
            return error.fields["code"]
        return "taken"

    assert sorted(all_at_once(act, act, act)) == ["taken", "used", "used"]


def test_the_second_factor_works_on_both_backends(either: Village):
    telephone = Telephone(either)
    telephone.check(telephone.shown())
    telephone.check(telephone.paper[0])
    assert telephone.refused("000000") == "wrong"


def test_the_secret_lies_sealed_and_opens_for_its_person_only(village: Village, telephone: Telephone):
    with village.database.write() as session:
        row = session.get_one(SecondFactor, telephone.person)
        assert telephone.app.secret not in row.secret
        assert session.exec(select(RecoveryCode.code_hash)).first() not in telephone.paper
        other = village.cast.people["writer"]
        session.add(SecondFactor(person_id=other, secret=row.secret, created_at=NOW, confirmed_at=NOW))
    with village.database.write() as session, pytest.raises(LoaError) as told:
        second_factor.check(session, other, telephone.shown(), village.clock())
    assert told.value.code == "vault"


def test_with_another_key_nothing_opens_but_recovery_codes_help(village: Village, telephone: Telephone, tmp_path):
    village.database.vault = Vault(tmp_path / "other.key")
    with pytest.raises(LoaError) as told:
        telephone.check(telephone.shown())
    assert told.value.code == "vault"
    telephone.check(telephone.paper[0])


def test_a_secret_counts_only_once_it_is_confirmed(village: Village):
    person = village.cast.people["writer"]
    with village.database.write() as session:
        first = second_factor.begin(session, person, NOW)
        assert "Loa%20Lang:writer" in first.address
        assert first.in_groups.replace(" ", "") == first.secret
        second = second_factor.begin(session, person, NOW)
        assert second_factor.waiting(session, person) == second != first
        assert not second_factor.is_set_up(session, person)
    with village.database.write() as session, pytest.raises(InvalidInput):
        second_factor.check(session, person, pyotp.TOTP(second.secret).at(NOW), NOW)
    with pytest.raises(InvalidInput), village.database.write() as session:
        second_factor.confirm(session, person, pyotp.TOTP(first.secret).at(NOW), NOW)
    with village.database.write() as session:
        second_factor.confirm(session, person, pyotp.TOTP(second.secret).at(NOW), NOW)
        assert second_factor.is_set_up(session, person)
        with pytest.raises(Conflict):
            second_factor.begin(session, person, NOW)
        with pytest.raises(Conflict):
            second_factor.confirm(session, person, "000000", NOW)


def test_switching_off_needs_password_and_code(village: Village, telephone: Telephone):
    password = village.cast.passwords["approver"]

    def off(password: str, code: str) -> None:
        with village.database.write() as session:
            second_factor.switch_off(session, telephone.person, password, code, village.clock())

    for wrong in (("guess", telephone.shown()), (password, "000000")):
        with pytest.raises(InvalidInput):
            off(*wrong)
    off(password, telephone.shown())
    with village.database.read() as session:
        assert not second_factor.is_set_up(session, telephone.person)
        assert session.exec(select(RecoveryCode)).first() is None


def test_an_administrator_resets_it_and_the_person_is_told(village: Village, telephone: Telephone):
    with village.database.write() as session:
        person = session.get_one(Person, telephone.person)
        with pytest.raises(NotFound):
            second_factor.reset(session, village.actor("stranger"), person, village.clock())
        second_factor.reset(session, village.actor("administrator"), person, village.clock())
    with village.database.write() as session:
        assert not second_factor.is_set_up(session, telephone.person)
        told = account_notices.take(session, telephone.person)
        assert [(each.kind, each.by) for each in told] == [("second_factor_reset", "Administrator")]
        assert account_notices.take(session, telephone.person) == []
    assert acts(village)[0] == "second_factor.reset"


def test_an_administrator_below_can_not_reset_who_stands_above(village: Village):
    root = Telephone(village, "root")
    with village.database.write() as session, pytest.raises(NotFound):
        second_factor.reset(
            session, village.actor("administrator"), session.get_one(Person, root.person), village.clock()
        )


def test_a_rule_of_a_unit_holds_below_until_another_one(village: Village):
    commune, hamlet = village.unit("commune_a"), village.unit("hamlet_a1")
    approver, writer = village.cast.people["approver"], village.cast.people["writer"]
    with village.database.write() as session:
        assert factor_rules.at(session, hamlet) == (frozenset(), None)
        factor_rules.put(session, village.actor("root"), village.unit("province"), ["approver"], NOW)
        assert factor_rules.at(session, hamlet)[0] == {Role.APPROVER}
        assert factor_rules.lacking(session, approver)
        assert not factor_rules.lacking(session, writer)
        factor_rules.put(session, village.actor("administrator"), commune, [], NOW)
        assert factor_rules.at(session, hamlet) == (frozenset(), commune)
        assert not factor_rules.lacking(session, approver)
        factor_rules.put(session, village.actor("administrator"), commune, None, NOW)
        assert factor_rules.lacking(session, approver)
        with pytest.raises(InvalidInput):
            factor_rules.put(session, village.actor("administrator"), commune, ["king"], NOW)
        with pytest.raises(NotFound):
            factor_rules.put(session, village.actor("stranger"), commune, [], NOW)
    Telephone(village)
    with village.database.read() as session:
        assert not factor_rules.lacking(session, approver)


def test_only_a_write_session_of_a_database_with_a_vault_checks_codes(village: Village, telephone: Telephone):
    village.database.vault = None
    with pytest.raises(RuntimeError):
        telephone.check(telephone.shown())


def test_time_alone_brings_no_code_back(telephone: Telephone):
    code = telephone.shown()
    telephone.check(code)
    telephone.village.clock.at -= timedelta(minutes=1)  # the host's clock was set back
    assert telephone.refused(telephone.shown()) == "used"
