"""What a stranger can do to the server, and what another visitor's pointer feels meanwhile.

    python -m benchmarks.abuse                        # every attack, one after the other
    python -m benchmarks.abuse estimates class-names  # some of them
    python -m benchmarks.abuse --json abuse.json

Each attack meets a server of its own, started here and reached by no other machine, with an empty
folder of runs; what is killed, or has a full disk, is another one. While it lasts a plain client
asks for one image after the other, as a pointer that moves does. Printed are the server's highest
memory, how long those images took, and whether the server answered the attack as it should, after
the load of the machine in that minute. It needs no data set and some 3 GB of memory.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import math
import os
import secrets
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import abuse_bytes, abuse_files
from benchmarks.abuse_bytes import Wrong, socket_to
from benchmarks.abuse_files import Target
from benchmarks.served import quantiles, server
from benchmarks.visitors import Visitor

SECONDS = 6.0  # that an attack lasts, unless it ends by itself
POINTER_MODEL, POINTER_RATE = "mnist-2d", 60  # images that the pointer wants a second
DECODE, HEADER, ROWS = 1, struct.Struct("<IBBH"), 64


Attack = Callable[[Target], str]  # gives how it was answered, in words; Wrong where wrongly
ATTACKS: dict[str, Attack] = {**abuse_files.ATTACKS}


def attack(name: str) -> Callable[[Attack], Attack]:
    """Enter an attack in the table under `name`."""

    def register(function: Attack) -> Attack:
        ATTACKS[name] = function
        return function

    return register


for name, by_url in abuse_bytes.ATTACKS.items():
    ATTACKS[name] = partial(lambda by_url, target: by_url(target.url), by_url)


@attack("nothing")
def nothing(target: Target) -> str:
    """The pointer alone, to compare with."""
    time.sleep(SECONDS / 2)
    return "alone"


@attack("estimates")
def estimates(target: Target) -> str:
    """Three tabs of a training with the largest batch, each of other settings, then closed."""
    settings = "dataset=sprites&train_network=conv&train_hidden=128, 64, 256&train_batch=3000"
    return asyncio.run(pages(target, "train", [f"{settings}&d={d}" for d in (60, 61, 62)]))


@attack("wide-decode")
def wide_decode(target: Target) -> str:
    """Eight sockets that ask for 64 rows at a time of the slowest model that is taken."""
    return asyncio.run(sockets(target, [widest(target)] * 8))


@attack("wide-manifold")
def wide_manifold(target: Target) -> str:
    model = widest(target)
    return asyncio.run(pages(target, "manifold", [f"model={model}&side={n}" for n in (38, 39, 40)]))


@attack("wide-density")
def wide_density(target: Target) -> str:
    model = widest(target)
    return asyncio.run(pages(target, "density", [f"model={model}&seed={n}" for n in (1, 2, 3)]))


@attack("wide-save")
def wide_save(target: Target) -> str:
    """Three tabs in which a model of wide layers is saved as a page; closed after SECONDS."""
    from benchmarks.abuse_files import opened
    from vae_core.models.config import ModelConfig

    config = ModelConfig((1, 64, 64), network="broadcast", hidden=(48, 48, 48, 64))
    model = brought(target, archive(config))
    saved: list[str] = []

    async def save() -> None:
        tab, socket = await opened(target.url, "decode", f"model={model}")
        try:
            await tab.press("Save as a page")
            saved.append(model)
        finally:
            await socket.close()

    asyncio.run(for_a_while([save() for _ in range(3)]))
    return f"{len(saved)} of 3 pages written within {SECONDS:g} s"


@attack("fifty-sockets")
def fifty_sockets(target: Target) -> str:
    return asyncio.run(sockets(target, [POINTER_MODEL] * 50))


@attack("two-hundred-sockets")
def two_hundred_sockets(target: Target) -> str:
    return asyncio.run(sockets(target, [POINTER_MODEL] * 200))


@attack("room-flood")
def room_flood(target: Target) -> str:
    """Two hundred who follow a room, half of whom read nothing; a leader of many and long words."""
    from benchmarks.rooms import Follower, frame, message, opened, upgraded

    code, _, secret = opened(target.url).partition(" ")

    async def flood() -> str:
        ages: list[float] = []
        lines = [await upgraded(target.url, code, Follower(ages)) for _ in range(200)]
        for k, line in enumerate(lines):
            line.write(frame('{"follow":true}'))
            if k % 2:
                line.transport.pause_reading()  # type: ignore[attr-defined]
        leader = await upgraded(target.url, code, asyncio.Protocol())
        leader.write(frame(json.dumps({"lead": secret})))
        end = time.perf_counter() + SECONDS
        while time.perf_counter() < end:
            leader.write(frame(message(time.perf_counter())))
            leader.write(frame(json.dumps({"view": f"/manifold?z={'1,' * 14_000}"})))
            await asyncio.sleep(1 / 200)
        for line in (*lines, leader):
            line.transport.abort()
        if not ages:
            raise Wrong("Who reads was sent nothing.")
        return f"who reads was sent {len(ages) / SECONDS:,.0f} places a second"

    return asyncio.run(flood())


@attack("sessions")
def sessions(target: Target) -> str:
    """Pages opened and closed, eight at a time."""
    from benchmarks.abuse_files import opened

    closed: list[int] = []

    async def visit() -> None:
        while True:
            _, socket = await opened(target.url, "decode", f"z={len(closed) % 3},0")
            await socket.close()
            closed.append(1)

    asyncio.run(for_a_while([visit() for _ in range(8)]))
    if not closed:
        raise Wrong("No page was drawn.")
    return f"{len(closed)} opened and closed"


@attack("ten-archives")
def ten_archives(target: Target) -> str:
    """Ten archives as large as they may be, all open at once, and asked in turn."""
    from vae_core.models.config import ModelConfig

    config = ModelConfig((1, 28, 28), hidden=(3_000, 1_500), latent_dim=2)  # 55 MB of weights
    return asyncio.run(sockets(target, [brought(target, archive(config)) for _ in range(10)]))


@attack("class-names")
def class_names(target: Target) -> str:
    """Archives with one name of 900 KB, or with 100,000 names."""
    from vae_core.errors import CheckpointError
    from vae_core.models.config import ModelConfig

    config = ModelConfig((1, 8, 8), hidden=(8,))
    told = []
    for names in (["a" * 900_000], ["a"] * 100_000):
        try:
            brought(target, archive(config, class_names=names))
        except CheckpointError as refusal:
            told.append(str(refusal))
        else:
            raise Wrong("The names were taken.")
    return "refused: " + " / ".join(told)


def archive(config: Any, **record: Any) -> io.BytesIO:
    """A zipped checkpoint of zero weights with 500 latents, its config.json changed by `record`."""
    import zipfile

    import torch

    from vae_core.checkpoints.archives import zip_checkpoint
    from vae_core.checkpoints.writing import save_checkpoint
    from vae_core.latent.latents import Latents
    from vae_core.models.kinds import build_model

    model = build_model(config)
    torch.nn.utils.vector_to_parameters(
        torch.zeros(sum(each.numel() for each in model.parameters())), model.parameters()
    )
    n, d = 500, config.latent_dim
    latents = Latents(
        mu=torch.randn(n, d),
        logvar=torch.zeros(n, d),
        indices=torch.arange(n),
        reconstruction=torch.zeros(n),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model")
        save_checkpoint(path, model, latents=latents)
        whole = zip_checkpoint(path)
    if not record:
        return io.BytesIO(whole)
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("config.json"):
                data = json.dumps(json.loads(data) | record).encode()
            new.writestr(name, data)
    return changed


def brought(target: Target, zipped: io.BytesIO) -> str:
    """The id of the model in an archive, once it is unpacked as an upload is; CheckpointError."""
    from vae_core.checkpoints.archives import unpack_checkpoint

    token = f"upload-{secrets.token_hex(12)}"
    unpack_checkpoint(zipped, target.runs / token / "checkpoint")
    return f"run:{token}"


def widest(target: Target) -> str:
    """The id of a resnet on 72x72 as wide as an upload may be; Wrong where a wider one is taken."""
    from vae_core.checkpoints.archives import too_much_an_image
    from vae_core.errors import CheckpointError
    from vae_core.models.architecture import architecture
    from vae_core.models.config import ModelConfig

    config, step = ModelConfig((1, 72, 72), network="resnet", hidden=(1, 16)), 512
    while step:
        wider = replace(config, hidden=(config.hidden[0] + step, 16))
        if too_much_an_image(architecture(wider)):
            step //= 2
        else:
            config = wider
    wider = replace(config, hidden=(config.hidden[0] + 1, 16))
    try:
        brought(target, archive(wider))
    except CheckpointError:
        return brought(target, archive(config))
    raise Wrong(f"A resnet of width {wider.hidden[0]} was taken.")


async def for_a_while(attacks: Iterable[Coroutine[Any, Any, None]]) -> set[asyncio.Task[None]]:
    """Have these go on side by side for SECONDS; gives those that ended by themselves."""
    tasks = [asyncio.create_task(each) for each in attacks]
    ended, going = await asyncio.wait(tasks, timeout=SECONDS)
    for each in going:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return ended


async def pages(target: Target, page: str, queries: Sequence[str]) -> str:
    """Each query's page in a tab of its own; closed after SECONDS, drawn whole or not."""
    drawn = []

    async def tab(query: str) -> None:
        address = target.socket("/_stcore/stream")
        async with socket_to(address, subprotocols=["streamlit"]) as socket:
            await Visitor(socket).run(page_name=page, query_string=query)
            drawn.append(query)

    await for_a_while(map(tab, queries))
    await asyncio.sleep(SECONDS / 4)  # what goes on behind closed tabs counts
    return f"{len(drawn)} of {len(queries)} pages drawn within {SECONDS:g} s"


async def sockets(target: Target, models: Sequence[str]) -> str:
    """A socket for each of `models`, by which 64 rows are asked for again and again."""
    rows = []

    async def flood(model: str) -> None:
        address = target.socket(f"/live/decode?model={model}")
        async with socket_to(address) as socket:
            d = json.loads(await socket.recv())["latent_dim"]
            frame = HEADER.pack(1, DECODE, 0, ROWS) + bytes(4 * d * ROWS)
            while True:
                await socket.send(frame)
                await socket.recv()
                rows.append(ROWS)

    ended = await for_a_while(map(flood, models))
    if ended:
        raise Wrong(f"{len(ended)} sockets were closed: {ended.pop().exception()}")
    return f"{sum(rows) / SECONDS:,.0f} rows a second"


async def point(url: str) -> list[float]:
    """Milliseconds that each image of a pointer takes, until standard input or its socket ends."""
    from websockets.exceptions import ConnectionClosed

    address = url.replace("http", "ws", 1) + f"/live/decode?model={POINTER_MODEL}"
    milliseconds: list[float] = []
    stop = threading.Event()

    def listen() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=listen, daemon=True).start()
    async with socket_to(address) as socket:
        d = json.loads(await socket.recv())["latent_dim"]
        frame = HEADER.pack(1, DECODE, 0, 1) + bytes(4 * d)
        await socket.send(frame)
        await socket.recv()
        await asyncio.sleep(2)  # what the server loads at its start is there
        print("ready", flush=True)
        while not stop.is_set():
            start = time.perf_counter()
            try:
                await socket.send(frame)
                await socket.recv()
            except ConnectionClosed:
                return [*milliseconds, math.inf]
            took = time.perf_counter() - start
            milliseconds.append(1_000 * took)
            await asyncio.sleep(max(0.0, 1 / POINTER_RATE - took))
    return milliseconds


@contextmanager
def another_pointer(url: str) -> Iterator[list[float]]:
    """A pointer in a process of its own; its milliseconds are there when it has ended."""
    command = [sys.executable, "-m", "benchmarks.abuse", "--point", url]
    found: list[float] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin and process.stdout
        if not process.stdout.readline():
            raise SystemExit("The pointer was not answered; run `streamlit run app.py` to see why.")
        yield found
        process.stdin.close()
        found += json.loads(process.stdout.read())


@contextmanager
def watched_memory(pid: int) -> Iterator[list[float]]:
    """The server's memory in MB, twenty times a second (Linux)."""
    found: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        while True:
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            found.append(pages * 4096 / 1e6)
            if ended.wait(0.05):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def carried_out(name: str) -> dict[str, Any]:
    """The figures of one attack, on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="zscape-abuse-") as runs:
        variables = {"ZSCAPE_RUNS": runs, "ZSCAPE_ALONE": "0"}
        with (
            server(**variables) as (url, pid),
            another_pointer(url) as pointer,
            watched_memory(pid) as memory,
        ):
            try:
                answer, right = ATTACKS[name](Target(url, Path(runs), pid)), True
            except Exception as wrong:  # noqa: BLE001 — the other attacks are still to come
                answer, right = str(wrong) or repr(wrong), False
    if math.inf in pointer:
        answer, right = f"Another visitor's pointer was cut off; {answer}", False
    load = os.getloadavg()[0]
    return {
        "what": name,
        "load": load,
        "mb": max(memory),
        **quantiles(pointer),
        "right": right,
        "answer": answer,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}")
    parser.add_argument("--json", type=Path, help="write the figures there")
    # How this program starts its pointer in a process of its own:
    parser.add_argument("--point", metavar="URL", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.point:
        print(json.dumps(asyncio.run(point(args.point))))
        return
    if unknown := set(args.names) - ATTACKS.keys():
        parser.error(f"no attack {', '.join(sorted(unknown))}; there are {', '.join(ATTACKS)}")
    rows = []
    columns = {
        "load": "load",
        "mb": "MB",
        "median_ms": "median ms",
        "p95_ms": "p95 ms",
        "max_ms": "max ms",
    }
    print(f"{'attack':20}", *(f"{title:>10}" for title in columns.values()), " answer")
    for name in args.names or ATTACKS:
        row = carried_out(name)
        rows.append(row)
        figures = (f"{row[key]:10.1f}" for key in columns)
        answer = f"{'' if row['right'] else 'WRONG: '}{row['answer']}"
        print(f"{name:20}", *figures, f" {answer}", flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
