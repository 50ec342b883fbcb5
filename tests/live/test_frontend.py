import gzip

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from live.frontend import Frontend

SCRIPT = b"console.log('a script');" * 50


@pytest.fixture
def client(tmp_path):
    (tmp_path / "static" / "js").mkdir(parents=True)
    (tmp_path / "static" / "js" / "index.abc.js").write_bytes(SCRIPT)
    (tmp_path / "static" / "js" / "photo.png").write_bytes(b"not a script")
    (tmp_path / "index.html").write_text("secret")

    async def behind(_request):
        return PlainTextResponse("behind")

    everything = Route("/{path:path}", behind, methods=["GET", "POST", "HEAD"])
    return TestClient(
        Starlette(routes=[everything], middleware=[Middleware(Frontend, root=tmp_path)])
    )


@pytest.mark.parametrize("path", ["/static/js/index.abc.js", "/zscape/static/js/index.abc.js"])
def test_a_script_is_sent_compressed_and_may_be_kept_for_good(client, path):
    with client.stream("GET", path, headers={"Accept-Encoding": "br, gzip"}) as response:
        raw = b"".join(response.iter_raw())
    assert gzip.decompress(raw) == SCRIPT
    assert len(raw) < len(SCRIPT) / 4
    assert response.headers["content-type"].startswith("text/javascript")
    assert "immutable" in response.headers["cache-control"]
    assert response.headers["vary"] == "Accept-Encoding"


def test_a_browser_that_takes_no_gzip_is_left_to_streamlit(client):
    answer = client.get("/static/js/index.abc.js", headers={"Accept-Encoding": "identity"})
    assert answer.text == "behind"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/static/js/other.js",
        "/static/js/photo.png",
        "/static/js/..%2f..%2findex.html",
        "/js/index.abc.js",
    ],
)
def test_other_paths_are_left_to_streamlit(client, path):
    assert client.get(path).text == "behind"


def test_other_methods_are_left_to_streamlit(client):
    assert client.post("/static/js/index.abc.js").text == "behind"
