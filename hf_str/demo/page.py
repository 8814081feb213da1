# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""The page: images in, cards out. It loads nothing from other servers than its own."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

import hf_str
from hf_str.models.crnn.ctc_decoders_crnn import DECODERS
from hf_str.models.crnn.ctc_decoding_crnn import NonFiniteLogitsError
from hf_str.models.crnn.image_loading_crnn import MAX_IMAGE_PIXELS

from ..utils.optional import require
from ..utils.renaming import renamed_arguments
from . import cards
from .recognizers import DEFAULT_DECODER, choose_decoder, recognize_image


try:
    import gradio as gr
    from gradio.blocks import Block
    from gradio.themes import Soft
except ImportError:
    require("gradio", "demo")  # says how to get it
    raise


__all__ = [
    "LOOK",
    "MAX_BYTES",
    "MAX_IMAGES",
    "MAX_LEXICON",
    "MAX_PIXELS",
    "MAX_SECONDS",
    "build_page",
    "recognize_files",
]

#: Limits of an upload. `load_word_image` limits the pixels of an image, `server` the size of a file.
MAX_IMAGES, MAX_LEXICON = 12, 20_000
#: Of all the images of a request: the slowest formats (JPEG 2000, PNG of 16 bits) take some six seconds of a
#: CPU for so many pixels, and a dozen photographs of words, or three whole ones from a telephone, have fewer.
MAX_BYTES, MAX_PIXELS = 20_000_000, 40_000_000
#: No image is begun after this time, as the next visitor waits. Images of ordinary words take a tenth of it.
MAX_SECONDS = 15.0
#: Number of file names in a note.
MAX_NAMES = 20
#: Uploads are deleted after this time, in seconds, which is also how often they are looked for.
CACHE_SECONDS = 900

SAMPLES = sorted((Path(__file__).parents[1] / "samples").glob("*.png"))
TAKES_LEXICON = ("lexicon", "beam_search")

_HEADER = """\
<h1>Read a word</h1>
<p>Images of one word each in, its text out. The frame around a character shows its probability: solid from 90 %,
dashed from 60 %, dotted below.</p>"""

# A visitor who pastes images means the page, wherever the focus is. Pasted text goes where it always does.
_PASTE = """
<script>
document.addEventListener("paste", (event) => {
  const images = [...(event.clipboardData?.files ?? [])].filter((file) => file.type.startsWith("image/"));
  const input = document.querySelector("#images input[type=file]");
  if (!images.length || !input) return;
  event.preventDefault();
  const transfer = new DataTransfer();
  images.forEach((file) => transfer.items.add(file));
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
});
</script>
"""

# Screen readers say a new prediction, wherever the focus is.
_ANNOUNCE = "() => document.querySelector('#predictions').setAttribute('aria-live', 'polite')"

# Gradio's gallery and drop zone are made for large pictures and a wide screen.
_STYLE = """
.gradio-container { max-width: 75rem !important; }
#header h1 { font-size: 1.7rem; margin: 0 0 .25rem; }
#header p { margin: 0; max-width: 46rem; }
#images button:has(.wrap) { padding-top: 1.6rem; }
#samples .grid-wrap { min-height: 0; max-height: none; overflow: visible; padding: 2.7rem .6rem .6rem; }
#samples .grid-container { grid-template: none / repeat(3, minmax(0, 1fr)); grid-auto-rows: 4rem; gap: .5rem; }
#samples .thumbnail-item { aspect-ratio: auto; height: 4rem; }
#samples .caption-label { clip-path: inset(50%); }
#samples button:focus-visible, #images button:focus-visible { outline: 3px solid #4a7fd6; outline-offset: 2px; }
"""

_THEME = Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]).set(
    # Texts and edges dark enough to be seen by everyone (WCAG 2.2, 1.4.3 and 1.4.11).
    body_background_fill="*neutral_50",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    block_label_text_color="*primary_800",
    block_title_text_color="*primary_800",
    checkbox_border_color="*neutral_500",
    checkbox_label_border_color="*neutral_500",
    checkbox_label_border_width="1px",
    input_border_color="*neutral_500",
    input_border_width="1px",
)

#: The look of the page: arguments of Gradio's `launch`. The fonts are the visitor's own.
LOOK = {"theme": _THEME, "css": _STYLE + cards.STYLE, "head": _PASTE}


@dataclass(frozen=True)
class _Inputs:
    """The inputs of the page, from top to bottom."""

    images: gr.File
    samples: gr.Gallery
    model: gr.Dropdown
    decoder: gr.Radio
    words: gr.Textbox


@renamed_arguments(readers="recognizers")
def build_page(recognizers: Mapping[str, hf_str.ImageToTextPipeline]) -> gr.Blocks:
    """The page, not yet served.

    Args:
        recognizers: pipelines by the names that visitors see; the first is chosen when the page opens.
    """
    with gr.Blocks(title="Read a word", analytics_enabled=False, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)) as page:
        gr.HTML(_HEADER, elem_id="header")
        sample = gr.State(None)
        with gr.Row():
            with gr.Column(scale=2, min_width=320):
                inputs = _make_inputs(list(recognizers))
            with gr.Column(scale=3, min_width=320):
                output = gr.HTML(cards.welcome(), elem_id="predictions")
        _connect(page, recognizers, inputs, sample, output)
    for block in page.blocks.values():
        _take_no_urls(block)
    return page


def _make_inputs(models: list[str]) -> _Inputs:
    return _Inputs(
        images=gr.File(
            label="Images: drop, paste or choose",
            file_count="multiple",
            file_types=["image"],
            height=150,
            elem_id="images",
        ),
        samples=gr.Gallery(
            [(str(path), path.stem) for path in SAMPLES],
            label="Samples",
            columns=3,
            object_fit="contain",
            height="auto",
            allow_preview=False,
            interactive=False,
            buttons=[],
            elem_id="samples",
        ),
        model=gr.Dropdown(models, label="Checkpoint", filterable=False, visible=len(models) > 1, elem_id="model"),
        decoder=gr.Radio(
            [(name.replace("_", " "), name) for name in (DEFAULT_DECODER, *DECODERS)],
            value=DEFAULT_DECODER,
            label="Decoder",
            elem_id="decoder",
        ),
        words=gr.Textbox(
            "",
            label="Lexicon",
            info="Words that it may be, with spaces or line breaks between them.",
            lines=3,
            max_lines=8,
            max_length=MAX_LEXICON,
            visible=False,
            elem_id="words",
        ),
    )


def _connect(
    page: gr.Blocks,
    recognizers: Mapping[str, hf_str.ImageToTextPipeline],
    inputs: _Inputs,
    sample: gr.State,
    output: gr.HTML,
):
    """Connects the inputs with the output."""

    def recognize(uploads: Sequence[str] | None, sample: int | None, model: str, decoder: str, words: str) -> str:
        files = [Path(file) for file in uploads or ()]
        if not files and sample is not None:
            files = [SAMPLES[sample]]
        return recognize_files(files, recognizers[model], decoder, words)

    images, model, decoder, words = inputs.images, inputs.model, inputs.decoder, inputs.words
    private: dict[str, Any] = {"api_visibility": "private"}
    # One at a time over all visitors: the memory that a visitor can claim is that of one image.
    options = private | {"inputs": [images, sample, model, decoder, words], "outputs": output}
    options |= {"concurrency_id": "recognize", "concurrency_limit": 1, "trigger_mode": "always_last"}
    gr.on([images.upload, images.delete, model.input, decoder.input, words.input], recognize, **options)
    images.upload(lambda: None, None, sample, **private)
    inputs.samples.select(_choose_sample, None, [images, sample], **private).then(recognize, **options)
    images.clear(lambda: (None, cards.welcome()), None, [sample, output], **private)
    decoder.input(lambda name: gr.update(visible=name in TAKES_LEXICON), decoder, words, **private)
    page.load(None, js=_ANNOUNCE, **private)


def _take_no_urls(block: Block):
    """Refuses URLs in place of files: Gradio would download them, of any size and for any time."""
    move = block.async_move_resource_to_block_cache

    async def move_file(url_or_file_path: str | Path | None) -> str | None:
        if str(url_or_file_path).lower().startswith(("http:", "https:")):
            raise gr.Error("Images are uploaded, not linked.")
        return await move(url_or_file_path)

    block.async_move_resource_to_block_cache = move_file


def _choose_sample(event: gr.SelectData) -> tuple[None, int]:
    """A sample takes the place of the visitor's own images."""
    return None, event.index if event.index in range(len(SAMPLES)) else 0


def recognize_files(files: Sequence[Path], recognizer: hf_str.ImageToTextPipeline, decoder: str, words: str) -> str:
    """Recognizes images with the options of a visitor.

    Args:
        files: images. Only the first `MAX_IMAGES` are recognized, and only as many as fit into `MAX_BYTES`,
            `MAX_PIXELS` and `MAX_SECONDS`. The others are named.
        recognizer: the pipeline.
        decoder: `DEFAULT_DECODER` or one of `DECODERS`.
        words: the lexicon, for the decoders that take one.

    Returns:
        The cards as HTML, with a note for each image that cannot be recognized or decoded.
    """
    if not files:
        return cards.welcome()
    if decoder == "lexicon" and not words.split():
        return cards.cards([cards.note("The lexicon is empty: write the words that it may be.")])
    if len(words) > MAX_LEXICON:  # the box does not take more, but not everyone who asks is a box
        return cards.cards([cards.note(f"The lexicon is too long: at most {MAX_LEXICON:,} characters.")])
    try:
        made, remark = choose_decoder(decoder, recognizer.processor.tokenizer, words)
    except ValueError as error:
        return cards.cards([cards.note(f"Cannot decode like this: {error}.")])
    parts = [cards.note(remark)] if remark else []
    end = time.monotonic() + MAX_SECONDS
    num_bytes = num_pixels = 0
    too_much, too_late = [], []
    for file in files[:MAX_IMAGES]:
        if time.monotonic() > end:
            too_late.append(file.name)
            continue
        size, pixels = file.stat().st_size, _count_pixels(file)
        if num_bytes + size > MAX_BYTES or num_pixels + pixels > MAX_PIXELS:
            too_much.append(file.name)
            continue
        num_bytes, num_pixels = num_bytes + size, num_pixels + pixels
        try:
            parts.append(cards.card(recognize_image(file, recognizer, made)))
        except hf_str.UnreadableImageError as error:
            parts.append(cards.failure(str(error)))
        except NonFiniteLogitsError:
            parts.append(cards.failure(f"{file.name}: the model gives NaN or infinity for this image"))
    limit = f"at most {MAX_BYTES / 1e6:g} MB and {MAX_PIXELS / 1e6:g} million pixels at once"
    parts += _left_out(too_much, limit)
    parts += _left_out(too_late, f"the images before took longer than {MAX_SECONDS:g} s")
    parts += _left_out([file.name for file in files[MAX_IMAGES:]], f"at most {MAX_IMAGES} at once")
    return cards.cards(parts)


def _count_pixels(file: Path) -> int:
    """The number of pixels by the header of an image; 0 if it will be refused."""
    try:
        with Image.open(file) as image:
            pixels = image.width * image.height
    except Exception:  # noqa: BLE001 (Pillow's plugins raise anything; it is told when the image is recognized)
        return 0
    return pixels if pixels <= MAX_IMAGE_PIXELS else 0


def _left_out(names: Sequence[str], reason: str) -> list[str]:
    if not names:
        return []
    named = ", ".join(names[:MAX_NAMES]) + (", ..." if len(names) > MAX_NAMES else "")
    return [cards.note(f"{len(names)} more were not read: {reason}. Left out: {named}.")]
