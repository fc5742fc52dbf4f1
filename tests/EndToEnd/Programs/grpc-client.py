"""Calls grpc-server.py in every way of gRPC, on one channel of grpcio. Usage: grpc-client.py ADDRESS:PORT CALL...

Writes a line for each call: its name, then what it returned, or the name of its status and what was said with it.
"""

import queue
import sys

import grpc

PATIENCE = 60

channel = grpc.insecure_channel(sys.argv[1], options=[("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0)])


def unary(name):
    return channel.unary_unary(f"/tests.Echo/{name}")


def download(count):
    answers = channel.unary_stream("/tests.Echo/Download")(b"%d" % count, timeout=PATIENCE)
    return sum(int(answer) for answer in answers)


def converse():
    """Says the next word only when the one before was answered: nothing may be held back."""
    words = queue.Queue()
    answers = channel.stream_stream("/tests.Echo/Converse")(iter(words.get, None), timeout=PATIENCE)
    heard = []
    for word in (b"one", b"two", b"three"):
        words.put(word)
        heard.append(next(answers).decode())
    words.put(None)
    return " ".join(heard + [answer.decode() for answer in answers])


def told():
    """How long the server has been told that its client waits. Clients round up what they say."""
    seconds = float(unary("Deadline")(b"", timeout=PATIENCE))
    return "in time" if 0 < seconds <= PATIENCE + 1 else seconds


def fail_late():
    answers = channel.unary_stream("/tests.Echo/FailLate")(b"", timeout=PATIENCE)
    return next(answers).decode() + " " + next(answers).decode()


CALLS = {
    "unary": lambda: unary("Unary")(b"hello", timeout=PATIENCE).decode(),
    "large": lambda: len(unary("Unary")(b"x" * 3_000_000, timeout=PATIENCE)),
    "download": lambda: download(1_000),
    "upload": lambda: channel.stream_unary("/tests.Echo/Upload")(iter([b"x" * 1_000] * 1_000), timeout=PATIENCE).decode(),
    "converse": converse,
    "told": told,
    "late": lambda: unary("Stall")(b"", timeout=0.5),
    "unlimited": lambda: unary("Stall")(b""),
    "refuse": lambda: unary("Refuse")(b"", timeout=PATIENCE),
    "fail-late": fail_late,
    "unknown": lambda: unary("NoSuchMethod")(b"", timeout=PATIENCE),
    "forbidden": lambda: unary("Forbidden")(b"", timeout=PATIENCE),
}

for call in sys.argv[2:]:
    try:
        print(call, CALLS[call](), flush=True)
    except grpc.RpcError as error:
        print(call, error.code().name, error.details(), flush=True)
