import { expect, test } from "bun:test";
import { openScreen } from "../helpers/terminal.ts";

test("a whole result has its control characters in a file, and none of them reach a terminal raw", async () => {
  await using screen = openScreen(
    `rein run agent.yaml -P -q --session s > /dev/null 2>&1
    sh long.sh > long
    sum=$(sha256sum long | cut -d ' ' -f 1)
    rein sessions show s --whole "$sum" > file; cmp long file && echo the same
    rein sessions show s --whole "$sum"`,
    {
      "agent.yaml": `model: scripted/script.yaml
prompt: Print it
tools: [bash_exec]
permissions: { read: [.], run: [bash] }
`,
      "script.yaml": "[{ calls: [{ name: bash_exec, arguments: { command: sh long.sh } }] }, { text: Done }]",
      "long.sh": "printf '\\033]0;owned\\007\\n'; seq 20000",
    },
  );
  const { code, text } = await screen.end();
  expect(code).toBe(0);
  expect(text).toContain("the same\n␛]0;owned␇\n1\n2\n");
  expect(text).toEndWith("\n20000\n");
  expect(text.match(/(?!\n)\p{Cc}/gu) ?? []).toEqual([]);
});
