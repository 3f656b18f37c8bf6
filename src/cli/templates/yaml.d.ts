/** A template that is embedded as text. */
declare module "*.yaml" {
  const text: string;
  export default text;
}
