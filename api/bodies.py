"""Request bodies: read as they stream in, with caps; files are sealed on the way and never spooled in clear."""

import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import rfc8785
from fastapi import Request
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from api.errors import UnsupportedBodyError
from api.patience import read_patiently
from triage.errors import InvalidReportError, TooLargeError
from triage.steps.receive_report import SealedUpload
from triage.vault import ObjectVault, SealingUpload

MAX_TEXT_BYTES = 12 * 2**20
"""Text of one report by a token."""

MAX_FORM_TEXT_BYTES = 2**20
"""Text of one report by the public form: 5 000 addresses of 200 characters."""

MAX_FILES = 20
_MAX_FIELDS = 100
Body = TypeVar("Body", bound=BaseModel)
MakeRoom = Callable[[], Awaitable[int]]
"""Says how many bytes of files may be stored, 0 for none; asked once, before the first of them."""


@dataclass(slots=True)
class ReadForm:
    """A form as it was read: text fields by name (all values), and files that are sealed already.

    Attributes:
        has_declined_files: files came for which there was no room; none of its files is stored.
    """

    fields: dict[str, list[str]] = field(default_factory=dict)
    uploads: list[SealedUpload] = field(default_factory=list)
    file_digests: list[str] = field(default_factory=list, repr=False)
    has_declined_files: bool = False

    def text(self, name: str) -> str:
        """Return the first value of a field; empty without one."""
        return self.fields.get(name, [""])[0]

    def digest(self) -> bytes:
        """Return 32 bytes that name what the form holds, whatever its boundary was."""
        return hashlib.sha256(
            rfc8785.dumps(
                {
                    "fields": {name: list(values) for name, values in sorted(self.fields.items())},
                    "files": [
                        [upload.file_name, digest]
                        for upload, digest in zip(self.uploads, self.file_digests, strict=True)
                    ],
                }
            )
        ).digest()


def check_length(request: Request, limit: int) -> None:
    """Refuse a body whose announced length is over the limit, before any of it is read.

    Raises:
        TooLargeError: it is.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise TooLargeError(f"The body may have at most {limit} bytes.")


async def read_bytes(request: Request, limit: int) -> bytes:
    """Read a whole body into memory.

    Raises:
        TooLargeError: it is over the limit.
        InvalidReportError: the sender went away.
    """
    check_length(request, limit)
    body = bytearray()
    async for chunk in _stream(request):
        body += chunk
        if len(body) > limit:
            raise TooLargeError(f"The body may have at most {limit} bytes.")
    return bytes(body)


def parse_body(data: bytes, kind: type[Body]) -> Body:
    """Return what a JSON body says.

    Raises:
        ValidationError: it is none of this kind; of the fields that it has no place for only one is named, since the
            list of what is wrong must not grow with the body.
        ValueError, RecursionError: it is not JSON.
    """
    said = json.loads(data)
    if isinstance(said, dict):
        strange = next((name for name in said if name not in kind.model_fields), None)
        said = {name: value for name, value in said.items() if name in kind.model_fields or name == strange}
    return kind.model_validate(said)


async def _stream(request: Request) -> AsyncIterator[bytes]:
    try:
        async for chunk in read_patiently(aiter(request.stream())):
            yield chunk
    except ClientDisconnect:
        raise InvalidReportError("The sender went away before the end.") from None
    except TimeoutError:
        raise InvalidReportError("The sender was too slow.") from None


@dataclass(slots=True)
class _FormReader:
    """Takes the parser's events: text into memory, files into the sealed intake area, or past it without room."""

    vault: ObjectVault
    recipient: str
    max_file_bytes: int
    takes_files: bool
    max_text_bytes: int
    make_room: MakeRoom | None
    text_parts: frozenset[str]
    takes_one: bool
    form: ReadForm = field(default_factory=ReadForm)
    _room: int | None = None
    _files: int = 0
    _passed_bytes: int | None = None
    _segment: MultipartSegment | None = None
    _text: bytearray = field(default_factory=bytearray)
    _text_bytes: int = 0
    _upload: SealingUpload | None = None
    _digest: "hashlib._Hash | None" = None

    async def begin(self, segment: MultipartSegment) -> None:
        """Begin a part."""
        self._segment = segment
        self._text.clear()
        if segment.filename and segment.name not in self.text_parts:
            if not self.takes_files:
                raise InvalidReportError("Files are not taken here.")
            if self.takes_one and self._files:
                raise InvalidReportError("One file at a time.")
            if self._files >= MAX_FILES:
                raise InvalidReportError(f"A report may hold at most {MAX_FILES} files.")
            if self._files == 0 and self.make_room is not None:
                self._room = await self.make_room()
                self.form.has_declined_files = self._room == 0
            self._files += 1
            if self.form.has_declined_files:
                self._passed_bytes = 0
                return
            self._digest = hashlib.sha256()
            self._upload = self.vault.start_intake(self.recipient, self.max_file_bytes)

    async def take(self, chunk: bytes) -> None:
        """Take some bytes of the part."""
        if self._passed_bytes is not None:
            self._passed_bytes += len(chunk)
            if self._passed_bytes > self.max_file_bytes:
                raise TooLargeError(f"A file may have at most {self.max_file_bytes} bytes.")
            return
        if self._upload is not None and self._digest is not None:
            if self._room is not None:
                self._room -= len(chunk)
                if self._room < 0:
                    await self._decline(len(chunk))
                    return
            self._digest.update(chunk)
            await run_in_threadpool(self._upload.write, chunk)
            return
        self._text_bytes += len(chunk)
        if self._text_bytes > self.max_text_bytes:
            raise TooLargeError(f"The fields may have at most {self.max_text_bytes} bytes.")
        self._text += chunk

    async def end(self) -> None:
        """End the part."""
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if self._passed_bytes is not None:
            self._passed_bytes = None
            return
        if self._upload is not None and self._digest is not None:
            upload, self._upload = self._upload, None
            await run_in_threadpool(upload.finish)
            self.form.uploads.append(SealedUpload(upload.name, segment.filename or "", upload.clear_bytes))
            self.form.file_digests.append(self._digest.hexdigest())
            return
        try:
            value = self._text.decode("utf-8")
        except UnicodeDecodeError:
            raise InvalidReportError("A field is not UTF-8 text.") from None
        if segment.name and not (segment.filename == "" and not value):  # an empty file field is no field
            self.form.fields.setdefault(segment.name, []).append(value)

    async def _decline(self, chunk_bytes: int) -> None:
        """Store no file of this form after all: more came than was announced."""
        self._passed_bytes = self._upload.clear_bytes + chunk_bytes if self._upload else chunk_bytes
        await self.give_up()
        self._upload = None
        self.form.uploads.clear()
        self.form.file_digests.clear()
        self.form.has_declined_files = True

    async def give_up(self) -> None:
        """Remove what was stored; nothing of a refused form stays."""
        if self._upload is not None:
            await run_in_threadpool(self._upload.give_up)
        await discard_uploads(self.vault, self.form)


async def read_form(
    request: Request,
    vault: ObjectVault,
    recipient: str,
    *,
    max_file_bytes: int,
    takes_files: bool,
    max_text_bytes: int = MAX_TEXT_BYTES,
    make_room: MakeRoom | None = None,
    text_parts: frozenset[str] = frozenset(),
    takes_one: bool = False,
) -> ReadForm:
    """Read a multipart form as it streams in; each file is sealed to `recipient` on the way.

    Args:
        make_room: who says how much may be stored; files beyond are read past, and the form says so. None: no bound
            but that of each file.
        text_parts: names of parts that are text, even where the sender gives them the name of a file.
        takes_one: a second file is refused before a byte of it is stored.

    Raises:
        UnsupportedBodyError: it is no multipart form.
        InvalidReportError: it is broken, or holds too many parts, or files where none are taken.
        TooLargeError: a file or the text is too large.
        StorageError: the store refused.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get("boundary", "")
    if kind != "multipart/form-data" or not boundary:
        raise UnsupportedBodyError
    most_files = (1 if takes_one else MAX_FILES) if takes_files else 0
    check_length(request, max_text_bytes + most_files * max_file_bytes)
    reader = _FormReader(
        vault, recipient, max_file_bytes, takes_files, max_text_bytes, make_room, text_parts, takes_one
    )
    try:
        with PushMultipartParser(boundary, max_segment_count=_MAX_FIELDS, strict=True) as parser:
            async for chunk in _stream(request):
                for event in parser.parse(chunk):
                    if isinstance(event, MultipartSegment):
                        await reader.begin(event)
                    elif event:
                        await reader.take(bytes(event))
                    else:
                        await reader.end()
    except MultipartError:
        await reader.give_up()
        raise InvalidReportError("The form is broken or cut off.") from None
    except BaseException:
        await reader.give_up()
        raise
    return reader.form


async def discard_uploads(vault: ObjectVault, form: ReadForm) -> None:
    """Delete the sealed files of a form that is not stored."""
    for upload in form.uploads:
        await run_in_threadpool(_discard, vault, upload.name)


def _discard(vault: ObjectVault, name: str) -> None:
    from triage.errors import StorageError
    from triage.vault import INTAKE

    try:
        vault.delete(INTAKE, name)
    except StorageError:
        return  # the sweep of orphans takes it
