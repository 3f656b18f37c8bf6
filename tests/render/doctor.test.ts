import { expect, test } from "bun:test";
import type { ServiceCheck } from "../../src/core/service-check.ts";
import { doctorJson, doctorText } from "../../src/render/doctor.ts";

const works: ServiceCheck = {
  model: "anthropic/claude",
  name: "careful",
  variable: "TEAM_KEY",
  endpoint: "https://llm.example.com",
  state: "works",
  detail: null,
  time_ms: 1234,
  usage: { input: 9, output: 1, cached: 0, reasoning: 0 },
  tools: true,
};
const refused: ServiceCheck = {
  ...works,
  model: "openai/x",
  name: null,
  state: "refused",
  detail: "no\u001b[2J\nentry",
  time_ms: null,
  usage: null,
  tools: null,
};

test("rows are a table, and what went wrong is told below it, harmless for a terminal", () => {
  expect(doctorText([works, refused], false)).toBe(`\
MODEL                       STATE        KEY       ENDPOINT                 TIME  TOKENS       TOOLS
careful (anthropic/claude)  works        TEAM_KEY  https://llm.example.com  1.2s  9 in, 1 out  yes
openai/x                    key refused  TEAM_KEY  https://llm.example.com  -     -            -

openai/x: no␛[2J entry
`);
});

test("as JSON it is the rows themselves", () => {
  expect(JSON.parse(doctorJson([works, { ...refused, detail: "no" }]))).toEqual([works, { ...refused, detail: "no" }]);
});
