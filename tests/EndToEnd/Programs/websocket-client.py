"""Speaks with websocket-server.py. Usage: websocket-client.py ADDRESS:PORT COMMAND SECONDS

exchange: sends messages of many sizes, then nothing for a while, then once more, and closes: writes "exchanged" and the close code.
wait: sends messages until the connection ends: writes "open" after the first, and how it ended.
SECONDS: how long nothing is sent.
"""

import asyncio
import sys

import websockets


async def exchange(socket, seconds):
    for size in (0, 1, 125, 126, 65_535, 65_536, 2_000_000):
        for message in ("x" * size, b"\0" * size):
            await socket.send(message)
            assert await socket.recv() == message
    await asyncio.sleep(seconds)
    await (await socket.ping())
    await socket.send("still there")
    assert await socket.recv() == "still there"
    await socket.close(1000, "done")
    print("exchanged", socket.close_code, flush=True)


async def wait(socket, seconds):
    await socket.send("hello")
    print("open", await socket.recv(), flush=True)
    try:
        while True:
            await asyncio.sleep(seconds)
            await socket.send("again")
            await socket.recv()
    except websockets.ConnectionClosed:
        print("ended", socket.close_code, flush=True)


async def main():
    address, command, seconds = sys.argv[1:]
    try:
        async with websockets.connect(f"ws://{address}/chat", max_size=None, open_timeout=60) as socket:
            await {"exchange": exchange, "wait": wait}[command](socket, float(seconds))
    except websockets.InvalidStatusCode as error:
        print("refused", error.status_code, flush=True)


asyncio.run(main())
