"""Where a customer says how it was: a form on the page of their order, without a script."""

from collections.abc import Mapping
from typing import Any

Row = Mapping[str, Any]

WORDS = {
    "en": {
        "title": "How was it?",
        "score": "Your score, 5 is best",
        "comment": "Anything to add?",
        "send": "Send",
        "thanks": "Thank you for your answer.",
    },
    "tr": {
        "title": "Nasıl buldunuz?",
        "score": "Puanınız (en iyisi 5)",
        "comment": "Eklemek istediğiniz bir şey var mı?",
        "send": "Gönder",
        "thanks": "Yanıtınız için teşekkürler.",
    },
}

# What the page of the order renders with `feedback` (of `state`) and `how` (the words).
SECTION = """\
{% if feedback == "asked" %}<section>
<h2>{{ how.title }}</h2>
<form method="post" action="/track/{{ token }}/feedback">
<fieldset><legend>{{ how.score }}</legend>
{% for score in range(1, 6) %}<label><input type="radio" name="score" value="{{ score }}" required>\
 {{ score }}</label>
{% endfor %}</fieldset>
<p><label>{{ how.comment }}<br>
<textarea name="comment" rows="4" maxlength="2000"></textarea></label></p>
<button>{{ how.send }}</button></form>
</section>
{% elif feedback == "given" %}<p>{{ how.thanks }}</p>
{% endif %}"""


def state(row: Row) -> str:
    """Whether the customer is `asked`, has `given` an answer, or has nothing to speak of yet."""
    if row["feedback"]:
        return "given"
    return "asked" if row["fulfillment_status"] == "delivered" else ""
