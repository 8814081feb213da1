# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""`load_word_image`: whatever holds a picture is read, whatever does not is refused by name."""

import base64
import io
import os
import pickle
import random
import socket
import struct
import threading
import time
import warnings
import zlib
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, features

from hf_str.models.crnn.image_loading_crnn import (
    DRAFT_SIDE,
    MAX_IMAGE_PIXELS,
    UnreadableImageError,
    image_from_array,
    load_word_image,
)


WIDTH, HEIGHT = 60, 24


def word(mode: str = "RGB") -> Image.Image:
    """Dark bars on a light ground, more of them on the left: every flip and rotation shows."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (240, 230, 220))
    draw = ImageDraw.Draw(image)
    for left in (4, 10, 16, 34):
        draw.rectangle((left, 4, left + 3, 18), fill=(20, 40, 60))
    draw.rectangle((4, 20, 12, 22), fill=(200, 30, 30))
    return image.convert(mode)


def encoded(image: Image.Image, format: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


def gray(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("L"), dtype=np.int16)


# ---------------------------------------------------------------------------------------------------------------------
# Sources


@pytest.fixture
def png(tmp_path) -> Path:
    path = tmp_path / "wörd 1.png"
    word().save(path)
    return path


def test_every_kind_of_source_gives_the_same_pixels(png):
    data = png.read_bytes()
    text = base64.b64encode(data).decode()
    sources = [
        str(png),
        png,
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        text,
        "\n".join(text[i : i + 76] for i in range(0, len(text), 76)),
        f"data:image/png;base64,{text}",
        {"bytes": data, "path": None},
        {"bytes": None, "path": str(png)},
        Image.open(png),
        np.asarray(word()),
    ]
    for source in sources:
        image = load_word_image(source)
        assert image.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(image), np.asarray(word()), err_msg=repr(source)[:80])


def test_open_files_are_read_from_their_start_and_pipes_to_their_end(png):
    with open(png, "rb") as file:
        file.read(10)
        assert load_word_image(file).size == (WIDTH, HEIGHT)

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *args):
            raise io.UnsupportedOperation

    assert load_word_image(Pipe(png.read_bytes())).size == (WIDTH, HEIGHT)


def test_an_image_in_memory_is_not_copied():
    image = word()
    assert load_word_image(image) is image


@pytest.mark.parametrize("source", [None, 3, 2.5, object()])
def test_what_is_no_source_is_a_type_error(source):
    with pytest.raises(TypeError, match="not " + type(source).__name__):
        load_word_image(source)


@pytest.fixture
def server():
    """`/word.png`, `/moved`, `/missing`, `/text`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", "/word.png")
                self.end_headers()
                return
            self.send_response(404 if self.path == "/missing" else 200)
            self.end_headers()
            self.wfile.write(encoded(word()) if self.path == "/word.png" else b"nothing here")

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_urls(server, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for path in ("/word.png", "/moved"):
        np.testing.assert_array_equal(np.asarray(load_word_image(server + path)), np.asarray(word()))
    for path in ("/missing", "/text"):
        with pytest.raises(UnreadableImageError, match=path):
            load_word_image(server + path)


@pytest.fixture
def slow_server(monkeypatch):
    """The address of a server that drips what it sends, and an event that its client has hung up."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    left = threading.Event()

    def answer(connection: socket.socket) -> None:
        request = connection.recv(4096)
        path = request.split(b" ")[1] if request.startswith(b"GET") else b"/nothing"
        drip = b"a" * 600
        if path.startswith(b"/moved"):
            time.sleep(0.1)
            count = int(path[6:])
            rest = b"Connection: close\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /moved%d\r\n%s" % (count + 1, rest))
            connection.close()
            if count == 9:
                left.set()
            return
        if path == b"/body":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n")
        elif path == b"/header":
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        try:
            if path == b"/nothing":
                connection.recv(1)
                left.set()
            for byte in drip:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
        except OSError:
            left.set()
        connection.close()

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=answer, args=server.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", left
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("path", ["/status", "/header", "/body", "/moved0", "/nothing"])
def test_a_slow_server_is_left_at_the_deadline(slow_server, path):
    url, left = slow_server
    pytest.importorskip("transformers.image_utils")  # its import is not the server's time
    start = time.monotonic()
    with pytest.raises(UnreadableImageError) as caught:
        load_word_image(url + path, timeout=0.5)
    assert time.monotonic() - start < 1.5
    assert str(caught.value) == f"cannot read '{url + path}': not downloaded within 0.5 s"
    if path != "/moved0":  # of which each connection is short
        assert left.wait(5), "the connection is still open"
    end = time.monotonic() + 5
    while any("_receive" in thread.name for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.01)
    assert not any("_receive" in thread.name for thread in threading.enumerate())


def test_a_slow_handshake_is_left_at_the_deadline(slow_server):
    url, left = slow_server
    start = time.monotonic()
    with pytest.raises(UnreadableImageError, match=r"/word\.png'.* within 0\.5 s"):
        load_word_image(url.replace("http:", "https:") + "/word.png", timeout=0.5)
    assert time.monotonic() - start < 1.5
    assert left.wait(5), "the connection is still open"


def test_a_slow_name_server_is_left_at_the_deadline(monkeypatch):
    asked = threading.Event()

    def look_up(*args, **options):
        asked.wait(10)
        raise OSError("nothing found")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    start = time.monotonic()
    with pytest.raises(UnreadableImageError, match=r"http://word\.example/1\.png'.* within 0\.3 s"):
        load_word_image("http://word.example/1.png", timeout=0.3)
    assert time.monotonic() - start < 1.3
    asked.set()


# ---------------------------------------------------------------------------------------------------------------------
# Errors


def refusal(source) -> str:
    with pytest.raises(UnreadableImageError) as caught:
        load_word_image(source)
    return str(caught.value)


def test_errors_say_which_file_and_why(tmp_path, png):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.png").write_text("not a picture")
    (tmp_path / "cut.png").write_bytes(png.read_bytes()[:-40])
    reasons = {
        "gone.png": "no such file",
        "empty.jpg": "empty",
        "text.png": "not an image",
        "cut.png": "truncated",
        ".": "directory",
        "no\0thing.png": "null",
    }
    for name, reason in reasons.items():
        message = refusal(os.path.join(str(tmp_path), name))
        assert reason in message
        assert name in message or name == "."
    assert "empty" in refusal(b"")
    assert "empty" in refusal(io.BytesIO())
    assert "base64" in refusal("data:image/png;base64,@@@")
    assert "its.path.png" in refusal({"bytes": b"nothing", "path": "its.path.png"})


def test_an_opened_but_broken_image_is_refused_by_the_name_of_its_file(tmp_path, png):
    path = tmp_path / "cut.png"
    path.write_bytes(png.read_bytes()[:-40])
    assert "cut.png" in refusal(Image.open(path))


def test_a_jpeg_of_endless_scans_is_refused(tmp_path):
    buffer = io.BytesIO()
    word("L").save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    scan = data[data.rindex(b"\xff\xda") : -2]
    path = tmp_path / "scans.jpg"
    path.write_bytes(data[:-2] + scan * 60 + data[-2:])
    assert load_word_image(path).size == (WIDTH, HEIGHT)
    with Image.open(path) as opened:
        opened.load()
    assert load_word_image(opened).size == load_word_image(Image.open(path)).size == (WIDTH, HEIGHT)
    path.write_bytes(data[:-2] + scan * 100 + data[-2:])
    for source in (str(path), path.read_bytes(), {"bytes": path.read_bytes(), "path": "scans.jpg"}):
        assert "scans (limit 100" in refusal(source)
    with Image.open(path) as opened:
        assert "scans (limit 100" in refusal(opened)


@pytest.mark.parametrize("function", ["os.stat", "builtins.open"])
def test_permission_denied(png, monkeypatch, function):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:  # root, as which tests often run, may read everything
        patch.setattr(function, refuse)
        with pytest.raises(UnreadableImageError) as caught:
            load_word_image(png)
    assert "permission denied" in str(caught.value) and png.name in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_special_files_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "regular" in refusal(tmp_path / "pipe.png")
    assert "regular" in refusal("/dev/zero")


def test_images_without_pixels_are_refused():
    for size in ((0, 5), (5, 0), (0, 0)):
        assert "0" in refusal(Image.new("L", size))
        assert "no pixels" in refusal(np.zeros((*size, 3), dtype=np.uint8))


def test_decompression_bombs_are_refused_from_their_header_and_without_a_warning():
    side = int(MAX_IMAGE_PIXELS**0.5) + 100  # Pillow would only warn
    for width, height in ((side, side), (60_000, 60_000), (2**31 - 1, 2**31 - 1)):
        data = png_file(width, height, b"\0" * 1000)
        start = time.monotonic()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert "pixels" in refusal(data)
        assert time.monotonic() - start < 1


def test_no_program_is_started_for_postscript():
    data = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 60 24\n%%EndComments\nshowpage\n"
    assert "EPS" in refusal(data)


def test_errors_survive_pickling():
    error = pickle.loads(pickle.dumps(UnreadableImageError("cannot read 'a.png': it is empty")))
    assert str(error) == "cannot read 'a.png': it is empty"
    assert isinstance(error, ValueError)


# ---------------------------------------------------------------------------------------------------------------------
# Modes


@pytest.mark.parametrize(
    "mode", ["1", "L", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB", "LA", "PA", "F"]
)
@pytest.mark.parametrize("raw", [False, True])
def test_every_mode_shows_the_word(mode, raw):
    source = word("L") if mode in ("LA", "F") else word()
    if mode == "LAB":
        from PIL import ImageCms

        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        source = ImageCms.profileToProfile(source, *profiles, outputMode="LAB")
    elif mode in ("P", "PA"):
        source = source.quantize(16).convert(mode)
    elif mode == "1":
        source = source.convert("1", dither=Image.Dither.NONE)
    else:
        source = source.convert(mode)
    if raw:
        source = pickle.loads(pickle.dumps(source))
    image = load_word_image(source)
    assert image.mode in ("L", "RGB")
    difference = np.abs(gray(image) - gray(word()))
    assert difference.mean() < (30 if mode == "1" else 8)
    assert np.corrcoef(gray(image).ravel(), gray(word()).ravel())[0, 1] > 0.9


def ink(alpha_mode: str = "RGBA") -> Image.Image:
    """Black letters, opaque, on black nothing: what a renderer saves."""
    opacity = Image.eval(word("L"), lambda value: 255 if value < 128 else 0)
    image = Image.new("RGBA", (WIDTH, HEIGHT), (0, 0, 0, 0))
    image.putalpha(opacity)
    return image.convert(alpha_mode)


def test_dark_letters_on_transparency_stay_legible():
    expected = np.where(gray(word()) < 128, 0, 255)
    palette = ink().quantize(4, method=Image.Quantize.FASTOCTREE)
    sources = [ink(), ink("LA"), ink("RGBa"), ink("LA").convert("La"), np.asarray(ink())]
    sources += [encoded(ink()), encoded(ink("LA")), encoded(palette), encoded(ink(), "GIF"), encoded(ink(), "TIFF")]
    sources += [encoded(ink(), "WEBP", lossless=True)] if features.check("webp") else []
    for source in sources:
        np.testing.assert_array_equal(gray(load_word_image(source)), expected)


def test_half_transparency_is_blended():
    image = Image.new("RGBA", (4, 4), (0, 100, 200, 128))
    assert np.abs(np.asarray(load_word_image(image))[0, 0].astype(int) - [127, 177, 227]).max() <= 1


def test_a_transparent_color_of_a_png_without_alpha_is_white():
    image = Image.new("RGB", (4, 4), (1, 2, 3))
    image.putpixel((0, 0), (9, 9, 9))
    pixels = np.asarray(load_word_image(encoded(image, transparency=(1, 2, 3))))
    assert pixels[0, 0].tolist() == [9, 9, 9]
    assert (pixels[1:] == 255).all()


def test_light_letters_on_transparency_stay_legible():
    light = Image.new("RGBA", (WIDTH, HEIGHT), (255, 255, 255, 0))
    light.putalpha(ink().getchannel("A"))
    expected = np.where(gray(word()) < 128, 255, 0)
    for source in (light, light.convert("LA"), light.convert("RGBa"), np.asarray(light), encoded(light)):
        np.testing.assert_array_equal(gray(load_word_image(source)), expected)
    for value in (0, 255):  # nothing but transparency is a page without text, and white as any
        nothing = Image.new("RGBA", (8, 8), (value, value, value, 0))
        assert (np.asarray(load_word_image(nothing)) == 255).all()


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_fewer_bits_in_a_file_of_16_are_not_black(bits):
    ramp = np.linspace(0, 2**bits - 1, 256).astype(np.uint16).reshape(4, 64)
    sources = [Image.fromarray(ramp), Image.fromarray(ramp.astype(np.int32)), ramp, ramp.astype(np.int64)]
    sources += [encoded(Image.fromarray(ramp)), encoded(Image.fromarray(ramp), "TIFF")]
    sources += [encoded(Image.fromarray(ramp.astype(np.int32)), "TIFF")]
    for source in sources:
        np.testing.assert_allclose(np.asarray(load_word_image(source)).ravel(), np.arange(256), atol=1)


def test_signed_and_larger_integers_of_files_are_scaled_by_their_own_range():
    ramp = np.linspace(-300, 700, 256).astype(np.int32).reshape(4, 64)
    pixels = np.asarray(load_word_image(encoded(Image.fromarray(ramp), "TIFF"))).ravel()
    assert (np.diff(pixels.astype(int)) >= 0).all() and pixels[0] == 0 and pixels[-1] > 200
    wide = np.linspace(0, 2**31 - 1, 256).astype(np.int32).reshape(4, 64)
    np.testing.assert_allclose(
        np.asarray(load_word_image(encoded(Image.fromarray(wide), "TIFF"))).ravel(), np.arange(256), atol=1
    )


def test_tensors_are_images():
    torch = pytest.importorskip("torch")
    rgb = np.asarray(word())
    tensor = torch.from_numpy(rgb.copy()).permute(2, 0, 1)
    for source in (tensor, tensor / 255, tensor.float(), (tensor / 255).to(torch.bfloat16)):
        np.testing.assert_allclose(np.asarray(load_word_image(source)), rgb, atol=1)


def test_what_resampling_leaves_beyond_the_range_is_clipped():
    values = np.array([[-0.05, 0, 0.5, 1, 1.05]], np.float32)
    assert np.asarray(load_word_image(values)).tolist() == [[0, 0, 128, 255, 255]]
    assert "-2 to 2" in refusal(np.array([[-2.0, 2.0]]))  # normalized already


def test_16_bits_are_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(4, 64)
    expected = np.rint(ramp / 257).astype(np.uint8)
    image = Image.fromarray(ramp)
    assert image.mode == "I;16"
    sources = [image, image.convert("I"), ramp, ramp.astype(np.int32), ramp.astype(np.float64)]
    sources += [
        encoded(image),
        encoded(image, "TIFF"),
        Image.frombytes("I;16B", (64, 4), ramp.astype(">u2").tobytes()),
    ]
    for source in sources:
        loaded = load_word_image(source)
        assert loaded.mode == "L"
        np.testing.assert_array_equal(np.asarray(loaded), expected)


def test_float_images_may_be_in_either_range():
    values = np.linspace(0, 1, 256, dtype=np.float32).reshape(4, 64)
    for source in (Image.fromarray(values), Image.fromarray(values * 255), values, values.astype(np.float16) * 255):
        np.testing.assert_allclose(np.asarray(load_word_image(source)), np.rint(values * 255), atol=1)


def test_arrays_of_every_layout():
    rgb = np.asarray(word())
    for array in (rgb, rgb.transpose(2, 0, 1), rgb / 255, rgb.astype(np.int64), rgb.astype(np.float32)):
        np.testing.assert_array_equal(np.asarray(image_from_array(array)), rgb)
    for array in (rgb[..., 0], rgb[..., :1], rgb[None, ..., 0]):
        np.testing.assert_array_equal(np.asarray(image_from_array(array)), rgb[..., 0])
    assert image_from_array(rgb[..., 0] > 128).mode == "L"


def test_ambiguous_layouts_follow_the_caller():
    assert image_from_array(np.zeros((1, 100, 3), np.uint8)).size == (100, 1)
    assert image_from_array(np.zeros((1, 100, 3), np.uint8), channels_first=True).size == (3, 100)
    assert image_from_array(np.zeros((3, 100, 3), np.uint8), "channels_first").size == (3, 100)
    assert image_from_array(np.zeros((3, 100, 3), np.uint8), "channels_last").size == (100, 3)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(5),
        np.zeros((5, 5, 5, 3)),
        np.zeros((5, 5, 2)),
        np.full((5, 5), -1),
        np.full((5, 5), -0.5),
        np.full((5, 5), 70000),
        np.full((5, 5), np.nan),
        np.full((5, 5), np.inf),
        np.zeros((5, 5), dtype=complex),
        np.array([["a", "b"]]),
        np.array([[None, 1]]),
    ],
)
def test_arrays_that_are_no_image_are_refused(array):
    assert "array of shape" in refusal(array)


# ---------------------------------------------------------------------------------------------------------------------
# EXIF, animation, size


def rotated(orientation: int, format: str = "PNG") -> bytes:
    """The word, turned so that a viewer that applies `orientation` shows it upright."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = word().transpose(undo[orientation]) if orientation in undo else word()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 95, "subsampling": 0} if format == "JPEG" else {}
    return encoded(image, format, exif=exif, **options)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
def test_exif_orientation_is_applied_once(orientation, format):
    image = load_word_image(rotated(orientation, format))
    assert image.size == (WIDTH, HEIGHT)
    assert np.abs(gray(image) - gray(word())).mean() < 4
    assert load_word_image(image).tobytes() == image.tobytes()
    assert load_word_image(Image.open(io.BytesIO(rotated(orientation, format))).convert("L")).size == (WIDTH, HEIGHT)


def test_broken_exif_does_not_matter():
    whole = encoded(word(), "JPEG", exif=b"Exif\0\0" + bytes(range(200)))
    cut = encoded(word(), "JPEG", exif=rotated_exif()[:20])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for data in (whole, cut):
            assert load_word_image(data).size == (WIDTH, HEIGHT)


def rotated_exif() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "maker" * 10
    return exif.tobytes()


@pytest.mark.parametrize("format", ["GIF", "PNG", "TIFF", "WEBP"])
def test_the_first_frame_of_several(format):
    if format == "WEBP" and not features.check("webp"):
        pytest.skip("this Pillow has no WebP")
    frames = [Image.new("RGB", (WIDTH, HEIGHT), color) for color in ("black", "white", "red")]
    options = {"lossless": True} if format == "WEBP" else {}
    data = encoded(frames[0], format, save_all=True, append_images=frames[1:], **options)
    assert gray(load_word_image(data)).max() == 0


def test_huge_jpegs_are_decoded_at_a_fraction():
    data = encoded(word().resize((6000, 2400)), "JPEG")
    image = load_word_image(data)
    assert image.size == (3000, 1200)
    assert min(image.size) >= DRAFT_SIDE
    assert np.abs(gray(image.resize((WIDTH, HEIGHT))) - gray(word())).mean() < 8


# ---------------------------------------------------------------------------------------------------------------------
# Five hundred damaged or hostile files


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_file(width: int, height: int, raw: bytes, depth: int = 8, color: int = 0, extra: bytes = b"") -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def samples() -> dict[str, bytes]:
    """One good file of every kind that this Pillow can write."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8))
    images = {
        "plain.jpg": (word(), "JPEG", {}),
        "progressive.jpg": (noise, "JPEG", {"progressive": True}),
        "cmyk.jpg": (word("CMYK"), "JPEG", {}),
        "exif.jpg": (word(), "JPEG", {"exif": rotated_exif()}),
        "plain.png": (word(), "PNG", {}),
        "noise.png": (noise, "PNG", {}),
        "alpha.png": (ink(), "PNG", {}),
        "palette.png": (word("P"), "PNG", {"transparency": 0}),
        "bilevel.png": (word("1"), "PNG", {}),
        "deep.png": (Image.fromarray(np.arange(1440, dtype=np.uint16).reshape(24, 60) * 45), "PNG", {}),
        "plain.gif": (word("P"), "GIF", {}),
        "moving.gif": (word("P"), "GIF", {"save_all": True, "append_images": [noise.convert("P")]}),
        "plain.bmp": (word(), "BMP", {}),
        "bilevel.bmp": (word("1"), "BMP", {}),
        "plain.tiff": (word(), "TIFF", {}),
        "lzw.tiff": (noise, "TIFF", {"compression": "tiff_lzw"}),
        "float.tiff": (word("F"), "TIFF", {}),
        "cmyk.tiff": (word("CMYK"), "TIFF", {}),
        "plain.ico": (word(), "ICO", {"sizes": [(24, 24)]}),
        "plain.ppm": (word(), "PPM", {}),
        "plain.pgm": (word("L"), "PPM", {}),
        "plain.tga": (word(), "TGA", {}),
        "plain.pcx": (word(), "PCX", {}),
    }
    if features.check("webp"):
        images["plain.webp"] = (noise, "WEBP", {})
        images["lossless.webp"] = (ink(), "WEBP", {"lossless": True})
    if features.check("jpg_2000"):
        images["plain.jp2"] = (word(), "JPEG2000", {})
    return {name: encoded(image, format, **options) for name, (image, format, options) in images.items()}


def hostile_files() -> dict[str, bytes | None]:
    """500 files, the same at every run: name -> bytes, or `None` for a directory."""
    rng = random.Random(0)
    good = samples()
    files: dict[str, bytes | None] = {f"good_{name}": data for name, data in good.items()}

    for name, data in good.items():
        for number, share in enumerate((0.0, 0.02, 0.2, 0.6, 0.95)):
            files[f"cut{number}_{name}"] = data[: int(len(data) * share)]
    for name in ("plain.jpg", "progressive.jpg", "noise.png"):
        for number in range(20):
            files[f"cutmore{number}_{name}"] = good[name][: len(good[name]) * number // 20 + 3]

    for name, data in good.items():
        for number in range(4):
            damaged = bytearray(data)
            for _ in range(1 + 3 * number):
                damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            files[f"bits{number}_{name}"] = bytes(damaged)
        files[f"tail_{name}"] = data + b"trailing" * 10
        files[f"wrong_{name}.exe"] = data
    names = sorted(good)
    for name, other in zip(names, names[1:] + names[:1], strict=True):
        files[f"disguised_{name}"] = good[other]
        files[f"spliced_{name}"] = good[name][: len(good[name]) // 2] + good[other][len(good[other]) // 2 :]

    for number, suffix in enumerate(("png", "jpg", "gif", "webp", "tiff", "bmp", "ico", "txt", "")):
        files[f"random{number}.{suffix}"] = rng.randbytes(1 + 997 * number)
        files[f"zeros{number}.{suffix}"] = b"\0" * (1 + 500 * number)
        files[f"folder{number}.{suffix}"] = None
    magics = (
        b"\x89PNG\r\n\x1a\n",
        b"\xff\xd8\xff",
        b"GIF89a",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"II*\0",
        b"MM\0*",
        b"BM",
    )
    magics += (
        b"\0\0\1\0",
        b"P6 99999 99999 255\n",
        b"P5 0 0 255\n",
        b"P6 -3 9 255\n",
        b"%!PS-Adobe",
        b"\0\0\0\x0cjP  ",
    )
    for number, magic in enumerate(magics):
        files[f"magic{number}.img"] = magic
        files[f"magicnoise{number}.img"] = magic + rng.randbytes(300)

    for number, (width, height) in enumerate(
        [(2**31 - 1, 1), (1, 2**31 - 1), (65535, 65535), (10**5, 10**5), (9460, 9460), (0, 5), (5, 0), (2**32 - 1, 9)]
    ):
        files[f"bomb{number}.png"] = png_file(width, height, b"\0" * 5000)
        files[f"bomb{number}.bmp"] = bmp_header(width, height)
        files[f"bomb{number}.gif"] = b"GIF89a" + struct.pack("<HHBBB", width & 65535, height & 65535, 0, 0, 0) + b",;"
    files["textbomb.png"] = png_file(
        8, 8, b"\0" * 72, extra=chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 3_000_000)) * 3
    )
    files["shortdata.png"] = png_file(50, 50, b"\0" * 100)
    files["longdata.png"] = png_file(5, 5, b"\0" * 1_000_000)
    files["badfilter.png"] = png_file(5, 5, b"\x09" * 30)
    for number, (depth, color) in enumerate(
        [(1, 0), (2, 0), (4, 0), (16, 0), (8, 2), (16, 2), (16, 4), (16, 6), (3, 9)]
    ):
        files[f"depth{number}.png"] = png_file(9, 9, b"\0" * 9 * 73, depth, color)
    for number, crc in enumerate((b"IHDR", b"IDAT", b"IEND")):
        position = good["plain.png"].index(crc)
        files[f"crc{number}.png"] = good["plain.png"][:position] + b"XXXX" + good["plain.png"][position + 4 :]

    for number, size in enumerate(
        [(1, 1), (1, 5000), (5000, 1), (2, 20000), (20000, 2), (60000, 1), (1, 60000), (3, 3)]
    ):
        for mode, format, suffix in (
            ("RGB", "PNG", "png"),
            ("L", "JPEG", "jpg"),
            ("1", "TIFF", "tif"),
            ("P", "GIF", "gif"),
        ):
            files[f"shape{number}.{suffix}"] = encoded(Image.new(mode, size, 1), format)
    number = 0
    while len(files) < 500:  # more single-byte damage, where formats are most fragile: in their headers
        name = names[number % len(names)]
        damaged = bytearray(good[name])
        damaged[rng.randrange(min(64, len(damaged)))] ^= 1 << rng.randrange(8)
        files[f"header{number}_{name}"] = bytes(damaged)
        number += 1
    return files


def bmp_header(width: int, height: int) -> bytes:
    size = struct.pack("<IIIHH", 40, width & 0xFFFFFFFF, height & 0xFFFFFFFF, 1, 24) + b"\0" * 24
    return b"BM" + struct.pack("<IHHI", 1000, 0, 0, 54) + size + b"\0" * 200


def test_500_damaged_or_hostile_files_are_read_or_refused_by_name(tmp_path):
    files = hostile_files()
    assert len(files) >= 500
    read, refused = set(), set()
    start = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # not even a warning
        for name, data in files.items():
            path = tmp_path / name
            path.mkdir() if data is None else path.write_bytes(data)
            try:
                image = load_word_image(path)
            except UnreadableImageError as error:
                assert name in str(error)
                refused.add(name)
            else:
                assert image.mode in ("L", "RGB")
                assert image.width > 0 and image.height > 0
                assert len(image.tobytes()) == image.width * image.height * len(image.mode)
                read.add(name)
    assert time.monotonic() - start < 30

    for prefix in ("good_", "wrong_", "disguised_", "shape"):
        assert not {name for name in refused if name.startswith(prefix)}
    for prefix in ("cut0_", "cut1_", "folder", "zeros", "magicnoise", "bomb"):
        assert not {name for name in read if name.startswith(prefix)}
    assert len(refused) > 150 and len(read) > 150
