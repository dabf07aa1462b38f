"""FuzzLibrary: what is drawn, what is kept, and the verdicts on servers that stumble."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pytest
from FuzzLibrary import Input, InputFileError, read_input, write_input
from FuzzLibrary.mutating import broken, places
from FuzzLibrary.requesting import unreadable_json
from FuzzLibrary.searching import search
from hypothesis import given
from hypothesis import strategies as st

from tests.libraries.inner import run_inner
from tests.libraries.serving import served
from tests.libraries.stumbling import stumbling_sockets

EXAMPLE = {"type": "say", "id": "first", "payload": {"to": "room", "parts": [1, "two"]}}
SIZE = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}
ANSWER = {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer"}}}


def described(*codes: int) -> dict[str, Any]:
    """A description of ``PUT /box/{id}``, whose answers have these statuses."""
    json_of = {"application/json": {"schema": ANSWER}}
    number = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "enum": ["a", "b"]}}
    put = {
        "parameters": [number],
        "requestBody": {"required": True, "content": {"application/json": {"schema": SIZE}}},
        "responses": {str(code): {"description": "said", "content": json_of if code < 300 else {}} for code in codes},
    }
    paths = {"/box/{id}": {"put": put}}
    return {"openapi": "3.1.0", "info": {"title": "boxes", "version": "1"}, "paths": paths}


class Boxes(BaseHTTPRequestHandler):
    """Keeps what it is given as it is, where its first letter allows."""

    description: dict[str, Any]
    stored: bytes
    told: ClassVar[list[str]]

    def do_GET(self) -> None:
        self._answer(200, json.dumps(self.description).encode() if self.path == "/openapi.json" else type(self).stored)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.append(f"{self.path} {self.headers['Authorization']}")
        try:
            size = json.loads(body)["size"]
        except (ValueError, TypeError, KeyError):
            return self._answer(400, b"")
        if type(size) is not int:
            if size == float("inf"):
                type(self).stored = body
                return self._answer(200, b'{"size": 1}')
            return self._answer(400, b"")
        if size > 1000 and self.path == "/box/b":
            return self._answer(500, b"")
        return self._answer(200, b'{"size": "many"}' if size == -1 and self.path == "/box/a" else b'{"size": 1}')

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def boxes() -> Iterator[tuple[str, type[Boxes]]]:
    class Fresh(Boxes):
        description = described(200, 400)
        stored = b"{}"
        told: ClassVar[list[str]] = []

    with served(Fresh) as url:
        yield url.rstrip("/"), Fresh


def fuzz(tmp_path: Path, url: str, *arguments: str) -> tuple[str, str]:
    suite = tmp_path / "fuzz.robot"
    cells = "    ".join(arguments)
    (tmp_path / "out").mkdir(exist_ok=True)
    suite.write_text(f"*** Settings ***\nLibrary    FuzzLibrary\n\n*** Test Cases ***\nFuzz\n    {cells}\n")
    return run_inner(suite, tmp_path / "out", variables={"URL": url}).verdicts["Fuzz"]


def requests_to(url: str, *more: str) -> tuple[str, ...]:
    return "Fuzz Requests", f"{url}/openapi.json", url, "token=secret-of-the-test", "count=300", "seed=one", *more


@given(st.data())
def test_what_is_broken_has_one_thing_wrong(data: st.DataObject) -> None:
    text = data.draw(broken(EXAMPLE))
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict) and found.keys() >= EXAMPLE.keys():
        assert sum(found[name] != EXAMPLE[name] for name in EXAMPLE) <= 1


def test_every_value_has_a_place() -> None:
    assert list(places({"a": [1, {"b": 2}]})) == [(), ("a",), ("a", 0), ("a", 1), ("a", 1, "b")]


@pytest.mark.parametrize("text", [b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff", b"", b"[" * 100_000])
def test_what_is_no_strict_json_is_not_readable(text: bytes) -> None:
    assert unreadable_json(text).startswith("is no JSON")


def test_strict_json_is_readable() -> None:
    assert unreadable_json('{"a": ["é", null, 1e300]}'.encode()) == ""


def test_a_seed_draws_the_same_inputs_and_the_smallest_is_found() -> None:
    drawn: list[list[int]] = [[], []]
    for number in (0, 1):

        def judge(value: int, seen: list[int] = drawn[number]) -> str:
            seen.append(value)
            return "large" if value > 1000 else ""

        found = search(st.integers(), judge, 200, "seed", patience=30)
        assert found
        assert (found.input, found.fault) == (1001, "large")
    assert drawn[0] == drawn[1]


def test_what_cannot_be_judged_is_no_verdict_and_no_pass() -> None:
    def judge(value: int) -> str:
        raise ConnectionError(f"no server for {value}")

    with pytest.raises(ConnectionError, match="no server"):
        search(st.integers(), judge, 20, "seed", patience=1)


def test_what_fails_only_sometimes_is_found() -> None:
    calls: list[int] = []

    def judge(value: int) -> str:
        calls.append(value)
        return "once" if len(calls) == 5 else ""

    found = search(st.integers(), judge, 20, "seed", patience=5)
    assert found
    assert found.fault == "once"


@given(st.builds(Input, st.binary(), st.sampled_from(["", "PUT"]), st.text(), st.dictionaries(st.text(), st.text())))
def test_an_input_is_read_as_it_was_written(found: Input) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "input.json"
        if not found.method:
            found = Input(found.body)
        write_input(path, found, "seed", "fault")
        assert read_input(path) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "damaged"),
        ("[]", "not an input"),
        ('{"format": "lockstep input", "version": 2}', "version 2 is not known"),
        ('{"format": "lockstep input", "version": 1}', "damaged"),
        ('{"format": "lockstep input", "version": 1, "body": {"base64": "="}}', "damaged"),
        ('{"format": "lockstep input", "version": 1, "body": {"text": ""}, "method": 7}', "damaged"),
    ],
)
def test_a_damaged_file_is_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "input.json").write_text(text)
    with pytest.raises(InputFileError, match=said):
        read_input(tmp_path / "input.json")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputFileError, match="cannot be read"):
        read_input(tmp_path / "input.json")


def test_known_values_stand_by_name_and_are_filled_in() -> None:
    sent = Input(b'{"to": "42"}', "PUT", "/box/42", {"If-Match": "42"})
    named = sent.named({"id": "42"})
    assert named == Input(b'{"to": "{id}"}', "PUT", "/box/{id}", {"If-Match": "{id}"})
    assert named.filled({"id": "7"}) == Input(b'{"to": "7"}', "PUT", "/box/7", {"If-Match": "7"})


def test_the_smallest_request_that_is_answered_with_500_is_told_and_kept(
    tmp_path: Path, boxes: tuple[str, type[Boxes]]
) -> None:
    url, server = boxes
    server.description["paths"]["/box/{id}"]["put"]["parameters"][0]["schema"]["enum"] = ["b"]
    status, message = fuzz(tmp_path, url, *requests_to(url))
    assert status == "FAIL"
    assert message.startswith('answers 500: PUT /box/b {"size": 1001}')
    assert "secret-of-the-test" not in message
    [kept] = (tmp_path / "out" / "inputs").glob("*.json")
    assert "secret" not in kept.read_text()
    status, message = fuzz(tmp_path, url, "Send Kept Inputs", str(kept.parent), url)
    assert status == "FAIL"
    assert message.startswith("answers 500: PUT /box/b")


def test_an_answer_that_is_not_as_described_is_told(tmp_path: Path, boxes: tuple[str, type[Boxes]]) -> None:
    url, server = boxes
    server.description = described(200)
    status, message = fuzz(tmp_path, url, *requests_to(url))
    assert status == "FAIL"
    assert "PUT /box/" in message


def test_what_is_stored_and_cannot_be_read_is_told(tmp_path: Path, boxes: tuple[str, type[Boxes]]) -> None:
    url, _ = boxes
    kept = tmp_path / "kept"
    write_input(kept / "endless.json", Input(b'{"size": 1e400}', "PUT", "/box/{id}"), "seed", "fault")
    write_input(kept / "whole.json", Input(b'{"size": 1}', "PUT", "/box/{id}"), "seed", "fault")
    sent = "Send Kept Inputs", str(kept), url, "known=${{ {'id': 'a'} }}", f"read_back=${{{{ ['{url}/box'] }}}}"
    status, message = fuzz(tmp_path, url, *sent)
    assert status == "PASS", message
    write_input(kept / "none.json", Input(b'{"size": Infinity}', "PUT", "/box/{id}"), "seed", "fault")
    status, message = fuzz(tmp_path, url, *sent)
    assert status == "FAIL"
    assert message.startswith(f"stored, and {url}/box cannot be read any more: it is no JSON")
    assert "none.json" in message


def test_nothing_to_send_is_told(tmp_path: Path, boxes: tuple[str, type[Boxes]]) -> None:
    url, _ = boxes
    asked = requests_to(url)
    assert "has no operation whose path begins with '/nowhere'" in fuzz(tmp_path, url, *asked, "only=/nowhere")[1]
    left_out = "leave_out=${{ ['PUT /bax'] }}"
    assert "has no operation 'PUT /bax' to leave out" in fuzz(tmp_path, url, *asked, left_out)[1]
    (tmp_path / "empty").mkdir()
    assert fuzz(tmp_path, url, "Send Kept Inputs", str(tmp_path / "empty"), url)[1].endswith("holds no input")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("internal", "the socket is closed with 1011, an internal error: frame"),
        ("cut", "the socket is closed without a close frame: frame"),
        ("deaf", "the socket does not answer any more"),
        ("odd", "the error frame names 'oops', which is none of invalid_frame: frame"),
    ],
)
def test_a_frame_that_a_server_stumbles_over_is_told(fault: str, said: str, tmp_path: Path) -> None:
    suite = tmp_path / "frames.robot"
    suite.write_text(FRAMES)
    with stumbling_sockets(fault) as url:
        status, message = run_inner(suite, tmp_path, variables={"URL": url}).verdicts["Fuzz"]
    assert status == "FAIL"
    assert message.removeprefix("UNKNOWN: ").startswith(said), message
    assert "seed one" in message


def test_frames_that_are_refused_as_they_should_be_pass(tmp_path: Path) -> None:
    suite = tmp_path / "frames.robot"
    suite.write_text(FRAMES)
    with stumbling_sockets("none") as url:
        run = run_inner(suite, tmp_path, variables={"URL": url})
    assert run.verdicts["Fuzz"] == ("PASS", "")
    assert "200 frames" in run.output


FRAMES = f"""*** Settings ***
Library    FuzzLibrary
Library    WebSocketLibrary

*** Test Cases ***
Fuzz
    VAR    @{{examples}}    {json.dumps(EXAMPLE)}
    VAR    @{{errors}}    invalid_frame
    Fuzz Frames    ${{URL}}    ${{examples}}    count=200    errors=${{errors}}    seed=one
    ...    shrink_within=5s    within=1s
"""
