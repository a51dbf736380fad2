"""The static files of the console: what its pages may ask for besides pages. Nothing else of the folder is served."""

from api.static_files import load_static_files

STATIC_FILES = load_static_files(
    "api.console",
    (
        "alike.css",
        "console.css",
        "htmx-4.0.1.min.js",
        "panic.js",
        "passkeys.js",
        "review.css",
        "review.js",
        "session.js",
    ),
)
"""Templates write their tags with `style("name.css")` and `script("name.js")`."""
