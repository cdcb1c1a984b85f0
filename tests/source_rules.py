"""Remarks a reviewer would make twice: each a rule over the syntax tree of the product's source.

A rule takes a module and yields (line, what is wrong). `rule_of_calls` also needs the whole
product, as it follows calls from one function to the next.
"""

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT, TOOLS = ("helpdesk", "orders", "tickets"), ("simulator",)

Finding = tuple[int, str]
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file. ``path`` is relative to the project: "tickets/sweep.py"."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def name(self) -> str:
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @property
    def calls(self) -> Iterator[ast.Call]:
        return (node for node in self.nodes if isinstance(node, ast.Call))

    def is_in(self, *places: str) -> bool:
        return any(self.path == place or self.path.startswith(f"{place}/") for place in places)

    @cached_property
    def imported(self) -> dict[str, str]:
        """Local name -> full name of what it stands for."""
        names: dict[str, str] = {}
        for node in self.nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    local = alias.asname or alias.name.partition(".")[0]
                    names[local] = alias.name if alias.asname else local
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return names

    def full_name(self, node: ast.expr) -> str:
        """What a called expression is by its imports: "httpx.post", or "" where nobody can tell."""
        written = dotted(node)
        first, _dot, rest = written.partition(".")
        known = self.imported.get(first, f"{self.name}.{first}" if first in self.own else first)
        return f"{known}.{rest}" if rest else known

    @cached_property
    def own(self) -> set[str]:
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return {node.name for node in self.tree.body if isinstance(node, kinds)}


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return ""


def read_modules(*apps: str) -> list[Module]:
    return [
        Module(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for app in apps
        for path in sorted((ROOT / app).rglob("*.py"))
        if "migrations" not in path.parts
    ]


# --- One module at a time ---------------------------------------------------------------------

GUARDED = ("status", "level")


def status_is_written_by_transitions(module: Module) -> Iterator[Finding]:
    """Only tickets/transitions/ writes Ticket.status and Ticket.level."""
    if module.is_in("tickets/transitions"):
        return
    for node in module.nodes:
        for target in targets_of(node):
            is_guarded = isinstance(target, ast.Attribute) and target.attr in GUARDED
            if is_guarded and is_a_ticket(target.value):
                yield target.lineno, f"writes {dotted(target)}"
        if isinstance(node, ast.Call):
            yield from writes_by_call(node)


def targets_of(node: ast.AST) -> Iterator[ast.expr]:
    found: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign):
        found = [node.target]
    for target in found:
        yield from target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def is_a_ticket(node: ast.expr) -> bool:
    return dotted(node).rpartition(".")[2].endswith("ticket")


def writes_by_call(node: ast.Call) -> Iterator[Finding]:
    name = dotted(node.func)
    names = {word.id for word in ast.walk(node.func) if isinstance(word, ast.Name)}
    given = {keyword.arg for keyword in node.keywords} & set(GUARDED)
    makes = name == "Ticket" or name.startswith("Ticket.objects.")
    updates = isinstance(node.func, ast.Attribute) and node.func.attr in (
        *("update", "create", "update_or_create", "get_or_create"),
    )
    if given and (name == "Ticket" or (updates and (makes or "Ticket" in names))):
        yield node.lineno, f"writes a ticket's {', '.join(sorted(given))}"
    if name == "setattr" and is_a_ticket(node.args[0]):
        word = node.args[1]
        if not isinstance(word, ast.Constant) or word.value in GUARDED:
            yield node.lineno, "writes a ticket's field by its name"


def due_times_are_rows(module: Module) -> Iterator[Finding]:
    """A timer is a row, never a message: no task with a delay, and one place wakes tasks."""
    for call in module.calls:
        for keyword in call.keywords:
            if keyword.arg in ("eta", "countdown"):
                yield call.lineno, f"{keyword.arg}= keeps a due time outside the database"
        if isinstance(call.func, ast.Attribute):
            sends = call.func.attr in ("apply_async", "send_task")
            if sends and not module.is_in("helpdesk/wake.py"):
                yield call.lineno, f".{call.func.attr}() outside helpdesk/wake.py"
            if call.func.attr == "delay":
                yield call.lineno, ".delay() outside helpdesk/wake.py"


CALLING_OUT = {
    *(f"httpx.{name}" for name in ("get", "post", "put", "patch", "delete", "request", "stream")),
    *(f"requests.{name}" for name in ("get", "post", "put", "patch", "delete", "request", "head")),
    *("urllib.request.urlopen", "socket.create_connection", "smtplib.SMTP", "smtplib.SMTP_SSL"),
    *("http.client.HTTPConnection", "http.client.HTTPSConnection"),
}
CLIENTS = ("httpx.Client", "httpx.AsyncClient", "requests.Session")
CLIENT_VERBS = ("get", "post", "put", "patch", "delete", "request", "stream")


def every_call_has_a_timeout(module: Module) -> Iterator[Finding]:
    """Nobody waits for ever: the call, or the client that makes it, says how long."""
    has_client = False
    for call in module.calls:
        name, timed = module.full_name(call.func), "timeout" in {k.arg for k in call.keywords}
        if name in CALLING_OUT and not timed:
            yield call.lineno, f"{name} without timeout="
        has_client |= name in CLIENTS and not timed
    if not has_client:
        return
    for call in module.calls:
        by_client = dotted(call.func).rpartition(".")[0].endswith(("client", "session"))
        verb = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if by_client and verb in CLIENT_VERBS and "timeout" not in {k.arg for k in call.keywords}:
            yield call.lineno, f"{dotted(call.func)} without timeout="


#: Who may read the host's clock, and why: everybody else is given `now`.
CLOCKS = {
    "helpdesk/clock.py": "the one clock",
    "helpdesk/mailbox.py": "the name of a file",
    "orders/channels": "the age of a signature",
    "orders/suppliers": "the age of a signature",
    "orders/api/throttles.py": "a window of requests",
    "simulator": "a program of its own",
}
READS_TIME = {
    *("datetime.datetime.now", "datetime.date.today", "time.time", "django.utils.timezone.now"),
    *("time.localtime", "time.gmtime", "django.db.models.functions.Now"),
}
NAIVE = {
    *("datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    *("datetime.datetime.utcfromtimestamp",),
}


def there_is_one_clock(module: Module) -> Iterator[Finding]:
    """The clock is read once at the edge and handed down as `now`; an instant has a zone."""
    for call in module.calls:
        name = module.full_name(call.func)
        if name in NAIVE or (name == "datetime.datetime.now" and not (call.args or call.keywords)):
            yield call.lineno, f"{name}() has no zone"
        elif name in READS_TIME and not module.is_in(*CLOCKS):
            yield call.lineno, f"{name}() asks for the time"
        for keyword in call.keywords:
            if keyword.arg in ("auto_now", "auto_now_add"):
                yield call.lineno, f"{keyword.arg}= asks for the time"


VOLATILE = re.compile(r"clock_timestamp|\bnow\(\)|current_timestamp|datetime\('now'", re.IGNORECASE)


def sql_is_given_the_time(module: Module) -> Iterator[Finding]:
    """`now` goes into a statement as a parameter: a volatile clock in it scans every row."""
    if module.is_in("helpdesk/clock.py"):
        return
    described = set(docstrings(module))
    for node in module.nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = VOLATILE.search(node.value)
            if found and id(node) not in described:
                yield node.lineno, f"{found[0]} in a statement"


def docstrings(module: Module) -> Iterator[int]:
    for node in module.nodes:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield id(first.value)


CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]")
#: Where Chinese is data and not our own words: what others write, and whom the demo employs.
CHINESE_DATA = {
    "orders/importing/cells.py": "cells of files",
    "orders/importing/column_names.py": "headers of files",
    "orders/reconciling/statements": "bills of the channels",
    "orders/channels": "what a channel says",
    "orders/demo_shop": "what the demo sells",
    "orders/shopdb/presets": "what forms of shop scripts call an account",
    "tickets/demo.py": "whom the demo employs",
    "tickets/demo_disputes.py": "what its customers say",
    "tickets/mailroom": "what customers' mail holds",
    "tickets/admin/sheets.py": "what begins a formula",
    "tickets/views/reseller_forms.py": "what people put between two numbers",
    "simulator": "what channels say",
}


def our_words_are_translated(module: Module) -> Iterator[Finding]:
    """English in the source, Chinese in locale/. A docstring may name a Chinese term."""
    if module.is_in(*CHINESE_DATA):
        return
    described = set(docstrings(module))
    for node in module.nodes:
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
        if is_text and id(node) not in described and (found := CHINESE.search(node.value)):
            yield node.lineno, f"{found[0]!r} belongs into locale/"


def no_error_is_swallowed(module: Module) -> Iterator[Finding]:
    """No bare `except`, and no `except Exception` that only passes."""
    for node in module.nodes:
        if not isinstance(node, ast.ExceptHandler):
            continue
        if node.type is None:
            yield node.lineno, "a bare except"
        broad = node.type is not None and dotted(node.type) in ("Exception", "BaseException")
        if broad and all(isinstance(line, ast.Pass | ast.Continue) for line in node.body):
            yield node.lineno, "an except that hides every fault"


RULES: tuple[Callable[[Module], Iterator[Finding]], ...] = (
    status_is_written_by_transitions,
    due_times_are_rows,
    every_call_has_a_timeout,
    there_is_one_clock,
    sql_is_given_the_time,
    our_words_are_translated,
    no_error_is_swallowed,
)

# --- Across modules ---------------------------------------------------------------------------

#: What leaves the building when it is called.
LEAVES = {
    *CALLING_OUT,
    *("django.core.mail.send_mail", "django.core.mail.send_mass_mail", "time.sleep"),
    *("django.core.mail.mail_admins", "django.core.mail.get_connection"),
}
#: Methods by which channels, suppliers, clients and mails leave it, on variables of such a name.
LEAVING_METHODS = {
    "channel": ("request", "query", "query_trade", "request_abnormal", "fetch_bill"),
    "supplier": ("submit", "query", "cancel", "balance"),
    "client": CLIENT_VERBS,
    "session": CLIENT_VERBS,
    "message": ("send",),
    "mail": ("send",),
    "way": ("send", "was_sent"),
}
ATOMIC = ("atomic", "open_case")


class Calls:
    """Which function calls which, as far as names tell."""

    def __init__(self, modules: list[Module]) -> None:
        self.functions: dict[str, tuple[Module, FunctionNode]] = {}
        for module in modules:
            for node in module.tree.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    self.functions[f"{module.name}.{node.name}"] = (module, node)
        self._way_out: dict[str, list[str]] = {}

    def way_out(self, name: str) -> list[str]:
        """The calls from a function to one that leaves the building; [] where there is none."""
        if name in LEAVES:
            return [name]
        if name not in self.functions:
            return []
        if name not in self._way_out:
            self._way_out[name] = []  # So that recursion ends.
            module, function = self.functions[name]
            for call in calls_in(function.body):
                if way := self.way_of_call(module, call):
                    self._way_out[name] = [name, *way]
                    break
        return self._way_out[name]

    def way_of_call(self, module: Module, call: ast.Call) -> list[str]:
        owner, _dot, method = dotted(call.func).rpartition(".")
        word = owner.rpartition(".")[2]
        if method in LEAVING_METHODS.get(word, ()):
            return [f"{owner}.{method}"]
        return self.way_out(module.full_name(call.func))


def calls_in(body: list[ast.stmt]) -> Iterator[ast.Call]:
    """Calls made when the body runs: not those of functions that are only defined in it."""
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Call):
            yield node
        waiting[:0] = list(ast.iter_child_nodes(node))


def rule_of_calls(modules: list[Module]) -> Iterator[str]:
    """No HTTP call, mail or sleep while a transaction is open."""
    calls = Calls(modules)
    for module in modules:
        for body in transactions(module):
            for call in calls_in(body):
                if way := calls.way_of_call(module, call):
                    yield f"{module.path}:{call.lineno}: in a transaction: {' -> '.join(way)}"


def transactions(module: Module) -> Iterator[list[ast.stmt]]:
    for node in module.nodes:
        opened: list[ast.expr] = []
        if isinstance(node, ast.With | ast.AsyncWith):
            opened = [item.context_expr for item in node.items]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            opened = list(node.decorator_list)
        names = [dotted(item.func if isinstance(item, ast.Call) else item) for item in opened]
        if any(name.rpartition(".")[2] in ATOMIC for name in names):
            assert isinstance(node, ast.With | ast.AsyncWith | FunctionNode)
            yield node.body
