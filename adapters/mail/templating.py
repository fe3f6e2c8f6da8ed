"""The templates of one language, drawn as HTML or as plain text; built once per process."""

import io
from functools import cache
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    Environment,
    FileSystemLoader,
    StrictUndefined,
)
from mjml import mjml2html

from adapters.mail import formats

TEMPLATES = Path(__file__).parent / "templates"
LOCALES = Path(__file__).parent / "locales"
LANGUAGES = frozenset({"en", *(path.name for path in LOCALES.iterdir() if path.is_dir())})
_CATALOG = Path("LC_MESSAGES", "mail.po")


@cache
def environment(language: str, *, html: bool) -> Environment:
    """Jinja with the words of `language` and the layout and kit of one drawing.

    The milestone templates know only the names `layout`, `kit` and `parts`.
    """
    jinja = Environment(
        loader=ChoiceLoader([_drawing(html=html), FileSystemLoader(TEMPLATES)]),
        extensions=["jinja2.ext.i18n"],
        # The text part is not HTML: an escaped name would read `D&#39;Artagnan` there.
        autoescape=html,  # noqa: S701 on for HTML, which is where it protects
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    jinja.filters["wrap"] = formats.wrap
    jinja.install_gettext_translations(  # type: ignore[attr-defined] # added by the extension
        translations(language), newstyle=True
    )
    jinja.globals["language"] = language
    jinja.globals["layout"] = "layout"
    jinja.globals["kit"] = jinja.get_template("kit").module
    jinja.globals["parts"] = jinja.get_template("parts.jinja").module
    return jinja


def _drawing(*, html: bool) -> BaseLoader:
    if html:
        layout, kit = compiled_mjml()
    else:
        layout = (TEMPLATES / "mail.txt.jinja").read_text(encoding="utf-8")
        kit = (TEMPLATES / "kit.txt.jinja").read_text(encoding="utf-8")
    return DictLoader({"layout": layout, "kit": kit})


@cache
def compiled_mjml() -> tuple[str, str]:
    """mail.mjml as HTML that is still a template: the layout, and the macros cut out of it.

    MJML leaves Jinja's braces alone, so it is compiled once and Jinja fills in the result.
    """
    compiled = mjml2html((TEMPLATES / "mail.mjml").read_text(encoding="utf-8"), fonts={})
    start = compiled.index("{% macro")
    end = compiled.rindex("{% endmacro %}") + len("{% endmacro %}")
    return compiled[:start] + compiled[end:], compiled[start:end]


@cache
def translations(language: str) -> NullTranslations:
    """The words of `language`, compiled from their .po in memory: no binary that can go stale.

    English is what the templates are written in and has no catalog.
    """
    catalog = LOCALES / language / _CATALOG
    if not catalog.exists():
        return NullTranslations()
    compiled = io.BytesIO()
    with catalog.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)
