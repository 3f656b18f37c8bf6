/** The static executable that children are started through, embedded: its path. */
declare module "*/rein-jail" {
  const path: string;
  export default path;
}
