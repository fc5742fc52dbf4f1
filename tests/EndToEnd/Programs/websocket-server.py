"""A WebSocket server that answers each message with itself, and writes those that say "again". Usage: websocket-server.py PORT"""

import asyncio
import sys

import websockets


async def echo(socket):
    async for message in socket:
        await socket.send(message)
        if message == "again":
            print(message, flush=True)


async def main():
    async with websockets.serve(echo, "0.0.0.0", int(sys.argv[1]), max_size=None):
        await asyncio.Future()


asyncio.run(main())
