"""The staff pages as a browser without scripts meets them: who may enter, what is recorded, what stays inert."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import OperationalError
from starlette.routing import Route

from bot.domain import ActionKind, Role
from storage import accounts, cursors, hold, tables
from storage.accounts import Staff
from storage.database import Database
from storage.due import mark_beat
from storage.health import BACKUP
from tests.console import little_school
from tests.console.little_school import CHEN, MAYA, NOW, OKAFOR, PASSWORD, RIVERA, SAM, WORDS, Console

OPEN = {"/staff/sign-in", "/staff/first-run", "/staff"}
HTMX = {"HX-Request": "true"}
ATTACKS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<div hx-get=/staff/ hx-trigger=load>",
    "javascript:alert(1)",
    "<a href=javascript:alert(1)>",
    "&lt;script&gt;",
    "\u202e\u0000<b>",
]


def _viewed(console: Console) -> list[tuple[str, int | None, int | None, str]]:
    audit = tables.audit.c
    with console.database.read() as connection:
        rows = connection.execute(select(tables.audit).where(audit.action == "viewed").order_by(audit.id)).all()
    return [(row.actor, row.person_id, row.escalation_id, row.detail) for row in rows]


def _routes(console: Console) -> list[tuple[str, str]]:
    found = []
    for route in console.app.routes:
        assert isinstance(route, Route)
        path = route.path.replace("{id:int}", "900").replace("{action}", "take")
        found += [(method, path) for method in route.methods or () if method != "HEAD"]
    return found


# --- who may enter -------------------------------------------------------------------------------------------------


async def test_every_page_but_the_open_ones_asks_for_a_sign_in(console: Console) -> None:
    console.seed(little_school.crisis)
    walked = 0
    async with console.browser() as stranger:
        for method, path in _routes(console):
            answer = await stranger.request(method, path)
            if path in OPEN:
                continue
            walked += 1
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/staff/sign-in"), path
            assert "Maya" not in answer.text
            by_htmx = await stranger.request(method, path, headers=HTMX)
            assert (by_htmx.status_code, by_htmx.headers["hx-redirect"]) == (401, "/staff/sign-in")
            forged = await stranger.request(method, path, headers={"cookie": "nearpeer-staff=forged"})
            assert forged.status_code == 303
    assert walked >= 12
    assert console.turns.asked == []
    assert _viewed(console) == []


async def test_no_page_acts_on_get(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis)
    async with console.browser(okafor) as browser:
        for path in ("/staff/escalations/900/take", "/staff/sign-out", "/staff/answers/1/reviewed"):
            assert (await browser.get(path)).status_code == 405
    assert console.turns.asked == []


async def test_signing_in_gives_a_new_cookie_that_scripts_cannot_read(console: Console, okafor: Staff) -> None:
    async with console.browser() as browser:
        form = {"login": "MR. OKAFOR ", "password": PASSWORD, "next": "/staff/escalations/900"}
        answer = await browser.post("/staff/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/escalations/900")
        cookie = answer.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "max-age" not in cookie
        first = browser.cookies["nearpeer-staff"]
        await browser.post("/staff/sign-in", data=form)
        assert browser.cookies["nearpeer-staff"] != first
        assert (await browser.get("/staff/")).status_code == 200
        browser.cookies.set("nearpeer-staff", first)
    with console.database.read() as connection:
        assert accounts.signed_in(connection, first, console.clock.wall()) is None


async def test_over_https_the_cookie_has_the_host_prefix(database: Any) -> None:
    console = little_school.console(database, https=True)
    console.seed(little_school.people)
    console.account(50, "Mr. Okafor", accounts.Role.COORDINATOR, OKAFOR)
    async with console.browser() as browser:
        answer = await browser.post("/staff/sign-in", data={"login": "Mr. Okafor", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-nearpeer-staff=")
    assert {"Secure", "Path=/", "HttpOnly"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


@pytest.mark.parametrize(
    "after", ["https://evil.example", "//evil.example", "/staff/..//evil", "/l/token", "/staff\\x", ""]
)
async def test_signing_in_leads_to_our_own_pages_only(console: Console, okafor: Staff, after: str) -> None:
    async with console.browser() as browser:
        form = {"login": "Mr. Okafor", "password": PASSWORD, "next": after}
        answer = await browser.post("/staff/sign-in", data=form)
    assert answer.headers["location"] == "/staff/"


async def test_a_wrong_password_and_an_unknown_login_are_answered_alike(console: Console, okafor: Staff) -> None:
    async with console.browser() as browser:
        wrong = await browser.post("/staff/sign-in", data={"login": "Mr. Okafor", "password": "wrong wrong wrong"})
        unknown = await browser.post("/staff/sign-in", data={"login": "Mr. Nobody", "password": PASSWORD})
    assert (wrong.status_code, unknown.status_code) == (422, 422)
    assert wrong.text.replace("Mr. Okafor", "") == unknown.text.replace("Mr. Nobody", "")
    assert "wrong wrong" not in wrong.text
    assert "set-cookie" not in wrong.headers


async def test_signing_out_ends_the_sign_in(console: Console, okafor: Staff) -> None:
    async with console.browser(okafor) as browser:
        token = browser.cookies["nearpeer-staff"]
        answer = await browser.post("/staff/sign-out")
        assert answer.headers["location"] == "/staff/sign-in"
        browser.cookies.set("nearpeer-staff", token)
        assert (await browser.get("/staff/")).status_code == 303


async def test_an_open_page_that_asks_by_itself_does_not_keep_a_sign_in_alive(console: Console, okafor: Staff) -> None:
    sign_in = accounts._SIGN_IN
    long_ago = console.clock.wall() - timedelta(minutes=20)
    async with console.browser(okafor) as browser:
        console.seed(lambda c: c.execute(update(sign_in).values(seen_at=long_ago)))
        await browser.get("/staff/now")
        with console.database.read() as connection:
            assert abs(connection.execute(select(sign_in.c.seen_at)).scalar_one() - long_ago) < timedelta(seconds=1)
        await browser.get("/staff/answers")
        with console.database.read() as connection:
            assert connection.execute(select(sign_in.c.seen_at)).scalar_one() > long_ago + timedelta(minutes=19)


async def test_the_first_account_is_made_with_the_code_and_once(console: Console) -> None:
    code = console.database.write(lambda c: accounts.mint_first_run(c, console.clock.wall())).result()
    form = {"code": code, "name": "Ms. Rivera", "login": "rivera", "password": PASSWORD, "again": PASSWORD}
    async with console.browser() as browser:
        assert code not in (await browser.get("/staff/first-run")).text
        mistyped = await browser.post("/staff/first-run", data=form | {"again": "another one"})
        assert (mistyped.status_code, "not the same" in mistyped.text) == (422, True)
        easy = await browser.post("/staff/first-run", data=form | {"password": "password1234", "again": "password1234"})
        assert (easy.status_code, "easy to guess" in easy.text) == (422, True)
        made = await browser.post("/staff/first-run", data=form)
        assert (made.status_code, made.headers["location"]) == (303, "/staff/")
        assert "Nobody is waiting." in (await browser.get("/staff/")).text
        again = await browser.post("/staff/first-run", data=form)
        assert (again.status_code, "used already" in again.text) == (422, True)


async def test_what_is_unknown_and_what_is_not_theirs_look_the_same(console: Console, rivera: Staff) -> None:
    console.seed(lambda c: little_school.case(c, 901, SAM, "urgent", "not hers", NOW))
    console.seed(lambda c: little_school.check_in(c, 1000, SAM, NOW, 3, "not hers"))
    console.seed(lambda c: little_school.item(c, 1, SAM, None, "notice", "not hers"))
    tries = [
        ("GET", "/staff/escalations/{}", 901), ("POST", "/staff/escalations/{}/take", 901),
        ("GET", "/staff/people/{}", SAM), ("POST", "/staff/people/{}/resume", SAM),
        ("POST", "/staff/answers/{}/reviewed", 1003), ("POST", "/staff/items/{}/reviewed", 1),
        ("POST", "/staff/items/{}/unlink", 1),
    ]  # fmt: skip
    async with console.browser(rivera) as browser:
        for method, path, theirs in tries:
            forbidden = await browser.request(method, path.format(theirs))
            unknown = await browser.request(method, path.format(777777))
            huge = await browser.request(method, path.format(10**30))
            assert {one.status_code for one in (forbidden, unknown, huge)} == {404}, path
            assert forbidden.content == unknown.content == huge.content
        assert "not hers" not in (await browser.get("/staff/")).text
        assert "Sam" not in (await browser.get("/staff/people")).text
    assert console.turns.asked == []
    assert _viewed(console) == []


# --- what is seen is recorded --------------------------------------------------------------------------------------


async def test_every_view_of_a_students_words_leaves_a_record(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis, lambda c: little_school.check_in(c, 1000, SAM, NOW, 3, "Okay"))
    console.seed(lambda c: little_school.item(c, 1, MAYA, 100, "unsolicited", "Written without being asked"))
    views = {
        "/staff/": [("Mr. Okafor", MAYA, 900, "open cases"), ("Mr. Okafor", MAYA, None, "review items")],
        "/staff/escalations/900": [("Mr. Okafor", MAYA, 900, "case")],
        "/staff/answers": [("Mr. Okafor", SAM, None, "answers")],
        "/staff/people/1": [("Mr. Okafor", MAYA, None, "timeline")],
        "/staff/people": [],
        "/staff/health": [],
    }
    async with console.browser(okafor) as browser:
        for path, expected in views.items():
            before = len(_viewed(console))
            page = await browser.get(path)
            assert page.status_code == 200
            assert _viewed(console)[before:] == expected, path
            assert (WORDS[:20] in page.text) <= bool(expected)


async def test_a_page_whose_view_cannot_be_recorded_is_not_shown(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis)
    console.seed(lambda c: c.exec_driver_sql("ALTER TABLE audit RENAME TO audit_away"))
    console.seed(lambda c: c.exec_driver_sql("CREATE VIEW audit AS SELECT * FROM audit_away"))  # readable, not writable
    async with console.browser(okafor) as browser:
        for path in ("/staff/", "/staff/escalations/900", "/staff/people/1"):
            with pytest.raises(OperationalError):
                await browser.get(path)


# --- acting --------------------------------------------------------------------------------------------------------


async def test_taking_a_case_goes_through_turns_and_back_to_the_page(console: Console, rivera: Staff) -> None:
    console.seed(little_school.crisis)
    async with console.browser(rivera) as browser:
        answer = await browser.post("/staff/escalations/900/take", data={"from": "home"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/staff/")
        (action,) = console.turns.asked
        assert (action.kind, action.object_id) == (ActionKind.TAKE, 900)
        assert (action.actor, action.actor_person_id) == ("Ms. Rivera", rivera.person_id)
        page = (await browser.get("/staff/")).text
    assert "Nobody is waiting." in page
    assert "Ms. Rivera has this since 3:04 PM CST" in page


async def test_a_case_is_taken_with_a_plan_in_one_press_and_the_plan_can_be_changed(
    console: Console, rivera: Staff, okafor: Staff
) -> None:
    console.seed(little_school.crisis)
    async with console.browser(rivera) as browser, console.browser(okafor) as other:
        page = (await browser.get("/staff/")).text
        assert 'name="plan" value="today"' in page
        assert "next-day" not in page, "a crisis does not wait"
        await browser.post("/staff/escalations/900/take", data={"plan": "today"})
        page = (await browser.get("/staff/escalations/900")).text
        assert "Plan: talk with them today. They will be asked" in page
        assert 'action="/staff/escalations/900/plan"' in page
        assert 'value="today"' not in page
        assert 'name="plan"' not in (await other.get("/staff/escalations/900")).text, "it is not theirs"
        await browser.post("/staff/escalations/900/plan", data={"plan": "home-first"}, headers=HTMX)
        assert "Plan: call home first." in (await other.get("/staff/")).text
    asked = [(action.kind, action.plan, action.actor_person_id) for action in console.turns.asked]
    assert asked == [(ActionKind.TAKE, "today", RIVERA), (ActionKind.PLAN, "home-first", RIVERA)]


async def test_the_record_of_a_case_says_who_planned_what(console: Console, rivera: Staff) -> None:
    row = {"id": 7, "at": NOW, "actor": "Ms. Rivera", "action": "plan", "escalation_id": 900, "detail": "today"}
    console.seed(little_school.crisis, lambda c: c.execute(insert(tables.audit).values(row)))
    async with console.browser(rivera) as browser:
        page = (await browser.get("/staff/escalations/900")).text
    assert "<strong>Ms. Rivera</strong> said what they plan" in page
    assert "(Talk with them today)" in page


async def test_whoever_is_asked_whether_they_still_have_a_case_can_say_so(console: Console, rivera: Staff) -> None:
    held = {"status": "acknowledged", "acknowledged_by": "Ms. Rivera", "acknowledged_at": NOW}
    console.seed(little_school.crisis, lambda c: c.execute(update(tables.escalation).values(held)))
    async with console.browser(rivera) as browser:
        assert "I still have it" not in (await browser.get("/staff/")).text
        console.seed(lambda c: c.execute(update(tables.escalation).values(asked_at=NOW)))
        page = (await browser.get("/staff/")).text
        assert "Without an answer it opens again at" in page
        assert "I still have it" in page
        await browser.post("/staff/escalations/900/take")
    assert console.turns.asked[0].kind is ActionKind.TAKE


async def test_with_htmx_only_the_card_comes_back(console: Console, rivera: Staff) -> None:
    console.seed(little_school.crisis)
    async with console.browser(rivera) as browser:
        answer = await browser.post("/staff/escalations/900/take", headers=HTMX)
    assert answer.status_code == 200
    assert answer.text.strip().startswith("<article")
    assert "<html" not in answer.text
    assert answer.headers["hx-trigger-after-settle"] == "cases-changed"


@pytest.mark.parametrize("headers", [HTMX, {}])
async def test_what_is_refused_is_said_kindly_and_the_note_stays(
    console: Console, rivera: Staff, headers: dict[str, str]
) -> None:
    console.seed(little_school.crisis)
    console.turns.refuse = "Mr. Okafor already has this case."
    async with console.browser(rivera) as browser:
        form = {"outcome": "not-a-concern", "note": "We talked <b>at length</b>."}
        answer = await browser.post("/staff/escalations/900/close", data=form, headers=headers)
    assert answer.status_code == 422
    assert "Mr. Okafor already has this case." in answer.text
    assert "We talked &lt;b&gt;at length&lt;/b&gt;.</textarea>" in answer.text
    assert 'value="not-a-concern" required checked' in answer.text
    assert '<details class="closing" open>' in answer.text


@pytest.mark.parametrize("form", [{}, {"outcome": "whatever"}, {"outcome": "drill", "note": "x" * 2001}])
async def test_closing_needs_an_outcome_and_a_note_of_sane_length(
    console: Console, rivera: Staff, form: dict[str, str]
) -> None:
    console.seed(little_school.crisis)
    async with console.browser(rivera) as browser:
        assert (await browser.post("/staff/escalations/900/close", data=form)).status_code == 422
    assert console.turns.asked == []


async def test_closing_hands_over_outcome_and_note_and_the_case_can_be_opened_again(
    console: Console, rivera: Staff
) -> None:
    console.seed(little_school.crisis)
    async with console.browser(rivera) as browser:
        form = {"outcome": "spoke-with-student", "note": " Called home. "}
        await browser.post("/staff/escalations/900/close", data=form)
        (action,) = console.turns.asked
        assert (action.kind, action.outcome, action.note) == (ActionKind.CLOSE, "spoke-with-student", "Called home.")
        page = (await browser.get("/staff/escalations/900")).text
        assert "I spoke with the student" in page
        assert "Called home." in page
        await browser.post("/staff/escalations/900/reopen")
    assert console.turns.asked[1].kind is ActionKind.REOPEN


async def test_an_action_that_does_not_exist_is_no_page(console: Console, rivera: Staff) -> None:
    console.seed(little_school.crisis)
    async with console.browser(rivera) as browser:
        for action in ("note", "review-answer", "resume", "erase"):
            assert (await browser.post(f"/staff/escalations/900/{action}")).status_code == 404
    assert console.turns.asked == []


async def test_marking_reviewed_swaps_one_line_and_the_list_grows_shorter(console: Console, okafor: Staff) -> None:
    console.seed(lambda c: little_school.check_in(c, 1000, MAYA, NOW, 3, "Okay then"))
    console.seed(lambda c: little_school.item(c, 1, MAYA, 1002, "unsolicited", "Written without being asked"))
    async with console.browser(okafor) as browser:
        line = await browser.post("/staff/answers/1003/reviewed", headers=HTMX)
        assert (line.status_code, line.text.strip().startswith("<article")) == (200, True)
        assert "Reviewed by Mr. Okafor" in line.text
        assert "Every answer has been reviewed." in (await browser.get("/staff/answers")).text
        assert "Okay then" in (await browser.get("/staff/answers?show=reviewed")).text
        item = await browser.post("/staff/items/1/reviewed")
        assert (item.status_code, item.headers["location"]) == (303, "/staff/#items")
        assert "Nothing is left to look at." in (await browser.get("/staff/")).text
    assert [action.kind for action in console.turns.asked] == [ActionKind.REVIEW_ANSWER, ActionKind.REVIEW_ITEM]


async def test_a_linked_chat_is_asked_about_and_can_be_taken_away(console: Console, okafor: Staff) -> None:
    console.seed(lambda c: little_school.wrote(c, 700, MAYA, "/start", NOW))
    console.seed(lambda c: little_school.item(c, 1, MAYA, 700, "linked", "Linked a chat on Telegram"))
    async with console.browser(okafor) as browser:
        home = (await browser.get("/staff/")).text
        assert "It is theirs" in home
        assert "Not theirs: remove it" in home
        console.turns.refuse = "This chat is not linked any more."
        refused = await browser.post("/staff/items/1/unlink", headers=HTMX)
        assert (refused.status_code, "not linked any more" in refused.text) == (422, True)
        console.turns.refuse = ""
        done = await browser.post("/staff/items/1/unlink")
        assert (done.status_code, done.headers["location"]) == (303, "/staff/#items")
    assert [action.kind for action in console.turns.asked][-1] is ActionKind.UNLINK


async def test_a_suspended_student_can_be_let_go_on(console: Console, okafor: Staff) -> None:
    console.seed(lambda c: c.execute(update(tables.person).where(tables.person.c.id == MAYA).values(status="paused")))
    async with console.browser(okafor) as browser:
        assert "Let check-ins go on" in (await browser.get("/staff/people/1")).text
        console.turns.refuse = "There is still an open case."
        refused = await browser.post("/staff/people/1/resume")
        assert (refused.status_code, "still an open case" in refused.text) == (422, True)
        console.turns.refuse = ""
        await browser.post("/staff/people/1/resume")
        assert "Let check-ins go on" not in (await browser.get("/staff/people/1")).text


async def test_whom_a_case_is_about_does_not_see_that_its_student_is_on_hold_and_lets_nothing_go_on(
    console: Console, okafor: Staff, rivera: Staff
) -> None:
    paused = update(tables.person).where(tables.person.c.id == MAYA).values(status="paused")
    about = update(tables.escalation).values(left_out=f",{RIVERA},")
    resting = update(tables.match).where(tables.match.c.id == 1).values(paused_at=NOW)
    console.seed(little_school.crisis, *(lambda c, one=one: c.execute(one) for one in (paused, about, resting)))
    for staff, sees in ((rivera, False), (okafor, True)):
        async with console.browser(staff) as browser:
            page = (await browser.get(f"/staff/people/{MAYA}")).text
            assert ("on hold" in page, "Let check-ins go on" in page) == (sees, sees)
            assert (">Paused<" in (await browser.get("/staff/people")).text) is sees
            await browser.post(f"/staff/people/{MAYA}/resume")
            assert bool(console.turns.asked) is sees


# --- the live part -------------------------------------------------------------------------------------------------


def _seen(page: str) -> list[tuple[str, str]]:
    return [("seen", value) for value in re.findall(r'name="seen" value="([^"]+)"', page)]


async def test_an_open_page_hears_nothing_while_nothing_changes(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis)
    async with console.browser(okafor) as browser:
        seen = _seen((await browser.get("/staff/")).text)
        assert len(seen) == 2
        count = len(_viewed(console))
        assert (await browser.get("/staff/now", params=seen)).status_code == 204
    assert len(_viewed(console)) == count


async def test_a_new_case_arrives_with_its_words_and_a_record(console: Console, okafor: Staff) -> None:
    async with console.browser(okafor) as browser:
        page = (await browser.get("/staff/")).text
        assert "Nobody is waiting." in page
        console.seed(little_school.crisis)
        news = await browser.get("/staff/now", params=_seen(page))
    assert "Maya Torres needs an adult now." in news.text
    assert "(1) Maya Torres" in news.text
    assert 'hx-swap-oob="afterbegin:#cases"' in news.text
    assert _viewed(console) == [("Mr. Okafor", MAYA, 900, "open cases")]


async def test_news_of_a_case_never_touch_a_form_that_is_being_filled(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis)
    console.seed(lambda c: little_school.case(c, 901, SAM, "concern", "another", NOW))
    async with console.browser(okafor) as browser:
        seen = _seen((await browser.get("/staff/")).text)
        taken = {"status": "acknowledged", "acknowledged_by": "Ms. Chen", "acknowledged_at": NOW}
        console.seed(lambda c: c.execute(update(tables.escalation).where(tables.escalation.c.id == 901).values(taken)))
        news = await browser.get("/staff/now", params=seen)
        assert "Ms. Chen has this" in news.text
        assert 'id="standing-901" hx-swap-oob="true"' in news.text
        assert "<textarea" not in news.text
        assert "standing-900" not in news.text
        gone = {"status": "closed", "closed_by": "Ms. Chen", "closed_at": NOW, "outcome": "drill"}
        console.seed(lambda c: c.execute(update(tables.escalation).where(tables.escalation.c.id == 901).values(gone)))
        assert "Closed by Ms. Chen" in (await browser.get("/staff/now", params=seen)).text


async def test_what_is_new_of_a_case_is_drawn_on_an_open_page_and_recorded(console: Console, okafor: Staff) -> None:
    def goes_on(connection: Connection) -> None:
        little_school.wrote(connection, 110, MAYA, "nobody would even notice", NOW)
        (found,) = connection.execute(tables.finding.select())
        connection.execute(insert(tables.finding).values(found._asdict() | {"id": 2, "message_id": 110, "end": 6}))

    console.seed(little_school.crisis)
    async with console.browser(okafor) as browser:
        seen = _seen((await browser.get("/staff/")).text)
        count = len(_viewed(console))
        console.clock.set(NOW + timedelta(minutes=1))
        assert "said-900" not in (await browser.get("/staff/now", params=seen)).text, "only how long it has waited"
        assert len(_viewed(console)) == count
        console.seed(goes_on)
        news = (await browser.get("/staff/now", params=seen)).text
        assert 'id="said-900" hx-swap-oob="true"' in news
        assert 'id="about-900" class="tier-crisis" hx-swap-oob="true"' in news
        assert " would even notice" in news
        assert "<textarea" not in news
    assert len(_viewed(console)) == count + 1


async def test_a_headline_that_says_the_same_is_not_read_out_again(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis)
    async with console.browser(okafor) as browser:
        seen = _seen((await browser.get("/staff/")).text)
        console.clock.set(NOW + timedelta(minutes=1))
        news = await browser.get("/staff/now", params=seen)
        assert news.headers["hx-reswap"] == "none"
        assert "Waiting for 5 minutes" in news.text


@pytest.mark.parametrize("seen", ["900", "x:y", ":", "9" * 40 + ":a", "-5:a", "²:a"])
async def test_a_nonsense_memory_of_the_page_harms_nothing(console: Console, okafor: Staff, seen: str) -> None:
    console.seed(little_school.crisis)
    async with console.browser(okafor) as browser:
        assert (await browser.get("/staff/now", params={"seen": seen})).status_code == 200
        for query in ("before=x", "before=" + "9" * 40, "before=²", "show=everything"):
            assert (await browser.get(f"/staff/answers?{query}")).status_code == 200
        for cursor in ("x", "1-2-3", "9" * 13 + "-1", "²-1"):
            assert (await browser.get(f"/staff/people/1?before={cursor}")).status_code == 200


async def test_a_stopped_heartbeat_is_said_on_the_first_page(console: Console, okafor: Staff) -> None:
    async with console.browser(okafor) as browser:
        assert "heartbeat" not in (await browser.get("/staff/")).text.casefold()
        old = console.clock.wall() - timedelta(minutes=3)
        console.seed(lambda c: c.execute(update(tables.beat).where(tables.beat.c.name == "turns").values(at=old)))
        assert "The heartbeat has stopped (turns)" in (await browser.get("/staff/")).text
        assert "3 minutes ago" in (await browser.get("/staff/health")).text


async def test_an_old_backup_is_said_under_health_and_none_where_others_make_them(
    database: Database, console: Console, okafor: Staff
) -> None:
    careful = little_school.console(database, backup_days=3)
    careful.seed(lambda c: mark_beat(c, BACKUP, careful.clock.wall() - timedelta(days=5, hours=1)))
    for pages, told in ((careful, True), (console, False)):
        async with pages.browser(okafor) as browser:
            page = (await browser.get("/staff/health")).text
            assert ("The last backup is 5 days old: run nearpeer backup every night" in page) is told
    careful.seed(lambda c: mark_beat(c, BACKUP, careful.clock.wall() - timedelta(days=2)))
    async with careful.browser(okafor) as browser:
        assert "backup" not in (await browser.get("/staff/health")).text


async def test_after_a_restore_a_coordinator_reads_what_is_missing_and_says_how_it_goes_on(
    console: Console, okafor: Staff, rivera: Staff
) -> None:
    console.seed(lambda connection: hold.begin(connection, 1, NOW))
    async with console.browser(rivera) as browser:
        assert "A backup was restored" in (await browser.get("/staff/")).text
        page = (await browser.get("/staff/health")).text
        assert "is not in this database" in page
        assert "hold/release" not in page
        refused = await browser.post("/staff/health/hold/release")
        assert refused.status_code == 422
        assert "Only a coordinator" in refused.text
    assert console.turns.asked == []
    console.turns.refuse = "Nothing is held any more."
    async with console.browser(okafor) as browser:
        assert "Go on, and drop what waits" in (await browser.get("/staff/health")).text
        assert "Nothing is held any more." in (await browser.post("/staff/health/hold/drop")).text
        assert (await browser.post("/staff/health/hold/release")).status_code == 422
    assert [one.kind for one in console.turns.asked] == [ActionKind.DROP_HELD, ActionKind.RELEASE]


async def test_a_coordinator_begins_a_drill_and_nobody_else(console: Console, okafor: Staff, rivera: Staff) -> None:
    async with console.browser(rivera) as browser:
        assert "Begin a drill" not in (await browser.get("/staff/health")).text
        assert (await browser.post("/staff/health/drill")).status_code == 422
    assert console.turns.asked == []
    async with console.browser(okafor) as browser:
        assert "Begin a drill" in (await browser.get("/staff/health")).text
        assert (await browser.post("/staff/health/drill")).status_code == 303
    assert [one.kind for one in console.turns.asked] == [ActionKind.DRILL]


async def test_a_grade_stands_with_the_student_where_the_roster_has_one(console: Console, okafor: Staff) -> None:
    async with console.browser(okafor) as browser:
        page = (await browser.get("/staff/people")).text
        assert re.findall(r">(?:Maya Torres|Leo Kim|Sam Abdi)<|Grade \w+", page) == [
            ">Maya Torres<", "Grade 9", ">Sam Abdi<", ">Leo Kim<", "Grade 11",
        ]  # fmt: skip
        assert "Grade 9" in (await browser.get(f"/staff/people/{MAYA}")).text
        assert "Grade" not in (await browser.get(f"/staff/people/{SAM}")).text


async def test_a_coordinator_sees_whether_students_are_treated_alike_and_nobody_else(
    console: Console, okafor: Staff, rivera: Staff
) -> None:
    def crowd(connection: Connection) -> None:
        for number in range(100, 120):
            row = {"id": number, "key": f"s{number}", "name": f"Student {number}", "role": "mentee", "status": "active"}
            row |= {"language": ("en", "es")[number % 2], "zone": "America/Chicago", "grade": "10", "created_at": NOW}
            connection.execute(insert(tables.person).values(row))

    console.seed(crowd, little_school.crisis)
    async with console.browser(rivera) as browser:
        assert (await browser.get("/staff/fairness")).status_code == 404
        assert "/staff/fairness" not in (await browser.get("/staff/health")).text
    async with console.browser(okafor) as browser:
        assert "/staff/fairness" in (await browser.get("/staff/health")).text
        page = (await browser.get("/staff/fairness")).text
    lines = [re.sub(r"<[^>]+>", "|", line) for line in re.findall(r'<th scope="row">.*?</tr>', page)]
    cells = [[cell for cell in line.split("|") if cell] for line in lines]
    small = "fewer than 10 students, or needed to hide such a group"
    assert cells == [
        ["all students", "23", "4", "none", "none"],
        ["en", "13", "8", "none", "none"],
        ["es", "10", "0", "none", "none"],
        ["9", small], ["10", small], ["11", small], ["no grade in the roster", small],
    ]  # fmt: skip
    assert "Maya" not in page


# --- what students write stays inert -------------------------------------------------------------------------------


async def test_attacks_in_names_words_and_notes_stay_text(console: Console, okafor: Staff) -> None:
    for number, attack in enumerate(ATTACKS):
        console.seed(lambda c, n=number, a=attack: little_school.check_in(c, 10_000 + 10 * n, MAYA, NOW, 3, a))
        console.seed(lambda c, n=number, a=attack: little_school.item(c, 300 + n, MAYA, 10_002 + 10 * n, "notice", a))
    everything = "\n".join(ATTACKS)
    evil = ATTACKS[2] + ATTACKS[3]
    console.seed(
        little_school.crisis,
        lambda c: c.execute(update(tables.message).where(tables.message.c.id == 100).values(text=everything)),
        lambda c: c.execute(update(tables.escalation).values(note=everything, reason=everything, acknowledged_by=evil)),
        lambda c: c.execute(update(tables.finding).values(label=evil)),
        lambda c: c.execute(update(tables.person).values(name=evil)),
        lambda c: c.execute(update(tables.audit).values(actor=evil, detail=evil)),
    )
    async with console.browser(okafor) as browser:
        for path in (
            "/staff/",
            "/staff/escalations/900",
            "/staff/answers",
            "/staff/people",
            "/staff/people/1",
            "/staff/now",
        ):
            page = (await browser.get(path)).text
            tags = re.findall(r"<(?:script|img|b|a|div|svg)\b[^>]*>", page)
            assert not [tag for tag in tags if re.search(r"alert|onerror|onload|javascript|hx-trigger=load", tag)], path
            assert "<script>" not in page
            assert "alert(1)" in page, path
            # An attribute that a name broke out of would show as an event attribute outside of any quotes.
            bare = re.sub(r'"[^"]*"', '""', page)
            assert not re.search(r"<[a-z][^<>]*\son[a-z]+=", bare), path
            assert "49" not in re.findall(r'class="reply">([^<]*)<', page)


async def test_the_login_that_was_typed_comes_back_as_text(console: Console, okafor: Staff) -> None:
    async with console.browser() as browser:
        page = await browser.post("/staff/sign-in", data={"login": ATTACKS[2], "password": "x", "next": ATTACKS[2]})
    assert "<svg" not in page.text
    assert "&#34;&gt;&lt;svg onload=alert(1)&gt;" in page.text


async def test_pages_hold_no_inline_script_or_style(console: Console, okafor: Staff) -> None:
    console.seed(little_school.crisis, lambda c: little_school.check_in(c, 1000, MAYA, NOW, 3, "Okay"))
    async with console.browser(okafor) as browser:
        for path in ("/staff/", "/staff/escalations/900", "/staff/answers", "/staff/people/1", "/staff/health"):
            page = (await browser.get(path)).text
            assert not re.search(r"<style|\sstyle=|<script(?![^>]* src=)|\shx-on|javascript:", page), path
            assert '"allowEval": false' in page


async def test_an_advisor_of_nobody_sees_a_calm_page(console: Console) -> None:
    console.seed(little_school.crisis)
    chen = console.account(52, "Ms. Chen", accounts.Role.ADVISOR, CHEN)
    async with console.browser(chen) as browser:
        page = (await browser.get("/staff/")).text
    assert "Nobody is waiting." in page
    assert "Maya" not in page


# --- the status line -----------------------------------------------------------------------------------------------


async def test_every_page_says_whether_nearpeer_works(database: Database) -> None:
    console = little_school.console(database, accounts=["telegram:bot", "slack:T1"])
    console.seed(little_school.people, little_school.crisis)
    staff = console.account(50, "Mr. Okafor", Role.COORDINATOR, OKAFOR)
    wall = console.clock.wall()
    console.seed(lambda connection: cursors.move(connection, "well:telegram:bot", wall - timedelta(seconds=4)))
    async with console.browser(staff) as browser:
        for path in ("", "answers", "people", "people/1", "health", "escalations/900"):
            line = (await browser.get(f"/staff/{path}")).text.partition('<div class="status')[2].partition("</div>")[0]
            said = " ".join(re.sub("<[^>]+>", " ", line).split())
            assert re.search(r"Telegram: \d+ seconds ago", said)
            assert "Slack: not heard yet" in said
            assert "Last beat: " in said
            assert "Waits to be sent: nothing" in said
            assert "Duty, next 14 days: no list set up" in said
            assert "Last drill: none yet" in said
        assert "Telegram" in (await browser.get("/staff/status")).text
    async with console.browser() as stranger:
        assert "status" not in (await stranger.get("/staff/sign-in")).text.partition("<main")[0].partition("<body")[2]
        assert (await stranger.get("/staff/status")).status_code == 303
