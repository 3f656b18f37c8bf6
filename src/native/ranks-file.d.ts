/** The table of an encoding, packed and embedded: its path. */
declare module "*.ranks" {
  const path: string;
  export default path;
}
