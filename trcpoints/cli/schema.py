"""`trcpoints schema`: the JSON Schema of every document, from the types that produce it."""

from __future__ import annotations

import importlib
import inspect
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trcpoints.cli.app import command, single
from trcpoints.cli.session import session_of
from trcpoints.cli.text import harmless
from trcpoints.errors import UsageFault

if TYPE_CHECKING:
    from msgspec import Struct

    from trcpoints.documents import Document

app = single()

_PREFIX = "trcpoints."
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@command(app, example="trcpoints schema status")
def schema(
    context: typer.Context,
    *,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="A document, like status or trcpoints.status/1; else list all."
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of a document, or the names of all documents."""
    from trcpoints.documents.schemas import SchemasDocument

    session = session_of(context)
    known = _documents()
    if name is not None:
        session.print_json(schema_of(known[_resolve(name, list(known))]))
        return
    session.show(SchemasDocument(names=list(known)), lambda: "\n".join(known))


def schema_of(document: type[Document]) -> dict[str, Any]:
    """The JSON Schema of what a document is written as: keys that are always there are required.

    Any: JSON Schema is an open dictionary.
    """
    import msgspec

    structs = _structs()
    made = msgspec.json.schema(document)
    for name, shape in made["$defs"].items():
        struct = structs[name]
        written = [
            field.encode_name
            for field in msgspec.structs.fields(struct)
            if field.default is not msgspec.UNSET
        ]
        tag = struct.__struct_config__.tag_field
        shape["required"] = [tag, *written] if tag else written
        shape["description"] = inspect.cleandoc(shape["description"])
    return {"$schema": _DIALECT, "title": _tag(document), **made}


def _documents() -> dict[str, type[Document]]:
    """Every document by its name, in the order of the names."""
    from trcpoints.documents import Document

    found = (struct for struct in _structs().values() if issubclass(struct, Document))
    return {_tag(x): x for x in sorted(found, key=_tag) if x is not Document}


def _structs() -> dict[str, type[Struct]]:
    """Every type of which documents are made, by its name."""
    import pkgutil

    from msgspec import Struct

    from trcpoints import documents

    names = [module.name for module in pkgutil.iter_modules(documents.__path__)]
    modules = [documents, *(importlib.import_module(f"{documents.__name__}.{x}") for x in names)]
    return {
        value.__name__: value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Struct)
    }


def _tag(document: type[Document]) -> str:
    return str(document.__struct_config__.tag)


def _resolve(wanted: str, names: list[str]) -> str:
    """The full name of a document; raises UsageFault with the nearest where there is none."""
    full = _PREFIX + wanted.removeprefix(_PREFIX)
    full = full if "/" in full else f"{full}/1"
    if full in names:
        return full
    import difflib

    near = difflib.get_close_matches(full, names, n=1)
    raise UsageFault(
        f"There is no document {harmless(wanted)}.",
        hint=f"trcpoints schema {near[0]}" if near else "See what there is: trcpoints schema",
    )
