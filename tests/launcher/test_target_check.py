"""``./run target check``: a small platform as its dialect says, with wrong dialects, and with faults of its own."""

from __future__ import annotations

import copy
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lockstep.dialect import load
from PlatformLibrary import dialects

from launcher.paths import SUITES
from launcher.targets import facts, forecast
from launcher.targets.doctor import Checked, Doctor
from launcher.targets.findings import ANSWERS, FAILS, UNTRIED, WORKS
from launcher.targets.lacking import Lacking
from launcher.targets.leaves import Names, dotted
from launcher.targets.reached import Reached
from launcher.targets.vocabulary import Vocabulary
from tests.deaf import deaf
from tests.foreign.frame_server import chat
from tests.foreign.running import FOREIGN, served
from tests.launcher.launching import command, launcher_environment, wait_until
from tests.launcher.office import CHIEF, DIALECT, Office, office
from tests.libraries.test_target_library import ON_CHAT, ON_FORUM

pytestmark = pytest.mark.req("T05")


@pytest.fixture
def at_office(monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """An office, with what its dialect wants of the environment."""
    with office() as server:
        monkeypatch.setenv("OFFICE_URL", server.url)
        monkeypatch.setenv("OFFICE_CHIEF", CHIEF)
        yield server


def written(folder: Path, text: str, name: str = "office") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, "utf-8")
    return path


def examined(path: Path) -> tuple[Checked, list[str]]:
    """What a check of that dialect finds, and what it leaves behind."""
    doctor = Doctor(load(path), {})
    try:
        checked = doctor.examine()
    finally:
        left = doctor.undo()
    return checked, left


def run(path: Path, server: Office, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command("target", "check", path, *words),
        env=launcher_environment(OFFICE_URL=server.url, OFFICE_CHIEF=CHIEF, COLUMNS="400"),
        capture_output=True,
        text=True,
        check=False,
    )


# --- a dialect that is right


def test_every_word_of_a_right_dialect_works_and_nothing_is_left_behind(at_office: Office, tmp_path: Path) -> None:
    checked, left = examined(written(tmp_path, DIALECT))
    verdicts = {name: found.verdict for name, found in checked.findings.by_name.items()}
    assert FAILS not in verdicts.values(), checked.findings.failed
    words = yaml.safe_load(DIALECT)["operations"]
    assert {word: verdicts[f"operations.{word}"] for word in words} == {
        **dict.fromkeys(words, WORKS),
        "limited": "answers",
    }
    seen = ("endpoints.desk.who", "endpoints.desk.socket", "socket.send", "socket.in.message", "socket.resume",
            "socket.refused.invalid", "socket.closes.revoked")  # fmt: skip
    for name in (*seen, *(f"refusals.{name}" for name in REFUSALS)):
        assert verdicts[name] == WORKS, name
    assert left == []
    assert (at_office.people, at_office.rooms) == ({}, {})
    assert checked.seconds < 30


REFUSALS = ("unauthenticated", "invalid", "expired", "revoked", "forbidden")


def test_its_output_shows_what_was_sent_read_and_unlocked_without_secrets(at_office: Office, tmp_path: Path) -> None:
    done = run(written(tmp_path, DIALECT), at_office)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert re.search(r"sign_in +works", said)
    assert f'> POST {at_office.url}/login {{"name":"ls-' in said
    assert '"password":"***"' in said
    assert re.search(r'< 200 +{"token": "\*\*\*", "renewal": "\*\*\*"', said)
    assert re.search(r"read: access = \*\*\*, refresh = \*\*\*, session = [0-9a-f]{8}, user = p\d", said)
    assert re.search(r"\d+ of \d+ portable tests can run", said)
    secrets = [CHIEF, *at_office.visits, *at_office.renewals, *at_office.passwords]
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret[:12] in said] == []


# --- a dialect that is wrong


WRONG = [
    ("sign_in:\n    post: /login", "sign_in:\n    post: /log-in", "operations.sign_in.post", "404"),
    ("post: /renew", "post: renew", "operations.refresh.post", "a path begins with a slash: /renew"),
    ("read: {user: id}}\n  sign_in:", "read: {user: key}}\n  sign_in:", "operations.sign_up.read.user", "it has id"),
    ("status: 201, read: {user", "status: 200, read: {user", "operations.sign_up.status", "the answer has 201"),
    ("/logout, status: 204", "/logout, status: 200", "operations.sign_out.status", "the answer has 204"),
    ("token, refresh: renewal, session", "key, refresh: renewal, session", "operations.sign_in.read.access",
     "no key in the answer; it has token, renewal, visit, person.id"),
    ("/me, read: {user: user.id}", "/me, read: {user: title}", "endpoints.desk.who.read.user", "the user is p"),
    ("url: ${OFFICE_URL}", "url: http://127.0.0.1:9", "endpoints.desk.url", "nothing answers there"),
    ("/ready, status: 204", "/ready, status: 200", "endpoints.desk.ready.status", "the answer has 204"),
    ("codes: [ended]", "codes: [gone]", "refusals.revoked.codes", "the answer has ended"),
    ("invalid: {status: 401,", "invalid: {status: 403,", "refusals.invalid.status", "the answer has 401"),
    ("'^Bearer$'", "'^Basic$'", "refusals.unauthenticated.header.WWW-Authenticate", "has WWW-Authenticate: Bearer"),
    ("status: 400, code_at", "status: 401, code_at", "operations.refresh.refused.status", "the answer has 400"),
    ("as: administrator, status: 204}\n  activate", "status: 204}\n  activate", "operations.deactivate",
     "`as: administrator`"),
    ("X-Chief: $", "X-Boss: $", "administrator", "the administrator may not do this"),
    ("Bearer {access}", "Token {access}", "credentials.header", "the token of a new user is not taken at desk"),
    ("text: .text, position: .number, s", "text: .body, position: .number, s", "operations.history.items.text",
     "stand elsewhere in the answer"),
    ("position: .number, sender: .from", "position: .place, sender: .from", "operations.history.items.position",
     "no position stands there"),
    ("/socket?client={client}", "/sockets?client={client}", "endpoints.desk.socket", "404"),
    ("{do: hello}", "{do: welcome}", "socket.greeting.when", 'came: {"do": "hello", "name": "office"}'),
    ("answer: {do: entered}", "answer: {do: in}", "socket.out.authenticate.answer", '"do": "entered"'),
    ("call: {in: re}", "call: {in: answers}", "socket.call.in", "nothing stands at answers"),
    ("message: {when: {do: note}", "message: {when: {do: notes}", "socket.in.message.when", "this frame is none"),
    ("sender: from}}", "sender: by}}", "socket.in.message.read.sender", "it has do, room, number, from, text"),
    ("closes: {revoked: 4403}", "closes: {revoked: 4401}", "socket.closes.revoked", "closed with 4403"),
    ("{by: authentication}", "{by: handshake}", "socket.refused.by", "the handshake is not refused"),
    ("resume: subscription", "resume: connect", "socket.resume", "what was missed did not come"),
    ("access_ttl: 1s", "access_ttl: 5s", "limits.short_access_ttl", "should live for 5.0 s, and is refused before"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "entry", "advice"), WRONG, ids=[known[2] for known in WRONG])
def test_what_is_wrong_in_a_dialect_is_told_by_its_line(
    at_office: Office, tmp_path: Path, right: str, wrong: str, entry: str, advice: str
) -> None:
    assert DIALECT.count(right) == 1, right
    text = DIALECT.replace(right, wrong)
    path = written(tmp_path, text)
    checked, _ = examined(path)
    suspects = [str(found.suspect) for found in checked.findings.failed if found.suspect]
    named = [suspect for suspect in suspects if f": {entry}: " in suspect and advice in suspect]
    assert named, suspects
    line = named[0].removeprefix(f"{path}:").partition(":")[0]
    lines = zip(DIALECT.split("\n"), text.split("\n"), strict=True)
    changed = [number for number, (old, new) in enumerate(lines, 1) if old != new]
    assert int(line) in changed, named[0]


UNSEEN = {
    "operations.refresh.as": "a token that comes along does no harm",
    "operations.sign_in.json.device": "nothing shows what a device is called",
    "operations.room.json.title": "nothing shows a title",
    "operations.send.json.key": "nothing shows a key",
    "operations.history.query.limit": "a greater limit is one, too",
}


def test_each_fact_that_a_check_has_read_is_objected_to_where_it_is_changed(at_office: Office, tmp_path: Path) -> None:
    path = written(tmp_path, DIALECT)
    checked, _ = examined(path)
    tried = list(facts.each(Reached(load(path), {}), checked))
    assert len(tried) > 130
    assert {dotted(fact.path) for fact in tried if not fact.objected} <= UNSEEN.keys()


def test_the_command_says_which_changes_are_not_objected_to(at_office: Office, tmp_path: Path) -> None:
    done = run(written(tmp_path, DIALECT), at_office, "--each-fact", "operations.history")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "not objected to  operations.history.query.limit: 100 as 101" in done.stdout
    assert "7 facts changed one by one, 1 not objected to" in done.stdout
    assert (at_office.people, at_office.rooms) == ({}, {})
    done = run(written(tmp_path, DIALECT.replace("post: /renew", "post: /new")), at_office, "--each-fact")
    assert (done.returncode, "operations.refresh fails: a dialect that is wrong" in done.stderr) == (1, True)


@pytest.mark.parametrize(
    ("value", "path", "changed"),
    [("/a", ("who", "get"), "/wrong"), ("x", ("read", "id"), "wrong"), (200, ("status",), 201),
     (True, ("gapless",), False), (["a", 1], ("codes",), ["wrong", 2]), ("user", ("as",), "none"),
     ("handshake", ("by",), "close"),
     ("1s", ("limits", "ttl"), "3s"), ("3s", ("limits", "ttl"), "5s")],
)  # fmt: skip
def test_a_changed_fact_is_another_one_of_its_kind(value: Any, path: Names, changed: Any) -> None:
    assert facts.other(value, path) == changed


@pytest.mark.usefixtures("at_office")
def test_a_suspended_account_has_to_be_refused_in_words_that_are_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office("says suspended") as server:
        monkeypatch.setenv("OFFICE_URL", server.url)
        checked, _ = examined(written(tmp_path, DIALECT))
        assert [found.name for found in checked.findings.failed] == ["operations.sign_in"]
        described = DIALECT.replace(
            "codes: [wrong_password]}\n  sign_in_short", "codes: [wrong_password, suspended]}\n  sign_in_short"
        )
        checked, _ = examined(written(tmp_path, described))
        assert checked.findings.failed == []


@pytest.mark.usefixtures("at_office")
def test_what_a_throttled_sign_in_would_show_is_no_mistake_of_another_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with office("throttles wrong passwords") as server:
        monkeypatch.setenv("OFFICE_URL", server.url)
        checked, _ = examined(written(tmp_path, DIALECT))
    found = checked.findings.by_name
    words = ("change_password", "deactivate", "activate")
    assert {word: found[f"operations.{word}"].verdict for word in words} == dict.fromkeys(words, ANSWERS)
    assert "429, too many requests" in found["operations.change_password"].says


def test_a_frame_that_names_the_user_is_not_sent_without_a_session(at_office: Office, tmp_path: Path) -> None:
    text = DIALECT.replace("send: {do: who, n:", 'send: {do: who, of: "{user}", n:')
    text = text.replace("answer: {do: joined}, read", "answer: {do: joined}, refused: {do: go_away}, read")
    assert ("{user}" in text, "joined}, refused" in text) == (True, True)
    checked, _ = examined(written(tmp_path, text))
    assert checked.findings.failed == []


def test_a_deaf_target_has_no_word_that_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with deaf(parts=("desk",)) as urls:
        monkeypatch.setenv("OFFICE_URL", urls["desk"])
        monkeypatch.setenv("OFFICE_CHIEF", CHIEF)
        for text in (DIALECT, LENIENT):
            checked, _ = examined(written(tmp_path, text))
            assert [name for name, found in checked.findings.by_name.items() if found.verdict == WORKS] == []
            assert checked.findings.failed


LENIENT = """dialect: 1
endpoints:
  desk: {url: "${OFFICE_URL}", socket: "{base}/socket", who: {get: /me, read: {user: user}}}
credentials: {jar: yes}
accounts: {made: {name: "{unique}", password: "{secret}"}}
operations:
  sign_up: {post: /people, json: {name: "{name}"}}
  sign_in: {post: /login, json: {name: "{name}", password: "{password}"}, refused: {status: 403}}
  sign_out: {post: /logout}
  change_profile: {post: /me, json: {name: "{name}"}}
  delete_account: {delete: /me}
socket: {authentication: cookie, out: {ping: {send: {do: ping}}}}
"""


def test_the_deaf_target_is_not_taken_for_the_reference_platform(tmp_path: Path) -> None:
    with deaf() as urls:
        entries = {
            "auth_url": urls["auth"], "backend_urls": [urls["backend-1"], urls["backend-2"]],
            "public_url": urls["frontend"], "socket_url": urls["frontend"].replace("http", "ws", 1),
            "backend_socket_urls": [urls[part].replace("http", "ws", 1) for part in ("backend-1", "backend-2")],
            "service_token": "x" * 12, "issuer": "issuer", "audience": "audience",
        }  # fmt: skip
        doctor = Doctor(load(FOREIGN.parents[1] / "variables" / "targets" / "embedded" / "target.yaml"), entries)
        try:
            checked = doctor.examine()
        finally:
            doctor.undo()
    assert [name for name, found in checked.findings.by_name.items() if found.verdict == WORKS] == []


# --- what is left behind


@pytest.mark.req("T06")
def test_what_cannot_be_undone_is_listed_with_the_call_that_does_it(tmp_path: Path) -> None:
    with office("never deletes") as server:
        done = run(written(tmp_path, DIALECT), server)
        assert server.people
        names = [person["name"] for person in server.people.values()]
    assert done.returncode == 1
    left = done.stdout.partition("Left behind")[2]
    for name, key in zip(names, server.people, strict=True):
        assert f"account {name}: DELETE" in left
        assert f"curl -i -X DELETE '{server.url}/people/{key}'" in left
    assert CHIEF not in left


@pytest.mark.req("T06")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_check_undoes_what_it_has_made(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with office("slow") as server:
        path = written(tmp_path, DIALECT)
        started = subprocess.Popen(
            command("target", "check", path),
            env=launcher_environment(OFFICE_URL=server.url, OFFICE_CHIEF=CHIEF),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wait_until(lambda: "POST /rooms" in server.requests, "a room")
        assert server.people
        started.send_signal(number)
        output, _ = started.communicate()
        assert started.returncode == code, output
        assert "what was made is undone" in output
        assert "Nothing is left behind." in output
        assert (server.people, server.rooms) == ({}, {})


@pytest.mark.req("T06")
def test_given_accounts_are_leased_and_not_spoiled(at_office: Office, tmp_path: Path) -> None:
    at_office.people["p100"] = {"name": "ann", "password": "ann-has-a-word", "title": "", "suspended": False}
    before = copy.deepcopy(at_office.people)
    (tmp_path / "people.yaml").write_text("[{name: ann, password: ann-has-a-word}]", "utf-8")
    made = '  made: {name: "{unique}", password: "{secret}"}'
    checked, left = examined(written(tmp_path, DIALECT.replace(made, "  file: people.yaml")))
    spoiling = ("change_password", "deactivate", "activate", "delete_account", "change_profile", "sign_up")
    assert {checked.findings.verdict(f"operations.{word}") for word in spoiling} == {UNTRIED}
    assert checked.findings.verdict("operations.revoke_all") == WORKS
    assert at_office.people == before
    assert left == []
    assert [
        known for known in at_office.visits.values() if not known["ended"] and known["until"] > at_office.now()
    ] == []


# --- which tests can run


@pytest.mark.parametrize(("name", "expected"), [("cookie", ON_FORUM), ("frames", ON_CHAT)])
def test_the_forecast_is_what_a_run_says(name: str, expected: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with served(name) as variables:
        for key, value in variables.items():
            monkeypatch.setenv(key, value)
        path = FOREIGN / name / "target.yaml"
        checked, _ = examined(path)
        lacking = Lacking(load(path), checked.findings, dialects.profile_of(str(path)))
        found = forecast.forecast(forecast.read(SUITES / "portable"), lacking)
    assert checked.findings.failed == []
    missing = {key for key, verdict in expected.items() if verdict.startswith("NA ")}
    assert set(found.lacking) == missing
    reasons = {lacking.reasons[need].partition(":")[0].partition(",")[0] for need in found.would_add}
    assert reasons <= {
        "absent",
        "not described",
        "tokens are opaque",
        "one platform for all suites",
        "no session lives in cookies",
    }
    alone = {test.id: need for need, tests in found.would_add.items() for test in tests}
    assert {expected[test].startswith(f"NA {need}") for test, need in alone.items() if need.startswith("op")} == {True}


def test_each_keyword_of_the_library_is_known_with_its_needs() -> None:
    vocabulary = Vocabulary()
    assert vocabulary.knows("Sign In")
    assert {frozenset({"operations.sign_in"}), frozenset({"operations.sign_up"})} <= vocabulary.needs(
        "Sign In", []
    ).needed
    short = vocabulary.needs("Sign In For Seconds", [])
    assert frozenset({"operations.sign_in_short"}) in short.needed
    ends = vocabulary.needs("Access Should End", [None, "sign_out"])
    assert ends.judged == {"promises.ends.sign_out.access"}
    assert frozenset({"socket.send", "operations.send"}) in vocabulary.needs("Send Message", []).left_out
    for args in ([None], [None, "at_once=True"]):
        forged = vocabulary.needs("Every Endpoint Should Refuse Forged Tokens", args).needed
        assert frozenset({"token"}) in forged
        assert frozenset({"token.signing_key"}) not in forged
    history = frozenset({"operations.history"})
    assert history not in vocabulary.needs("Chat History Should Be As Promised", []).needed
    assert history in vocabulary.needs("Chat History Should Be As Promised", ["stored=True"]).needed


# --- refused, and named


def test_a_file_that_is_refused_ends_with_2_and_its_line(at_office: Office, tmp_path: Path) -> None:
    path = written(tmp_path, DIALECT.replace("sign_out:", "sing_out:"))
    done = run(path, at_office)
    line = 1 + DIALECT[: DIALECT.index("sign_out:")].count("\n")
    assert done.returncode == 2
    assert f"{path}:{line}: operations.sing_out: unknown entry; did you mean sign_out?" in done.stderr


def test_no_secret_is_shown_of_frames_that_answer_wrong(tmp_path: Path) -> None:
    text = (FOREIGN / "frames" / "target.yaml").read_text("utf-8")
    refresh = text.index("  refresh:\n    as: none")
    path = tmp_path / "target.yaml"
    path.write_text(text[:refresh] + text[refresh:].replace("{do: TOKENS}", "{do: RENEWED}", 1), "utf-8")
    (tmp_path / "dialect.py").write_text((FOREIGN / "frames" / "dialect.py").read_text("utf-8"), "utf-8")
    with chat() as server:
        done = subprocess.run(
            command("target", "check", path),
            env=launcher_environment(CHAT_URL=server.url, COLUMNS="400"),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        secrets = [*server.tokens, *server.renewals]
    said = done.stdout + done.stderr
    assert "TOKENS re=" in said
    assert [secret for secret in secrets if secret[:12] in said] == []


def test_near_misses_are_named_and_help_is_there(tmp_path: Path) -> None:
    def said(*words: str) -> tuple[int, str]:
        done = subprocess.run(
            command("target", *words), env=launcher_environment(), cwd=tmp_path, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    for words, code, text in (
        (["chekc"], 2, "Did you mean 'check'?"),
        (["check", "embeded"], 2, "Did you mean 'embedded'?"),
        (["check", "--breif", "x"], 2, "Did you mean '--brief'?"),
        (["check", "--help"], 0, "--brief"),
        (["--help"], 0, "check X"),
    ):
        ended, output = said(*words)
        assert (ended, text in output) == (code, True), output


def test_the_reference_platform_is_checked_in_its_own_dialect() -> None:
    done = subprocess.run(
        command("target", "check", "embedded", "--brief"),
        env=launcher_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 fail, 1 were not tried" in done.stdout
    assert "a browser tries it: ./run browser" in done.stdout
    lacking = done.stdout.partition(" portable tests can run")[2]
    assert "would add" in lacking
    assert "(fails" not in lacking
    assert "(not tried" not in lacking
    assert "Nothing is left behind." in done.stdout


def test_without_sockets_tests_go_without_the_steps_on_them() -> None:
    def lacks(need: frozenset[str]) -> str:
        return "socket" if all(name.startswith("socket") for name in need) else ""

    tests = forecast.read()
    known = {test.id for test in tests}
    before, after = (
        {test.id for test in forecast.forecast(tests, lacks, sockets=has).runnable} for has in (True, False)
    )
    assert {"T24-04", "T26-01", "C07-05"} <= known - before
    assert {"T24-04", "T26-01", "C07-05"} <= after
    assert not after & {"T24-03", "T21-05", "T25-01"}, "these are about sockets, or need what arrives on one"
