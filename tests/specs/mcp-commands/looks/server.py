"""An MCP server over stdio, without a library: what is in stock, from a list of tab-separated values (STOCK)."""

import csv
import json
import os
import sys

with open(os.environ["STOCK"], encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file, delimiter="\t"))


def find(words):
    return [row for row in ROWS if all(word in row["name"].lower() for word in words.lower().split())]


def level(sku):
    return next((row for row in ROWS if row["sku"] == sku), None) or f"There is no article {sku}"


def order(sku, amount):
    return f"Ordered {amount} of {sku}"


def schema(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


TEXT = {"type": "string"}
TOOLS = {
    "find": (find, "Articles whose names have all these words", schema(words=TEXT), True),
    "level": (level, "How many there are of one article", schema(sku=TEXT), True),
    "order": (order, "Orders more of an article", schema(sku=TEXT, amount={"type": "integer"}), False),
}


def answer(method, params):
    if method == "initialize":
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "stock", "version": "1.0.0"},
        }
    if method == "tools/list":
        return {
            "tools": [
                {
                    "name": name,
                    "description": description,
                    "inputSchema": parameters,
                    "annotations": {"readOnlyHint": reads},
                }
                for name, (_, description, parameters, reads) in TOOLS.items()
            ]
        }
    if method == "tools/call":
        text = json.dumps(TOOLS[params["name"]][0](**params["arguments"]), ensure_ascii=False)
        return {"content": [{"type": "text", "text": text}]}
    return None


for line in sys.stdin:
    request = json.loads(line)
    if "id" not in request:
        continue
    result = answer(request["method"], request.get("params", {}))
    end = {"error": {"code": -32601, "message": "Method not found"}} if result is None else {"result": result}
    print(json.dumps({"jsonrpc": "2.0", "id": request["id"], **end}), flush=True)
