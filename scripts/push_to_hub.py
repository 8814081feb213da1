# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0

# /// script
# requires-python = ">=3.10"
# dependencies = ["hf_str[train]"]
# ///
"""Publishes a folder on the Hugging Face Hub: a recognizer, word boxes, or a Space.

    hf auth login
    python scripts/push_to_hub.py runs/mine my-name/my-words --dry_run
    python scripts/push_to_hub.py runs/mine my-name/my-words --private

The first shows every file, its size and the card, and sends nothing. A recognizer goes up with its code, so that
`AutoModel.from_pretrained("my-name/my-words", trust_remote_code=True)` works where hf_str is not installed, and with a
card made from results.json (`scripts/evaluate_str.py`); write your own README.md into the folder to have another.

Word boxes of `scripts/prepare_word_boxes.py --report` get a card made from report.json:

    python scripts/push_to_hub.py words/ my-name/my-word-boxes --repo_type dataset --license cc-by-4.0

All of it is one commit: an upload that is interrupted changes nothing, and goes on when the same command is given
again. Pickles, tokens, keys and links are refused, as are models that do not load and cards without measured results.
So are files that such a repository is not made of, such as notes or tables, until --include names them.
"""

import argparse
from pathlib import Path

from hf_str.publishing import PublishError, prepare, upload


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("folder", type=Path, help="what is published")
    add("repo_id", help="where to: NAME, or ORGANIZATION/NAME; made if it is not there")
    add("--repo_type", choices=("model", "dataset", "space"), default="model", help="what it is (default: model)")
    add("--card", type=Path, metavar="FILE", help="the card (default: the folder's README.md, or one that is made)")
    add("--results", type=Path, metavar="FILE", help="the measurements (default: the folder's results.json)")
    add("--license", help="for a card that is made (default: apache-2.0 for models; data sets must name one)")
    add("--max_shard_size", default="5GB", help="weights above this become several files (default: 5GB)")
    add("--ignore", nargs="+", default=[], metavar="PATTERN", help='what stays in the folder, such as "*.onnx"')
    add("--include", nargs="+", default=[], metavar="NAME", help="what else is published, by its path or a pattern")
    add("--private", action="store_true", help="if the repository is new, only you and those you allow see it")
    target = parser.add_mutually_exclusive_group()
    target.add_argument("--revision", metavar="BRANCH", help="a branch; made if it is not there (default: main)")
    target.add_argument("--create_pr", action="store_true", help="open a pull request instead of changing main")
    add("--message", help="of the commit")
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
