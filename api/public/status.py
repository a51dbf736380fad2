"""The status page: GET shows the field, POST looks a receipt up. By POST, so that the code stays out of addresses."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from api.bodies import read_form
from api.deps import PublicTools, get_tools
from api.public.evenly import answer_evenly
from api.public.intake import find_subnet
from api.public.texts import choose_language
from triage.clock import utcnow
from triage.rules.receipts import ReceiptStatus, find_last_midnight, tell_status
from triage.steps.receive_report import digest_receipt
from triage.store.reports import count_items_of_receipt

router = APIRouter()
MAX_TEXT_BYTES = 4096
MAX_RECEIPT = 40


async def look_up(request: Request, tools: PublicTools, receipt: str) -> ReceiptStatus | None:
    """Return the coarse status of a receipt; None when there is no such receipt, after the same work and time.

    Raises:
        TooManyWaitingError: too many look-ups wait for their turn already.
    """
    subnet = find_subnet(request, tools)
    wait_s = tools.lookup_throttle.take(subnet, today=utcnow().date(), now=time.monotonic())
    await tools.waiting_room.wait(wait_s, subnet)
    async with answer_evenly():
        return await run_in_threadpool(find_status, tools, receipt[:MAX_RECEIPT])


def find_status(tools: PublicTools, receipt: str) -> ReceiptStatus | None:
    """Return the coarse status of a receipt; None when there is no such receipt."""
    digest = digest_receipt(receipt, tools.receipt_key)
    before = find_last_midnight(utcnow())
    counts = tools.database.run(lambda conn: count_items_of_receipt(conn, digest, before=before))
    status = tell_status(counts)
    return status if counts.items else None


@router.get("/status", response_class=HTMLResponse)
def show_status_form(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> HTMLResponse:
    """Show the field for a receipt."""
    language = choose_language(request.query_params.get("lang"), request.headers.get("accept-language"))
    return HTMLResponse(tools.renderer.render_status(language))


@router.post("/status", response_class=HTMLResponse)
async def post_status(request: Request, tools: Annotated[PublicTools, Depends(get_tools)]) -> HTMLResponse:
    """Look a receipt up."""
    form = await read_form(
        request,
        tools.vault,
        tools.intake_recipient,
        max_file_bytes=0,
        takes_files=False,
        max_text_bytes=MAX_TEXT_BYTES,
    )
    language = choose_language(form.text("lang"), request.headers.get("accept-language"))
    request.state.language = language  # for the page of an error
    receipt = form.text("receipt").strip()[:MAX_RECEIPT]
    status = await look_up(request, tools, receipt)
    if status is None:
        page = tools.renderer.render_status(language, error="field_receipt_unknown", receipt=receipt)
        return HTMLResponse(page, status_code=404)
    return HTMLResponse(tools.renderer.render_status(language, status.value))
