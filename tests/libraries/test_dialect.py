"""Dialects: read strictly from files, words without a network, promises with their defaults."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from lockstep.dialect import (
    Dialect,
    DialectError,
    Driver,
    NotDescribed,
    NotRead,
    Outcome,
    Request,
    Session,
    Speaker,
    find,
    load,
    loads,
)
from lockstep.dialect.dialect import names
from lockstep.dialect.entries import Place, Source, seconds
from lockstep.dialect.messages import Answer, Command, NeedAdministrator, Pause, Ran, end
from lockstep.dialect.promises import AT_EXPIRY, NEVER, Bound
from lockstep.dialect.sensitive import secrets_of
from lockstep.dialect.steps import WORDS
from lockstep.dialect.templates import MISSING, fill, fill_url

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "dialect.md").read_text("utf-8")
EXAMPLE = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]  # type: ignore[index]
BASE = """dialect: 1
endpoints: {api: {url: "http://api", who: {get: /me, read: {user: id}}}, other: http://other}
credentials: {header: "Authorization: Bearer {access}"}
"""
NOWHERE = Place(Source("somewhere.yaml"))
SCHEMES = {"POSTGRES": "postgresql", "DATABASE": "postgresql", "REDIS": "redis", "SOCKET": "ws"}
SIGNED_IN = Session({"access": "token-1", "refresh": "refresh-1", "user": "u1"})


def speaker(text: str, **methods: Any) -> Speaker:
    return Speaker(loads(BASE + text, methods=methods), {})


def answer(status: int, body: str = "", **headers: str) -> Answer:
    return Answer(
        status, tuple((name.lower().replace("_", "-"), value) for name, value in headers.items()), body.encode()
    )


def play(talk: Any, *answers: Any) -> tuple[list[Any], Outcome]:
    """What a talk asks for, and its outcome, when these answers come."""
    asked: list[Any] = []
    left = list(answers)
    came: Any = None
    while True:
        try:
            action = talk.send(came)
        except StopIteration as end:
            assert not left, f"never asked for: {left}"
            return asked, end.value
        asked.append(action)
        came = None if isinstance(action, Pause) else left.pop(0)


# --- the file


def test_the_core_imports_nothing_of_robot() -> None:
    code = "import sys, lockstep.dialect; sys.exit(any(name.split('.')[0] == 'robot' for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT / "libraries", check=False).returncode == 0


def test_the_example_of_the_page_is_a_dialect() -> None:
    found = loads(EXAMPLE)
    assert found.knows("history")
    assert found.promises.ending("sign_out", "access").bound() == Bound(30.0)


@pytest.mark.parametrize("name", names())
def test_every_dialect_of_the_project_can_be_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (ROOT / "variables" / "targets").rglob("*.yaml"):
        for variable, given in re.findall(r"\$\{([A-Za-z_0-9]+)(:-[^}]*)?\}", folder.read_text("utf-8")):
            if not given:
                scheme = next((found for word, found in SCHEMES.items() if word in variable), "http")
                monkeypatch.setenv(variable, f"{scheme}://127.0.0.1:1")
    assert load(find(name)).endpoints


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("operations: {refesh: {post: /r}}", "target.yaml:4: operations.refesh: unknown entry; did you mean refresh?"),
        ("operations:\n  refresh: {pots: /r}", "target.yaml:5: operations.refresh.pots: unknown entry; did you mean"),
        ("operations: {refresh: {post: /r, jsn: {}}}", "operations.refresh.jsn: unknown entry; did you mean json?"),
        ("operations: {refresh: {post: /r, get: /r}}", "operations.refresh.post: get is there already"),
        ("operations: {refresh: {as: user}}", "operations.refresh: a step needs one of get, post"),
        ("operations: {refresh: []}", "operations.refresh: no step: nothing would be done"),
        (
            "roles: {reduced: mute, takes: [delete_message]}\noperations: {delete_message: {delete: '/m/{id}'}}",
            "roles.takes: delete_message needs {id}, and is tried with {room}, {text} and {key} only",
        ),
        ("operations: {refresh: {post: /r, at: ap}}", "operations.refresh.at: 'ap' is no endpoint; did you mean api?"),
        ("operations: {refresh: {post: /r, as: admin}}", "refresh.as: 'admin' is none of none, user or admin"),
        ("operations: {activate: {post: /r}}", "done as administrator, and the part administrator is missing"),
        ("operations: {refresh: {post: /r, status: 99}}", "operations.refresh.status: an HTTP status such as 404"),
        ("operations: {refresh: {post: /r, read: {a: cooky x}}}", "'cooky' is no source of a value; did you mean c"),
        ("operations: {refresh: {post: /r, items: {a: .a}}}", "operations.refresh.items: each is missing"),
        ("operations: {refresh: {post: /r, json: {password: abc}}}", "json.password: a secret must not stand"),
        ("operations: {refresh: {post: /r, json: {a: {secret: abc}}}}", "json.a.secret: a secret must not stand"),
        ("operations: {refresh: {post: /r, headers: {Authorization: abc}}}", "Authorization: a secret must not stand"),
        ("operations: {refresh: {frame: renew}}", "operations.refresh.frame: 'renew' is none of socket.out"),
        ("administrator: {header: 'X-Key: abc'}", "administrator.header: a secret must not stand in the file"),
        ("administrator: {}", "administrator: header or sign_in is missing"),
        ("accounts: {made: {password: abc}}", "accounts.made.password: a secret must not stand in the file"),
        ("token: {form: jwt, key: abc}", "token.key: a secret must not stand in the file"),
        ("token: {form: opaque, issuer: x}", "token: an opaque token has no"),
        ("refusals: {revoked: {}}", "refusals.revoked: nothing is described"),
        ("refusals: {revoked: {code_at: code}}", "refusals.revoked: code_at says where the code stands"),
        ("refusals: {revoked: {location: '['}}", "refusals.revoked.location: '[' is no regular expression"),
        ("refusals: {gone: {status: 410}}", "refusals.gone: unknown entry"),
        ("socket: {authentication: frame}", "socket: authentication is frame, and out.authenticate is missing"),
        ("socket: {authentication: query}", "socket.authentication: query needs what stands there"),
        ("socket: {gapless: yes}", "socket.gapless: no event says a position"),
        ("socket: {framing: own}", "socket.framing: framing is own: dialect.py beside target.yaml needs"),
        ("socket: {closes: {expired: 99}}", "socket.closes.expired: a close code from 1000 to 4999"),
        ("socket: {in: {mesage: {when: {a: 1}}}}", "socket.in.mesage: unknown entry; did you mean message?"),
        ("socket: {in: {message: {when: {}}}}", "socket.in.message.when: no condition"),
        ("socket: {in: {message: {when: {a: 1}, read: {txt: a}}}}", "read.txt: unknown entry; did you mean text?"),
        ("socket: {out: {ping: {send: {}}}}", "socket.out.ping.send: a frame is needed"),
        ("socket: {out: {ping: {send: {a: 1}, read: {a: b}}}}", "socket.out.ping.read: nothing can be read"),
        ("socket: {refused: {by: silence, codes: 4000}}", "socket.refused.codes: unknown entry"),
        ("limits: {acces_ttl: 3}", "limits.acces_ttl: unknown entry; did you mean access_ttl?"),
        ("limits: {access_ttl: soon}", "limits.access_ttl: a time such as 300ms"),
        ("control: {adapter: commands}", "control: commands is missing"),
        ("control: {pids: {a: 3}}", "control: pids goes with adapter pids only"),
        ("stores: {main: {url: mysql://x}}", "stores.main.url: postgresql://"),
        ("promises: {ends: {sign_out: {acces: 1s}}}", "sign_out.acces: unknown entry; did you mean access?"),
        ("promises: {ends: {sign_out: {access: next_frame}}}", "a time such as 1s, or one of at_expiry, never, is"),
        ("promises: {ends: {sign_out: {access: {apo: 1s}}}}", "access.apo: unknown entry; did you mean api?"),
        ("promises: {refresh: {reuse: ok}}", "refresh.reuse: 'ok' is none of ends_family, refused or acc"),
        ("promises: {origin: yes}", "promises.origin: True is none of refused or any"),
        ("absent: {refesh: none}", "absent.refesh: unknown word; did you mean refresh?"),
        ("headers: {A: ''}", "headers.A: a text is needed, not ''"),
        ("credential: {}", "credential: unknown entry; did you mean credentials?"),
        ("name: x\nname: y", "target.yaml:5: name is there twice"),
        ("headers: {A: '${LOCKSTEP_NOT_SET}'}", "headers.A: the environment variable LOCKSTEP_NOT_SET is not set"),
        ("headers: {A: [}", "target.yaml:4: not YAML: expected the node content, but found '}'"),
        ("headers: {A: *b}", "target.yaml:4: not YAML: found undefined alias 'b'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text: str, said: str) -> None:
    with pytest.raises(DialectError, match=re.escape(said)):
        loads(BASE + text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("endpoints: {a: http://a}", "target.yaml:1: dialect is missing"),
        ("dialect: 2\nendpoints: {a: http://a}", "this release reads dialects of version 1, not 2"),
        ("dialect: 1", "endpoints is missing"),
        ("dialect: 1\nendpoints: {}", "endpoints: no endpoint"),
        ("dialect: 1\nendpoints: {a: /x}", "endpoints.a.url: an address such as http://host:port"),
        (
            "dialect: 1\nendpoints: {a: {url: http://a, socket: ws://a}}",
            "endpoints.a.socket: the part socket is missing",
        ),
        ("dialect: 1\nendpoints: {a: {url: http://a, who: {get: /me}}}", "endpoints.a.who: read.user is missing"),
        ("dialect: 1\nendpoints: {a: {url: http://a, who: {get: /, read: {user: id}}}}", "part credentials is missing"),
        ("dialect: 1\nendpoints: {a: http://a}\ncredentials: {}", "credentials: no place for a token"),
        (
            "dialect: 1\nendpoints: {a: http://a}\ncredentials: {jar: yes}\n"
            "operations: {sign_in: {post: /login, read: {access: token}}}",
            "operations.sign_in.read.access: it travels nowhere",
        ),
        (
            BASE + "accounts: {made: {name: '{unique}'}}\noperations: {delete_account: {delete: '/users/{user}'}}\n",
            "operations.delete_account: {user} has no value: no word of operations reads user",
        ),
        ("dialect: 1\nendpoints: {a: http://a}\ncredentials: {header: Bearer}", "credentials.header: a header such as"),
        ("- a", "a mapping that begins with `dialect: 1` is needed, not a list"),
    ],
)
def test_what_is_missing_is_said(text: str, said: str) -> None:
    with pytest.raises(DialectError, match=re.escape(said)):
        loads(text)


def test_entries_are_texts_even_where_yaml_reads_something_else() -> None:
    found = speaker("operations: {refresh: {post: /r, json: {on: off, no: 12:30, 404: 2026-01-02}}}")
    asked, _ = play(found.perform("refresh", SIGNED_IN), answer(200))
    assert asked[0].body == b'{"on":"off","no":"12:30","404":"2026-01-02"}'


def test_a_secret_of_the_environment_is_known_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDENTIAL_OF_ADMIN", "very-secret-1")
    monkeypatch.setenv("PLAIN", "not-secret")
    monkeypatch.setenv("API_KEY", "very-secret-2")
    text = 'administrator: {header: "X: ${CREDENTIAL_OF_ADMIN}"}\nheaders: {A: "${PLAIN}", B: "${API_KEY}"}'
    assert loads(BASE + text).secrets == {"very-secret-1", "very-secret-2"}


def test_a_folder_may_have_methods(tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text(BASE)
    (tmp_path / "dialect.py").write_text("def sign_out(client, values):\n    yield client.post('/bye')\n")
    found = load(find(str(tmp_path)))
    assert found.name == tmp_path.name
    asked, outcome = play(Speaker(found, {}).perform("sign_out", SIGNED_IN), answer(200))
    assert (asked[0].url, outcome.ok) == ("http://api/bye", True)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def sign_ot(client, values):\n    yield", "dialect.py:1: sign_ot: unknown word; did you mean sign_out?"),
        ("def sign_out(client, values):\n    return {}", "dialect.py:1: sign_out: a word is a generator"),
        ("1 / 0", "dialect.py: ZeroDivisionError"),
    ],
)
def test_a_method_that_nobody_calls_is_an_error(tmp_path: Path, code: str, said: str) -> None:
    (tmp_path / "target.yaml").write_text(BASE)
    (tmp_path / "dialect.py").write_text(code)
    with pytest.raises(DialectError, match=re.escape(said)):
        load(tmp_path / "target.yaml")


def test_a_target_is_found_by_name_file_and_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_TARGETS", str(tmp_path))
    (tmp_path / "one.yaml").write_text(BASE)
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "target.yaml").write_text(BASE)
    (tmp_path / "two.yaml").write_text("kind: external\n")
    assert find("one") == tmp_path / "one.yaml"
    assert find("two") == find(str(tmp_path / "two")) == find(str(tmp_path / "two.yaml"))
    with pytest.raises(DialectError, match=r"there is no dialect of a target 'tow'; did you mean two\?"):
        find("tow")
    with pytest.raises(DialectError, match="there is no target"):
        find(str(tmp_path / "three.yaml"))
    (tmp_path / "old.yaml").write_text("kind: external\n")
    with pytest.raises(DialectError, match="`dialect: 1` is missing"):
        find(str(tmp_path / "old.yaml"))


def test_the_page_has_every_word() -> None:
    for word in WORDS:
        assert f"`{word}`" in PAGE, word


# --- values


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{n}", 5),
        ("{n}s", "5s"),
        ({"a": ["{n}", "{t}"]}, {"a": [5, "x y"]}),
        ({"a": "{gone?}", "b": "{t?}"}, {"b": "x y"}),
        (["{gone?}", 1], [1]),
        ("a{gone?}b", "ab"),
        ("{{{n}}}", "{5}"),
        ({"{t}": 1}, {"x y": 1}),
        ("{in.0.id}", 7),
        (3, 3),
    ],
)
def test_templates(template: Any, filled: Any) -> None:
    assert fill(template, {"n": 5, "t": "x y", "in": [{"id": 7}]}, NOWHERE) == filled


def test_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(DialectError, match=r"\{acces\} has no value here; did you mean access\?"):
        fill("{acces}", {"access": 1}, NOWHERE)


def test_values_in_an_address_are_escaped() -> None:
    values = {"base": "http://a/b", "room": "a/b c?", "platform": {"x": "http://p"}}
    assert fill_url("{base}/r/{room}", values, NOWHERE) == "http://a/b/r/a%2Fb%20c%3F"
    assert fill_url("{platform.x}/y", values, NOWHERE) == "http://p/y"


@pytest.mark.parametrize(
    ("text", "value"), [("300ms", 0.3), ("2s", 2), ("5m", 300), ("1h", 3600), ("1d", 86400), (7, 7)]
)
def test_times(text: Any, value: float) -> None:
    assert seconds(text, NOWHERE) == value


# --- words


def test_a_word_that_is_not_described_is_said_so() -> None:
    with pytest.raises(NotDescribed) as caught:
        speaker("").perform("refresh", SIGNED_IN)
    assert (caught.value.lacks, caught.value.reason) == ("operations.refresh", "not described in target.yaml")


def test_a_word_that_is_absent_says_why() -> None:
    found = speaker("operations: {refresh: {post: /r}}\nabsent: {refresh: no such thing, socket.resume: none}")
    with pytest.raises(NotDescribed, match=r"operations.refresh: absent: no such thing"):
        found.perform("refresh", SIGNED_IN)


def test_a_session_says_what_it_has_not() -> None:
    with pytest.raises(NotRead, match="a session has no 'acces'; it has access, refresh, user"):
        _ = SIGNED_IN.acces


def test_a_part_may_be_absent() -> None:
    found = loads(BASE + "absent: {private_rooms: each user reads each message}")
    assert str(found.missing("private_rooms")) == "private_rooms: absent: each user reads each message"


def test_a_request_has_body_headers_credential_and_is_read() -> None:
    found = speaker(
        "headers: {X-All: all}\n"
        'operations: {refresh: {post: "/r/{user}", at: other, json: {refresh_token: "{refresh}"}, '
        'query: {a: "{user}"}, headers: {X-Own: "{user}"}, '
        "read: {access: data.0.access, next: header X-Next, gone: maybe x}}}"
    )
    asked, outcome = play(
        found.perform("refresh", SIGNED_IN), answer(200, '{"data": [{"access": "token-2"}]}', X_Next="n")
    )
    assert asked == [
        Request(
            "POST",
            "http://other/r/u1?a=u1",
            {"X-All": "all", "Content-Type": "application/json", "X-Own": "u1", "Authorization": "Bearer token-1"},
            b'{"refresh_token":"refresh-1"}',
            "other",
        )
    ]
    assert (outcome.ok, outcome.read) == (True, {"access": "token-2", "next": "n"})
    assert (outcome.session.access, outcome.session.refresh, SIGNED_IN.access) == ("token-2", "refresh-1", "token-1")


def test_what_cannot_be_read_is_named() -> None:
    found = speaker("operations: {refresh: {post: /r, read: {access: data.access}}}")
    _, outcome = play(found.perform("refresh", SIGNED_IN), answer(200, "{}"))
    assert not outcome.ok
    assert outcome.why == "POST http://api/r was answered with 200, {}, where there is no access (json data.access)"


@pytest.mark.parametrize(
    ("status", "body", "ok", "refused"),
    [
        (200, "{}", True, False),
        (200, '{"errors": [1]}', False, False),
        (401, '{"code": "bad"}', False, True),
        (401, '{"code": "other"}', False, False),
        (500, "", False, False),
    ],
)
def test_what_an_answer_means(status: int, body: str, ok: bool, refused: bool) -> None:
    found = speaker(
        "operations: {refresh: {post: /r, failure: {errors: <present>}}}\n"
        "refusals: {invalid: {status: 401, code_at: code, codes: [bad]}}"
    )
    _, outcome = play(found.perform("refresh", SIGNED_IN), answer(status, body))
    assert (outcome.ok, outcome.refused, outcome.classes) == (ok, refused, ("invalid",) if refused else ())


def test_a_word_may_have_a_refusal_of_its_own() -> None:
    found = speaker(
        "operations: {refresh: {post: /r, refused: {status: 400, code_at: error, codes: invalid_grant}}}\n"
        "refusals: {invalid: {status: 401}}"
    )
    _, own = play(found.perform("refresh", SIGNED_IN), answer(400, '{"error": "invalid_grant"}'))
    _, other = play(found.perform("refresh", SIGNED_IN), answer(401))
    assert (own.refused, other.refused) == (True, False)


def test_steps_end_at_the_first_that_fails() -> None:
    found = speaker("operations: {refresh: [{post: /a, read: {x: x}}, {post: '/b/{x}'}, {post: /c}]}")
    asked, outcome = play(found.perform("refresh", SIGNED_IN), answer(200, '{"x": 3}'), answer(500))
    assert [request.url for request in asked] == ["http://api/a", "http://api/b/3"]
    assert (outcome.ok, outcome.read) == (False, {"x": 3})


def test_a_list_is_read_item_by_item() -> None:
    found = speaker("operations: {history: {get: /h, each: data, items: {id: .id, total: total, text: .x}}}")
    _, outcome = play(
        found.perform("history", SIGNED_IN), answer(200, '{"total": 2, "data": [{"id": 1}, {"id": 2, "x": 3}]}')
    )
    assert outcome.items == ({"id": 1, "total": 2}, {"id": 2, "total": 2, "text": 3})
    _, wrong = play(found.perform("history", SIGNED_IN), answer(200, '{"data": {}}'))
    assert not wrong.ok


def test_a_request_is_repeated_until_its_answer_is_so() -> None:
    found = speaker("operations: {room: {get: /r, until: {when: {server: <present>}, within: 5s, every: 1ms}}}")
    asked, outcome = play(found.perform("room", SIGNED_IN), answer(200, "{}"), answer(200, '{"server": "x"}'))
    assert [type(action).__name__ for action in asked] == ["Request", "Pause", "Request"]
    assert outcome.ok


def test_a_wait_that_is_over_is_no_success() -> None:
    found = speaker("operations: {room: {get: /r, until: {when: {server: <present>}, within: 0s}}}")
    _, outcome = play(found.perform("room", SIGNED_IN), answer(200, "{}"))
    assert not outcome.ok
    assert outcome.late
    assert "did not become server = <present> in 0 s; last seen: 200, {}" in outcome.why


def test_the_workers_of_a_run_sign_in_as_administrator_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCKSTEP_RUN_DIR", str(tmp_path))
    text = "administrator: {sign_in: {post: /admin, json: {}, read: {access: a}}}"
    together, most, guard = 0, 0, threading.Lock()
    begun = threading.Barrier(4)

    def answered(_request: Request) -> Answer:
        nonlocal together, most
        with guard:
            together += 1
            most = max(most, together)
        time.sleep(0.02)
        with guard:
            together -= 1
        return answer(200, '{"a": "token"}')

    def sign_in() -> None:
        driver = Driver(speaker(text), answered)
        begun.wait()
        driver.administrator()

    workers = [threading.Thread(target=sign_in) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert most == 1


def test_an_administrator_signs_in_again_when_refused() -> None:
    found = speaker(
        "administrator: {sign_in: {post: /admin, json: {password: '{p?}'}, read: {access: a}}}\n"
        "operations: {deactivate: {post: '/users/{user}/off', as: administrator}}\n"
        "refusals: {unauthenticated: {status: 401}}"
    )
    first, second = Session({"access": "admin-1"}), Session({"access": "admin-2"})
    asked, outcome = play(found.perform("deactivate", SIGNED_IN), first, answer(401), second, answer(200))
    assert [type(action).__name__ for action in asked] == [
        "NeedAdministrator",
        "Request",
        "NeedAdministrator",
        "Request",
    ]
    assert asked[2] == NeedAdministrator(renew=True)
    assert [asked[index].headers["Authorization"] for index in (1, 3)] == ["Bearer admin-1", "Bearer admin-2"]
    assert outcome.ok
    assert outcome.session.access == "token-1"


def test_an_administrator_whose_token_expired_signs_in_again() -> None:
    found = speaker(
        "administrator: {sign_in: {post: /admin, json: {}, read: {access: a}}}\n"
        "operations: {deactivate: {post: '/users/{user}/off', as: administrator}}\n"
        "refusals: {unauthenticated: {status: 401, code_at: code, codes: none},\n"
        " expired: {status: 401, code_at: code, codes: late}}"
    )
    first, second = Session({"access": "admin-1"}), Session({"access": "admin-2"})
    asked, outcome = play(
        found.perform("deactivate", SIGNED_IN), first, answer(401, '{"code": "late"}'), second, answer(200)
    )
    assert asked[2] == NeedAdministrator(renew=True)
    assert outcome.ok


def test_a_program_is_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    found = speaker("operations: {deactivate: {command: [tool, off, '{user}'], read: {done: whole body}}}")
    asked, outcome = play(found.perform("deactivate", SIGNED_IN), Ran(0, "yes\n"))
    assert (asked, outcome.read) == ([Command(("tool", "off", "u1"))], {"done": "yes"})
    _, failed = play(found.perform("deactivate", SIGNED_IN), Ran(3, "no such user"))
    assert failed.why == "tool off u1 ended with 3: no such user"


PAGE_OF_LOGIN = """<form action="/search"><input name="q"></form>
<form method="post" action="/login?next=1"><input type="hidden" name="_xsrf" value="x&amp;1">
<input name="user"><input type="password" name="word"><input type="checkbox" name="stay" checked>
<input type="submit" name="go" value="Go"></form>"""


def cookie_speaker(more: str = "") -> Speaker:
    return Speaker(loads(
        "dialect: 1\nendpoints: {api: http://api}\ncredentials: {jar: yes, csrf: {cookie: xsrf, header: X-Xsrf, "
        "referer: '{base}/home'}}\n"
        "operations:\n  sign_in: {page: /login, form: {user: '{name}', word: '{password}'}, "
        "read: {xsrf: maybe field _xsrf}}\n"
        f"  sign_out: {{post: /bye}}\n{more}"
    ), {})  # fmt: skip


def test_a_token_that_is_a_cookie_of_the_jar_is_sent_once() -> None:
    made = Speaker(
        loads(
            "dialect: 1\nendpoints: {api: {url: http://api, who: {get: /me, read: {user: id}}}}\n"
            "credentials: {cookie: sid, jar: yes}\n"
            "operations: {sign_in: {post: /in, status: 204, read: {access: cookie sid}}}"
        ),
        {},
    )
    _, signed_in = play(
        made.perform("sign_in", Session()),
        answer(204, Set_Cookie="sid=s1; Path=/"),
    )
    broken = signed_in.session.with_values({"access": "forged"})
    asked, _ = play(made.who("api", broken), answer(401))
    assert asked[0].headers["Cookie"] == "sid=forged"


def test_a_page_is_filled_in_and_its_cookies_are_kept() -> None:
    account = Session({"name": "anne", "password": "secret"})
    asked, outcome = play(
        cookie_speaker().perform("sign_in", account),
        answer(302, Location="/real", Set_Cookie="xsrf=abc; Path=/"),
        Answer(200, (), PAGE_OF_LOGIN.encode()),
        answer(302, Location="/home", Set_Cookie="sid=s1; Path=/; HttpOnly"),
        answer(200, "<p>hello"),
    )
    assert [(request.method, request.url) for request in asked] == [
        ("GET", "http://api/login"),
        ("GET", "http://api/real"),
        ("POST", "http://api/login?next=1"),
        ("GET", "http://api/home"),
    ]
    assert asked[2].body == b"_xsrf=x%261&user=anne&word=secret&stay=on"
    assert asked[2].headers["X-Xsrf"] == "abc"
    assert asked[2].headers["Referer"] == "http://api/home"
    assert asked[3].headers["Cookie"] == "xsrf=abc; sid=s1"
    signed_in = outcome.session
    assert outcome.ok
    asked, ended = play(
        cookie_speaker().perform("sign_out", signed_in), answer(200, Set_Cookie="sid=; Max-Age=0; Path=/")
    )
    assert asked[0].headers["Cookie"] == "xsrf=abc; sid=s1"
    assert [cookie.name for cookie in ended.session.cookies] == ["xsrf"]
    assert [cookie.name for cookie in signed_in.cookies] == ["xsrf", "sid"]


def test_a_page_without_the_form_is_no_success() -> None:
    account = Session({"name": "anne", "password": "secret"})
    _, outcome = play(cookie_speaker().perform("sign_in", account), answer(200, "<p>gone"))
    assert not outcome.ok
    assert "no form with user or word in 200, <p>gone" in outcome.why


def test_a_method_yields_its_requests() -> None:
    def sign_in(client: Any, values: Any) -> Any:
        page = yield client.get("/login", role="none")
        came = yield client.post("/login", form={"user": values["user"], "at": page.text})
        return {"access": came.redirect("ticket")} if came.status == 302 else client.refused(came)

    found = speaker("refusals: {invalid: {status: 401}}", sign_in=sign_in)
    asked, outcome = play(
        found.perform("sign_in", SIGNED_IN),
        answer(200, "now", Set_Cookie="a=b; Path=/"),
        answer(302, Location="http://x/?ticket=t1"),
    )
    assert [request.url for request in asked] == ["http://api/login", "http://api/login"]
    assert asked[1].body == b"user=u1&at=now"
    assert asked[1].headers["Cookie"] == "a=b"
    assert (outcome.session.access, outcome.session.cookies) == ("t1", ())
    _, refused = play(found.perform("sign_in", SIGNED_IN), answer(200), answer(401))
    assert (refused.ok, refused.classes) == (False, ("invalid",))


def test_claims_of_a_token_can_be_read() -> None:
    token = "e30.eyJzdWIiOiAidTkifQ.x"
    found = speaker(
        "operations: {sign_in: {post: /r, read: {access: t, user: claim access.sub, both: 'value {user}!'}}}"
    )
    _, outcome = play(found.perform("sign_in", Session()), answer(200, f'{{"t": "{token}"}}'))
    assert (outcome.session.user, outcome.session.both) == ("u9", "u9!")


def test_nothing_is_sent_where_there_is_no_token_yet() -> None:
    asked, _ = play(speaker("").who("api", Session()), answer(401))
    assert "Authorization" not in asked[0].headers
    assert MISSING is not None


@pytest.mark.parametrize(
    ("place", "shown"),
    [("header", "Bearer token-1"), ("cookie", "sid=token-1"), ("query", "http://api/me?t=token-1")],
)
def test_a_token_can_be_sent_at_each_place(place: str, shown: str) -> None:
    text = BASE.replace(
        '{header: "Authorization: Bearer {access}"}',
        "{header: 'Authorization: Bearer {access}', cookie: sid, query: t}",
    )
    found = Speaker(loads(text), {})
    request = found.with_credential(Request("GET", "http://api/me"), SIGNED_IN, "user", place)
    assert shown in (request.headers.get("Authorization"), request.headers.get("Cookie"), request.url)
    with pytest.raises(NotDescribed, match=r"credentials\.cookie"):
        speaker("").with_credential(Request("GET", "http://api/me"), SIGNED_IN, "user", "cookie")


# --- promises


def declared(text: str) -> Dialect:
    return loads(BASE + "promises:\n  " + text)


def test_a_promise_that_is_left_out_has_its_default() -> None:
    promises = loads(BASE).promises
    assert promises.ending("sign_out", "access").bound("api") == Bound(1.0)
    assert not promises.ending("change_role", "sockets").is_weaker()
    assert promises.choice("refresh.reuse").value == "ends_family"
    assert not any(choice.weaker or choice.unbounded for choice in promises.choices.values())
    assert not any(ending.is_weaker() for ending in promises.endings.values())


@pytest.mark.parametrize(
    ("text", "name", "weaker", "unbounded"),
    [
        ("refresh: {reuse: refused}", "refresh.reuse", True, False),
        ("refresh: {reuse: accepted}", "refresh.reuse", True, True),
        ("refresh: {rotation: no}", "refresh.rotation", True, False),
        ("refresh: {grace: 2s}", "refresh.grace", True, False),
        ("delivery: {repeats: none}", "delivery.repeats", False, False),
        ("delivery: {order: none}", "delivery.order", True, True),
        ("recovery: {by: snapshot}", "recovery.by", True, False),
        ("recovery: {within: 2d}", "recovery.within", False, False),
        ("recovery: {within: 1m}", "recovery.within", True, False),
        ("restart: {sockets: any}", "restart.sockets", True, True),
        ("cookies: {same_site: strict}", "cookies.same_site", False, False),
        ("cookies: {secure: no}", "cookies.secure", True, False),
        ("origin: any", "origin", True, True),
    ],
)
def test_what_a_choice_is_worth(text: str, name: str, weaker: bool, unbounded: bool) -> None:
    choice = declared(text).promises.choice(name)
    assert (choice.weaker, choice.unbounded) == (weaker, unbounded)


def test_a_bound_may_differ_from_endpoint_to_endpoint() -> None:
    ending = declared("ends: {sign_out: {access: {api: 500ms, other: 300s}}}").promises.ending("sign_out", "access")
    assert (ending.bound("api"), ending.bound("other"), ending.bound("new")) == (Bound(0.5), Bound(300.0), Bound(1.0))
    assert (ending.is_weaker("api"), ending.is_weaker("other")) == (False, True)


def test_later_ends_are_weaker() -> None:
    words = ["1s", "300s", "next_frame", "at_expiry", "never"]
    bounds = [
        declared(f"ends: {{sign_out: {{sockets: {word}}}}}").promises.ending("sign_out", "sockets").bound()
        for word in words
    ]
    assert sorted(bounds, key=lambda bound: bound.rank) == bounds
    assert [str(bound) for bound in bounds][-2:] == [AT_EXPIRY, NEVER]


@pytest.mark.parametrize("before", range(270, 302, 5))
def test_a_long_answer_shows_no_part_of_a_token(before: int) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    body = f"{('said ' * 100)[:before]}{token} {'and more ' * 40}"
    told = str(Answer(500, (), body.encode()))
    assert token in told or "eyJ" not in told
    assert len(told) < 320
    last = end(f"{'x ' * 50}{token} {'w ' * (before // 2)}")
    assert token in last or not any(part in last for part in ("eyJ", "c2ln", "Jl"))


def test_a_code_that_nobody_would_choose_is_a_secret() -> None:
    data = {"code": "9f3c1e7ab2d84c60", "error": {"code": "INVALID_CREDENTIALS"}, "items": [{"code": 4001}]}
    assert list(secrets_of(data)) == ["9f3c1e7ab2d84c60"]
