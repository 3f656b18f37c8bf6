/** The list of prices, embedded: its path. */
declare module "*.prices" {
  const path: string;
  export default path;
}
