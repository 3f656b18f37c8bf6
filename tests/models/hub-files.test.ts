import { expect, test } from "bun:test";
import { chooseFile, namedFile } from "../../src/models/hub-files.ts";

const GB = 1e9;
/** Files of so many gigabytes each. */
const files = (sizes: Record<string, number>) =>
  Object.entries(sizes).map(([path, size]) => ({ path, size: size * GB }));

function chosen(sizes: Record<string, number>, memory = 16): string {
  const file = chooseFile("acme/x", files(sizes), memory * GB);
  return file.ok ? file.value.path : `${file.error.message}; ${file.error.hint}`;
}

test("Q4_K_M comes first, then other 4-bit files, however the name is written", () => {
  const all = { "m-Q8_0.gguf": 8, "m-Q4_0.gguf": 4, "m-IQ4_XS.gguf": 4, "m-Q4_K_S.gguf": 4, "m-Q4_K_M.gguf": 5 };
  expect(chosen(all)).toBe("m-Q4_K_M.gguf");
  expect(chosen({ "m.q5_k_m.gguf": 5, "m.q4_0.gguf": 4, "m.iq4_xs.gguf": 4 })).toBe("m.iq4_xs.gguf");
  expect(chosen({ "M-UD-Q4_K_XL.gguf": 5, "M-BF16.gguf": 14 })).toBe("M-UD-Q4_K_XL.gguf");
  expect(chosen({ "m-mxfp4.gguf": 11, "m-F16.gguf": 14 })).toBe("m-mxfp4.gguf");
});

test("a file fits when a quarter of the memory is left", () => {
  const sizes = { "m-Q4_K_M.gguf": 6.1, "m-Q4_0.gguf": 6, "m-Q8_0.gguf": 11 };
  expect(chosen(sizes, 16)).toBe("m-Q4_K_M.gguf");
  expect(chosen(sizes, 8)).toBe("m-Q4_0.gguf");
  expect(chosen(sizes, 7)).toBe(
    "Cannot pull 'acme/x': no 4-bit file fits into 7.0 GB of memory; 'm-Q4_0.gguf' has 6.0 GB; name the file: 'rein models pull acme/x:m-Q4_0.gguf' is the smallest",
  );
});

test("a repository with a single file needs no choice, one without a 4-bit file does", () => {
  expect(chosen({ "m-Q8_0.gguf": 100, "README.md": 0 })).toBe("m-Q8_0.gguf");
  expect(chosen({ "m-Q8_0.gguf": 8, "m-Q2_K.gguf": 3 })).toBe(
    "Cannot pull 'acme/x': none of its 2 GGUF files is known to be of 4 bits; name the file: 'rein models pull acme/x:m-Q2_K.gguf' is the smallest",
  );
});

test("parts of a model, image encoders and calibration data are never chosen", () => {
  const others = { "mmproj-Q4_K_M.gguf": 1, "m.imatrix-Q4_K_M.gguf": 1, "m-Q4_K_M-00001-of-00002.gguf": 3 };
  expect(chosen({ ...others, "m-Q4_0.gguf": 4, "m-Q8_0.gguf": 8 })).toBe("m-Q4_0.gguf");
  expect(chosen(others)).toStartWith("Cannot pull 'acme/x': its GGUF files are split in 2 parts and more");
});

test("a file is named by its path, or by its last part where only one has it", () => {
  const list = files({ "a/x.gguf": 1, "b/x.gguf": 1, "b/y.gguf": 1 });
  expect(namedFile(list, "a/x.gguf")?.path).toBe("a/x.gguf");
  expect(namedFile(list, "y.gguf")?.path).toBe("b/y.gguf");
  expect(namedFile(list, "x.gguf")).toBeUndefined();
});
