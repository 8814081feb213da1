# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Publishes a folder on the Hugging Face Hub: a recognizer, a dataset of word boxes, or a Space.

    hf auth login
    python scripts/push_to_hub.py runs/mine my-name/my-words --dry_run
    python scripts/push_to_hub.py runs/mine my-name/my-words --private

The first command lists every file with its size and prints the card, but sends nothing. A recognizer is published with
its code, so that `AutoModel.from_pretrained("my-name/my-words", trust_remote_code=True)` works without hf_str, and
with a card made from results.json (`scripts/evaluate_str.py`). To use your own card, put a README.md into the folder.

Word boxes of `scripts/prepare_word_boxes.py --report` get a card made from report.json:

    python scripts/push_to_hub.py words/ my-name/my-word-boxes --repo_type dataset --license cc-by-4.0

Everything is one commit: an upload that is interrupted changes nothing; give the same command again to resume it. The
script refuses pickles, tokens, keys and links, models that do not load, and cards without measured results. It also
refuses files that such a repository does not need, such as notes or tables, unless you name them with --include.
"""

import argparse
from pathlib import Path

from hf_str.publishing import PublishError, prepare, upload
from hf_str.utils.options import OptionParser


def parse_args() -> argparse.Namespace:
    parser = OptionParser(__doc__)
    add = parser.add_argument
    add("folder", type=Path, help="the folder to publish")
    add("repo_id", help="the repository: NAME or ORGANIZATION/NAME; created if it does not exist")
    add("--repo_type", choices=("model", "dataset", "space"), default="model", help="kind of the repository")
    add("--card", type=Path, metavar="FILE", help="the card (default: README.md of the folder, or a generated one)")
    add("--results", type=Path, metavar="FILE", help="the measured results (default: results.json of the folder)")
    add("--license", help="license in a generated card (default: apache-2.0 for models; required for datasets)")
    add("--max_shard_size", default="5GB", help="split larger weights into several files")
    add("--ignore", nargs="+", default=[], metavar="PATTERN", help='files not to publish, such as "*.onnx"')
    add("--include", nargs="+", default=[], metavar="NAME", help="further files to publish, by path or pattern")
    add("--private", action="store_true", help="create a private repository")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--revision", metavar="BRANCH", help="branch; created if it does not exist (default: main)")
    target.add_argument("--create_pr", action="store_true", help="open a pull request instead of changing main")
    add("--message", help="message of the commit")
    add("--dry_run", action="store_true", help="check everything and list every file, but send nothing")
    return parser.parse_args()


def main():
    args = parse_args()
    try:
        with prepare(
            args.folder,
            args.repo_id,
            args.repo_type,
            card=args.card,
            results=args.results,
            license=args.license,
            max_shard_size=args.max_shard_size,
            ignore=args.ignore,
            include=args.include,
        ) as publication:
            print(publication.listing())
            if args.dry_run:
                print(f"\n{publication.card}\n\nThe Hub checks the card when it is pushed. Nothing was sent.")
                return
            address = upload(
                publication,
                args.repo_id,
                private=args.private or None,
                revision=args.revision,
                create_pr=args.create_pr,
                message=args.message,
            )
            print(address)
    except PublishError as error:
        raise SystemExit(f"error: {error}") from error


if __name__ == "__main__":
    main()
