"""All pages of the console; each of these files exports its `router`."""

from fastapi import APIRouter

from api.console import (
    hand_on,
    hash_sets,
    held,
    home,
    hosting,
    join,
    look,
    people,
    queue,
    recipients,
    review,
    sendings,
    sign_in,
)

PAGES: tuple[APIRouter, ...] = (
    home.router,
    sign_in.router,
    join.router,
    people.router,
    queue.router,
    review.router,
    look.router,
    hand_on.router,
    held.router,
    hosting.router,
    sendings.router,
    recipients.router,
    hash_sets.router,
)
