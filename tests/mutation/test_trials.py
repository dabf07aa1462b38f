"""Which suites a mutant meets, in which order, and what counts as a kill."""

from collections.abc import Sequence

from mutation.lines import Executed, worth
from mutation.mutants import Mutant
from mutation.suite import Ran, Told
from mutation.trial import Outcome, Verdict, chosen, noticed

FILE = "services/auth/opaque.py"
MUTANT = Mutant(FILE, "f", 0, 5, "a", "b", (5, 6))


def executed(name: str, seconds: float, *lines: int) -> Executed:
    return Executed(name, ("T",), seconds, {FILE: frozenset(lines)})


def names(suites: Sequence[Executed]) -> list[str]:
    return [one.suite for one in suites]


def test_only_suites_that_execute_the_statement_are_run() -> None:
    suites = [executed("misses", 1, 1, 2, 4, 7), executed("first", 9, 5), executed("second line", 10, 6)]
    fit, left = chosen(suites, MUTANT, 100)
    assert (sorted(names(fit)), left) == (["first", "second line"], [])


def test_who_goes_where_few_go_comes_first() -> None:
    everywhere = [executed(f"passes {number}", 2, 1, 5) for number in range(5)]
    fit, _ = chosen([*everywhere, executed("looks", 4, 1, 5, 8, 9, 10)], MUTANT, 100)
    assert names(fit)[0] == "looks"


def test_a_second_is_worth_nothing_where_everybody_goes() -> None:
    assert set(worth([executed("a", 1, 1), executed("b", 2, 1)], FILE).values()) == {0.0}


def test_of_equal_suites_the_quick_one_comes_first_and_time_is_kept() -> None:
    suites = [executed("slow", 90, 5), executed("quick", 5, 5), executed("middle", 20, 5)]
    fit, left = chosen(suites, MUTANT, 30)
    assert (names(fit), names(left)) == (["quick", "middle"], ["slow"])


def test_one_suite_is_run_however_long_it_takes() -> None:
    assert names(chosen([executed("long", 500, 5)], MUTANT, 30)[0]) == ["long"]


def ran(*tests: tuple[str, str], late: bool = False) -> Ran:
    return Ran(tuple(Told(name, status, f"{name} says {status}", 1.0) for name, status in tests), late, "")


class Suite:
    """Answers with what it is given, and keeps what it was asked."""

    def __init__(self, *answers: Ran) -> None:
        self._answers = list(answers)
        self.asked: list[list[str]] = []

    def run(self, chosen_names: Sequence[str]) -> Ran:
        self.asked.append(list(chosen_names))
        return self._answers.pop(0)


def judged(suite: Suite) -> tuple[Verdict | None, list[str]]:
    noise: list[str] = []
    return noticed(("A", "B", "C"), suite.run, noise, []), noise


def test_what_passes_has_not_noticed() -> None:
    assert judged(Suite(ran(("A", "PASS"), ("B", "SKIP"), ("C", "PASS")))) == (None, [])


def test_a_failure_that_is_there_again_kills() -> None:
    suite = Suite(ran(("A", "PASS"), ("B", "FAIL")), ran(("B", "FAIL")))
    verdict, noise = judged(suite)
    assert verdict == Verdict(Outcome.KILLED, test="B", message="B says FAIL")
    assert (suite.asked, noise) == ([["A", "B", "C"], ["B"]], [])


def test_a_failure_that_is_gone_is_noise_and_what_was_not_run_follows() -> None:
    suite = Suite(ran(("A", "PASS"), ("B", "FAIL")), ran(("B", "PASS")), ran(("C", "PASS")))
    assert judged(suite) == (None, ["B"])
    assert suite.asked == [["A", "B", "C"], ["B"], ["C"]]


def test_a_suite_that_hangs_names_the_test_that_it_hangs_in() -> None:
    verdict, _ = judged(Suite(ran(("A", "PASS"), late=True)))
    assert verdict is not None
    assert (verdict.outcome, verdict.test, verdict.outcome.killed) == (Outcome.HUNG, "B", True)


def test_a_test_that_fails_and_then_hangs_kills() -> None:
    verdict, _ = judged(Suite(ran(("A", "FAIL")), ran(late=True)))
    assert verdict is not None
    assert (verdict.outcome, verdict.test) == (Outcome.KILLED, "A")


def test_what_was_stopped_by_another_failure_has_not_failed() -> None:
    stopped = Told("B", "FAIL", "Failure occurred and exit-on-failure mode is in use.", 0.0)
    assert Ran((stopped,), late=False, said="").failed == []


UNKNOWN = Told("B", "FAIL", "UNKNOWN: the machine was busy", 1.0)
STOPPED = Told("C", "FAIL", "Failure occurred and exit-on-failure mode is in use.", 0.0)


def test_a_test_that_could_not_be_judged_is_asked_again_alone() -> None:
    suite = Suite(Ran((UNKNOWN, STOPPED), late=False, said=""), ran(("B", "FAIL")))
    lists: tuple[list[str], list[str]] = ([], [])
    verdict = noticed(("B", "C"), suite.run, *lists)
    assert verdict == Verdict(Outcome.KILLED, test="B", message="B says FAIL")
    assert lists == ([], [])


def test_what_stays_unknown_is_not_taken_for_a_mutant_that_survived() -> None:
    unknown_twice = Ran((UNKNOWN, STOPPED), late=False, said="")
    suite = Suite(unknown_twice, Ran((UNKNOWN,), late=False, said=""), ran(("C", "PASS")))
    noise: list[str] = []
    unknown: list[str] = []
    assert noticed(("B", "C"), suite.run, noise, unknown) is None
    assert (noise, unknown) == ([], ["B"])
    assert suite.asked == [["B", "C"], ["B"], ["C"]]
