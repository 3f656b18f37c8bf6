import { writeFileSync } from "node:fs";
import { tool } from "rein/tool";
writeFileSync("started", "");
export default tool({ name: "mark", description: "Marks", run: () => "done" });
