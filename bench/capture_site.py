"""A web server on loopback that serves as many distinct pictures as are asked for: `python bench/capture_site.py`.

Every path gives the same drawn 2-megapixel JPEG with another comment in it, so that no two are the same bytes. Prints
its port and serves until its standard input ends.
"""

import asyncio
import hashlib
import struct
import sys

from triage.cli.practice.pictures import KINDS, draw_picture, encode

SIZE = (1632, 1224)


def draw_bases() -> list[bytes]:
    """Return a few drawn JPEGs of 2 megapixels."""
    return [
        encode(draw_picture(number, KINDS[number % len(KINDS)], SIZE), "JPEG", quality=88)
        for number in range(6)
    ]


def make_file(bases: list[bytes], path: str) -> bytes:
    """Return the file of one path: one of the drawn ones with the path as its comment."""
    base = bases[int.from_bytes(hashlib.sha256(path.encode()).digest()[:2], "big") % len(bases)]
    comment = path.encode()
    return base[:2] + b"\xff\xfe" + struct.pack(">H", len(comment) + 2) + comment + base[2:]


async def serve() -> None:
    """Answer every request, one a connection."""
    bases = draw_bases()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await reader.readline()).decode("latin-1")
            while await reader.readline() not in (b"\r\n", b""):
                pass
            body = make_file(bases, line.split(" ")[1])
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(b"HTTP/1.1 200 OK\r\n" + head.encode() + body)
            await writer.drain()
        except (ConnectionError, IndexError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
