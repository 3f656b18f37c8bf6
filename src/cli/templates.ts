import files from "./templates/files.yaml" with { type: "text" };
import filter from "./templates/filter.yaml" with { type: "text" };
import local from "./templates/local.yaml" with { type: "text" };
import minimal from "./templates/minimal.yaml" with { type: "text" };
import review from "./templates/review.yaml" with { type: "text" };

/** What a new agent file can begin as. In `text` and `next`, which is the command to try, FILE stands for its path. */
export const templates: Readonly<Record<string, { text: string; next: string }>> = {
  minimal: { text: minimal, next: "rein run FILE 'Why is the sky blue?'" },
  filter: { text: filter, next: "git log -3 | rein run FILE" },
  review: { text: review, next: "git diff | rein run -P FILE" },
  files: { text: files, next: "rein run -P FILE 'What is in this folder?'" },
  local: { text: local, next: "rein models pull smollm2 && echo 'It broke' | rein run FILE" },
};
