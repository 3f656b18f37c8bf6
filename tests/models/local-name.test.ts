import { expect, test } from "bun:test";
import { localPath, modelName, modelsFolder, type LocalPlaces } from "../../src/models/local-name.ts";

const file = "SmolLM2-135M-Instruct.Q4_1.gguf";

function path(id: string, files: string[] = [], places: Partial<LocalPlaces> = {}): string {
  const all = { folder: "/models", base: "/work", home: "/home/ada", files: () => files, ...places };
  const found = localPath(id, all);
  return found.ok ? found.value : `${found.error.message}; ${found.error.hint}`;
}

test("what begins like a path is one, and is not looked for in the models folder", () => {
  expect(path("./x.gguf")).toBe("/work/x.gguf");
  expect(path("../x.gguf")).toBe("/work/../x.gguf");
  expect(path("/data/x.gguf")).toBe("/data/x.gguf");
  expect(path("~/x.gguf")).toBe("/home/ada/x.gguf");
  expect(path("~/x.gguf", [], { home: undefined })).toStartWith("Cannot use model 'local/~/x.gguf': HOME is not set");
});

test("a name is a file of the models folder, with or without its ending", () => {
  expect(path("qwen", ["qwen.gguf"])).toBe("/models/qwen.gguf");
  expect(path("qwen.gguf", ["qwen.gguf"])).toBe("/models/qwen.gguf");
  expect(path("qwen", ["qwen", "qwen.gguf.part"])).toBe(
    "Cannot use model 'local/qwen': there is no such file in '/models'; 'rein models list' shows what is there",
  );
  expect(path("qwem", ["qwen.gguf"])).toEndWith("did you mean 'local/qwen'?");
});

test("a name that rein knows is its file, unless a file has that very name", () => {
  expect(path("smollm2", [file])).toBe(`/models/${file}`);
  expect(path("smollm2", [file, "smollm2.gguf"])).toBe("/models/smollm2.gguf");
  expect(path("smollm2")).toBe(
    "Cannot use model 'local/smollm2': it is not here; get it with 'rein models pull smollm2'",
  );
  expect(path("smolm2")).toEndWith("did you mean 'local/smollm2'?");
  expect(modelName(file)).toBe("smollm2");
});

test("no name leads out of the models folder", () => {
  const files = ["x.gguf", "../x.gguf", "..", "a/b.gguf", ".hidden.gguf"];
  for (const id of ["a/b", "..", ".hidden", "", "a\0b", "..gguf"]) {
    expect({ id, path: path(id, files) }).toEqual({ id, path: expect.stringMatching(/^Cannot use model/) });
  }
});

test("without a models folder only paths can be named", () => {
  expect(path("x", [], { folder: undefined })).toBe(
    "Cannot use model 'local/x': there is no models folder; set REIN_MODELS, or name a path: 'local/./…'",
  );
  expect(path("/x.gguf", [], { folder: undefined })).toBe("/x.gguf");
});

test("the models folder is the variable's, else in the user's cache", () => {
  const folder = (REIN_MODELS?: string, XDG_CACHE_HOME?: string, HOME?: string) =>
    modelsFolder({ REIN_MODELS, XDG_CACHE_HOME, HOME }, "/work");
  expect(folder("/m", "/c", "/h")).toBe("/m");
  expect(folder("m", "/c", "/h")).toBe("/work/m");
  expect(folder("", "/c", "/h")).toBe("/c/rein/models");
  expect(folder(undefined, "relative", "/h")).toBe("/h/.cache/rein/models");
  expect(folder(undefined, undefined, "h")).toBeUndefined();
});
