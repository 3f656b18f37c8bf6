"""An MCP server of few words. Its arguments say what is special about it."""
import json
import os
import sys
import time

modes = sys.argv[1:]
tools = [mode for mode in modes if not mode.startswith("-")] or ["echo"]


def say(message):
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def text(said):
    return {"content": [{"type": "text", "text": said}]}


def call(name, args):
    if name == "env":
        return text(" ".join(sorted(name for name in os.environ if args["of"] in name)))
    if name == "die":
        print("out of luck", file=sys.stderr, flush=True)
        os._exit(7)
    if name == "grow":
        tools.append("grown")
        say({"method": "notifications/tools/list_changed"})
        return text("there is more now")
    if name == "ask":
        say({"id": "q", "method": args["method"], "params": args.get("params", {})})
        answer = json.loads(sys.stdin.readline())
        return text(json.dumps(answer.get("result", answer.get("error")), sort_keys=True))
    if name == "huge":
        return text("a" * 10_000_000)
    if name == "picture":
        data = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        link = {"type": "resource_link", "uri": "note://1", "name": "first", "description": "A note"}
        return {"content": [{"type": "image", "data": data, "mimeType": "image/png"}, link]}
    return text(f"{name} {json.dumps(args, sort_keys=True)}")


def answer(method, params):
    if method == "initialize":
        version = "1999-01-01" if "-old" in modes else params["protocolVersion"]
        info = {"name": "small", "version": "1.0"}
        capabilities = {"tools": {"listChanged": True}, "resources": {}}
        says = {"instructions": open("says").read()} if "-says" in modes else {}
        return {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info, **says}
    if method == "tools/list":
        schema = {"type": "object"}
        odd = [{"name": name[5:], "inputSchema": "none"} for name in modes if name.startswith("-odd-")]
        return {"tools": [{"name": name, "description": f"Does {name}", "inputSchema": schema} for name in tools] + odd}
    if method == "tools/call":
        return call(params["name"], params.get("arguments", {}))
    if method == "resources/list":
        return {"resources": [{"uri": "note://1", "name": "first", "description": "A note"}]}
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "text": "remember the milk"}]}
    return None


if "-exit" in modes:
    print("no configuration", file=sys.stderr)
    sys.exit(3)
if "-silent" in modes:
    time.sleep(60)
if "-banner" in modes:
    print("Welcome to the small server")
if "-junk" in modes:
    print("HTTP/1.1 400 Bad Request\n\nthis is no MCP", flush=True)
    time.sleep(60)
if "-flood" in modes:
    for line in range(200_000):
        print("noise", line, file=sys.stderr)
for line in sys.stdin:
    message = json.loads(line)
    if "-shy" in modes and message.get("method") != "initialize" and "id" in message:
        sys.exit(1)
    modes = [mode for mode in modes if mode != "-shy"]
    if "id" not in message or "method" not in message:
        continue
    result = answer(message["method"], message.get("params", {}))
    missing = {"error": {"code": -32601, "message": "Method not found"}}
    say({"id": message["id"], **(missing if result is None else {"result": result})})
