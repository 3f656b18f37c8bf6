// A server as the SDK makes one: it has `connect`.
let count = 0;

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: { tools: {} },
    serverInfo: { name: "notes", version: "1" },
  }),
  "tools/list": () => ({ tools: [{ name: "count", inputSchema: { type: "object" } }] }),
  "tools/call": () => {
    console.log("counting");
    return { content: [{ type: "text", text: `${++count}` }] };
  },
};

export default function makeServer() {
  return {
    async connect(transport) {
      transport.onmessage = ({ id, method, params }) => {
        if (id === undefined) return;
        const result = answers[method]?.(params);
        const error = { code: -32601, message: "Method not found" };
        void transport.send({ jsonrpc: "2.0", id, ...(result === undefined ? { error } : { result }) });
      };
      await transport.start();
    },
  };
}
