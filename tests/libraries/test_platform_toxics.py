"""Toxics: what they come to, judged without a network; what they do to real sockets; what suites get of them."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PlatformLibrary import quantities
from PlatformLibrary.embedded.client import HostClient
from PlatformLibrary.embedded.errors import PlatformError
from PlatformLibrary.embedded.frames import FrameStream
from PlatformLibrary.embedded.hops import Hops
from PlatformLibrary.embedded.options import Link
from PlatformLibrary.embedded.toxics import FRAME_KINDS, TYPES, Hold, Toxic, slice_size
from websockets.frames import Frame, Opcode

from tests.libraries.echo import Streams, echo_hop, say, toxic
from tests.libraries.inner import INNER, ROOT, run_inner
from tests.libraries.platform_boot import boot_host, own_place
from tests.services.servers import wait_until

SUITES = INNER / "platform"
HEADS = {
    "upstream": b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n",
    "downstream": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
}
relaxed = settings(max_examples=80, deadline=None, derandomize=True)


def segments(data: bytes, cuts: list[float]) -> Iterator[bytes]:
    """``data`` cut where the fractions say, as TCP may cut it."""
    places = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        yield data[start:end]


lengths = st.one_of(st.binary(max_size=20), st.sampled_from([125, 126, 127, 65535, 65536, 70000]).map(bytes))
frames = st.one_of(
    st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), lengths, st.booleans()),
    st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.binary(max_size=125)),
)


@relaxed
@given(
    written=st.lists(frames, max_size=12),
    mask=st.booleans(),
    stream=st.sampled_from(["upstream", "downstream"]),
    kind=st.sampled_from(sorted(FRAME_KINDS)),
    number=st.integers(1, 5),
    cuts=st.lists(st.floats(0, 1), max_size=30),
)
def test_of_any_frames_in_any_segments_exactly_the_kth_of_its_kind_is_missing(
    written: list[Frame], mask: bool, stream: str, kind: str, number: int, cuts: list[float]
) -> None:
    wires = [frame.serialize(mask=mask) for frame in written]
    counted = [index for index, frame in enumerate(written) if frame.opcode in FRAME_KINDS[kind]]
    dropped = counted[number - 1] if number <= len(counted) else None
    expected = HEADS[stream] + b"".join(wire for index, wire in enumerate(wires) if index != dropped)

    hold = Hold(toxic("drop_frame", stream, frame=number, kind=kind), stream, 0.0, "seed")
    under_test = FrameStream(stream)
    sent = HEADS[stream] + b"".join(wires)
    passed = b"".join(under_test.feed(part, hold.drops) for part in segments(sent, cuts))
    assert passed + under_test.rest() == expected


@relaxed
@given(st.binary(max_size=300), st.lists(st.floats(0, 1), max_size=10), st.sampled_from(["upstream", "downstream"]))
def test_what_is_no_websocket_passes_as_it_is(body: bytes, cuts: list[float], stream: str) -> None:
    head = {"upstream": b"GET / HTTP/1.1\r\n\r\n", "downstream": b"HTTP/1.1 401 Unauthorized\r\n\r\n"}[stream]
    under_test = FrameStream(stream)
    passed = b"".join(under_test.feed(part, lambda _: True) for part in segments(head + body, cuts))
    assert passed + under_test.rest() == head + body


def test_a_stream_that_ends_within_a_header_loses_nothing() -> None:
    under_test = FrameStream("downstream")
    assert under_test.feed(HEADS["downstream"] + b"\x81\x7e\x01", lambda _: False) == HEADS["downstream"]
    assert under_test.rest() == b"\x81\x7e\x01"


@relaxed
@given(average=st.integers(1, 5000), share=st.floats(0, 1, exclude_max=True), seed=st.integers())
def test_slices_are_of_the_size_that_was_asked_and_repeat(average: int, share: float, seed: int) -> None:
    variation = int(share * average)
    sizes = [slice_size(average, variation, random) for random in [Random(seed)] for _ in range(50)]
    assert all(max(1, average - variation) <= size <= average + variation for size in sizes)
    again = Random(seed)
    assert sizes == [slice_size(average, variation, again) for _ in range(50)]


@relaxed
@given(seed=st.text(max_size=10), toxicity=st.floats(0, 1))
def test_toxicity_is_a_share_of_the_connections_and_repeats(seed: str, toxicity: float) -> None:
    def chosen() -> list[bool]:
        half = toxic("timeout", "both", toxicity)
        ups = [Hold(half, "upstream", 0.0, f"{seed}\0{number}").acts for number in range(300)]
        downs = [Hold(half, "downstream", 0.0, f"{seed}\0{number}").acts for number in range(300)]
        assert ups == downs
        return ups

    assert chosen() == chosen()
    # Five standard deviations of a share of 300.
    assert abs(sum(chosen()) / 300 - toxicity) <= 5 * 0.5 / 300**0.5


@pytest.mark.parametrize(
    ("type_", "attribute", "text", "number"),
    [
        ("latency", "latency", "200ms", 200),
        ("latency", "latency", "1.5 s", 1500),
        ("latency", "latency", "0", 0),
        ("latency", "jitter", timedelta(milliseconds=50), 50),
        ("slicer", "delay", "500us", 500),
        ("slicer", "delay", "2ms", 2000),
        ("bandwidth", "rate", "64", 64),
        ("bandwidth", "rate", "0.5 KB/s", 0.5),
        ("limit_data", "bytes", "1024B", 1024),
        ("drop_frame", "frame", 3, 3),
        ("drop_frame", "kind", "pong", "pong"),
    ],
)
def test_quantities_come_in_the_units_of_toxiproxy(type_: str, attribute: str, text: Any, number: Any) -> None:
    assert quantities.number(type_, attribute, text) == pytest.approx(number)


@pytest.mark.parametrize(
    ("type_", "attribute", "text", "message"),
    [
        ("latency", "latency", "200", "latency=200 is wrong, it is given as 200ms"),
        ("latency", "latency", "64KB/s", "latency=64KB/s is wrong, it is given as 200ms"),
        ("bandwidth", "rate", "200ms", "rate=200ms is wrong, it is given as 64 or 64KB/s"),
        ("limit_data", "bytes", "1KB", "bytes=1KB is wrong, it is given as 1024 or 1024B"),
        ("limit_data", "bytes", "1.5", "bytes=1.5 is wrong, it is a whole number"),
        ("drop_frame", "frame", "3rd", "frame=3rd is wrong, it is given as 3"),
        ("latency", "latancy", "1s", "no attribute of toxic 'latency', 'latancy'; .* Did you mean 'latency'"),
        ("latancy", "latency", "1s", "no toxic 'latancy'; there is latency, bandwidth, .* Did you mean 'latency'"),
    ],
)
def test_a_wrong_quantity_is_refused_with_the_right_form(type_: str, attribute: str, text: str, message: str) -> None:
    with pytest.raises(PlatformError, match=message):
        quantities.number(type_, attribute, text)


@pytest.mark.parametrize(
    ("type_", "how", "attributes", "message"),
    [
        ("latency", {}, {}, r"toxic 'latency' needs latency= \(ms\)"),
        ("latency", {}, {"latency": -1}, "latency=-1 is out of range, the least is 0"),
        ("latency", {}, {"latency": float("inf")}, "latency=inf is out of range"),
        ("latency", {"stream": "upsteam"}, {"latency": 1}, "there is no stream 'upsteam'; .* Did you mean 'upstream'"),
        ("latency", {"toxicity": 1.5}, {"latency": 1}, "toxicity=1.5: it is a probability"),
        ("bandwidth", {}, {"rate": 0}, "rate=0 is out of range"),
        ("down", {"toxicity": 0.5}, {}, "'down' holds for every connection: it has no toxicity"),
        ("slicer", {}, {"average_size": 4, "size_variation": 4}, "size_variation must be less than average_size"),
        ("drop_frame", {}, {"frame": 1, "kind": "dada"}, "there is no kind of frames 'dada'; .* Did you mean 'data'"),
        ("drop_frame", {}, {"frame": 0}, "frame=0 is out of range, the least is 1"),
    ],
)
def test_a_toxic_that_makes_no_sense_is_refused_with_the_reason(
    type_: str, how: dict[str, Any], attributes: dict[str, Any], message: str
) -> None:
    with pytest.raises(PlatformError, match=message):
        Toxic.asked(type_, attributes, **{"stream": "downstream", "name": None, "toxicity": 1.0, **how})


# The proxy on real sockets.


async def seconds(streams: Streams, text: bytes) -> float:
    begun = time.monotonic()
    assert await say(streams, text) == text
    return time.monotonic() - begun


async def is_silent(streams: Streams, text: bytes) -> bool:
    if text:
        streams[1].write(text)
    try:
        await asyncio.wait_for(streams[0].read(1), 0.3)
    except TimeoutError:
        return True
    return False


@pytest.mark.req("H13")
@pytest.mark.parametrize(("stream", "ways"), [("downstream", 1), ("upstream", 1), ("both", 2)])
def test_latency_delays_by_what_was_asked_and_heals(stream: str, ways: int) -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            plain = [await seconds(streams, b"quick") for _ in range(5)]
            await hop.add("latency", stream, latency=150)
            slow = [await seconds(streams, b"slow") for _ in range(5)]
            assert min(slow) >= 0.150 * ways
            assert min(slow) <= 0.150 * ways + min(plain) + 0.5
            await hop.proxy.heal()
            assert min([await seconds(streams, b"quick") for _ in range(5)]) < 0.150

    asyncio.run(scenario())


def test_jitter_varies_within_its_bounds_and_keeps_the_order() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            await hop.add("latency", latency=100, jitter=80)
            taken = [await seconds(streams, b"x") for _ in range(12)]
            assert min(taken) >= 0.020
            assert min(taken) < 0.100
            assert max(taken) - min(taken) > 0.020
            numbers = b"".join(number.to_bytes(2, "big") for number in range(500))
            for start in range(0, len(numbers), 20):
                streams[1].write(numbers[start : start + 20])
                await asyncio.sleep(0)
            assert await asyncio.wait_for(streams[0].readexactly(len(numbers)), 10) == numbers

    asyncio.run(scenario())


def test_what_latency_holds_back_passes_at_once_when_healed() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            await hop.add("latency", latency=3_600_000)
            assert await is_silent(streams, b"held")
            await hop.proxy.update("latency_downstream", {"latency": 1_800_000}, None)
            assert await is_silent(streams, b" back")
            await hop.proxy.heal()
            assert await asyncio.wait_for(streams[0].readexactly(9), 5) == b"held back"

    asyncio.run(scenario())


@pytest.mark.req("H13")
def test_bandwidth_lets_the_rate_pass_and_no_more() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            data = os.urandom(60_000)
            plain = await seconds(streams, data)
            await hop.add("bandwidth", rate=100)
            taken = await seconds(streams, data)
            assert taken >= 0.6
            assert taken <= 0.6 + 5 * plain + 1
            await hop.proxy.update("bandwidth_downstream", {"rate": 200}, None)
            assert await seconds(streams, data) >= 0.3
            await hop.proxy.heal()
            assert min([await seconds(streams, data) for _ in range(5)]) < 0.3

    asyncio.run(scenario())


def test_slow_close_delays_the_end_alone() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            reader, writer = streams = await hop.connect()
            await hop.add("slow_close", delay=300)
            begun = time.monotonic()
            assert await say(streams, b"words") == b"words"
            writer.write_eof()
            assert await asyncio.wait_for(reader.read(), 10) == b""
            assert time.monotonic() - begun >= 0.3

            reader, writer = streams = await hop.connect()
            await hop.proxy.update("slow_close_downstream", {"delay": 3_600_000}, None)
            writer.write_eof()
            assert await is_silent(streams, b"")
            await hop.proxy.heal()
            assert await asyncio.wait_for(reader.read(), 5) == b""

    asyncio.run(scenario())


def test_a_timeout_swallows_then_closes_and_one_of_zero_never_does() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            old = await hop.connect()
            assert await say(old, b"before") == b"before"
            begun = time.monotonic()
            await hop.add("timeout", timeout=250)
            old[1].write(b"lost")
            assert await asyncio.wait_for(old[0].read(), 10) == b""
            assert time.monotonic() - begun >= 0.25
            new = await hop.connect()
            assert await asyncio.wait_for(new[0].read(), 10) == b""

            await hop.proxy.heal()
            untouched, lost = await hop.connect(), await hop.connect()
            assert await say(untouched, b"a") == await say(lost, b"a")
            await hop.add("timeout")
            assert await is_silent(lost, b"lost")
            await hop.proxy.heal()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(lost[0].read(1), 5)
            assert await say(untouched, b"b") == b"b"

    asyncio.run(scenario())


@pytest.mark.req("H13")
def test_reset_peer_resets_open_and_new_connections_after_its_time() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            old = await hop.connect()
            assert await say(old, b"before") == b"before"
            begun = time.monotonic()
            await hop.add("reset_peer", timeout=200)
            assert await say(old, b"still") == b"still"
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(old[0].read(1), 10)
            assert time.monotonic() - begun >= 0.2
            await hop.proxy.update("reset_peer_downstream", {"timeout": 0}, None)
            new = await hop.connect()
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(new[0].read(1), 10)
            await hop.proxy.heal()
            assert await say(await hop.connect(), b"after") == b"after"

    asyncio.run(scenario())


def test_a_slicer_cuts_what_is_sent_at_once_and_loses_nothing() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            reader, writer = await hop.connect()
            await hop.add("slicer", average_size=100, size_variation=20, delay=20_000)
            sent = os.urandom(1000)
            begun = time.monotonic()
            writer.write(sent)
            got = [await asyncio.wait_for(reader.read(1 << 16), 10)]
            while sum(map(len, got)) < len(sent):
                got.append(await asyncio.wait_for(reader.read(1 << 16), 10))
            assert b"".join(got) == sent
            # At most 120 bytes a slice, so nine or more, with 20 ms between.
            assert len(got[0]) <= 120 or time.monotonic() - begun > 0.5
            assert time.monotonic() - begun >= 8 * 0.02
            await hop.proxy.heal()
            assert min([await seconds((reader, writer), sent) for _ in range(5)]) < 8 * 0.02

    asyncio.run(scenario())


@pytest.mark.parametrize("limit", [0, 1, 1000, 100_000])
def test_limit_data_lets_exactly_so_many_bytes_pass_and_closes(limit: int) -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            await hop.add("limit_data", bytes=limit)
            reader, writer = await hop.connect()
            sent = os.urandom(150_000)
            writer.write(sent)
            assert await asyncio.wait_for(reader.read(), 10) == sent[:limit]
            await hop.proxy.heal()
            assert await say(await hop.connect(), sent) == sent

    asyncio.run(scenario())


def test_limit_data_counts_from_when_it_came_over_several_writes() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            assert await say(streams, b"before") == b"before"
            await hop.add("limit_data", bytes=10)
            assert await say(streams, b"12345") == b"12345"
            streams[1].write(b"67890abc")
            assert await asyncio.wait_for(streams[0].read(), 10) == b"67890"
            streams = await hop.connect()
            streams[1].write(b"exactly 10")
            assert await asyncio.wait_for(streams[0].read(), 10) == b"exactly 10"

    asyncio.run(scenario())


def test_toxicity_takes_the_same_connections_again_with_the_same_seed() -> None:
    async def taken(seed: str) -> list[bool]:
        async with echo_hop() as hop:
            await hop.proxy.add(toxic("limit_data", toxicity=0.5, bytes=0), seed)
            found = []
            for _ in range(24):
                reader, writer = await hop.connect()
                writer.write(b"x")
                found.append(await asyncio.wait_for(reader.read(1), 10) == b"")
            return found

    async def scenario() -> None:
        first = await taken("one")
        assert {True, False} == set(first)
        assert await taken("one") == first
        assert await taken("another") != first

    asyncio.run(scenario())


def test_down_refuses_and_a_connection_under_way_is_reset() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            assert await say(streams, b"x") == b"x"
            await hop.add("down", "both")
            with pytest.raises(ConnectionResetError):
                await streams[0].read(1)
            with pytest.raises(ConnectionRefusedError):
                await hop.connect()
            await hop.proxy.heal()
            assert await say(await hop.connect(), b"y") == b"y"

    asyncio.run(scenario())


def test_toxics_add_up_and_are_taken_off_one_by_one() -> None:
    async def scenario() -> None:
        async with echo_hop() as hop:
            streams = await hop.connect()
            await hop.add("latency", "downstream", latency=100)
            await hop.add("latency", "upstream", latency=100)
            await hop.add("bandwidth", "upstream", rate=10)
            # 1,000 bytes at 10 KB/s, and both delays.
            assert await seconds(streams, b"x" * 1000) >= 0.3
            await hop.proxy.remove(["bandwidth_upstream"])
            assert await seconds(streams, b"x") >= 0.2
            await hop.proxy.remove(["latency_upstream"])
            assert 0.1 <= min([await seconds(streams, b"x") for _ in range(5)]) < 0.2
            with pytest.raises(PlatformError, match="has a toxic 'latency_downstream' already"):
                await hop.add("latency", latency=1)
            with pytest.raises(
                PlatformError, match=r"of the name 'latency_upstream'; there is latency_downstream\. Did"
            ):
                await hop.proxy.remove(["latency_upstream"])

    asyncio.run(scenario())


def test_a_frame_cannot_be_dropped_where_none_is_seen() -> None:
    async def scenario() -> None:
        for link in (Link("client", "frontend"), Link("backend-1", "redis")):
            async with echo_hop(link) as hop:
                with pytest.raises(PlatformError, match=f"no frames can be dropped on {link}"):
                    await hop.add("drop_frame", frame=1)

    asyncio.run(scenario())


def test_a_hop_of_several_links_gets_a_toxic_on_all_or_none() -> None:
    async def scenario() -> None:
        async with echo_hop(Link("client", "backend-1")) as one, echo_hop(Link("client", "backend-2")) as other:
            hops = Hops([one.proxy, other.proxy])
            request = {"type": "latency", "attributes": {"latency": 5}, "name": "slow"}
            assert await hops.do("add_toxic", "client->backend-2", request) == ["client->backend-2"]
            with pytest.raises(PlatformError, match="client->backend-2 has a toxic 'slow' already"):
                await hops.do("add_toxic", "client->backend", request)
            assert [found["hop"] for found in hops.toxics()] == ["client->backend-2"]
            with pytest.raises(PlatformError, match="no toxic on client->backend-1 of the name 'slow'"):
                await hops.do("remove_toxic", "client->backend", {"name": "slow"})
            assert len(hops.toxics()) == 1
            await hops.do("heal", "*", {})
            assert hops.toxics() == []

    asyncio.run(scenario())


# The keywords on a real platform.


@pytest.mark.req("H13")
def test_each_toxic_is_seen_on_a_real_hop_and_gone_when_healed(tmp_path: Path) -> None:
    run = run_inner(SUITES / "toxics.robot", tmp_path, TMPDIR=own_place(tmp_path)["TMPDIR"], LOCKSTEP_SEED="7")
    run.all_as_declared()
    assert {name for name in TYPES if f">{name}</arg>" not in run.output} == set()
    assert "healed: client-&gt;backend-1 forgotten" in run.output


SUITE_OF_FAULTS = """\
*** Settings ***
Library    PlatformLibrary

*** Test Cases ***
{name}
    {step}
    ${{toxics}} =    Get Toxics
    Should Be Equal    ${{{{ [t['name'] for t in $toxics] }}}}    ${{{{ {expected} }}}}
"""


def test_a_fault_ends_with_the_suite_that_put_it_on_and_no_sooner(tmp_path: Path) -> None:
    suites = tmp_path / "suites"
    suites.mkdir()
    (suites / "__init__.robot").write_text(
        "*** Settings ***\nLibrary    PlatformLibrary\n"
        "Suite Setup    Run Keywords    Use Private Platform    backends=1    proxies=backend->redis\n"
        "...    AND    Add Toxic    backend->redis    latency    latency=1ms    name=outer\n"
    )
    inner = "Add Toxic    backend->redis    latency    latency=1ms    name=inner"
    for name, step, expected in (
        ("01_kept", "No Operation", ["outer"]),
        ("02_left", inner, ["outer", "inner"]),
        ("03_after", "No Operation", ["outer"]),
    ):
        (suites / f"{name}.robot").write_text(SUITE_OF_FAULTS.format(name=name, step=step, expected=expected))
    run = run_inner(suites, tmp_path, TMPDIR=own_place(tmp_path)["TMPDIR"])
    assert run.verdicts == dict.fromkeys(("01_kept", "02_left", "03_after"), ("PASS", ""))


def test_a_target_without_fault_proxies_is_na_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "outside.yaml").write_text(
        "kind: external\nendpoints: {}\ncapabilities: [ws]\ncontrol: {adapter: none}\n"
        "not_offered: {net.faults: nobody may disturb this network}\n"
    )
    run = run_inner(SUITES / "toxics_na.robot", tmp_path, variables={"TARGET": str(tmp_path / "outside.yaml")})
    assert run.verdicts["Tagged"] == ("SKIP", "NA: net.faults: nobody may disturb this network")
    assert run.verdicts["Not Tagged"] == ("SKIP", "NA: net.faults: target 'outside' has no fault proxies")
    assert run.verdicts["Healed Without Proxies"] == ("PASS", "")


@pytest.fixture
def place() -> Iterator[Path]:
    """A short path: a Unix socket's may have 107 characters."""
    folder = Path("/tmp") / f"lockstep-toxics-{os.getpid()}"
    folder.mkdir(mode=0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def connects(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def host(place: Path) -> Iterator[HostClient]:
    client = boot_host(place, grace=5.0)
    yield client
    client.close_and_wait()


def test_a_robot_killed_amid_its_faults_leaves_none_and_the_shared_platform_is_sound(
    place: Path, host: HostClient
) -> None:
    robot = subprocess.Popen(
        [sys.executable, "-m", "robot", "--variable", f"SIGNAL:{place / 'signal'}", "--pythonpath",
         str(ROOT / "libraries"), "--outputdir", str(place / "out"), str(SUITES / "faulty.robot")],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=place,
        env={**{k: v for k, v in os.environ.items() if not k.startswith("LOCKSTEP_")},
             **own_place(place), "LOCKSTEP_HOST": str(host.path)},
    )  # fmt: skip
    try:
        wait_until(lambda: (place / "signal").exists(), "the robot has its faults on")
        faults = host.call("status")["faults"]
        assert sorted(fault.split(" ", 1)[1] for fault in faults) == [
            "backend-1->redis silence",
            "backend-2->redis silence",
            "client->backend-1 slow",
            "client->backend-2 slow",
        ]
        port = int((place / "signal").read_text())
        assert connects(port)
    finally:
        robot.send_signal(signal.SIGKILL)
        robot.wait(20)
    wait_until(lambda: not host.call("status")["faults"], "no fault is on any more")
    wait_until(lambda: not connects(port), "the disturbed hop is gone")
    assert_sound(host)


def assert_sound(host: HostClient) -> None:
    """A shared platform answers everywhere, with every dependency up, and has no hop that could be disturbed."""
    found = host.lease(shared=True)
    assert found["hops"] == []
    assert set(host.call("status", platform=found["platform_id"])["instances"].values()) == {"running"}
    assert host.call("toxics", platform=found["platform_id"])["toxics"] == []
    trust = ssl.create_default_context(cafile=found["ca_file"])
    for url in (found["auth_url"], found["public_url"], *found["backend_urls"]):
        with urllib.request.urlopen(
            f"{url}/health", timeout=10, context=trust if url.startswith("https") else None
        ) as answer:
            assert b'"down"' not in answer.read()
