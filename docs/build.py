# Copyright 2026 The hf_str authors.
# SPDX-License-Identifier: Apache-2.0
"""Renders the docstrings of hf_str to HTML.

    pip install -c constraints.txt -e ".[docs]"
    python docs/build.py build/docs

pdoc does the work; what it lacks are references as transformers writes them: [`CRNNConfig`], [`CRNNConfig.from_dict`].
A reference to nothing is a warning, and warnings are errors.
"""

import argparse
import importlib.util
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pdoc
from pdoc.render_helpers import relative_link


TEMPLATES = Path(__file__).parent / "templates"
REFERENCE = re.compile(r"\[`([\w.]+)`\]")


def build(package: str, folder: Path) -> list[str]:
    """Renders a package.

    Args:
        package: its name.
        folder: for the pages.

    Returns:
        What is wrong with the docstrings, each fault once.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        modules = dict(_import(package))
        pdoc.render.configure(docformat="google", template_directory=TEMPLATES, show_source=False)
        references = References(modules)
        pdoc.render.env.filters["references"] = references.link
        for name, module in modules.items():
            page = folder / f"{name.replace('.', '/')}.html"
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
        (folder / "index.html").write_text(pdoc.render.html_index(modules), encoding="utf-8")
        (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")
    own = [str(one.message) for one in caught if issubclass(one.category, UserWarning)]
    return list(dict.fromkeys(own))


class References:
    """Finds what [`name`] means: in the class, in the module, or the one thing of this name in the package."""

    def __init__(self, modules: Mapping[str, pdoc.doc.Module]):
        self.modules = modules
        #: Name, or class and name -> module and qualified name of each such thing, and the thing.
        self.places: Mapping[str, dict[tuple[str, str], Any]] = defaultdict(dict)
        for module in modules.values():
            for doc in _members(module):
                is_rendered = doc.taken_from[0] in modules
                place = doc.taken_from if is_rendered else (doc.modulename, doc.qualname)
                for name in {doc.name, doc.qualname}:
                    self.places[name][place] = doc.obj

    def link(self, docstring: str, owner: pdoc.doc.Doc) -> str:
        """Makes Markdown links of the references in the docstring of `owner`."""
        return REFERENCE.sub(lambda match: self._link(match[1], owner), docstring)

    def _link(self, name: str, owner: pdoc.doc.Doc) -> str:
        places = self.places.get(name, {})
        home = owner.taken_from[0] if owner.taken_from[0] in self.modules else owner.modulename
        here = [place for place in places if place[0] == home]
        of_class = [place for place in here if place[1] == f"{owner.qualname.partition('.')[0]}.{name}"]
        known = getattr(self.modules[home].obj, name, None)  # imported there
        imported = [place for place, thing in places.items() if thing is known and known is not None]
        for chosen in (of_class, here, imported, list(places)):
            if chosen and all(places[place] is places[chosen[0]] for place in chosen):  # one thing, maybe re-exported
                module, qualname = min(chosen)
                return f"[`{name}`]({relative_link(owner.modulename, module)}#{qualname})"
        problem = "means several things" if places else "is nowhere in the package"
        warnings.warn(f"{owner.fullname}: [`{name}`] {problem}", stacklevel=2)
        return f"`{name}`"


def _import(package: str) -> Iterator[tuple[str, pdoc.doc.Module]]:
    """Every module of a package, also those that its `__all__` does not name, without private ones."""
    root = Path(importlib.util.find_spec(package).origin).parent
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if any(part.startswith("_") for part in parts):
            continue
        name = ".".join(parts)
        try:
            module = importlib.import_module(name)
            # pdoc does not see what a module imports on demand, by `__getattr__`.
            vars(module).update({public: getattr(module, public) for public in getattr(module, "__all__", ())})
        except (ImportError, AttributeError) as error:
            warnings.warn(f"{name} cannot be imported: {error}", stacklevel=2)
        else:
            yield name, pdoc.doc.Module(module)


def _members(parent: pdoc.doc.Namespace) -> Iterator[pdoc.doc.Doc]:
    for member in parent.members.values():
        yield member
        if isinstance(member, pdoc.doc.Class):
            yield from _members(member)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="for the pages")
    options = parser.parse_args()
    faults = build("hf_str", options.folder)
    sys.exit("\n".join(faults) or 0)
