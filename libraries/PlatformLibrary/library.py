"""The keywords of PlatformLibrary."""

from __future__ import annotations

import atexit
import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lockstep import applicability, machine, target
from lockstep.listeners import LISTENERS
from lockstep.machine import PlatformUse
from robot.api import logger
from robot.api.deco import keyword, library
from robot.libraries.BuiltIn import BuiltIn, RobotNotRunningError

from . import lifeline, surroundings
from .attaching import Attachments
from .controlling import ControlKeywords
from .embedded.errors import HostEndedError, PlatformError
from .faulting import FaultKeywords
from .listener import TargetListener
from .observing import ObservationKeywords
from .profile import Profile, ProfileError
from .reach import NotReadyError
from .targets import Platform, Targets
from .variables import suite_variables
from .versions import VersionKeywords

__version__ = "1.0.0"
MAIN = "main"
_MORE = ("redis_replica", "sentinel", "clocks", "standby", "durable", "small_disk")
_OPTIONS = ("backends", "proxies", "services_dir", "redis_server", "instance_env", "own_redis", *_MORE)


@library(scope="GLOBAL", version=__version__, doc_format="ROBOT", auto_keywords=False)
class PlatformLibrary(ControlKeywords, FaultKeywords, ObservationKeywords, VersionKeywords):
    """Boots, leases and controls the platform under test.

    | *** Settings ***
    | Library           PlatformLibrary
    | Suite Setup       Use Private Platform    backends=2    proxies=backend->redis    ACCESS_TTL=5
    |
    | *** Test Cases ***
    | Backend Survives The Loss Of Redis
    |     Cut Connection    backend->redis
    |     Service Should Be Ready    backend-1
    |     Heal Connection    backend->redis

    = Target =

    Which platform it is says a profile: the Robot variable ``TARGET`` or the environment variable ``LOCKSTEP_TARGET``
    names it (``embedded``, ``compose``, ``remote``) or gives the path of its YAML file. Default is ``embedded``: the
    library starts auth, backend replicas, frontend, the OpenID provider, PostgreSQL and Redis by itself, on loopback,
    and leaves nothing behind.

    A test that needs something of the target says so by tags such as ``needs:control.kill``. Where the target does not
    offer it the test is skipped before its setup with ``NA: <capability>: <reason>``; a suite of which nothing can be
    checked starts no platform. With ``LOCKSTEP_CERTIFIED=1`` it fails instead if the profile declares the capability.

    = Instances and hops =

    Instances are ``auth``, ``backend-1``, ``backend-2`` …, ``frontend``, ``provider``, ``postgres`` and ``redis``. A
    hop is who connects to whom, ``backend->redis`` or ``backend-1->redis``; ``client`` is the test's own side.

    = Toxics =

    What can be done to a hop that a private platform was given proxies for, with Toxiproxy's names, attributes and
    units. Times are written as Robot times with their unit (``200ms``), sizes and rates as plain numbers or with it.

    | = Toxic = | = Attributes = | = What it does = |
    | ``latency`` | ``latency``, ``jitter`` = 0 (ms) | delays by latency ± jitter, in order |
    | ``bandwidth`` | ``rate`` (KB/s, of 1,000 bytes) | lets so much pass and no more |
    | ``slow_close`` | ``delay`` (ms) | passes the end of the stream on so much later |
    | ``timeout`` | ``timeout`` = 0 (ms) | swallows all, closes after the time, with 0 never |
    | ``reset_peer`` | ``timeout`` = 0 (ms) | resets both ends (TCP RST) after the time |
    | ``slicer`` | ``average_size``, ``size_variation`` = 0 (bytes), ``delay`` = 0 (µs) | cuts into slices |
    | ``limit_data`` | ``bytes`` | closes once so many bytes have passed |
    | ``down`` | | resets what is open and refuses new connections |
    | ``drop_frame`` | ``frame``, ``kind`` = data | drops the WebSocket frame of that number, from 1 |

    Times and counts begin, for each connection, when the toxic comes to it. ``drop_frame`` counts the frames (RFC 6455,
    section 5.2) that are ``data``, ``control``, ``any``, ``text``, ``binary``, ``close``, ``ping`` or ``pong``. It
    works where WebSockets pass unencrypted, on ``client->backend`` and ``frontend->backend``, and on connections that
    begin with the handshake. Jitter, the sizes of slices and ``toxicity`` follow from ``LOCKSTEP_SEED``.

    Healed, a hop lets pass at once what it held back. A connection of which bytes were swallowed is reset then, since
    TCP shows no stream with a hole. No fault outlives its suite, or the lease, however the run ends.

    = What suites get =

    ``PUBLIC_URL``, ``FRONTEND_URL``, ``AUTH_URL``, ``BACKEND_URL``, ``BACKEND_2_URL``, ``SOCKET_URL``,
    ``BACKEND_SOCKET_URL``, ``BACKEND_2_SOCKET_URL``, ``PROVIDER_URL``, ``AUTH_DB_URL``, ``MAIN_DB_URL``, ``REDIS_URL``,
    ``SERVICE_TOKEN`` (a Secret), ``CA_FILE``, ``SIGNING_KEY_FILE``, ``SIGNING_KID``, ``ISSUER``, ``AUDIENCE`` and
    ``PLATFORM_ID`` as suite variables; `Get Platform Value` gives all else. Where the target has no such address,
    credential or file the variable is false, and what a keyword of the project is given it for ends as NA; ``CA_FILE``
    and ``SIGNING_KID``, which may be left out of a call, are None then.

    A failed test gets the end of each service's log: the lines that were written for it, or for its suite and the
    earlier tests of it, whose sockets it may use. A suite setup that fails gets those that were written for it, once.
    """

    def __init__(self) -> None:
        super().__init__()
        self._targets = Targets()
        self._in_use: dict[str, Platform] = {}
        self._shared: Platform | None = None
        self._refusal: PlatformError | None = None
        self._current = MAIN
        # Masking comes last: it has to see what the evidence logs.
        self.attachments = Attachments(self.logs_in_use)
        self.ROBOT_LIBRARY_LISTENER = [TargetListener(self), *LISTENERS]
        atexit.register(self.close)
        if os.environ.get("LOCKSTEP_HOST") or lifeline.pabot_parent():
            lifeline.watch_parent()

    @keyword(tags=("lease",))
    def use_shared_platform(self, alias: str = MAIN) -> None:
        """Uses the platform that all suites share; it is started if it is not there yet.

        Suites that stop or starve services, provoke limits or compare whole tables use a private one. With an ``alias``
        it is a further platform beside the one in use: see `Switch Platform`.
        """
        if self._shared is None:
            self._shared = self._lease(shared=True)
        self._use(alias, self._shared)

    @keyword(tags=("lease",))
    def use_private_platform(
        self,
        backends: int | None = None,
        proxies: list[str] | str | None = None,
        alias: str = MAIN,
        services_dir: str | None = None,
        redis_server: str | None = None,
        instance_env: dict[str, dict[str, str]] | None = None,
        own_redis: list[str] | str | None = None,
        redis_replica: bool | None = None,
        sentinel: bool | None = None,
        clocks: bool | None = None,
        standby: Literal["sync", "async"] | None = None,
        durable: bool | None = None,
        small_disk: bool | None = None,
        **env: str,
    ) -> None:
        """Starts a platform for this suite alone; it ends with the suite, or with `Release Platform`.

        ``proxies`` names the hops that shall be disturbed, as a list or separated by commas; ``*`` is every hop. Named
        arguments in capitals, such as ``ACCESS_TTL=5``, are settings of the services (docs/architecture.md);
        ``instance_env`` gives some to one instance only. Each replica in ``own_redis`` has a Redis that nobody else
        uses, as in a region of its own: ``redis-2`` is that of ``backend-2``. With ``redis_replica`` a second server,
        ``redis-replica``, follows Redis; with ``sentinel`` three Sentinels, ``sentinel-1`` and so on, promote it when
        Redis has gone, and services ask them where it is. With ``clocks`` the clocks of services can be set (`Set
        Clock`). A ``standby``, ``sync`` or ``async``, follows PostgreSQL as ``postgres-standby``, and services
        use whichever of the two takes writes; with ``durable`` PostgreSQL waits for the disk at each commit;
        with ``small_disk`` its tables lie on a disk of their own that a few megabytes fill, until it ends.
        With an ``alias`` it is a further platform beside the one in use: see `Switch Platform`.
        """
        if alias in self._in_use and not self._in_use[alias].shared:
            self.release_platform(alias)
        wrong = [name for name in env if name != name.upper()]
        if wrong:
            raise PlatformError(
                f"unknown option {wrong[0]!r}: options are {', '.join(_OPTIONS)}, settings are in capitals"
            )
        stores = (redis_server, instance_env, _several(own_redis), redis_replica, sentinel)
        values = (backends, _several(proxies), services_dir, *stores, clocks, standby, durable, small_disk)
        options: dict[str, Any] = {
            name: value for name, value in zip(_OPTIONS, values, strict=True) if value is not None
        }
        options["env"] = {name: str(value) for name, value in env.items()}
        self._use(alias, self._lease(shared=False, **options))

    @keyword(tags=("lease",))
    def switch_platform(self, alias: str = MAIN) -> None:
        """Makes another platform of this suite the one that variables, libraries and keywords speak of."""
        self._use(alias, self._platform(alias))

    @keyword(tags=("lease",))
    def release_platform(self, alias: str | None = None) -> None:
        """Gives a platform back, by default the one in use; a private one has ended then, the shared one lives on."""
        name = alias or self._current
        platform = self._in_use.pop(name, None)
        if platform is None:
            return
        if not platform.shared:
            self._heal(platform)
            self._targets.release(platform)
        self.attachments.platforms_changed()
        if name == self._current:
            self._current = MAIN
            target.set_current(None)
            if MAIN in self._in_use:
                self._use(MAIN, self._in_use[MAIN])

    @keyword(tags=("lease",))
    def get_platform_value(self, name: str) -> Any:
        """One entry of what is known of the platform, such as ``versions``, ``limits`` or ``limits.access_ttl``.

        NA where others run the target and its profile does not say that limit.
        """
        value: Any = self._platform().descriptor
        for part in name.split("."):
            if not isinstance(value, Mapping) or part not in value:
                known = ", ".join(value) if isinstance(value, Mapping) else "nothing"
                if name.startswith("limits.") and self._platform().descriptor["kind"] == "external":
                    applicability.not_applicable(
                        name, f"the profile of target {target.current().target!r} does not say it"
                    )
                raise PlatformError(f"the platform has no value {name!r}; there is {known}")
            value = value[part]
        return value

    def profile(self) -> Profile:
        """The profile of the run's target."""
        return self._targets.profile(_target_variable())

    def logs_in_use(self) -> Mapping[str, str]:
        """Log files of the platforms in use, by instance; empty where there are none at hand."""
        return {
            name if alias == MAIN else f"{alias}: {name}": path
            for alias, platform in self._in_use.items()
            for name, path in (platform.descriptor.get("logs") or {}).items()
        }

    def why_refused(self) -> str:
        """Why no suite can use the target, in a line; "" where nobody has asked for it in vain."""
        lines = str(self._refusal or "").splitlines()
        others = f" (and {len(lines) - 2} more lines, in the first suite's setup)" if len(lines) > 2 else ""
        return " ".join(lines[:2]) + others

    def end_of_host(self) -> str:
        """Why the platform's host has ended; "" while it lives."""
        return self._targets.end_of_host()

    def ended_processes(self) -> Sequence[str]:
        """The processes of the platform in use that ended though nobody had asked for that, when and how."""
        platform = self._in_use.get(self._current)
        try:
            return platform.control.ended() if platform else ()
        except (PlatformError, HostEndedError):
            return ()

    def end_of_suite(self, suite: str) -> None:
        """Undo what a suite left on, and give back its private platforms, where it did not do so itself."""
        self.heal_after(suite)
        for alias, platform in list(self._in_use.items()):
            if not platform.shared and platform.suite == suite:
                self.release_platform(alias)

    def close(self) -> None:
        """Give everything back."""
        self._in_use.clear()
        self._shared = None
        self._targets.close()

    def _lease(self, *, shared: bool, **options: Any) -> Platform:
        try:
            return self._targets.lease(self.profile(), _suite(), shared=shared, options=options)
        except (ProfileError, NotReadyError) as error:
            self._refusal = error
            raise

    def _platform(self, alias: str | None = None) -> Platform:
        name = alias or self._current
        if name not in self._in_use:
            known = ", ".join(self._in_use)
            hint = f"there are {known}" if known else "call Use Shared Platform or Use Private Platform first"
            raise PlatformError(f"no platform {name!r} is in use: {hint}")
        return self._in_use[name]

    def _platforms(self) -> list[Platform]:
        return list(self._in_use.values())

    def _running_suite(self) -> str:
        return _suite()

    def _use_since(self, since: float, until: float) -> PlatformUse:
        """For `machine.watch_platform`: what became of the platforms in use since."""
        try:
            uses = [platform.use(since) for platform in self._in_use.values()]
        except PlatformError:
            # The host has gone; that is for whoever needs it to say.
            return PlatformUse()
        return PlatformUse(sum(use.waited for use in uses), any(use.shared for use in uses))

    def _use(self, alias: str, platform: Platform) -> None:
        machine.watch_platform(self._use_since)
        self._in_use[alias] = platform
        self._current = alias
        self.attachments.platforms_changed()
        target.set_current(platform.descriptor)
        surroundings.adapt(platform.descriptor)
        for name, value in suite_variables(platform.descriptor).items():
            BuiltIn().set_suite_variable(f"${{{name}}}", value)
        versions = ", ".join(f"{name} {version}" for name, version in platform.descriptor.get("versions", {}).items())
        logger.info(f"platform {platform.id} of target {platform.descriptor['target']!r} ({versions})")


def _several(names: list[str] | str | None) -> list[str] | None:
    return [name.strip() for name in names.split(",")] if isinstance(names, str) else names


def _suite() -> str:
    try:
        return str(BuiltIn().get_variable_value("${SUITE_NAME}"))
    except RobotNotRunningError:
        return ""


def _target_variable() -> str | None:
    try:
        value = BuiltIn().get_variable_value("${TARGET}")
    except RobotNotRunningError:
        return None
    return str(value) if value else None
