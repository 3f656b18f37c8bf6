"""A language server that knows one definition."""
import json
import sys

while True:
    length = 0
    while (line := sys.stdin.buffer.readline()) not in (b"\r\n", b""):
        length = int(line.split(b":")[1])
    if line == b"":
        break
    message = json.loads(sys.stdin.buffer.read(length))
    if "id" not in message:
        continue
    root = message["params"].get("rootUri") or message["params"].get("textDocument", {}).get("uri", "").rsplit("/", 1)[0]
    place = {"start": {"line": 0, "character": 4}, "end": {"line": 0, "character": 8}}
    answers = {
        "initialize": {"capabilities": {}},
        "textDocument/definition": [{"uri": root + "/shapes.py", "range": place}, {"uri": "file:///etc/shadow", "range": place}],
    }
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": answers.get(message["method"])}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()
