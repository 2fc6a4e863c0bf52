# SPDX-License-Identifier: Apache-2.0
"""Results as JSON, with what Lambda's encoder knows beside the standard one."""
import sys
from decimal import Decimal
from json import JSONEncoder

from .failure import Fault

_ASCII = sys.version_info < (3, 12)
# Decimals must be written digit by digit, which the standard encoder cannot: it gets a
# marked string instead, and the marks and quotes are taken off afterwards. The mark is
# from a private-use plane, and the text is only searched when a Decimal was seen.
_MARK = "\U0010fff0dayfly\U0010fff1"


class _Encoder(JSONEncoder):
    seen = False

    def default(self, o):
        if isinstance(o, Decimal):
            if o.is_nan():
                return float("nan")
            self.seen = True
            return _MARK + str(o) + _MARK
        if isinstance(o, bytes):
            return str(o, "utf-8")
        return JSONEncoder.default(self, o)


_mark_text = JSONEncoder(ensure_ascii=_ASCII).encode(_MARK)[1:-1]
_plain_mark = _MARK


def _marshal(value, separators, ascii_only):
    encoder = _Encoder(separators=separators, ensure_ascii=ascii_only)
    try:
        text = encoder.encode(value)
        if encoder.seen:
            mark = _mark_text if ascii_only else _plain_mark
            text = text.replace('"' + mark, "").replace(mark + '"', "")
        return text.encode("utf-8")
    except Exception as exc:
        raise Fault("bad_response", "Runtime.MarshalError",
                    "Unable to marshal response: %s" % exc) from None


def event_json(value):
    """JSON as Lambda's runtime writes it: with spaces, escaped as its version does."""
    return _marshal(value, (", ", ": "), _ASCII)


def http_json(value):
    """JSON as the HTTP front of Lambda writes it: compact UTF-8."""
    return _marshal(value, (",", ":"), False)
