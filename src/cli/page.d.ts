/** A page of docs, taken into the executable by `with { type: "text" }`. */
declare module "*.md" {
  const text: string;
  export default text;
}
