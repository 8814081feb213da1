# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Serves the page. Visitors reach their own uploads, and no other file of this machine."""

import os
import signal
from collections.abc import Mapping
from tempfile import TemporaryDirectory

from starlette.middleware import Middleware

import hf_str

from ..utils.renaming import renamed_arguments
from .page import CACHE_SECONDS, LOOK, build_page
from .uploads import UploadLimits


__all__ = ["serve"]

#: Largest file that a visitor may upload. All files of an upload together have a limit in `uploads`.
MAX_FILE_SIZE = "10mb"
#: Requests that may wait for the one that is under way. Whoever comes later would wait for minutes, and is told so.
MAX_WAITING = 32


@renamed_arguments(readers="recognizers")
def serve(recognizers: Mapping[str, hf_str.ImageToTextPipeline], host: str | None = None, port: int | None = None):
    """Serves the page until it is interrupted.

    Args:
        recognizers: pipelines by the names that visitors see; see [`load_recognizers`].
        host: the address to listen on; by default this machine alone ("0.0.0.0" is the whole network).
        port: by default the first free one from 7860 on.

    Raises:
        OSError: the port is taken.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl+C: what visitors sent is deleted then, too
    with TemporaryDirectory(prefix="hf_str_demo_") as cache:
        os.environ.update(
            # Whatever lies in Gradio's cache is served. By default that is a folder which all Gradio apps of a machine
            # share; ours is deleted at the end.
            GRADIO_TEMP_DIR=cache,
            GRADIO_EXAMPLES_CACHE=cache,
            GRADIO_ALLOWED_PATHS="",  # an empty argument of `launch` would not take the place of this
            GRADIO_ANALYTICS_ENABLED="False",
            GRADIO_RUN_HISTORY="False",
        )
        limits = Middleware(UploadLimits, seconds=2 * CACHE_SECONDS)  # what is just too young for a look is kept twice
        build_page(recognizers).queue(max_size=MAX_WAITING).launch(
            server_name=host,
            server_port=port,
            share=False,
            max_file_size=MAX_FILE_SIZE,
            app_kwargs={"middleware": [limits]},
            enable_monitoring=False,
            mcp_server=False,
            ssr_mode=False,
            footer_links=[],
            **LOOK,
        )
