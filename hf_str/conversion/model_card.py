"""The model card of a converted checkpoint: where it comes from, what it reads, how to use it."""

from collections.abc import Sequence

from ..models.crnn.modeling_crnn import CRNNForCTC
from .family import CheckpointFamily


__all__ = ["model_card"]

_CARD = """\
---
library_name: transformers
pipeline_tag: image-to-text
tags:
- ocr
- scene-text-recognition
- crnn
- ctc
- hf_str
---

# {title}

Converted from `{file}` of {source} with hf_str; the weights are that project's and under its licence. It reads a
cropped word.

```python
import hf_str
from transformers import pipeline

pipeline("image-to-text", model="path/to/this/folder")("word.png")
```

- Parameters: {parameters:,}.
- Images: {channels}, {height} pixels high, prepared in the way "{preprocessing}" of that project.
- Characters ({count}): {characters}
- The blank is class 0{moved}; apart from that the logits are those of the original.
{remarks}"""


def model_card(
    family: CheckpointFamily, preprocessing: str, file: str, model: CRNNForCTC, symbols: Sequence[str]
) -> str:
    """Markdown with the metadata of the Hub; `file` is the name of the file that was converted."""
    shown = "".join(symbols[:200])
    return _CARD.format(
        title=family.title,
        file=file,
        source=family.source,
        parameters=model.num_parameters(),
        channels="grey" if model.config.num_channels == 1 else "RGB",
        height=model.config.image_height,
        preprocessing=preprocessing,
        count=len(symbols),
        characters=f"`` {shown} ``" + (" and more, in `tokenizer.json`" if len(symbols) > 200 else ""),
        moved=", and was the last" if family.blank == "last" else "",
        remarks=f"- {family.remarks}\n" if family.remarks else "",
    )
