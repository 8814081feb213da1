# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""A CRNN that was exported to ONNX, called as [`CRNNForCTC`] is."""

import os
from pathlib import Path

import torch
from transformers.utils import logging
from transformers.utils.hub import cached_file

from ..models.crnn.configuration_crnn import CRNNConfig
from ..models.crnn.outputs_crnn import CRNNForCTCOutput, image_widths
from ..utils.optional import require


__all__ = ["MODEL_FILE", "ORTCRNNForCTC"]

logger = logging.get_logger(__name__)

#: The graph's name in a folder or a repository.
MODEL_FILE = "model.onnx"


class ORTCRNNForCTC:
    """Runs the graph of a CRNN with onnxruntime; [`ImageToTextPipeline`] takes it in place of a [`CRNNForCTC`].

    Args:
        file: the graph; it takes `pixel_values`, and `pixel_mask` where images are padded, and gives `logits` and
            `num_frames`, or `logits` alone, as those of version 0.1 do.
        config: of the model that was exported, if known.
        device: where the logits shall be; on "cuda" the graph runs there too, where onnxruntime can.
        num_threads: of one operator (default: as many as torch uses).
        providers: execution providers of onnxruntime, the preferred first (default: what fits `device`).

    Example:

    ```python
    >>> from hf_str import CRNNProcessor, ImageToTextPipeline
    >>> from hf_str.onnx import ORTCRNNForCTC

    >>> model = ORTCRNNForCTC.from_pretrained("crnn-onnx/", num_threads=1)  # doctest: +SKIP
    >>> processor = CRNNProcessor.from_pretrained("crnn-onnx/")  # doctest: +SKIP
    >>> ImageToTextPipeline(model=model, processor=processor)("word.png")  # doctest: +SKIP
    [{'generated_text': 'hello', 'score': 0.98}]
    ```
    """

    main_input_name = "pixel_values"
    input_modalities = ("image",)
    dtype = torch.float32

    def __init__(
        self,
        file: str | os.PathLike,
        config: CRNNConfig | None = None,
        *,
        device: torch.device | str = "cpu",
        num_threads: int | None = None,
        providers: list[str] | None = None,
    ):
        self.file, self.config, self.num_threads, self.providers = os.fspath(file), config, num_threads, providers
        self.to(device)

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike, **options) -> "ORTCRNNForCTC":
        """Loads `model.onnx` and `config.json` of a folder or a repository on the Hub.

        Args:
            folder: what `scripts/export_onnx.py` wrote.
            options: `device`, `num_threads` and `providers`, see above.

        Raises:
            OSError: there is no such folder, or no graph in it; the message says how to export one.
            ImportError: onnxruntime is not installed.
        """
        folder = os.fspath(folder)
        config = CRNNConfig.from_pretrained(folder)
        if Path(folder).is_dir() and not (Path(folder) / MODEL_FILE).is_file():
            raise FileNotFoundError(
                f"there is no {MODEL_FILE} in {folder}; make a folder that has one with: "
                f"python scripts/export_onnx.py --model {folder} --output_dir {Path(folder).name}-onnx"
            )
        file = cached_file(folder, MODEL_FILE)
        if file is None:
            raise OSError(f"there is no {MODEL_FILE} in {folder}")
        return cls(file, config, **options)

    def to(self, device: torch.device | str) -> "ORTCRNNForCTC":
        """Opens the graph for another device."""
        onnxruntime = require("onnxruntime", "onnx")
        self.device = torch.device(device)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.num_threads or torch.get_num_threads()
        wanted = self.providers
        if wanted is None:
            wanted = ["CUDAExecutionProvider"] * (self.device.type == "cuda") + ["CPUExecutionProvider"]
            missing = set(wanted) - set(onnxruntime.get_available_providers())
            if missing:
                logger.warning_once(f"onnxruntime has no {', '.join(missing)} here: the graph runs on the CPU")
                wanted = [name for name in wanted if name not in missing]
        self.session = onnxruntime.InferenceSession(self.file, options, providers=wanted)
        return self

    def can_generate(self) -> bool:
        return False  # asked by transformers' pipelines

    def __call__(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None = None) -> CRNNForCTCOutput:
        """Reads word images.

        Args:
            pixel_values: (batch, num_channels, image_height, width), as the image processor makes them.
            pixel_mask: (batch, image_height, width), 1 where a pixel is of the image; without it all are.

        Returns:
            `logits` (batch, time, vocab_size), raw, and `num_frames` (batch,), each image's own frames; those after
            them are padding, and blank.

        Raises:
            ValueError: the graph was exported without a `pixel_mask`, and one is given.
        """
        logits, num_frames = self._run(pixel_values, pixel_mask)
        return CRNNForCTCOutput(logits=logits, num_frames=num_frames)

    def _run(self, pixel_values: torch.Tensor, pixel_mask: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        names = [node.name for node in self.session.get_inputs()]
        inputs = {"pixel_values": pixel_values.float()}
        if pixel_mask is not None:
            inputs["pixel_mask"] = pixel_mask
        elif "pixel_mask" in names:
            inputs["pixel_mask"] = torch.ones_like(pixel_values[:, 0], dtype=torch.long)
        if missing := inputs.keys() - names:
            raise ValueError(f"the ONNX graph has no input for {', '.join(missing)}, but {', '.join(names)}")
        arrays = self.session.run(None, {name: tensor.cpu().numpy() for name, tensor in inputs.items()})
        logits, *others = (torch.from_numpy(array) for array in arrays)
        given = dict(zip([node.name for node in self.session.get_outputs()][1:], others, strict=True))
        num_frames = given.get("num_frames")
        if num_frames is None:
            num_frames = _frames_of_old_graph(logits, pixel_mask, self.config)
        return logits.to(self.device), num_frames.to(self.device)


def _frames_of_old_graph(
    logits: torch.Tensor, pixel_mask: torch.Tensor | None, config: CRNNConfig | None
) -> torch.Tensor:
    """Each image's own frames (batch,), which graphs of version 0.1 do not give.

    Where nobody knows the network, the logits tell: in frames of padding, those graphs let the blank lead by the range
    of the floating point type, which no network does.
    """
    if pixel_mask is None:
        return logits.new_full(logits.shape[:1], logits.shape[1], dtype=torch.long)
    if config is not None:
        return config.num_frames(image_widths(pixel_mask))
    return (logits[..., 0] - logits[..., 1:].amax(-1) < 1e4).sum(-1)
