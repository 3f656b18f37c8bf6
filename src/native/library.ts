import { readFileSync } from "node:fs";
import so from "../../dist/native/librein_core.so" with { type: "file" };
import { NativeLibrary } from "./border.ts";

/** The library that all of rein uses. */
const library = new NativeLibrary("rein_core", () => readFileSync(so));

export const call = library.call.bind(library);
export const callText = library.callText.bind(library);
export const start = library.start.bind(library);
