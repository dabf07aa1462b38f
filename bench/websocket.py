"""What WebSocketLibrary costs: `python -m bench.websocket [--runs N] [--sockets N] [--echoes N]`.

Every figure is taken in a process of its own, beside an echo server in another one. CPU is that of the client,
opening and closing left out. Figures that belong together are taken in turn, so that a busy machine disturbs all alike.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launcher import interrupts
from launcher.parsing import Parser

ROOT = Path(__file__).resolve().parents[1]
SELF = (sys.executable, "-m", "bench.websocket")  # never as a script: this folder would shadow other modules
LOAD_GOAL, CLASSIC_LOAD_GOAL, SINGLE_GOAL = 1.2, 20.0, 1.25
CLASSIC = ("robotframework-websocketclient==1.3.0", "websocket-client==1.9.0")
CLASSIC_SOCKETS, CLASSIC_ECHOES = 200, 10

SUITES = {
    "bulk": """
*** Settings ***
Library    WebSocketLibrary
*** Test Cases ***
Load
    Open Connections    ${URL}    ${SOCKETS}
    ${before} =    Evaluate    time.process_time()
    FOR    ${round}    IN RANGE    ${ECHOES}
        Send On All    message of a usual length, some forty octets
        Collect On All    within=1 minute
    END
    ${cpu} =    Evaluate    (time.process_time() - $before) / (${SOCKETS} * ${ECHOES}) * 1000
    Evaluate    pathlib.Path($RESULT).write_text(str($cpu))    modules=pathlib
    Drop Connections
""",
    "loop": """
*** Settings ***
Library    WebSocketLibrary
*** Test Cases ***
Load
    Open Connections    ${URL}    ${SOCKETS}
    ${before} =    Evaluate    time.process_time()
    Exchange On All    message of a usual length, some forty octets    times=${ECHOES}    within=1 minute
    ${cpu} =    Evaluate    (time.process_time() - $before) / (${SOCKETS} * ${ECHOES}) * 1000
    Evaluate    pathlib.Path($RESULT).write_text(str($cpu))    modules=pathlib
    Drop Connections
""",
    "classic-bulk": """
*** Settings ***
Library    WebSocketClient
*** Test Cases ***
Load
    VAR    @{all}
    FOR    ${n}    IN RANGE    ${SOCKETS}
        ${socket} =    Connect    ${URL}
        VAR    @{all}    @{all}    ${socket}
    END
    ${before} =    Evaluate    time.process_time()
    FOR    ${round}    IN RANGE    ${ECHOES}
        FOR    ${socket}    IN    @{all}
            Send    ${socket}    message of a usual length, some forty octets
        END
        FOR    ${socket}    IN    @{all}
            Recv    ${socket}
        END
    END
    ${cpu} =    Evaluate    (time.process_time() - $before) / (${SOCKETS} * ${ECHOES}) * 1000
    Evaluate    pathlib.Path($RESULT).write_text(str($cpu))    modules=pathlib
""",
}

SINGLE = """
*** Settings ***
Library    {library}
*** Test Cases ***
One By One
    ${{socket}} =    {connect}    ${{URL}}
    ${{before}} =    Evaluate    time.perf_counter()
    FOR    ${{n}}    IN RANGE    ${{ECHOES}}
        {exchange}
    END
    ${{each}} =    Evaluate    (time.perf_counter() - $before) / ${{ECHOES}} * 1e6
    Evaluate    pathlib.Path($RESULT).write_text(str($each))    modules=pathlib
"""
SUITES["single"] = SINGLE.format(
    library="WebSocketLibrary",
    connect="Open Connection",
    exchange="Send Text    message ${n}\n        Wait For Frame    text=message ${n}",
)
SUITES["single-classic-names"] = SINGLE.format(
    library="WebSocketLibrary", connect="Connect", exchange="Send    message ${n}\n        Recv"
)
SUITES["single-in-one"] = SINGLE.format(
    library="WebSocketLibrary",
    connect="Open Connection",
    exchange="Send And Wait    message ${n}    text=message ${n}",
)
SUITES["classic-single"] = SINGLE.format(
    library="WebSocketClient",
    connect="Connect",
    exchange="Send    ${socket}    message ${n}\n        Recv    ${socket}",
)


# --- the echo server, in a process of its own, and the bare client


def serve() -> None:
    """An echo server; says its port and ends with its standard input, so it cannot outlive who started it."""
    import picows
    import uvloop

    class Echo(picows.WSListener):
        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            if frame.msg_type == picows.WSMsgType.CLOSE:
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_bytes())

    async def main() -> None:
        server = await picows.ws_create_server(lambda _: Echo(), "127.0.0.1", 0, backlog=2048)
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        os._exit(0)

    uvloop.run(main())


def bare(url: str, sockets: int, echoes: int, closed_loop: bool) -> float:
    """The same load on picows alone; CPU-seconds for 1,000 messages.

    Either in rounds (a message to each socket, then the wait for all answers) or each socket in a loop of its own.
    """
    import picows
    import uvloop

    text = picows.WSMsgType.TEXT
    body = b"message of a usual length, some forty octets"
    missing = 0
    done = asyncio.Event()

    class Client(picows.WSListener):
        def __init__(self) -> None:
            super().__init__()
            self.turns = echoes if closed_loop else 1

        def on_ws_frame(self, transport: picows.WSTransport, frame: picows.WSFrame) -> None:
            nonlocal missing
            if frame.msg_type is text:
                frame.get_payload_as_bytes()
                self.turns -= 1
                if self.turns > 0:
                    transport.send(text, body)
                    return
                missing -= 1
                if not missing:
                    done.set()

    async def main() -> float:
        nonlocal missing
        transports = [(await picows.ws_connect(Client, url))[0] for _ in range(sockets)]
        before = time.process_time()
        for _ in range(1 if closed_loop else echoes):
            missing = sockets
            done.clear()
            for transport in transports:
                transport.send(text, body)
            await asyncio.wait_for(done.wait(), 60)
        used = time.process_time() - before
        for transport in transports:
            transport.disconnect(graceful=False)
        return used / (sockets * echoes) * 1000

    return float(uvloop.run(main()))


# --- measuring


@dataclass(frozen=True)
class Measure:
    """One figure: how it is taken and what it is called."""

    name: str
    title: str
    sockets: int
    echoes: int


@contextmanager
def echo_server() -> Iterator[str]:
    """The URL of an echo server that runs meanwhile."""
    process = interrupts.start([*SELF, "--serve"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"ws://127.0.0.1:{int(process.stdout.readline())}/"
    finally:
        process.stdin.close()
        process.wait(10)


def run_suite(name: str, url: str, sockets: int, echoes: int, directory: Path, classic: Path | None) -> float:
    """Runs one suite in its own robot; the figure that it wrote."""
    suite, result = directory / f"{name}.robot", directory / "result"
    suite.write_text(SUITES[name], encoding="utf-8")
    result.unlink(missing_ok=True)
    variables = {"URL": url, "SOCKETS": str(sockets), "ECHOES": str(echoes), "RESULT": str(result)}
    command = [sys.executable, "-m", "robot", "--pythonpath", str(ROOT / "libraries"), "--outputdir", str(directory)]
    command += ["--pythonpath", str(classic)] if classic else []
    command += [part for item in variables.items() for part in ("--variable", ":".join(item))]
    done = interrupts.output([*command, str(suite)], within=600)
    if done.returncode or not result.exists():
        raise SystemExit(f"{shlex.join(command)}\n{done.stdout}")
    return float(result.read_text())


def take(measure: Measure, url: str, directory: Path, classic: Path | None) -> float:
    """One figure of one run."""
    if not measure.name.startswith("bare"):
        return run_suite(measure.name, url, measure.sockets, measure.echoes, directory, classic)
    command = [*SELF, "--bare", url, "--sockets", str(measure.sockets)]
    command += ["--echoes", str(measure.echoes)] + (["--loop"] if measure.name == "bare-loop" else [])
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout)


def install_classic(directory: Path) -> tuple[Path | None, str]:
    """The library to compare with, in a directory of its own; or why not."""
    target = directory / "classic"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), *CLASSIC]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    return target, ""


def report(figures: dict[str, list[float]], measures: list[Measure]) -> dict[str, float]:
    """Prints the medians; returns them."""
    medians = {}
    for measure in measures:
        values = figures[measure.name]
        medians[measure.name] = statistics.median(values)
        unit = "µs an exchange" if "single" in measure.name else "CPU-s per 1,000 messages"
        shown = f"{medians[measure.name]:8.1f}" if "single" in measure.name else f"{medians[measure.name]:8.4f}"
        spread = f"({min(values):.4g}–{max(values):.4g}, {len(values)} runs)"
        print(f"{measure.title:<66}{shown} {unit} {spread}")
    return medians


def judge(medians: dict[str, float]) -> bool:
    """Prints the ratios beside their goals; True when all are met."""
    ratios = [
        ("Exchange On All / bare picows, CPU", "loop", "bare-loop", LOAD_GOAL, False),
        ("Send On All, Collect On All / bare picows, CPU", "bulk", "bare", LOAD_GOAL, False),
    ]
    if "classic-bulk" in medians:
        ratios += [
            ("robotframework-websocketclient / bulk keywords, CPU", "classic-bulk", "bulk", CLASSIC_LOAD_GOAL, True),
            ("Send And Wait / websocketclient, time", "single-in-one", "classic-single", SINGLE_GOAL, False),
            ("Send Text + Wait For Frame / websocketclient, time", "single", "classic-single", SINGLE_GOAL, False),
            ("Send + Recv / websocketclient, time", "single-classic-names", "classic-single", SINGLE_GOAL, False),
        ]
    good = True
    for title, above, below, goal, at_least in ratios:
        ratio = medians[above] / medians[below]
        met = ratio >= goal if at_least else ratio <= goal
        good &= met
        print(f"{title:<66}{ratio:8.2f} goal {'≥' if at_least else '≤'} {goal:g}: {'met' if met else 'MISSED'}")
    return good


def main() -> int:
    parser = Parser(prog="./run bench websocket", description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--echoes", type=int, default=50)
    parser.add_argument("--exchanges", type=int, default=1000, help="for the figures message by message")
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
    if options.bare:
        print(bare(options.bare, options.sockets, options.echoes, options.loop))
        return 0
    print(f"$ python -m bench.websocket {shlex.join(sys.argv[1:])}".rstrip())
    with tempfile.TemporaryDirectory() as name:
        return measure_all(options, Path(name))


def measure_all(options: Any, directory: Path) -> int:
    """Takes every figure `--runs` times and judges the medians."""
    load = f"{options.sockets} sockets × {options.echoes} echoes"
    measures = [
        Measure("bare-loop", f"bare picows, a loop for each socket, {load}", options.sockets, options.echoes),
        Measure("loop", f"Exchange On All, {load}", options.sockets, options.echoes),
        Measure("bare", f"bare picows, in rounds, {load}", options.sockets, options.echoes),
        Measure("bulk", f"Send On All, Collect On All, {load}", options.sockets, options.echoes),
        Measure("single", "Send Text + Wait For Frame", 1, options.exchanges),
        Measure("single-classic-names", "Send + Recv of WebSocketLibrary", 1, options.exchanges),
        Measure("single-in-one", "Send And Wait", 1, options.exchanges),
    ]
    classic, why_not = install_classic(directory)
    if classic:
        small = f"{CLASSIC_SOCKETS} sockets × {CLASSIC_ECHOES} echoes"
        measures += [
            Measure("classic-bulk", f"websocketclient, {small}", CLASSIC_SOCKETS, CLASSIC_ECHOES),
            Measure("classic-single", "Send + Recv of websocketclient", 1, options.exchanges),
        ]
    else:
        print(f"SKIPPED: robotframework-websocketclient cannot be installed: {why_not}")
    figures: dict[str, list[float]] = {measure.name: [] for measure in measures}
    with echo_server() as url:
        for _ in range(options.runs):
            for measure in measures:
                figures[measure.name].append(take(measure, url, directory, classic))
    medians = report(figures, measures)
    good = judge(medians)
    if options.json:
        options.json.write_text(json.dumps({"figures": figures, "medians": medians}, indent=2))
    return 0 if good else 1


if __name__ == "__main__":
    interrupts.run(main)
