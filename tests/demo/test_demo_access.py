# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""What visitors of the demo page can reach: their own uploads, and no other file of its host."""

import json
import re
import socket
import threading
from pathlib import Path
from urllib.parse import quote

import pytest

import hf_str


httpx = pytest.importorskip("httpx")

PACKAGE = Path(hf_str.__file__).parent
SAMPLE = PACKAGE / "samples" / "coffee.png"


@pytest.fixture
def client(demo):
    with httpx.Client(base_url=demo.url, timeout=240) as client:
        yield client


def upload(client, *names: str, content: bytes = SAMPLE.read_bytes()) -> list[str]:
    """Paths on the host, as Gradio's own page gets them."""
    response = client.post("/gradio_api/upload", files=[("files", (name, content, "image/png")) for name in names])
    response.raise_for_status()
    return response.json()


def ask(client, files: list[dict], visitor: str = "visitor") -> dict:
    """The answer of the function that reads, asked as the page does."""
    model = component(client, "model")["props"]["value"]
    return call(client, "words", "input", visitor, data=[files, None, model, "best_path", ""])


def call(client, name: str, event: str, visitor: str, **what) -> dict:
    """The answer of what the server does on an event of a component."""
    target = [component(client, name)["id"], event]
    functions = client.get("/config").json()["dependencies"]
    number = next(one["id"] for one in functions if target in one["targets"])
    message = {"fn_index": number, "session_hash": visitor, "trigger_id": target[0], **what}
    client.post("/gradio_api/queue/join", json=message).raise_for_status()
    with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": visitor}) as events:
        for line in events.iter_lines():
            message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
            if message.get("msg") == "process_completed":
                return message
    raise AssertionError("no answer")


def component(client, name: str) -> dict:
    (found,) = [one for one in client.get("/config").json()["components"] if one["props"].get("elem_id") == name]
    return found


def as_file(path: str | Path) -> dict:
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


@pytest.mark.parametrize("route", ["/gradio_api/file=", "/file="])
@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        PACKAGE / "cli.py",
        PACKAGE / "checkpoints" / "crnn-str" / "config.json",
        SAMPLE,
        "pyproject.toml",
        "../../../../../../etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:1/",
    ],
    ids=str,
)
def test_files_of_the_host_are_refused(client, route, path):
    for written in (str(path), quote(str(path), safe="")):
        response = client.get(route + written)
        assert response.status_code in (403, 404)
        assert b"root:" not in response.content


def test_only_what_lies_in_the_cache_is_served(client, demo):
    (path,) = upload(client, "mine.png")
    (cache,) = demo.temporary.glob("hf_str_demo_*")
    assert Path(path).is_relative_to(cache)
    assert client.get(f"/gradio_api/file={path}").content == SAMPLE.read_bytes()
    assert client.get(f"/gradio_api/file={cache}/../log.txt").status_code == 403
    assert client.get(f"/gradio_api/file={demo.temporary}/log.txt").status_code == 403


@pytest.mark.parametrize("path", ["/etc/passwd", SAMPLE, "http://127.0.0.1:1/word.png"], ids=str)
def test_files_of_the_host_are_not_read_as_images(client, path):
    answer = ask(client, [as_file(path)])
    assert not answer["success"]
    assert "coffee" not in json.dumps(answer["output"]).lower()


def test_names_lead_nowhere(client, demo):
    (cache,) = demo.temporary.glob("hf_str_demo_*")
    for path in upload(client, "../../../escaped.png", "/etc/cron.d/escaped.png", "..\\escaped.png"):
        assert Path(path).resolve().is_relative_to(cache)
    assert not list(demo.temporary.glob("*escaped*"))


def test_names_are_no_html(client):
    (path,) = upload(client, "<img src=x onerror=alert(1)>.png")
    (html,) = ask(client, [as_file(path)])["output"]["data"]
    assert "<img src=x" not in html
    assert ">Coffee<" in html


@pytest.mark.parametrize(("index", "text"), [(1, "Coffee"), (-1, "Bakery"), (10**6, "Bakery"), ("../x", "Bakery")])
def test_samples_have_numbers(client, index, text):
    visitor = f"sample {index}"
    event = {"index": index, "value": "/etc/passwd"}
    assert call(client, "samples", "select", visitor, data=[], event_data=event)["success"]
    (html,) = ask(client, [], visitor)["output"]["data"]
    assert f">{text}<" in html


def test_a_checkpoint_that_is_not_offered(client):
    assert component(client, "model")["props"]["choices"] == [["crnn-str", "crnn-str"]]
    data = [[as_file(upload(client, "mine.png")[0])], None, "/somewhere/else", "best_path", ""]
    assert not call(client, "words", "input", "visitor", data=data)["success"]


def test_a_file_that_is_too_large(client):
    with pytest.raises(httpx.HTTPStatusError) as refusal:
        upload(client, "large.png", content=bytes(11_000_000))
    assert refusal.value.response.status_code == 413


def test_files_that_are_too_large_together(client, demo):
    files = [("files", (f"{number}.png", bytes(9_000_000), "image/png")) for number in range(6)]
    assert client.post("/gradio_api/upload", files=files).status_code == 413
    body, headers = large_form(), {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/gradio_api/upload", content=body, headers=headers).status_code == 413
    (cache,) = demo.temporary.glob("hf_str_demo_*")
    assert [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000] == []


def large_form():
    """A form in pieces, whose size no header says."""
    for number in range(6):
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\n' % number
        for _ in range(9):
            yield bytes(1_000_000)
        yield b"\r\n"
    yield b"--x--\r\n"


@pytest.mark.parametrize("element", ["images", "words"])
def test_urls_are_not_downloaded(client, element):
    asked = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=lambda: (server.accept(), asked.set()), daemon=True).start()
        link = as_file(f"http://127.0.0.1:{server.getsockname()[1]}/word.png")
        model = component(client, "model")["props"]["value"]
        data = [[link] if element == "images" else None, None, model, "best_path", link if element == "words" else ""]
        answer = call(client, "words", "input", f"links in {element}", data=data)
        assert not answer["success"]
        assert "uploaded, not linked" in answer["output"]["error"]
        assert not asked.is_set()


def test_the_page_names_no_folder_of_the_host_and_no_other_host(client):
    page, config = client.get("/").text, client.get("/config").text
    assert str(PACKAGE) not in page + config
    assert not re.findall(r"""(?:src|href)=["'](?:https?:)?//[^"']*""", page)
    assert not re.findall(r"url\(.?(?:https?:)?//", client.get("/theme.css").text)


def test_nothing_else_is_offered(client):
    assert client.get("/gradio_api/info").json() == {"named_endpoints": {}, "unnamed_endpoints": {}}
    assert client.get("/monitoring").status_code in (403, 404)
