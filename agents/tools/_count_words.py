"""A tool in Python: the arguments are JSON on stdin, the answer is what it prints."""

import collections
import json
import re
import sys

given = json.load(sys.stdin)
text = given["text"]
words = re.findall(r"\w+", text.lower())
top = collections.Counter(words).most_common(given["top"])
json.dump(
    {"words": len(words), "lines": len(text.splitlines()), "characters": len(text), "top": dict(top)},
    sys.stdout,
    ensure_ascii=False,
)
