"""The proxies of docs/deploy as they are shipped, on a free port and with a certificate."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DEPLOY = Path(__file__).resolve().parent.parent / "docs" / "deploy"
START_SECONDS = 60
NGINX = """
{user}
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{
    worker_connections 4096;
}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/zscape.conf;
}}
"""


_kept: list[socket.socket] = []  # of ports that are somebody's soon


class Missing(Exception):
    """A program that is not installed here."""


@contextmanager
def nginx(name: str, folder: Path, changes: Mapping[str, str]) -> Iterator[str]:
    """nginx with docs/deploy/`name`, in which `changes` are made; gives its URL."""
    program, port = program_of("nginx"), free_port()
    certify(folder)
    ours = {
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/certs/school.example.pem": f"{folder}/site.pem",
        "/etc/ssl/private/school.example.key": f"{folder}/site.key",
    }
    (folder / "zscape.conf").write_text(adapted(name, ours | dict(changes)))
    user = "user root;" if os.geteuid() == 0 else ""  # its workers may write here
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    log = folder / "error.log"
    with listening(
        [program, "-e", str(log), "-p", str(folder), "-c", f"{folder}/nginx.conf"], port, log
    ):
        yield f"https://127.0.0.1:{port}"


@contextmanager
def caddy(name: str, folder: Path, changes: Mapping[str, str]) -> Iterator[str]:
    """Caddy with docs/deploy/`name`, in which `changes` are made; gives its URL."""
    program, port = program_of("caddy"), free_port()
    certify(folder)
    site = f"https://127.0.0.1:{port} {{\n\ttls {folder}/site.pem {folder}/site.key"
    ours = {"{\n\tservers {": "{\n\tadmin off\n\tauto_https off\n\tservers {",
            "school.example {": site}  # fmt: skip
    file, log = folder / "Caddyfile", folder / "caddy.log"
    file.write_text(adapted(name, ours | dict(changes)))
    own = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    command = [program, "run", "--config", str(file), "--adapter", "caddyfile"]
    with listening(command, port, log, **own):
        yield f"https://127.0.0.1:{port}"


def adapted(name: str, changes: Mapping[str, str]) -> str:
    """The shipped configuration with what each place has of its own in place of ours."""
    text = (DEPLOY / name).read_text("utf-8")
    for ours, theirs in changes.items():
        if ours not in text:
            raise ValueError(f"{name} has no {ours!r}.")
        text = text.replace(ours, theirs)
    return text


def program_of(name: str) -> str:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if program is None:
        raise Missing(f"{name} is not installed; on Debian: apt-get install {name}")
    return program


def free_port() -> int:
    """A port for a server that begins some seconds later.

    Linux gives it to nobody else while this process lives; who asks for it by number, as servers
    do, may reuse it: nobody listens there yet.
    """
    free = socket.socket()
    free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    free.bind(("127.0.0.1", 0))
    port: int = free.getsockname()[1]
    if sys.platform == "linux":
        _kept.append(free)
    else:
        free.close()
    return port


def certify(folder: Path) -> None:
    """A certificate for 127.0.0.1 that nobody has signed: site.pem and site.key."""
    subprocess.run(
        [program_of("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", folder / "site.key", "-out", folder / "site.pem"],
        check=True, capture_output=True,
    )  # fmt: skip


@contextmanager
def listening(command: list[str], port: int, log: Path, **variables: str) -> Iterator[None]:
    """Run `command` for as long as the block lasts, which begins when it listens at `port`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=os.environ | variables, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} did not come up:\n{log.read_text('utf-8')}")
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
