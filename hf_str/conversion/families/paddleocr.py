"""PaddlePaddle/PaddleOCR: a CRNN with ASTER's ResNet.

Its CRNNs with ResNet34-vd and MobileNetV3 have pools and shortcuts that `CRNNConfig` has no words for.
"""

from PIL import Image

from ...models.crnn.tokenization_crnn import CHARSETS
from ..family import CheckpointFamily, Weights, stacked_lstm
from .openocr import CONFIG, resnet_names


__all__ = ["FAMILIES"]


def _as_torch(weights: Weights) -> Weights:
    """Paddle's weights as PyTorch has them, for images in RGB."""
    renamed = {}
    for name, weight in weights.items():
        name = name.replace("._mean", ".running_mean").replace("._variance", ".running_var")
        renamed[name] = weight.T if name == "head.fc.weight" else weight
    if "backbone.layer0.0.weight" in renamed:  # its images are BGR, as OpenCV reads them
        renamed["backbone.layer0.0.weight"] = renamed["backbone.layer0.0.weight"].flip(1)
    return renamed


FAMILIES = (
    CheckpointFamily(
        name="paddleocr-resnet-aster",
        title="CRNN with ResNet_ASTER of PaddlePaddle/PaddleOCR",
        source="https://github.com/PaddlePaddle/PaddleOCR",
        files="best_accuracy.pdparams of a yaml file with Backbone ResNet_ASTER (with_lstm) and Head CTCHead",
        config=CONFIG,
        names=resnet_names("backbone") | stacked_lstm("backbone.rnn") | {"head.fc": "ctc_head"},
        preprocessing={
            "pad": {
                "size": {"height": 32, "width": 100},
                "resample": Image.BILINEAR,
                "antialias": False,
                "keep_aspect_ratio": True,
                "min_width": 1,
                "width_rounding": "up",
                "padding": "max_length",
                "padding_value": 0.0,
                "return_pixel_mask": False,
            }
        },
        charsets={"36": CHARSETS["36"], "94": CHARSETS["94"]},
        # Paddle saves the weights of an LSTM twice, under the names of its layers as well.
        not_needed=("backbone.rnn.*.cell_fw.*", "backbone.rnn.*.cell_bw.*"),
        adapt=_as_torch,
        remarks="The released CRNNs with ResNet34-vd and MobileNetV3 are other networks and do not convert.",
    ),
)
