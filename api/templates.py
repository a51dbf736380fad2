"""The templates of a surface, escaped by default; a name that is missing in one is a mistake, not an empty text."""

from jinja2 import Environment, PackageLoader, StrictUndefined


def load_templates(package: str) -> Environment:
    """Return the environment of a package's folder `templates`.

    Args:
        package: the surface's package, such as `api.console`.
    """
    return Environment(
        loader=PackageLoader(package, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
