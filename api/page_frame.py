"""What all of the customer's pages share: head and tail, look, and the headers they are sent with.

No script, and nothing from elsewhere.
"""

from jinja2 import Environment

HEADERS = {
    # Forms send to this page alone. Nothing here rests on a cookie: whoever can send them has the
    # order's token, so there is no standing authority that another site could borrow.
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}

HEAD = """\
<!doctype html>
<html lang="{{ language }}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ words.title }} {{ number }}</title>
<link rel="stylesheet" href="/track/style.css">
</head>
<body>
<main>
<h1>{{ words.title }} <span>{{ number }}</span></h1>
"""
TAIL = """\
</main>
</body>
</html>
"""


ENVIRONMENT = Environment(autoescape=True)

STYLE = """\
body { font: 1.1rem/1.5 system-ui, sans-serif; color: #222; background: #fafafa; margin: 0; }
main { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; }
h1 span { white-space: nowrap; }
h2 { font-size: 1.25rem; line-height: 1.3; }
a { color: #14532d; }
ol { list-style: none; display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; }
ol li { padding: .4rem .8rem; border-radius: 1rem; background: #e4e4e4; color: #555; }
ol li.done { background: #1c6b3c; color: #fff; }
section { border-top: 1px solid #ccc; padding-bottom: .5rem; }
form { margin: 0 0 .5rem; }
form + form { margin-top: .5rem; }
fieldset { border: 1px solid #ccc; border-radius: .4rem; margin: 0; }
fieldset label { display: inline-block; padding: .4rem .6rem .4rem 0; }
input, select, textarea { font: inherit; box-sizing: border-box; max-width: 100%; padding: .4rem;
  border: 1px solid #888; border-radius: .4rem; background: #fff; color: inherit; }
input[type=number] { width: 4.5rem; margin-right: .5rem; }
input[type=radio] { margin: 0 .2rem 0 0; width: 1.2rem; height: 1.2rem; vertical-align: middle; }
select, textarea { display: block; width: 100%; }
button { font: inherit; min-height: 2.75rem; padding: .4rem 1rem; border-radius: .4rem;
  border: 1px solid #1c6b3c; background: #1c6b3c; color: #fff; cursor: pointer; }
button.quiet { background: #fff; color: #1c6b3c; }
.ended { font-weight: bold; }
.notice { border-left: .3rem solid #b25d00; padding-left: .8rem; }
"""
