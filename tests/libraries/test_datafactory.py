"""DataFactory: repeatable from its seed, and real at real services."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from DataFactory import DataFactory
from DataFactory.randomness import Randomness
from lockstep.http import CallError

from tests.libraries.conftest import Stack
from tests.libraries.inner import INNER, InnerRun, run_inner
from tests.services.servers import free_port


def drawn(folder: Path, *arguments: str, seed: str = "") -> InnerRun:
    folder.mkdir()
    suite = INNER / "datafactory" / "values.robot"
    return run_inner(suite, folder, *arguments, LOCKSTEP_SEED=seed) if seed else run_inner(suite, folder, *arguments)


@pytest.mark.req("H08")
def test_a_seed_repeats_each_test_alone_or_not(tmp_path: Path) -> None:
    first = drawn(tmp_path / "a", seed="7")
    again = drawn(tmp_path / "b", "--test", "Two", seed="7")
    other = drawn(tmp_path / "c", "--test", "Two", seed="8")
    assert first.message("One")[38:] != first.message("Two")[38:]
    assert first.message("Two") == again.message("Two")
    assert first.message("Two") != other.message("Two")
    assert first.message("Without A Platform") == "no platform is in use: call Use Shared Platform first"


@pytest.mark.req("H08")
def test_a_made_up_seed_is_printed_and_repeats(tmp_path: Path) -> None:
    first = drawn(tmp_path / "a")
    found = re.search(r"DataFactory seed: (\w+)", first.console)
    assert found, first.console
    assert drawn(tmp_path / "b", seed=found[1]).message("One") == first.message("One")


def test_addresses_are_valid_and_names_are_kept() -> None:
    random = Randomness("1")
    names = {random.person_name() for _ in range(300)}
    addresses = [random.email(name) for name in names]
    assert all(re.fullmatch(r"[a-z]+(\.[a-z]+)*\.[0-9a-f]{12}@example\.test", address) for address in addresses)
    assert len(set(addresses)) == len(names) > 200
    assert all(1 <= len(random.message().encode()) <= 16384 for _ in range(500))


def test_a_service_that_is_away_is_named() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(CallError, match=rf"POST /auth/signup got no answer from auth at {url}: .*refused"):
        DataFactory(seed="1", auth_url=url).create_user()


def test_what_a_target_lacks_is_named() -> None:
    with pytest.raises(RuntimeError, match="target 'named at import' has no service_token"):
        DataFactory(seed="1", auth_url="http://127.0.0.1:9").create_load_users(1)


def test_an_address_that_an_earlier_run_has_taken_is_replaced(stack: Stack) -> None:
    url = stack.descriptor["auth_url"]
    first, second = (DataFactory(seed="same", auth_url=url).create_user() for _ in range(2))
    assert first.name == second.name
    assert first.email != second.email


def test_keywords_from_outside(stack: Stack, tmp_path: Path) -> None:
    suite = INNER / "datafactory" / "users.robot"
    run = run_inner(suite, tmp_path, "--loglevel=TRACE", variables={"DESCRIPTOR": str(stack.file(tmp_path))})
    run.all_as_declared()
    assert "eyJ" not in run.output
    assert stack.descriptor["service_token"] not in run.output
    assert "&lt;token " in run.output


def test_services_log_the_test_that_made_the_data(stack: Stack, tmp_path: Path) -> None:
    run = run_inner(
        INNER / "datafactory" / "users.robot",
        tmp_path,
        "--test",
        "Two Users Differ",
        variables={"DESCRIPTOR": str(stack.file(tmp_path))},
    )
    assert run.returncode == 0
    assert '"test_id": "Users.Two Users Differ"' in stack.services["auth"].log().replace('":"', '": "')
