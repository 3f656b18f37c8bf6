export const notes = "none";
