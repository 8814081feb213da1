# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Small networks with statistics that are not those of a fresh layer, and batches with padding."""

import torch
from torch import nn

from hf_str import CRNNConfig, CRNNForCTC
from hf_str.models.crnn.convolution_crnn import CRNNAffine


SMALL = {"conv_channels": [8, 8, 16, 16, 32, 32, 32], "hidden_size": 16}
STAGES = {
    "resnet": {"stem_channels": 8, "stage_channels": [8, 8, 16, 16, 32], "stage_depths": [1, 2, 1, 1, 1]},
    "efficientnet": {"stem_channels": 8, "stage_channels": [8, 8, 16, 16, 16, 16, 32]},
    "mobilenet_v3": {"stem_channels": 8, "stage_channels": [8, 8, 8, 16, 16, 16, 16, 16, 16, 16, 16]},
    "pp_lcnet_v3": {"stem_channels": 8, "stage_channels": [8] * 5 + [16] * 9, "image_height": 48},
    "pp_lcnet_v4": {"stem_channels": [8, 8], "stage_channels": [8] * 3 + [16] * 10, "image_height": 48},
}
#: PP-OCR's networks, narrow.
_PP_OCR = {"num_channels": 3, "sequentializer": "svtr", "num_attention_heads": 4, "hidden_act": "silu"}
PP_OCR = {
    "pp-ocrv5": _PP_OCR | {"featurizer": "pp_lcnet_v3", "folded_batch_norms": True},
    "pp-ocrv6-small": _PP_OCR | {"featurizer": "pp_lcnet_v4", "neck_fusion": "add"},
    "pp-ocrv6-tiny": {"num_channels": 3, "featurizer": "pp_lcnet_v4", "stem_type": "small"}
    | {"sequentializer": "convolution", "num_hidden_layers": 1, "hidden_act": "hardswish"},
}


def make(**fields) -> CRNNForCTC:
    torch.manual_seed(0)
    if fields.get("featurizer", "vgg") == "vgg":
        fields = SMALL | fields
    elif fields["featurizer"] in STAGES:
        fields = STAGES[fields["featurizer"]] | {"hidden_size": 16} | fields
    return disturb(CRNNForCTC(CRNNConfig(**fields)).eval())


def disturb(model: CRNNForCTC) -> CRNNForCTC:
    """Shifts and statistics under which a padding column, once looked at, is seen in the logits."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias)
            nn.init.uniform_(module.weight, 0.5, 1)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.running_mean)
        if isinstance(module, (nn.Conv1d, nn.Conv2d)) and module.bias is not None:
            nn.init.normal_(module.bias)
        if isinstance(module, CRNNAffine):
            nn.init.uniform_(module.scale, 0.5, 1)
            nn.init.normal_(module.bias)
    if model.crnn.rectification is not None:
        nn.init.normal_(model.crnn.rectification.fiducials.weight, std=0.2)
    return model


def padded(images: list[torch.Tensor], fill: float = 0.0):
    """Images (channels, height, width) in one batch, with its mask; what is padding holds `fill`."""
    width = max(image.shape[-1] for image in images)
    pixels = torch.full((len(images), *images[0].shape[:2], width), fill)
    mask = torch.zeros(len(images), images[0].shape[1], width, dtype=torch.long)
    for row, image in enumerate(images):
        pixels[row, ..., : image.shape[-1]] = image
        mask[row, :, : image.shape[-1]] = 1
    return pixels, mask


def assert_neighbors_change_nothing(model: CRNNForCTC, widths=(37, 100, 64, 129, 41, 16)):
    """Batched equals alone: logits to 1e-4 of the largest, certain blanks past each image's end, the loss too."""
    config, generator = model.config, torch.Generator().manual_seed(1)
    shape = (config.num_channels, config.image_height)
    images = [torch.randn(*shape, width, generator=generator) for width in widths]
    labels = torch.randint(1, 37, (len(widths), 2), generator=generator)
    labels[:, 1] = labels[:, 0] % 36 + 1  # no repeated neighbors
    pixels, mask = padded(images, fill=7.0)  # padding that would be seen if anything looked at it
    with torch.no_grad():
        together = model(pixels, pixel_mask=mask, labels=labels)
        alone = [model(image[None], labels=label[None]) for image, label in zip(images, labels, strict=True)]
    for logits, one, width in zip(together.logits, alone, widths, strict=True):
        (own,) = one.logits
        assert len(own) == config.num_frames(width)
        scale = own.abs().max().clamp(min=1)  # float32 rounds what is large by more
        torch.testing.assert_close(logits[: len(own)] / scale, own / scale, atol=1e-4, rtol=0)
        assert (logits[len(own) :].softmax(-1)[:, 0] == 1).all(), "a padding frame is not certainly blank"
    assert together.num_frames.tolist() == [one.num_frames.item() for one in alone]
    mean = torch.stack([one.loss for one in alone]).mean()
    torch.testing.assert_close(together.loss, mean, atol=1e-4, rtol=1e-4)


def export(model: CRNNForCTC, masked: bool):
    """Exports with a free batch and width, and checks other sizes against the model."""
    config = model.config

    def inputs(count: int, width: int) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(width)
        pixels = torch.randn(count, config.num_channels, config.image_height, width, generator=generator)
        if not masked:
            return {"pixel_values": pixels}
        mask = torch.ones(count, config.image_height, width, dtype=torch.long)
        mask[0, :, 16:] = 0
        return {"pixel_values": pixels, "pixel_mask": mask}

    # One is a size of its own to torch.export, as always.
    batch, width = torch.export.Dim("batch", min=2, max=64), torch.export.Dim("width", min=16, max=512)
    shapes = {"pixel_values": {0: batch, 3: width}}
    if masked:
        shapes["pixel_mask"] = {0: batch, 2: width}
    # Without it, torch.export unrolls an LSTM over the frames of its example.
    from torch.export._patches import register_lstm_while_loop_decomposition

    with torch.no_grad(), register_lstm_while_loop_decomposition():
        exported = torch.export.export(model, (), inputs(3, 96), dynamic_shapes=shapes).module()
        for count, pixels in ((2, 17), (7, 100), (5, 259)):
            batch = inputs(count, pixels)
            torch.testing.assert_close(exported(**batch).logits, model(**batch).logits, atol=1e-4, rtol=1e-4)
