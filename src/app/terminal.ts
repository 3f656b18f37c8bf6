export { runOnTerminal } from "../host/editor.ts";
