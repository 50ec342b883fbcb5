"""The channel answers what was asked, and closes with a reason on what it cannot answer."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import shutil
import struct
import threading
import weakref
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient, WebSocketDenialResponse, WebSocketTestSession
from starlette.websockets import WebSocketDisconnect

import live
import live.decode
from live.decode import MAX_ASKED_EACH, MAX_ROWS, MAX_WAITING, Close, refusals
from live.models import open_model
from tests.live.conftest import (
    IMAGE_SHAPE,
    LATENT_DIM,
    STORED,
    run,
    save_small_model,
    wait_until,
)
from vae_core.checkpoints.writing import save_checkpoint
from vae_core.models.config import ModelConfig
from vae_core.models.feature_maps import feature_maps
from vae_core.models.kinds import build_model

DECODE, ENCODE, RETURN, IMAGE, MAPS, MEAN, TAG = 1, 2, 3, 4, 5, 6, 7
CHANNELS, HEIGHT, WIDTH = IMAGE_SHAPE
URL = "/live/decode?model=small"


def request(verb: int, rows: np.ndarray, ticket: int = 1) -> bytes:
    return struct.pack("<IBBH", ticket, verb, 0, len(rows)) + rows.tobytes()


def answer(frame: bytes, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(frame, dtype, offset=8).reshape(shape)


def ask(socket: WebSocketTestSession, verb: int, rows: np.ndarray) -> bytes:
    socket.send_bytes(request(verb, rows))
    return socket.receive_bytes()


def some_z(rows: int, latent_dim: int = LATENT_DIM) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(rows, latent_dim)).astype("<f4")


def close_of(socket: WebSocketTestSession) -> WebSocketDisconnect:
    with pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    return closed.value


def test_a_connection_opens_with_the_model_s_dimensions(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        hello = json.loads(socket.receive_text())
    assert hello == {"latent_dim": LATENT_DIM, "image_shape": [3, 5, 4], "images": STORED}


@pytest.mark.parametrize("rows", [1, 2, MAX_ROWS])
def test_decode_gives_the_decoder_s_mean_as_bytes(client: TestClient, rows: int) -> None:
    z = some_z(rows)
    expected = open_model("small").model.decode(torch.from_numpy(z)).permute(0, 2, 3, 1).numpy()
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        pixels = answer(ask(socket, DECODE, z), "u1", (rows, HEIGHT, WIDTH, CHANNELS))
    assert np.abs(pixels / 255 - expected).max() <= 0.5 / 255 + 1e-6


def test_encode_gives_the_posterior_of_the_image(client: TestClient) -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, HEIGHT, WIDTH, CHANNELS), dtype="u1")
    x = torch.from_numpy(image / np.float32(255)).permute(0, 3, 1, 2)
    mu, logvar = open_model("small").model.encode(x)
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        posterior = answer(ask(socket, ENCODE, image), "<f4", (1, 2, LATENT_DIM))
    assert posterior[0, 0] == pytest.approx(mu[0].numpy(), abs=1e-5)
    assert posterior[0, 1] == pytest.approx(logvar[0].numpy(), abs=1e-5)


def test_return_is_encode_after_decode(client: TestClient) -> None:
    z = some_z(4)
    model = open_model("small").model
    mu, _ = model.encode(model.decode(torch.from_numpy(z)))
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        posterior = answer(ask(socket, RETURN, z), "<f4", (4, 2, LATENT_DIM))
    assert posterior[:, 0] == pytest.approx(mu.numpy(), abs=1e-5)


def test_a_z_that_overflows_is_answered_and_spoils_no_other_s_batch(client: TestClient) -> None:
    z = some_z(4)
    z[1], z[2] = 3.4e38, -3.4e38
    model = open_model("small").model
    assert model.decode(torch.from_numpy(z)).isnan().any()
    mu, _ = model.encode(model.decode(torch.from_numpy(z[[0, 3]])))
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        posterior = answer(ask(socket, RETURN, z), "<f4", (4, 2, LATENT_DIM))
    assert posterior[[0, 3], 0] == pytest.approx(mu.numpy(), abs=1e-5)


def test_maps_are_those_of_the_decoders_layers_at_one_z(client: TestClient) -> None:
    z = some_z(2)
    layers = feature_maps(open_model("small").model, torch.from_numpy(z[0]))[:-1]
    expected = torch.cat([layer.shares.flatten() for layer in layers]).numpy()
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        frame = ask(socket, MAPS, z[:1])
        assert (np.frombuffer(frame, "i1", offset=8) == expected).all()
        socket.send_bytes(request(MAPS, z))
        closed = close_of(socket)
    assert closed.code == Close.BAD_REQUEST
    assert "1 to 1" in closed.reason


def test_without_data_a_point_s_image_is_its_mean_decoded_and_says_so(client: TestClient) -> None:
    opened = open_model("small")
    assert opened.latents is not None
    mean = opened.model.decode(opened.latents.mu[[5]]).permute(0, 2, 3, 1).numpy()
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        frame = ask(socket, IMAGE, np.array([5], "<u4"))
    real = frame[5]
    assert real == 0
    pixels = answer(frame, "u1", (1, HEIGHT, WIDTH, CHANNELS))
    assert np.abs(pixels / 255 - mean).max() <= 0.5 / 255 + 1e-6


def test_means_are_those_stored_and_of_the_model_as_it_is_now(
    client: TestClient, checkpoints: Path
) -> None:
    rows = np.array([5, 0, 5], "<u4")
    means = []
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        for seed in (0, 1):
            save_small_model(checkpoints / "small", seed=seed)
            means.append(answer(ask(socket, MEAN, rows), "<f4", (3, LATENT_DIM)))
            latents = open_model("small").latents
            assert latents is not None
            assert (means[-1] == latents.mu[[5, 0, 5]].numpy()).all()
    assert (means[0] != means[1]).all()


def test_answers_come_in_order_with_the_ticket_of_their_request(client: TestClient) -> None:
    z = some_z(3)
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        for ticket, row in enumerate(z):
            socket.send_bytes(request(DECODE, row[None], ticket + 100))
        frames = [socket.receive_bytes() for _ in z]
        together = answer(ask(socket, DECODE, z), "u1", (3, HEIGHT, WIDTH, CHANNELS))
    assert [struct.unpack_from("<I", frame)[0] for frame in frames] == [100, 101, 102]
    for frame, expected in zip(frames, together, strict=True):
        # Another batch size may round another way.
        pixels = answer(frame, "u1", (HEIGHT, WIDTH, CHANNELS)).astype(int)
        assert np.abs(pixels - expected).max() <= 1


BAD_REQUESTS = {
    "nothing": b"",
    "half a header": b"\0\0\0",
    "no rows": struct.pack("<IBBH", 1, DECODE, 0, 0),
    "a verb that is none": struct.pack("<IBBH", 1, 9, 0, 1) + some_z(1).tobytes(),
    "too many rows": request(DECODE, some_z(MAX_ROWS + 1)),
    "z too short": request(DECODE, some_z(1))[:-1],
    "z too long": request(DECODE, some_z(1)) + b"\0",
    "z of another dimension": request(DECODE, some_z(1, LATENT_DIM + 1)),
    "NaN": request(DECODE, np.array([[0, np.nan, 0]], "<f4")),
    "infinity": request(RETURN, np.array([[0, -np.inf, 0]], "<f4")),
    "an image of another size": request(ENCODE, np.zeros((1, 28, 28, 1), "u1")),
    "a point that is not stored": request(IMAGE, np.array([STORED], "<u4")),
    "a mean that is not stored": request(MEAN, np.array([0, STORED], "<u4")),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_is_closed_with_a_reason_and_counted(
    client: TestClient, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    before = refusals["BAD_REQUEST"]
    with (
        caplog.at_level(logging.WARNING, "zscape.live"),
        client.websocket_connect(URL) as socket,
    ):
        socket.receive_text()
        socket.send_bytes(BAD_REQUESTS[name])
        closed = close_of(socket)
    assert (closed.code, closed.reason != "") == (Close.BAD_REQUEST, True)
    assert refusals["BAD_REQUEST"] == before + 1
    assert f"{before + 1} so far" in caplog.text


def test_without_a_socket_http_gives_the_same_answers(client: TestClient) -> None:
    url = "/live/ask?model=small"
    frame = request(DECODE, some_z(2))
    with client.websocket_connect(URL) as socket:
        assert client.get(url).json() == json.loads(socket.receive_text())
        socket.send_bytes(frame)
        assert client.post(url, content=frame).content == socket.receive_bytes()


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_bad_request_over_http_is_status_400_with_a_reason(client: TestClient, name: str) -> None:
    answer = client.post("/live/ask?model=small", content=BAD_REQUESTS[name])
    assert (answer.status_code, answer.text != "") == (400, True)


def test_http_knows_what_it_may_not_answer(client: TestClient) -> None:
    assert client.get("/live/ask?model=absent").status_code == 404
    abroad = client.get("/live/ask?model=small", headers={"origin": "https://evil.example"})
    assert abroad.status_code == 403
    assert client.post("/live/ask?model=small", content=b"x" * 100_000).status_code == 400


def test_text_is_no_request(client: TestClient) -> None:
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        socket.send_text("decode")
        assert close_of(socket).code == Close.BAD_REQUEST


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frame=st.binary(max_size=60)
    | st.builds(
        lambda head, payload: struct.pack("<IBBH", *head) + payload,
        st.tuples(
            st.integers(0, 2**32 - 1), st.integers(0, 7), st.integers(0, 1), st.integers(0, 65)
        ),
        st.binary(max_size=LATENT_DIM * 4 * 3),
    )
)
@example(frame=request(DECODE, some_z(1)))
def test_any_bytes_are_answered_or_closed_with_a_reason(client: TestClient, frame: bytes) -> None:
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        socket.send_bytes(frame)
        try:
            ticket, verb = struct.unpack_from("<IB", socket.receive_bytes())
        except WebSocketDisconnect as closed:
            assert closed.code == Close.BAD_REQUEST
            assert 0 < len(closed.reason.encode()) <= 123
            status = 400
        else:
            assert (ticket, verb) == struct.unpack_from("<IB", frame)
            status = 200
    assert client.post("/live/ask?model=small", content=frame).status_code == status


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(max_size=80) | st.sampled_from(["../small", "small/../small", "/etc", "run:.."])
)
def test_no_name_but_a_model_s_opens_anything(client: TestClient, name: str) -> None:
    with client.websocket_connect("/live/decode", params={"model": name}) as socket:
        closed = close_of(socket)
    assert closed.code == Close.NO_MODEL
    assert "small" not in closed.reason or "small" in name
    assert client.get("/live/ask", params={"model": name}).status_code == 404


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[testserver"])
def test_a_page_of_another_site_is_turned_away(client: TestClient, origin: str) -> None:
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        client.websocket_connect(URL, headers={"origin": origin}),
    ):
        pass
    assert denied.value.status_code == 403
    assert refusals["403"] >= 1


def test_the_app_s_own_page_is_let_in(client: TestClient) -> None:
    with client.websocket_connect(URL, headers={"origin": "http://testserver"}) as socket:
        assert socket.receive_text()


def test_a_visitor_who_floods_the_channel_is_closed_and_the_next_is_served(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        def submit(self, *_: object) -> asyncio.Future[object]:
            return asyncio.get_running_loop().create_future()

    with monkeypatch.context() as stuck, client.websocket_connect(URL) as socket:
        stuck.setattr(live.decode, "worker", Stuck())
        socket.receive_text()
        for _ in range(MAX_WAITING + 2):  # one is being answered, MAX_WAITING wait
            socket.send_bytes(request(DECODE, some_z(1)))
        assert close_of(socket).code == Close.FLOOD
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        assert ask(socket, DECODE, some_z(1))


@pytest.mark.parametrize("limit", ["MAX_SOCKETS", "MAX_SOCKETS_EACH"])
def test_sockets_beyond_the_limit_are_turned_away_until_one_closes(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(live.decode, limit, 2)
    before = refusals["503"]
    with client.websocket_connect(URL) as first:
        first.receive_text()
        with client.websocket_connect(URL) as second:
            second.receive_text()
            with pytest.raises(WebSocketDenialResponse) as denied, client.websocket_connect(URL):
                pass
            assert denied.value.status_code == 503
            assert ask(first, DECODE, some_z(1))
        with client.websocket_connect(URL) as third:
            assert third.receive_text()
    assert refusals["503"] == before + 1


def test_a_flood_by_http_is_refused_and_leaves_nothing_behind(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck:
        def submit(self, *_: object) -> asyncio.Future[object]:
            return asyncio.get_running_loop().create_future()

    async def flood() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=live.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            frame = request(DECODE, some_z(1))
            asked = [
                asyncio.create_task(http.post("/live/ask?model=small", content=frame))
                for _ in range(MAX_ASKED_EACH + 1)
            ]
            answered, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        (refused,) = answered
        return refused.result()

    monkeypatch.setattr(live.decode, "worker", Stuck())
    before = refusals["FLOOD"]
    refused = run(flood())
    assert (refused.status_code, refused.text != "") == (429, True)
    assert refusals["FLOOD"] == before + 1
    assert not live.decode._asked


def test_requests_that_never_end_take_nobody_s_place(checkpoints: Path) -> None:
    async def posts() -> httpx.Response:
        async def begun() -> AsyncIterator[bytes]:
            yield b"x"
            await asyncio.Event().wait()

        transport = httpx.ASGITransport(Starlette(routes=live.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as http:
            unfinished = [
                asyncio.create_task(http.post("/live/ask?model=small", content=begun()))
                for _ in range(MAX_ASKED_EACH)
            ]
            await asyncio.sleep(0)
            whole = await http.post("/live/ask?model=small", content=request(DECODE, some_z(1)))
            for each in unfinished:
                each.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        return whole

    assert run(posts()).status_code == 200


def test_a_model_that_goes_away_closes_the_channel_with_a_sentence(
    client: TestClient, checkpoints: Path
) -> None:
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        shutil.rmtree(checkpoints / "small")
        socket.send_bytes(request(DECODE, some_z(1)))
        closed = close_of(socket)
    assert closed.code == Close.NO_MODEL
    assert "small" in closed.reason


def test_a_retrained_model_answers_on_the_open_channel(
    client: TestClient, checkpoints: Path
) -> None:
    z = some_z(1)
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        first = ask(socket, DECODE, z)
        save_small_model(checkpoints / "small", seed=1)
        second = ask(socket, DECODE, z)
    assert first != second


def test_a_model_of_other_dimensions_asks_for_a_new_channel(
    client: TestClient, checkpoints: Path
) -> None:
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        save_small_model(checkpoints / "small", latent_dim=LATENT_DIM + 1)
        socket.send_bytes(request(DECODE, some_z(1)))
        assert close_of(socket).code == Close.REPLACED


def test_a_model_that_fails_closes_its_own_channel_alone(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = open_model("small").model

    def fail(z: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("out of memory")

    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        with monkeypatch.context() as broken:
            broken.setattr(model, "decode", fail)
            socket.send_bytes(request(DECODE, some_z(1)))
            assert close_of(socket).code == Close.FAILED
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        assert ask(socket, DECODE, some_z(1))


def test_images_that_are_long_on_their_way_hold_up_neither_decoding_nor_the_weights(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()

    def slow(*_: object) -> None:
        assert go.wait(timeout=60)

    monkeypatch.setattr(live.decode, "_images", slow)
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        socket.send_bytes(request(IMAGE, np.array([0], "<u4")))
        try:
            assert ask(socket, DECODE, some_z(1))[4] == DECODE
            assert ask(socket, TAG, np.empty((1, 0), "u1"))[4] == TAG
        finally:
            go.set()
        assert socket.receive_bytes()[4] == IMAGE


def test_a_socket_that_closes_while_both_lanes_answer_is_a_visitor_who_left(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def visit() -> None:
        ready, begun = asyncio.Event(), []
        asked = [
            {"type": "websocket.receive", "bytes": request(DECODE, some_z(1))},
            {"type": "websocket.receive", "bytes": request(IMAGE, np.array([0], "<u4"))},
        ]
        messages = [{"type": "websocket.connect"}, *asked]

        async def receive() -> dict[str, object]:
            if messages:
                return messages.pop(0)
            return await asyncio.Future()

        async def send(message: dict[str, object]) -> None:
            if "bytes" in message:
                raise OSError  # as uvicorn says that nobody is there

        async def answered(*_: object) -> bytes:
            begun.append(None)
            if len(begun) == len(asked):
                ready.set()
            await ready.wait()
            return b"both at once"

        monkeypatch.setattr(live.decode, "_answer", answered)
        scope = {"type": "websocket", "path": "/live/decode", "query_string": b"model=small"}
        scope |= {"headers": [], "client": ("127.0.0.1", 1)}
        await Starlette(routes=live.routes)(scope, receive, send)  # type: ignore[arg-type]

    run(visit())


@pytest.mark.parametrize("verb", [ENCODE, RETURN])
def test_a_model_without_an_encoder_decodes_and_refuses_to_encode(
    client: TestClient, checkpoints: Path, verb: int
) -> None:
    gan = build_model(ModelConfig(IMAGE_SHAPE, LATENT_DIM, kind="gan", hidden=(16,)))
    save_checkpoint(checkpoints / "gan", gan)
    rows = np.zeros((1, HEIGHT, WIDTH, CHANNELS), "u1") if verb == ENCODE else some_z(1)
    with client.websocket_connect("/live/decode?model=gan") as socket:
        assert json.loads(socket.receive_text())["images"] == 0
        assert len(ask(socket, DECODE, some_z(1))) == 8 + HEIGHT * WIDTH * CHANNELS
        socket.send_bytes(request(verb, rows))
        closed = close_of(socket)
    assert (closed.code, "no encoder" in closed.reason) == (Close.BAD_REQUEST, True)


def test_an_open_socket_keeps_no_weights_in_memory(
    client: TestClient, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten sockets on ten models hold no more than the shelf."""
    monkeypatch.setattr(live.models._models, "most", 1)
    with client.websocket_connect(URL) as socket:
        socket.receive_text()
        assert len(ask(socket, DECODE, some_z(1))) > 8
        held = weakref.ref(open_model("small").model)
        save_small_model(checkpoints / "other")
        open_model("other")
        wait_until(lambda: gc.collect() >= 0 and held() is None)  # its thread puts it away, too
        assert len(ask(socket, DECODE, some_z(1))) > 8


def test_a_model_that_is_loading_holds_up_no_other(
    client: TestClient, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_small_model(checkpoints / "large")
    load, begun, go = live.models.read_model, threading.Event(), threading.Event()

    def slow(model_id: str, path: Path) -> live.models.OpenModel:
        if model_id == "large":
            begun.set()
            assert go.wait(timeout=60)
        return load(model_id, path)

    monkeypatch.setattr(live.models, "read_model", slow)
    open_model("small")
    with client.websocket_connect(URL) as socket, ThreadPoolExecutor(1) as other:
        socket.receive_text()
        loading = other.submit(client.get, "/live/ask", params={"model": "large"})
        try:
            assert begun.wait(timeout=60)
            for verb in (DECODE, IMAGE, MEAN):
                rows = some_z(1) if verb == DECODE else np.zeros(1, "<u4")
                assert len(ask(socket, verb, rows)) > 8
            assert not loading.done()
        finally:
            go.set()
        assert loading.result().status_code == 200
