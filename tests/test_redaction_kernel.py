"""A real kernel whose messages, and whose process's own output, never hold a secret."""

from __future__ import annotations

import base64
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyter_client.manager import KernelManager
from traitlets.config import Config

from deployer_lib.redaction import Redactor
from deployer_lib.redaction_kernel import TokenFile, install, uninstall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking import BlockingKernelClient

SECRET = "hunter2-Zq/9+x&y'w\"<ö>"
PLAIN = "tr0ub4dor-and-3"
NUMBER = "90817263544"
SHORT = "admin"

SETUP = f"""
import base64, html, json, logging, os, subprocess, sys, urllib.parse
from IPython.display import HTML, display
from deployer_lib.redaction import Redactor
from deployer_lib.redaction_kernel import install
SECRET = {base64.b64encode(SECRET.encode())!r}
PLAIN = {base64.b64encode(PLAIN.encode())!r}
import base64
SECRET, PLAIN = base64.b64decode(SECRET).decode(), base64.b64decode(PLAIN).decode()
NUMBER = int("90817" + "263544")
redactor = Redactor()
for value in (SECRET, PLAIN, str(NUMBER), "adm" + "in"):
    redactor.add(value, "THE_SECRET")
install(get_ipython().kernel.session, redactor)
install(get_ipython().kernel.session, redactor)
os.environ["PLAIN"] = PLAIN
"""

LEAKS = {
    "printed whole": "print(SECRET, PLAIN)",
    "in two halves": "print(PLAIN[:7], end='', flush=True); print(PLAIN[7:], flush=True)",
    "character by character": "for c in PLAIN: print(c, end='', flush=True)",
    "in two halves around an output": (
        "print(PLAIN[:7], end='', flush=True); display('between'); print(PLAIN[7:], flush=True)"
    ),
    "by a subprocess": "subprocess.run([sys.executable, '-c', 'import os; print(os.environ[\"PLAIN\"])'])",
    "by a subprocess that gets our stdout": (
        "subprocess.run([sys.executable, '-c', 'import os; print(os.environ[\"PLAIN\"])'], stdout=sys.stdout)"
    ),
    "in a traceback": "raise ValueError(f'no log-in with {SECRET} and {PLAIN}')",
    "in a traceback's frames": (
        "%xmode Verbose\ndef log_in(password):\n    return password / 0\nlog_in(PLAIN)"
    ),
    "in a traceback's coloured source": f"1 / 0  # {PLAIN} '{PLAIN}' " + PLAIN.replace("-", " - "),
    "in a DataFrame": "import pandas; display(pandas.DataFrame({'value': [SECRET, PLAIN]}))",
    "as a DataFrame's column": "import pandas; display(pandas.DataFrame({SECRET: [1], PLAIN: [2]}))",
    "as a key": "{SECRET: 1, PLAIN: {PLAIN: 2}}",
    "as bytes": "(SECRET.encode(), PLAIN.encode())",
    "as base64": "base64.b64encode(b'user:' + PLAIN.encode()), base64.urlsafe_b64encode(SECRET.encode())",
    "as hex": "PLAIN.encode().hex(), SECRET.encode().hex().upper()",
    "as HTML": "display(HTML('<b>' + html.escape(SECRET) + '</b>'))",
    "as JSON in JSON": "print(json.dumps(json.dumps({'a': SECRET})))",
    "in a URL": "print('https://x.example/?q=' + urllib.parse.quote_plus(SECRET))",
    "as a number": "display({'application/json': {'pin': NUMBER}}, raw=True); NUMBER",
    "on stderr": "sys.stderr.write(PLAIN)",
    "by logging": "logging.getLogger('a').error('secret is %s', PLAIN)",
    "by the shell": "!echo $PLAIN",
    "by the shell, captured": "x = !echo $PLAIN\nx",
    "by os.write": "os.write(1, PLAIN.encode()); os.write(2, PLAIN.encode())",
    "by sys.__stdout__": "print(PLAIN, file=sys.__stdout__, flush=True); print(PLAIN, file=sys.__stderr__, flush=True)",
    "as a display's update": "h = display('', display_id=True); h.update(SECRET)",
    "in metadata": "display({'text/plain': 'x'}, metadata={'alt': PLAIN}, raw=True)",
    "in the input": f"x = '{PLAIN}'",
    "in a pager's payload": "logging.getLogger.__doc__; get_ipython().payload_manager.write_payload("
    "{'source': 'page', 'data': {'text/plain': PLAIN}, 'start': 0})",
    "in a comm": "import comm; comm.create_comm('x', data={'v': PLAIN}, buffers=[PLAIN.encode()])",
    "by a thread": "import threading; t = threading.Thread(target=print, args=(PLAIN,)); t.start(); t.join()",
    "a short one in a URL": "print('postgres://user:' + 'adm' + 'in@host/db')",
    "a short one after its name": "print('DB_PASSWORD=' + 'adm' + 'in'); {'password': 'adm' + 'in'}",
}


class Kernel:
    """A kernel over ipc, all of whose messages are kept, with its process's own output in files."""

    def __init__(self, folder: Path, *, watched: bool = True) -> None:
        self.folder = folder
        folder.chmod(0o700)
        self.out, self.err = (folder / "out").open("w+b"), (folder / "err").open("w+b")
        config = Config({"KernelManager": {"transport": "ipc", "connection_file": str(folder / "k.json")}})
        self.manager = KernelManager(config=config)
        environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "IPYTHONDIR": str(folder / "ipython")}
        if watched:  # ipykernel leaves descriptors 1 and 2 alone where it sees pytest
            del environment["PYTEST_CURRENT_TEST"]
        self.manager.start_kernel(
            stdout=self.out,
            stderr=self.err,
            env=environment,
            extra_arguments=["--HistoryManager.enabled=False"],
        )
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, code: str) -> list[dict[str, Any]]:
        """Run a cell and return all of its messages, the reply last."""
        parent = self.client.execute(code, allow_stdin=False)
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            messages.append(message)  # also what an earlier cell's subprocess printed late
            if (
                message["parent_header"].get("msg_id") == parent
                and message["msg_type"] == "status"
                and message["content"]["execution_state"] == "idle"
            ):
                return [*messages, self._reply(parent)]

    def _reply(self, parent: str) -> dict[str, Any]:
        """Return the reply to this request; those to the start-up's questions may still stand before it."""
        while True:
            reply: dict[str, Any] = self.client.get_shell_msg(timeout=60)
            if reply["parent_header"].get("msg_id") == parent:
                return reply

    def own_output(self) -> str:
        return (self.folder / "out").read_text() + (self.folder / "err").read_text()

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()
        self.manager.context.destroy()
        self.out.close()
        self.err.close()


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    started = Kernel(tmp_path_factory.mktemp("k"))
    reply = started.run(SETUP)[-1]
    assert reply["content"]["status"] == "ok", reply["content"]
    yield started
    started.close()


def shown(messages: list[dict[str, Any]]) -> str:
    """Return everything that messages say, streams joined."""
    streams: dict[str, str] = {}
    for message in messages:
        if message["msg_type"] == "stream":
            name = message["content"]["name"]
            streams[name] = streams.get(name, "") + message["content"]["text"]
    rest = [(m["content"], m["metadata"], [bytes(b) for b in m["buffers"]]) for m in messages]
    return f"{list(streams.values())} {rest}"


@pytest.mark.parametrize("name", LEAKS)
def test_no_secret_leaves_a_kernel(name: str, kernel: Kernel) -> None:
    """However a cell shows a value, no message and no byte of the process's own output holds it."""
    checker = Redactor()
    for value in (SECRET, PLAIN, NUMBER, SHORT):
        checker.add(value, "THE_SECRET")
    messages = kernel.run(LEAKS[name])
    silent = name in {"by a subprocess that gets our stdout", "by the shell, captured"}
    deadline = time.monotonic() + 20.0
    while not silent and "[secure]" not in shown(messages) and time.monotonic() < deadline:
        messages += kernel.run("pass")  # what was written to a descriptor comes by another thread, later
    everything = shown(messages)
    assert checker.find(everything) == []
    for value in (SECRET, PLAIN, NUMBER):
        assert value not in everything
        assert value not in kernel.own_output()
    assert silent or "[secure]" in everything


def test_the_control_leaks_without_redaction(tmp_path: Path) -> None:
    """Without the redactor the same cells do show the value, in messages and in the process's own output."""
    plain = Kernel(tmp_path)
    try:
        plain.run(SETUP.replace("install(get", "(lambda *a: None)(get"))
        messages = plain.run(LEAKS["printed whole"]) + plain.run(LEAKS["by os.write"])
        messages += plain.run("import sys; sys.stdout.flush(); import time; time.sleep(0.2)")
        assert PLAIN in shown(messages)
        assert PLAIN in plain.own_output()
    finally:
        plain.close()


def test_a_kernel_whose_descriptors_are_not_watched(tmp_path: Path) -> None:
    """Where ipykernel does not catch what is written to descriptors, it goes nowhere."""
    kernel = Kernel(tmp_path, watched=False)
    try:
        kernel.run(SETUP)
        messages = (
            kernel.run(LEAKS["by os.write"])
            + kernel.run(LEAKS["by a subprocess"])
            + kernel.run("print(PLAIN)")
        )
        assert PLAIN not in shown(messages) + kernel.own_output()
    finally:
        kernel.close()


def test_replies_to_inspection_and_completion(kernel: Kernel) -> None:
    """What a person's front end asks for is redacted as well."""
    kernel.run("class A: pass\na = A(); setattr(a, PLAIN.replace('-', '_'), 1); d = {PLAIN: 1}; s = PLAIN")
    for reply in (
        kernel.client.inspect("s", reply=True, timeout=60),
        kernel.client.complete("d['", reply=True, timeout=60),
    ):
        assert PLAIN not in str(reply["content"])


def test_text_without_secrets_comes_whole_and_in_order(kernel: Kernel) -> None:
    """Nothing else is changed: the same text, in its order, also where it begins like a secret."""
    messages = kernel.run(f"for n in range(50): print(n, {PLAIN[:6]!r})\nprint('end', end={PLAIN[0]!r})")
    parent = messages[-1]["parent_header"]["msg_id"]
    own = [m for m in messages if m["msg_type"] == "stream" and m["parent_header"]["msg_id"] == parent]
    texts = "".join(m["content"]["text"] for m in own)
    assert "".join(f"{n} {PLAIN[:6]}\n" for n in range(50)) + "end" + PLAIN[0] == texts


def test_a_token_captured_while_running_is_redacted_from_then_on(kernel: Kernel) -> None:
    """A token that a check just received is added, and shows no more."""
    before = shown(kernel.run("print('fresh-token-' + str(12345))"))
    kernel.run("redactor.add('fresh-token-' + str(12345), 'log-in')")
    assert "fresh-token-12345" in before
    assert "[secure]" in shown(kernel.run("print('fresh-token-' + str(12345))"))


def test_redactions_are_logged_by_place_and_name(kernel: Kernel) -> None:
    """The log says where and whose, never what."""
    kernel.run("print(PLAIN)")
    messages = kernel.run("sorted(redactor.log)")
    assert "('stdout', 'THE_SECRET')" in shown(messages)


def test_httpx_does_not_log_addresses(kernel: Kernel) -> None:
    """httpx prints whole URLs at INFO; its loggers are quiet below WARNING."""
    code = "logging.basicConfig(level=logging.DEBUG, force=True); print(logging.getLogger('httpx').getEffectiveLevel())"
    assert str(30) in shown(kernel.run(code))


class _Session:
    """A session that keeps what it is told to send."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []

    def send(self, _stream: object, msg_or_type: object, content: object = None, **rest: object) -> None:
        self.sent.append((msg_or_type, content, rest))


def test_uninstall_gives_the_session_back() -> None:
    """After uninstall messages go as they are; a second install and uninstall are harmless."""
    session, redactor = _Session(), Redactor()
    redactor.add(PLAIN, "x")
    install(session, redactor)
    install(session, redactor)
    session.send(None, "display_data", {"data": PLAIN})
    uninstall(session)
    uninstall(session)
    session.send(None, "display_data", {"data": PLAIN})
    assert [content for _, content, _ in session.sent] == [{"data": "[secure]"}, {"data": PLAIN}]


def test_a_whole_message_is_redacted_without_being_changed() -> None:
    """A message that its sender keeps (and sends again) stays as it was."""
    session, redactor = _Session(), Redactor()
    redactor.add(PLAIN, "x")
    install(session, redactor)
    message = {
        "header": {"msg_type": "display_data"},
        "content": {"data": PLAIN},
        "metadata": {},
        "parent_header": {},
    }
    session.send(None, message)
    assert "[secure]" in str(session.sent)
    assert PLAIN not in str(session.sent)
    assert message["content"] == {"data": PLAIN}


def test_another_redactor_takes_over_what_is_held_back() -> None:
    """A second install with another redactor loses no text."""
    session, first, second = _Session(), Redactor(), Redactor()
    first.add(PLAIN, "x")
    second.add("something-else", "y")
    parent = {"header": {"msg_id": "1"}}
    install(session, first)
    session.send(None, "stream", {"name": "stdout", "text": "a" + PLAIN[:5]}, parent=parent)
    install(session, second)
    session.send(None, "stream", {"name": "stdout", "text": "z"}, parent=parent)
    session.send(None, "status", {"execution_state": "idle"}, parent=parent)
    texts = [content["text"] for kind, content, _ in session.sent if kind == "stream"]
    assert f"a{PLAIN[:5]}z" == "".join(texts)


def test_tokens_travel_in_a_private_file(tmp_path: Path) -> None:
    """Tokens come back in order; the file is ours alone; a torn last line is no token; remove leaves nothing."""
    tokens = TokenFile(tmp_path / "runtime")
    assert tokens.load() == []
    tokens.append("tok-1\nwith line", "log-in")
    tokens.append("tok-2", "csrf")
    path = tmp_path / "runtime" / TokenFile.NAME
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with path.open("a") as file:
        file.write('{"name": "torn')
    assert tokens.load() == [("log-in", "tok-1\nwith line"), ("csrf", "tok-2")]
    tokens.remove()
    tokens.remove()
    assert not path.exists()


def test_tokens_of_several_writers_do_not_mix(tmp_path: Path) -> None:
    """Threads and another process append at once, and every token is read back."""
    tokens = TokenFile(tmp_path)
    code = (
        "import sys, pathlib; from deployer_lib.redaction_kernel import TokenFile;"
        "[TokenFile(pathlib.Path(sys.argv[1])).append(f'p{n}', 'p') for n in range(50)]"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])

    def write(number: int) -> None:
        for n in range(50):
            tokens.append(f"{number}-{n}", "t")

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert other.wait() == 0
    assert len({value for _, value in tokens.load()}) == 250
