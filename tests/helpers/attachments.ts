/** The smallest files of each kind that a model is shown: images of one pixel, and a PDF of one empty page. */
import { join } from "node:path";

const read = (name: string) => Bun.file(join(import.meta.dir, "fixtures", name)).bytes();

export const png = await read("pixel.png");
export const jpeg = await read("pixel.jpg");
export const gif = await read("pixel.gif");
export const webp = await read("pixel.webp");
export const pdf = await read("page.pdf");
