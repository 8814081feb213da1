# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""One entry for each kind of checkpoint that converts: its graph, how its project saves it and prepares images."""

import pickle
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tests.conversion import reference_graphs as graphs
from tests.conversion import reference_preprocessing as prepare


def save_bare(graph: torch.nn.Module, path: Path):
    torch.save(graph.state_dict(), path)


def save_from_old_torch(graph: torch.nn.Module, path: Path):
    """Versions before 0.4.1 did not count batches, those before 1.6 wrote no zip files."""
    state = {name: tensor for name, tensor in graph.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save(state, path, _use_new_zipfile_serialization=False)


def save_data_parallel(graph: torch.nn.Module, path: Path):
    torch.save({f"module.{name}": tensor for name, tensor in graph.state_dict().items()}, path)


def save_in_container(graph: torch.nn.Module, path: Path):
    """Lightning, mmengine and OpenOCR keep the weights beside other things."""
    torch.save({"epoch": 3, "meta": {"seed": 1}, "state_dict": graph.state_dict(), "optimizer": None}, path)


def save_paddle(graph: torch.nn.Module, path: Path):
    path.write_bytes(pickle.dumps(graphs.paddle_state(graph), protocol=4))


def save_torch7(graph: graphs.Torch7CRNN, path: Path):
    path.write_bytes(b"".join(_torch7(graph.tables(), iter(range(1, 1_000_000)))))


def _torch7(value: Any, numbers):
    """The pieces of Torch7's binary format: 1 is a number, 2 text, 3 a table, 4 an object."""

    def text(string: str) -> bytes:
        return struct.pack("<i", len(string)) + string.encode()

    if isinstance(value, int):
        yield struct.pack("<id", 1, value)
    elif isinstance(value, str):
        yield struct.pack("<i", 2) + text(value)
    elif isinstance(value, (dict, list)):
        items = list(value.items()) if isinstance(value, dict) else list(enumerate(value, start=1))
        yield struct.pack("<iii", 3, next(numbers), len(items))
        for key, entry in items:
            yield from _torch7(key, numbers)
            yield from _torch7(entry, numbers)
    else:
        value = value.contiguous()
        yield struct.pack("<ii", 4, next(numbers)) + text("V 1") + text("torch.CudaTensor")
        yield struct.pack(f"<i{value.ndim}q{value.ndim}qq", value.ndim, *value.shape, *value.stride(), 1)
        yield struct.pack("<ii", 4, next(numbers)) + text("V 1") + text("torch.CudaStorage")
        yield struct.pack("<q", value.numel()) + value.numpy().tobytes()


def smooth_noise(count: int, channels: int, height: int, width: int) -> torch.Tensor:
    """Images like photographs: where a spline takes its pixels a thousandth of a pixel aside, little changes."""
    coarse = torch.rand(count, channels, height // 16, width // 16, generator=torch.Generator().manual_seed(7)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")


@dataclass(frozen=True)
class Peer:
    """`make` takes a scale and gives a graph; `size` is what its images have, (channels, height, width)."""

    family: str
    make: Callable[[float], Callable[[torch.Tensor], torch.Tensor]]
    size: tuple[int, int, int]
    pixels: Callable[[Image.Image], np.ndarray]
    save: Callable[[Any, Path], None]
    num_frames: int
    std: float = 0.5
    preprocessing: str | None = None
    suffix: str = ".pth"
    charset: str | None = None
    blank_is_last: bool = False
    is_bgr: bool = False

    @property
    def name(self) -> str:
        return self.family + (f", {self.preprocessing}" if self.preprocessing else "")

    def images(self, count: int = 2) -> torch.Tensor:
        return smooth_noise(count, *self.size)

    def graph(self, scale: float) -> Callable[[torch.Tensor], torch.Tensor]:
        graph = self.make(scale)
        return graphs.randomize(graph, self.images(4)) if isinstance(graph, torch.nn.Module) else graph

    def logits(self, graph: Callable, images: torch.Tensor) -> torch.Tensor:
        """What the graph makes of images in RGB, with the blank as the first class."""
        logits = graph(images.flip(1) if self.is_bgr else images)
        return logits.roll(1, -1) if self.blank_is_last else logits

    def prepared(self, image: Image.Image) -> np.ndarray:
        """What the project makes of an image, in RGB."""
        return self.pixels(image)[::-1] if self.is_bgr else self.pixels(image)


def _clovaai(features: str, num_classes: int, **options):
    def make(scale: float):
        channels, hidden = graphs.widths(scale, 512, 256)
        return graphs.ClovaCRNN(features, num_classes, channels, hidden, **options)

    return make


def _easyocr(features: str, num_classes: int, size: int):
    return lambda scale: graphs.ClovaCRNN(features, num_classes, *graphs.widths(scale, size, size))


def _torch7_graph(scale: float):
    return graphs.Torch7CRNN(smooth_noise(4, 1, 32, 100), scale=scale)


def _paddle(make: Callable[[int], torch.nn.Module], family: str, hidden: int) -> "Peer":
    """`make` takes the LSTM's units, `hidden` in the network of full size."""
    return Peer(
        *(family, lambda scale: make(int(hidden * scale)), (3, 32, 100), prepare.paddleocr, save_paddle, 25),
        suffix=".pdparams",
        is_bgr=True,
    )


def _doctr_vgg16(scale: float):
    return graphs.DoctrCRNN(graphs.vgg16_bn_features(scale), int(512 * scale), hidden=int(128 * scale))


_GRAY, _RGB = (1, 32, 100), (3, 32, 128)
PEERS = [
    Peer(
        "crnn-pytorch",
        lambda scale: graphs.MeijieruCRNN(37, scale),
        _GRAY,
        prepare.crnn_pytorch,
        save_from_old_torch,
        26,
    ),
    Peer("crnn-torch7", _torch7_graph, _GRAY, prepare.crnn_torch7, save_torch7, 26, 128 / 255, suffix=".t7"),
    Peer("clovaai-vgg", _clovaai("vgg", 37), _GRAY, prepare.clovaai, save_data_parallel, 24),
    Peer(
        *("clovaai-vgg", _clovaai("vgg", 95), _GRAY, prepare.clovaai_pad, save_data_parallel, 24),
        preprocessing="pad",
    ),
    Peer("clovaai-resnet", _clovaai("resnet", 37), _GRAY, prepare.clovaai, save_data_parallel, 26),
    Peer("clovaai-tps-resnet", _clovaai("resnet", 37, tps=True), _GRAY, prepare.clovaai, save_data_parallel, 26),
    Peer("strhub", lambda scale: graphs.StrhubCRNN(95, scale), _RGB, prepare.strhub, save_in_container, 33),
    Peer("doctr-vgg16-bn", _doctr_vgg16, _RGB, prepare.doctr, save_bare, 32, 0.296, suffix=".pt", blank_is_last=True),
    Peer(
        "doctr-mobilenet-v3-small",
        lambda scale: graphs.DoctrCRNN(graphs.mobilenet_v3_features("small"), 576, hidden=int(128 * scale)),
        *(_RGB, prepare.doctr, save_bare, 32, 0.296),
        suffix=".pt",
        blank_is_last=True,
    ),
    Peer(
        "doctr-mobilenet-v3-large",
        lambda scale: graphs.DoctrCRNN(graphs.mobilenet_v3_features("large"), 960, hidden=int(128 * scale)),
        *(_RGB, prepare.doctr, save_bare, 32, 0.296),
        suffix=".pt",
        blank_is_last=True,
    ),
    Peer("easyocr-generation1", _easyocr("resnet", 168, 512), (1, 64, 128), prepare.easyocr, save_data_parallel, 33),
    Peer("easyocr-generation2", _easyocr("vgg", 97, 256), (1, 64, 128), prepare.easyocr, save_data_parallel, 31),
    Peer(
        *("mmocr", lambda scale: graphs.MmocrCRNN(37, scale), _GRAY, prepare.mmocr_rescale, save_in_container, 26),
        std=127 / 255,
        blank_is_last=True,
    ),
    Peer(
        *("mmocr", lambda scale: graphs.MmocrCRNN(91, scale), _GRAY, prepare.mmocr_stretch, save_in_container, 26),
        std=127 / 255,
        preprocessing="stretch",
        blank_is_last=True,
    ),
    Peer(
        *("openocr", lambda scale: graphs.OpenOcrCRNN(95, int(256 * scale)), _RGB, prepare.openocr),
        *(save_in_container, 32),
    ),
    _paddle(lambda hidden: graphs.PaddleCRNN(graphs.PaddleResNetVd(), 37, hidden), "paddleocr-resnet34-vd", 256),
    _paddle(lambda hidden: graphs.PaddleCRNN(graphs.PaddleMobileNetV3(), 37, hidden), "paddleocr-mobilenet-v3", 96),
    _paddle(lambda hidden: graphs.PaddleAsterCRNN(37, hidden), "paddleocr-resnet-aster", 256),
]


def pictures() -> list[Image.Image]:
    """Smooth colors with noise: wide and narrow, large and small, gray and RGB."""
    sizes = [(100, 32), (128, 32), (260, 61), (37, 36), (400, 24), (500, 31), (90, 45), (60, 20), (1000, 200)]
    rng = np.random.default_rng(0)
    made = []
    for index, (width, height) in enumerate(sizes):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 7, 3), dtype=np.uint8)).resize(
            (width, height), Image.BICUBIC
        )
        noisy = np.asarray(coarse) + rng.normal(0, 6, (height, width, 3))
        image = Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
        made.append(image.convert("L") if index % 3 == 2 else image)
    return made


def narrow_pictures() -> list[Image.Image]:
    """Higher than wide."""
    return [image.rotate(90, expand=True) for image in pictures()[:4]]
