# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""OCR engines behind the same method as other recognizers: RapidOCR and Tesseract, each without its text detection."""

import os
from collections.abc import Callable
from glob import glob
from types import ModuleType

import numpy as np
import torch
from PIL import Image

from ..utils.optional import require
from .recognizer import Recognizer


__all__ = ["ENGINES", "RapidOCRRecognizer", "TesseractRecognizer"]

#: Where Debian, Fedora and Homebrew put what Tesseract has learned.
_TESSDATA = ("/usr/share/tesseract-ocr/*/tessdata", "/usr/share/tesseract/tessdata", "/opt/homebrew/share/tessdata")


class EngineRecognizer(Recognizer):
    """An engine that brings its own models; it runs on the CPU, with as many threads as torch uses."""

    @property
    def num_parameters(self) -> None:
        """Not known of an engine."""
        return None


class RapidOCRRecognizer(EngineRecognizer):
    """The recognizers of PP-OCR that RapidOCR packages bring along as ONNX files.

    "rapidocr_onnxruntime" has PP-OCRv4 mobile, "rapidocr" the small one of PP-OCRv6. The score is the mean probability
    of the characters.
    """

    family = "RapidOCR"

    def load(self, checkpoint: str) -> None:
        """Starts the engine of a package, `checkpoint`."""
        package, threads = _package(checkpoint), torch.get_num_threads()
        if checkpoint == "rapidocr_onnxruntime":
            engine = package.RapidOCR(intra_op_num_threads=threads, inter_op_num_threads=1)
            self._run: Callable[[list], list] = lambda images: engine.text_rec(images)[0]
        else:
            options = {"intra_op_num_threads": threads, "inter_op_num_threads": 1}
            engine = package.RapidOCR(
                params={f"EngineConfig.onnxruntime.{name}": value for name, value in options.items()}
                | {"Global.log_level": "error"}
            )
            engine(np.zeros((48, 96, 3), np.uint8), use_det=False, use_cls=False)  # the first image loads the model
            as_input = _package("rapidocr.ch_ppocr_rec").TextRecInput

            def recognize(images: list) -> list:
                found = engine.text_rec(as_input(img=images))
                return list(zip(found.txts, found.scores, strict=True))

            self._run = recognize
        #: The session of onnxruntime that runs the network.
        self.session = engine.text_rec.session.session

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        bgr = [np.ascontiguousarray(np.asarray(image)[..., ::-1]) for image in images]
        return [(text, float(score)) for text, score in self._run(bgr)]


class TesseractRecognizer(EngineRecognizer):
    """Tesseract, told that each image is one word (page segmentation mode 8), through tesserocr, in this process.

    It runs on one thread: the packages of tesserocr on PyPI are built without OpenMP. The score is the engine's own
    confidence.
    """

    family = "Tesseract"

    def load(self, checkpoint: str) -> None:
        """Starts the engine with the English data that it finds; `checkpoint` is the name of its package."""
        tesserocr = _package("tesserocr")
        folders = [
            os.environ.get("TESSDATA_PREFIX", ""),
            *(path for pattern in _TESSDATA for path in sorted(glob(pattern))),
        ]
        folder = next((path for path in folders if os.path.isfile(os.path.join(path, "eng.traineddata"))), None)
        if folder is None:
            raise ImportError(
                "Tesseract finds no eng.traineddata. Install it with: apt-get install tesseract-ocr, or set "
                "TESSDATA_PREFIX to the folder that has it"
            )
        self.engine = tesserocr.PyTessBaseAPI(path=folder, lang="eng", psm=tesserocr.PSM.SINGLE_WORD)

    def _recognize(self, images: list[Image.Image]) -> list[tuple[str, float]]:
        found = []
        for image in images:
            self.engine.SetImage(image)
            found.append((self.engine.GetUTF8Text().strip(), self.engine.MeanTextConf() / 100))
        return found


#: The engines by the name of the Python package that brings them.
ENGINES = {
    "rapidocr_onnxruntime": RapidOCRRecognizer,
    "rapidocr": RapidOCRRecognizer,
    "tesserocr": TesseractRecognizer,
}


def _package(name: str) -> ModuleType:
    """Imports what is no extra of hf_str, because nothing but a comparison needs it."""
    try:
        return require(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(f"`{package}` is not installed. Install it with: pip install {package}") from error
