"""An MCP server that has a prompt, and no tools."""
import json
import sys

capabilities = {"prompts": {}}
for line in sys.stdin:
    message = json.loads(line)
    if message["method"] != "initialize":
        if "id" in message:
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "error": {"code": -32601, "message": "no"}}), flush=True)
        continue
    version = message["params"]["protocolVersion"]
    info = {"name": "small", "version": "1.0"}
    result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
