"""The text that stands behind a property in the source of its structure, so that tables say what numbers are.

This module must not know what the structures are for.
"""

import ast
import inspect

import msgspec


def property_texts(structure: type[msgspec.Struct]) -> dict[str, str]:
    """The text behind each property that has one; properties without one are told together with one beside them."""
    tree = ast.parse(inspect.getsource(structure)).body[0]
    texts, name = dict[str, str](), ""
    for statement in tree.body if isinstance(tree, ast.ClassDef) else ():
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            name = statement.target.id
        elif name and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            texts[name] = " ".join(str(statement.value.value).split())
    return texts
