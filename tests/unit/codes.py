"""The codes that the source answers with, read from it."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Adapters answer nobody: the sandbox is another service, with codes of its own.
_ROOMS = ("domain", "db", "activities", "workflows", "api")
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")
# Made of the name of what has ended (api/asking.py).
_ENDED = {"order_closed", "purchase_order_closed", "return_closed"}

_Wanted = Callable[[ast.Call, str], list[ast.expr]]


def of_conflicts() -> set[str]:
    """Every code of an answer with 409."""
    return _codes(_conflict) | _ENDED


def of_fields() -> set[str]:
    """Every code that we name a field with; pydantic's own are translated in api/errors.py."""
    return _codes(_field)


def _conflict(call: ast.Call, name: str) -> list[ast.expr]:
    if name == "Problem":
        status = call.args[0]
        return call.args[1:2] if isinstance(status, ast.Constant) and status.value == 409 else []
    if name in {"_refuse", "refused"}:
        return call.args[1:2]
    return call.args[:1] if name in {"Refused", "Rejected"} else []


def _field(call: ast.Call, name: str) -> list[ast.expr]:
    if name == "PydanticCustomError":
        return call.args[:1]
    return call.args[1:2] if name == "FieldError" else []


@cache
def _calls() -> list[tuple[ast.Call, ast.Module]]:
    return [
        (node, module)
        for room in _ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for module in [ast.parse(path.read_text("utf-8"))]
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
    ]


def _codes(wanted: _Wanted) -> set[str]:
    return {
        code
        for call, module in _calls()
        for argument in wanted(call, _name(call.func))
        for code in _texts(argument, module)
    }


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _texts(value: ast.expr, module: ast.Module) -> Iterator[str]:
    """The code that stands there, or those that its name may stand for in the module."""
    if isinstance(value, ast.Constant) and _CODE.fullmatch(str(value.value)):
        yield str(value.value)
    if isinstance(value, ast.IfExp):
        yield from _texts(value.body, module)
        yield from _texts(value.orelse, module)
    if isinstance(value, ast.Name):
        for node in ast.walk(module):
            if isinstance(node, ast.Assign) and value.id in map(_name, node.targets):
                yield from _texts(node.value, module)
            if isinstance(node, ast.For) and value.id in _names(node.target):
                yield from _keys(_names(node.iter), module)


def _names(value: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}


def _keys(names: set[str], module: ast.Module) -> Iterator[str]:
    """What `for code, … in table.items()` goes through."""
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and names.intersection(map(_name, node.targets)):
            keys = node.value.keys if isinstance(node.value, ast.Dict) else []
            for key in filter(None, keys):
                yield from _texts(key, module)
